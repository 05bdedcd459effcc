"""From settings to the observers that are asked, and to the check of their tips against the clock.

In: settings. Out: what opens each observer, in the order in which they are asked, or the one that asks all of them at
once and wants so many to agree; and a ``TipWatch`` where the genesis of the network is known.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from functools import partial

from chain_reader import AgreementObserver, ChainObserver, NetworkGenesis, genesis_of
from chain_reader.genesis import EpochCalendar
from chain_reader.providers.tip_check import TipWatch
from chain_reader.providers.transport.limits import Clock
from era_service.config.schema import Settings
from era_service.wiring.genesis import calendar_of, configured_genesis
from era_service.wiring.providers import open_provider, providers_of
from era_service.wiring.trust import EraPlaceNeededError, era_place
from eras import EraSwitchError


def openings_of(settings: Settings) -> tuple[Callable[[], ChainObserver], ...]:
    """Openers of the observers, to be asked one after the other until one answers; the caller closes what they open.

    Opening raises what ``open_provider`` and ``open_agreement`` raise.
    """
    if settings.follower.leader is not None:
        from era_service.wiring.leader import open_leader, require_follower

        require_follower(settings)
        return (partial(open_leader, settings),)
    providers = providers_of(settings)
    if settings.reader.agreement is not None and providers:
        return (partial(open_agreement, settings),)
    return tuple(partial(open_provider, provider, settings) for provider in providers)


def open_agreement(settings: Settings) -> AgreementObserver:
    """The observer that asks every provider, and answers what so many agree on; closing it closes all.

    Raises:
        ConfigurationError: there are fewer providers than must agree, or one cannot be used.
        StoreError: one is a local chain, and there is none.
    """
    needed = settings.reader.agreement or 1
    keys = []
    with suppress(EraPlaceNeededError):  # then it is no payload that they must agree on
        keys.append(era_place(settings)[1])
    with ExitStack() as opened:
        observers = []
        for provider in providers_of(settings):
            observers.append(open_provider(provider, settings))
            opened.callback(observers[-1].close)
        made = AgreementObserver(observers, needed, keys=keys, deadline_s=settings.limits.read_deadline_s)
        opened.pop_all()
    return made


def known_calendar(settings: Settings) -> EpochCalendar:
    """When epochs begin, as of now: as configured, else by the first provider that knows (``calendar_of``).

    Raises:
        ConfigurationError: as ``configured_genesis``.
    """
    calendar = calendar_of(settings)
    for opening in openings_of(settings):
        if calendar.genesis is not None:
            break
        with suppress(EraSwitchError), closing(opening()) as observer:  # a date is not worth an error
            calendar = calendar_of(settings, observer)
    return calendar


def tip_watch(
    settings: Settings,
    observer: ChainObserver,
    clock: Callable[[], float] = time.time,
    told: Callable[[NetworkGenesis], None] | None = None,
) -> TipWatch | None:
    """The check of the observer's tips against the clock; ``None`` where the genesis of the network is not known.

    Args:
        settings: what is configured.
        observer: whose tips they are.
        clock: POSIX time in seconds.
        told: called with the genesis of the observer's network, where it is known.

    Raises:
        ProviderOfOtherNetworkError: the observer is of another network.
        ChainReadError: it could not be reached to learn its network.
        ConfigurationError: the genesis of the network cannot be.
    """
    genesis = configured_genesis(settings)
    of_provider = genesis_of(observer, settings.network.magic)
    if told is not None and of_provider is not None:
        told(of_provider)
    if genesis is None:
        return None
    others = observer.tips if isinstance(observer, AgreementObserver) else dict
    return TipWatch(
        genesis,
        clock=Clock(posix=clock),
        tolerance_s=settings.reader.max_tip_age_s,
        others=lambda: others().values(),
    )

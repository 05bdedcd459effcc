"""From settings to the observers that are asked, and to the check of their tips against the clock.

In: settings. Out: what opens each observer, in the order in which they are asked, or the one that asks all of them at
once and wants so many to agree; and a ``TipWatch`` where the genesis of the network is known.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from era_service.wiring.providers import open_provider, providers_of
from eras import ConfigurationError

if TYPE_CHECKING:
    from chain_reader import AgreementObserver, ChainObserver, NetworkGenesis, TipWatch
    from era_service.config.schema import Settings


def openings_of(settings: "Settings") -> "tuple[Callable[[], ChainObserver], ...]":
    """What opens each observer, to be asked one after the other until one answers; the caller closes what it opens.

    Opening raises what ``open_provider`` and ``open_agreement`` raise.
    """
    if settings.follower.leader is not None:
        from era_service.follower.sync import open_leader, require_follower

        require_follower(settings)
        return (partial(open_leader, settings),)
    providers = providers_of(settings)
    if settings.reader.agreement is not None and providers:
        return (partial(open_agreement, settings),)
    return tuple(partial(open_provider, provider, settings) for provider in providers)


def open_agreement(settings: "Settings") -> "AgreementObserver":
    """The observer that asks every provider, and answers what so many agree on; closing it closes all.

    Raises:
        ConfigurationError: there are fewer providers than must agree, or one cannot be used.
        StoreError: one is a local chain, and there is none.
    """
    from chain_reader import AgreementObserver
    from era_service.wiring.trust import EraPlaceNeededError, era_place

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


def configured_genesis(settings: "Settings") -> "NetworkGenesis | None":
    """The genesis of the network, where it is configured or a public one's.

    Raises:
        ConfigurationError: it is configured by half, or cannot be.
    """
    from chain_reader import PUBLIC_GENESES, NetworkGenesis

    network = settings.network
    if network.magic is not None and network.magic in PUBLIC_GENESES:
        return PUBLIC_GENESES[network.magic]
    start, slot, epoch = network.system_start_s, network.slot_length_s, network.epoch_length
    if (start, slot, epoch) == (None, None, None):
        return None
    if start is None or slot is None or epoch is None or network.magic is None:
        raise ConfigurationError(
            "The genesis of the network is configured by half",
            expected="magic, system_start_s, slot_length_s and epoch_length",
            got="some of them",
            next_step="Complete them under [network], or take all of them out",
        )
    coefficient = Fraction(str(network.active_slots_coefficient))
    return NetworkGenesis(network.magic, start, slot, epoch, coefficient)


def tip_watch(
    settings: "Settings", observer: "ChainObserver", clock: Callable[[], float] = time.time
) -> "TipWatch | None":
    """The check of the observer's tips against the clock; ``None`` where the genesis of the network is not known.

    Args:
        settings: what is configured.
        observer: whose tips they are.
        clock: POSIX time in seconds.

    Raises:
        ProviderOfOtherNetworkError: the observer is of another network.
        ChainReadError: it could not be asked which it is of.
        ConfigurationError: the genesis of the network cannot be.
    """
    from chain_reader import AgreementObserver, Clock, TipWatch, genesis_of

    genesis = configured_genesis(settings)
    genesis_of(observer, settings.network.magic)
    if genesis is None:
        return None
    others = observer.tips if isinstance(observer, AgreementObserver) else dict
    return TipWatch(
        genesis,
        clock=Clock(posix=clock),
        tolerance_s=settings.reader.max_tip_age_s,
        others=lambda: others().values(),
    )

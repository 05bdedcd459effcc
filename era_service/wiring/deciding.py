"""From settings to the observers, the check of their tips against the clock, the deciding core, and the reader.

In: settings, a store. Out: the observers in the order in which they are asked, or one that requires agreement among
them; a ``TipWatch`` if the genesis of the network is known; and the one way from the chain to the era in force.
``status``, ``serve``, ``watch``, ``marker show`` and the sessions of the release team all use it, so that they answer
alike from the same store.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from functools import partial

from chain_reader import AgreementObserver, ChainObserver, NetworkGenesis, TrustPolicy, genesis_of
from chain_reader.configuration_reader import ConfigurationReader
from chain_reader.genesis import EpochCalendar
from chain_reader.log.recorder import LogLimits, NodeCore
from chain_reader.node.core import NodeSettings
from chain_reader.node.source import EvidenceSource
from chain_reader.providers.failover import Failover
from chain_reader.providers.tip_check import TipWatch
from chain_reader.providers.transport.limits import Clock
from chain_reader.trusted_reader import TrustedReader
from era_service.config.schema import Settings
from era_service.wiring.genesis import calendar_of, clock_epoch, configured_genesis
from era_service.wiring.providers import open_provider, providers_of
from era_service.wiring.trust import EraPlaceNeededError, configuration_policy, era_place, trust_policy
from era_store import MemoryStore, Store
from eras import ChainReadError, ConfigurationError, EraSwitchError, StoreError, SupportedEras


def openings_of(settings: Settings) -> tuple[Callable[[], ChainObserver], ...]:
    """Functions that open the observers, which are asked in order until one answers; the caller closes them.

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
    """The observer that asks every provider, and answers if enough of them agree; closing it closes all.

    Raises:
        ConfigurationError: there are fewer providers than must agree, or one cannot be used.
        StoreError: one is a local chain, and there is none.
    """
    needed = settings.reader.agreement or 1
    keys = []
    with suppress(EraPlaceNeededError):  # then they need not agree on a payload
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
    """The dates of epochs, as of now: as configured, else by the first provider that knows (``calendar_of``).

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
    on_genesis: Callable[[NetworkGenesis], None] | None = None,
) -> TipWatch | None:
    """The check of the observer's tips against the clock; ``None`` if the genesis of the network is not configured.

    Args:
        settings: the settings.
        observer: the observer.
        clock: POSIX time in seconds.
        on_genesis: called with the genesis of the observer's network, if it reports one.

    Raises:
        ProviderOfOtherNetworkError: the observer is of another network.
        ChainReadError: it could not be reached to learn its network.
        ConfigurationError: the genesis of the network is not possible.
    """
    genesis = configured_genesis(settings)
    of_provider = genesis_of(observer, settings.network.magic)
    if on_genesis is not None and of_provider is not None:
        on_genesis(of_provider)
    if genesis is None:
        return None
    others = observer.tips if isinstance(observer, AgreementObserver) else dict
    return TipWatch(
        genesis,
        clock=Clock(posix=clock),
        tolerance_s=settings.reader.max_tip_age_s,
        others=lambda: others().values(),
    )


def providers_in_order(
    settings: Settings,
    clock: Callable[[], float] = time.time,
    on_genesis: Callable[[NetworkGenesis], None] | None = None,
) -> Failover:
    """The configured providers, asked in order, each checked against network, genesis and clock; the caller closes it.

    Args:
        settings: the settings.
        clock: POSIX time in seconds.
        on_genesis: called with the genesis that a provider reports when it is first asked.

    Raises:
        ConfigurationError: the leader that is configured cannot be followed.
    """
    return Failover(
        openings_of(settings), admit=lambda observer: tip_watch(settings, observer, clock, on_genesis), clock=clock
    )


def tried_providers(settings: Settings) -> Failover:
    """The configured providers, after one of them has answered a whole reading; the caller closes them.

    Raises:
        ConfigurationError: they cannot be used, or none answers.
    """
    providers = providers_in_order(settings)
    try:
        source = EvidenceSource(providers, trust_policy(settings), MemoryStore())
        source.gather(clock_epoch(settings))
    except BaseException as error:
        providers.close()
        if not isinstance(error, ChainReadError | StoreError):
            raise
        raise ConfigurationError(
            "The providers of the new configuration cannot be read",
            expected="one that answers, of the configured network",
            got=str(error),
            next_step="Correct reader.providers, or wait until the provider answers; then reload again",
        ) from error
    return providers


def open_core(
    settings: Settings,
    store: Store,
    policy: TrustPolicy | None = None,
    *,
    name: str | None = None,
    clock: Callable[[], float] = time.time,
    told: Mapping[str, str] | None = None,
) -> NodeCore:
    """The deciding core, on the memory in ``store``.

    Args:
        settings: the settings.
        store: the store, which the caller closes.
        policy: the policy of trust, instead of that of ``settings`` for era markers.
        name: the name of the node whose event log is kept; ``None`` keeps no log.
        clock: POSIX time in seconds.
        told: as in ``NodeCore``.

    Raises:
        ConfigurationError: the settings cannot be used.
        StoreError: the remembered trust cannot be read, or is damaged.
    """
    network, events = settings.network, settings.events
    return NodeCore(
        NodeSettings(policy or trust_policy(settings), SupportedEras(network.supported_eras), network.notice_epochs),
        store,
        limits=LogLimits(events.max_bytes, events.snapshot_every),
        name=name or "",
        clock=clock,
        logged=name is not None,
        told=told,
    )


def open_reader(
    settings: Settings,
    store: Store,
    providers: Failover,
    policy: TrustPolicy | None = None,
    *,
    name: str | None = None,
    clock: Callable[[], float] = time.time,
) -> TrustedReader:
    """The reader of what is in force: era markers, or those of ``policy``.

    Args:
        settings: as in ``open_core``.
        store: as in ``open_core``; the trust in each kind of marker is stored separately.
        providers: the providers, which the caller closes.
        policy: as in ``open_core``.
        name: as in ``open_core``.
        clock: POSIX time in seconds.

    Raises:
        ConfigurationError, StoreError: as ``open_core``.
    """
    policy = policy or trust_policy(settings)
    source = EvidenceSource(providers, policy, store)
    core = open_core(settings, store, policy, name=name, clock=clock, told=source.told)
    return TrustedReader(source, policy, clock=clock, core=core)


def open_configuration_reader(
    settings: Settings,
    store: Store,
    providers: Failover,
    *,
    name: str | None = None,
    clock: Callable[[], float] = time.time,
) -> ConfigurationReader | None:
    """The reader of the protocol configurations in force, as ``open_reader``; ``None`` if they are not enabled.

    Raises:
        ConfigurationError, StoreError: as ``open_core``.
    """
    policy = configuration_policy(settings)
    if policy is None:
        return None
    return ConfigurationReader(open_reader(settings, store, providers, policy, name=name, clock=clock))

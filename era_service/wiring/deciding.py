"""From settings to what decides: the providers, the core, and the reader that every command shares.

In: settings, a store. Out: the one road from the chain to the era in force. ``status``, ``serve``, ``watch``,
``marker show`` and the sessions of the release team all take it, so that they answer alike from the same store.
"""

import time
from collections.abc import Callable

from chain_reader import ChainObserver, NetworkGenesis, TrustPolicy
from chain_reader.configuration_reader import ConfigurationReader
from chain_reader.log.recorder import LogLimits, NodeCore
from chain_reader.node.core import NodeSettings
from chain_reader.node.source import EvidenceSource
from chain_reader.providers.failover import Failover, TipChecker
from chain_reader.trusted_reader import TrustedReader
from era_service.config.schema import Settings
from era_service.wiring.genesis import clock_epoch
from era_service.wiring.observers import openings_of, tip_watch
from era_service.wiring.trust import configuration_policy, trust_policy
from era_store import MemoryStore, Store
from eras import ChainReadError, ConfigurationError, StoreError, SupportedEras


def providers_in_order(
    settings: Settings,
    clock: Callable[[], float] = time.time,
    told: Callable[[NetworkGenesis], None] | None = None,
) -> Failover:
    """The configured providers, asked in order; each is held against network, genesis and clock. The caller closes it.

    Args:
        settings: what is configured.
        clock: POSIX time in seconds.
        told: called with the genesis that a provider gives when it is asked first.

    Raises:
        ConfigurationError: the leader that is configured cannot be followed.
    """
    return Failover(
        openings_of(settings), admit=lambda observer: tip_watch(settings, observer, clock, told), clock=clock
    )


def tried_providers(settings: Settings) -> Failover:
    """The configured providers, once one of them has answered a whole reading. The caller closes them.

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
) -> NodeCore:
    """The deciding core, on the memory in ``store``.

    Args:
        settings: what to trust, and which eras are supported.
        store: the caller closes it.
        policy: what to trust in place of the era markers of ``settings``.
        name: of the node whose event log is kept; ``None`` keeps none.
        clock: POSIX time in seconds.

    Raises:
        ConfigurationError: the settings cannot be used.
        StoreError: what is trusted could not be read, or is damaged.
    """
    network, events = settings.network, settings.events
    return NodeCore(
        NodeSettings(policy or trust_policy(settings), SupportedEras(network.supported_eras), network.notice_epochs),
        store,
        limits=LogLimits(events.max_bytes, events.snapshot_every),
        name=name or "",
        clock=clock,
        logged=name is not None,
    )


def open_reader(
    settings: Settings,
    store: Store,
    providers: Failover | ChainObserver,
    policy: TrustPolicy | None = None,
    *,
    name: str | None = None,
    clock: Callable[[], float] = time.time,
    tip_check: TipChecker | None = None,
) -> TrustedReader:
    """The reader of what is in force at the era address, or of what ``policy`` is about.

    Args:
        settings: as in ``open_core``.
        store: as in ``open_core``; what is trusted of each kind of marker is kept apart.
        providers: what it asks; the caller closes them.
        policy: as in ``open_core``.
        name: as in ``open_core``.
        clock: POSIX time in seconds.
        tip_check: as in ``TrustedReader``.

    Raises:
        ConfigurationError, StoreError: as ``open_core``.
    """
    core = open_core(settings, store, policy, name=name, clock=clock)
    return TrustedReader(providers, core.state.settings.policy, clock=clock, core=core, tip_check=tip_check)


def open_configuration_reader(
    settings: Settings,
    store: Store,
    providers: Failover,
    *,
    name: str | None = None,
    clock: Callable[[], float] = time.time,
) -> ConfigurationReader | None:
    """The reader of the protocol configurations in force, as ``open_reader``; ``None`` where none are to be read.

    Raises:
        ConfigurationError, StoreError: as ``open_core``.
    """
    policy = configuration_policy(settings)
    if policy is None:
        return None
    return ConfigurationReader(open_reader(settings, store, providers, policy, name=name, clock=clock))

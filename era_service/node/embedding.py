"""A watcher for a program that has its own configuration. Needs only the base installation."""

from collections.abc import Sequence
from typing import Any

from chain_reader import ChainObserver, NetworkGenesis, NodeCore, TrustPolicy
from chain_reader.node.core import NodeSettings
from chain_reader.node.source import EvidenceSource
from chain_reader.providers.failover import Failover
from chain_reader.providers.tip_check import TipWatch
from era_service.node.epoch_clock import EpochClock
from era_service.node.watch_options import Surroundings, WatchOptions
from era_service.node.watcher import NodeWatcher
from era_store import MemoryStore, Store
from eras import SupportedEras


def embed_watcher(
    observers: Sequence[ChainObserver],
    policy: TrustPolicy,
    supported: SupportedEras,
    *,
    store: Store | None = None,
    genesis: NetworkGenesis | None = None,
    options: WatchOptions | None = None,
    **more: Any,
) -> NodeWatcher:
    """A watcher for a program that has its own configuration.

    Args:
        observers: the observers of the chain, asked in order; the caller closes them.
        policy: what to trust.
        supported: the eras that the program knows.
        store: keeps trust and events; by default they are remembered in this process only. The caller closes it.
        genesis: the genesis of the network, so that switches happen by the clock; without it the provider's epoch is
            polled.
        options: when to call; its ``node_id`` also distinguishes the node from others that share the store.
        more: the fields of ``Surroundings``: hooks, minimum, on_decision, errands, ….

    Raises:
        StoreError: what is remembered cannot be read.
    """
    memory: Store = MemoryStore() if store is None else store
    providers = Failover.over(observers, None if genesis is None else TipWatch(genesis))
    node_id = "" if options is None else options.calls.node_id
    source = EvidenceSource(providers, policy, memory)
    return NodeWatcher(
        NodeCore(NodeSettings(policy, supported), memory, name=node_id, told=source.told),
        source,
        EpochClock(genesis),
        options,
        Surroundings(**more),
    )

"""From settings to a watcher: what it reads, remembers, runs and warns of.

In: settings. Out: an open ``NodeWatcher``, closed with everything that was opened for it.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chain_reader import ChainObserver, NetworkGenesis, NodeCore, TrustPolicy
from chain_reader.node.core import NodeSettings
from chain_reader.node.kinds import Decision
from chain_reader.node.source import EvidenceSource
from chain_reader.providers.tip_check import TipWatch
from datum import EraSigner
from era_service.node.binaries import NodeRunner
from era_service.node.call_schedule import CallOptions
from era_service.node.epoch_clock import EpochClock
from era_service.node.errand import Errand, Work
from era_service.node.hooks import Hook, HookEvent, Hooks
from era_service.node.reactions import Minimum
from era_service.node.sd_notify import SystemdNotifier
from era_service.node.supervisor import LinkSwitcher, NodeSupervisor
from era_service.node.swap import EraFolder
from era_service.node.watch_options import Surroundings, WatchOptions
from era_service.node.watcher import NodeWatcher
from era_store import MemoryStore, Store
from eras import ConfigurationError, SupportedEras
from release_tools import Base
from release_tools.adoption.shares import parse_share

if TYPE_CHECKING:
    from era_service.config.schema import HookSettings, Settings, WatchSettings

    ReadKey = Callable[[str], EraSigner]

STORE_FILE = "watch.sqlite3"
KEY_HEX = 64
"""Digits of a key that is a party id."""


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
        observers: what reads the chain, asked in order; the caller closes them.
        policy: what to trust.
        supported: the eras that the program knows.
        store: where trust and events are remembered; by default in this process only. The caller closes it.
        genesis: of the network, so that switches happen by the clock; without it the provider's epoch is polled.
        options: when to call; its ``node_id`` also distinguishes the node from others that share the store.
        more: what else it works with, as ``Surroundings`` has it: hooks, minimum, on_decision, errands, ….

    Raises:
        StoreError: what is remembered cannot be read.
    """
    memory: Store = MemoryStore() if store is None else store
    tip_check = None if genesis is None else TipWatch(genesis)
    node_id = "" if options is None else options.calls.node_id
    return NodeWatcher(
        NodeCore(NodeSettings(policy, supported), memory, name=node_id),
        EvidenceSource(observers, policy, memory, tip_check=tip_check),
        EpochClock(genesis),
        options,
        Surroundings(**more),
    )


@contextmanager
def open_watcher(
    settings: "Settings",
    *,
    hooks: Sequence[Hook] = (),
    on_decision: Callable[[Decision], object] | None = None,
    run: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    read_key: "ReadKey | None" = None,
) -> Iterator[NodeWatcher]:
    """A watcher as it is configured.

    Args:
        settings: what is configured.
        hooks: hooks beside the configured ones.
        on_decision: called with every decision.
        run: the arguments of the node that the watcher is to run; ``None`` where somebody else runs it.
        environ: the environment that systemd gave, and that hooks and the node are given of; by default this process's.
        read_key: reads the key of ``watch.register_key_file``; without it such a setting is refused.

    Raises:
        ConfigurationError: what is configured cannot be used.
        StoreError: the store cannot be opened.
    """
    from era_service.wiring.deciding import open_configuration_reader, open_core, providers_in_order
    from era_service.wiring.genesis import configured_genesis

    surroundings = os.environ if environ is None else environ
    _require_chain(settings)
    genesis, watch = configured_genesis(settings), settings.watch
    notifier = SystemdNotifier(surroundings)
    runner = _runner(settings, run, surroundings, notifier)
    minimum = minimum_of(settings)
    with ExitStack() as opened:
        store = opened.enter_context(closing(_memory(settings, surroundings)))
        providers = opened.enter_context(closing(providers_in_order(settings)))
        core = open_core(settings, store, name=watch.node_id or "")
        yield NodeWatcher(
            core,
            EvidenceSource(providers, core.state.settings.policy, store),
            EpochClock(genesis),
            watch_options(watch),
            Surroundings(
                hooks=opened.enter_context(configured_hooks(settings.hooks, hooks, surroundings)),
                notifier=notifier,
                runner=runner,
                minimum=minimum,
                on_decision=on_decision,
                errands=_errands(settings, read_key),
                configurations=open_configuration_reader(settings, store, providers, name=watch.node_id or ""),
            ),
        )


def _memory(settings: "Settings", environ: Mapping[str, str]) -> Store:
    """The store that is configured; else, under systemd, one in the folder that a unit's ``StateDirectory`` gives."""
    from era_service.wiring.trust import open_memory

    folder = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if settings.store.url is not None or not folder:
        return open_memory(settings)
    from era_service.wiring.trust import network_key
    from era_store import open_store

    return open_store(str(Path(folder) / STORE_FILE), network=network_key(settings))


def _require_chain(settings: "Settings") -> None:
    """Check that there is a chain to read.

    Raises:
        ConfigurationError: the configured source does not exist.
        ConfigurationError: no provider is configured, or it cannot be used.
    """
    from era_service.status.reader import check_adapter, require_source

    if settings.reader.adapter_type != "cardano-chain":
        raise ConfigurationError(
            "A watcher reads a chain",
            code="WatchSource",
            expected="reader.adapter_type cardano-chain",
            got=settings.reader.adapter_type,
            next_step="Give --network, or configure the era address and the verification key",
        )
    require_source(settings)
    check_adapter(settings)


def watch_options(watch: "WatchSettings") -> WatchOptions:
    """How a node is watched, as it is configured."""
    return WatchOptions(
        CallOptions(
            watch.poll_interval_s,
            watch.spread_s,
            watch.backoff_max_s,
            watch.node_id or socket.gethostname(),
            watch.read_interval_s,
        ),
        watch.drain_s if watch.on_unsupported == "drain" else None,
    )


def configured_hooks(configured: "HookSettings", more: Sequence[Hook], environ: Mapping[str, str]) -> Hooks:
    """The hooks that are configured, and ``more``."""
    listed = [
        Hook(event, path.expanduser())
        for event in HookEvent
        for path in getattr(configured, event.value.replace("-", "_"))
    ]
    return Hooks(
        (*listed, *more),
        timeout_s=configured.timeout_s,
        before_switch_timeout_s=configured.before_switch_timeout_s,
        max_output_bytes=configured.max_output_bytes,
        pass_environment=configured.environment,
        environ=environ,
    )


def _runner(
    settings: "Settings", run: Sequence[str] | None, environ: Mapping[str, str], notifier: SystemdNotifier
) -> NodeRunner | None:
    watch = settings.watch
    if watch.eras_folder is None or watch.program is None:
        if run is not None or (watch.eras_folder, watch.program) != (None, None):
            raise ConfigurationError(
                "The binaries of the node are only partly configured",
                expected="a folder with a binary for each era, and the name of the program in it",
                got="no folder" if watch.eras_folder is None else "no name",
                next_step="Give --eras FOLDER and --program NAME, or set watch.eras_folder and watch.program",
            )
        return None
    folder = EraFolder(Path(watch.eras_folder).expanduser().absolute(), watch.program)
    if run is None:
        return LinkSwitcher(folder)
    unseen = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # they are the watcher's own
    passed = {name: value for name, value in environ.items() if name not in unseen}
    return NodeSupervisor(folder, run, grace_s=watch.stop_grace_s, environ=passed, waiting=notifier.alive)


def _errands(settings: "Settings", read_key: "ReadKey | None") -> list[Errand]:
    """The configured exchange with a service.

    Raises:
        ConfigurationError: no key is configured, or it does not speak for the party.
        EraSwitchError: the key cannot be had.
    """
    watch = settings.watch
    if watch.register_url is None and watch.support_url is None:
        return []
    from era_service.node.service_works import Registering
    from era_service.wiring.trust import era_place

    marker_key = era_place(settings)[1]
    works: list[Work] = []
    if watch.register_url is not None:
        if watch.register_key_file is None or read_key is None:
            raise ConfigurationError(
                "The key to register with is missing",
                code="RegisterKey",
                expected="a key file, or the signer file of an external signer",
                got="none" if watch.register_key_file is None else "no way to read the file here",
                next_step="Give --register-key FILE, or set watch.register_key_file",
            )
        eras = None
        if watch.eras_folder is not None and watch.program is not None:
            eras = EraFolder(Path(watch.eras_folder).expanduser().absolute(), watch.program).installed
        named = watch.node_id or ""
        works.append(
            Registering(
                watch.register_url,
                read_key(f"@{watch.register_key_file.expanduser()}"),
                marker_key,
                SupportedEras(settings.network.supported_eras or SupportedEras.DEFAULT),
                network_magic=settings.network.magic,
                party_id=named if named.startswith("pool1") or len(named) == KEY_HEX else "",
                version=watch.node_version,
                stake=watch.stake,
                loaded=eras,
                spread_s=watch.spread_s,
            )
        )
    errands = [Errand(work, longest_wait_s=watch.backoff_max_s) for work in works]
    support = support_errand(settings)
    return errands if support is None else [*errands, support]


def support_errand(settings: "Settings") -> Errand | None:
    """The check of the support of an era that is in force, where it is configured.

    Raises:
        ConfigurationError: the era address, the key or the threshold cannot be used.
    """
    from era_service.node.service_works import SupportRule
    from era_service.wiring.trust import era_place

    watch = settings.watch
    if watch.support_url is None:
        return None
    rule = SupportRule(
        watch.support_url,
        parse_share(watch.support_threshold),
        era_place(settings)[1],
        Base(settings.adoption.gate_base),
        watch.node_id or "",
        watch.spread_s,
    )
    return Errand(rule, longest_wait_s=watch.backoff_max_s)


def minimum_of(settings: "Settings") -> Minimum:
    """The version to install for an era, from the compatibility table where there is one."""
    if settings.adoption.compatibility_file is None:
        return lambda _era: None
    from era_service.wiring.adoption import compatibility_of

    return compatibility_of(settings).minimum

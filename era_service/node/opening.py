"""From settings to a watcher: what it reads, remembers, runs and warns of.

In: settings. Out: an open ``NodeWatcher``, closed with everything that was opened for it.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from chain_reader.node.kinds import Decision
from chain_reader.node.source import EvidenceSource
from datum import EraSigner
from era_service.config.schema import Settings
from era_service.config.watch import HookSettings, WatchSettings
from era_service.node.call_schedule import CallOptions
from era_service.node.epoch_clock import EpochClock
from era_service.node.errand import Errand
from era_service.node.hooks import Hook, HookEvent, Hooks
from era_service.node.reactions import Minimum
from era_service.node.sd_notify import SystemdNotifier
from era_service.node.supervisor import LinkSwitcher, NodeRunner, NodeSupervisor
from era_service.node.swap import configured_folder
from era_service.node.watch_options import Surroundings, WatchOptions
from era_service.node.watcher import NodeWatcher
from era_service.status.reader import check_adapter, require_source
from era_service.wiring.adoption import compatibility_of
from era_service.wiring.deciding import open_configuration_reader, open_core, providers_in_order
from era_service.wiring.genesis import configured_genesis
from era_service.wiring.trust import open_memory, trust_policy
from eras import ConfigurationError

STORE_FILE = "watch.sqlite3"


@contextmanager
def open_watcher(
    settings: Settings,
    *,
    hooks: Sequence[Hook] = (),
    on_decision: Callable[[Decision], object] | None = None,
    run: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    read_key: Callable[[str], EraSigner] | None = None,
) -> Iterator[NodeWatcher]:
    """A watcher as it is configured.

    Args:
        settings: the settings.
        hooks: hooks besides the configured ones.
        on_decision: called with every decision.
        run: the arguments of the node that the watcher runs; ``None`` if it runs none.
        environ: the environment from systemd, of which hooks and the node get a part; by default this process's.
        read_key: reads the key of ``watch.register_key_file``; without it such a setting is refused.

    Raises:
        ConfigurationError: the settings cannot be used.
        StoreError: the store cannot be opened.
    """
    environ = os.environ if environ is None else environ
    _require_chain(settings)
    genesis, watch = configured_genesis(settings), settings.watch
    notifier = SystemdNotifier(environ)
    runner = _runner(settings, run, environ, notifier)
    minimum = minimum_of(settings)
    with ExitStack() as opened:
        store = opened.enter_context(closing(open_memory(settings, _state_file(environ))))
        providers = opened.enter_context(closing(providers_in_order(settings)))
        policy = trust_policy(settings)
        source = EvidenceSource(providers, policy, store)
        core = open_core(settings, store, policy, name=watch.node_id or "", told=source.told)
        yield NodeWatcher(
            core,
            source,
            EpochClock(genesis),
            watch_options(watch),
            Surroundings(
                hooks=opened.enter_context(configured_hooks(settings.hooks, hooks, environ)),
                notifier=notifier,
                runner=runner,
                minimum=minimum,
                on_decision=on_decision,
                errands=_errands(settings, read_key),
                configurations=open_configuration_reader(settings, store, providers, name=watch.node_id or ""),
            ),
        )


def _state_file(environ: Mapping[str, str]) -> str | None:
    """The store in the folder that a unit's ``StateDirectory`` gives, if there is one."""
    folder = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return str(Path(folder) / STORE_FILE) if folder else None


def _require_chain(settings: Settings) -> None:
    """Check that there is a chain to read.

    Raises:
        ConfigurationError: the configured source does not exist.
        ConfigurationError: no provider is configured, or it cannot be used.
    """
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


def watch_options(watch: WatchSettings) -> WatchOptions:
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


def configured_hooks(configured: HookSettings, more: Sequence[Hook], environ: Mapping[str, str]) -> Hooks:
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


def _errands(settings: Settings, read_key: Callable[[str], EraSigner] | None) -> list[Errand[Any]]:
    if settings.watch.register_url is None and settings.watch.support_url is None:
        return []
    from era_service.node.configured_errands import configured_errands  # the client of a service, which few need

    return configured_errands(settings, read_key)


def _runner(
    settings: Settings, run: Sequence[str] | None, environ: Mapping[str, str], notifier: SystemdNotifier
) -> NodeRunner | None:
    watch = settings.watch
    folder = configured_folder(watch.eras_folder, watch.program)
    if folder is None:
        if run is not None or (watch.eras_folder, watch.program) != (None, None):
            raise ConfigurationError(
                "The binaries of the node are only partly configured",
                expected="a folder with a binary for each era, and the name of the program in it",
                got="no folder" if watch.eras_folder is None else "no name",
                next_step="Give --eras FOLDER and --program NAME, or set watch.eras_folder and watch.program",
            )
        return None
    if run is None:
        return LinkSwitcher(folder)
    unseen = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # they are the watcher's own
    passed = {name: value for name, value in environ.items() if name not in unseen}
    return NodeSupervisor(folder, run, grace_s=watch.stop_grace_s, environ=passed, waiting=notifier.alive)


def minimum_of(settings: Settings) -> Minimum:
    """The version to install for an era, from the table of eras and versions.

    Raises:
        ConfigurationError: the table cannot be read, or has a mistake.
    """
    return compatibility_of(settings).minimum

"""How a node is watched, what the watcher works with, and why that ends: the records of the watcher."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chain_reader.configuration_reader import ConfigurationReader
from chain_reader.node.kinds import Decision
from era_service.node.binaries import NodeRunner
from era_service.node.call_schedule import CallOptions
from era_service.node.errand import Errand
from era_service.node.hooks import Hooks
from era_service.node.provider_calls import Begin, in_background
from era_service.node.reactions import Minimum
from era_service.node.sd_notify import SystemdNotifier
from eras.events import refuse_unawaited


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a node is watched.

    Attributes:
        calls: when the provider is called.
        drain_s: how long work may take to be finished once the era is unsupported; ``None`` ends at once.
    """

    calls: CallOptions = field(default_factory=CallOptions)
    drain_s: float | None = None


def _unknown(_era: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """All that a watcher works with beside the chain.

    Attributes:
        hooks: what to run; the caller closes it.
        notifier: notifies systemd.
        runner: switches or runs the node's own binaries.
        minimum: era → the version to install, in words.
        on_decision: called with every decision, in the watcher's thread.
        errands: exchanges with services beside the chain.
        configurations: reads the protocol configurations, where that is wanted; decisions about them are reported too.
        begin: begins a call of the provider; by default in a thread of its own.
        wait: waits for at most so many seconds; by default until something has to be done.

    Raises:
        ConfigurationError: ``on_decision`` is a coroutine function, and nobody would await it.
    """

    hooks: Hooks = field(default_factory=Hooks)
    notifier: SystemdNotifier = field(default_factory=lambda: SystemdNotifier({}))
    runner: NodeRunner | None = None
    minimum: Minimum = _unknown
    on_decision: Callable[[Decision], object] | None = None
    errands: Sequence[Errand] = ()
    configurations: ConfigurationReader | None = None
    begin: Begin = in_background
    wait: Callable[[float], object] | None = None

    def __post_init__(self) -> None:
        if self.on_decision is not None:
            refuse_unawaited(self.on_decision, "on_decision")


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """Why a watcher ended: an exit code, and the reason in words."""

    code: int
    reason: str

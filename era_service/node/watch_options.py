"""The records of a watcher: how it watches, what it works with, and why it ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chain_reader.configuration_reader import ConfigurationReader
from chain_reader.node.kinds import Decision
from era_service.node.call_schedule import CallOptions
from era_service.node.errand import Errand
from era_service.node.hooks import Hooks
from era_service.node.provider_calls import Begin
from era_service.node.reactions import Minimum
from era_service.node.sd_notify import SystemdNotifier
from era_service.node.supervisor import NodeRunner
from era_service.node.waiting import in_background
from eras.events import refuse_unawaited


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """When a watcher calls the provider, and how long work may take to finish once the era is unsupported.

    Attributes:
        calls: when the provider is called.
        drain_s: how long work under way may take to finish once the era is unsupported; ``None`` ends at once.
    """

    calls: CallOptions = field(default_factory=CallOptions)
    drain_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Everything that a watcher works with besides the chain.

    Attributes:
        hooks: the hooks; the caller closes them.
        notifier: notifies systemd.
        runner: switches or runs the node's own binaries.
        minimum: era → the version to install for it, in words.
        on_decision: called with every decision, in the watcher's thread.
        errands: exchanges with services.
        configurations: reads the protocol configurations, if that is enabled; reports decisions about them too.
        begin: begins a call of the provider; by default in a thread of its own.
        wait: waits for at most the given number of seconds; by default until there is something to do.

    Raises:
        ConfigurationError: ``on_decision`` is a coroutine function, which would never be awaited.
    """

    hooks: Hooks = field(default_factory=Hooks)
    notifier: SystemdNotifier = field(default_factory=lambda: SystemdNotifier({}))
    runner: NodeRunner | None = None
    minimum: Minimum = lambda _era: None
    on_decision: Callable[[Decision], object] | None = None
    errands: Sequence[Errand[Any]] = ()
    configurations: ConfigurationReader | None = None
    begin: Begin = in_background
    wait: Callable[[float], object] | None = None

    def __post_init__(self) -> None:
        if self.on_decision is not None:
            refuse_unawaited(self.on_decision, "on_decision")


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """The end of a watcher: an exit code, and the reason in words."""

    code: int
    reason: str

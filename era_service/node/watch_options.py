"""How a node is watched, and why that ends: the records of the watcher."""

from dataclasses import dataclass, field

from era_service.node.call_schedule import CallOptions


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a node is watched.

    Attributes:
        calls: when the provider is called.
        drain_s: how long work may take to be finished once the era is unsupported; ``None`` ends at once.
    """

    calls: CallOptions = field(default_factory=CallOptions)
    drain_s: float | None = None


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """Why a watcher ended: an exit code, and the reason in words."""

    code: int
    reason: str

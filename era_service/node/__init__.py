"""The node's side: the watcher to embed or to run, its epoch clock, hooks, the swap of binaries, systemd."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_service.node.call_schedule import CallOptions
    from era_service.node.epoch_clock import EpochClock, Moment
    from era_service.node.errand import Errand
    from era_service.node.hooks import Hook, HookEnd, HookEvent, Hooks
    from era_service.node.opening import embed_watcher, open_watcher
    from era_service.node.sd_notify import SystemdNotifier
    from era_service.node.service_works import Registering, SupportRule
    from era_service.node.supervisor import LinkSwitcher, NodeSupervisor
    from era_service.node.swap import EraFolder, SwapError
    from era_service.node.watch_options import WatchEnd, WatchOptions
    from era_service.node.watcher import NodeWatcher

__all__ = [
    "CallOptions",
    "EpochClock",
    "EraFolder",
    "Errand",
    "Hook",
    "HookEnd",
    "HookEvent",
    "Hooks",
    "LinkSwitcher",
    "Moment",
    "NodeSupervisor",
    "NodeWatcher",
    "Registering",
    "SupportRule",
    "SwapError",
    "SystemdNotifier",
    "WatchEnd",
    "WatchOptions",
    "embed_watcher",
    "open_watcher",
]

__getattr__ = front_door(
    __name__,
    {
        "era_service.node.call_schedule": ("CallOptions",),
        "era_service.node.epoch_clock": ("EpochClock", "Moment"),
        "era_service.node.errand": ("Errand",),
        "era_service.node.hooks": ("Hook", "HookEnd", "HookEvent", "Hooks"),
        "era_service.node.opening": ("embed_watcher", "open_watcher"),
        "era_service.node.sd_notify": ("SystemdNotifier",),
        "era_service.node.supervisor": ("LinkSwitcher", "NodeSupervisor"),
        "era_service.node.swap": ("EraFolder", "SwapError"),
        "era_service.node.service_works": ("Registering", "SupportRule"),
        "era_service.node.watch_options": ("WatchEnd", "WatchOptions"),
        "era_service.node.watcher": ("NodeWatcher",),
    },
)

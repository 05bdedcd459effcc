"""``eraswitch demo``: a network of nodes switches eras on a local chain, and every step is verified."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_service.demo.events import DemoEvent
    from era_service.demo.stage import CHAIN_FILE, Stage
    from era_service.demo.story import Story

__all__ = [
    "CHAIN_FILE",
    "DemoEvent",
    "Stage",
    "Story",
]

__getattr__ = front_door(
    __name__,
    {
        "era_service.demo.events": ("DemoEvent",),
        "era_service.demo.stage": ("CHAIN_FILE", "Stage"),
        "era_service.demo.story": ("Story",),
    },
)

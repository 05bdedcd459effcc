"""``eraswitch demo``: a network of nodes switches eras on a local chain, and every step is verified."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_service.demo.events import KINDS, DemoEvent, Presenter
    from era_service.demo.presenters import JsonPresenter, PlainPresenter
    from era_service.demo.rich_presenter import RichPresenter
    from era_service.demo.stage import CHAIN_FILE, CONFIGURATION_FILE, Stage
    from era_service.demo.story import Story

__all__ = [
    "CHAIN_FILE",
    "CONFIGURATION_FILE",
    "KINDS",
    "DemoEvent",
    "JsonPresenter",
    "PlainPresenter",
    "Presenter",
    "RichPresenter",
    "Stage",
    "Story",
]

__getattr__ = front_door(
    __name__,
    {
        "era_service.demo.events": ("KINDS", "DemoEvent", "Presenter"),
        "era_service.demo.presenters": ("JsonPresenter", "PlainPresenter"),
        "era_service.demo.rich_presenter": ("RichPresenter",),
        "era_service.demo.stage": ("CHAIN_FILE", "CONFIGURATION_FILE", "Stage"),
        "era_service.demo.story": ("Story",),
    },
)

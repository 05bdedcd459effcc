"""The test kit of programs that embed eraswitch: a checker in any era, a schedule that advances, a fake provider.

``pytest_plugins = ["era_service.testing.pytest_plugin"]`` gives them as fixtures (``docs/testing.md``).
"""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_service.testing.provider import FakeProvider
    from era_service.testing.schedule import EraSchedule, checker_in_era
    from era_service.testing.watching import at_once, read_again, watcher_of

__all__ = ["EraSchedule", "FakeProvider", "at_once", "checker_in_era", "read_again", "watcher_of"]

__getattr__ = front_door(
    __name__,
    {
        "era_service.testing.provider": ("FakeProvider",),
        "era_service.testing.schedule": ("EraSchedule", "checker_in_era"),
        "era_service.testing.watching": ("at_once", "read_again", "watcher_of"),
    },
)

"""The test kit of programs that embed eraswitch: a checker in any era, a schedule that advances, a fake provider.

``pytest_plugins = ["eraswitch.testing.pytest_plugin"]`` gives them as fixtures (``docs/testing.md``).
"""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eraswitch.testing.provider import FakeProvider
    from eraswitch.testing.schedule import EraSchedule, checker_in_era
    from eraswitch.testing.watching import at_once, read_again, watcher_of

__all__ = ["EraSchedule", "FakeProvider", "at_once", "checker_in_era", "read_again", "watcher_of"]

__getattr__ = front_door(
    __name__,
    {
        "eraswitch.testing.provider": ("FakeProvider",),
        "eraswitch.testing.schedule": ("EraSchedule", "checker_in_era"),
        "eraswitch.testing.watching": ("at_once", "read_again", "watcher_of"),
    },
)

from eraswitch.testing.provider import FakeProvider as FakeProvider
from eraswitch.testing.schedule import EraSchedule as EraSchedule
from eraswitch.testing.schedule import checker_in_era as checker_in_era
from eraswitch.testing.watching import read_again as read_again
from eraswitch.testing.watching import watcher_of as watcher_of

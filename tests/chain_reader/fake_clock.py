"""A clock that stands still until somebody sleeps, and remembers for how long they did."""

from chain_reader.providers.transport.limits import Clock


class FakeClock:
    """Time in a test: ``clock`` is given to what is tested."""

    def __init__(self, monotonic: float = 1_000.0, posix: float = 1_700_000_000.0) -> None:
        self.now = monotonic
        self._posix = posix - monotonic
        self.sleeps: list[float] = []
        self.clock = Clock(lambda: self.now, lambda: self.now + self._posix, self._sleep)

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def step(self, seconds: float) -> None:
        """Set the time of day; the monotonic clock does not notice."""
        self._posix += seconds

    def _sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

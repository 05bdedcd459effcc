"""An errand: a node's exchange with a service, in the background, so that a service that hangs delays nothing.

In: the era as the watcher sees it. Out: a command by which the core records the result. The rules:

1. An errand has an occasion, such as an epoch, and is done once for each. A new occasion replaces the one before.
2. It runs in a thread of its own, one run at a time. A failed run is repeated after a wait that doubles, up to the
   longest one, as long as the occasion lasts.
3. The success of an occasion is recorded once; a failure whenever its reason changes.
4. An errand decides nothing: a node whose errand fails runs as usual.
"""

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from typing import Generic, Protocol, TypeVar

from chain_reader.node.inputs import REPORTED, CommandGiven
from chain_reader.node.kinds import DecisionKind
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock
from era_service.node.waiting import in_background
from eras import EraSwitchError, EraView

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0

Occasion = TypeVar("Occasion", bound=Hashable)

Outcome = tuple[DecisionKind, Mapping[str, str]]
"""The kind of decision that records a run, and its facts."""


class Work(Protocol[Occasion]):
    """The work of an errand."""

    @property
    def failed(self) -> DecisionKind:
        """The kind of decision that records a failure."""
        ...

    def occasion(self, view: EraView) -> Occasion | None:
        """Returns the present occasion; ``None`` while there is nothing to do."""
        ...

    def wait_s(self, occasion: Occasion) -> float:
        """Returns how long the first attempt waits, so that not all nodes call at once."""
        ...

    def run(self, occasion: Occasion) -> Outcome:
        """Do the work, in any thread.

        Raises:
            EraSwitchError: it could not be done; it is tried again.
        """
        ...


class Errand(Generic[Occasion]):
    """A background task of a watcher, such as registering. One thread uses it.

    Args:
        work: the work.
        clock: the time.
        longest_wait_s: the longest wait between two attempts.
    """

    def __init__(
        self, work: Work[Occasion], *, clock: Clock = SYSTEM_CLOCK, longest_wait_s: float = LONGEST_WAIT_S
    ) -> None:
        self.work = work
        self._clock = clock
        self._longest_wait_s = longest_wait_s
        self._wanted: Occasion | None = None
        self._due_s: float | None = None
        self._failures = 0
        self._reported: Mapping[str, str] | None = None
        self._under_way: tuple[Occasion, Future[Outcome]] | None = None

    @property
    def due_in_s(self) -> float | None:
        """Seconds until there is something to do; ``None`` if something else has to happen first."""
        if self._due_s is None or self._under_way is not None:
            return None
        return max(0.0, self._due_s - self._clock.monotonic())

    def step(self, view: EraView, over: Callable[[], object]) -> CommandGiven | None:
        """Do what is due now.

        Args:
            view: the era as the watcher sees it.
            over: called in any thread when a run is over.

        Returns:
            The command by which the core records a result, if there is one.
        """
        report = self._take()
        occasion = self.work.occasion(view)
        if occasion is not None and occasion != self._wanted:
            self._wanted, self._failures, self._reported = occasion, 0, None
            self._due_s = self._clock.monotonic() + self.work.wait_s(occasion)
        wanted, due_s = self._wanted, self._due_s
        if self._under_way is None and wanted is not None and due_s is not None and self._clock.monotonic() >= due_s:
            self._under_way = wanted, in_background(partial(self.work.run, wanted), over)
        return report

    def hurry(self) -> None:
        """Begin a waiting run with the next step."""
        self._due_s = None if self._due_s is None else self._clock.monotonic()

    def wait(self, patience_s: float) -> None:
        """Wait for the run that is under way, at most ``patience_s``."""
        if self._under_way is not None:
            wait((self._under_way[1],), patience_s)

    def _take(self) -> CommandGiven | None:
        """The command about the run that is over, if one is and it is news.

        Raises:
            Exception: what a run raised that work must not raise.
        """
        if self._under_way is None or not self._under_way[1].done():
            return None
        (occasion, future), self._under_way = self._under_way, None
        if occasion != self._wanted:
            return None
        try:
            kind, facts = future.result()
        except EraSwitchError as error:
            wait_s = min(self._longest_wait_s, FIRST_WAIT_S * 2.0 ** min(self._failures, 20))
            self._failures += 1
            self._due_s = self._clock.monotonic() + wait_s
            kind, facts = self.work.failed, {"code": error.code, "reason": str(error)}
            if facts == self._reported:
                return None
            self._reported = facts
        else:
            self._due_s = None
        return CommandGiven(REPORTED, self._clock.posix(), {"kind": str(kind), **facts})

"""A node's exchange with a service besides its chain, beside the watcher: a service that hangs holds up nothing.

In: the era as the watcher sees it. Out: a command by which the core records what came of it. The rules:

1. An errand has an occasion: what must have been done once. A new one takes the place of the one before.
2. It is run in a thread of its own, one run at a time. What fails is tried again after a wait that doubles, until the
   longest one, for as long as its occasion lasts.
3. What came of an occasion is recorded once; a failure when its reason changes.
4. Nothing of it decides anything: a node that cannot do its errand runs as it always does.
"""

import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, wait
from typing import Protocol

from chain_reader.node.inputs import REPORTED, CommandGiven
from chain_reader.node.kinds import DecisionKind
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock
from eras import EraSwitchError, EraView

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0


class Work(Protocol):
    """The work for an occasion."""

    @property
    def failed(self) -> DecisionKind:
        """The kind of decision that records a failure."""
        ...

    def occasion(self, view: EraView) -> Hashable | None:
        """Returns what must have been done in the era as it is; ``None`` while there is nothing to do."""
        ...

    def wait_s(self, occasion: Hashable) -> float:
        """Returns how long the first attempt waits, so that not all nodes come at once."""
        ...

    def run(self, occasion: Hashable) -> tuple[DecisionKind, Mapping[str, str]]:
        """Do it, in any thread. Returns the kind of decision that records it, and its facts.

        Raises:
            EraSwitchError: it could not be done; it is tried again.
        """
        ...


class Errand:
    """Runs a work beside the watcher. One thread uses it.

    Args:
        work: what is done.
        clock: the time.
        longest_wait_s: the longest wait between two attempts.
    """

    def __init__(self, work: Work, *, clock: Clock = SYSTEM_CLOCK, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        self.work = work
        self._clock = clock
        self._longest_wait_s = longest_wait_s
        self._wanted: Hashable | None = None
        self._due_s: float | None = None
        self._failures = 0
        self._told: str | None = None
        self._under_way: tuple[Hashable, Future[tuple[DecisionKind, Mapping[str, str]]]] | None = None

    @property
    def due_in_s(self) -> float | None:
        """How long there is nothing to do; ``None`` where something else has to happen first."""
        if self._due_s is None or self._under_way is not None:
            return None
        return max(0.0, self._due_s - self._clock.monotonic())

    def step(self, view: EraView, over: Callable[[], object]) -> CommandGiven | None:
        """Do what is due, and nothing else.

        Args:
            view: the era as the watcher sees it.
            over: called in any thread when a run is over.

        Returns:
            What the core is to record, if anything.
        """
        report = self._take()
        occasion = self.work.occasion(view)
        if occasion is not None and occasion != self._wanted:
            self._wanted, self._failures, self._told = occasion, 0, None
            self._due_s = self._clock.monotonic() + self.work.wait_s(occasion)
        if self._under_way is None and self._due_s is not None and self._clock.monotonic() >= self._due_s:
            self._begin(over)
        return report

    def hurry(self) -> None:
        """Let what waits for its moment begin with the next step."""
        self._due_s = None if self._due_s is None else self._clock.monotonic()

    def wait(self, patience_s: float) -> None:
        """Wait for the run that is under way, not longer than ``patience_s``."""
        if self._under_way is not None:
            wait((self._under_way[1],), patience_s)

    def _begin(self, over: Callable[[], object]) -> None:
        occasion, future = self._wanted, Future[tuple[DecisionKind, Mapping[str, str]]]()

        def run() -> None:
            try:
                future.set_result(self.work.run(occasion))
            except BaseException as error:
                future.set_exception(error)
            over()

        self._under_way = occasion, future
        threading.Thread(target=run, name="eraswitch-errand", daemon=True).start()

    def _take(self) -> CommandGiven | None:
        """The result of the run that is over.

        Raises:
            Exception: whatever it raised that no work may raise.
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
            if error.code + str(error) == self._told:
                return None
            self._told = error.code + str(error)
            kind, facts = self.work.failed, {"code": error.code, "reason": str(error)}
        else:
            self._due_s = None
        return CommandGiven(REPORTED, self._clock.posix(), {"kind": str(kind), **facts})

"""The calls of one node to its provider, made beside the watcher: a provider that hangs holds up no epoch.

In: the schedule, the source of evidence. Out: the result of a call, once it is over. One call is under
way at a time, in a daemon thread of its own; it ends in bounded time, for that is what observers promise.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from queue import SimpleQueue

from chain_reader import ChainTip
from chain_reader.configuration_reader import ConfigurationReader
from chain_reader.node.inputs import ObserverAnswered, ObserverFailed
from chain_reader.node.kinds import Decision
from chain_reader.node.source import EvidenceSource
from era_service.node.call_schedule import Call, CallSchedule
from era_service.node.epoch_clock import EpochClock
from eras import ChainReadError, Epoch, StoreError

_log = logging.getLogger(__name__)

Answer = ChainTip | ObserverAnswered | ObserverFailed
Begin = Callable[[Callable[[], Answer], Callable[[], object]], Future[Answer]]
"""Begins a call, and says how to tell that it is over."""


@dataclass(frozen=True, slots=True)
class Called:
    """A call that is over.

    Attributes:
        call: what was asked.
        answer: the answer: of a poll the tip.
        tip_seen_s: when the provider had reported the tip, in monotonic seconds; the answer may be much later.
    """

    call: Call
    answer: Answer
    tip_seen_s: float


def in_background(work: Callable[[], Answer], then: Callable[[], object]) -> Future[Answer]:
    """Begin ``work`` in a thread that holds up nobody's end; ``then`` is called after it."""
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
        then()

    threading.Thread(target=run, name="eraswitch-provider", daemon=True).start()
    return future


class ProviderCalls:
    """Makes the calls that are due. One thread uses it.

    Args:
        source: what the chain is read through.
        clock: the epoch clock.
        schedule: when to call.
        begin: begins a call.
        over: called when a call is over, in any thread.
        also: reads the protocol configurations after the eras, where that is wanted.
    """

    def __init__(
        self,
        source: EvidenceSource,
        clock: EpochClock,
        schedule: CallSchedule,
        *,
        begin: Begin,
        over: Callable[[], object],
        also: ConfigurationReader | None = None,
    ) -> None:
        self.schedule = schedule
        self.source = source
        self._clock = clock
        self._begin = begin
        self._over = over
        self._configurations = also
        self._told: SimpleQueue[tuple[Decision, ...]] = SimpleQueue()
        self._wanted = False
        self._tip_seen_s = 0.0
        source.on_tip = self._note_tip
        self._under_way: tuple[Call, Future[Answer]] | None = None

    @property
    def due_s(self) -> float | None:
        """When the next call begins, in monotonic seconds; ``None`` while one is under way."""
        if self._under_way is not None:
            return None
        return self._now_s() if self._wanted else self.schedule.due_s

    def read_at_once(self) -> None:
        """Read the chain as soon as no call is under way."""
        self._wanted = True

    def begin_due(self) -> None:
        """Begin what is due, unless a call is under way."""
        if self._under_way is not None:
            return
        call = Call.READ if self._wanted else self.schedule.due(self._now_s())
        if call is Call.READ:
            self._wanted = False
            moment = self._clock.now()
            epoch = moment.epoch if self._clock.genesis is not None else None
            self._under_way = call, self._begin(lambda: self._read(epoch, moment.time_s), self._over)
        elif call is Call.POLL:
            self._under_way = call, self._begin(self._poll, self._over)

    def take(self) -> Called | None:
        """The call that is over, if one is.

        Raises:
            Exception: whatever it raised that no observer may raise.
        """
        if self._under_way is None or not self._under_way[1].done():
            return None
        (call, future), self._under_way = self._under_way, None
        answer = future.result()
        if not isinstance(answer, ChainTip):
            answer = replace(answer, time_s=self._clock.now().time_s)
        return Called(call, answer, self._tip_seen_s)

    def told(self) -> tuple[Decision, ...]:
        """The decisions about protocol configurations since this was asked last."""
        found: tuple[Decision, ...] = ()
        while not self._told.empty():
            found += self._told.get()
        return found

    def _read(self, epoch: Epoch | None, time_s: float) -> ObserverAnswered | ObserverFailed:
        answer = self.source.ask(epoch, time_s=time_s)
        if self._configurations is not None:
            try:
                self._told.put(self._configurations.read(epoch).trusted.events)
            except StoreError as error:  # the eras of the node do not wait for it
                _log.warning("The protocol configurations could not be read: %s", error)
        return answer

    def _poll(self) -> ChainTip | ObserverFailed:
        try:
            return self.source.poll(with_epoch=self._clock.genesis is None)
        except (ChainReadError, StoreError) as error:
            return ObserverFailed(self.source.name, error.code, str(error), self._clock.now().time_s)

    def _note_tip(self, _tip: ChainTip) -> None:
        self._tip_seen_s = self._now_s()

    def _now_s(self) -> float:
        return self._clock.machine.monotonic()

"""The calls of one node to its provider, made in the background: a provider that hangs delays no epoch.

In: the schedule, the source of evidence. Out: the result of each call, once it is over. One call is under way at a
time, in a daemon thread; it ends in bounded time, as observers promise.
"""

import logging
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
"""Begins a call, and calls its second argument when the call is over."""


@dataclass(frozen=True, slots=True)
class Called:
    """A call that is over.

    Attributes:
        call: the question.
        answer: the answer; that to a poll is the tip.
        tip_seen_s: when the provider reported the tip, in monotonic seconds; the answer may come much later.
    """

    call: Call
    answer: Answer
    tip_seen_s: float


class ProviderCalls:
    """Makes the calls that are due. One thread uses it.

    Args:
        source: reads and polls the chain.
        clock: the epoch clock.
        schedule: when to call.
        begin: begins a call.
        over: called when a call is over, in any thread.
        also: reads the protocol configurations after the eras, if they are to be read.
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
        self._decisions: SimpleQueue[tuple[Decision, ...]] = SimpleQueue()
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
            Exception: what a call raised that an observer must not raise.
        """
        if self._under_way is None or not self._under_way[1].done():
            return None
        (call, future), self._under_way = self._under_way, None
        answer = future.result()
        if not isinstance(answer, ChainTip):
            answer = replace(answer, time_s=self._clock.now().time_s)
        return Called(call, answer, self._tip_seen_s)

    def decisions(self) -> tuple[Decision, ...]:
        """The decisions about protocol configurations since the last call of this."""
        found: tuple[Decision, ...] = ()
        while not self._decisions.empty():
            found += self._decisions.get()
        return found

    def _read(self, epoch: Epoch | None, time_s: float) -> ObserverAnswered | ObserverFailed:
        answer = self.source.ask(epoch, time_s=time_s)
        if self._configurations is not None:
            try:
                self._decisions.put(self._configurations.read(epoch).trusted.events)
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

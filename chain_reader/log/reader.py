"""The trusted reader of a process that keeps an event log: it decides by a node's core, so that a replay explains it.

In: a chain observer or several, a ``NodeCore``. Out: a ``TrustedReading``, as ``TrustedReader`` gives it; and in the
event log every answer, every failure, and all that was decided upon them, of trust and of eras. Readers of several
providers share one core.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from chain_reader.log.recorder import NodeCore
from chain_reader.node.inputs import ClockTicked, ObserverAnswered, ObserverFailed
from chain_reader.node.source import EvidenceSource
from chain_reader.ports import ChainObserver, ChainTip
from chain_reader.trust.decision import decide_remembered
from chain_reader.trust.reading import TrustedReading
from eras import ChainReadError, Epoch, StoreError


class RecordedReader:
    """Reads the markers in force at an era address. Several threads may use it.

    Args:
        observer: reads the chain; of several the first one that answers is believed. The caller closes them.
        core: decides and remembers; other readers and processes may share it, or its store.
        clock: POSIX time in seconds.
        tip_check: why a tip is stale by a clock of one's own, or ``None``.
    """

    def __init__(
        self,
        observer: ChainObserver | Sequence[ChainObserver],
        core: NodeCore,
        *,
        clock: Callable[[], float] = time.time,
        tip_check: Callable[[ChainTip], str | None] | None = None,
    ) -> None:
        self._core = core
        self._policy = core.state.settings.policy
        self._clock = clock
        self._source = EvidenceSource(observer, self._policy, core.store, tip_check=tip_check)
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"RecordedReader({self._source.name!r}, {self._policy.address!r})"

    def refresh(self, epoch: Epoch | None = None) -> TrustedReading:
        """The markers in force now; a reading that trusts nothing is none.

        Its epoch is the chain's, unless the tip is in doubt by the clock: then it is the clock's, or the greatest that
        was known.

        Args:
            epoch: the current epoch by a clock of one's own; a provider that is more than one off is not believed.

        Raises:
            ChainReadError: the chain could not be read; what is trusted stays so.
            StoreDamagedError: what is remembered as trusted was not signed by the keys.
        """
        with self._turn:
            evidence = self._source.gather(epoch)
            self._core.catch_up(self._clock())
            doubt = self._source.tip_stale(evidence)
            if doubt is not None:
                self._tick(epoch)
            self._core.apply(ObserverAnswered(evidence, self._clock(), doubt))
            decision, known = self._core.judged, self._core.state.epoch
            assert decision is not None  # noqa: S101 - an answer was judged, this one or one like it
            self._source.keep(decision.changed)
            at = evidence.epoch if doubt is None or known is None else known
            return self._told(replace(decision.reading, epoch=at))

    def remembered(self, error: ChainReadError | StoreError, epoch: Epoch | None = None) -> TrustedReading:
        """What is remembered, where the chain could not be read (T9): stale, for that reason.

        Args:
            error: why it could not.
            epoch: the current epoch by a clock of one's own.

        Raises:
            StoreDamagedError: what is remembered as trusted was not signed by the keys.
        """
        with self._turn:
            core, time_s = self._core, self._clock()
            core.catch_up(time_s)
            self._tick(epoch)
            core.apply(ObserverFailed(self._source.name, error.code, str(error), time_s))
            state = core.state
            decided = decide_remembered(state.trust, self._policy, str(error), epoch, verified=state.verified)
            return self._told(decided.reading)

    def _tick(self, epoch: Epoch | None) -> None:
        """Where the chain does not tell the epoch, the clock does: a switch that is known happens on time (T9)."""
        known = self._core.state.epoch
        if epoch is not None and (known is None or epoch > known):
            self._core.apply(ClockTicked(epoch, self._clock()))

    def _told(self, reading: TrustedReading) -> TrustedReading:
        """The reading, without events, which are written already, and with an alarm where they could not be."""
        unsaved = self._core.not_recording
        alarm = () if unsaved is None else (f"what is trusted could not be remembered: {unsaved}",)
        return replace(reading, events=(), alarms=(*reading.alarms, *alarm))

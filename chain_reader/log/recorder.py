"""A node's deciding core: what comes in is decided, written down, and applied, in this order.

In: inputs (``node.inputs``), one at a time. Out: decisions; the store's event log and memory, written in one
transaction; an ``EraChecker`` that is up to date. What is decided is ``decide``'s; here is only what is done about it.

1. Input and decisions are written together with what is trusted, whole or not at all. A node that is killed begins
   where the log ends: it replays the log from its last snapshot.
2. What another process trusted meanwhile comes in as an input too (``MemoryRead``), before what was to be written.
3. While the store cannot be written to (a full disk) the node decides all the same, and warns that it does not record.
   When it can be again, a snapshot marks the gap.
4. The log is kept within a size: beyond it the older half is taken out, up to a snapshot.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from chain_reader.log.evidence_records import EvidenceWriter
from chain_reader.log.records import input_event, state_facts
from chain_reader.log.replay import RESUMED, SNAPSHOT, STARTED, Replay, reconfigured
from chain_reader.node.core import Judged, NodeSettings, NodeState, decide_with, judge
from chain_reader.node.inputs import ClockTicked, InputEvent, MemoryRead, ObserverAnswered
from chain_reader.node.kinds import OF_TRUST, Decision
from chain_reader.trust.decision import TrustDecision
from chain_reader.trust.memory import EMPTY
from chain_reader.trust.screening import kept_verdicts, told_by
from era_store import EventFilter, MemoryStore, NewEvent, Store, StoreDamagedError, StoredEvent
from era_store.errors import StoreChangedError
from eras import EraChecker, EraSwitchError, StoreError
from eras.errors import kept

_log = logging.getLogger(__name__)
_ATTEMPTS = 5
_LOOK_EVERY = 20
"""After so many inputs the size of the log is looked at."""
_KEPT_PART = 0.75
"""A compacted log is at most this part of what it may be, so that it is not compacted all the time."""
_INPUTS_LOOKED_AT = 20
"""So many of the newest inputs in a shared log are looked at for one of this node's name; others may write, too."""
_SNAPSHOTS_LOOKED_AT = 100
"""Of the newest snapshots in a shared log so many are looked at for one of this node's era address and keys."""


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How much of the event log is kept.

    Attributes:
        max_bytes: a log that is larger is compacted.
        snapshot_every: after how many inputs a snapshot is written, from which a restart and a replay may begin.
    """

    max_bytes: int = 64 * 1024 * 1024
    snapshot_every: int = 1_000


IN_MEMORY = LogLimits(4 * 1024 * 1024)
"""For a store that lives in memory."""


class NodeCore:
    """Decides for one node. Several threads may use it; it takes one input at a time.

    It begins with the state in the log, or else with the trust in the store.

    Args:
        settings: what the node is configured to do.
        store: where it is remembered; by default in this process only.
        checker: receives the era; by default one of its own.
        limits: of the log.
        name: of the node among those that write into this log; it continues where one of this name ended.
        clock: POSIX time in seconds, for what happens at the start.
        logged: whether inputs and decisions are written into the log. Without it the node begins with what the store
            has as trusted, and writes only that, with the decisions that concern it.
        told: output reference → name of the verdict on it that was reported before, where the log does not have it; by
            default those that the store keeps.

    Raises:
        StoreError: what is trusted could not be read, or is damaged.
    """

    def __init__(
        self,
        settings: NodeSettings,
        store: Store | None = None,
        *,
        checker: EraChecker | None = None,
        limits: LogLimits | None = None,
        name: str = "",
        clock: Callable[[], float] = time.time,
        logged: bool = True,
        told: Mapping[str, str] | None = None,
    ) -> None:
        self._logged = logged
        self.store: Store = MemoryStore() if store is None else store
        self.checker = (
            EraChecker(settings.supported, notice_epochs=settings.notice_epochs) if checker is None else checker
        )
        self._limits = limits or (IN_MEMORY if isinstance(self.store, MemoryStore) else LogLimits())
        self._key = settings.policy.key
        self._name = name
        self._lock = threading.Lock()
        self._writer = EvidenceWriter()
        self._stream: int | None = None
        self._version = 0
        self._saved = EMPTY
        self._since_snapshot = self._since_look = 0
        self._compacted_to = self._snapshot_at = 0
        self._missed = 0
        self.not_recording: str | None = None
        """Why nothing is written into the log now; ``None`` while it is."""
        self.judged: TrustDecision | None = None
        """The result of the rules of trust at the last answer that differed from the one before it."""
        self.state: NodeState
        """All that the node knows."""
        resumed, at, self.state = self._begin(settings, told)
        self.began = self._start(resumed, at, clock())
        """What was decided at the start, upon what other processes trust by now."""
        self.checker.adopt(self.state.view)

    def catch_up(self, time_s: float) -> tuple[Decision, ...]:
        """Take over what other processes trust meanwhile, if they wrote anything.

        If a node of the same name continued from where this one began, this one continues from there: two replicas
        that both decide report nothing twice.

        Args:
            time_s: POSIX time, in seconds.

        Raises:
            StoreDamagedError: what is remembered as trusted was not signed by the keys.
        """
        with self._lock:
            if self.not_recording is not None:
                return ()  # what is known here is newer than what the store could take
            taken: tuple[Decision, ...] = ()
            try:
                if self._logged and self._is_behind():
                    taken = self._go_on(time_s)
                if self._stored_version() != self._version:
                    taken += self._take_over(time_s)
            except StoreDamagedError:
                raise
            except StoreError as error:
                _log.warning("What other processes wrote could not be read from the store: %s", error)
            self.checker.adopt(self.state.view)
        return taken

    def _stored_version(self) -> int:
        """The version of what is remembered; where that cannot be read, what is known here stays."""
        try:
            stored = self.store.trust.load(self._key)
        except StoreError as error:
            _log.warning("What is trusted could not be read from the store, and is taken from this process: %s", error)
            return self._version
        return 0 if stored is None else stored.version

    def apply(self, event: InputEvent) -> tuple[Decision, ...]:
        """The node's decisions on ``event``, remembered and applied to the checker.

        Raises:
            StoreDamagedError: what is remembered as trusted was not signed by the keys.
            ConfigurationError: the keys did not sign the checkpoint.
        """
        with self._lock:
            decisions = self._apply(event)
            self._keep_within_limits(event.time_s)
            self.checker.adopt(self.state.view)
        return decisions

    def _apply(self, event: InputEvent) -> tuple[Decision, ...]:
        taken: tuple[Decision, ...] = ()
        failed: StoreError | None = None
        for _ in range(_ATTEMPTS):
            after, decisions = decide_with(self.state, event, self._judge)
            try:
                self._write(event, after, decisions)
                failed = None
                break
            except StoreChangedError as error:
                failed = kept(error)
            except StoreError as error:
                failed = kept(error)
                break
            taken += self._take_over(event.time_s)
        if failed is not None:
            self._cannot_record(failed)
        self.state = after
        return taken + decisions

    def _judge(self, state: NodeState, event: ObserverAnswered) -> Judged:
        judged = judge(state, event)
        self.judged = judged[0]
        return judged

    # --- starting

    def _begin(
        self, settings: NodeSettings, told: Mapping[str, str] | None = None
    ) -> tuple[int | None, int | None, NodeState]:
        """The node's state by the log: the node it resumes, that one's last event, the state."""
        try:
            snapshot = self._last_snapshot() if self._logged else None
            if snapshot is not None:
                stream, first = snapshot
                replay = Replay()
                lines = self.store.events.lines(after=first - 1, only=EventFilter(stream=stream))
                differences = [found for found in map(replay.feed, lines) if found is not None]
                if differences:
                    _log.warning(
                        "Event %d of the log differs from what this version decides: the node continues "
                        "with what follows from its inputs",
                        differences[0].event_id,
                    )
                node = replay.nodes[stream]
                return stream, node.last_id, reconfigured(node.state, settings)
        except (EraSwitchError, KeyError) as error:
            _log.warning("The event log cannot be replayed, so the node starts with what is trusted: %s", error)
        known = told_by(kept_verdicts(self.store, self._key)) if told is None else dict(told)
        return None, None, NodeState(settings, told=known)

    def _last_snapshot(self) -> tuple[int, int] | None:
        """The stream and the id of the snapshot to continue from: that of the last node of this name that wrote."""
        before: int | None = None
        for _ in range(_SNAPSHOTS_LOOKED_AT):
            found = self.store.events.last(EventFilter(roles=("snapshot",)), before=before)
            if found is None:
                break
            if self._is_own(found):
                deciding = self._decided_last()
                if deciding is not None and deciding[0].id > found.id:
                    found = deciding[1]
                return _stream_of(found), found.id
            before = found.id
        return None

    def _go_on(self, time_s: float) -> tuple[Decision, ...]:
        """Continue where another node of the same name has ended, but at no earlier epoch than this one knows."""
        known = self.state
        self._writer.forget()
        resumed, at, self.state = self._begin(known.settings)
        if resumed is None:  # its log cannot be replayed: better what is known here than nothing
            self.state = known
        taken = self._start(resumed, at, time_s)
        if known.epoch is not None and (self.state.epoch is None or self.state.epoch < known.epoch):
            taken += self._apply(ClockTicked(known.epoch, time_s))
        return taken

    def _is_own(self, snapshot: StoredEvent) -> bool:
        """Whether a node with the same keys, address and name wrote it."""
        facts = snapshot.facts
        return facts.get("of") == self._key.id and facts.get("name", "") == self._name

    def _decided_last(self) -> tuple[StoredEvent, StoredEvent] | None:
        """The newest input of a node of this name, and the last snapshot of that node."""
        events = self.store.events
        before: int | None = None
        others: set[int] = set()
        for _ in range(_INPUTS_LOOKED_AT):
            last = events.last(EventFilter(roles=("input",)), before=before)
            if last is None or last.stream is None:
                return None
            before = last.id
            if last.stream in others:
                continue
            began = events.last(EventFilter(roles=("snapshot",), stream=last.stream))
            if began is not None and self._is_own(began):
                return last, began
            others.add(last.stream)
        return None

    def _is_behind(self) -> bool:
        """Whether another node of the same name has decided since this one did."""
        deciding = self._decided_last()
        return deciding is not None and deciding[0].stream != self._stream and deciding[0].id > (self._stream or 0)

    def _start(self, resumed: int | None, at: int | None, time_s: float) -> tuple[Decision, ...]:
        stored = self.store.trust.load(self._key)
        decisions: tuple[Decision, ...] = ()
        try:
            if self._logged:
                self._write_start(resumed, at, time_s)
        except StoreError as error:
            self._cannot_record(error)
        if stored is not None:
            self._version, self._saved = stored.version, replace(stored, version=0)
            if self._saved != self.state.trust:
                decisions = self._apply(MemoryRead(self._saved, time_s))
        return decisions

    # --- writing

    @property
    def _identity(self) -> dict[str, object]:
        return {"of": self._key.id, "name": self._name} if self._name else {"of": self._key.id}

    def _write_start(self, resumed: int | None, at: int | None, time_s: float) -> None:
        facts = self._identity | {"resumes": resumed, "at": at, "state": state_facts(self.state)}
        started = NewEvent(STARTED, facts, self.state.epoch, "snapshot")
        (self._stream,) = self.store.events.record([started], time_s=time_s)
        self._snapshot_at = self._stream

    def _write(self, event: InputEvent, after: NodeState, decisions: tuple[Decision, ...]) -> None:
        """Write an input, what was decided, and what is trusted now, together.

        Raises:
            StoreChangedError: another process trusts something else meanwhile; nothing is written.
            StoreError: it cannot be written; nothing is.
        """
        if not self._logged:
            self._write_trust(event.time_s, after, decisions)
            return
        self._writer.abandon()
        if self._stream is None:
            self._write_start(None, None, event.time_s)
        stream = self._stream or 0
        events: list[NewEvent] = []
        if self.not_recording is not None:
            self._writer.forget()
            facts = {"missed": self._missed, "reason": self.not_recording}
            events.append(self._snapshot(RESUMED, facts))
        events.append(input_event(event, after.epoch, stream, self._writer))
        events += [NewEvent(told.kind, told.facts, told.epoch, "decision", stream) for told in decisions]
        if after.trust is self._saved or after.trust == self._saved:
            self.store.events.record(events, time_s=event.time_s)
        else:
            trust = replace(after.trust, version=self._version)
            self._version = self.store.trust.save(self._key, trust, events, time_s=event.time_s).version
            self._saved = after.trust
        self._writer.wrote()
        self._since_snapshot += 1
        self._since_look += 1
        if self.not_recording is not None:
            _log.warning("The event log is written again; it lacks %d inputs", self._missed)
            self.not_recording, self._missed = None, 0

    def _write_trust(self, time_s: float, after: NodeState, decisions: tuple[Decision, ...]) -> None:
        """Write what is trusted now with the decisions that concern it, and nothing where neither is new."""
        events = [told for told in decisions if told.kind in OF_TRUST]
        if events or after.trust != self._saved:
            trust = replace(after.trust, version=self._version)
            self._version = self.store.trust.save(self._key, trust, events, time_s=time_s).version
            self._saved = after.trust
        self.not_recording = None

    def _take_over(self, time_s: float) -> tuple[Decision, ...]:
        try:
            return self._take_memory(time_s)
        except StoreDamagedError:
            raise
        except StoreError as error:
            _log.warning("What another process trusts could not be adopted: %s", error)
            return ()

    def _take_memory(self, time_s: float) -> tuple[Decision, ...]:
        """Take over what another process wrote.

        Raises:
            StoreChangedError: another one wrote again.
            StoreDamagedError: what is there was not signed by the keys.
            StoreError: it could not be read.
        """
        stored = self.store.trust.load(self._key)
        if stored is None:
            self._version, self._saved = 0, EMPTY
            return ()
        self._version, self._saved = stored.version, replace(stored, version=0)
        memory = MemoryRead(self._saved, time_s)
        after, decisions = decide_with(self.state, memory, self._judge)
        self._write(memory, after, decisions)
        self.state = after
        return decisions

    def _cannot_record(self, error: StoreError) -> None:
        self._missed += 1
        if self.not_recording is None:
            _log.warning("The event log can no longer be written; the node decides without it: %s", error)
        self.not_recording = str(error)

    def _snapshot(self, kind: str, facts: dict[str, object]) -> NewEvent:
        state = self.state
        facts = {**self._identity, **facts, "state": state_facts(state)}
        return NewEvent(kind, facts, state.epoch, "snapshot", self._stream)

    def _keep_within_limits(self, time_s: float) -> None:
        """A snapshot now and then; the log compacted where it is too large. What fails here is tried again later."""
        if self.not_recording is not None or not self._logged:
            return
        try:
            if self._since_look >= _LOOK_EVERY:
                self._since_look = 0
                head = self.store.events.head()
                if head.size_bytes > max(self._limits.max_bytes, 2 * self._compacted_to):
                    self._compact(time_s)
                elif head.first_id > self._snapshot_at:  # another node took out what this one's inputs follow from
                    self._write_snapshot(time_s)
            if self._since_snapshot >= self._limits.snapshot_every:
                self._write_snapshot(time_s)
        except StoreError as error:
            self._cannot_record(error)

    def _compact(self, time_s: float) -> None:
        """Take the older half of the log out, up to a snapshot; all but a fresh one where that is not enough."""
        events = self.store.events
        head = events.head()
        middle = (head.first_id + head.last_id) // 2
        found = events.last(EventFilter(roles=("snapshot",)), before=middle + 1)
        if found is not None:
            events.compact(min(found.id, self._snapshot_at))  # what is written now refers to this node's last one
        if events.head().size_bytes > _KEPT_PART * self._limits.max_bytes:
            events.compact(self._write_snapshot(time_s))
            self._compacted_to = events.head().size_bytes

    def _write_snapshot(self, time_s: float) -> int:
        (written,) = self.store.events.record([self._snapshot(SNAPSHOT, {})], time_s=time_s)
        self._writer.forget()
        self._since_snapshot, self._snapshot_at = 0, written
        return written


def _stream_of(snapshot: StoredEvent) -> int:
    return snapshot.id if snapshot.stream is None else snapshot.stream

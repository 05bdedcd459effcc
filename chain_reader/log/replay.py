"""Replay: every decision of an event log made again from the recorded inputs, and held against what was decided.

In: the lines of a log, one after the other. Out: the first difference, the state of every node that wrote into it, and
how much was replayed. It decides with the ``decide`` that the nodes decided with; a node that was killed finds its
state so.

1. A node begins with a snapshot (``started``): its settings and its state. What it wrote refers to that event's id.
2. For each input the decisions that follow it, up to the next one, must be those that ``decide`` gives, in that order.
3. A later snapshot must be the state that the inputs lead to; one that is marked as following a gap is taken over.
4. What a node wrote before the first snapshot that is there (compaction took it out) cannot be replayed; it is counted.
   Neither can decisions whose inputs nobody recorded: those of a command that read the chain, or of an older version.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from chain_reader.log.evidence_records import EvidenceReader
from chain_reader.log.records import read_input, state_facts, state_of
from chain_reader.node.core import Decided, NodeSettings, NodeState, decide
from chain_reader.node.inputs import InputEvent
from chain_reader.node.kinds import Decision
from era_store import EventLogNewerError, LogLine, StoredEvent
from era_store.event_log import EventLogDamagedError, canonical
from era_store.redaction import redacted
from eras import EraSwitchError, __version__
from eras.view import NO_VIEW, advanced

_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, EraSwitchError)

STARTED = "started"
SNAPSHOT = "snapshot"
RESUMED = "recording-resumed"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference between a replay and the log.

    Attributes:
        event_id: the event of the log at which they differ.
        cause: the input that was decided upon, if one was.
        recorded: what the log has there: kind, epoch and facts; ``None`` where it has nothing.
        recomputed: what follows from the inputs; ``None`` where nothing does.
    """

    event_id: int
    cause: int | None
    recorded: dict[str, object] | None
    recomputed: dict[str, object] | None

    def to_dict(self) -> dict[str, object]:
        """The difference as JSON-ready facts."""
        return {
            "event": self.event_id,
            "cause": self.cause,
            "recorded": self.recorded,
            "recomputed": self.recomputed,
        }


@dataclass(slots=True)
class Node:
    """One node of a log, as far as it was replayed.

    Attributes:
        state: its state.
        reader: reads the answers that it recorded.
        due: decisions that the log must have next.
        cause: the last input.
        last_id: the last event of it.
        snapshot_id: its last snapshot.
        resumed_by: the event with which another one continued where this one ended.
    """

    state: NodeState
    reader: EvidenceReader
    due: deque[Decision] = field(default_factory=deque)
    cause: int | None = None
    last_id: int = 0
    snapshot_id: int = 0
    resumed_by: int | None = None


@dataclass(slots=True)
class Replayed:
    """How much was replayed.

    Attributes:
        events: lines that were read.
        inputs: inputs that were decided upon again.
        decisions: decisions that were made again.
        snapshots: states that were held against the inputs.
        gaps: times when a node could not record (a full disk).
        unreplayable: inputs before the first snapshot that is there.
        unexplained: decisions whose inputs were not recorded.
        last_id: the last event.
    """

    events: int = 0
    inputs: int = 0
    decisions: int = 0
    snapshots: int = 0
    gaps: int = 0
    unreplayable: int = 0
    unexplained: int = 0
    last_id: int = 0


class Replay:
    """Replays a log, line by line.

    Args:
        decide: what decides; by default what every node decides with.
    """

    def __init__(self, decide: Callable[[NodeState, InputEvent], Decided] = decide) -> None:
        self._decide = decide
        self.nodes: dict[int, Node] = {}
        self.done = Replayed()

    def run(self, lines: Iterable[LogLine]) -> Difference | None:
        """Replay these lines; stops at the first difference and returns it.

        Raises:
            EventLogDamagedError: an event cannot be read; its id is named.
            EventLogNewerError: a newer version wrote it.
        """
        for line in lines:
            found = self.feed(line)
            if found is not None:
                return found
        return self.end()

    def feed(self, line: LogLine) -> Difference | None:
        """Replay one line; after a difference, the replay may continue with what follows from the inputs.

        Raises:
            EventLogDamagedError: it cannot be read.
            EventLogNewerError: a newer version wrote it.
        """
        event = line.event
        self.done.events += 1
        self.done.last_id = event.id
        feed = _FEEDERS.get(event.role)
        if feed is None:
            raise unreadable(event, ValueError(f"no such role: {event.role}"))
        return feed(self, line)

    def end(self) -> Difference | None:
        """Held against the end of the log: a decision that should have been there and is not."""
        for node in self.nodes.values():
            found = _missing(node)
            if found is not None:
                return found
        return None

    def _input(self, line: LogLine) -> Difference | None:
        event = line.event
        node = self._node(event)
        if node is None:
            self.done.unreplayable += 1
            return None
        found = _missing(node)
        node.due.clear()
        try:
            known = read_input(event, node.reader)
        except _UNREADABLE as error:
            raise unreadable(event, error) from error
        try:
            node.state, decisions = self._decide(node.state, known)
        except EraSwitchError as error:
            raise unreadable(event, error) from error
        node.due.extend(decisions)
        node.cause = event.id
        self.done.inputs += 1
        return found

    def _decision(self, line: LogLine) -> Difference | None:
        event = line.event
        node = None if event.cause is None else self._node(event)
        if node is None:
            self.done.unexplained += 1
            return None
        self.done.decisions += 1
        due = node.due.popleft() if node.due else None
        if due is not None and event.cause == node.cause and _is_same(due, line):
            return None
        return Difference(event.id, event.cause, _told(event), None if due is None else _told(due))

    def _snapshot(self, line: LogLine) -> Difference | None:
        event, facts = line.event, line.event.facts
        stream = event.id if event.stream is None else event.stream
        try:
            state = state_of(facts["state"])
            before = self.nodes.get(facts["resumes"] if event.kind == STARTED else stream)
            goes_on = event.kind == SNAPSHOT or (before is not None and facts.get("at") == before.last_id)
        except _UNREADABLE as error:
            raise unreadable(event, error) from error
        found = None
        if event.kind == RESUMED:
            self.done.gaps += 1
        elif before is not None and goes_on:
            self.done.snapshots += 1
            found = _missing(before) or self._held(event, before, state.settings)
        if before is not None and event.kind == STARTED:
            before.resumed_by = event.id
        policy = state.settings.policy
        self.nodes[stream] = Node(
            state, EvidenceReader(policy.keys, policy.kind.markers), last_id=event.id, snapshot_id=event.id
        )
        return found

    def _held(self, event: StoredEvent, before: Node, settings: NodeSettings) -> Difference | None:
        state = before.state
        if event.kind == STARTED:
            try:
                state = reconfigured(state, settings)
            except EraSwitchError as error:
                raise unreadable(event, error) from error
        expected = redacted(state_facts(state))
        if canonical(expected) == canonical(event.facts["state"]):
            return None
        recorded = event.facts["state"]
        names = [name for name in expected if canonical(expected[name]) != canonical(recorded.get(name))]
        return Difference(
            event.id,
            before.cause,
            {name: recorded.get(name) for name in names},
            {name: expected[name] for name in names},
        )

    def _node(self, event: StoredEvent) -> Node | None:
        node = None if event.stream is None else self.nodes.get(event.stream)
        if node is not None:
            node.last_id = event.id
        return node


_FEEDERS: dict[str, Callable[[Replay, LogLine], Difference | None]] = {
    "decision": Replay._decision,
    "input": Replay._input,
    "snapshot": Replay._snapshot,
}


def _is_same(due: Decision, line: LogLine) -> bool:
    event = line.event
    return (due.kind, due.epoch) == (event.kind, event.epoch) and canonical(redacted(due.facts)) == line.facts


def reconfigured(state: NodeState, settings: NodeSettings) -> NodeState:
    """A state under other settings, as a node has it when it restarts after an upgrade; nothing is reported.

    An epoch that no clock gave, and that later answers overruled, ends with the process that believed it (T7).

    Raises:
        EraRegressionError: the eras it supports now contradict the order that its schedule had.
    """
    view = state.view
    if view.token is not None and settings.supported != state.settings.supported:
        view = advanced(view, view.token.epoch, settings.supported)
    after = replace(state, settings=settings, view=view, verified=None, steady=None)
    seen = state.trust.sighting
    if seen is None or state.clock is not None or state.epoch is None or state.epoch <= seen.epoch:
        return after
    return replace(after, epoch=seen.epoch, view=NO_VIEW, configured=None)


def unreadable(event: StoredEvent, error: Exception) -> EventLogDamagedError | EventLogNewerError:
    """The error for an event that cannot be read: of a newer version, or damaged."""
    if isinstance(error, EventLogDamagedError | EventLogNewerError):
        return error
    if _release(event.version) > _release(__version__):
        return EventLogNewerError(
            f"Event {event.id} was written by a newer version of eraswitch, {event.version}",
            expected=f"what {__version__} knows",
            got=f"{event.kind}: {error}"[:120],
            next_step="Upgrade eraswitch, or stop before it: --until",
            event=event.id,
            version=event.version,
        )
    return EventLogDamagedError(
        f"Event {event.id} cannot be replayed: it is not what eraswitch writes",
        expected=f"the facts of {event.kind}",
        got=f"{type(error).__name__}: {error}"[:160],
        next_step="Check the log: eraswitch events verify",
        event=event.id,
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])


def _missing(node: Node) -> Difference | None:
    if not node.due:
        return None
    return Difference(node.cause or 0, node.cause, None, _told(node.due[0]))


def _told(event: StoredEvent | Decision) -> dict[str, object]:
    return {"kind": event.kind, "epoch": event.epoch, "facts": redacted(event.facts)}

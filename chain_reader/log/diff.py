"""Finds where two nodes parted: two event logs, epoch beside epoch.

In: the lines of two logs. Out: a ``Parting``. Two nodes never log the same bytes: their clocks, providers and starts
differ. What must be the same is what they decide: at the end of every epoch that both logs cover, the current era and
the schedule that is trusted. Verdicts on the same output may differ, for providers know more or less; they are
reported.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from chain_reader.node.kinds import DecisionKind
from chain_reader.trust.kinds import last_activation
from era_store import LogLine, StoredEvent
from era_store.event_log import canonical
from eras import Epoch, EraMarker

_ERA_KINDS = (DecisionKind.ERA_KNOWN, DecisionKind.ACTIVATED, DecisionKind.UNSUPPORTED_CURRENT)
_VERDICT_KINDS = (DecisionKind.REFUSED, DecisionKind.CONFLICT)


@dataclass(frozen=True, slots=True)
class Side:
    """The decision of one node.

    Attributes:
        value: the era, the schedule, or the verdict; ``None`` where it had none.
        event: the event that records it.
        cause: the input upon which that was decided.
    """

    value: str | None
    event: StoredEvent | None
    cause: StoredEvent | None

    def to_dict(self) -> dict[str, object]:
        """The side as JSON-ready facts."""
        return {"value": self.value, "event": _facts(self.event), "input": _facts(self.cause)}


@dataclass(frozen=True, slots=True)
class Parting:
    """The comparison of two logs.

    Attributes:
        same_until: the last event up to which they are one log, byte for byte; 0 where they are two from the start.
        first_epoch: the first epoch that both cover; ``None`` where there is none.
        last_epoch: the last one.
        epoch: the first epoch at whose end they had decided different things; ``None`` where there is none.
        matter: what they differ about then: ``era`` or ``schedule``.
        sides: what each of the two had decided.
        verdicts: outputs whose last verdicts in the two logs differ: reference → the two verdicts.
    """

    same_until: int
    first_epoch: Epoch | None
    last_epoch: Epoch | None
    epoch: Epoch | None = None
    matter: str | None = None
    sides: tuple[Side, Side] | None = None
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)


def diff(first: Iterable[LogLine], second: Iterable[LogLine]) -> Parting:
    """Compares two logs, oldest line first."""
    logs = (_Log(), _Log())
    for log, lines in zip(logs, (first, second), strict=True):
        for line in lines:
            log.feed(line)
    one, other = logs
    same = 0
    for (event_id, a), (_, b) in zip(one.hashes, other.hashes, strict=False):
        if a != b:
            break
        same = event_id
    both = one.verdicts.keys() & other.verdicts.keys()
    verdicts = {key: (one.verdicts[key], other.verdicts[key]) for key in sorted(both)}
    verdicts = {key: (a, b) for key, (a, b) in verdicts.items() if a != b}
    if not one.epochs or not other.epochs:
        return Parting(same, None, None, verdicts=verdicts)
    start, end = max(one.epochs[0], other.epochs[0]), min(one.epochs[1], other.epochs[1])
    if start > end:
        return Parting(same, None, None, verdicts=verdicts)
    for epoch in sorted({start, *(at for log in logs for at in log.changes() if start < at <= end)}):
        for matter in ("era", "schedule"):
            left, right = one.at(matter, epoch), other.at(matter, epoch)
            if left.value != right.value:
                return Parting(same, start, end, epoch, matter, (left, right), verdicts)
    return Parting(same, start, end, verdicts=verdicts)


class _Log:
    """The decisions of a node at the end of each epoch."""

    def __init__(self) -> None:
        self.hashes: list[tuple[int, str | None]] = []
        self.epochs: tuple[Epoch, Epoch] | None = None
        self.verdicts: dict[str, str] = {}
        self._inputs: dict[int, StoredEvent] = {}
        self._told: dict[str, list[tuple[Epoch, str, StoredEvent]]] = {"era": [], "schedule": []}

    def feed(self, line: LogLine) -> None:
        event = line.event
        self.hashes.append((event.id, line.hash))
        if event.role == "input":
            self._inputs[event.id] = event
        if event.epoch is not None:
            first, last = self.epochs or (event.epoch, event.epoch)
            self.epochs = (min(first, event.epoch), max(last, event.epoch))
            if event.role == "decision":
                self._decision(event, event.epoch)
            elif event.role == "snapshot":
                self._snapshot(event, event.epoch)

    def changes(self) -> set[Epoch]:
        """The epochs in which it decided something."""
        return {epoch for told in self._told.values() for epoch, _, _ in told}

    def at(self, matter: str, epoch: Epoch) -> Side:
        """The decision at the end of an epoch."""
        told = self._told[matter]
        place = bisect_right(told, epoch, key=lambda entry: entry[0])
        if not place:
            return Side(None, None, None)
        _, value, event = told[place - 1]
        return Side(value, event, None if event.cause is None else self._inputs.get(event.cause))

    def _decision(self, event: StoredEvent, epoch: Epoch) -> None:
        facts = event.facts
        if event.kind in _ERA_KINDS:
            self._tell("era", epoch, str(facts.get("era")), event)
        elif event.kind == DecisionKind.TRUSTED:
            self._tell("schedule", epoch, canonical(facts.get("markers")), event)
        elif event.kind in _VERDICT_KINDS:
            self.verdicts[str(facts.get("output"))] = str(facts.get("verdict"))

    def _snapshot(self, event: StoredEvent, epoch: Epoch) -> None:
        state = event.facts.get("state", {})
        trusted = (state.get("trust") or {}).get("trusted")
        if trusted is not None:
            self._tell("schedule", epoch, canonical(trusted["markers"]), event)
        view = state.get("view") or {}
        if view.get("markers"):
            markers = [EraMarker(marker["name"], marker["epoch"]) for marker in view["markers"]]
            current = last_activation(markers, Epoch(view["epoch"]))
            if current is not None:
                self._tell("era", epoch, current.name, event)

    def _tell(self, matter: str, epoch: Epoch, value: str, event: StoredEvent) -> None:
        told = self._told[matter]
        if not told or told[-1][1] != value:
            told.append((max(epoch, told[-1][0]) if told else epoch, value, event))


def _facts(event: StoredEvent | None) -> dict[str, object] | None:
    if event is None:
        return None
    facts = {name: fact for name, fact in event.facts.items() if name not in ("state", "unspent", "considered")}
    return {"id": event.id, "kind": event.kind, "epoch": event.epoch, "time_s": event.time_s, "facts": facts}

"""The activity in plain words: published, scheduled, overridden, refused, a gate crossed, an era switched.

In: entries of the event log, and when epochs begin. Out: ``Activity`` entries, newest first, for the page and for the
feed. All changes by one publication are one entry, and refused payloads that follow each other are one.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from chain_reader.genesis import EpochCalendar
from chain_reader.node.kinds import DecisionKind
from chain_reader.trust.verdicts import NOT_REFUSED
from era_service.dashboard.markers import describe
from era_service.dashboard.views import Tone
from era_service.dashboard.words import listed, short_hash
from era_service.releasing.activation_gate import OVERRIDDEN
from era_service.service.gate_watch import GATE_CROSSED
from era_service.status.documents import MarkerDocument
from era_store import StoredEvent
from era_store.records import Facts
from eras.words import counted, percent
from release_tools.adoption.shares import Base, share_words

_CHANGES = frozenset((DecisionKind.ANNOUNCED, DecisionKind.SCHEDULED, DecisionKind.MOVED, DecisionKind.CANCELLED))
REFUSALS = frozenset((DecisionKind.REFUSED, DecisionKind.REFUSED_MANY))
"""Kinds of events that are one entry if they follow each other."""


IDENTIFYING = ("era", "begins", "was", "began", "previous", "output", "reason")
"""The facts by which two events of a kind report the same: several processes on one store may record it."""


class ActivityKind(StrEnum):
    """The kind of an activity, and the type of its message to webhooks."""

    PUBLISHED = "published"
    SWITCHED = "switched"
    GATE_CROSSED = "gate-crossed"
    OVERRIDDEN = "overridden"
    REFUSED = "refused"

    @property
    def label(self) -> str:
        """The kind in a word or two."""
        return self.value.replace("-", " ")


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that happened.

    Attributes:
        id: of its newest event.
        kind: its kind.
        title: what happened, in a sentence.
        detail: details, in another sentence.
        tone: its meaning for a release team.
        epoch: the epoch in which it happened, if known.
        time_s: when it was noticed, POSIX seconds.
    """

    id: int
    kind: ActivityKind
    title: str
    detail: str
    tone: Tone
    epoch: int | None
    time_s: float


_Parts = tuple[ActivityKind, str, str, Tone]


def _at(facts: Facts, name: str, calendar: EpochCalendar) -> str:
    return calendar.epoch(facts[name]) if facts.get(name) is not None else "an epoch"


def _change_words(kind: str, facts: Facts, calendar: EpochCalendar) -> str:
    era = facts["era"]
    return {
        DecisionKind.ANNOUNCED: lambda: f"{era} is announced",
        DecisionKind.SCHEDULED: lambda: f"{era} is scheduled for {_at(facts, 'begins', calendar)}",
        DecisionKind.MOVED: lambda: (
            f"{era} is moved from epoch {facts.get('was')} to {_at(facts, 'begins', calendar)}"
            if facts.get("begins") is not None
            else f"{era} is no longer scheduled for epoch {facts.get('was')}"
        ),
        DecisionKind.CANCELLED: lambda: f"{era} is cancelled",
    }[DecisionKind(kind)]()


def _published(facts: Facts, _calendar: EpochCalendar) -> _Parts:
    markers = describe([MarkerDocument(**marker) for marker in facts.get("markers", ())])
    return (
        ActivityKind.PUBLISHED,
        "The markers were published again",
        f"{markers}; {short_hash(str(facts.get('output')))}",
        "quiet",
    )


def _switched(facts: Facts, calendar: EpochCalendar) -> _Parts:
    before = facts.get("previous")
    detail = f"Since {_at(facts, 'began', calendar)}" + (f", after {before}" if before else "")
    tone: Tone = "good" if facts.get("supported", True) else "bad"
    return ActivityKind.SWITCHED, f"{facts['era']} is the current era", detail, tone


def _crossed(facts: Facts, _calendar: EpochCalendar) -> _Parts:
    share = facts.get("share") or {}
    gate = share_words(Fraction(str(facts["threshold"])))
    detail = f"{percent(share.get('share'))} of {Base(facts['base']).words}, gate {gate}"
    if facts["met"]:
        return ActivityKind.GATE_CROSSED, f"{facts['era']} has reached its gate", detail, "good"
    return ActivityKind.GATE_CROSSED, f"{facts['era']} has fallen below its gate", detail, "attention"


def _overridden(facts: Facts, _calendar: EpochCalendar) -> _Parts:
    title = f"{facts.get('era', 'An era')} was activated although its gate was not met"
    return ActivityKind.OVERRIDDEN, title, f"The reason given: {facts.get('reason')}", "attention"


def _conflict(facts: Facts, _calendar: EpochCalendar) -> _Parts:
    return ActivityKind.REFUSED, "A payload contradicts what is in force", str(facts.get("reason", "")), "bad"


_DESCRIBED: dict[str, Callable[[Facts, EpochCalendar], _Parts]] = {
    DecisionKind.TRUSTED: _published,
    DecisionKind.ACTIVATED: _switched,
    GATE_CROSSED: _crossed,
    OVERRIDDEN: _overridden,
    DecisionKind.CONFLICT: _conflict,
}

KINDS: tuple[str, ...] = tuple(sorted(map(str, {*_DESCRIBED, *_CHANGES, *REFUSALS})))
"""The kinds of events that are shown."""


def activity_of(events: Iterable[StoredEvent], calendar: EpochCalendar) -> tuple[Activity, ...]:
    """The activity, newest first.

    Args:
        events: of the kinds in ``KINDS``, oldest first.
        calendar: when epochs begin.
    """
    found: list[Activity] = []
    seen: set[tuple[str, ...]] = set()
    verdicts: Counter[str] = Counter()
    for event in events:
        same = (event.kind, *(str(event.facts.get(name)) for name in IDENTIFYING))
        if event.kind in REFUSALS:
            news = _refusing_verdicts(event.facts)
            if not news:
                continue
            if found and found[-1].kind is ActivityKind.REFUSED and found[-1].tone == "quiet":
                found.pop()
            else:
                verdicts = Counter()
            verdicts.update(news)
            kinds = listed([f"{number} {verdict}" for verdict, number in sorted(verdicts.items())])
            title = f"{counted(verdicts.total(), 'payload')} refused"
            found.append(_entry(event, ActivityKind.REFUSED, title, f"{kinds}; nothing changed", "quiet"))
        elif event.kind in _CHANGES:
            words = _change_words(event.kind, event.facts, calendar)
            publication = (ActivityKind.PUBLISHED, event.time_s)
            of = next((n for n, one in enumerate(found) if (one.kind, one.time_s) == publication), None)
            if of is not None:
                title = f"{found[of].title}; {words}" if found[of].tone == "attention" else words
                found[of] = replace(found[of], title=title, tone="attention")
            elif same not in seen:
                found.append(_entry(event, ActivityKind.PUBLISHED, words, "", "attention"))
            seen.add(same)
        else:
            parts = _DESCRIBED[event.kind](event.facts, calendar)
            if same not in seen:
                found.append(_entry(event, *parts))
            if event.kind != GATE_CROSSED:  # which may happen again
                seen.add(same)
    return tuple(reversed(found))


def _refusing_verdicts(facts: Facts) -> dict[str, int]:
    """Verdict → how often it was given, of those that refuse a payload."""
    many = facts.get("verdicts")
    found = many if isinstance(many, dict) else {str(facts.get("verdict")): 1}
    return {verdict: number for verdict, number in found.items() if verdict not in NOT_REFUSED}


def _entry(event: StoredEvent, kind: ActivityKind, title: str, detail: str, tone: Tone) -> Activity:
    return Activity(event.id, kind, title, detail, tone, event.epoch, event.time_s)

"""The outcome of a rehearsal: a row for each epoch, decisions, broken rules, expectations, and the verdict. Pure.

Equal scenarios give equal outcomes. The verdict is for a release manager: the result, the reasons, and the next step. A
rollout that loses the quorum is bad even if the scenario expects it. The first of these that applies is the verdict:

1. a rule was broken; 2. it did not end as the scenario expects; 3. the quorum was lost; 4. an era that was to begin
did not; 5. the quorum was kept by luck; 6. it went well.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Literal

from eras import Epoch
from eras.words import percent
from release_tools.adoption.shares import needed_share
from release_tools.forecasting.lottery import QuorumModel
from release_tools.markers.change import Change
from release_tools.rehearsal.actions import Activate
from release_tools.rehearsal.invariants import LIKELY, Violation
from release_tools.rehearsal.scenario import Expect, Scenario

Grade = Literal["good", "doubtful", "bad"]
_LISTED = 6


@dataclass(frozen=True, slots=True)
class EpochRow:
    """An epoch, at its end.

    Attributes:
        epoch: the epoch.
        era: the current era, by what the team published.
        up: nodes that run.
        stopped: nodes that stopped because they do not know the current era.
        in_era: nodes that run, in that era.
        ready: share of the registered stake whose version knows the era to come; ``None`` where none is announced.
        registered: lovelace registered for the signatures of this epoch.
        signing: share of it that signs, half-way through the epoch.
        quorum_probability: the chance of a quorum with that share.
        quorum: whether the lottery, drawn, reached it.
        lottery: what decided it: the parameters that the network signs with in this epoch.
        forecast: the chance of a quorum that was forecast before the switch, if one was.
        behind: share of the whole network's stake that signs.
        by_version: lovelace that registered in this epoch, by version.
    """

    epoch: Epoch
    era: str
    up: int
    stopped: int
    in_era: int
    ready: float | None
    registered: int
    signing: float
    quorum_probability: float
    quorum: bool
    lottery: QuorumModel
    forecast: float | None
    behind: float
    by_version: dict[str, int]

    def to_dict(self) -> dict[str, object]:
        """The row, JSON-ready."""
        return {name: getattr(self, name) for name in self.__slots__} | {"lottery": self.lottery.to_dict()}


@dataclass(frozen=True, slots=True)
class Told:
    """A kind of decision that nodes made.

    Attributes:
        kind: which.
        first: the epoch in which a node made it first.
        nodes: how many made it.
        times: how often, all together.
    """

    kind: str
    first: Epoch
    nodes: int
    times: int


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was done, or that happened.

    Attributes:
        at: the epoch, in parts.
        words: what it was.
        published: the change that the team published; ``None`` where it published none.
        refused: the change that the team did not publish, because of the gate.
    """

    at: float
    words: str
    published: Change | None = None
    refused: Change | None = None

    def to_dict(self) -> dict[str, object]:
        """The happening, JSON-ready."""
        return {"at": self.at, "words": self.words}


@dataclass(frozen=True, slots=True)
class Checked:
    """An expectation, and whether it was met."""

    expected: str
    got: str
    met: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a rehearsal.

    Attributes:
        grade: good, doubtful or bad.
        headline: the result in a sentence.
        reasons: the reasons, one sentence each.
        next_step: the next step.
    """

    grade: Grade
    headline: str
    reasons: tuple[str, ...]
    next_step: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a rehearsal.

    Attributes:
        scenario: the rehearsed scenario.
        rows: an entry for each epoch.
        told: the decisions of nodes, in the order of their first time.
        happenings: actions and faults, in order.
        violations: the rules that were broken.
    """

    scenario: Scenario
    rows: tuple[EpochRow, ...]
    told: tuple[Told, ...]
    happenings: tuple[Happening, ...]
    violations: tuple[Violation, ...]

    @property
    def checked(self) -> tuple[Checked, ...]:
        """The expectations, with the result of each."""
        return tuple(_checked(self.scenario.expect, self))

    @property
    def ok(self) -> bool:
        """Whether no rule was broken and it ended as expected."""
        return not self.violations and all(one.met for one in self.checked)

    @property
    def verdict(self) -> Verdict:
        """The verdict, with reasons and the next step."""
        return _verdict_of(self)

    @property
    def lost(self) -> int:
        """Epochs without a quorum."""
        return sum(not row.quorum for row in self.rows)

    def to_dict(self) -> dict[str, object]:
        """The outcome, JSON-ready."""
        return {
            "title": self.scenario.title,
            "seed": self.scenario.seed,
            "nodes": self.scenario.nodes,
            "ok": self.ok,
            "verdict": asdict(self.verdict),
            "violations": [asdict(violation) for violation in self.violations],
            "expected": [asdict(one) for one in self.checked],
            "epochs": [row.to_dict() for row in self.rows],
            "told": [asdict(told) for told in self.told],
            "happenings": [happening.to_dict() for happening in self.happenings],
        }


def _checked(expect: Expect, outcome: Outcome) -> list[Checked]:
    last = outcome.rows[-1]
    nodes, told = outcome.scenario.nodes, {one.kind for one in outcome.told}
    found: list[Checked] = []
    if expect.current is not None:
        found.append(Checked(f"{expect.current} is current at the end", last.era, last.era == expect.current))
    if expect.switched is not None:
        share = last.in_era / nodes
        words = f"at least {percent(expect.switched)} of the nodes are in it"
        found.append(Checked(words, percent(share), share >= expect.switched))
    if expect.stopped is not None:
        share = last.stopped / nodes
        words = f"at most {percent(expect.stopped)} of the nodes stopped"
        found.append(Checked(words, percent(share), share <= expect.stopped))
    if expect.quorum_lost_epochs is not None:
        least, most = expect.quorum_lost_epochs
        words = f"from {least} to {most} epochs without a quorum"
        found.append(Checked(words, f"{outcome.lost}", least <= outcome.lost <= most))
    wanted = [Checked(f"a node reports {kind}", "yes" if kind in told else "no", kind in told) for kind in expect.told]
    unwanted = [
        Checked(f"no node reports {kind}", "one does" if kind in told else "none does", kind not in told)
        for kind in expect.not_told
    ]
    return found + wanted + unwanted


def _verdict_of(outcome: Outcome) -> Verdict:
    scenario, rows = outcome.scenario, outcome.rows
    reasons = tuple(_reasons(outcome))
    if outcome.violations:
        first, more = outcome.violations[0], len(outcome.violations) - 1
        also = f"; {more} more are listed" if more else ""
        return Verdict(
            "bad",
            f"The rule {first.rule} was broken at epoch {first.epoch}",
            (f"{first.words}{also}", *reasons),
            "Do not roll out: no plan may do this. Report the shortest story that shows it (--shortest FILE)",
        )
    missed = [one for one in outcome.checked if not one.met]
    if missed:
        words = tuple(f"Expected: {one.expected}; got {one.got}" for one in missed)
        step = "Change the plan, or what the scenario expects, and rehearse again"
        return Verdict("bad", "It did not end as the scenario expects", words + reasons, step)
    lost = [row for row in rows if not row.quorum]
    if lost:
        epochs = ", ".join(f"{row.epoch}" for row in lost[:_LISTED]) + (", …" if len(lost) > _LISTED else "")
        headline = f"The quorum was lost in {len(lost)} of {len(rows)} epochs: {epochs}"
        return Verdict("bad", headline, reasons, _step(outcome, lost[0]))
    if rows[-1].era == scenario.first_era and any(isinstance(action, Activate) for action in scenario.actions):
        step = "Plan it later, or reach the operators who have not upgraded, and rehearse again"
        return Verdict("doubtful", f"No other era began: {rows[-1].era} is current at the end", reasons, step)
    worst = min(rows, key=lambda row: row.quorum_probability)
    if worst.quorum_probability < LIKELY:
        chance = percent(worst.quorum_probability)
        headline = f"The quorum was kept by luck: at epoch {worst.epoch} its chance was {chance}"
        return Verdict("doubtful", headline, reasons, _step(outcome, worst))
    step = "Go on with this plan; the gate of marker activate checks the real stake"
    if rows[-1].stopped:
        step += ". Reach the operators who would have to stop: eraswitch adoption summary names the largest"
    return Verdict("good", f"It went well: the quorum was kept in all {len(rows)} epochs", reasons, step)


def _reasons(outcome: Outcome) -> Iterator[str]:
    rows, nodes = outcome.rows, outcome.scenario.nodes
    for before, row in _switches(rows):
        ready = "" if before.ready is None else f" {percent(before.ready)} of the registered stake was ready, and"
        stopped = f"{row.stopped:,} of {nodes:,} nodes" if row.stopped else "no node"
        yield f"When {row.era} began at epoch {row.epoch},{ready} {stopped} had to stop"
    for before, row in pairwise(rows):
        if before.lottery != row.lottery:
            yield f"From epoch {row.epoch} on signatures count by {_changed(before.lottery, row.lottery)}"
    worst = min(rows, key=lambda row: row.quorum_probability)
    if worst.quorum_probability < LIKELY:
        needed = _needed(worst)
        asked = "no share would suffice" if needed is None else f"a safe quorum takes {needed_share(needed)}"
        yield f"At epoch {worst.epoch} {percent(worst.signing)} of the registered stake signed; {asked}"
    for happening in outcome.happenings:
        if happening.refused is not None:
            yield f"At epoch {happening.at:g} {happening.words}"
    last = rows[-1]
    stopped = f", and {last.stopped:,} have stopped" if last.stopped else ""
    yield (
        f"At the end {last.in_era:,} of {nodes:,} nodes run in {last.era}{stopped}; "
        f"{percent(last.behind)} of the network's stake signs"
    )


def _step(outcome: Outcome, row: EpochRow) -> str:
    """The advice for an epoch without a safe quorum: too few were ready, or something else was broken."""
    needed = _needed(row)
    ready = next(
        (before.ready for before, after in reversed(_switches(outcome.rows)) if after.epoch <= row.epoch), None
    )
    if needed is None:
        return "Correct the parameters of the quorum: with these no share of the stake suffices"
    if ready is not None and ready < needed:
        enough = f"at least {needed_share(needed)} of the stake"
        return f"Do not activate yet: wait until {enough} is ready (eraswitch adoption gate)"
    return "Enough stake was ready: look at what went wrong at that time, and keep the switch clear of it"


def _switches(rows: Sequence[EpochRow]) -> list[tuple[EpochRow, EpochRow]]:
    """The last row before each switch, and the first one after it."""
    return [(before, row) for before, row in pairwise(rows) if before.era != row.era]


def _changed(was: QuorumModel, model: QuorumModel) -> str:
    """A change of the lottery, by parameter."""
    before, after = was.to_dict(), model.to_dict()
    return ", ".join(f"{name} {after[name]} instead of {before[name]}" for name in after if after[name] != before[name])


def _needed(row: EpochRow) -> float | None:
    """The share for a quorum that is as good as certain, rounded up to what is shown; ``None`` where none suffices."""
    share = row.lottery.share_needed(LIKELY)
    return None if share is None else math.ceil(share * 1_000) / 1_000

"""The outcome of a rehearsal: a row for each epoch, the decisions, broken rules, and checked expectations. Pure.

Equal scenarios give equal outcomes.
"""

from dataclasses import dataclass

from release_tools.rehearsal.invariants import Violation
from release_tools.rehearsal.rows import Checked, EpochRow, Happening, Told
from release_tools.rehearsal.scenario import Expect, Scenario
from release_tools.rehearsal.verdict import Verdict, verdict_of


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
        return verdict_of(self)

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
            "verdict": self.verdict.to_dict(),
            "violations": [violation.to_dict() for violation in self.violations],
            "expected": [one.to_dict() for one in self.checked],
            "epochs": [row.to_dict() for row in self.rows],
            "told": [told.to_dict() for told in self.told],
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
        words = f"at least {expect.switched:.1%} of the nodes are in it"
        found.append(Checked(words, f"{share:.1%}", share >= expect.switched))
    if expect.stopped is not None:
        share = last.stopped / nodes
        words = f"at most {expect.stopped:.1%} of the nodes stopped"
        found.append(Checked(words, f"{share:.1%}", share <= expect.stopped))
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

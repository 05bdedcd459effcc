"""Rehearsals: a rollout with thousands of simulated nodes, deterministic from a seed (``docs/rehearsal.md``)."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from release_tools.rehearsal.invariants import Violation
    from release_tools.rehearsal.outcome import Outcome
    from release_tools.rehearsal.rows import Checked, EpochRow
    from release_tools.rehearsal.scenario import Scenario, ScenarioError
    from release_tools.rehearsal.shrinking import Shrunk, shrink
    from release_tools.rehearsal.simulation import rehearse

__all__ = [
    "Checked",
    "EpochRow",
    "Outcome",
    "Scenario",
    "ScenarioError",
    "Shrunk",
    "Violation",
    "rehearse",
    "shrink",
]

__getattr__ = front_door(
    __name__,
    {
        "release_tools.rehearsal.invariants": ("Violation",),
        "release_tools.rehearsal.outcome": ("Outcome",),
        "release_tools.rehearsal.rows": ("Checked", "EpochRow"),
        "release_tools.rehearsal.scenario": ("Scenario", "ScenarioError"),
        "release_tools.rehearsal.shrinking": ("Shrunk", "shrink"),
        "release_tools.rehearsal.simulation": ("rehearse",),
    },
)

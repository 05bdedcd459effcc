"""Rehearsals: a rollout with thousands of simulated nodes, deterministic from a seed (``docs/rehearsal.md``)."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from release_tools.rehearsal.scenario import Scenario
    from release_tools.rehearsal.simulation import rehearse

__all__ = [
    "Scenario",
    "rehearse",
]

__getattr__ = front_door(
    __name__,
    {
        "release_tools.rehearsal.scenario": ("Scenario",),
        "release_tools.rehearsal.simulation": ("rehearse",),
    },
)

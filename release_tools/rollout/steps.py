"""How a step of a rollout stands, of an era or of a protocol configuration."""

import enum


class StepState(enum.Enum):
    """How the next step stands.

    ``DUE``: it can be done now. ``WAITING``: its epoch has not come. ``BLOCKED``: its gate does not hold. ``LATE``: its
    time is over, the plan needs another epoch. ``DEVIATED``: the chain holds something else than the plan. ``DONE``:
    nothing is left to do.
    """

    DUE = "due"
    WAITING = "waiting"
    BLOCKED = "blocked"
    LATE = "late"
    DEVIATED = "deviated"
    DONE = "done"

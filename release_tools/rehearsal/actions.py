"""The actions and events of a scenario: ``do`` names one, ``at`` its time."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Part = Annotated[float, Field(ge=0, le=1)]
"""A share, 0 to 1."""
When = Annotated[float, Field(ge=0, le=float(2**32))]
"""An epoch, with a fraction for a moment within it."""
Name = Annotated[str, Field(min_length=1, max_length=80)]
MAX_EPOCHS = 1_000


class Table(BaseModel):
    """A table of a scenario: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Parameters(Table):
    """Parameters of the lottery.

    Attributes:
        k: signatures needed.
        m: lotteries.
        phi_f: chance of a party with all stake to win one.
    """

    k: Annotated[int, Field(gt=0)]
    m: Annotated[int, Field(gt=0)]
    phi_f: Annotated[float, Field(gt=0, le=1)]


class Action(Table):
    """An action or an event: ``do`` names it, ``at`` its time."""

    at: When


class Announce(Action):
    """The team announces an era."""

    do: Literal["announce"]
    era: Name


class Activate(Action):
    """The team gives an era its epoch; with less than the share ``gate`` of the stake ready it does not."""

    do: Literal["activate", "postpone"]
    era: Name
    epoch: Annotated[int, Field(ge=0, le=2**32)]
    gate: Annotated[float, Field(gt=0, le=1)] | None = None


class Withdraw(Action):
    """The team cancels an era that has not begun, or retires one that is past."""

    do: Literal["cancel", "retire"]
    era: Name


class Configure(Action, Parameters):
    """The team publishes parameters of the lottery that hold from ``epoch`` on, beside those it published before.

    ``instead`` takes back what it published for an epoch that has not begun.
    """

    do: Literal["configure"]
    epoch: Annotated[int, Field(ge=0, le=2**32)]
    instead: bool = False

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.k > self.m:
            raise ValueError(f"k of at most m, which is {self.m}, not {self.k}")
        return self


class Replay(Action):
    """Somebody posts a payload that the team once signed; ``which`` counts those of its kind from the first, 0.

    With ``unreadable``, providers list the transaction but cannot show it.
    """

    do: Literal["replay"]
    of: Literal["eras", "configurations"] = "eras"
    which: Annotated[int, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=1, le=100)] = 1
    unreadable: bool = False


class Forge(Action):
    """Somebody posts markers that another key signed."""

    do: Literal["forge"]
    era: Name = "forged"
    epoch: Annotated[int, Field(ge=0)] | None = None


class ForgeConfiguration(Action, Parameters):
    """Somebody posts parameters of the lottery that another key signed."""

    do: Literal["forge-configuration"]
    epoch: Annotated[int, Field(ge=0, le=2**32)]


class Flood(Action):
    """Somebody posts outputs without any payload; with ``plain``, payments without a datum."""

    do: Literal["flood"]
    outputs: Annotated[int, Field(ge=1, le=20_000)] = 500
    plain: bool = False


class Rollback(Action):
    """The chain loses its newest blocks; the team's transactions come in again after ``lost_ticks``."""

    do: Literal["rollback"]
    blocks: Annotated[int, Field(ge=1, le=2_160)]
    lost_ticks: Annotated[int, Field(ge=0, le=1_000)] = 1


class Outage(Action):
    """A provider does not answer."""

    do: Literal["outage"]
    provider: Name
    epochs: Annotated[float, Field(gt=0, le=MAX_EPOCHS)] = 1.0


class Partition(Action):
    """A provider is cut off from the network: it answers, but receives no new blocks."""

    do: Literal["partition"]
    provider: Name
    epochs: Annotated[float, Field(gt=0, le=MAX_EPOCHS)] = 1.0


class Crash(Action):
    """Nodes crash, and restart with or without their memory."""

    do: Literal["crash"]
    share: Part
    epochs: Annotated[float, Field(gt=0, le=MAX_EPOCHS)] = 0.5
    forget: bool = False


AnyAction = Annotated[
    Announce
    | Activate
    | Withdraw
    | Configure
    | Replay
    | Forge
    | ForgeConfiguration
    | Flood
    | Rollback
    | Outage
    | Partition
    | Crash,
    Field(discriminator="do"),
]

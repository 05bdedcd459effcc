"""The JSON document of a forecast: what the service answers and the command line prints.

``Forecast.document`` makes it. Shares and chances are of 1, stake is in lovelace.
"""

import enum
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from release_tools.documents import Document, EpochNumber, Stake
from release_tools.forecasting.lottery_parameters import SourcedQuorum


class Phase(enum.Enum):
    """The place of an epoch relative to the switch.

    ``BEFORE`` it. ``DANGER``: it has happened, and nodes that stopped are still among the registered. ``AFTER``: only
    those that came back are.
    """

    BEFORE = "before"
    DANGER = "danger"
    AFTER = "after"


class LotteryQuorumDocument(Document):
    """Mithril's lottery, which decides the quorum."""

    model: Literal["lottery"]
    k: int
    m: int
    phi_f: float
    source: str = Field(description="The source of these parameters.")


class FixedQuorumDocument(Document):
    """A quorum at a fixed share of the stake."""

    model: Literal["fixed"]
    share: str = Field(description="The share as a fraction, such as 2/3.")
    exceeded: bool = Field(description="Whether more than the share is needed, and not only the share itself.")
    source: str = Field(description="The source of these parameters.")


def _of_quorum(value: object) -> object:
    return value.to_dict() if isinstance(value, SourcedQuorum) else value


Quorum = Annotated[
    Annotated[LotteryQuorumDocument | FixedQuorumDocument, Field(discriminator="model")], BeforeValidator(_of_quorum)
]


class EstimateDocument(Document):
    """A number with its 95 % interval; none where none can be given."""

    value: float
    low: float | None
    high: float | None


class ChanceDocument(Document):
    """A chance, and its values at both ends of the underlying estimate."""

    value: float
    at_low: float | None
    at_high: float | None


class OutlookDocument(Document):
    """The outlook of an epoch."""

    epoch: EpochNumber
    phase: Phase
    registered_at: EpochNumber = Field(description="The epoch whose registrations count in it.")
    signing_share: EstimateDocument = Field(description="The signing share of the stake registered for it.")
    quorum_probability: ChanceDocument
    failure_probability: ChanceDocument
    share_behind: EstimateDocument = Field(
        description="The signing share of the whole network's stake, where that is known."
    )


class ReadyPointDocument(Document):
    """The ready stake in an epoch."""

    epoch: EpochNumber
    ready_stake: Stake = Field(validation_alias=AliasChoices("ready_stake", "ready"))
    registered_stake: Stake = Field(validation_alias=AliasChoices("registered_stake", "registered"))
    ready_share: float = Field(validation_alias=AliasChoices("ready_share", "share"))
    parties: int


class ReliabilityDocument(Document):
    """How reliably registered parties sign."""

    average: float
    words: str = Field(description="What it rests on.")
    watched: int


class TrendDocument(Document):
    """The trend of the ready share (docs/forecast.md)."""

    points: int
    angle: float
    drift: float
    deviation: float
    falls: float
    confidence: float


class ReachedDocument(Document):
    """The epoch in which the needed share is reached; none if it is not."""

    expected: EpochNumber | None
    earliest: EpochNumber | None
    latest: EpochNumber | None


class CallDocument(Document):
    """A party to call, and the gain if it and those before it upgrade."""

    party_id: str
    version: str | None
    stake: Stake
    ready_share_after: float
    quorum_probability_after: float


class AdoptionForecast(Document):
    """The forecast of a switch, as ``eraswitch adoption forecast --json`` has it."""

    era: str
    at: EpochNumber = Field(description="The epoch that it begins at.")
    now: ReadyPointDocument = Field(description="The newest registrations that were looked at.")
    quorum: Quorum
    probability: float = Field(description="The required chance.")
    lag_epochs: int = Field(description="Epochs from a registration to the signatures that it counts for.")
    reliability: ReliabilityDocument
    observed: list[ReadyPointDocument] = Field(description="The epochs past, oldest first.")
    trend: TrendDocument | None
    epochs: list[OutlookDocument]
    danger: OutlookDocument = Field(description="The epoch after the switch that is least likely to have its quorum.")
    share_needed: float | None = Field(description="The share that must sign; null if no share suffices.")
    ready_share_needed: float | None = Field(description="The ready share that results in the share needed.")
    reached: ReachedDocument | None
    calls: list[CallDocument] = Field(description="Whom to call, in order.")
    calls_suffice: bool
    network_stake: Stake | None
    notes: list[str]

"""The results of a forecast: the outlook of each epoch, the parties to call, and the document. Pure."""

import enum
from dataclasses import dataclass

from eras import Epoch
from release_tools.forecasting.documents import AdoptionForecast, Phase
from release_tools.forecasting.lottery_parameters import SourcedQuorum
from release_tools.forecasting.reliability import Reliability
from release_tools.forecasting.trend import Estimate, Reached, ReadyPoint, Trend


@dataclass(frozen=True, slots=True)
class Chance:
    """A chance that depends on the signing share, which is an estimate with an interval.

    ``at_low`` and ``at_high`` are not an interval around ``value``, because the mean includes shares beyond both ends.
    A quorum is so steep a step that the mean can be below the chance at the low end.

    Attributes:
        value: the mean over the distribution of the estimate, to base decisions on.
        at_low: the chance at the low end of the interval; ``None`` if there is none.
        at_high: the chance at the high end.
    """

    value: float
    at_low: float | None = None
    at_high: float | None = None


@dataclass(frozen=True, slots=True)
class EpochOutlook:
    """The outlook of an epoch.

    Attributes:
        epoch: the epoch.
        phase: its place relative to the switch.
        registered_at: the epoch whose registrations count in it.
        signing_share: the signing share of the stake registered for it.
        quorum_probability: the chance that a certificate reaches its quorum.
        failure_probability: the chance that it does not, precise even if the other is nearly 1.
        share_behind: the signing share of the whole network's stake, or of today's registered stake if that is unknown.
    """

    epoch: Epoch
    phase: Phase
    registered_at: Epoch
    signing_share: Estimate
    quorum_probability: Chance
    failure_probability: Chance
    share_behind: Estimate


@dataclass(frozen=True, slots=True)
class Call:
    """A party to call, and the effect if it and those before it in the list upgrade.

    Attributes:
        party_id: the party.
        version: the version that it runs; ``None`` if it reports none.
        stake: its stake in lovelace.
        ready_share_after: the ready share of the registered stake afterwards.
        quorum_probability_after: the chance of a quorum if the switch were now.
    """

    party_id: str
    version: str | None
    stake: int
    ready_share_after: float
    quorum_probability_after: float


class Verdict(enum.Enum):
    """Whether a switch is safe, in one word."""

    SAFE = "safe"
    NOT_YET = "not yet"
    NOT_SAFE = "not safe"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The outlook of a switch.

    Attributes:
        era: the era that begins.
        at: the epoch in which it begins.
        now: the epoch of the newest registrations used.
        quorum: the quorum model and its origin.
        probability: the wanted chance.
        lag_epochs: epochs from a registration to the signatures that it counts for.
        reliability: how reliably registered parties sign.
        observed: the ready share of past epochs, oldest first.
        trend: the trend of the ready share; ``None`` if there is none.
        epochs: the outlook of every coming epoch until after the danger.
        share_needed: the share of the registered stake that must sign; ``None`` if no share suffices.
        ready_share_needed: the ready share at which so many sign; ``None`` if even all of them are not enough.
        reached: when the trend reaches it; ``None`` without a trend, or if no share suffices.
        calls: the parties to call, in order, to reach it at once.
        calls_suffice: whether these calls are enough; without any, whether it is already reached.
        network_stake: the stake of the whole network in lovelace; ``None`` if it is unknown.
        notes: remarks in words.
    """

    era: str
    at: Epoch
    now: ReadyPoint
    quorum: SourcedQuorum
    probability: float
    lag_epochs: int
    reliability: Reliability
    observed: tuple[ReadyPoint, ...]
    trend: Trend | None
    epochs: tuple[EpochOutlook, ...]
    share_needed: float | None
    ready_share_needed: float | None
    reached: Reached | None
    calls: tuple[Call, ...]
    calls_suffice: bool
    network_stake: int | None
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Not safe if the worst epoch has less than the wanted chance; else safe if enough is ready today, or not yet.

        So the verdict never contradicts the chance shown with it.
        """
        if self.danger.quorum_probability.value < self.probability:
            return Verdict.NOT_SAFE
        is_enough = self.ready_share_needed is not None and self.now.share >= self.ready_share_needed
        return Verdict.SAFE if is_enough else Verdict.NOT_YET

    @property
    def danger(self) -> EpochOutlook:
        """The outlook of the epoch after the switch that is least likely to reach its quorum."""
        after = (outlook for outlook in self.epochs if outlook.phase is not Phase.BEFORE)
        return min(after, key=lambda outlook: outlook.quorum_probability.value)

    def document(self) -> AdoptionForecast:
        """The forecast as a JSON document."""
        return AdoptionForecast.model_validate(self)

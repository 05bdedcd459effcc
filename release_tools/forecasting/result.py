"""The records of a forecast: the outlook of each epoch, whom to call, and all of it as a document. Pure."""

import enum
from dataclasses import dataclass

from eras import Epoch
from release_tools.forecasting.documents import AdoptionForecast, Phase
from release_tools.forecasting.lottery_parameters import SourcedQuorum
from release_tools.forecasting.reliability import Reliability
from release_tools.forecasting.trend import Estimate, Reached, ReadyPoint, Trend


@dataclass(frozen=True, slots=True)
class Chance:
    """A chance that hangs on who signs, which is an estimate with an interval.

    ``at_low`` and ``at_high`` are no interval around ``value``: the mean counts what lies beyond both ends of the
    estimate's interval, too. With a step as steep as a quorum's it can be less than the chance at the low end.

    Attributes:
        value: the mean over all that the estimate may come to: the chance to go by.
        at_low: the chance if what signs is the low end of its interval; ``None`` where it has none.
        at_high: the same at the high end.
    """

    value: float
    at_low: float | None = None
    at_high: float | None = None


@dataclass(frozen=True, slots=True)
class EpochOutlook:
    """The outlook of an epoch.

    Attributes:
        epoch: the epoch.
        phase: where it stands to the switch.
        registered_at: the epoch whose registrations count in it.
        signing_share: who signs, as a share of the stake registered for it.
        quorum_probability: the chance that a certificate reaches its quorum.
        failure_probability: the chance that it does not; has digits where the other is nearly 1.
        share_behind: who signs, as a share of the whole network's stake (where that is not known, of the stake
            registered today).
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
    """A party to call, and what is won if it upgrades, and those before it in the list.

    Attributes:
        party_id: the party.
        version: what it runs; ``None`` where it does not say.
        stake: its stake in lovelace.
        ready_share_after: the ready share of the registered stake then.
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
        at: the epoch it begins at.
        now: the newest registrations looked at.
        quorum: what decides the quorum, and who said so.
        probability: the chance that is wanted.
        lag_epochs: epochs from a registration to the signatures it counts for.
        reliability: how reliably parties sign that have registered.
        observed: the ready share of past epochs, oldest first.
        trend: of the ready share; ``None`` where it cannot be said.
        epochs: the outlook of every coming epoch, up to some after the danger.
        share_needed: the share of the registered stake that must sign; ``None`` where no share suffices.
        ready_share_needed: the ready share that makes so many sign; ``None`` where even all of them do not.
        reached: when the trend reaches it; ``None`` where no trend can be said, or no share suffices.
        calls: whom to call, in order, so that it would be reached at once.
        calls_suffice: whether these calls are enough; with none, whether it is reached already.
        network_stake: of the whole network, in lovelace; ``None`` where it is not known.
        notes: what to bear in mind, in words.
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

        So that no verdict contradicts the chance that is shown beside it.
        """
        if self.danger.quorum_probability.value < self.probability:
            return Verdict.NOT_SAFE
        is_enough = self.ready_share_needed is not None and self.now.share >= self.ready_share_needed
        return Verdict.SAFE if is_enough else Verdict.NOT_YET

    @property
    def danger(self) -> EpochOutlook:
        """The epoch after the switch that is least likely to reach its quorum."""
        after = (outlook for outlook in self.epochs if outlook.phase is not Phase.BEFORE)
        return min(after, key=lambda outlook: outlook.quorum_probability.value)

    def document(self) -> AdoptionForecast:
        """The forecast as a JSON document."""
        return AdoptionForecast.model_validate(self)

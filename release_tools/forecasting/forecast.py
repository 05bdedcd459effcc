"""The forecast of a switch: the chance that the network reaches its quorum in each coming epoch.

In: the registrations, the versions that support the era, the quorum model, and the epoch E of the switch. Out: a
``Forecast``. In an epoch e the stake counts that was *registered* for it, ``lag`` epochs earlier, so:

- before E all registered parties sign, as reliably as before;
- from E to E+lag-1 the nodes that stopped at the switch are still registered. The signing share is the ready share:
  this is the danger;
- from E+lag on only nodes that returned are registered. The quorum returns, but the share of the whole network's stake
  behind a signature stays that of the ready share. Both are always reported.

The ready share of a coming epoch is that of the trend (``trend``), or today's if there is no trend.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from era_store import Registration
from eras import ConfigurationError, Epoch
from eras.words import about_ada, counted
from release_tools.adoption.compatibility import Compatibility
from release_tools.adoption.shares import AdoptionRules, is_ready, support_share
from release_tools.adoption.summary import NoRegistrationsError, require_told
from release_tools.forecasting.documents import Phase
from release_tools.forecasting.lottery import require_probability
from release_tools.forecasting.lottery_parameters import SourcedQuorum
from release_tools.forecasting.reliability import Reliability, Signatures
from release_tools.forecasting.result import Call, Chance, EpochOutlook, Forecast
from release_tools.forecasting.trend import MIN_POINTS, Estimate, Reached, ReadyPoint, fit_trend

if TYPE_CHECKING:
    from era_store import SqlRegistrations

DEFAULT_PROBABILITY = 0.999
DEFAULT_LAG_EPOCHS = 2
MAX_AHEAD_EPOCHS = 100
MAX_LAG_EPOCHS = 10
AFTER_EPOCHS = 3
"""The number of epochs that are forecast after the danger."""
_SWING = 2
_HALF = [0.5 * (step / 500) ** 2 for step in range(501)]
_SLICES = tuple(pairwise([*_HALF, *(1 - bound for bound in reversed(_HALF[:-1]))]))
"""Slices of the distribution, from 0 to 1, over which the mean is taken; finer in the tails, which decide a quorum."""


@dataclass(frozen=True, slots=True)
class ForecastOrder:
    """The parameters of a forecast.

    Attributes:
        era: the era that begins.
        at: the epoch in which it is to begin.
        quorum: the quorum model and its origin.
        epoch: the newest epoch of registrations to use; by default the newest that has begun.
        current: the current epoch, if it is known.
        probability: the wanted chance of a quorum.
        lag_epochs: epochs from a registration to the signatures that it counts for.
        window_epochs: the number of past epochs for the trend and the reliability.
        reliability: as stated by an operator; by default it is measured, or assumed to be 1.
        signatures: the signatures of past epochs, to measure the reliability.
    """

    era: str
    at: Epoch
    quorum: SourcedQuorum
    epoch: Epoch | None = None
    current: Epoch | None = None
    probability: float = DEFAULT_PROBABILITY
    lag_epochs: int = DEFAULT_LAG_EPOCHS
    window_epochs: int = 10
    reliability: float | None = None
    signatures: Signatures | None = None


def forecast(
    repository: "SqlRegistrations",
    order: ForecastOrder,
    *,
    compatibility: Compatibility,
    rules: AdoptionRules | None = None,
) -> Forecast:
    """Forecast a switch.

    Args:
        repository: the registrations.
        order: the parameters.
        compatibility: the table of eras and versions.
        rules: the rules for counting adoption.

    Raises:
        EraNotListedError: neither ``compatibility`` nor the reports of nodes show who is ready for the era.
        NoRegistrationsError: no stake is registered for the epoch.
        ConfigurationError: the switch is not after it, or too far ahead.
        ConfigurationError: a probability or share is not usable.
        StoreError: the registrations could not be read.
    """
    require_probability(order.probability)
    require_told(repository, order.era, compatibility, repository.epochs()[: order.window_epochs])
    return _Forecaster(repository, order, compatibility, rules or AdoptionRules()).forecast()


class _Forecaster:
    """Computes one forecast."""

    def __init__(
        self, repository: "SqlRegistrations", order: ForecastOrder, compatibility: Compatibility, rules: AdoptionRules
    ) -> None:
        self._repository = repository
        self._order = order
        self._compatibility = compatibility
        self._rules = rules
        self._model = order.quorum.model
        self._points = self._observed()
        self._now = self._points[-1]
        _require_ahead(order, self._now.epoch)
        self._trend = fit_trend(self._points)
        self._reliability = self._measured()
        told = repository.network_stake(Epoch(self._now.epoch + rules.stake_epoch_offset))
        self._network = told if told is not None and told >= self._now.registered else None
        self._registered_signs, self._ready_signs = self._signing_shares()

    def forecast(self) -> Forecast:
        order = self._order
        needed = self._model.share_needed(order.probability)
        ready_needed = None if needed is None else needed / self._ready_signs if self._ready_signs else None
        if ready_needed is not None and ready_needed > 1:
            ready_needed = None
        reached = None
        if ready_needed is not None and self._now.share >= ready_needed:
            reached = Reached(self._now.epoch, self._now.epoch, self._now.epoch)
        elif self._trend is not None and ready_needed is not None:
            reached = self._trend.reached(ready_needed, Epoch(self._now.epoch + 1))
        calls = () if needed is None else tuple(self._calls(needed))
        epochs = tuple(self._outlook(Epoch(epoch)) for epoch in self._coming())
        return Forecast(
            era=order.era,
            at=order.at,
            now=self._now,
            quorum=order.quorum,
            probability=order.probability,
            lag_epochs=order.lag_epochs,
            reliability=self._reliability,
            observed=self._points,
            trend=self._trend,
            epochs=epochs,
            share_needed=needed,
            ready_share_needed=ready_needed,
            reached=reached,
            calls=calls,
            calls_suffice=needed is not None and self._suffices(calls, needed),
            network_stake=self._network,
            notes=tuple(self._notes(epochs)),
        )

    # --- what was

    def _observed(self) -> tuple[ReadyPoint, ...]:
        """The ready share of past epochs, oldest first."""
        order = self._order
        last = order.current if order.epoch is None else order.epoch
        known = [epoch for epoch in self._repository.epochs() if last is None or epoch <= last]
        points = [point for epoch in islice(known, order.window_epochs) if (point := self._point(epoch)) is not None]
        if not points or (order.epoch is not None and points[0].epoch != order.epoch):
            raise NoRegistrationsError(
                "There is no registered stake to forecast from",
                expected="registrations" if order.epoch is None else f"registrations of epoch {order.epoch}",
                got="none" if last is None or known else f"none up to epoch {last}",
                next_step="Ingest them: eraswitch adoption ingest SOURCE",
            )
        return tuple(reversed(points))

    def _point(self, epoch: Epoch) -> ReadyPoint | None:
        tallies = self._repository.tally(epoch)
        registered = sum(tally.stake for tally in tallies)
        if self._rules.count_rejected and registered:
            registered += self._repository.uncounted(epoch).stake
        ready = support_share(tallies, self._order.era, self._compatibility).part
        parties = sum(tally.parties for tally in tallies)
        return ReadyPoint(epoch, ready, registered, parties) if registered else None

    def _measured(self) -> Reliability:
        order = self._order
        if order.reliability is not None:
            return Reliability.stated(order.reliability)
        if order.signatures is None:
            return Reliability.assumed()
        entries = (entry for point in self._points for entry in self._repository.newest(point.epoch))
        measured = Reliability.measured(entries, order.signatures, lag_epochs=order.lag_epochs)
        if measured is None:
            raise ConfigurationError(
                "No signatures match the epochs of the registrations",
                expected=f"signatures of epochs {self._points[0].epoch + order.lag_epochs} to "
                f"{self._now.epoch + order.lag_epochs}, {order.lag_epochs} after the registrations",
                got=f"epochs {', '.join(map(str, sorted(order.signatures)))}"[:100] if order.signatures else "none",
                next_step="Give the signatures of these epochs, or --reliability",
                code="SignaturesFile",
            )
        return measured

    def _signing_shares(self) -> tuple[float, float]:
        """The shares of the registered and of the ready stake that sign, by the reliability of each party."""
        signing = {True: 0.0, False: 0.0}
        stake = {True: 0, False: 0}
        for entry in self._repository.newest(self._now.epoch):
            ready = self._is_ready(entry)
            stake[ready] += entry.stake
            signing[ready] += entry.stake * self._reliability.of(entry.party_id)
        registered = min(sum(signing.values()) / sum(stake.values()), 1.0)
        return registered, min(signing[True] / stake[True], 1.0) if stake[True] else self._reliability.average

    def _is_ready(self, entry: Registration) -> bool:
        return is_ready(entry, self._order.era, self._compatibility)

    # --- what will be

    def _coming(self) -> range:
        order = self._order
        return range(self._now.epoch + 1, order.at + order.lag_epochs + AFTER_EPOCHS)

    def _outlook(self, epoch: Epoch) -> EpochOutlook:
        order = self._order
        registered_at = epoch - order.lag_epochs
        behind_of = self._now.registered if self._network is None else self._network
        whole = min(self._now.registered / behind_of, 1.0)
        if epoch < order.at:
            phase, signing = Phase.BEFORE, Estimate(self._registered_signs)
            behind = signing
        elif registered_at < order.at:
            phase, signing = Phase.DANGER, self._times(self._ready_share(epoch), self._ready_signs)
            behind = signing
        else:
            phase, signing = Phase.AFTER, Estimate(self._ready_signs)
            behind = self._times(self._ready_share(Epoch(registered_at)), self._ready_signs)
        return EpochOutlook(
            epoch=epoch,
            phase=phase,
            registered_at=Epoch(max(registered_at, 0)),
            signing_share=signing,
            quorum_probability=self._chance(self._model.quorum_probability, phase, epoch, signing),
            failure_probability=self._chance(self._model.failure_probability, phase, epoch, signing),
            share_behind=self._times(behind, whole),
        )

    def _ready_share(self, epoch: Epoch) -> Estimate:
        return Estimate(self._now.share) if self._trend is None else self._trend.share(epoch)

    @staticmethod
    def _times(estimate: Estimate, factor: float) -> Estimate:
        low = None if estimate.low is None else estimate.low * factor
        high = None if estimate.high is None else estimate.high * factor
        return Estimate(estimate.value * factor, low, high)

    def _chance(self, of: Callable[[float], float], phase: Phase, epoch: Epoch, signing: Estimate) -> Chance:
        """The mean of a chance over the distribution of the trend, and its values at both ends of the interval."""
        value = of(signing.value)
        if phase is Phase.DANGER and self._trend is not None:
            shares = self._trend.shares(epoch, [(begin + end) / 2 for begin, end in _SLICES])
            parts = zip(shares, _SLICES, strict=True)
            value = math.fsum(of(share * self._ready_signs) * (end - begin) for share, (begin, end) in parts)
        low, high = signing.low, signing.high
        return Chance(value, None if low is None else of(low), None if high is None else of(high))

    # --- what to do

    def _calls(self, needed: float) -> Iterator[Call]:
        """The largest parties that are not ready, until enough would sign today."""
        total = self._now.registered
        ready, signing = self._now.ready, self._now.ready * self._ready_signs
        for entry in self._repository.newest(self._now.epoch):
            if signing / total >= needed:
                return
            gain = entry.stake * self._reliability.of(entry.party_id)
            if self._is_ready(entry) or not gain:
                continue
            ready, signing = ready + entry.stake, signing + gain
            share = min(signing / total, 1.0)
            yield Call(
                party_id=entry.party_id,
                version=entry.version,
                stake=entry.stake,
                ready_share_after=min(ready / total, 1.0),
                quorum_probability_after=self._model.quorum_probability(share),
            )

    def _suffices(self, calls: Sequence[Call], needed: float) -> bool:
        if not calls:
            return self._now.share * self._ready_signs >= needed
        return calls[-1].quorum_probability_after >= self._order.probability

    def _notes(self, epochs: Sequence[EpochOutlook]) -> Iterator[str]:
        order, points = self._order, self._points
        if self._trend is None:
            seen = f"{counted(len(points), 'epoch')} of registrations"
            still = "" if len(points) < MIN_POINTS else " in which the ready share did not move"
            yield f"No trend can be derived from {seen}{still}: the ready share is assumed to stay the same"
        if order.epoch is None and order.current is not None and self._now.epoch < order.current - 1:
            yield (
                f"The newest registrations are of epoch {self._now.epoch}, and this is epoch {order.current}: bring in "
                "newer ones, because later changes are not known"
            )
        least, most = min(point.registered for point in points), max(point.registered for point in points)
        if most > _SWING * least:
            yield (
                f"The registered stake swings from {about_ada(least)} to {about_ada(most)} over these epochs: the "
                "ready share is of different parties in each epoch"
            )
        chances = ((outlook.quorum_probability, outlook.epoch) for outlook in epochs)
        below = [(one.value, epoch) for one, epoch in chances if one.at_low is not None and one.value < one.at_low]
        if below:
            yield (
                f"The chance of a quorum in epoch {min(below)[1]} also counts the 1 in 40 cases below the "
                "low end of the interval, so it is less than the chance at that end"
            )
        if self._network is None:
            yield (
                "The stake of the whole network is not known: the share behind a signature is of the stake registered "
                f"in epoch {self._now.epoch}"
            )
        if order.reliability is None and not self._reliability.watched:
            yield f"Reliability is {self._reliability.words}"


def _require_ahead(order: ForecastOrder, now: Epoch) -> None:
    if not now < order.at <= now + MAX_AHEAD_EPOCHS:
        raise ConfigurationError(
            f"A switch at epoch {order.at} cannot be forecast",
            expected=f"an epoch from {now + 1} to {now + MAX_AHEAD_EPOCHS}, after the newest registrations",
            got=f"{order.at}",
            next_step="Choose another epoch, or ingest newer registrations: eraswitch adoption ingest SOURCE",
            code="ForecastRange",
        )
    if not 1 <= order.lag_epochs <= MAX_LAG_EPOCHS:
        raise ConfigurationError(
            "The lag from a registration to its signatures is not usable",
            expected=f"1 to {MAX_LAG_EPOCHS} epochs",
            got=f"{order.lag_epochs}",
            next_step="Correct it; Mithril's is 2",
            code="ForecastRange",
        )

"""Counts registrations for the page: adoption, gate, forecast, and the recovery after a switch.

In: a ``Service`` and the status of its network. Out: a ``Counted``.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from era_service.releasing.recoveries import with_registrations
from era_service.service.adoption import forecast_at
from era_service.service.documents import EraStatus
from era_service.service.service import Service
from era_service.wiring.adoption import adoption_rules, compatibility_of, configured_gate
from eras import Epoch, EraSwitchError
from eras.errors import kept
from release_tools import Compatibility, EpochAdoption, GateResult
from release_tools.adoption.compatibility import EraNotListedError
from release_tools.adoption.gate import judge_gate
from release_tools.adoption.summary import newest_begun, summarise_last
from release_tools.forecasting.result import Forecast
from release_tools.rollout.recovery import Recovery, recovery

EPOCHS = 16
"""Epochs of registrations that the charts show at most."""

RECOVERY_EPOCHS = 6
"""Epochs after a switch for which the page shows whether the network recovered."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The figures counted from registrations for one snapshot of the eras.

    Attributes:
        era: the upcoming era, or the current one without one.
        epochs: the adoption of the last epochs, newest first; empty before the first registration.
        gate: the gate of the era, judged; ``None`` if none is configured, or readiness is unknown.
        forecast: the forecast of its switch, or the error that prevents one.
        compatibility: which versions support which era.
        recovery: the recovery from the newest switch; ``None`` if that was long ago.
        error: the reason why nothing could be counted; then all else is at its default.
    """

    era: str | None = None
    epochs: tuple[EpochAdoption, ...] = ()
    gate: GateResult | None = None
    forecast: Forecast | EraSwitchError | None = None
    compatibility: Compatibility = field(default_factory=Compatibility)
    recovery: Recovery | None = None
    error: EraSwitchError | None = None

    @property
    def is_vouched_for(self) -> bool:
        """Whether it is known who is ready for the era."""
        told = [row.told for one in self.epochs[:1] for row in one.eras if row.era == self.era]
        return any(told) or self.era in self.compatibility.eras


def count(service: Service, status: EraStatus) -> Counted:
    """Count the registrations of a service.

    Args:
        service: the service with the registrations and settings.
        status: the status of its network.

    Raises:
        EraSwitchError: they cannot be read, or the settings cannot be used.
    """
    settings, registrations = service.settings, service.store.registrations
    coming = status.upcoming or status.current
    era = None if coming is None else coming.name
    compatibility, rules, gate = compatibility_of(settings), adoption_rules(settings), configured_gate(settings)
    if not registrations.epochs():
        return Counted(era, compatibility=compatibility)
    eras = compatibility.eras_and([] if era is None else [era])
    current = None if status.epoch is None else Epoch(status.epoch)
    begun = newest_begun(registrations.epochs(), current)
    adoptions = summarise_last(registrations, EPOCHS, last=begun, compatibility=compatibility, eras=eras, rules=rules)
    judged = None
    if gate is not None and era is not None:
        with suppress(EraNotListedError):  # it is unknown who is ready: the views give the reason
            judged = judge_gate(registrations, era, gate, compatibility, current=current, rules=rules)
    return Counted(
        era,
        adoptions,
        judged,
        _forecast(service, status, compatibility),
        compatibility,
        _recovered(service, status, compatibility),
    )


def _recovered(service: Service, status: EraStatus, compatibility: Compatibility) -> Recovery | None:
    """The recovery from the newest switch by registrations, unless that was long ago."""
    current, began = status.current, None if status.current is None else status.current.epoch
    if current is None or began is None or status.epoch is None or status.epoch - began > RECOVERY_EPOCHS:
        return None
    at, now, registrations = Epoch(began), Epoch(status.epoch), service.store.registrations
    activities = with_registrations(service.settings, registrations, {}, at, now)
    if not any(one.stake for one in activities.values() if one.epoch < at):
        return None  # nobody registered before it: the first era of a network
    forecast = _forecast_of(service, current.name, at, Epoch(at - 1), compatibility)
    before = None if isinstance(forecast, EraSwitchError) else forecast
    return recovery(activities.values(), at=at, current=now, forecast=before)


def _forecast(service: Service, status: EraStatus, compatibility: Compatibility) -> Forecast | EraSwitchError | None:
    if status.upcoming is None or status.epoch is None:
        return None
    at = status.upcoming.epoch
    if at is None:
        at = status.epoch + max(1, service.settings.network.notice_epochs)
    return _forecast_of(service, status.upcoming.name, Epoch(at), Epoch(status.epoch), compatibility)


def _forecast_of(
    service: Service, era: str, at: Epoch, current: Epoch, compatibility: Compatibility
) -> Forecast | EraSwitchError:
    """The forecast of a switch as of an epoch, or why there is none."""
    try:
        return forecast_at(service, era, at, current, compatibility)
    except EraSwitchError as error:
        return kept(error)

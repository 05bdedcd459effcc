"""Adoption over HTTP: the same documents that ``eraswitch adoption`` prints, of the registrations in the store.

In: a service, an epoch or an era. Out: documents. By default the era is the upcoming one.
"""

from era_service.service.documents import AdoptionHistory
from era_service.service.gate_watch import configured, judged_gate
from era_service.service.service import Service
from era_service.wiring.adoption import adoption_rules, compatibility_of, configured_gate
from era_service.wiring.quorum import quorum_in_force
from eras import Epoch, EraNotReadyError, EraSwitchError
from release_tools import Compatibility, summarise
from release_tools.adoption.documents import AdoptionGate, AdoptionSummary
from release_tools.adoption.shares import is_told
from release_tools.adoption.summary import NoRegistrationsError, newest_begun
from release_tools.forecasting.documents import AdoptionForecast
from release_tools.forecasting.forecast import ForecastOrder
from release_tools.forecasting.forecast import forecast as forecast_of_switch
from release_tools.forecasting.lottery_parameters import SourcedQuorum
from release_tools.forecasting.result import Forecast

MAX_HISTORY = 100
"""Epochs in one answer of the history."""


def current_epoch(service: Service, *, fresh: bool = False) -> Epoch | None:
    """The epoch of the newest reading; ``None`` before the first.

    Args:
        service: the service that reads the chain.
        fresh: whether it must be the present epoch; then it is ``None`` for a stale reading, too.
    """
    try:
        status = service.snapshot.status
    except EraNotReadyError:
        return None
    return None if status.epoch is None or (fresh and status.stale is not None) else Epoch(status.epoch)


def summary(service: Service, epoch: int | None = None, *, details: bool = True) -> AdoptionSummary:
    """``/adoption/summary``.

    Raises:
        NoRegistrationsError: there are none.
        StoreError: they cannot be read.
    """
    registrations = service.store.registrations
    current = current_epoch(service, fresh=True)
    begun = newest_begun(registrations.epochs(), current) if epoch is None else Epoch(epoch)
    compatibility = compatibility_of(service.settings)
    found = summarise(
        registrations,
        epoch=begun,
        compatibility=compatibility,
        eras=_eras(service, compatibility, begun),
        rules=adoption_rules(service.settings),
        details=details,
    )
    return found.document()


def history(service: Service, first: int | None = None, last: int | None = None) -> AdoptionHistory:
    """``/adoption/history``: the newest epochs of those from ``first`` to ``last``.

    Args:
        service: what is asked.
        first: the first epoch; by default as far back as one answer goes.
        last: the last epoch; by default the newest that has begun.

    Raises:
        NoRegistrationsError: none of them has registrations.
        StoreError: they cannot be read.
    """
    registrations = service.store.registrations
    until = current_epoch(service, fresh=True) if last is None else Epoch(last)
    known = registrations.epochs()
    found = [epoch for epoch in known if (until is None or epoch <= until) and epoch >= (first or 0)]
    if not found:
        raise NoRegistrationsError(
            "There are no registrations in these epochs",
            expected="epochs that have registrations" + (f", such as {known[0]}" if known else ""),
            got=f"from {first or 0} to {'the newest' if until is None else until}",
            next_step="Request other epochs",
        )
    listed, rest = found[:MAX_HISTORY], found[MAX_HISTORY:]
    compatibility, rules = compatibility_of(service.settings), adoption_rules(service.settings)
    told = [
        summarise(
            registrations,
            epoch=epoch,
            compatibility=compatibility,
            eras=_eras(service, compatibility, epoch),
            rules=rules,
            details=False,
        )
        for epoch in reversed(listed)
    ]
    order = configured_gate(service.settings)
    return AdoptionHistory(
        epochs=[one.document() for one in told],
        gate_threshold=None if order is None else float(order.threshold),
        earlier=rest[0] if rest else None,
    )


def _eras(service: Service, compatibility: Compatibility, epoch: Epoch | None) -> tuple[str, ...]:
    """The eras of the table, and of those in force and coming the ones that nodes report about."""
    try:
        status = service.era_status()
    except EraNotReadyError:
        return compatibility.eras
    tallies = () if epoch is None else service.store.registrations.tally(epoch)
    named = [era.name for era in (status.current, status.upcoming) if era is not None]
    return compatibility.eras_and(name for name in named if is_told(tallies, name, compatibility))


def gate(service: Service, era: str | None = None) -> AdoptionGate:
    """``/adoption/gate``.

    Raises:
        EraSwitchError: no era is upcoming, and none was named.
        EraSwitchError: no gate is configured, or not which versions know the era.
        EraSwitchError: there are no registrations, or the table does not have the era.
    """
    return judged_gate(service.settings, service.store, upcoming_era(service, era), current_epoch(service)).document()


def forecast(service: Service, era: str | None = None, at: int | None = None) -> AdoptionForecast:
    """``/adoption/forecast``.

    Raises:
        EraSwitchError: no era is upcoming, and none was named.
        EraSwitchError: it has no epoch, and none was named.
        EraSwitchError: the quorum is not configured, or not which versions know the era.
        EraSwitchError: nothing can be forecast; the class names the reason.
    """
    name = upcoming_era(service, era)
    epoch = Epoch(_epoch_of(service, name) if at is None else at)
    with configured():
        found = forecast_at(service, name, epoch, current_epoch(service), compatibility_of(service.settings))
    return found.document()


def forecast_at(service: Service, era: str, at: Epoch, current: Epoch | None, compatibility: Compatibility) -> Forecast:
    """The forecast of a switch, with the quorum of that epoch.

    Args:
        service: the service with the registrations.
        era: the era to switch to.
        at: the epoch of the switch.
        current: the epoch as of which it is forecast.
        compatibility: which versions support which era.

    Raises:
        EraSwitchError: nothing can be forecast; the class names the reason.
    """
    settings, quorum = service.settings, known_quorum(service, at)
    order = ForecastOrder(era, at, quorum, current=current, lag_epochs=settings.quorum.lag_epochs)
    rules = adoption_rules(settings)
    return forecast_of_switch(service.store.registrations, order, compatibility=compatibility, rules=rules)


def known_quorum(service: Service, epoch: Epoch) -> SourcedQuorum:
    """The quorum parameters at an epoch: by a configuration on the chain that holds then, or as configured.

    Raises:
        ConfigurationError: nothing gives them.
    """
    found = service.snapshot.configuration
    stale = "" if found is None or found.stale is None else ", stale"
    schedule = () if found is None else found.schedule()
    return quorum_in_force(service.settings, schedule, epoch, f"the chain, as it is trusted{stale}")


def upcoming_era(service: Service, named: str | None) -> str:
    """The era that is asked about.

    Raises:
        EraSwitchError: no era is upcoming, and none was named.
    """
    if named is not None:
        return named
    upcoming = service.era_status().upcoming
    if upcoming is None:
        raise EraSwitchError(
            "No era is upcoming",
            code="NoUpcomingEra",
            expected="the parameter era",
            got="none",
            next_step="Name the era: ?era=NAME",
        )
    return upcoming.name


def _epoch_of(service: Service, era: str) -> int:
    epochs = [known.epoch for known in service.era_status().eras if known.name == era and known.epoch is not None]
    if not epochs:
        raise EraSwitchError(
            f"The era {era[:64]!r} has no epoch yet",
            code="NotScheduled",
            expected="the parameter at",
            got="none",
            next_step="Name an epoch: ?at=EPOCH",
        )
    return epochs[0]

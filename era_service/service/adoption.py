"""Adoption over HTTP: the same documents that ``eraswitch adoption`` prints, of the registrations in the store.

In: a service, an epoch or an era. Out: documents. By default the era is the upcoming one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from era_service.service.documents import AdoptionForecast, AdoptionGate, AdoptionSummary
from era_store import NewEvent
from era_store.event_log import EventFilter
from eras import ConfigurationError, Epoch, EraNotReadyError, EraSwitchError, StoreError

if TYPE_CHECKING:
    from era_service.service.keeper import Keeper
    from era_service.service.service import Service
    from era_service.service.snapshot import Snapshot

GATE_CROSSED = "gate-crossed"
"""The event that the share of an era has reached its gate, or fallen below it again."""


def summary(service: "Service", epoch: int | None, *, details: bool = True) -> AdoptionSummary:
    """``/adoption/summary``.

    Raises:
        NoRegistrationsError: there are none.
        StoreError: they cannot be read.
    """
    from era_service.wiring.adoption import adoption_rules, compatibility_of
    from release_tools import summarise
    from release_tools.adoption.summary import newest_begun

    registrations = service.store.registrations
    current = current_epoch(service, fresh=True)
    begun = newest_begun(registrations.epochs(), current) if epoch is None else Epoch(epoch)
    found = summarise(
        registrations,
        epoch=begun,
        compatibility=compatibility_of(service.settings),
        rules=adoption_rules(service.settings),
        details=details,
    )
    return AdoptionSummary(found.to_dict())


def gate(service: "Service", era: str | None) -> AdoptionGate:
    """``/adoption/gate``.

    Raises:
        EraSwitchError: no era is upcoming, and none was named.
        EraSwitchError: no gate is configured, or not which versions know the era.
        EraSwitchError: there are no registrations, or the table does not have the era.
    """
    return AdoptionGate(judged_gate(service, upcoming_era(service, era), current_epoch(service)))


def current_epoch(service: "Keeper", *, fresh: bool = False) -> Epoch | None:
    """The epoch that the chain was in when it was read last; ``None`` before it was.

    Args:
        service: what reads it.
        fresh: whether it must be the epoch of now; then it is ``None``, too, when the reading is stale.
    """
    try:
        status = service.snapshot.status
    except EraNotReadyError:
        return None
    return None if status.epoch is None or (fresh and status.stale is not None) else Epoch(status.epoch)


def judged_gate(service: "Keeper", era: str, current: Epoch | None) -> dict[str, Any]:
    """How an era stands to the configured gate, by registrations up to the current epoch.

    Raises:
        EraSwitchError: no gate is configured, or not which versions know the era.
        EraSwitchError: there are no registrations, or they cannot be read.
    """
    from era_service.wiring.adoption import adoption_rules, compatibility_of, configured_gate
    from release_tools import judge_gate

    order = configured_gate(service.settings)
    if order is None:
        raise EraSwitchError(
            "There is no gate",
            code="AdoptionNotConfigured",
            expected="the setting adoption.gate_threshold",
            got="none",
            next_step="Configure the gate, or look at /adoption/summary",
        )
    with _configured():
        found = judge_gate(
            service.store.registrations,
            era=era,
            threshold=order.threshold,
            compatibility=compatibility_of(service.settings),
            base=order.base,
            for_epochs=order.for_epochs,
            current=current,
            rules=adoption_rules(service.settings),
        )
    return found.to_dict()


def forecast(service: "Service", era: str | None, at: int | None) -> AdoptionForecast:
    """``/adoption/forecast``.

    Raises:
        EraSwitchError: no era is upcoming, and none was named.
        EraSwitchError: it has no epoch, and none was named.
        EraSwitchError: the quorum is not configured, or not which versions know the era.
        EraSwitchError: nothing can be forecast; the class says why.
    """
    from era_service.wiring.adoption import adoption_rules, compatibility_of
    from era_service.wiring.quorum import quorum_of
    from release_tools.forecasting.forecast import ForecastOrder
    from release_tools.forecasting.forecast import forecast as made

    name = upcoming_era(service, era)
    epoch = Epoch(_epoch_of(service, name) if at is None else at)
    with _configured():
        quorum = quorum_of(service.settings)
        found = made(
            service.store.registrations,
            ForecastOrder(
                era=name,
                at=epoch,
                quorum=quorum,
                current=current_epoch(service),
                lag_epochs=service.settings.quorum.lag_epochs,
            ),
            compatibility=compatibility_of(service.settings),
            rules=adoption_rules(service.settings),
        )
    return AdoptionForecast(found.to_dict())


def gate_event(service: "Keeper", snapshot: "Snapshot") -> NewEvent | None:
    """The event that the gate of the upcoming era was crossed, this way or that, since it was last told.

    Raises:
        StoreError: the store cannot be read.
    """
    upcoming, epoch = snapshot.status.upcoming, snapshot.status.epoch
    if upcoming is None or epoch is None or service.settings.adoption.gate_threshold is None:
        return None
    try:
        judged = judged_gate(service, upcoming.name, Epoch(epoch))
    except StoreError:
        raise
    except EraSwitchError:
        return None  # nobody has registered, or nobody has said which versions know the era: no gate to cross
    last = service.store.events.last(EventFilter(kinds=(GATE_CROSSED,)))
    was_met = last is not None and last.facts.get("era") == upcoming.name and bool(last.facts.get("met"))
    if judged["met"] == was_met:
        return None
    facts = {name: judged[name] for name in ("era", "met", "base", "threshold", "share", "epoch")}
    return NewEvent(GATE_CROSSED, facts, Epoch(epoch))


@contextmanager
def _configured() -> Iterator[None]:
    """What is not configured is not there, to whoever asks over HTTP; the operators are told what to do."""
    try:
        yield
    except ConfigurationError as error:
        if error.http_status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        raise EraSwitchError(
            error.what, code="AdoptionNotConfigured", expected=error.expected, got=error.got, next_step=error.next_step
        ) from error


def upcoming_era(service: "Service", named: str | None) -> str:
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


def _epoch_of(service: "Service", era: str) -> int:
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

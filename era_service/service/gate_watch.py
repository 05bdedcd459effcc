"""The configured gate of an era, by the registrations in the store, and the event that it was crossed."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from era_service.config.schema import Settings
from era_service.service.documents import EraStatus
from era_service.wiring.adoption import adoption_rules, compatibility_of, configured_gate
from era_store import NewEvent, SqlStore
from era_store.event_log import EventFilter
from eras import ConfigurationError, Epoch, EraSwitchError, StoreError
from release_tools import GateResult, judge_gate

GATE_CROSSED = "gate-crossed"
"""The event that the share of an era has reached its gate, or fallen below it again."""

_FACTS: Final = {"era", "met", "base", "threshold", "share", "epoch"}


def judged_gate(settings: Settings, store: SqlStore, era: str, current: Epoch | None) -> GateResult:
    """How an era stands to the configured gate, by registrations up to the current epoch.

    Raises:
        EraSwitchError: no gate is configured, or not which versions know the era.
        EraSwitchError: there are no registrations, or they cannot be read.
    """
    gate = configured_gate(settings)
    if gate is None:
        raise EraSwitchError(
            "No gate is configured",
            code="AdoptionNotConfigured",
            expected="the setting adoption.gate_threshold",
            got="none",
            next_step="Configure the gate, or look at /adoption/summary",
        )
    with configured():
        return judge_gate(
            store.registrations,
            era,
            gate,
            compatibility_of(settings),
            current=current,
            rules=adoption_rules(settings),
        )


def gate_event(settings: Settings, store: SqlStore, status: EraStatus) -> NewEvent | None:
    """The event that the gate of the upcoming era was crossed, this way or that, since the last report.

    Raises:
        StoreError: the store cannot be read.
    """
    upcoming, epoch = status.upcoming, status.epoch
    if upcoming is None or epoch is None or settings.adoption.gate_threshold is None:
        return None
    try:
        judged = judged_gate(settings, store, upcoming.name, Epoch(epoch))
    except StoreError:
        raise
    except EraSwitchError:
        return None  # nobody has registered, or it is not configured which versions know the era: no gate to cross
    last = store.events.last(EventFilter(kinds=(GATE_CROSSED,)))
    was_met = last is not None and last.facts.get("era") == upcoming.name and bool(last.facts.get("met"))
    if judged.met == was_met:
        return None
    facts = judged.document().model_dump(mode="json", include=_FACTS)
    return NewEvent(GATE_CROSSED, facts, Epoch(epoch))


@contextmanager
def configured() -> Iterator[None]:
    """Within the block, a missing setting is a 404 to whoever asks over HTTP; the error has the step for operators.

    Raises:
        EraSwitchError: a setting is missing.
    """
    try:
        yield
    except ConfigurationError as error:
        if error.http_status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        raise EraSwitchError(
            error.what, code="AdoptionNotConfigured", expected=error.expected, got=error.got, next_step=error.next_step
        ) from error

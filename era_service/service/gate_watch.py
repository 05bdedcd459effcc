"""The configured gate of an era, by the registrations in the store, and the event that it was crossed."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from era_service.config.schema import Settings
from era_service.service.snapshot import Snapshot
from era_service.wiring.adoption import adoption_rules, compatibility_of, configured_gate
from era_store import NewEvent
from era_store.event_log import EventFilter
from eras import ConfigurationError, Epoch, EraNotReadyError, EraSwitchError, StoreError
from release_tools import GateResult, judge_gate

if TYPE_CHECKING:
    from era_store import SqlStore

GATE_CROSSED = "gate-crossed"
"""The event that the share of an era has reached its gate, or fallen below it again."""

_FACTS: Final = {"era", "met", "base", "threshold", "share", "epoch"}


class Watched(Protocol):
    """The service whose gate is judged."""

    @property
    def settings(self) -> Settings:
        """The configuration."""
        ...

    @property
    def store(self) -> "SqlStore":
        """Has the registrations and the event log."""
        ...

    @property
    def snapshot(self) -> Snapshot:
        """The newest reading.

        Raises:
            EraNotReadyError: nothing was read yet.
        """
        ...


def current_epoch(service: Watched, *, fresh: bool = False) -> Epoch | None:
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


def judged_gate(service: Watched, era: str, current: Epoch | None) -> GateResult:
    """How an era stands to the configured gate, by registrations up to the current epoch.

    Raises:
        EraSwitchError: no gate is configured, or not which versions know the era.
        EraSwitchError: there are no registrations, or they cannot be read.
    """
    gate = configured_gate(service.settings)
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
            service.store.registrations,
            era,
            gate,
            compatibility_of(service.settings),
            current=current,
            rules=adoption_rules(service.settings),
        )


def gate_event(service: Watched, snapshot: Snapshot) -> NewEvent | None:
    """The event that the gate of the upcoming era was crossed, this way or that, since the last report.

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

"""From snapshots to views of the era, and to what is new between two of them.

In: snapshots, and the eras that this software knows. Out: views and events, by the same pure functions that every node
decides with (``eras.view``, ``chain_reader.node.eras``).
"""

from chain_reader.node.eras import era_decisions, upcoming_facts
from chain_reader.node.kinds import DecisionKind
from era_service.service.snapshot import Snapshot
from era_store import NewEvent
from eras import (
    CurrentEraNotFoundError,
    Epoch,
    EraEpochToken,
    EraStatus,
    EraView,
    Provenance,
    Slot,
    SupportedEras,
    select_eras,
)
from eras.view import NO_VIEW, marked, taken_over


def view_after(before: EraView, snapshot: Snapshot, supported: SupportedEras) -> EraView:
    """The view with a snapshot, which takes the place of ``before``.

    Raises:
        EraRegressionError: it would go back to an earlier epoch or era.
    """
    status, token = snapshot.status, token_of(snapshot, supported)
    if token is None:
        return marked(before, EraStatus.STALE, status.stale or "no current era is known")
    after = taken_over(before, token, supported)
    return after if status.stale is None else marked(after, EraStatus.STALE, status.stale)


def events_between(
    before: Snapshot | None, after: Snapshot, supported: SupportedEras, notice_epochs: int
) -> tuple[NewEvent, ...]:
    """What is new about the eras, for the event log.

    Raises:
        EraRegressionError: ``after`` is of an earlier epoch or era than ``before``.
    """
    old = NO_VIEW if before is None else view_after(NO_VIEW, before, supported)
    new = view_after(old, after, supported)
    decisions = era_decisions(old, new, notice_epochs)
    token, last = new.token, old.token
    if token is None or token.upcoming is None or token.upcoming_supported:
        return decisions
    if last is not None and last.upcoming == token.upcoming:
        return decisions
    facts = upcoming_facts(new) | {"supported_eras": list(supported)}
    return (*decisions, NewEvent(DecisionKind.UNSUPPORTED_UPCOMING.value, facts, token.epoch))


def token_of(snapshot: Snapshot, supported: SupportedEras) -> EraEpochToken | None:
    """The eras of a snapshot; ``None`` where it names no current one."""
    status = snapshot.status
    if status.epoch is None:
        return None
    origin = status.trusted
    slot = None if origin is None or origin.slot is None else Slot(origin.slot)
    provenance = None if origin is None else Provenance(origin.source, origin.transaction, slot, origin.key)
    try:
        return select_eras(snapshot.schedule, Epoch(status.epoch), supported, provenance=provenance)
    except CurrentEraNotFoundError:
        return None

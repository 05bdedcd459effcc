"""From snapshots to views of the era, and to what is new between two of them.

In: snapshots, and the eras that this software knows. Out: views and events, by the same pure functions that every node
decides with (``eras.view``, ``chain_reader.node.eras``).
"""

from chain_reader.node.eras import era_decisions, upcoming_facts
from chain_reader.node.kinds import DecisionKind
from era_service.service.snapshot import Snapshot, config_of, era_document, era_of
from era_service.status.documents import ErrorDocument
from era_store import NewEvent
from eras import (
    CurrentEraNotFoundError,
    Epoch,
    EraEpochToken,
    EraStatus,
    EraSwitchError,
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


def views_between(before: Snapshot | None, after: Snapshot, supported: SupportedEras) -> tuple[EraView, EraView]:
    """The view with one snapshot, and with the next.

    Raises:
        EraRegressionError: ``after`` is of an earlier epoch or era than ``before``.
    """
    old = NO_VIEW if before is None else view_after(NO_VIEW, before, supported)
    return old, view_after(old, after, supported)


def events_between(
    before: Snapshot | None, after: Snapshot, supported: SupportedEras, notice_epochs: int
) -> tuple[NewEvent, ...]:
    """The news about the eras, for the event log.

    Raises:
        EraRegressionError: ``after`` is of an earlier epoch or era than ``before``.
    """
    old, new = views_between(before, after, supported)
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


def on_schedule(
    known: Snapshot,
    epoch: Epoch,
    ends_at_s: float,
    supported: SupportedEras,
    notice_epochs: int,
) -> Snapshot:
    """A snapshot as it is in a later epoch by the schedule that it has (rule T9).

    Args:
        known: what was read last.
        epoch: the epoch, by the clock.
        ends_at_s: when that ends.
        supported: the eras that this software knows.
        notice_epochs: an era that begins in fewer epochs is locked.
    """
    moved = known.model_copy(update={"status": known.status.model_copy(update={"epoch": epoch})})
    token = token_of(moved, supported)
    if token is None:
        return known
    eras = [
        era_document(era, token.state_of(marker, notice_epochs=notice_epochs).value, epoch)
        for era, marker in zip(known.status.eras, known.schedule, strict=True)
    ]
    error = None
    try:
        token.require_supported()
    except EraSwitchError as unsupported:
        error = ErrorDocument.model_validate(unsupported.to_dict())
    identity = known.identity()
    status = moved.status.model_copy(
        update={
            "eras": eras,
            "current": era_of(token.current, eras),
            "upcoming": era_of(token.upcoming, eras),
            "current_era": token.current.name,
            "upcoming_era": None if token.upcoming is None else token.upcoming.name,
            "epochs_to_upcoming": token.epochs_to_upcoming,
            "era_id": None if identity is None else str(identity.at(epoch)),
            "error": error,
        }
    )
    config, markers = known.config, known.markers
    if config is not None:
        freshness = config.freshness.model_copy(update={"epoch_ends_at_s": ends_at_s})
        config = config_of(status, token, config.source, freshness)
    return moved.model_copy(
        update={
            "status": status,
            "config": config,
            "markers": markers and markers.model_copy(update={"epoch": epoch}),
            "epoch_ends_at_s": ends_at_s,
        }
    )

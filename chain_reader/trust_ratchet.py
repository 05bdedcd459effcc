"""The ratchet (rule T4): which schedule may follow which. Pure.

In: schedules and an epoch. Out: whether one may follow the other, or which of several follows all the others.

1. A successor may append an era, give an announced one its epoch, move or cancel one that is still in the future,
   drop one that is past. It never alters or drops an activation that has happened, and appends none before the
   current one.
2. Where two payloads are successors of each other (a cancelled era looks like an old payload posted again), the one
   that only adds to the other wins, because schedules grow far more often than they shrink.
"""

from collections.abc import Iterable, Sequence

from eras import Epoch, EraMarker


def is_successor(old: Iterable[EraMarker], new: Iterable[EraMarker], epoch: Epoch) -> bool:
    """Whether ``new`` may follow ``old`` at ``epoch`` (rule 1). Every payload may follow itself."""
    before, after = set(old), set(new)
    added = after - before
    current = max((begin for begin in _happened(before, epoch)), default=None)
    if current is not None and any(marker.epoch is not None and marker.epoch <= current for marker in added):
        return False
    renamed = {marker.name for marker in added}
    latest = max(_happened(after, epoch), default=None)
    return all(
        latest is not None and marker.epoch < latest and marker.name not in renamed
        for marker in before - after
        if marker.epoch is not None and marker.epoch <= epoch
    )


def only_adds(old: Iterable[EraMarker], new: Iterable[EraMarker], epoch: Epoch) -> bool:
    """Whether ``new`` follows ``old`` without moving or cancelling an era (rule 2)."""
    before, after = set(old), set(new)
    given = {marker.name for marker in after if marker.epoch is not None}
    dropped = before - after
    return is_successor(before, after, epoch) and all(
        marker.name in given if marker.epoch is None else marker.epoch <= epoch for marker in dropped
    )


def last_schedule(schedules: Sequence[frozenset[EraMarker]], epoch: Epoch) -> frozenset[EraMarker] | None:
    """The one schedule that follows all others, told from several by rule 2; ``None`` if there is no single one."""
    last = [new for new in schedules if all(is_successor(old, new, epoch) for old in schedules)]
    if len(last) > 1:
        last = [new for new in last if all(only_adds(old, new, epoch) for old in last)]
    return last[0] if len(last) == 1 else None


def last_activation(markers: Iterable[EraMarker], epoch: Epoch) -> EraMarker | None:
    """The marker of the era that is current at ``epoch``."""
    begun = [marker for marker in markers if marker.epoch is not None and marker.epoch <= epoch]
    return max(begun, key=lambda marker: marker.epoch or 0, default=None)


def _happened(markers: Iterable[EraMarker], epoch: Epoch) -> list[Epoch]:
    return [marker.epoch for marker in markers if marker.epoch is not None and marker.epoch <= epoch]

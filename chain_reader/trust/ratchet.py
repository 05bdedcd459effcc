"""The ratchet (rule T4): which schedule may follow which. Pure.

In: schedules and an epoch. Out: whether one may follow the other, or which of several follows all the others.

1. A successor may append an era, give an announced one its epoch, move or cancel one that is still in the future,
   drop one that is past. It never alters or drops an activation that has happened, and appends none before the
   current one.
2. Where two payloads are successors of each other (a cancelled era looks like an old payload posted again), the one
   that only adds to the other wins, because schedules grow far more often than they shrink. Where nothing else shows
   them apart, so does the one that adds to it or moves an era to a later epoch: nobody moves one to an earlier epoch,
   but by cancelling it first.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from eras import Epoch, EraMarker

Markers = tuple[Any, ...]
"""Markers of one kind."""


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


def only_adds(old: Iterable[EraMarker], new: Iterable[EraMarker], epoch: Epoch, *, or_postpones: bool = False) -> bool:
    """Whether ``new`` follows ``old`` and moves or cancels no era; with ``or_postpones`` it may move one further on."""
    before, after = set(old), set(new)
    given: dict[str, Epoch] = {}
    for marker in after:
        if marker.epoch is not None:
            given[marker.name] = max(marker.epoch, given.get(marker.name, marker.epoch))

    def is_kept(marker: EraMarker) -> bool:
        if marker.epoch is None:
            return marker.name in given
        return marker.epoch <= epoch or (or_postpones and given.get(marker.name, marker.epoch) > marker.epoch)

    return is_successor(before, after, epoch) and all(map(is_kept, before - after))


def keeps_mark(mark: EraMarker, markers: Sequence[EraMarker], epoch: Epoch) -> bool:
    """Whether ``markers`` may follow what ended with the activation ``mark``: they have it, or a later one."""
    if mark in markers:
        return True
    later = (marker.epoch for marker in markers if marker.epoch is not None and marker.epoch <= epoch)
    return mark.epoch is not None and max(later, default=Epoch(0)) > mark.epoch


def last_activation(markers: Iterable[EraMarker], epoch: Epoch) -> EraMarker | None:
    """The marker of the era that is current at ``epoch``."""
    begun = [marker for marker in markers if marker.epoch is not None and marker.epoch <= epoch]
    return max(begun, key=lambda marker: marker.epoch or 0, default=None)


def _happened(markers: Iterable[EraMarker], epoch: Epoch) -> list[Epoch]:
    return [marker.epoch for marker in markers if marker.epoch is not None and marker.epoch <= epoch]

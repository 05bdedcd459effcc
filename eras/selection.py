"""The rules that turn markers and an epoch into the current and the upcoming era.

1. The current era is the marker with the greatest epoch that is not after the given one; of two with the same epoch,
   the first in the list (as deployed readers take it).
2. The upcoming era is the marker with the nearest later epoch; where there is none, the first one announced without
   an epoch whose era has not begun already.
3. Without a current era there is no answer, but an error that names the epoch and every era known.
4. An era is announced, scheduled, locked (less than the notice is left), active, past or cancelled.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from eras.errors import CurrentEraNotFoundError
from eras.marker import Epoch, EraMarker, Provenance, require_epoch
from eras.supported import SupportedEras

DEFAULT_NOTICE_EPOCHS = 2
"""Epochs of notice before an activation: a registration made now counts two epochs later (Mithril's signing stake)."""


class EraState(enum.Enum):
    """The state of an era on its way."""

    ANNOUNCED = "announced"
    SCHEDULED = "scheduled"
    LOCKED = "locked"
    ACTIVE = "active"
    PAST = "past"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class EraEpochToken:
    """The selection of eras that markers make at an epoch.

    Attributes:
        epoch: the epoch asked about.
        current: the marker of the current era.
        upcoming: the marker of the upcoming era, if any.
        markers: the whole schedule, in the order it was published.
        supported: the eras this software knows.
        provenance: where the markers come from, where known.
    """

    epoch: Epoch
    current: EraMarker
    upcoming: EraMarker | None
    markers: tuple[EraMarker, ...]
    supported: SupportedEras
    provenance: Provenance | None = None

    @property
    def current_supported(self) -> bool:
        """Whether this software knows the current era."""
        return self.current.name in self.supported

    @property
    def upcoming_supported(self) -> bool | None:
        """Whether this software knows the upcoming era; ``None`` when there is none."""
        return None if self.upcoming is None else self.upcoming.name in self.supported

    @property
    def epochs_to_upcoming(self) -> int | None:
        """Epochs until the upcoming era begins; ``None`` when there is none or it has no epoch yet."""
        if self.upcoming is None or self.upcoming.epoch is None:
            return None
        return self.upcoming.epoch - self.epoch

    def state_of(self, marker: EraMarker, *, notice_epochs: int = DEFAULT_NOTICE_EPOCHS) -> EraState:
        """The state of ``marker`` (rule 4); one that is not in the schedule is cancelled."""
        if marker not in self.markers:
            return EraState.CANCELLED
        if marker == self.current:
            return EraState.ACTIVE
        if marker.epoch is None:
            return EraState.ANNOUNCED
        if marker.epoch <= self.epoch:
            return EraState.PAST
        return EraState.LOCKED if marker.epoch - self.epoch < notice_epochs else EraState.SCHEDULED

    def require_supported(self) -> None:
        """Check that this software knows the current era.

        Raises:
            UnsupportedEraError: it does not.
        """
        if not self.current_supported:
            raise self.supported.unsupported(self.current.name, what="The current era is not supported")


def select_eras(
    markers: Iterable[EraMarker],
    epoch: Epoch,
    supported: SupportedEras = SupportedEras.DEFAULT,
    *,
    provenance: Provenance | None = None,
) -> EraEpochToken:
    """The current and the upcoming era at ``epoch``, by the rules at the top of this module.

    Raises:
        CurrentEraNotFoundError: no marker is active at ``epoch``.
        MarkerError: ``epoch`` is not an unsigned 64-bit integer.
    """
    require_epoch(epoch)
    schedule = tuple(markers)
    current: EraMarker | None = None
    later: EraMarker | None = None
    announced: list[EraMarker] = []
    for marker in schedule:
        if marker.epoch is None:
            announced.append(marker)
        elif marker.epoch <= epoch:
            if current is None or current.epoch is None or marker.epoch > current.epoch:
                current = marker
        elif later is None or later.epoch is None or marker.epoch < later.epoch:
            later = marker
    if current is None:
        raise _no_current_era(schedule, epoch)
    if later is None and announced:
        begun = {marker.name for marker in schedule if marker.epoch is not None and marker.epoch <= epoch}
        later = next((marker for marker in announced if marker.name not in begun), None)
    return EraEpochToken(epoch, current, later, schedule, supported, provenance)


def _no_current_era(schedule: tuple[EraMarker, ...], epoch: Epoch) -> CurrentEraNotFoundError:
    known = ", ".join(str(marker) for marker in schedule) or "no marker at all"
    return CurrentEraNotFoundError(
        f"No era is active at epoch {epoch}",
        expected=f"a marker with an epoch of at most {epoch}",
        got=known,
        next_step="Check the era address, the verification key and the epoch, or wait until the first era begins",
        epoch=epoch,
        markers=[marker.to_dict() for marker in schedule],
    )

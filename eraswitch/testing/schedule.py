"""An ``EraChecker`` on a schedule that a test moves on: no chain, no clock, no thread.

In: markers, and an epoch. Out: a checker that is where the test wants it, reached as a node reaches it.
"""

from collections.abc import Iterable

from eras import Epoch, EraChecker, EraMarker, SupportedEras, select_eras
from eras.supported import Name, name_of

Marker = tuple[Name, int | None]
"""An era and the epoch it begins at, or ``None`` where it is only announced."""


class EraSchedule:
    """A schedule, and the checker that follows it.

    Args:
        markers: the eras with their epochs.
        epoch: the epoch to begin in.
        supported: the eras that the software knows; by default those of the markers, in their order.

    Raises:
        CurrentEraNotFoundError: no marker has begun by ``epoch``.
    """

    def __init__(self, *markers: Marker, epoch: int = 0, supported: Iterable[Name] | None = None) -> None:
        names = [name for name, _ in markers] if supported is None else list(supported)
        self.checker = EraChecker(SupportedEras(dict.fromkeys(map(name_of, names))))
        self.publish(*markers, epoch=epoch)

    @property
    def epoch(self) -> Epoch:
        """The epoch."""
        return self.checker.current_epoch

    def publish(self, *markers: Marker, epoch: int | None = None) -> None:
        """These markers are in force and read, now or at a later epoch.

        Raises:
            EraRegressionError: they would undo an activation that has happened.
        """
        listed = [EraMarker(name_of(name), None if begins is None else Epoch(begins)) for name, begins in markers]
        at = Epoch(self.epoch if epoch is None else epoch)
        self.checker.change_era(select_eras(listed, at, self.checker.supported))

    def advance(self, epochs: int = 1) -> None:
        """So many epochs pass, and the chain is not read: what is known is followed."""
        self.checker.advance_epoch(Epoch(self.epoch + epochs))

    def go_stale(self, reason: str = "the provider does not answer") -> None:
        """The chain could not be read."""
        self.checker.mark_stale(reason)


def checker_in_era(era: Name, supported: Iterable[Name] | None = None) -> EraChecker:
    """A checker whose current era is ``era``.

    Args:
        era: the era; one that is not in ``supported`` makes every question about the current era raise.
        supported: the eras that the software knows; by default ``era`` alone.
    """
    return EraSchedule((era, 0), supported=[era] if supported is None else supported).checker

"""Epochs as dates, in one form everywhere: ``epoch 748 (2026-12-13 21:44 UTC)``. Pure.

In: the genesis of a network, where it is known, and the time of now. Out: words; without a genesis, the epoch alone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from chain_reader.genesis import NetworkGenesis
from eras import Epoch

_LAST_S = 253_402_300_800.0
"""When the year 9999 ends, POSIX seconds: no calendar has what comes later."""


@dataclass(frozen=True, slots=True)
class EpochCalendar:
    """When epochs begin.

    Attributes:
        genesis: of the network; ``None`` where it is not known.
        now_s: POSIX time.
    """

    genesis: NetworkGenesis | None = None
    now_s: float = 0.0

    def begins_s(self, epoch: int) -> float | None:
        """POSIX time at which an epoch begins; ``None`` where that is not known, or in a year that no calendar has."""
        if self.genesis is None or epoch < self.genesis.anchor_epoch:
            return None
        begins_s = self.genesis.time_of(self.genesis.first_slot_of(Epoch(epoch)))
        return begins_s if 0 <= begins_s < _LAST_S else None

    def iso(self, epoch: int | None) -> str | None:
        """The same as ISO 8601, ``2026-12-13T21:44:51Z``, for machines; ``None`` too where there is no epoch."""
        begins_s = None if epoch is None else self.begins_s(epoch)
        return None if begins_s is None else f"{datetime.fromtimestamp(begins_s, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def label(self, epoch: float) -> str:
        """An epoch as an axis of a chart has it: its number and below it its day, where that is known."""
        iso = self.iso(int(epoch))
        return f"{epoch:g}" if iso is None else f"{epoch:g}\n{iso[:10]}"

    def epoch(self, epoch: int) -> str:
        """An epoch with its date: ``epoch 748 (2026-12-13 21:44 UTC)``, or ``epoch 748``."""
        begins_s = self.begins_s(epoch)
        if begins_s is None:
            return f"epoch {epoch}"
        return f"epoch {epoch} ({datetime.fromtimestamp(begins_s, UTC):%Y-%m-%d %H:%M} UTC)"

    def coming(self, epoch: int) -> str:
        """The same, and how far ahead it is: ``epoch 748 (2026-12-13 21:44 UTC), in 14 d``."""
        begins_s = self.begins_s(epoch)
        if begins_s is None or begins_s <= self.now_s:
            return self.epoch(epoch)
        left_s = begins_s - self.now_s
        size, unit = next((one for one in ((86_400, "d"), (3_600, "h")) if left_s >= one[0]), (60, "min"))
        return f"{self.epoch(epoch)}, in {max(1, int(left_s // size))} {unit}"

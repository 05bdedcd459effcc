"""Which slot it is at what time, and which epoch a slot is in: what a network fixed when it began.

In: a network's genesis, or its Shelley genesis file. Out: slots, times and epochs, by arithmetic, and epochs as dates,
in one form everywhere: ``epoch 748 (2026-12-13 21:44 UTC)``. No clock is read here. Cardano's public networks began
with an era (Byron) of other slots than today's, so a genesis here begins at a slot of the newest era: the *anchor*. A
network without such a past has its anchor at slot 0.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from datum.strict_json import short_whole
from eras import ConfigurationError, Epoch, Slot


@lru_cache(maxsize=1024)
def exact(number: float) -> Fraction:
    """The number that was written down: a slot of 0.1 s is a tenth of a second, though no float is."""
    return Fraction(repr(number))


MAX_GENESIS_FILE_BYTES = 1 << 26  # those of large test networks list many funds

_GENESIS_FIELDS = ("systemStart", "slotLength", "epochLength", "networkMagic", "activeSlotsCoeff")
_FIRST_SLOT, _FIRST_EPOCH = Slot(0), Epoch(0)


@dataclass(frozen=True, slots=True)
class NetworkGenesis:
    """When the slots and epochs of a network begin.

    Attributes:
        network_magic: which network it is.
        anchor_time_s: POSIX time at which the anchor slot began; ``systemStart`` where the anchor is slot 0.
        slot_length_s: seconds of a slot.
        epoch_length: slots of an epoch.
        active_slots_coefficient: the share of slots that get a block.
        anchor_slot: a slot that began an epoch, and after which neither length changed.
        anchor_epoch: the epoch that it began.

    Raises:
        ConfigurationError: a value is out of range.
    """

    network_magic: int
    anchor_time_s: float
    slot_length_s: float
    epoch_length: int
    active_slots_coefficient: Fraction = Fraction(1, 20)
    anchor_slot: Slot = _FIRST_SLOT
    anchor_epoch: Epoch = _FIRST_EPOCH

    def __post_init__(self) -> None:
        ranges = {
            "network_magic": 0 <= self.network_magic < 2**32,
            "anchor_time_s": abs(self.anchor_time_s) < 2**40,
            "slot_length_s": 0 < self.slot_length_s < 2**32,
            "epoch_length": 0 < self.epoch_length < 2**32,
            "active_slots_coefficient": 0 < self.active_slots_coefficient <= 1,
            "anchor_slot": 0 <= self.anchor_slot < 2**63,
            "anchor_epoch": 0 <= self.anchor_epoch < 2**63,
        }
        if wrong := [name for name, right in ranges.items() if not right]:
            raise ConfigurationError(
                "A network's genesis is not usable",
                expected="a slot length and an epoch length above 0, an active slots coefficient of at most 1",
                got=", ".join(f"{name} {getattr(self, name)}"[:60] for name in wrong),
                next_step="Correct the genesis of the network",
            )

    def slot_at(self, time_s: float) -> Slot:
        """The slot at a POSIX time; before the anchor, the anchor."""
        since_s = exact(time_s) - exact(self.anchor_time_s)
        return Slot(self.anchor_slot + max(0, int(since_s // exact(self.slot_length_s))))

    def time_of(self, slot: Slot) -> float:
        """The POSIX time at which a slot begins."""
        return float(exact(self.anchor_time_s) + (slot - self.anchor_slot) * exact(self.slot_length_s))

    def epoch_of(self, slot: Slot) -> Epoch:
        """The epoch that a slot is in; of slots before the anchor, the anchor's."""
        return Epoch(self.anchor_epoch + max(0, slot - self.anchor_slot) // self.epoch_length)

    def first_slot_of(self, epoch: Epoch) -> Slot:
        """The slot with which an epoch begins; of epochs before the anchor's, the anchor."""
        return Slot(self.anchor_slot + max(0, epoch - self.anchor_epoch) * self.epoch_length)

    def begins_s(self, epoch: int) -> float:
        """The POSIX time at which an epoch begins; of epochs before the anchor's, that of the anchor."""
        return self.time_of(self.first_slot_of(Epoch(epoch)))

    @property
    def rare_gap_s(self) -> float:
        """Seconds without a block that chance brings about less than once in 10¹³ gaps.

        A slot is empty with the chance 1 - f (f the active slots coefficient), so that gaps of n slots have the chance
        (1 - f)ⁿ < e⁻ⁿᶠ; with n = 30/f that is e⁻³⁰.
        """
        return float(30 / self.active_slots_coefficient) * self.slot_length_s


def read_genesis_file(path: Path) -> NetworkGenesis:
    """The genesis of a network that began without a Byron era, from its Shelley genesis file, as nodes have it.

    Raises:
        ConfigurationError: the file cannot be read, is another one, or a value in it is out of range.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_GENESIS_FILE_BYTES + 1)
        fits = len(text) <= MAX_GENESIS_FILE_BYTES
        found = json.loads(text, parse_int=short_whole) if fits else "a file of more than 64 MiB"
    except OSError as error:
        raise _unusable_file(path, str(error), "Correct genesis_file") from error
    except (ValueError, RecursionError) as error:
        raise _unusable_file(path, f"not JSON: {error}"[:200], "Give the Shelley genesis file") from error
    if not isinstance(found, dict) or (missing := [name for name in _GENESIS_FIELDS if name not in found]):
        got = f"no {', '.join(missing)} in it" if isinstance(found, dict) else "no JSON object"
        raise _unusable_file(path, got, "Give the Shelley genesis file; Byron's, Alonzo's and Conway's have no clock")
    start, slot_length_s, epoch_length, magic, coefficient = (found[name] for name in _GENESIS_FIELDS)
    for name, kinds in (("slotLength", (int, float)), ("epochLength", (int,)), ("networkMagic", (int,)),
                        ("activeSlotsCoeff", (int, float))):  # fmt: skip
        if type(found[name]) not in kinds:
            raise _unusable_file(path, f"{name} {found[name]!r}"[:80], f"Correct {name}")
    try:
        begun = datetime.fromisoformat(start)
    except (TypeError, ValueError) as error:
        raise _unusable_file(path, f"systemStart {start!r}"[:80], "Give systemStart as a time in UTC") from error
    if begun.tzinfo is None:
        begun = begun.replace(tzinfo=UTC)
    return NetworkGenesis(magic, begun.timestamp(), slot_length_s, epoch_length, exact(coefficient))


def _unusable_file(path: Path, got: str, next_step: str) -> ConfigurationError:
    return ConfigurationError(
        f"The genesis file {path} is not usable",
        expected=f"a Shelley genesis, a JSON object with {', '.join(_GENESIS_FIELDS)}",
        got=got,
        next_step=next_step,
    )


_DAY_S = 86_400
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
        begins_s = self.genesis.begins_s(epoch)
        return begins_s if 0 <= begins_s < _LAST_S else None

    def iso(self, epoch: int | None) -> str | None:
        """The same as ISO 8601, ``2026-12-13T21:44:51Z``, for machines; ``None`` too where there is no epoch."""
        begins_s = None if epoch is None else self.begins_s(epoch)
        return None if begins_s is None else f"{datetime.fromtimestamp(begins_s, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def label(self, epoch: float) -> str:
        """An epoch as an axis of a chart has it: its number and below it, where that is known, its day.

        Where epochs are shorter than a day, as in a rehearsal, it is the time of day.
        """
        begins_s, ends_s = self.begins_s(int(epoch)), self.begins_s(int(epoch) + 1)
        if begins_s is None or ends_s is None:
            return f"{epoch:g}"
        form = "%Y-%m-%d" if ends_s - begins_s >= _DAY_S else "%H:%M UTC"
        return f"{epoch:g}\n{datetime.fromtimestamp(begins_s, UTC):{form}}"

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
        size, unit = next((one for one in ((_DAY_S, "d"), (3_600, "h")) if left_s >= one[0]), (60, "min"))
        return f"{self.epoch(epoch)}, in {max(1, int(left_s // size))} {unit}"


PUBLIC_GENESES: Mapping[int, NetworkGenesis] = MappingProxyType(
    {
        genesis.network_magic: genesis
        for genesis in (
            NetworkGenesis(
                764_824_073, 1_596_059_091, 1.0, 432_000, anchor_slot=Slot(4_492_800), anchor_epoch=Epoch(208)
            ),
            NetworkGenesis(1, 1_655_769_600, 1.0, 432_000, anchor_slot=Slot(86_400), anchor_epoch=Epoch(4)),
            NetworkGenesis(2, 1_666_656_000, 1.0, 86_400),
        )
    }
)
"""Mainnet, preprod and preview by network magic, each from its first slot of one second (``docs/providers.md``)."""

"""A marker: the name of an era and the epoch it begins at, as the release team signs it; and where it comes from."""

import enum
from dataclasses import dataclass
from typing import Any, NewType, TypedDict

from eras.errors import MarkerError

Epoch = NewType("Epoch", int)
"""An epoch number of the underlying Cardano chain, an unsigned 64-bit integer."""

Slot = NewType("Slot", int)
"""A slot number of the underlying Cardano chain."""

MAX_EPOCH = Epoch(2**64 - 1)
"""The greatest epoch that the wire format can hold."""


def require_epoch(value: Any) -> Epoch:
    """``value`` as an epoch.

    Raises:
        MarkerError: it is not an integer from 0 to 2**64 - 1 (a bool or a float is not one).
    """
    if type(value) is not int or not 0 <= value <= MAX_EPOCH:
        raise MarkerError(
            "An epoch is not usable",
            expected=f"a whole number from 0 to {MAX_EPOCH}",
            got=f"{value!r}"[:80],
            next_step="Correct the epoch",
        )
    return Epoch(value)


class MarkerFacts(TypedDict):
    """A marker as the wire format has it."""

    name: str
    epoch: Epoch | None


@dataclass(frozen=True, slots=True)
class EraMarker:
    """An era and the epoch it begins at; ``epoch`` is ``None`` while the era is only announced.

    Any string is a name, the empty one too: deployed readers take them, so this type must be able to hold them. Half a
    surrogate pair, which stands in a Python string for bytes that are not UTF-8, has no form on the wire. A member
    of an enumeration is taken for its value.

    Raises:
        MarkerError: the name is not a string or has no UTF-8 form, or the epoch is not an unsigned 64-bit integer or
            ``None``.
    """

    name: str
    epoch: Epoch | None

    def __post_init__(self) -> None:
        if isinstance(self.name, enum.Enum):
            object.__setattr__(self, "name", self.name.value)
        if type(self.name) is not str:
            raise MarkerError(
                "An era name is not usable",
                expected="a string",
                got=f"{self.name!r}"[:80],
                next_step="Correct the name of the era",
            )
        if not self.name.isascii() and any("\ud800" <= char <= "\udfff" for char in self.name):
            raise MarkerError(
                "An era name is not usable",
                expected="text that UTF-8 can encode",
                got=f"{self.name!r}"[:80],
                next_step="Correct the name of the era",
            )
        if self.epoch is not None:
            require_epoch(self.epoch)

    def __str__(self) -> str:
        return f"{self.name} (announced)" if self.epoch is None else f"{self.name} at epoch {self.epoch}"

    def to_dict(self) -> MarkerFacts:
        """The marker as the wire format has it: ``name``, then ``epoch``."""
        return {"name": self.name, "epoch": self.epoch}


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of markers; a part that the source does not know is ``None``.

    Attributes:
        source: what was read, in an operator's words (``blockfrost http://host:1234``, ``file markers.json``).
        transaction: hash of the transaction that published them, 64 hex digits.
        slot: slot of that transaction's block.
        key: the verification key that their signature was checked with, 64 hex digits.
    """

    source: str
    transaction: str | None = None
    slot: Slot | None = None
    key: str | None = None

"""The origin of a set of markers: the transaction that published it and the key that signed it."""

from dataclasses import dataclass

from eras.marker import Slot


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

"""The model of the local chain: blocks, transactions and outputs, as its readers see them."""

from dataclasses import dataclass, field

from eras import Epoch, Slot

POLICY_DIGITS = 56
"""The number of hex digits at the beginning of an asset's unit that are its policy id."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the local chain; ``time_s`` is its POSIX time in seconds."""

    hash: str
    previous: str | None
    height: int
    slot: Slot
    epoch: Epoch
    time_s: int
    transactions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """A transaction output. ``datum`` is an inline datum as CBOR hex, ``datum_hash`` a datum hash, at most one is set.

    ``assets`` maps policy id + asset name (hex, concatenated) to a quantity; ``spent_by`` is the hash of the
    transaction that spent it.
    """

    transaction: str
    index: int
    address: str
    lovelace: int
    assets: tuple[tuple[str, int], ...]
    datum: str | None
    datum_hash: str | None
    block_hash: str
    block_height: int
    slot: Slot
    spent_by: str | None


@dataclass(frozen=True, slots=True)
class ChainTransaction:
    """A transaction in a block. ``index`` is its place in the block; ``reference_inputs`` are read, not spent."""

    hash: str
    block: Block
    index: int
    inputs: tuple[Output, ...]
    reference_inputs: tuple[Output, ...]
    outputs: tuple[Output, ...]
    fee: int
    size: int
    cbor: str
    invalid_before: Slot | None
    invalid_hereafter: Slot | None


@dataclass(frozen=True, slots=True)
class FaucetOutput:
    """An output that the rehearsal chain creates without inputs; ``assets`` and ``datum`` as in ``Output``."""

    address: str
    lovelace: int
    assets: tuple[tuple[str, int], ...] = ()
    datum: str | None = None


@dataclass(frozen=True, slots=True)
class NewOutput:
    """An output of a transaction that is not yet in a block.

    ``size`` is the number of its serialised bytes, ``value_size`` that of its value.
    """

    address: str
    network_id: int
    lovelace: int
    assets: tuple[tuple[str, int], ...]
    datum: str | None
    datum_hash: str | None
    size: int
    value_size: int


@dataclass(frozen=True, slots=True)
class NewTransaction:
    """A transaction that is not yet in a block. Inputs are (transaction hash, index), in the order of the body.

    ``minted`` maps an asset to the quantity that is minted, or burnt where it is negative.
    """

    hash: str
    inputs: tuple[tuple[str, int], ...]
    reference_inputs: tuple[tuple[str, int], ...]
    outputs: tuple[NewOutput, ...]
    fee: int
    size: int
    invalid_before: Slot | None
    invalid_hereafter: Slot | None
    cbor: bytes = field(repr=False)
    minted: tuple[tuple[str, int], ...] = ()

"""The answers of a Blockfrost API that the observer uses, each field with its type.

In: the JSON of an answer. Out: frozen values, or plain dictionaries for the outputs at an address, of which a flood
has thousands. Fields that are not used are not looked at.
"""

from typing import Annotated

from pydantic import Field, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from chain_reader.providers.transport.calls import STRICT, Answer
from eras import MAX_EPOCH

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Whole = Annotated[int, Field(ge=0, le=MAX_EPOCH)]
OutputIndex = Annotated[int, Field(ge=0, le=2**32 - 1)]


class ErrorBody(Answer):
    """What Blockfrost sends with a status other than 200."""

    status_code: int
    error: str
    message: str


class LatestEpoch(Answer):
    """``/epochs/latest``."""

    epoch: Whole


class EpochStake(Answer):
    """``/epochs/{number}``; the stake is null where it is not known."""

    epoch: Whole
    active_stake: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,17}$")] | None


class Block(Answer):
    """``/blocks/{hash}``; slot, height and epoch are null for a boundary block of the first era."""

    hash: Hash
    slot: Whole | None
    height: Whole | None
    epoch: Whole | None = None


class PlacedTransaction(Answer):
    """``/txs/{hash}``."""

    hash: Hash
    block: Hash


class Genesis(Answer):
    """``/genesis``; some devnets tell times and lengths as fractions."""

    network_magic: Annotated[int, Field(ge=0, lt=2**32)]
    system_start: Annotated[float, Field(ge=0, lt=2**40)]
    slot_length: Annotated[float, Field(gt=0, lt=2**32)]
    epoch_length: Annotated[int, Field(gt=0, lt=2**32)]
    active_slots_coefficient: Annotated[float, Field(gt=0, le=1)]


class Amount(TypedDict):
    """A quantity of lovelace or of a token."""

    __pydantic_config__ = STRICT  # type: ignore[misc] # pydantic reads it, a type checker knows no such key

    unit: str
    quantity: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]


class AddressOutput(TypedDict):
    """An item of ``/addresses/{address}/utxos``."""

    __pydantic_config__ = STRICT  # type: ignore[misc]

    tx_hash: Hash
    output_index: OutputIndex
    address: str
    amount: tuple[Amount, ...]
    inline_datum: str | None


class CreatedOutput(Answer):
    """An output of ``/txs/{hash}/utxos``; ``consumed_by_tx`` may be left out, which is not null."""

    output_index: OutputIndex
    address: str
    amount: tuple[Amount, ...]
    inline_datum: str | None
    collateral: bool
    consumed_by_tx: Hash | None = None


class SpentInput(Answer):
    """An input of ``/txs/{hash}/utxos``.

    The API's description lets ``reference`` be left out; then an input that proves nothing could not be told from one
    that was spent, so it is asked for here.
    """

    address: str
    collateral: bool
    reference: bool


class TransactionOutputs(Answer):
    """``/txs/{hash}/utxos``."""

    hash: Hash
    inputs: tuple[SpentInput, ...]
    outputs: tuple[CreatedOutput, ...]


class AddressTransaction(Answer):
    """An item of ``/addresses/{address}/transactions``."""

    tx_hash: Hash
    block_height: Whole


def lovelace_of(amount: tuple[Amount, ...]) -> int:
    """The ada among the quantities of an output."""
    return sum([int(part["quantity"]) for part in amount if part["unit"] == "lovelace"])


ERROR_BODY = TypeAdapter(ErrorBody)
LATEST_EPOCH = TypeAdapter(LatestEpoch)
EPOCH_STAKE = TypeAdapter(EpochStake)
BLOCK = TypeAdapter(Block)
PLACED_TRANSACTION = TypeAdapter(PlacedTransaction)
GENESIS = TypeAdapter(Genesis)
TRANSACTION_OUTPUTS = TypeAdapter(TransactionOutputs)
ADDRESS_OUTPUTS = TypeAdapter(tuple[AddressOutput, ...])
ADDRESS_TRANSACTIONS = TypeAdapter(tuple[AddressTransaction, ...])

"""The answers of a Blockfrost API that the observer uses, each field with its type.

In: the JSON of an answer. Out: frozen values, or plain dictionaries for the outputs at an address, of which a flood
has thousands. Fields that are not used are not looked at. Providers that speak the protocol differ in its optional
parts: a flag or a number that is null or left out is ``None`` here, and lowers what is known, never ends a reading.
"""

from typing import Annotated, NotRequired

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from chain_reader.authorship import MAX_TRANSACTION_BYTES
from chain_reader.providers.transport.calls import STRICT, Answer, Hash, OutputIndex, Quantity, Whole
from chain_reader.providers.transport.sieve import Sieve


class ErrorBody(Answer):
    """Blockfrost's answer with a status other than 200."""

    status_code: int
    error: str
    message: str


class LatestEpoch(Answer):
    """``/epochs/latest``; the epoch is null while some providers catch up with the chain."""

    epoch: Whole | None


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
    time: Whole | None = None


class PlacedTransaction(Answer):
    """``/txs/{hash}``."""

    hash: Hash
    block: Hash


class TransactionBytes(Answer):
    """``/txs/{hash}/cbor``."""

    cbor: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})*$", max_length=2 * MAX_TRANSACTION_BYTES)]


class Genesis(Answer):
    """``/genesis``; some devnets report times and lengths as fractions, or a slot below a second as 0."""

    network_magic: Annotated[int, Field(ge=0, lt=2**32)]
    system_start: Annotated[float, Field(ge=0, lt=2**40)]
    slot_length: Annotated[float, Field(ge=0, lt=2**32)]
    epoch_length: Annotated[int, Field(gt=0, lt=2**32)]
    active_slots_coefficient: Annotated[float, Field(gt=0, le=1)]


@with_config(STRICT)
class Amount(TypedDict):
    """A quantity of lovelace or of a token."""

    unit: str
    quantity: Quantity


@with_config(STRICT)
class AddressOutput(TypedDict):
    """An item of ``/addresses/{address}/utxos``; ``unreadable`` is ours, and has what is wrong with an odd one."""

    tx_hash: Hash
    output_index: OutputIndex
    address: str
    amount: tuple[Amount, ...]
    inline_datum: str | None
    unreadable: NotRequired[str]


class CreatedOutput(Answer):
    """An output of ``/txs/{hash}/utxos``; ``consumed_by_tx`` may be left out, which is not null."""

    output_index: OutputIndex
    address: str
    amount: tuple[Amount, ...]
    inline_datum: str | None
    collateral: bool | None = None
    consumed_by_tx: Hash | None = None


class SpentInput(Answer):
    """An input of ``/txs/{hash}/utxos``: spent, or a reference or collateral input.

    Dingo gives null for a flag that is not set, and Dolos an empty address for an output that it no longer has. An
    input without its flags or its address proves nothing either way.
    """

    address: str | None = None
    collateral: bool | None = None
    reference: bool | None = None


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


def assets_of(amount: tuple[Amount, ...]) -> tuple[tuple[str, int], ...]:
    """The tokens among the quantities of an output."""
    if len(amount) == 1:
        return ()
    return tuple([(part["unit"], int(part["quantity"])) for part in amount if part["unit"] != "lovelace"])


OUTPUTS_SIEVE = Sieve(
    {
        "hash": None,
        "inputs": dict.fromkeys(SpentInput.model_fields),
        "outputs": dict.fromkeys(CreatedOutput.model_fields),
    },
    without=lambda item: item.get("collateral") is True or item.get("reference") is True,
)
"""Of ``/txs/{hash}/utxos``: collateral outputs, and what strangers make long, reference inputs, are left out."""

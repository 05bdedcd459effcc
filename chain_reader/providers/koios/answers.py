"""The answers of Koios that are used here, each field with its type.

In: the JSON of an answer. Out: frozen values, or plain dictionaries for the outputs at an address, of which a flood has
thousands. Numbers come as such or as text, as its versions differ. Fields that are not used are not looked at.
"""

from typing import Annotated, Any, NotRequired

from pydantic import BeforeValidator, Field, StringConstraints, with_config
from typing_extensions import TypedDict

from chain_reader.providers.transport.calls import STRICT, Answer, Hash, OutputIndex, Quantity, Whole
from chain_reader.providers.transport.sieve import Fields, Sieve
from eras import MAX_EPOCH

_LONGEST = 20


def _number(value: Any) -> Any:
    """A number that is written as text, as a number; anything else as it is."""
    if isinstance(value, str) and value.isascii() and len(value) <= _LONGEST:
        if value.isdigit():
            return int(value)
        if value.replace(".", "", 1).isdigit():
            return float(value)
    return value


Written = Annotated[int, BeforeValidator(_number), Field(ge=0, le=MAX_EPOCH)]


class Tip(Answer):
    """``/tip``; the height is ``block_no`` at servers of older versions."""

    hash: Hash
    epoch_no: Whole
    abs_slot: Whole
    block_height: Whole | None = None
    block_no: Whole | None = None

    @property
    def height(self) -> int | None:
        """The height, under either name."""
        return self.block_no if self.block_height is None else self.block_height


class Genesis(Answer):
    """``/genesis``."""

    networkmagic: Annotated[int, BeforeValidator(_number), Field(ge=0, lt=2**32)]
    systemstart: Annotated[float, BeforeValidator(_number), Field(ge=0, lt=2**40)]
    slotlength: Annotated[float, BeforeValidator(_number), Field(gt=0, lt=2**32)]
    epochlength: Annotated[int, BeforeValidator(_number), Field(gt=0, lt=2**32)]
    activeslotcoeff: Annotated[float, BeforeValidator(_number), Field(gt=0, le=1)]


class EpochParameters(Answer):
    """``/epoch_params``."""

    min_fee_a: Written
    min_fee_b: Written
    max_tx_size: Written
    coins_per_utxo_size: Written


@with_config(STRICT)
class InlineDatum(TypedDict):
    """An inline datum as bytes; what it means is not looked at."""

    bytes: str


@with_config(STRICT)
class Asset(TypedDict):
    """A quantity of a token; the name is empty or null where it has none."""

    policy_id: str
    asset_name: str | None
    quantity: Quantity


@with_config(STRICT)
class Output(TypedDict):
    """An item of ``/address_utxos`` and of ``/utxo_info``."""

    tx_hash: Hash
    tx_index: OutputIndex
    address: str
    value: Quantity
    block_height: Whole
    is_spent: bool
    datum_hash: NotRequired[str | None]
    inline_datum: NotRequired[InlineDatum | None]
    reference_script: NotRequired[dict[str, object] | None]
    asset_list: NotRequired[tuple[Asset, ...] | None]
    unreadable: NotRequired[str]  # why it makes no sense: ours, never Koios'


def reference_of(item: Output) -> str:
    """The reference of an output, ``transaction#index``."""
    return f"{item['tx_hash']}#{item['tx_index']}"


def datum_of(item: Output) -> str | None:
    """The inline datum of an output, CBOR in hex."""
    datum = item.get("inline_datum")
    return None if datum is None else datum["bytes"]


def assets_of(item: Output) -> tuple[tuple[str, int], ...]:
    """The tokens that an output holds: policy id and asset name in hex, and the quantity."""
    held = item.get("asset_list") or ()
    return tuple((asset["policy_id"] + (asset["asset_name"] or ""), int(asset["quantity"])) for asset in held)


class Reference(Answer):
    """An item of ``/address_outputs``, which has no datums."""

    tx_hash: Hash
    tx_index: OutputIndex
    block_height: Whole

    def __str__(self) -> str:
        return f"{self.tx_hash}#{self.tx_index}"


class PaymentAddress(Answer):
    """The address of an input."""

    bech32: str


class SpentInput(Answer):
    """An input of a transaction."""

    payment_addr: PaymentAddress | None = None


class Transaction(Answer):
    """An item of ``/tx_info``; the parts are there where they were asked for."""

    tx_hash: Hash
    block_hash: Hash
    block_height: Whole
    epoch_no: Whole
    absolute_slot: Whole
    tx_block_index: Whole
    inputs: tuple[SpentInput, ...] | None = None


class AssetSupply(Answer):
    """An item of ``/asset_info``."""

    policy_id: str
    asset_name: str | None
    total_supply: Written


class TransactionBytes(Answer):
    """An item of ``/tx_cbor``."""

    tx_hash: Hash
    cbor: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2}){1,16384}$")]


_TRANSACTION_FIELDS: Fields = dict.fromkeys(Transaction.model_fields)
TRANSACTIONS_SIEVE = Sieve({**_TRANSACTION_FIELDS, "inputs": dict.fromkeys(SpentInput.model_fields)})
"""Of ``/tx_info``, which has reference inputs, with all that lies beside them, in a field of their own."""

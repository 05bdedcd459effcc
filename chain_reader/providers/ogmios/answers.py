"""The answers of Ogmios v6 and v7 that are used here, each field with its type.

In: the JSON of a JSON-RPC message. Out: frozen values. Fields that are not used are not looked at, so that the names
that v7 changed (``maxReferenceScriptsSize`` became ``maxReferenceScriptsSizePerTransaction``; empty parts of a
transaction are left out) make no difference, nor will most that come.
"""

import re
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, PlainValidator, TypeAdapter

from chain_reader.providers.transport.calls import Answer, Hash, OutputIndex, Whole

Origin = Literal["origin"]


_RATIO = re.compile("-?[0-9]{1,40}/0*[1-9][0-9]{0,39}")


def _ratio(value: Any) -> Fraction:
    """Two whole numbers with a slash between, as text: read as such, and never evaluated."""
    if not isinstance(value, str) or not _RATIO.fullmatch(value):
        raise ValueError("a ratio of whole numbers was expected")
    return Fraction(value)


Ratio = Annotated[Fraction, PlainValidator(_ratio)]

Result = TypeVar("Result")


class Reply(Answer, Generic[Result]):
    """A JSON-RPC answer to a request of ours."""

    jsonrpc: Literal["2.0"]
    method: str
    id: Any = None
    result: Result


class Fault(Answer):
    """The fault, in Ogmios' words."""

    code: int
    message: str = ""


class FaultReply(Answer):
    """A JSON-RPC error; its ``method`` is missing when Ogmios could not read the request."""

    jsonrpc: Literal["2.0"]
    method: str | None = None
    error: Fault


class Point(Answer):
    """A point of the chain."""

    slot: Whole
    id: Hash


class TransactionId(Answer):
    """A transaction, by its hash."""

    id: Hash


class Ada(Answer):
    """The ada of a value."""

    lovelace: Whole


class UnspentOutput(Answer):
    """An entry of the UTxO set; ``datum`` is an inline datum, CBOR in hex."""

    transaction: TransactionId
    index: OutputIndex
    address: str
    value: dict[str, dict[str, Whole]]
    datum: str | None = None

    @property
    def lovelace(self) -> int:
        """The ada that it holds."""
        return self.value.get("ada", {}).get("lovelace", 0)

    @property
    def assets(self) -> tuple[tuple[str, int], ...]:
        """The tokens that it holds: policy id and asset name in hex, and the quantity."""
        named = self.value if len(self.value) > 1 else {}
        return tuple(
            (policy + name, quantity)
            for policy, names in named.items()
            if policy != "ada"
            for name, quantity in names.items()
        )


class Milliseconds(Answer):
    """A length of time."""

    milliseconds: float


class Seconds(Answer):
    """Time since the network's start."""

    seconds: float


class EraBound(Answer):
    """The beginning of an era."""

    time: Seconds
    slot: Whole
    epoch: Whole


class EraParameters(Answer):
    """The lengths of slots and epochs in an era."""

    epoch_length: Annotated[int, Field(alias="epochLength")]
    slot_length: Annotated[Milliseconds, Field(alias="slotLength")]


class EraSummary(Answer):
    """An era of the ledger; they come in their order, the newest last."""

    start: EraBound
    parameters: EraParameters


class ShelleyGenesis(Answer):
    """The genesis of the network, as its first era of today's protocol has it."""

    era: Literal["shelley"]
    start_time: Annotated[datetime, Field(alias="startTime")]
    network_magic: Annotated[int, Field(alias="networkMagic", ge=0, lt=2**32)]
    active_slots_coefficient: Annotated[Ratio, Field(alias="activeSlotsCoefficient")]


FAULT = TypeAdapter(FaultReply)
EPOCH = TypeAdapter(Reply[Whole])
TIP = TypeAdapter(Reply[Point | Origin])
BLOCK_HEIGHT = TypeAdapter(Reply[Whole | Origin])
GENESIS = TypeAdapter(Reply[ShelleyGenesis])
ERA_SUMMARIES = TypeAdapter(Reply[Annotated[tuple[EraSummary, ...], Field(min_length=1)]])
UTXO = TypeAdapter(Reply[tuple[UnspentOutput, ...]])

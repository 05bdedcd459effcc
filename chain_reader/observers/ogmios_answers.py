"""The answers of Ogmios v6 that the observer uses, each field with its type.

In: the JSON of a JSON-RPC message. Out: frozen values. Fields that are not used are not looked at.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, StringConstraints, TypeAdapter

from chain_reader.observers.calls import Answer
from eras import MAX_EPOCH

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Whole = Annotated[int, Field(ge=0, le=MAX_EPOCH)]
Origin = Literal["origin"]

Result = TypeVar("Result")


class Reply(Answer, Generic[Result]):
    """A JSON-RPC answer to a request of ours."""

    jsonrpc: Literal["2.0"]
    method: str
    id: Any = None
    result: Result


class Fault(Answer):
    """What went wrong, in Ogmios' words."""

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


class Value(Answer):
    """What an output holds; tokens are not looked at."""

    ada: Ada


class UnspentOutput(Answer):
    """An entry of the UTxO set; ``datum`` is an inline datum, CBOR in hex."""

    transaction: TransactionId
    index: Annotated[int, Field(ge=0, le=2**32 - 1)]
    address: str
    value: Value
    datum: str | None = None


FAULT = TypeAdapter(FaultReply)
EPOCH = TypeAdapter(Reply[Whole])
TIP = TypeAdapter(Reply[Point | Origin])
BLOCK_HEIGHT = TypeAdapter(Reply[Whole | Origin])
UTXO = TypeAdapter(Reply[tuple[UnspentOutput, ...]])

"""The answers of Kupo 2.10 and later that are used here, each field with its type.

In: the JSON of an answer. Out: frozen values, or plain dictionaries for the matches, of which a flood has thousands.
Fields that are not used are not looked at.
"""

from typing import Literal, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from chain_reader.providers.transport.calls import STRICT, Answer, Hash, OutputIndex, Whole


@with_config(STRICT)
class Point(TypedDict):
    """A block, by its slot and its hash."""

    slot_no: Whole
    header_hash: Hash


@with_config(STRICT)
class SpentAt(TypedDict):
    """The spending of an output; the transaction is null in indexes that were begun before version 2.10."""

    slot_no: Whole
    transaction_id: Hash | None


@with_config(STRICT)
class Value(TypedDict):
    """The value of an output; assets by ``policy.name``, or ``policy`` where the name is empty."""

    coins: Whole
    assets: NotRequired[dict[str, Whole]]


@with_config(STRICT)
class Match(TypedDict):
    """An output that a pattern matches; ``datum`` is there where hashes were to be resolved."""

    transaction_id: Hash
    output_index: OutputIndex
    address: str
    value: Value
    datum_hash: str | None
    datum_type: NotRequired[Literal["hash", "inline"]]
    datum: NotRequired[str | None]
    script_hash: str | None
    created_at: Point
    spent_at: SpentAt | None
    unreadable: NotRequired[str]  # why it makes no sense: ours, never Kupo's


def assets_of(match: Match) -> tuple[tuple[str, int], ...]:
    """The tokens that an output holds: policy id and asset name in hex, and the quantity."""
    return tuple((asset.replace(".", ""), held) for asset, held in match["value"].get("assets", {}).items())


class Hint(Answer):
    """Kupo's answer to a request that it does not understand."""

    hint: str


class Health(Answer):
    """``/health``: how far the index is; null until the first block was read."""

    most_recent_checkpoint: Whole | None

"""The metadata of a transaction as JSON, by the mapping that explorers use, and what it mints.

In: the CBOR of a transaction that is on the chain. Out: (label, JSON value) pairs, in which byte strings become ``0x…``
hex and maps objects with text keys; (unit, quantity) pairs.
"""

import json
from typing import Any

from chain_reader.local_chain.ledger.cbor import BYTES, LIST, MAP, NINT, TAG, TEXT, UINT, Item, read_cbor

AUXILIARY_DATA = 3  # its place in a transaction
MINT = 9  # its key in a body


def transaction_metadata(cbor: bytes) -> tuple[tuple[str, Any], ...]:
    """The metadata of the transaction that ``cbor`` is: (label, JSON value), in their order there.

    Raises:
        CborError: ``cbor`` is not CBOR.
    """
    parts = read_cbor(cbor).items
    found = parts[AUXILIARY_DATA] if len(parts) > AUXILIARY_DATA else None
    if found is not None and found.major == TAG:  # Alonzo's form: a map of metadata (0) and scripts
        found = next((value for key, value in found.items[0].pairs if key.number == 0), None)
    elif found is not None and found.major == LIST:  # Mary's: metadata, then scripts
        found = found.items[0]
    if found is None or found.major != MAP:
        return ()
    return tuple((_text(key), _value(value)) for key, value in found.pairs)


def transaction_mint(cbor: bytes) -> tuple[tuple[str, int], ...]:
    """The tokens that the transaction in ``cbor`` mints, and burns where the quantity is negative.

    Raises:
        CborError: ``cbor`` is not CBOR.
    """
    body = read_cbor(cbor).items[0]
    mint = next((value for key, value in body.pairs if key.number == MINT), None)
    policies = () if mint is None else mint.pairs
    return tuple(
        ((policy.data + name.data).hex(), quantity.number)
        for policy, names in policies
        for name, quantity in names.pairs
    )


def _value(item: Item) -> Any:
    if item.major in (UINT, NINT):
        return item.number
    if item.major == TEXT:
        return item.data.decode()
    if item.major == BYTES:
        return f"0x{item.data.hex()}"
    if item.major == LIST:
        return [_value(part) for part in item.items]
    return {_text(key): _value(value) for key, value in item.pairs}


def _text(item: Item) -> str:
    value = _value(item)
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)

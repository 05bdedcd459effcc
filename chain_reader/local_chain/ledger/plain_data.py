"""The free-form data in a transaction: Plutus data (datums) and metadata; and what a transaction mints.

In: their CBOR. Out: nothing, or a measure, and ``LedgerRefusedError`` where the ledger's decoder would fail; or of a
transaction that is on the chain JSON, by cardano-cli's schema (datums) and as explorers show it (metadata).
"""

import json
from typing import Any

from chain_reader.local_chain.ledger.cbor import BYTES, LIST, MAP, NINT, TAG, TEXT, UINT, CborError, Item, read_cbor
from chain_reader.local_chain.ledger.errors import LedgerRefusedError

MAX_BYTES = 64

_AUXILIARY_DATA = 3  # its place in a transaction
_MINT = 9  # its key in a body

_CONSTRUCTORS = (range(121, 128), range(1280, 1401))
_GENERAL_CONSTRUCTOR = 102
_BIG_INTEGERS = (2, 3)


def check_plutus_data(data: bytes, what: str) -> None:
    """Check that ``data`` is one Plutus data item, whose strings come in chunks of at most 64 bytes.

    Raises:
        LedgerRefusedError: it is not.
    """
    try:
        item = read_cbor(data)
    except CborError as error:
        raise LedgerRefusedError("DecodingFailure", expected=what, got=str(error)) from error
    pending = [item]
    while pending:
        item = pending.pop()
        if item.major == BYTES:
            _check_chunks(item, what)
        elif item.major in (LIST, MAP):
            pending.extend(item.items)
        elif item.major == TAG:
            pending.extend(_tagged(item, what))
        elif item.major not in (UINT, NINT):
            raise _no_plutus_data(item, what)


def datum_as_json(data: bytes) -> dict[str, object]:
    """Plutus data that is on the chain, as JSON by the detailed schema of cardano-cli.

    Raises:
        CborError: ``data`` is not CBOR.
    """
    return _as_json(read_cbor(data))


def _as_json(item: Item) -> dict[str, object]:
    if item.major in (UINT, NINT):
        return {"int": item.number}
    if item.major == BYTES:
        return {"bytes": item.data.hex()}
    if item.major == LIST:
        return {"list": [_as_json(part) for part in item.items]}
    if item.major == MAP:
        return {"map": [{"k": _as_json(key), "v": _as_json(value)} for key, value in item.pairs]}
    (content,) = item.items
    if item.number in _BIG_INTEGERS:
        number = int.from_bytes(content.data, "big")
        return {"int": number if item.number == _BIG_INTEGERS[0] else -1 - number}
    return _constructor(item.number, content)


def _constructor(tag: int, content: Item) -> dict[str, object]:
    small, large = _CONSTRUCTORS
    if tag == _GENERAL_CONSTRUCTOR:
        number, content = content.items[0].number, content.items[1]
    else:
        number = tag - small.start if tag in small else tag - large.start + len(small)
    return {"constructor": number, "fields": [_as_json(part) for part in content.items]}


def longest_metadata_string(item: Item) -> int:
    """The length in bytes of the longest string in metadata: integers to integers, strings, lists and maps.

    Raises:
        LedgerRefusedError: it is not metadata.
    """
    if item.major != MAP or any(label.major != UINT for label, _ in item.pairs):
        raise LedgerRefusedError("DecodingFailure", expected="metadata by labels", got=item.raw.hex()[:160])
    longest = 0
    pending = list(item.items)
    while pending:
        item = pending.pop()
        if item.major in (BYTES, TEXT):
            longest = max(longest, len(item.data))
        elif item.major in (LIST, MAP):
            pending.extend(item.items)
        elif item.major not in (UINT, NINT):
            raise LedgerRefusedError("DecodingFailure", expected="metadata", got=item.raw.hex()[:160])
    return longest


def _tagged(item: Item, what: str) -> tuple[Item, ...]:
    content = item.items[0]
    if item.number in _BIG_INTEGERS and content.major == BYTES:
        _check_chunks(content, what)
        return ()
    if any(item.number in tags for tags in _CONSTRUCTORS) and content.major == LIST:
        return content.items
    if item.number == _GENERAL_CONSTRUCTOR and [part.major for part in content.items] == [UINT, LIST]:
        return content.items[1].items
    raise _no_plutus_data(item, what)


def _check_chunks(item: Item, what: str) -> None:
    if item.chunk > MAX_BYTES:
        raise LedgerRefusedError(
            "DatumBytesTooLong",
            expected=f"at most {MAX_BYTES} bytes in a string of {what}",
            got=str(item.chunk),
            next_step="Split the string into chunks",
        )


def _no_plutus_data(item: Item, what: str) -> LedgerRefusedError:
    return LedgerRefusedError("DecodingFailure", expected=f"Plutus data in {what}", got=item.raw.hex()[:160])


def transaction_metadata(cbor: bytes) -> tuple[tuple[str, Any], ...]:
    """The metadata of the transaction that ``cbor`` is: (label, JSON value), byte strings as ``0x…`` hex.

    Raises:
        CborError: ``cbor`` is not CBOR.
    """
    parts = read_cbor(cbor).items
    found = parts[_AUXILIARY_DATA] if len(parts) > _AUXILIARY_DATA else None
    if found is not None and found.major == TAG:  # Alonzo's form: a map of metadata (0) and scripts
        found = next((value for key, value in found.items[0].pairs if key.number == 0), None)
    elif found is not None and found.major == LIST:  # Mary's: metadata, then scripts
        found = found.items[0]
    if found is None or found.major != MAP:
        return ()
    return tuple((_metadata_text(key), _metadata_value(value)) for key, value in found.pairs)


def transaction_mint(cbor: bytes) -> tuple[tuple[str, int], ...]:
    """The tokens that the transaction in ``cbor`` mints, and burns where the quantity is negative.

    Raises:
        CborError: ``cbor`` is not CBOR.
    """
    body = read_cbor(cbor).items[0]
    mint = next((value for key, value in body.pairs if key.number == _MINT), None)
    policies = () if mint is None else mint.pairs
    return tuple(
        ((policy.data + name.data).hex(), quantity.number)
        for policy, names in policies
        for name, quantity in names.pairs
    )


def _metadata_value(item: Item) -> Any:
    if item.major in (UINT, NINT):
        return item.number
    if item.major == TEXT:
        return item.data.decode()
    if item.major == BYTES:
        return f"0x{item.data.hex()}"
    if item.major == LIST:
        return [_metadata_value(part) for part in item.items]
    return {_metadata_text(key): _metadata_value(value) for key, value in item.pairs}


def _metadata_text(item: Item) -> str:
    value = _metadata_value(item)
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)

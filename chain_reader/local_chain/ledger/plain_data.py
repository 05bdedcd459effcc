"""The two free-form kinds of data in a transaction: Plutus data (datums) and metadata.

In: their CBOR. Out: nothing, or a measure; ``LedgerRefusedError`` where the ledger's decoder would fail.
"""

from chain_reader.local_chain.ledger import cbor
from chain_reader.local_chain.ledger.cbor import CborError, Item, read_cbor
from chain_reader.local_chain.ledger.errors import LedgerRefusedError

MAX_BYTES = 64

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
        if item.major == cbor.BYTES:
            _check_chunks(item, what)
        elif item.major in (cbor.LIST, cbor.MAP):
            pending.extend(item.items)
        elif item.major == cbor.TAG:
            pending.extend(_tagged(item, what))
        elif item.major not in (cbor.UINT, cbor.NINT):
            raise _no_plutus_data(item, what)


def datum_as_json(data: bytes) -> dict[str, object]:
    """Plutus data that is on the chain, as JSON by the detailed schema of cardano-cli.

    Raises:
        CborError: ``data`` is not CBOR.
    """
    return _as_json(read_cbor(data))


def _as_json(item: Item) -> dict[str, object]:
    if item.major in (cbor.UINT, cbor.NINT):
        return {"int": item.number}
    if item.major == cbor.BYTES:
        return {"bytes": item.data.hex()}
    if item.major == cbor.LIST:
        return {"list": [_as_json(part) for part in item.items]}
    if item.major == cbor.MAP:
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
        LedgerRefusedError: it is no metadata.
    """
    if item.major != cbor.MAP or any(label.major != cbor.UINT for label, _ in item.pairs):
        raise LedgerRefusedError("DecodingFailure", expected="metadata by labels", got=item.raw.hex()[:160])
    longest = 0
    pending = list(item.items)
    while pending:
        item = pending.pop()
        if item.major in (cbor.BYTES, cbor.TEXT):
            longest = max(longest, len(item.data))
        elif item.major in (cbor.LIST, cbor.MAP):
            pending.extend(item.items)
        elif item.major not in (cbor.UINT, cbor.NINT):
            raise LedgerRefusedError("DecodingFailure", expected="metadata", got=item.raw.hex()[:160])
    return longest


def _tagged(item: Item, what: str) -> tuple[Item, ...]:
    content = item.items[0]
    if item.number in _BIG_INTEGERS and content.major == cbor.BYTES:
        _check_chunks(content, what)
        return ()
    if any(item.number in tags for tags in _CONSTRUCTORS) and content.major == cbor.LIST:
        return content.items
    if item.number == _GENERAL_CONSTRUCTOR and [part.major for part in content.items] == [cbor.UINT, cbor.LIST]:
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

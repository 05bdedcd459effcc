"""The on-chain datum: a payload cut into byte strings that the ledger takes, and put together again.

1. Writing: Plutus constructor 0 of byte strings of at most 64 bytes, as CBOR or as ``cardano-cli`` JSON.
2. Reading: the byte-string fields joined in order; fields of other kinds are skipped; any constructor, in any of the
   three forms that CBOR has for one; lists and byte strings of definite or indefinite length.

Reading is written by hand rather than with a CBOR library because outputs at an era address are hostile: it builds
nothing but the byte strings it is after, never recurses, and interprets no tag (ADR 3).
"""

import json
from binascii import unhexlify
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

from datum.strict_json import whole_or_nan
from eras import MarkerError

CHUNK_BYTES = 64
"""The longest byte string that the ledger takes in a datum."""

MAX_DATUM_BYTES = 65_536
"""Longer datums are refused unread; the ledger's own limit on a whole transaction is 16,384 bytes."""

_BYTES, _LIST, _MAP, _TAG = 2, 4, 5, 6
_BREAK = 0xFF
_STRIDE = CHUNK_BYTES + 2
"""From one full field to the next."""


class DatumFormatError(MarkerError):
    """A datum is not a Plutus constructor with fields."""


@dataclass(frozen=True, slots=True)
class DecodedDatum:
    """A datum, taken apart.

    Attributes:
        constructor: number of the Plutus constructor; ``None`` where the JSON does not state it.
        content: the byte-string fields, joined.
        byte_fields: how many there were.
        other_fields: how many fields of other kinds were skipped.
        longest_field: length of the longest byte-string field, in bytes.
        longest_string: length of the longest byte string as it is encoded, in bytes, wherever it is: of a string in
            chunks its longest chunk, for that is what the ledger limits; ``None`` where JSON leaves the encoding open.
    """

    constructor: int | None
    content: bytes
    byte_fields: int
    other_fields: int
    longest_field: int
    longest_string: int | None = None


def encode_datum(content: bytes) -> bytes:
    """The datum that carries ``content``, as CBOR: what goes on the chain."""
    chunks = _chunks(content)
    body = b"".join(_bytes_head(len(chunk)) + chunk for chunk in chunks)
    return b"\xd8\x79" + (b"\x9f" + body + b"\xff" if chunks else b"\x80")


def encode_datum_json(content: bytes) -> str:
    """The datum that carries ``content``, as ``cardano-cli`` JSON, byte for byte as Mithril writes it."""
    fields = [{"bytes": chunk.hex()} for chunk in _chunks(content)]
    return json.dumps({"constructor": 0, "fields": fields}, separators=(",", ":"))


def decode_datum(datum: str | bytes) -> DecodedDatum:
    """Decode a datum: ``cardano-cli`` JSON text, CBOR in hex, or CBOR.

    Raises:
        DatumFormatError: it is not a Plutus constructor with fields, or longer than ``MAX_DATUM_BYTES``.
    """
    try:
        if isinstance(datum, str) and datum.lstrip()[:1] == "{":
            return _decode_json(datum)
        data = datum if isinstance(datum, bytes) else unhexlify(datum.strip())
        constructor, chunks, others = _decode_cbor(data)
    except (ValueError, IndexError) as error:
        raise _datum_error(error) from error
    longest = max(map(len, chunks), default=0)
    return DecodedDatum(constructor, b"".join(chunks), len(chunks), others, longest, _longest_string(data))


def datum_content(data: bytes) -> bytes:
    """The joined byte strings of a datum in CBOR: ``decode_datum(data).content``, without the rest.

    Raises:
        DatumFormatError: as ``decode_datum``.
    """
    layout = _layout(len(data))
    if layout is not None and data[:3] == b"\xd8\x79\x9f" and data[-1] == _BREAK:
        unpack, kinds, at, lengths = layout
        if data[3:-1:_STRIDE] == kinds and data[at] == lengths:
            return b"".join(unpack(data))
    try:
        return b"".join(_decode_cbor(data)[1])
    except (ValueError, IndexError) as error:
        raise _datum_error(error) from error


@lru_cache(512)
def _layout(length: int) -> tuple[Callable[[bytes], tuple[bytes, ...]], bytes, slice, bytes] | None:
    """How ``encode_datum`` lays out a datum of so many bytes, if it makes any.

    It is read at once instead of head by head, because nearly all payloads at an era address are written so.

    Returns:
        What takes the byte strings out; the first bytes of their heads; where the second bytes are; and those.
    """
    full, rest = divmod(length - 4, _STRIDE)
    if length < 4 or rest == 25:
        return None
    last = _bytes_head(rest - 2 if rest > 25 else rest - 1) if rest else b""
    strings = f"{len(last)}x{rest - len(last)}s" if rest else ""
    unpack = Struct("3x" + f"2x{CHUNK_BYTES}s" * full + strings + "x").unpack
    at = slice(4, 3 + _STRIDE * full + len(last) // 2 * 2, _STRIDE)
    return unpack, b"\x58" * full + last[:1], at, bytes([CHUNK_BYTES]) * full + last[1:]


def _datum_error(error: ValueError | IndexError) -> DatumFormatError:
    return DatumFormatError(
        "A datum could not be read",
        expected="a Plutus constructor with fields, as CBOR hex or as cardano-cli JSON",
        got=str(error) if isinstance(error, ValueError) else "CBOR that ends early",
        next_step="Check where the datum comes from",
    )


def _chunks(content: bytes) -> list[bytes]:
    return [content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES)]


def _bytes_head(length: int) -> bytes:
    return bytes([0x40 + length]) if length < 24 else bytes([0x58, length])


def _decode_json(text: str) -> DecodedDatum:
    if len(text) > 4 * MAX_DATUM_BYTES:
        raise ValueError(f"a text of {len(text)} characters")
    try:
        value = json.loads(text, parse_int=whole_or_nan)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None
    fields = value.get("fields")
    if not isinstance(fields, list):
        raise ValueError("JSON without a list of fields")  # noqa: TRY004 - bad data, not a bad call
    chunks = [f["bytes"] for f in fields if isinstance(f, dict) and isinstance(f.get("bytes"), str)]
    constructor = value.get("constructor")
    return DecodedDatum(
        constructor if type(constructor) is int else None,
        # Joined before it is decoded, as deployed readers do: a digit may stand in the next field.
        unhexlify("".join(chunks).strip()),
        len(chunks),
        len(fields) - len(chunks),
        max((len(chunk) // 2 for chunk in chunks), default=0),
    )


def _decode_cbor(data: bytes) -> tuple[int, list[bytes], int]:
    """The constructor's number, its byte-string fields, and how many fields of other kinds there were."""
    if len(data) > MAX_DATUM_BYTES:
        raise ValueError(f"a datum of {len(data)} bytes")
    constructor, count, position, open_list = _constructor_head(data)
    chunks: list[bytes] = []
    others = 0
    while count != 0:
        head = data[position]
        if head == 0x58:  # the usual field, read without a call
            start = position + 2
            position = start + data[position + 1]
            chunks.append(data[start:position])
        elif head == _BREAK and count < 0:
            position += 1
            break
        elif head >> 5 == _BYTES:
            chunk, position = _byte_string(data, position)
            chunks.append(chunk)
        else:
            position = _skip(data, position)
            others += 1
        count -= 1
    if open_list:
        if data[position] != _BREAK:
            raise ValueError("a constructor with more than a number and fields")
        position += 1
    if position < len(data):
        raise ValueError(f"{len(data) - position} bytes after the datum")
    if position > len(data):
        raise IndexError
    return constructor, chunks, others


def _constructor_head(data: bytes) -> tuple[int, int, int, bool]:
    """The constructor's number, how many fields it has, where they begin, and whether a break follows them.

    A negative count means fields up to a break. The general form, tag 102, may put number and fields into a list of
    indefinite length, whose break then follows the fields.
    """
    if data[:3] == b"\xd8\x79\x9f":  # as writers of this format make it
        return 0, -1, 3, False
    kind, tag, position = _head(data, 0)
    open_list = False
    if kind == _TAG and 121 <= tag <= 127:
        constructor = tag - 121
    elif kind == _TAG and 1280 <= tag <= 1400:
        constructor = tag - 1280 + 7
    elif kind == _TAG and tag == 102:
        kind, length, position = _head(data, position)
        number_kind, constructor, position = _head(data, position)
        if kind != _LIST or length not in (2, -1) or number_kind != 0:
            raise ValueError("a constructor without number and fields")
        open_list = length == -1
    else:
        raise ValueError("CBOR that is not a constructor")
    kind, count, position = _head(data, position)
    if kind != _LIST:
        raise ValueError("a constructor without a list of fields")
    return constructor, count, position, open_list


def _head(data: bytes, position: int) -> tuple[int, int, int]:
    """A CBOR head: major type, argument (-1: indefinite length) and the position after it."""
    initial = data[position]
    kind, argument = initial >> 5, initial & 31
    position += 1
    if argument < 24:
        return kind, argument, position
    if argument < 28:
        end = position + (1 << (argument - 24))
        if end > len(data):
            raise IndexError
        return kind, int.from_bytes(data[position:end], "big"), end
    if argument == 31 and kind not in (0, 1, _TAG):
        return kind, -1, position
    raise ValueError("CBOR that is not well-formed")


def _byte_string(data: bytes, position: int) -> tuple[bytes, int]:
    kind, length, position = _head(data, position)
    if length >= 0:
        if position + length > len(data):
            raise IndexError
        return data[position : position + length], position + length
    parts: list[bytes] = []
    while data[position] != _BREAK:
        part_kind, length, position = _head(data, position)
        if part_kind != kind or length < 0 or position + length > len(data):
            raise ValueError("CBOR that is not well-formed")
        parts.append(data[position : position + length])
        position += length
    return b"".join(parts), position + 1


def _skip(data: bytes, position: int) -> int:
    """The position after one CBOR item of any kind, without recursion: hostile data nests as deep as it likes."""
    open_items = [1]  # how many items are still due at each level; negative: until a break
    while open_items:
        if open_items[-1] == 0:
            open_items.pop()
            continue
        if data[position] == _BREAK:
            if open_items[-1] > 0:
                raise ValueError("CBOR that is not well-formed")
            open_items.pop()
            position += 1
            continue
        open_items[-1] -= 1
        kind, argument, after = _head(data, position)
        if kind in (_BYTES, _BYTES + 1):
            _, position = _byte_string(data, position)
            continue
        position = after
        if kind in (_LIST, _MAP):
            open_items.append(argument if kind == _LIST or argument < 0 else 2 * argument)
        elif kind == _TAG:
            open_items.append(1)
    return position


def _longest_string(data: bytes) -> int:
    """The length of the longest byte string in well-formed CBOR; of one in chunks, of its longest chunk."""
    longest = position = 0
    while position < len(data):
        if data[position] == _BREAK:
            position += 1
            continue
        kind, length, position = _head(data, position)
        if kind in (_BYTES, _BYTES + 1) and length >= 0:
            position += length
            if kind == _BYTES:
                longest = max(longest, length)
    return longest

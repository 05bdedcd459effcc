"""A protocol configuration as CBOR: written as Mithril writes it, read as generously as it reads. Pure.

Reading is by hand, because what deployed readers take is defined by serde and ciborium: any key order, unknown keys,
tags before values, indefinite lengths, floats of any width, bytes after the end; but no repeated key, no float for an
integer, no integer for a float, no list for a map, and a limit of ``DEEPEST`` items in each other.
"""

import struct
from collections.abc import Callable
from typing import Any

from datum.configuration.values import ENTITY_TYPES, ProtocolConfiguration, ProtocolParameters, SigningConfig
from eras import MAX_EPOCH

DEEPEST = 256
_LONGEST_KEY = 4096
_MAX_BIGNUM = 16

UINT, NINT, BYTES, TEXT, LIST, MAP, TAG, SIMPLE, FLOAT, BREAK = range(10)
_WORDS = ("an integer", "a negative integer", "bytes", "text", "a list", "a map", "a tag", "a simple value", "a float")
_FALSE, _TRUE, _NULL, _UNDEFINED = 20, 21, 22, 23
_BIGNUMS = (2, 3)


def encode_configuration(configuration: ProtocolConfiguration) -> bytes:
    """The CBOR of a configuration, byte for byte as Mithril writes it."""
    parameters = configuration.parameters
    enabled = b"".join(_text(name) for name in configuration.enabled)
    return (
        b"\xa4" + _text("protocol_parameters") + b"\xa3"
        + _text("k") + _head(UINT, parameters.k) + _text("m") + _head(UINT, parameters.m)
        + _text("phi_f") + _float(parameters.phi_f)
        + _text("enabled_signed_entity_types") + _head(LIST, len(configuration.enabled)) + enabled
        + _text("cardano_transactions") + _signing(configuration.transactions)
        + _text("cardano_blocks_transactions") + _signing(configuration.blocks)
    )  # fmt: skip


def decode_configuration(data: bytes) -> ProtocolConfiguration:
    """The configuration that CBOR writes.

    Raises:
        ValueError: a Mithril reader would not take it.
    """
    return _Reader(data).configuration()


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size, code = next((size, code) for size, code in ((1, 24), (2, 25), (4, 26), (8, 27)) if number < 256**size)
    return bytes([major << 5 | code]) + number.to_bytes(size, "big")


def _text(text: str) -> bytes:
    return _head(TEXT, len(text)) + text.encode()


def _float(value: float) -> bytes:
    """The shortest of half, single and double precision that keeps the value."""
    for head, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            packed = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == value:
            return head + packed
    return b"\xfb" + struct.pack(">d", value)


def _signing(config: SigningConfig | None) -> bytes:
    if config is None:
        return b"\xf6"
    security, step = _head(UINT, config.security_parameter), _head(UINT, config.step)
    return b"\xa2" + _text("security_parameter") + security + _text("step") + step


class _Reader:
    """Reads items one after the other; every error is a ``ValueError``."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._depth = DEEPEST

    def configuration(self) -> ProtocolConfiguration:
        fields = self._struct(
            {
                "protocol_parameters": self._parameters,
                "enabled_signed_entity_types": self._types,
                "cardano_transactions": self._optional_signing,
                "cardano_blocks_transactions": self._optional_signing,
            },
            optional=("cardano_transactions", "cardano_blocks_transactions"),
        )
        return ProtocolConfiguration(
            fields["protocol_parameters"],
            fields["enabled_signed_entity_types"],
            fields["cardano_transactions"],
            fields["cardano_blocks_transactions"],
        )

    def _parameters(self) -> ProtocolParameters:
        fields = self._struct({"k": self._whole, "m": self._whole, "phi_f": self._real})
        return ProtocolParameters(fields["k"], fields["m"], fields["phi_f"])

    def _optional_signing(self) -> SigningConfig | None:
        if self._peek() in ((SIMPLE, _NULL), (SIMPLE, _UNDEFINED)):
            self._header()
            return None
        fields = self._struct({"security_parameter": self._whole, "step": self._whole})
        return SigningConfig(fields["security_parameter"], fields["step"])

    def _types(self) -> tuple[str, ...]:
        kind, count = self._untagged()
        self._require(kind, LIST)
        names = self._items(count, self._content)
        return tuple(name for name in names if isinstance(name, str) and name in ENTITY_TYPES)

    def _struct(self, known: dict[str, Callable[[], Any]], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
        """The fields of a map by their names; each ``known`` one is read by its reader, others are skipped."""
        kind, count = self._untagged()
        self._require(kind, MAP)
        fields: dict[str, Any] = {}

        def entry() -> None:
            name = self._key()
            if name not in known:
                self._skip()
            elif name in fields:
                raise ValueError(f"the field {name!r} twice")
            else:
                fields[name] = known[name]()

        self._items(count, entry)
        missing = next((name for name in known if name not in fields and name not in optional), None)
        if missing is not None:
            raise ValueError(f"no field {missing!r}")
        return {name: fields.get(name) for name in known}

    def _items(self, count: int | None, read: Callable[[], Any]) -> list[Any]:
        """The results of ``read`` for each item, or entry, of a list or map."""
        if self._depth == 0:
            raise ValueError("CBOR that is nested too deeply")
        self._depth -= 1
        found = []
        while count != 0:
            if count is None:
                if self._peek() == (BREAK, None):
                    self._header()
                    break
            else:
                count -= 1
            found.append(read())
        self._depth += 1
        return found

    def _key(self) -> str:
        kind, length = self._untagged()
        if kind not in (TEXT, BYTES) or length is None or length > _LONGEST_KEY:
            raise ValueError(f"a key that is {_WORDS[kind] if kind < BREAK else 'a break'}, in chunks, or too long")
        raw = self._take(length)
        return raw.decode() if kind == TEXT else raw.decode(errors="replace")

    def _whole(self) -> int:
        """An unsigned integer of at most 64 bits."""
        kind, number = self._header()
        while kind == TAG and number not in _BIGNUMS:
            kind, number = self._header()
        if kind == TAG:
            number, kind = int.from_bytes(self._bignum(), "big"), UINT if number == _BIGNUMS[0] else NINT
        self._require(kind, UINT)
        if number is None or number > MAX_EPOCH:
            raise ValueError("an integer of more than 64 bits")
        return int(number)

    def _bignum(self) -> bytes:
        kind, length = self._header()
        self._require(kind, BYTES)
        raw = self._string(BYTES, length).lstrip(b"\0")
        if len(raw) > _MAX_BIGNUM:
            raise ValueError("an integer of more than 64 bits")
        return raw

    def _real(self) -> float:
        kind, value = self._untagged()
        self._require(kind, FLOAT)
        return float(value)

    def _content(self) -> str | None:
        """An entry of the list of types: its text where it is one; anything else is no name that is known."""
        kind, value = self._header()
        if kind in (BYTES, TEXT):
            raw = self._string(kind, value)
            return raw.decode() if kind == TEXT else None
        if kind in (LIST, MAP):
            self._items(value, self._content if kind == LIST else self._content_pair)
        elif kind == SIMPLE:
            self._require_known(value)
        elif kind in (TAG, BREAK) or (kind == NINT and value > MAX_EPOCH // 2):
            raise ValueError("an entry of the signed entity types that is a tag, a break or too large a number")
        return None

    def _content_pair(self) -> None:
        self._content()
        self._content()

    def _skip(self) -> None:
        """Pass over an item of any kind."""
        kind, value = self._header()
        if kind in (BYTES, TEXT):
            raw = self._string(kind, value)
            if kind == TEXT:
                raw.decode()
        elif kind in (LIST, MAP):
            self._items(value, self._skip if kind == LIST else self._skip_pair)
        elif kind == TAG and value in _BIGNUMS:
            following, length = self._header()
            self._require(following, BYTES)
            self._string(BYTES, length)
        elif kind == TAG:
            self._items(1, self._skip)
        elif kind == SIMPLE:
            self._require_known(value)
        elif kind == BREAK:
            raise ValueError("a break out of place")

    def _skip_pair(self) -> None:
        self._skip()
        self._skip()

    def _untagged(self) -> tuple[int, Any]:
        header = self._header()
        while header[0] == TAG:
            header = self._header()
        return header

    def _string(self, kind: int, length: int | None) -> bytes:
        """The content of a string whose head was read; in chunks where it has no length, each of a text a text."""
        if length is not None:
            return self._take(length)
        parts = []
        nested = 1
        while nested:
            found, size = self._header()
            if found == BREAK:
                nested -= 1
                continue
            self._require(found, kind)
            if size is None:
                nested += 1
                continue
            parts.append(self._take(size))
            if kind == TEXT:
                parts[-1].decode()
        return b"".join(parts)

    def _peek(self) -> tuple[int, Any]:
        at = self._at
        header = self._header()
        self._at = at
        return header

    def _header(self) -> tuple[int, Any]:
        """The kind of an item, and its number, length or value; ``None`` for a length that is not given."""
        initial = self._take(1)[0]
        major, minor = initial >> 5, initial & 31
        if minor == 31:
            if major in (BYTES, TEXT, LIST, MAP):
                return major, None
            if initial == 0xFF:
                return BREAK, None
        if minor >= 28:
            raise ValueError("CBOR that is not well-formed")
        raw = self._take(1 << (minor - 24)) if minor >= 24 else b""
        if major == SIMPLE and minor > 24:
            return FLOAT, struct.unpack({25: ">e", 26: ">f", 27: ">d"}[minor], raw)[0]
        return major, int.from_bytes(raw, "big") if raw else minor

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise ValueError("CBOR that ends early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    @staticmethod
    def _require(kind: int, wanted: int) -> None:
        if kind != wanted:
            got = _WORDS[kind] if kind < BREAK else "a break"
            raise ValueError(f"{got} in the place of {_WORDS[wanted]}")

    @staticmethod
    def _require_known(value: int) -> None:
        if value not in (_FALSE, _TRUE, _NULL, _UNDEFINED):
            raise ValueError("a simple value without a meaning")

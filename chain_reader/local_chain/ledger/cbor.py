"""A strict CBOR reader that keeps the original bytes of every item.

In: bytes. Out: a tree of ``Item``. A transaction's id, signatures, size and datums are judged over the bytes as they
were sent, and decoders that build Python values lose them: they reorder sets, merge duplicate keys and forget how
strings were chunked.
"""

from dataclasses import dataclass
from typing import NoReturn

from eras.words import counted

MAX_DEPTH = 128

UINT, NINT, BYTES, TEXT, LIST, MAP, TAG, SIMPLE = range(8)

FALSE, TRUE, NULL = b"\xf4", b"\xf5", b"\xf6"  # as they are written

_BREAK = 0xFF
_INDEFINITE = 31


class CborError(ValueError):
    """The bytes are not CBOR."""


@dataclass(frozen=True, slots=True)
class Item:
    """One CBOR data item.

    Attributes:
        major: its major type, ``UINT`` to ``SIMPLE``.
        raw: its original bytes.
        number: the value of an integer, the number of a tag or of a simple value.
        data: the content of a byte string, or of a text in UTF-8.
        chunk: the length of the longest chunk of a string.
        items: the items of a list, the content of a tag, or the keys and values of a map in turn.
    """

    major: int
    raw: bytes
    number: int = 0
    data: bytes = b""
    chunk: int = 0
    items: tuple["Item", ...] = ()

    @property
    def pairs(self) -> tuple[tuple["Item", "Item"], ...]:
        """The keys and values of a map."""
        return tuple(zip(self.items[::2], self.items[1::2], strict=True))


def read_cbor(data: bytes) -> Item:
    """The one CBOR item that ``data`` is.

    Raises:
        CborError: it is not CBOR, is cut short, nests deeper than ``MAX_DEPTH``, or has bytes after its end.
    """
    reader = _Reader(data)
    item = reader.item(0)
    if reader.at != len(data):
        reader.fail(f"{counted(len(data) - reader.at, 'byte')} after the end")
    return item


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def fail(self, what: str) -> NoReturn:
        raise CborError(f"{what} at byte {self.at}")

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if len(taken) != count:
            self.fail(f"the data ends early, {counted(count - len(taken), 'byte')} short,")
        self.at += count
        return taken

    def head(self) -> tuple[int, int | None]:
        """The major type and the argument of an item; ``None`` for an indefinite length."""
        first = self.take(1)[0]
        major, short = first >> 5, first & 0x1F
        if short < 24:
            return major, short
        if short <= 27:
            return major, int.from_bytes(self.take(1 << (short - 24)), "big")
        if short != _INDEFINITE or major not in (BYTES, TEXT, LIST, MAP):
            self.fail("a malformed item")
        return major, None

    def ended(self) -> bool:
        """Whether an item of indefinite length ends here; consumes its end."""
        if self.data[self.at : self.at + 1] != bytes([_BREAK]):
            return False
        self.at += 1
        return True

    def item(self, depth: int) -> Item:
        if depth > MAX_DEPTH:
            self.fail(f"items nested deeper than {MAX_DEPTH}")
        start = self.at
        major, argument = self.head()
        if major in (BYTES, TEXT):
            data, chunk = self.string(major, argument)
            return Item(major, self.data[start : self.at], data=data, chunk=chunk)
        if major in (LIST, MAP):
            items = self.content(argument, 2 if major == MAP else 1, depth)
            return Item(major, self.data[start : self.at], items=items)
        number = argument or 0
        if major == TAG:
            content = self.item(depth + 1)
            return Item(TAG, self.data[start : self.at], number=number, items=(content,))
        return Item(major, self.data[start : self.at], number=-1 - number if major == NINT else number)

    def string(self, major: int, length: int | None) -> tuple[bytes, int]:
        chunks = []
        if length is not None:
            chunks.append(self.take(length))
        else:
            while not self.ended():
                chunk_major, chunk_length = self.head()
                if chunk_major != major or chunk_length is None:
                    self.fail("a malformed chunk of a string")
                chunks.append(self.take(chunk_length))
        if major == TEXT:
            try:
                for chunk in chunks:
                    chunk.decode()
            except UnicodeDecodeError as error:
                raise CborError(f"a text that is not UTF-8 before byte {self.at}") from error
        return b"".join(chunks), max(map(len, chunks), default=0)

    def content(self, length: int | None, width: int, depth: int) -> tuple[Item, ...]:
        items: list[Item] = []
        if length is None:
            while not self.ended():
                items.extend(self.item(depth + 1) for _ in range(width))
        else:
            if length > len(self.data):
                self.fail("a length beyond the end of the data")
            items.extend(self.item(depth + 1) for _ in range(length * width))
        return tuple(items)

"""A long JSON answer read as a stream: what is not needed is dropped as it comes, and never held.

In: the pieces of an answer, and which fields of it are needed. Out: JSON of these fields alone, to be checked like any
other answer. An honest answer may be long for what strangers put into it: the reference inputs of a transaction
come with all the assets that lie beside them, 100 kB each and hundreds of them. Where that is all that is
long, it must not end the reading (rule T1). Bounded are the bytes that come (``http``), and here those that are kept.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chain_reader.providers.transport.calls import DEEPEST, Call

Fields = Mapping[str, "Fields | None"]
"""The fields of an object that are needed, and those of what is in each, lists of it included; ``None`` is all."""

_BEGIN = frozenset(("start_map", "start_array"))
_END = frozenset(("end_map", "end_array"))
_HEAD_BYTES = 60
_VALUE_BYTES = 16  # what a value takes beside its text
_LONG_NUMBER = re.compile(rb"([:\[,]\s{0,64}-?[0-9]{30})[0-9]{300,}")
"""A number that a stranger wrote into a datum, and no parser takes; what is left of it is still beyond any bound."""
_NUMBER_AT_THE_END = re.compile(rb"[:\[,]\s{0,64}-?[0-9]*\Z")
_LONGEST_END = 400


@dataclass(frozen=True, slots=True)
class Sieve:
    """The parts of an answer to keep.

    Attributes:
        fields: the fields that are needed; what nests deeper than ``DEEPEST`` is null.
        without: whether an object, of which the needed fields are given, is left out of the list that it is in.
    """

    fields: Fields
    without: Callable[[Mapping[str, object]], bool] = lambda _: False

    def sift(self, call: Call, pieces: Iterable[bytes], most: int) -> bytes:
        """The kept part of the JSON that comes in ``pieces``, of at most ``most`` bytes.

        Raises:
            ReadLimitExceededError: more would have to be kept.
            UnexpectedAnswerError: it is not JSON.
        """
        kept = _Kept(self)
        for event, value in _events(call, pieces):
            kept.take(event, value)
            if kept.size > most:
                what = "got an answer that is too large to keep"
                raise call.beyond("max_answer_bytes", f"at most {most} bytes", what=what)
        return json.dumps(kept.whole).encode()


class _Kept:
    """The parts kept so far; ``whole`` is the answer once it has ended."""

    def __init__(self, sieve: Sieve) -> None:
        self._without = sieve.without
        self._open: list[tuple[Any, Fields | None, int]] = []
        self._fields: Fields | None = sieve.fields
        self._key = ""
        self._skipped = 0
        self.whole: Any = None
        self.size = 0

    def take(self, event: str, value: Any) -> None:
        """Take the next event of the parser in."""
        if self._skipped:
            self._skipped += (event in _BEGIN) - (event in _END)
        elif event == "map_key":
            self._key = value
        elif event in _END:
            self._close()
        else:
            self._add(event, value)

    def _add(self, event: str, value: Any) -> None:
        around: Any = None
        fields: Fields | None = self._fields
        if self._open:
            around, fields, _ = self._open[-1]
        within = isinstance(around, dict)  # else a list, or nothing yet
        if within and fields is not None and self._key not in fields:
            self._skipped = int(event in _BEGIN)
            return
        too_deep = event in _BEGIN and len(self._open) >= DEEPEST
        if event == "number":
            value = value if isinstance(value, int) else float(value)
        elif event in _BEGIN and not too_deep:
            value = {} if event == "start_map" else []
        before = self.size
        self.size += _VALUE_BYTES + (len(self._key) if within else 0) + (len(value) if isinstance(value, str) else 0)
        if within:
            around[self._key] = value
            fields = None if fields is None else fields[self._key]
        elif around is not None:
            around.append(value)
        else:
            self.whole = value
        if too_deep:
            self._skipped = 1
        elif event in _BEGIN:
            self._open.append((value, fields, before))

    def _close(self) -> None:
        closed, _, before = self._open.pop()
        around = self._open[-1][0] if self._open else None
        if isinstance(around, list) and isinstance(closed, dict) and self._without(closed):
            around.pop()
            self.size = before


def _events(call: Call, pieces: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    """The events of a parser that is handed the pieces as they come.

    Raises:
        UnexpectedAnswerError: it is not JSON.
    """
    import ijson

    not_json = (ijson.JSONError, ValueError, OverflowError)
    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events)
    head, problem = b"", ""
    try:
        for piece in _with_short_numbers(pieces):
            head = head or piece[:_HEAD_BYTES]
            try:
                parser.send(piece)
            except not_json as error:
                problem = _first_line(error)
            yield from events
            del events[:]
            if problem:
                break
        else:
            try:
                parser.close()
            except not_json as error:
                problem = _first_line(error)
            yield from events
    finally:
        with suppress(*not_json):  # it complains of the end that it was not given
            parser.close()
    if problem or not head:  # outside the handler: the foreign error quotes the answer, which may echo a secret
        raise call.unexpected(
            "JSON as its protocol defines", f"{head.decode(errors='backslashreplace')!r} ({problem or 'nothing'})"
        )


def _with_short_numbers(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, cut so that no number is in two of them, without most digits of those that are too long."""
    end = b""
    for piece in pieces:
        text = _LONG_NUMBER.sub(rb"\1", end + piece)
        found = _NUMBER_AT_THE_END.search(text, max(0, len(text) - _LONGEST_END))
        text, end = (text[: found.start()], text[found.start() :]) if found else (text, b"")
        if text:
            yield text
    if end:
        yield end


def _first_line(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return text.partition("\n")[0] or type(error).__name__

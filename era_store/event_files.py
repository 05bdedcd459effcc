"""The event log as a file: to keep it, to hand it to somebody, to put it into another store.

In: lines and a path; out: a file that is whole or not there. And back: lines, each held against its hash as it is read.

1. The first line is a JSON object: ``format`` (``eraswitch-events``), ``format_version``, ``base_hash``, ``version``.
2. Each line after it is an event: its hash, a blank, and the canonical text that was hashed.
3. The last line is a JSON object: ``events`` (how many) and ``last_hash``. A file without it was cut.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from era_store.drafts import draft_of
from era_store.event_log import (
    ALL_EVENTS,
    NO_HASH,
    EventFilter,
    EventLogNewerError,
    LogHead,
    LogLine,
    canonical,
    line_text,
    next_hash,
)
from era_store.records import Facts, StoredEvent
from era_store.sqlite_files import is_database, make_file
from eras import Epoch, StoreError, __version__

FORMAT = "eraswitch-events"
FORMAT_VERSION = 1
_HASH_DIGITS = 64


def write_events(path: Path, lines: Iterable[LogLine], base_hash: str) -> int:
    """Write a log into a file, for its owner alone; it gets its name when it is whole. Returns how many events it has.

    Args:
        path: the file; one that exists is replaced.
        lines: oldest first, held against their hashes.
        base_hash: the hash before the first of them.

    Raises:
        StoreError: it cannot be written.
    """
    count, last = 0, base_hash
    if is_database(path):
        raise StoreError(
            f"The file {path} is a SQLite database",
            code="EventFileUnwritable",
            expected="a new file, or an older file of events",
            got="a database, which would be lost",
            next_step="Choose another name",
        )
    try:
        with draft_of(path) as draft:
            make_file(draft)
            with draft.open("w", encoding="utf-8", newline="\n") as file:  # raw: a draft
                head = {"format": FORMAT, "format_version": FORMAT_VERSION, "base_hash": base_hash}
                file.write(canonical(head | {"version": __version__}) + "\n")
                for line in lines:
                    count, last = count + 1, line.hash or NO_HASH
                    file.write(f"{last} {line.text}\n")
                file.write(canonical({"events": count, "last_hash": last}) + "\n")
    except OSError as error:
        raise StoreError(
            f"The file {path} could not be written",
            code="EventFileUnwritable",
            expected="a folder that exists, with room and permission to write",
            got=error.strerror or type(error).__name__,
            next_step="Choose another place",
        ) from error
    return count


@dataclass(frozen=True, slots=True)
class EventFile:
    """A file of events, opened to be read; it can be read any number of times.

    Attributes:
        path: the file.
        base_hash: the hash before its first event.
    """

    path: Path
    base_hash: str

    @property
    def name(self) -> str:
        """The name that operators use for it."""
        return str(self.path)

    @classmethod
    def open(cls, path: Path) -> "EventFile":
        """Look at the first line.

        Raises:
            StoreError: it is not a file of events, or cannot be read.
            EventLogNewerError: its format is newer than this version.
        """
        if is_database(path):
            raise StoreError(
                f"The file {path} is not a file of events",
                code="EventFileInvalid",
                expected="a file that eraswitch events export wrote",
                got="a SQLite database",
                next_step="Name another file; to take the events out of a store: eraswitch events export FILE",
            )
        head = next(_texts(path), None)
        facts = None if head is None else _object(head)
        if facts is None or facts.get("format") != FORMAT or not _is_hash(facts.get("base_hash")):
            raise _bad_line(path, 1, f'a JSON object with "format":"{FORMAT}" and a base_hash', _shown(head))
        if facts.get("format_version") != FORMAT_VERSION:
            raise EventLogNewerError(
                f"The file {path} was written by a newer version of eraswitch",
                expected=f"format {FORMAT_VERSION}",
                got=f"format {facts.get('format_version')!r}, by version {facts.get('version')!r}"[:120],
                next_step="Upgrade eraswitch",
            )
        return cls(path, facts["base_hash"])

    def lines(self, *, after: int = 0, only: EventFilter = ALL_EVENTS) -> Iterator[LogLine]:
        """Its events, oldest first, each held against its hash.

        Raises:
            StoreError: it was cut, or somebody edited it; the line is named.
        """
        return (line for line in self._all() if line.event.id > after and only.passes(line.event))

    def head(self) -> LogHead:
        """Its first and last events; reads all of it.

        Raises:
            StoreError: as ``lines``.
        """
        head = LogHead(base_hash=self.base_hash, last_hash=self.base_hash)
        for line in self._all():
            first = line.event.id if head.last_id == 0 else head.first_id
            size = head.size_bytes + len(line.text.encode())
            head = replace(head, first_id=first, last_id=line.event.id, last_hash=line.hash or NO_HASH, size_bytes=size)
        return head

    def _all(self) -> Iterator[LogLine]:
        texts = _texts(self.path)
        next(texts, None)
        before, count, last_id, number = self.base_hash, 0, 0, 1
        for number, text in enumerate(texts, 2):
            if text.startswith("{"):
                self._require_end(text, number, count, before)
                if next(texts, None) is not None:
                    raise _bad_line(self.path, number + 1, "the end of the file", "more")
                return
            line = _line(self.path, number, text)
            if line.event.id <= last_id:
                raise _bad_line(self.path, number, f"an id greater than {last_id}", f"event {line.event.id}")
            if next_hash(before, line.text) != line.hash:
                raise _bad_line(
                    self.path, number, "the hash that follows from the preceding lines", f"event {line.event.id}"
                )
            before, last_id, count = line.hash or NO_HASH, line.event.id, count + 1
            yield line
        raise _bad_line(
            self.path, number, "a last line that counts the events", "the end of the file: it was truncated"
        )

    def _require_end(self, text: str, number: int, count: int, last_hash: str) -> None:
        expected = {"events": count, "last_hash": last_hash}
        if _object(text) != expected:
            raise _bad_line(self.path, number, canonical(expected), _shown(text))


def _texts(path: Path) -> Iterator[str]:
    """The lines of a file, without their ends; the last one too where its end is missing."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:  # raw: ``open`` refuses a database
            for number, text in enumerate(file, 1):
                if not text.endswith("\n"):
                    raise _bad_line(path, number, "a line with its end", "the end of the file: it was truncated here")
                yield text[:-1]
    except OSError as error:
        raise StoreError(
            f"The file {path} cannot be read",
            code="EventFileInvalid",
            expected="a file that eraswitch events export wrote",
            got=error.strerror or type(error).__name__,
            next_step="Check the path and its permissions",
        ) from error
    except UnicodeDecodeError as error:
        raise StoreError(
            f"The file {path} is not a file of events",
            code="EventFileInvalid",
            expected="UTF-8 text that eraswitch events export wrote",
            got=f"a byte {error.object[error.start]:#04x}",
            next_step="Name another file",
        ) from error


def _line(path: Path, number: int, text: str) -> LogLine:
    digits, written = text[:_HASH_DIGITS], text[_HASH_DIGITS + 1 :]
    facts = _object(written)
    if not _is_hash(digits) or text[_HASH_DIGITS : _HASH_DIGITS + 1] != " " or facts is None:
        raise _bad_line(path, number, "a hash, a blank, and an event in JSON", _shown(text))
    try:
        event = _event(facts)
        start = written.index('"facts":') + len('"facts":')
        line = LogLine(event, written[start : written.rindex(f',"id":{event.id},"kind":')], digits)
    except (KeyError, TypeError, ValueError) as error:
        raise _bad_line(path, number, "an event", f"{type(error).__name__}: {error}"[:120]) from error
    if line_text(event, line.facts) != written:
        raise _bad_line(path, number, "an event in its canonical encoding", _shown(written))
    return line


def _event(facts: Facts) -> StoredEvent:
    numbers = (facts["epoch"], facts["stream"], facts["cause"])
    right = (
        type(facts["id"]) is int
        and facts["id"] > 0
        and all(isinstance(facts[name], str) for name in ("kind", "role", "version"))
        and isinstance(facts["facts"], dict)
        and type(facts["time_s"]) is float
        and all(number is None or type(number) is int for number in numbers)
    )
    if not right:
        raise ValueError("a field of another type")
    return StoredEvent(
        facts["id"],
        facts["kind"],
        None if facts["epoch"] is None else Epoch(facts["epoch"]),
        facts["facts"],
        facts["version"],
        facts["time_s"],
        facts["role"],
        facts["stream"],
        facts["cause"],
    )


def _object(text: str) -> Facts | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and len(value) == _HASH_DIGITS and not set(value) - set("0123456789abcdef")


def _shown(text: str | None) -> str:
    return "nothing" if text is None else repr(text[:60])


def _bad_line(path: Path, number: int, expected: str, got: str) -> StoreError:
    return StoreError(
        f"Line {number} of {path} is not what eraswitch events export wrote",
        code="EventFileInvalid",
        expected=expected,
        got=got,
        next_step="Export the log again, or use another copy",
        line=number,
    )

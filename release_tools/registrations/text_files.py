"""Registrations in text files, one per line; reading continues where the last run stopped.

In: a path, or ``-`` for standard input; a cursor. Out: batches, however long the file is. A cursor is an offset in the
file, the number of the line there, and a hash of the bytes before it: a file that has grown is continued, one whose
beginning changed is read again.
"""

import csv
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

from era_store.registrations import Registration, Reject
from eras import ChainReadError, Epoch
from eras.words import of_sheet_cell
from release_tools.registrations.judging import Judge, Refusal, read_json, rejected
from release_tools.registrations.source import Batch, RegistrationSource

MAX_LINE_BYTES = 64 * 1024
BATCH_BYTES = 32 * 1024 * 1024
"""The bytes of a batch at most, plus one line."""

FOREIGN_LINES = 1_000
"""A file is refused as a whole after so many lines of which none has the right format."""

TOO_LONG = f"the line is longer than {MAX_LINE_BYTES} bytes"
NO_JSON = "is not JSON in UTF-8"
NO_OBJECT = "is not a JSON object"
STANDARD_INPUT = "-"
NEEDED = ("party_id", "epoch", "stake")

_HASHED = 4096
_BEGIN = (0, 0)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Parse = Callable[[bytes], Registration | Refusal | str | None]
"""Parses a line into a registration or a refusal; ``None`` for a line to skip."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its number from 1, its bytes, the offset of its end, and whether it was too long."""

    number: int
    content: bytes
    end: int
    too_long: bool = False

    @property
    def finished(self) -> bool:
        """Whether it has its line break; one without may still be being written."""
        return self.content.endswith(b"\n")


class TextRows(RegistrationSource):
    """The common part of sources of text: a file of lines, its name, and the judge of its rows.

    Args:
        path: the path of the file; ``-`` for standard input, which has no cursor.
        current: the current epoch, if it is known.
        network_magic: the network that signatures must be for; ``None`` if none is configured.
    """

    kind: ClassVar[str]
    """The beginning of its name: cursors are remembered by name."""

    def __init__(self, path: str, *, current: Epoch | None = None, network_magic: int | None = None) -> None:
        self.path = path
        self.piped = path == STANDARD_INPUT
        self.place = "standard input" if self.piped else str(Path(path).absolute())
        self.name = f"{self.kind}:{self.place}"
        self._judge = Judge(self.name, current, network_magic, time.time())

    @property
    def total(self) -> int | None:
        """The size of the file in bytes; ``None`` for a stream.

        Raises:
            ChainReadError: it cannot be read.
        """
        if self.piped:
            return None
        try:
            found = Path(self.path).stat()
        except OSError as error:
            raise self._unreadable_registrations(error) from error
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def _first_line(self) -> bytes:
        """Return the first line of a file that can be read again.

        Raises:
            ChainReadError: it cannot be read.
        """
        with self._opened() as file:
            return self._read(file)

    def _batches(
        self, cursor: str | None, size: int, parse: Parse, *, header_lines: int = 0, foreign: Collection[str] = ()
    ) -> Iterator[Batch]:
        """Yield the parsed lines after ``cursor``, at most ``size`` at a time.

        Args:
            cursor: the cursor of the last run.
            size: the number of lines in a batch.
            parse: parses a line.
            header_lines: the number of lines to skip.
            foreign: refusals that mean that the file has another format if there are no others.

        Raises:
            ChainReadError: the file cannot be read, or no line has the right format.
        """
        rows: list[Registration] = []
        rejects: list[Reject] = []
        with self._opened() as file:
            keeps = not self.piped and file.seekable()
            begin = self._resume(file, cursor) if keeps else _BEGIN
            safe = begin
            taken = begin[0]
            known = not foreign or begin != _BEGIN  # a file that was read before is of the kind
            for line in self._lines(file, begin):
                if line.number > header_lines:
                    self._take(line, parse, rows, rejects)
                if line.finished:
                    safe = (line.end, line.number)
                known = known or bool(rows) or (bool(rejects) and rejects[-1].reason not in foreign)
                if not known and len(rejects) < FOREIGN_LINES and line.end < BATCH_BYTES:
                    continue
                if not known:
                    raise self._of_another_kind(rejects)
                if len(rows) + len(rejects) >= size or line.end - taken >= BATCH_BYTES:
                    yield Batch(rows, rejects, _cursor(file, *safe) if keeps else None, line.end)
                    rows, rejects, taken, begin = [], [], line.end, safe
            if rejects and not known:
                raise self._of_another_kind(rejects)
            if rows or rejects or safe != begin:
                yield Batch(rows, rejects, _cursor(file, *safe) if keeps else None, safe[0])

    def _of_another_kind(self, rejects: list[Reject]) -> ChainReadError:
        return ChainReadError(
            f"{self.place} does not hold registrations",
            expected="one JSON object on each line",
            got=f"no such line among the first {len(rejects)}: {rejects[0].place} {rejects[0].reason}",
            next_step="Check that it is the right file; --as csv reads a table",
            code="SourceFormat",
        )

    @staticmethod
    def _take(line: Line, parse: Parse, rows: list[Registration], rejects: list[Reject]) -> None:
        found = TOO_LONG if line.too_long else parse(line.content)
        if isinstance(found, Registration):
            rows.append(found)
        elif found is not None:
            rejects.append(rejected(f"line {line.number}", found, line.content))

    def _lines(self, file: BinaryIO, begin: tuple[int, int]) -> Iterator[Line]:
        end, number = begin
        while content := self._read(file):
            end += len(content)
            number += 1
            too_long = len(content) > MAX_LINE_BYTES
            while too_long and not content.endswith(b"\n") and (more := self._read(file)):
                end += len(more)
                content = content[:MAX_LINE_BYTES] + more[-1:]  # its line break, once it comes
            yield Line(number, content, end, too_long)

    def _read(self, file: BinaryIO) -> bytes:
        try:
            return file.readline(MAX_LINE_BYTES + 1)
        except OSError as error:
            raise self._unreadable_registrations(error) from error

    def _opened(self) -> "nullcontext[BinaryIO] | BinaryIO":
        if self.piped:
            return nullcontext(sys.stdin.buffer)
        try:
            return Path(self.path).open("rb")
        except OSError as error:
            raise self._unreadable_registrations(error) from error

    def _resume(self, file: BinaryIO, cursor: str | None) -> tuple[int, int]:
        """The offset and line to continue from: the cursor's if the bytes before it are unchanged, else the start."""
        try:
            end, number, _ = (cursor or "").split()
            begin = int(end), int(number)
            same = cursor == _cursor(file, *begin)
        except (ValueError, OverflowError):
            begin, same = _BEGIN, False
        begin = begin if same else _BEGIN
        file.seek(begin[0])
        return begin

    def _unreadable_registrations(self, error: OSError) -> ChainReadError:
        return ChainReadError(
            f"The registrations in {self.place} cannot be read",
            code="SourceMissing",
            expected="a file that this user may read",
            got=error.strerror or type(error).__name__,
            next_step="Check the path and its permissions",
        )


class JsonLines(TextRows):
    """JSON lines: one object per line, with ``party_id``, ``epoch``, ``stake``, and optional fields.

    ``version``, ``seen_at`` (ISO 8601 or POSIX seconds) and ``signed`` (hex) may be missing or null. An unknown field
    is noted, and its row counts without it.
    """

    kind = "lines"

    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        """The lines after ``cursor``.

        Raises:
            ChainReadError: the file cannot be read, or no line of it is a JSON object.
        """
        return self._batches(cursor, size, self._parse, foreign=(NO_JSON, NO_OBJECT, TOO_LONG))

    def _parse(self, line: bytes) -> Registration | Refusal | str | None:
        if line.isspace():
            return None
        try:
            found = read_json(line)
        except (ValueError, RecursionError):
            return NO_JSON
        return self._judge.fields(found) if isinstance(found, dict) else NO_OBJECT


class CsvRows(TextRows):
    """CSV: a header with ``party_id``, ``epoch``, ``stake``, and optional fields, then one row per line.

    A header that lacks one of the three is refused before anything is read. A row is one line: were a quote that is
    never closed to continue over line breaks, it would swallow good rows.
    """

    kind = "csv"

    def __init__(self, path: str, *, current: Epoch | None = None, network_magic: int | None = None) -> None:
        super().__init__(path, current=current, network_magic=network_magic)
        self._header: list[str] = []

    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        """The rows after ``cursor``.

        Raises:
            ChainReadError: the file cannot be read, or its header is not one of registrations.
        """
        if self.piped:
            return self._batches(cursor, size, self._first_then_rows)
        self._header = self._header_of(self._first_line())
        return self._batches(cursor, size, self._parse, header_lines=1)

    def _first_then_rows(self, line: bytes) -> Registration | Refusal | str | None:
        """A stream cannot be read twice: its first line becomes the header when it comes."""
        if self._header:
            return self._parse(line)
        self._header = self._header_of(line)
        return None

    def _header_of(self, line: bytes) -> list[str]:
        found = _split(line.removeprefix(_BYTE_ORDER_MARK))
        names = [name.strip() for name in found] if isinstance(found, list) else []
        missing = [name for name in NEEDED if name not in names]
        if missing or len(set(names)) < len(names):
            shown = ", ".join(name[:40] for name in names[:10])
            raise ChainReadError(
                f"The header of {self.place} is not one of registrations",
                expected=f"the columns {', '.join(NEEDED)}, and more where they are known, each once",
                got=f"the columns {shown or 'none'}",
                next_step="Correct the header; nothing was read",
                missing=missing,
                code="SourceFormat",
            )
        return names

    def _parse(self, line: bytes) -> Registration | Refusal | str | None:
        if line.isspace():
            return None
        found = _split(line)
        if isinstance(found, str):
            return found
        if len(found) != len(self._header):
            return "has more or fewer fields than the header"
        return self._judge.fields(dict(zip(self._header, map(of_sheet_cell, found), strict=True)))


def _split(line: bytes) -> list[str] | str:
    """The fields of a line, or the reason why it has none."""
    try:
        return next(csv.reader([line.decode()], strict=True), [])
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    except csv.Error:
        return "is not CSV"


def _cursor(file: BinaryIO, end: int, number: int) -> str:
    start = max(0, end - _HASHED)
    before = os.pread(file.fileno(), end - start, start)
    return f"{end} {number} {hashlib.sha256(before).hexdigest()[:32]}"

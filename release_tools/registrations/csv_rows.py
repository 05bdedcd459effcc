"""Registrations as CSV: a header with ``party_id``, ``epoch``, ``stake``, and more if known, then one a line.

In: a path, or ``-``. Out: batches. The fields are those of JSON lines. A header that lacks one
of the three is refused before anything is read. A row is one line: were a quote that is never
closed to go on over line breaks, it would swallow good rows.
"""

import csv
from collections.abc import Iterator

from era_store.registrations import Registration
from eras import Epoch
from eras.words import of_sheet_cell
from release_tools.registrations.judging import Refusal
from release_tools.registrations.source import Batch, RegistrationSourceError
from release_tools.registrations.text_files import TextRows

NEEDED = ("party_id", "epoch", "stake")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class CsvRows(TextRows):
    """A ``RegistrationSource``."""

    kind = "csv"

    def __init__(self, path: str, *, current: Epoch | None = None, network_magic: int | None = None) -> None:
        super().__init__(path, current=current, network_magic=network_magic)
        self._header: list[str] = []

    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        """The rows after ``cursor``.

        Raises:
            SourceMissingError: the file cannot be read.
            RegistrationSourceError: its header is not one of registrations.
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
            raise RegistrationSourceError(
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

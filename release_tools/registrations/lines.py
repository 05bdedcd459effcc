"""Registrations as JSON lines: one object a line, with ``party_id``, ``epoch``, ``stake``, and more where it is known.

In: a path, or ``-``. Out: batches. ``version``, ``seen_at`` (ISO 8601 or POSIX seconds) and ``signed`` (hex) may be
missing or null. An unknown field is noted, and its row counts without it.
"""

import json
from collections.abc import Iterator

from datum.strict_json import whole_or_nan
from era_store.registrations import Registration
from release_tools.registrations.judging import Refusal, fields_once
from release_tools.registrations.source import Batch
from release_tools.registrations.text_files import TOO_LONG, TextRows

NO_JSON = "is not JSON in UTF-8"
NO_OBJECT = "is not a JSON object"


class JsonLines(TextRows):
    """A ``RegistrationSource``."""

    kind = "lines"

    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        """The lines after ``cursor``.

        Raises:
            SourceMissingError: the file cannot be read.
            RegistrationSourceError: no line of it is a JSON object.
        """
        return self._file.batches(cursor, size, self._parse, foreign=(NO_JSON, NO_OBJECT, TOO_LONG))

    def _parse(self, line: bytes) -> Registration | Refusal | str | None:
        if line.isspace():
            return None
        try:
            found = json.loads(line, parse_int=whole_or_nan, object_pairs_hook=fields_once)
        except (ValueError, RecursionError):
            return NO_JSON
        return self._judge.fields(found) if isinstance(found, dict) else NO_OBJECT

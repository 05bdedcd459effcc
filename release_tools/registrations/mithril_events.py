"""Registrations in the event store of a running Mithril aggregator (``monitoring.sqlite3``).

In: the path of the file. Out: batches, by event id. A registration is an event with the action ``register_signer``:
JSON with the headers ``signer-node-version`` and ``epoch``, and the content ``party_id`` and ``stake``. The file is
opened read-only, and each batch is a short transaction, so that the aggregator never waits for long.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from era_store.registrations import Registration, Reject
from era_store.sqlite_files import connect_to_read
from eras import ChainReadError, Epoch
from release_tools.registrations.judging import Judge, Refusal, rejected
from release_tools.registrations.source import Batch, RegistrationSource

MAX_CONTENT = 64 * 1024
AT_ONCE = 500
"""Events in memory at a time; each has some kilobytes, with its keys and signatures."""

TOO_LONG = f"the event is longer than {MAX_CONTENT} characters"
NO_JSON = "is not JSON"
NO_EVENT = "is not an event with headers and content"

_COLUMNS = ("event_id", "created_at", "action", "content")


class _Fault(NamedTuple):
    """A reason why an event store cannot be read."""

    what: str
    expected: str
    next_step: str
    code: str


_FAULTS = {
    sqlite3.SQLITE_BUSY: _Fault(
        "is locked",
        "to read it within {wait:g} s",
        "Wait until the aggregator is idle, then run the command again",
        code="SourceLocked",
    ),
    sqlite3.SQLITE_CANTOPEN: _Fault(
        "cannot be opened",
        "a file that this user may read; in WAL mode its folder has to be writable, too",
        "Check the path and its permissions, or read a copy of it",
        code="SourceMissing",
    ),
    sqlite3.SQLITE_READONLY: _Fault(
        "was left in the middle of a change",
        "a file that needs no recovery",
        "Start the aggregator once, which completes or undoes the change, or read a backup",
        code="SourceLocked",
    ),
}
_DAMAGED = _Fault(
    "is truncated or damaged",
    "an intact SQLite file",
    "Make a new copy with: sqlite3 FILE '.backup COPY'. A copy of the bare file misses what is in its -wal",
    code="SourceDamaged",
)
_ASKED = (
    "SELECT event_id, created_at, substr(content, 1, ?) FROM event "
    "WHERE event_id > ? AND action = 'register_signer' ORDER BY event_id LIMIT ?"
)


class MithrilEvents(RegistrationSource):
    """A ``RegistrationSource``.

    Args:
        path: the path of the file.
        current: the current epoch, if it is known.
        wait_s: the seconds to wait for a transaction of the aggregator.
    """

    def __init__(self, path: str, *, current: Epoch | None = None, wait_s: float = 5.0) -> None:
        self._path = Path(path).absolute()
        self._wait_s = wait_s
        self.name = f"mithril:{self._path}"
        self._judge = Judge(self.name, current)

    @property
    def total(self) -> int | None:
        """The id of the last event.

        Raises:
            ChainReadError: it cannot be read.
        """
        with self._connected() as connection:
            found: int | None = connection.execute("SELECT max(event_id) FROM event").fetchone()[0]
            return found or 0

    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        """The registrations after ``cursor``.

        Raises:
            ChainReadError: it cannot be read further.
        """
        with self._connected() as connection:
            last = self._resume(connection, cursor)
            more = True
            while more:
                rows: list[Registration] = []
                rejects: list[Reject] = []
                event: tuple[Any, ...] | None = None
                while more and (left := size - len(rows) - len(rejects)):
                    asked = (MAX_CONTENT + 1, last, min(left, AT_ONCE))
                    events = connection.execute(_ASKED, asked).fetchall()
                    for event in events:
                        self._take(event, rows, rejects)
                    more = len(events) == asked[-1]
                    last = events[-1][0] if events else last
                if event is not None:
                    yield Batch(rows, rejects, _cursor(*event), last)

    def _take(self, event: tuple[Any, ...], rows: list[Registration], rejects: list[Reject]) -> None:
        event_id, created_at, content = event
        found = self._parse(created_at, content)
        if isinstance(found, Registration):
            rows.append(found)
        else:
            shown = content if isinstance(content, str | bytes) else str(content)
            rejects.append(rejected(f"event {event_id}", found, shown))

    def _parse(self, created_at: Any, content: Any) -> Registration | Refusal | str:
        if not isinstance(content, str | bytes):
            return NO_JSON
        if len(content) > MAX_CONTENT:
            return TOO_LONG
        try:
            event = json.loads(content)
            headers, said = event["headers"], event["content"]
            return self._judge.row(
                said.get("party_id"),
                headers.get("epoch"),
                headers.get("signer-node-version"),
                said.get("stake"),
                created_at,
            )
        except (ValueError, RecursionError):
            return NO_JSON
        except (KeyError, TypeError, AttributeError):
            return NO_EVENT

    def _resume(self, connection: sqlite3.Connection, cursor: str | None) -> int:
        """The event to continue after: the cursor's if it is unchanged, otherwise the start."""
        event_id = (cursor or "").split()[:1]
        if not event_id or not event_id[0].isdigit():
            return 0
        asked = "SELECT event_id, created_at, substr(content, 1, ?) FROM event WHERE event_id = ?"
        found = connection.execute(asked, (MAX_CONTENT + 1, int(event_id[0]))).fetchone()
        return int(event_id[0]) if found is not None and _cursor(*found) == cursor else 0

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if not self._path.is_file():
            raise ChainReadError(
                f"There is no event store at {self._path}",
                code="SourceMissing",
                expected="a file",
                got="a folder" if self._path.is_dir() else "nothing",
                next_step="Name the aggregator's monitoring.sqlite3",
            )
        try:
            with closing(connect_to_read(self._path, wait_s=self._wait_s)) as connection:
                self._require_schema(connection)
                yield connection
        except sqlite3.Error as error:
            fault = _FAULTS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _DAMAGED)
            raise ChainReadError(
                f"The event store {self._path} {fault.what}",
                code=fault.code,
                expected=fault.expected.format(wait=self._wait_s),
                got=str(error),
                next_step=fault.next_step,
            ) from error

    def _require_schema(self, connection: sqlite3.Connection) -> None:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(event)")}
        missing = [name for name in _COLUMNS if name not in columns]
        if missing:
            raise ChainReadError(
                f"The file {self._path} is not the event store of a Mithril aggregator",
                expected=f"a table event with the columns {', '.join(_COLUMNS)}",
                got=f"one without {', '.join(missing)}" if columns else "no table event",
                next_step="Name the aggregator's monitoring.sqlite3",
                missing=missing,
                code="SourceFormat",
            )


def _cursor(event_id: int, created_at: Any, content: Any) -> str:
    digest = hashlib.sha256(repr((created_at, content)).encode(errors="surrogatepass")).hexdigest()
    return f"{event_id} {digest[:32]}"

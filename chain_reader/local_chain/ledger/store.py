"""The SQLite file of a local chain: its schema, its one connection, and transactions that survive a kill.

In: a path. Out: ``read`` and ``write`` contexts that yield the connection. Every change is one SQLite transaction in
WAL mode, so a process that dies at any moment leaves the chain as it was before or after the change, never between.
Deleting a block cascades: its transactions and outputs go, and what they spent is unspent again.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from eras import StoreError

APPLICATION_ID = 0x65726173  # "eras"
SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30.0

SCHEMA = """
CREATE TABLE chain (
    id INTEGER PRIMARY KEY CHECK (id = 1), genesis TEXT NOT NULL, parameters TEXT NOT NULL,
    slot_offset INTEGER NOT NULL, forks INTEGER NOT NULL
);
CREATE TABLE block (height INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, previous TEXT, slot INTEGER NOT NULL);
CREATE TABLE tx (
    id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE,
    height INTEGER NOT NULL REFERENCES block ON DELETE CASCADE, position INTEGER NOT NULL,
    fee INTEGER NOT NULL, size INTEGER NOT NULL, cbor BLOB NOT NULL,
    invalid_before TEXT, invalid_hereafter TEXT,
    UNIQUE (height, position)
);
CREATE TABLE output (
    id INTEGER PRIMARY KEY, tx INTEGER NOT NULL REFERENCES tx ON DELETE CASCADE, ix INTEGER NOT NULL,
    address TEXT NOT NULL, lovelace INTEGER NOT NULL, assets TEXT NOT NULL, datum TEXT, datum_hash TEXT,
    spent_by INTEGER REFERENCES tx ON DELETE SET NULL,
    UNIQUE (tx, ix)
);
CREATE INDEX output_address ON output (address, id);
CREATE INDEX output_unspent ON output (address, id) WHERE spent_by IS NULL;
CREATE INDEX output_spent_by ON output (spent_by) WHERE spent_by IS NOT NULL;
CREATE TABLE input (
    tx INTEGER NOT NULL REFERENCES tx ON DELETE CASCADE, is_reference INTEGER NOT NULL, position INTEGER NOT NULL,
    output INTEGER NOT NULL REFERENCES output ON DELETE CASCADE,
    PRIMARY KEY (tx, is_reference, position)
) WITHOUT ROWID;
CREATE INDEX input_output ON input (output);
CREATE TABLE address_tx (
    address TEXT NOT NULL, tx INTEGER NOT NULL REFERENCES tx ON DELETE CASCADE, PRIMARY KEY (address, tx)
) WITHOUT ROWID;
CREATE INDEX address_tx_tx ON address_tx (tx);
"""


class ChainStore:
    """One connection to the file of a local chain, shared by the threads of a process under a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        with _store_errors(path, "opened", sqlite3.Error, OSError):
            if not path.is_file():
                raise StoreError(
                    "The local chain cannot be opened",
                    expected=f"a file at {path}",
                    got="a directory" if path.is_dir() else "nothing",
                    next_step="Check the path, or create a local chain there",
                )
            self._db = _connect(path)
            try:
                self._check_schema()
                self._db.execute("PRAGMA synchronous = NORMAL")
                # a file that cannot be written is an error now, not at the first transaction
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute("UPDATE chain SET forks = forks")
                self._db.execute("ROLLBACK")
            except BaseException:
                self._db.close()
                raise

    @classmethod
    def create(cls, path: Path, fill: Callable[[sqlite3.Connection], None]) -> "ChainStore":
        """Make a new file, with what ``fill`` puts into it, and open it; the file appears complete or not at all.

        Raises:
            StoreError: there is something at ``path`` already, or its directory is missing or cannot be written.
        """
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with _store_errors(path, "created", sqlite3.Error, OSError):
            try:
                db = _connect(draft)
                try:
                    db.executescript(f"BEGIN; {SCHEMA}")
                    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                    fill(db)
                    db.execute("COMMIT")
                    db.execute("PRAGMA journal_mode = WAL")  # kept in the file
                finally:
                    db.close()
                os.link(draft, path)
            except FileExistsError as error:
                raise StoreError(
                    "The local chain cannot be created",
                    expected=f"nothing at {path}",
                    got="a directory" if path.is_dir() else "a file",
                    next_step="Open it, or choose another path",
                ) from error
            finally:
                draft.unlink(missing_ok=True)
        return cls(path)

    def _check_schema(self) -> None:
        found = tuple(self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if found != (APPLICATION_ID, SCHEMA_VERSION):
            other = found[0] == APPLICATION_ID
            raise StoreError(
                f"The file {self.path} is not a local chain of this version",
                expected=f"schema version {SCHEMA_VERSION}",
                got=f"schema version {found[1]}" if other else "another SQLite database",
                next_step="Check the path, or create a new local chain",
            )

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A consistent view: every query inside sees the same chain. Nested contexts join the outermost one."""
        with self._lock, _store_errors(self.path, "read", sqlite3.Error):
            if self._depth == 0:
                self._db.execute("BEGIN")
            self._depth += 1
            try:
                yield self._db
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")

    def decoding(self) -> AbstractContextManager[None]:
        """Within the block values are made from what is stored: an error of that means that it is damaged."""
        return _store_errors(self.path, "read", ValueError, TypeError, KeyError)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One change: committed whole when the block ends, undone when it raises.

        Raises:
            RuntimeError: asked for inside ``read`` or ``write``.
        """
        with self._lock, _store_errors(self.path, "written", sqlite3.Error):
            if self._depth:
                raise RuntimeError("a change of the local chain inside a snapshot of it")
            self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    @property
    def in_snapshot(self) -> bool:
        """Whether this thread is inside ``read`` or ``write``."""
        with self._lock:
            return self._depth > 0

    def close(self) -> None:
        """Close the file. Calling it twice is fine."""
        with self._lock:
            self._db.close()


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA foreign_keys = ON")
    return db


@contextmanager
def _store_errors(path: Path, done: str, *kinds: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kinds as error:
        raise StoreError(
            f"The local chain {path} could not be {done}",
            got=str(error),
            next_step="Check that the path is a local chain, its directory exists and both can be written",
        ) from error

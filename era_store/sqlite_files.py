"""The files of SQLite databases: made before anyone connects to them, recognised without being opened.

POSIX drops every lock that a process holds on a file as soon as the process closes any descriptor of it. A process that
opens the file of a database which it has also opened through SQLite therefore loses SQLite's locks: the next process
that closes the database takes itself for the last one, and deletes a write-ahead log that is in use, with the rows
committed to it. Hence two rules, which ``tests/architecture/test_database_files.py`` enforces:

1. A file is created only where there is none, exclusively, and before this process connects to it.
2. The file of a database is read, copied and recognised through SQLite only.
"""

import contextlib
import errno
import os
import sqlite3
import stat
import threading
from pathlib import Path

from era_store.errors import StoreMissingError, read_only

FILE_MODE = 0o600
_making = threading.Lock()


def make_file(path: Path) -> None:
    """Create an empty file for its owner only, unless there is one at ``path``; an existing file is not opened.

    Raises:
        StoreMissingError: its folder is missing, or something else than a file is there.
        StoreError: it cannot be created, read or written.
    """
    try:
        # Locked, so that another thread connects only after the descriptor of the new file is closed.
        with _making, contextlib.suppress(FileExistsError):
            if not os.path.exists(path):  # noqa: PTH110 - one that may not be looked at is found by opening it
                os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))  # raw: new
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            found = "a folder" if stat.S_ISDIR(mode) else "not a file"
            raise _no_store(path, f"is {found}", "Name a file", found)
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (FileNotFoundError, NotADirectoryError) as error:
        found = f"no folder {path.parent}"
        raise _no_store(path, "cannot be made", f"Make the folder: mkdir -p {path.parent}", found) from error
    except OSError as error:
        raise read_only(
            f"The store {path} cannot be written to",
            error,
            expected="a file and a folder that this user may write to",
            next_step="Correct their permissions, or name another file",
            store=path,
        ) from error


def is_database(path: Path) -> bool:
    """Whether SQLite takes what is at ``path`` for a database; an empty file is not one."""
    try:
        if not (path.is_file() and path.stat().st_size):
            return False
        with contextlib.closing(connect_to_read(path)) as connection:
            connection.execute("PRAGMA schema_version")
    except OSError:
        return False
    except sqlite3.Error as error:
        # A database that is locked or damaged is one all the same.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN)
    return True


def connect_to_read(path: Path, *, wait_s: float = 0.0) -> sqlite3.Connection:
    """A connection that writes nothing to the database, which exists; each statement is a transaction of its own."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=wait_s, isolation_level=None)


def _no_store(path: Path, what: str, next_step: str, got: str) -> StoreMissingError:
    return StoreMissingError(
        f"The store {path} {what}",
        expected="a file in a folder that exists",
        got=got,
        next_step=next_step,
        store=str(path),
    )

"""Keeping a store: check it, make a backup, restore one.

In: paths. Out: a report, or a file that is whole or not there. A backup is a copy that SQLite itself makes while others
read and write; a restore into a living file goes the same way back, in one transaction, so that processes that have it
open see the old content or the new.
"""

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from era_store.drafts import draft_of
from era_store.errors import StoreDamagedError, StoreMissingError, read_only
from era_store.event_log import EventLogDamagedError, verify
from era_store.networks import NO_NETWORK, NetworkKey
from era_store.sql.database import Database, parse_url, sqlite_path
from era_store.sql.events import SqlEvents
from era_store.sql.locks import FOLLOWER, POLLER, lock_of
from era_store.sql.networks import networks_of
from era_store.sql.registrations import SqlRegistrations
from era_store.sql.schema import HEAD, is_usable, revision_of
from era_store.sqlite_files import connect_to_read, make_file
from eras import ConfigurationError, StoreError


@dataclass(frozen=True, slots=True)
class StoreReport:
    """The findings of a check.

    Attributes:
        store: what operators call it.
        revision: the revision of its schema; ``None`` when it is empty.
        head: the revision that this version wants.
        faults: what is wrong, in words; none when it is sound.
        unchecked: what was not looked at, in words.
    """

    store: str
    revision: str | None
    head: str
    faults: tuple[str, ...]
    unchecked: tuple[str, ...] = ()


CONTENT = ("the hashes of the event log", "the rollup of registrations")
"""Checks whose duration grows with the number of events and registrations."""


def check_store(url: str, *, content: bool = True) -> StoreReport:
    """Look for damage: the integrity of the database, its foreign keys, its schema, who can read the file, its content.

    Args:
        url: the store.
        content: whether to check every hash of the event log, and the rollup against the registrations.

    Raises:
        StoreError: it could not be read at all.
    """
    with contextlib.closing(Database(parse_url(url))) as database:
        if database.path is not None:
            _require_file(database.path)
        with database.read() as connection:
            revision = revision_of(connection, database.name)
        faults = [] if is_usable(revision) else [f"its schema is {revision or 'missing'}, not {HEAD}: run db upgrade"]
        if database.path is not None:
            with database.raw() as driver:
                faults += _faults(driver)
        checked = content and not faults  # what is damaged has no content to trust
        if checked:
            faults += _content_faults(database)
        if database.path is not None:
            mode = stat.S_IMODE(database.path.stat().st_mode)
            if mode & 0o077:
                faults.append(f"others can read it (mode {mode:04o}): chmod 600 {database.path}")
        return StoreReport(database.name, revision, HEAD, tuple(faults), () if checked else CONTENT)


def backup_store(url: str, target: Path, *, replace: bool = False) -> StoreReport:
    """Copy a store, while others use it, to a file that is checked before it gets its name.

    Args:
        url: the store, a SQLite file.
        target: the file to make.
        replace: whether a file that is there may go.

    Raises:
        StoreError: there is a file at ``target``.
        StoreError: the store could not be read, or the copy not written, or the copy is damaged.
    """
    _require_file(path := _sqlite_file(url))
    if target.exists() and target.samefile(path):
        raise StoreError(
            f"The backup {target} would be the store itself",
            expected="another file",
            got="the store",
            next_step="Choose another name",
            code="StoreExists",
        )
    if target.exists() and not replace:
        raise StoreError(
            f"The backup {target} exists already",
            expected="a new file",
            got="one that exists",
            next_step="Choose another name, or add --yes to replace it",
            code="StoreExists",
        )
    _require_no_log(target)
    with contextlib.closing(Database(parse_url(url))) as database:
        with database.read() as connection:
            revision_of(connection, database.name)  # another program's database is not ours to copy
        with _file_errors(target), draft_of(target) as draft:
            make_file(draft)
            with database.raw() as source:
                _copy(source, draft, name=target)
            damaged = (
                f"The store {database.name} is damaged, so no backup was made",
                "Look with: eraswitch db check. Restore an older backup",
            )
            return _require_sound(draft, target, damaged)


def restore_store(source: Path, url: str, *, network: NetworkKey = NO_NETWORK, replace: bool = False) -> StoreReport:
    """Put a backup in the place of a store.

    Args:
        source: the backup; it is checked first.
        url: the store, a SQLite file, missing or there.
        network: the network that the backup must be of; where none is named, that of the store.
        replace: whether a store that is there may be overwritten.

    Raises:
        StoreError: there is a store.
        StoreError: a service uses it.
        StoreError: the backup is of another network; the store is what it was.
        StoreError: the backup is damaged or no store, or could not be written; the store is what it was.
    """
    report = _require_sound(source, source)
    path = _sqlite_file(url)
    wanted = {network} if network.is_named else _networks(path) if path.exists() else set()
    _require_network(source, wanted)
    database = Database(parse_url(url))
    with contextlib.closing(database), _without_services(database):
        if not path.exists():
            return backup_store(str(source), path)
        if not replace:
            raise StoreError(
                f"The store {path} exists already",
                expected="no file, or permission to overwrite it",
                got="a store",
                next_step="Make a backup of it, then add --yes",
                code="StoreExists",
            )
        with database.read() as connection:
            revision_of(connection, database.name)
        with database.errors(), contextlib.closing(connect_to_read(source)) as backup, database.raw() as target:
            backup.backup(target)
    return StoreReport(str(path), report.revision, HEAD, ())


@contextlib.contextmanager
def _without_services(database: Database) -> Iterator[None]:
    """Within the block no service reads or follows for this store: what it remembers would be gone under it.

    Raises:
        StoreError: one does.
    """
    with contextlib.ExitStack() as held:
        for lock in (lock_of(database, name) for name in (POLLER, FOLLOWER)):
            if not lock.acquire():
                raise StoreError(
                    f"A service uses the store {database.name}",
                    expected="none: what it holds in memory would not be what is restored",
                    got="one that runs",
                    next_step="Stop it and its replicas (systemctl stop eraswitch), run this again, then start them",
                    store=database.name,
                    code="StoreInUse",
                )
            held.callback(lock.release)
        yield


def _networks(path: Path) -> set[NetworkKey]:
    """The networks that are named in a store."""
    with contextlib.closing(Database(parse_url(str(path)))) as database, database.read() as connection:
        return {key for key in networks_of(connection) if key.is_named}


def _require_network(source: Path, wanted: set[NetworkKey]) -> None:
    """Check that a backup holds a network that is wanted, or names none.

    Raises:
        StoreError: it holds others only.
    """
    found = _networks(source)
    if wanted and found and not any(one.matches(other) for one in wanted for other in found):
        raise StoreError(
            f"The backup {source} belongs to another network",
            expected="; ".join(sorted(key.words for key in wanted)),
            got="; ".join(sorted(key.words for key in found)),
            next_step="Name the network of the backup (--network) and a store of its own (--store), or take the backup "
            "of this network",
            store=str(source),
            code="StoreOfOtherNetwork",
        )


def _sqlite_file(url: str) -> Path:
    path = sqlite_path(parse_url(url))
    if path is None:
        raise ConfigurationError(
            "Only a store in a SQLite file is backed up and restored here",
            expected="the path of a file",
            got="a database server",
            next_step="Use the server's own tools: pg_dump and pg_restore",
        )
    return path


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise StoreMissingError(
            f"There is no store at {path}",
            expected="a file",
            got="a folder" if path.is_dir() else "nothing",
            next_step="Check the path",
            store=str(path),
        )


def _require_sound(path: Path, name: Path, damaged: tuple[str, str] | None = None) -> StoreReport:
    """Check that a backup is an intact store; its schema may be older, and who may read it is its owner's matter.

    ``damaged`` is what happened and the next step, where it is more than an unsound backup.
    """
    _require_file(_sqlite_file(str(path)))
    with contextlib.closing(Database(parse_url(str(path)))) as database:
        with database.read() as connection:
            revision = revision_of(connection, str(name))
        with database.raw() as driver:
            faults = _faults(driver) if revision is not None else ["an empty file"]
    if faults:
        what, next_step = damaged or (f"The backup {name} is not sound", "Use another backup")
        raise StoreDamagedError(
            what, expected="an intact store", got="; ".join(faults), next_step=next_step, store=str(name)
        )
    return StoreReport(str(name), revision, HEAD, (), CONTENT)


def _content_faults(database: Database) -> list[str]:
    faults = []
    events = SqlEvents(database)
    try:
        verify(events.head(), events.lines())
    except EventLogDamagedError as error:
        faults.append(f"{error.what} (expected {error.expected}, got {error.got})")
    wrong = SqlRegistrations(database).wrong_figures()
    return faults + [
        f"the rollup of epoch {epoch} has {count} wrong {'figure' if count == 1 else 'figures'}: run adoption rebuild"
        for epoch, count in wrong.items()
    ]


def _faults(driver: sqlite3.Connection) -> list[str]:
    found = [row[0] for row in driver.execute("PRAGMA integrity_check(10)")]
    faults = [] if found == ["ok"] else [f"integrity: {text}" for text in found]
    dangling = driver.execute("PRAGMA foreign_key_check").fetchall()
    return faults + [f"a row of {table} belongs to a missing row of {parent}" for table, _, parent, _ in dangling[:10]]


def _require_no_log(path: Path) -> None:
    """Refuse to put a file beside a log of SQLite, which belongs to another one and would be played into it.

    Raises:
        StoreError: there is such a log.
    """
    beside = [log for suffix in ("-wal", "-journal") if (log := path.with_name(path.name + suffix)).exists()]
    if not beside:
        return
    used = path.exists()
    raise StoreError(
        f"There is the log of {'a database in use' if used else 'another database'} beside {path}",
        expected=f"no file {beside[0]}",
        got="one with changes that belong to that database only",
        next_step="Choose another name, or stop what uses it"
        if used
        else f"Move {beside[0].name} away too, to where you moved the database it belongs to",
        code="StoreExists",
    )


def _copy(source: sqlite3.Connection, target: Path, *, name: Path) -> None:
    with contextlib.closing(sqlite3.connect(target)) as copy:
        try:
            source.backup(copy)
        except sqlite3.Error as error:
            raise StoreError(
                f"The backup {name} could not be written",
                expected="room and permission to write",
                got=str(error),
                next_step="Choose another place",
                code="StoreReadOnly",
            ) from error


@contextlib.contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        expected = "a folder that exists, with room and permission to write"
        raise read_only(f"The file {path} could not be written", error, expected=expected) from error

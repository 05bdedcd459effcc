"""The place of an event log: a store, or a file that ``events export`` wrote; and an event in words.

In: the place that the operator names, or the configuration. Out: an opened ``Log``, which the caller closes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import printable
from era_store import LogLine, Store, StoredEvent, StoreMissingError
from era_store.event_files import EventFile
from era_store.sqlite_files import is_database
from eras import ConfigurationError

place_argument = click.argument("place", metavar="[FILE|STORE]", required=False)

_LONG = 300
_FIRST = {"verdict": 0, "era": 1}
"""The facts that people look for come first: the last ones may be cut off."""


class StoreLog:
    """The event log of a store."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self.head = store.events.head
        self.lines: Callable[..., Iterator[LogLine]] = store.events.lines


Log = StoreLog | EventFile
"""An event log, wherever it is."""


@contextmanager
def opened_log(app: AppContext, place: str | None, *, store: str | None = None) -> Iterator[Log]:
    """The log at a place: a file of events, or a store; by default the configured one. It is only read.

    Raises:
        ConfigurationError: no place is named or configured.
        StoreError: it cannot be opened.
    """
    named = place or store
    if named is not None and _is_event_file(named):
        yield EventFile.open(Path(named))
        return
    with opened_store(app, named) as opened:
        yield opened


@contextmanager
def opened_store(app: AppContext, named: str | None, *, create: bool = False) -> Iterator[StoreLog]:
    """The log of an existing store, or of a new one if ``create``.

    Raises:
        ConfigurationError: no store is named or configured.
        StoreError: it cannot be opened.
    """
    from era_store import open_store
    from era_store.sql.database import parse_url, sqlite_path, store_name

    url = named or app.settings.store.url
    if url is None:
        raise ConfigurationError(
            "The event log is not named",
            code="EventLogNotNamed",
            expected="a file, a store, or the setting store.url",
            got="none of them",
            next_step="Name the store: --store URL",
        )
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is not None and not create and not path.exists():
        raise StoreMissingError(
            f"There is no store at {path}",
            expected="a file",
            got="nothing",
            next_step="Check the path",
            store=str(path),
        )
    with open_store(url, migrate=create) as store:
        yield StoreLog(store, store_name(parsed))


def _is_event_file(named: str) -> bool:
    """Whether the name is that of a file other than an SQLite database: a file of events, or a damaged one."""
    path = Path(named)
    if "://" in named or not path.is_file() or not path.stat().st_size:
        return False

    return not is_database(path)


def event_facts(event: StoredEvent, hash_: str | None = None) -> dict[str, object]:
    """An event as one JSON document."""
    names = ("id", "time_s", "role", "kind", "epoch", "stream", "cause", "version", "facts")
    facts = {name: getattr(event, name) for name in names}
    return facts if hash_ is None else facts | {"hash": hash_}


def event_words(event: StoredEvent) -> str:
    """An event as one line for people."""
    at = datetime.fromtimestamp(event.time_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
    epoch = "" if event.epoch is None else f"epoch {event.epoch}"
    mark = {"input": ">", "snapshot": "="}.get(event.role, " ")
    told = sorted(event.facts.items(), key=lambda item: _FIRST.get(item[0], len(_FIRST)))
    facts = ", ".join(f"{name} {_short(fact)}" for name, fact in told if fact not in (None, {}, []))
    cause = "" if event.cause is None else f"  (on {event.cause})"
    return printable(f"{event.id:>7}  {at}  {epoch:<10}  {mark} {event.kind:<22} {facts[:_LONG]}{cause}")


def _short(fact: Any) -> str:
    if isinstance(fact, dict):
        return f"{{{len(fact)}}}" if any(isinstance(item, (dict, list)) for item in fact.values()) else str(fact)
    if isinstance(fact, list) and any(isinstance(item, (dict, list)) for item in fact):
        return f"[{len(fact)}]"
    return str(fact)

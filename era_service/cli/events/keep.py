"""``eraswitch events verify``, ``export``, ``import``, ``compact``: keeping the event log."""

from itertools import takewhile
from pathlib import Path

import click

from chain_reader.log.compaction import compact as compact_log
from era_service.cli.events.place import opened_log, opened_store, place_argument
from era_service.cli.shared.arguments import epoch, json_option, store_option
from era_service.cli.shared.commands import command
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_result
from era_store import verified
from era_store.event_files import EventFile, write_events
from era_store.event_log import verify as verify_log
from eras import Epoch, EraSwitchError
from eras.words import counted


@command(example="eraswitch events verify --store eraswitch.sqlite3")
@place_argument
@store_option
@json_option
def verify(app: AppContext, /, *, place: str | None, store: str | None, as_json: bool) -> None:
    """Check every hash of the log; an error names the first event that was changed."""
    with opened_log(app, place, store=store) as log:
        head = log.head()
        count = verify_log(head, log.lines())
        name = log.name
    facts = {
        "log": name,
        "events": count,
        "first_id": head.first_id,
        "last_id": head.last_id,
        "base_hash": head.base_hash,
        "last_hash": head.last_hash,
        "size_bytes": head.size_bytes,
    }
    words = f"{name}: {counted(count, 'event is', 'events are')} unchanged; the last hash is {head.last_hash}"
    echo_result(facts, (words,), as_json=as_json)


@command(example="eraswitch events export events.jsonl --store eraswitch.sqlite3")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Replace FILE if it exists.")
@store_option
@json_option
def export(app: AppContext, /, *, file: Path, yes: bool, store: str | None, as_json: bool) -> None:
    """Write the event log of the store to FILE, checking every hash; the store may be in use."""
    if file.exists() and not yes:
        raise EraSwitchError(
            "The file exists already",
            expected="a new file",
            got=str(file),
            next_step="Choose another name, or add --yes to replace it",
            code="Output",
        )
    with opened_store(app, store) as log:
        head = log.head()
        lines = takewhile(lambda line: line.event.id <= head.last_id, log.lines())
        count = write_events(file, verified(lines, head.base_hash), head.base_hash)
    echo_result(
        {"file": str(file), "events": count},
        (f"{counted(count, 'event')} in {file}",),
        as_json=as_json,
    )


@command("import", example="eraswitch events import events.jsonl --store eraswitch.sqlite3")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@store_option
@json_option
def import_(app: AppContext, /, *, file: Path, store: str | None, as_json: bool) -> None:
    """Add the events of FILE to the store, with their ids and hashes: all of them or none.

    The store is created if missing. Its log must be empty, or equal the beginning of FILE.
    """
    events = EventFile.open(file)
    with opened_store(app, store, create=True) as log:
        added = log.store.events.restore(events.lines(), events.base_hash)
    echo_result({"file": str(file), "added": added}, (f"{counted(added, 'event')} of {file} added",), as_json=as_json)


@command(example="eraswitch events compact --keep-from 740 --store eraswitch.sqlite3")
@click.option(
    "--keep-from",
    type=epoch,
    metavar="EPOCH",
    help="Keep every event from this epoch on; by default only the last snapshot of each node and what follows it.",
)
@click.option(
    "--force", is_flag=True, help="Even if the log is damaged, or its decisions do not follow from its inputs."
)
@store_option
@json_option
def compact(app: AppContext, /, *, keep_from: Epoch | None, force: bool, store: str | None, as_json: bool) -> None:
    """Remove the older part of the log permanently; the rest can still be replayed.

    Everything is verified and replayed first. Export the log before, to keep it.
    """
    with opened_store(app, store) as log:
        done = compact_log(log.store, keep_from=keep_from, force=force)
    facts = {"removed": done.removed, "first_id": done.first_id, "size_bytes": done.size_bytes}
    removed = counted(done.removed, "event was", "events were")
    words = f"{removed} removed; the log begins with event {done.first_id}, {counted(done.size_bytes, 'byte')}"
    echo_result(facts, (words,), as_json=as_json)

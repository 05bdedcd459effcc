"""``eraswitch db``: upgrades, checks, backs up and restores the store of trust and events."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.shared.arguments import json_option, path_type, store_option
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_result, printable
from era_service.wiring.trust import network_key
from eras import ConfigurationError

if TYPE_CHECKING:
    from era_store.sql.maintenance import StoreReport


def _with_store(command: Callable[..., Any]) -> Callable[..., Any]:
    return store_option(json_option(command))


@click.group(cls=KnownGroup)
def db() -> None:
    """Maintain the store of what is trusted and of events."""


@db.command(example="eraswitch db upgrade --store eraswitch.sqlite3")
@_with_store
def upgrade(app: AppContext, *, store: str | None, as_json: bool) -> None:
    """Bring the store up to date; create it if missing."""
    from era_store import check_store, open_store

    url = _store_url(app, store)
    open_store(url).close()
    report = check_store(url, content=False)
    _tell(report, f"The store {report.store} is up to date ({report.head})", as_json=as_json)


@db.command(example="eraswitch db check --store eraswitch.sqlite3")
@click.option("--quick", is_flag=True, help="Leave out what takes long: hashes of the event log, rollup.")
@_with_store
def check(app: AppContext, *, quick: bool, store: str | None, as_json: bool) -> int:
    """Check for damage, missing upgrades, and a file that others can read; exit code 1 if something is wrong.

    Also checks every hash of the event log, and the rollup of registrations.
    """
    from era_store import check_store

    report = check_store(_store_url(app, store), content=not quick)
    if not report.faults:
        left_out = f"; not checked: {', '.join(report.unchecked)}" if report.unchecked else ""
        _tell(report, f"The store {report.store} is sound ({report.head}){left_out}", as_json=as_json)
        return 0
    _tell(report, f"The store {report.store} has faults", as_json=as_json)
    for fault in report.faults:
        click.echo(f"Fault: {printable(fault)}", err=True)
    if report.unchecked:
        click.echo(f"Not checked: {', '.join(report.unchecked)}", err=True)
    return 1


@db.command(example="eraswitch db backup backup.sqlite3 --store eraswitch.sqlite3")
@click.argument("file", type=path_type)
@click.option("--yes", is_flag=True, help="Replace FILE if it exists.")
@_with_store
def backup(app: AppContext, /, *, file: Path, yes: bool, store: str | None, as_json: bool) -> None:
    """Copy the store, which may be in use, to FILE; the copy is checked first."""
    from era_store.sql.maintenance import backup_store

    report = backup_store(_store_url(app, store), file, replace=yes)
    _tell(report, f"The backup {file} is complete and sound", as_json=as_json)


@db.command(example="eraswitch db restore backup.sqlite3 --store eraswitch.sqlite3")
@click.argument("file", type=path_type)
@click.option("--yes", is_flag=True, help="Overwrite an existing store.")
@_with_store
def restore(app: AppContext, /, *, file: Path, yes: bool, store: str | None, as_json: bool) -> None:
    """Replace the store with the backup FILE, in one step; FILE is checked first.

    A backup of another network than the configured one, or than that of the existing store, is refused. So is any while
    a service runs on the store.
    """
    from era_store.sql.maintenance import restore_store

    report = restore_store(file, _store_url(app, store), network=network_key(app.settings), replace=yes)
    _tell(report, f"The store {report.store} was restored from {file}", as_json=as_json)


def _store_url(app: AppContext, given: str | None) -> str:
    url = given or app.settings.store.url
    if url is None:
        raise ConfigurationError(
            "The store is not named",
            code="StoreNeeded",
            expected="--store URL, or the setting store.url",
            got="neither",
            next_step="Name the store",
        )
    return url


def _tell(report: "StoreReport", words: str, *, as_json: bool) -> None:
    facts = {name: getattr(report, name) for name in ("store", "revision", "head", "faults", "unchecked")}
    echo_result(facts, (words,), as_json=as_json)

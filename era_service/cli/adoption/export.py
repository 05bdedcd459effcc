"""``eraswitch adoption export``: the registrations as JSON lines or CSV, such as ``adoption ingest`` reads."""

import csv
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.adoption.options import RegistrationOptions
from era_service.cli.shared.commands import SectionedCommand, option, option_group, takes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.wiring.adoption import open_registrations
from era_store.canonical import canonical
from eras import Epoch
from eras.visible import sheet_cell

if TYPE_CHECKING:
    from era_store import SqlRegistrations

COLUMNS = ("party_id", "epoch", "version", "stake", "seen_at_s", "source", "signed", "capability")


@option_group()
class ExportOptions:
    """The output and its form."""

    epochs: tuple[Epoch, ...] = option("--epoch", help="Only this one; can be repeated.")
    form: str = option(
        "--format", type=click.Choice(("jsonl", "csv")), default="jsonl", show_default=True, help="How to write them."
    )


@click.command(cls=SectionedCommand, example="eraswitch adoption export --format csv --store eraswitch.sqlite3")
@takes(what=ExportOptions, data=RegistrationOptions)
@pass_app
def export(app: AppContext, *, what: ExportOptions, data: RegistrationOptions) -> None:
    """Write the counted registrations to standard output.

    They are the newest of each party for each epoch, the oldest epoch first.
    """
    with open_registrations(data.settings(app), data.files) as repository:
        rows = _rows(repository, what.epochs)
        if what.form == "csv":
            writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        else:
            for row in rows:
                click.echo(json.dumps(row, separators=(",", ":")))


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return canonical(value)
    return sheet_cell(value) if isinstance(value, str) else value


def _rows(repository: "SqlRegistrations", epochs: tuple[Epoch, ...]) -> Iterator[dict[str, object]]:
    for epoch in sorted(epochs or repository.epochs()):
        for registration in repository.newest(epoch):
            yield registration.to_dict()

"""``eraswitch adoption summary``, ``chart``, ``mithril`` and ``export``: what is registered, and who is ready."""

import csv
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.adoption.options import (
    BaseOptions,
    ReadinessOptions,
    RegistrationOptions,
    TickerOptions,
    eras_option,
    limit_option,
    share,
    svg_path,
)
from era_service.cli.adoption.view import adoption_view, console, plain_table
from era_service.cli.shared.arguments import POSITIVE
from era_service.cli.shared.commands import OUTPUT, argument, command, nested, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, printable, write_file
from era_service.cli.shared.release import JsonOptions
from era_service.config.schema import Settings
from era_service.wiring.adoption import (
    adoption_rules,
    compatibility_of,
    configured_gate,
    epoch_or_assumed,
    open_registrations,
)
from era_service.wiring.deciding import known_calendar
from era_store.event_log import canonical
from eras import Epoch
from eras.words import sheet_cell
from release_tools import EpochAdoption
from release_tools.adoption.adoption_charts import support_chart, versions_chart
from release_tools.adoption.charts import standalone
from release_tools.adoption.summary import newest_begun, require_told, summarise_last
from release_tools.adoption.text import MITHRIL_COLUMNS, adoption_csv, adoption_markdown, csv_text, mithril_rows

if TYPE_CHECKING:
    from era_store import SqlRegistrations


def last_option(default: str) -> int | None:
    """The option with the number of epochs, as a field of a group."""
    found: int | None = option("--last", metavar="N", type=POSITIVE, help="How many epochs.", show_default=default)
    return found


@option_group()
class CountOptions(BaseOptions):
    """The counting."""

    epoch: Epoch | None = option("--epoch", help="The last epoch to show; by default the newest that has begun.")
    eras: tuple[str, ...] = eras_option()


@option_group("Data")
class HandedOnOptions(ReadinessOptions):
    """The registrations that count, also those that a service hands on."""

    service_url: str | None = option("--from-service", metavar="URL", help="Count what a service serves instead.")
    verify: bool = option("--verify", help="With --from-service: count only what the parties themselves have signed.")

    def opened(self, settings: Settings) -> "AbstractContextManager[SqlRegistrations]":
        """The registrations.

        Raises:
            EraSwitchError: they cannot be read.
        """
        if (self.verify and self.service_url is None) or (self.files and self.service_url is not None):
            raise click.UsageError("--from-service cannot be combined with other sources, and --verify is for it only.")
        if self.service_url is None:
            return open_registrations(settings, self.files)
        from era_service.follower.registrations import handed_on_by

        found = handed_on_by(self.service_url, settings.network.magic, verify=self.verify)
        click.echo(printable(found.words), err=True)
        return nullcontext(found.repository)


def adoptions(
    app: AppContext, count: CountOptions, data: HandedOnOptions, *, last: int, limit: int, details: bool = False
) -> tuple[EpochAdoption, ...]:
    """The adoption of the last epochs.

    Args:
        app: has the settings.
        count: what is counted.
        data: the registrations that count.
        last: how many epochs.
        limit: parties that a list names at most.
        details: whether each epoch has all its details.

    Raises:
        EraSwitchError: an era is not known, or there are no registrations to count.
    """
    settings = data.settings(app)
    compatibility = compatibility_of(settings, data.compatibility_file)
    with data.opened(settings) as repository:
        for era in count.eras:
            require_told(repository, era, compatibility, repository.epochs())
        current, assumed = epoch_or_assumed(settings, repository, count.epoch)
        if assumed is not None:
            click.echo(f"! {assumed}", err=True)
        return summarise_last(
            repository,
            last,
            last=newest_begun(repository.epochs(), current) if count.epoch is None else count.epoch,
            compatibility=compatibility,
            eras=count.eras or None,
            base=count.base(settings),
            rules=replace(adoption_rules(settings), limit=limit),
            details_of_all=details,
        )


DEFAULT_EPOCHS = 3
CHART_EPOCHS = 30


@option_group()
class SummaryOptions(CountOptions):
    """The counting, and how many epochs and parties are shown."""

    last: int | None = last_option(f"{DEFAULT_EPOCHS}")
    limit: int = limit_option()
    pools: TickerOptions = nested(TickerOptions)


@option_group(OUTPUT)
class TableOptions(JsonOptions):
    """The form of a table."""

    as_csv: bool = option("--csv", help="Print CSV.")


@option_group(OUTPUT)
class SummaryOutputOptions(TableOptions):
    """The form of the summary."""

    markdown: bool = option("--markdown", help="Print Markdown, for a release page.")


@command(example="eraswitch adoption summary --last 5 --store eraswitch.sqlite3")
def summary(app: AppContext, *, shown: SummaryOptions, data: HandedOnOptions, output: SummaryOutputOptions) -> None:
    """Show the stake by version, and the share that supports each era, of the last epochs.

    Shows three shares where they are known: of the registered stake, of the whole network's, and of the newest
    registration of each party over the last epochs. docs/adoption.md explains when to use each.
    """
    if output.as_json + output.as_csv + output.markdown > 1:
        raise click.UsageError("Choose one of --json, --csv and --markdown.")
    found = adoptions(app, shown, data, last=shown.last or DEFAULT_EPOCHS, limit=shown.limit)
    if tickers := shown.pools.tickers():
        found = tuple(one.named(tickers) for one in found)
    if output.as_json:
        echo_json({"epochs": [one.document().to_dict() for one in found]})
    elif output.as_csv or output.markdown:
        click.echo((adoption_csv if output.as_csv else adoption_markdown)(found), nl=False)
    else:
        console().print(adoption_view(found))


@option_group()
class ChartOptions(CountOptions):
    """The chart and its file."""

    chart: Path = argument(metavar="FILE.svg", callback=svg_path)
    last: int | None = last_option(f"{CHART_EPOCHS}")
    threshold: Fraction | None = option(
        "--threshold", type=share, metavar="SHARE", help="A line in the chart, as 95%; by default the gate's."
    )


@command(example="eraswitch adoption chart support.svg --era pythagoras --threshold 95%")
def chart(app: AppContext, *, drawn: ChartOptions, data: HandedOnOptions) -> None:
    """Draw the versions of the last epochs, or with one --era the share that supports it, into FILE.svg."""
    is_one = len(drawn.eras) == 1
    found = adoptions(app, drawn, data, last=drawn.last or CHART_EPOCHS, limit=0, details=is_one)
    configured = configured_gate(data.settings(app))
    gate = drawn.threshold or (None if configured is None else configured.threshold)
    label = known_calendar(data.settings(app)).label
    svg = support_chart(found, drawn.eras[0], gate=gate, label=label) if is_one else versions_chart(found, label=label)
    write_file(drawn.chart, standalone(svg).encode() + b"\n")
    click.echo(f"Chart: {printable(str(drawn.chart))}", err=True)


@option_group()
class MithrilOptions:
    """The epochs to show."""

    epoch: Epoch | None = option("--epoch", help="The last epoch to show; by default the newest.")
    last: int | None = last_option("all")


@command(example="eraswitch adoption mithril --from monitoring.sqlite3 --csv")
def mithril(app: AppContext, *, shown: MithrilOptions, data: RegistrationOptions, output: TableOptions) -> None:
    """Show the rows of Mithril's own summary view."""
    if output.as_json and output.as_csv:
        raise click.UsageError("Choose one of --json and --csv.")
    with open_registrations(data.settings(app), data.files) as repository:
        known = repository.epochs()
        rows = [
            *mithril_rows(repository, [one for one in known if shown.epoch is None or one <= shown.epoch][: shown.last])
        ]
    cells = [[*row.values()] for row in rows]
    if output.as_json:
        echo_json(rows)
    elif output.as_csv:
        click.echo(csv_text(MITHRIL_COLUMNS, cells), nl=False)
    else:
        console().print(plain_table(MITHRIL_COLUMNS, cells))


EXPORTED = ("party_id", "epoch", "version", "stake", "seen_at_s", "source", "signed", "capability")


@option_group()
class ExportOptions:
    """The output and its form."""

    epochs: tuple[Epoch, ...] = option("--epoch", help="Only this one.")
    form: str = option("--format", type=click.Choice(("jsonl", "csv")), default="jsonl", help="How to write them.")


@command(example="eraswitch adoption export --format csv --store eraswitch.sqlite3")
def export(app: AppContext, *, what: ExportOptions, data: RegistrationOptions) -> None:
    """Write the counted registrations to standard output.

    They are the newest of each party for each epoch, the oldest epoch first.
    """
    with open_registrations(data.settings(app), data.files) as repository:
        asked = sorted(what.epochs or repository.epochs())
        rows = (one.to_dict() for epoch in asked for one in repository.newest(epoch))
        if what.form == "csv":
            writer = csv.DictWriter(sys.stdout, EXPORTED, lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        else:
            for row in rows:
                click.echo(json.dumps(row, separators=(",", ":")))


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return canonical(value)
    return sheet_cell(value) if isinstance(value, str) else value

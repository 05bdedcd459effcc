"""``eraswitch adoption summary``, ``chart`` and ``mithril``: who runs what, and which share supports each era."""

from fractions import Fraction
from pathlib import Path

import click

from era_service.cli.adoption.counting import CountOptions, HandedOnOptions, adoptions, last_option
from era_service.cli.adoption.options import RegistrationOptions, TickerOptions, limit_option, share, svg_path
from era_service.cli.adoption.view import adoption_view, console, plain_table
from era_service.cli.shared.commands import OUTPUT, SectionedCommand, argument, nested, option, option_group, takes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.output import echo_json, printable, write_file
from era_service.cli.shared.release import JsonOptions
from era_service.wiring.adoption import configured_gate, open_registrations
from era_service.wiring.deciding import known_calendar
from eras import Epoch
from release_tools.adoption.adoption_charts import support_chart, versions_chart
from release_tools.adoption.charts import standalone
from release_tools.adoption.mithril import COLUMNS, mithril_rows
from release_tools.adoption.text import adoption_csv, adoption_markdown, csv_text

DEFAULT_EPOCHS = 3
CHART_EPOCHS = 30


@option_group()
class SummaryOptions(CountOptions):
    """The output."""

    last: int | None = last_option(f"{DEFAULT_EPOCHS}")
    limit: int = limit_option()
    pools: TickerOptions = nested(TickerOptions)


@option_group(OUTPUT)
class TableOptions(JsonOptions):
    """How a table is printed."""

    as_csv: bool = option("--csv", help="Print CSV.")


@option_group(OUTPUT)
class SummaryOutputOptions(TableOptions):
    """How the summary is printed."""

    markdown: bool = option("--markdown", help="Print Markdown, for a release page.")


@click.command(cls=SectionedCommand, example="eraswitch adoption summary --last 5 --store eraswitch.sqlite3")
@takes(shown=SummaryOptions, data=HandedOnOptions, output=SummaryOutputOptions)
@pass_app
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


@click.command(cls=SectionedCommand, example="eraswitch adoption chart support.svg --era pythagoras --threshold 95%")
@takes(drawn=ChartOptions, data=HandedOnOptions)
@pass_app
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
    """Which epochs are shown."""

    epoch: Epoch | None = option("--epoch", help="The last epoch to show; by default the newest.")
    last: int | None = last_option("all")


@click.command(cls=SectionedCommand, example="eraswitch adoption mithril --from monitoring.sqlite3 --csv")
@takes(shown=MithrilOptions, data=RegistrationOptions, output=TableOptions)
@pass_app
def mithril(app: AppContext, *, shown: MithrilOptions, data: RegistrationOptions, output: TableOptions) -> None:
    """Show the rows of Mithril's own summary view."""
    if output.as_json and output.as_csv:
        raise click.UsageError("Choose one of --json and --csv.")
    with open_registrations(data.settings(app), data.files) as repository:
        known = repository.epochs()
        rows = [
            *mithril_rows(repository, [one for one in known if shown.epoch is None or one <= shown.epoch][: shown.last])
        ]
    cells = [[row["version"] if name == "version" else row[name] for name in COLUMNS] for row in rows]  # type: ignore[literal-required]
    if output.as_json:
        echo_json(rows)
    elif output.as_csv:
        click.echo(csv_text(COLUMNS, cells), nl=False)
    else:
        console().print(plain_table(COLUMNS, cells))

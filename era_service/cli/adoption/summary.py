"""``eraswitch adoption summary``: who runs what, and which share supports each era, in many forms."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from era_service.cli.adoption.options import (
    base_of,
    base_option,
    compatibility_option,
    from_option,
    settings_of,
    share,
    store_option,
    svg_path,
    tickers_of,
    tickers_option,
)
from era_service.cli.shared.arguments import epoch as epoch_type
from era_service.cli.shared.arguments import json_option
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.output import echo_json, printable, write_file
from eras import Epoch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from era_service.config.schema import Settings
    from era_store import RegistrationRepository
    from release_tools import EpochAdoption

DEFAULT_EPOCHS = 3
CHART_EPOCHS = 30


@click.command()
@from_option
@click.option("--from-service", "service_url", metavar="URL", help="Count what a service hands on instead.")
@click.option("--verify", is_flag=True, help="With --from-service: count only what the parties themselves have signed.")
@store_option
@click.option(
    "--epoch", type=epoch_type, metavar="EPOCH", help="The last epoch to show; by default the newest that has begun."
)
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"How many epochs; by default {DEFAULT_EPOCHS}, in a chart {CHART_EPOCHS}, and with --mithril all.",
)
@click.option("--era", "eras", multiple=True, metavar="ERA", help="Count this era; by default all of the table.")
@compatibility_option
@base_option
@click.option(
    "--limit", default=10, show_default=True, type=click.IntRange(min=0), help="Parties that a list names at most."
)
@tickers_option
@click.option("--mithril", is_flag=True, help="The rows of Mithril's own summary view.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a release page.")
@click.option(
    "--chart",
    metavar="FILE.svg",
    type=click.Path(path_type=Path),
    callback=svg_path,
    help="Draw a chart too: the versions of each epoch, or with one --era the share that supports it.",
)
@click.option("--threshold", type=share, metavar="SHARE", help="A line in the chart, as 95%; by default the gate's.")
@pass_app
def summary(
    app: AppContext,
    *,
    files: tuple[str, ...],
    service_url: str | None,
    verify: bool,
    store: str | None,
    epoch: Epoch | None,
    last: int | None,
    eras: tuple[str, ...],
    compatibility_file: Path | None,
    base_name: str | None,
    limit: int,
    tickers_url: str | None,
    mithril: bool,
    as_json: bool,
    as_csv: bool,
    markdown: bool,
    chart: Path | None,
    threshold: "Fraction | None",
) -> None:
    """Show the stake by version, and the share that supports each era, of the last epochs.

    Three shares are shown where they are known: of the registered stake, of the whole network's, and of the newest
    registration of each party over the last epochs. docs/adoption.md says what each is good for.
    """
    from dataclasses import replace

    from era_service.wiring.adoption import (
        adoption_rules,
        compatibility_of,
        configured_gate,
        epoch_or_assumed,
        open_registrations,
    )
    from release_tools import summarise_last
    from release_tools.adoption.summary import newest_begun, require_told

    if (verify and service_url is None) or (files and service_url is not None):
        raise click.UsageError("--from-service stands alone, and --verify belongs to it.")
    if as_json + as_csv + markdown > 1:
        raise click.UsageError("Choose one of --json, --csv and --markdown.")
    settings = settings_of(app, store)
    compatibility = compatibility_of(settings, compatibility_file)
    handed_on = None if service_url is None else nullcontext(_handed_on(settings, service_url, verify=verify))
    with handed_on or open_registrations(settings, files) as repository:
        if mithril:
            _mithril(repository, epoch, last, as_json=as_json, as_csv=as_csv, markdown=markdown)
            return
        for era in eras:
            require_told(repository, era, compatibility, repository.epochs())
        current, assumed = (epoch, None) if epoch is not None else epoch_or_assumed(settings, repository)
        if assumed is not None:
            click.echo(f"! {assumed}", err=True)
        adoptions = summarise_last(
            repository,
            last or (DEFAULT_EPOCHS if chart is None else CHART_EPOCHS),
            last=newest_begun(repository.epochs(), current) if epoch is None else epoch,
            compatibility=compatibility,
            eras=eras or None,
            base=base_of(settings, base_name),
            rules=replace(adoption_rules(settings), limit=limit),
            details_of_all=chart is not None and len(eras) == 1,
        )
    if tickers := tickers_of(tickers_url):
        adoptions = tuple(one.named(tickers) for one in adoptions)
    if chart is not None:
        gate = configured_gate(settings)
        _draw(chart, adoptions, eras, threshold or (None if gate is None else gate.threshold))
    if as_json:
        echo_json({"epochs": [one.to_dict() for one in adoptions]})
    elif as_csv or markdown:
        from release_tools.adoption.text import adoption_csv, adoption_markdown

        click.echo((adoption_csv if as_csv else adoption_markdown)(adoptions), nl=False)
    else:
        from era_service.cli.adoption.view import adoption_view, console

        console().print(adoption_view(adoptions))
        if chart is not None:
            click.echo(f"Chart: {printable(str(chart))}", err=True)


def _handed_on(settings: "Settings", url: str, *, verify: bool) -> "RegistrationRepository":
    from era_service.follower.handed_on import handed_on_by

    found = handed_on_by(url, settings.network.magic, verify=verify)
    click.echo(printable(found.words), err=True)
    return found.repository


def _mithril(
    repository: "RegistrationRepository",
    epoch: Epoch | None,
    last: int | None,
    *,
    as_json: bool,
    as_csv: bool,
    markdown: bool,
) -> None:
    from release_tools.adoption.mithril import COLUMNS, mithril_rows
    from release_tools.adoption.text import csv_text

    if markdown:
        raise click.UsageError("--mithril prints a table, --json or --csv.")
    epochs = [one for one in repository.epochs() if epoch is None or one <= epoch][:last]
    rows = list(mithril_rows(repository, epochs))
    cells = [[row["version"] if name == "version" else row[name] for name in COLUMNS] for row in rows]  # type: ignore[literal-required]
    if as_json:
        echo_json(rows)
    elif as_csv:
        click.echo(csv_text(COLUMNS, cells), nl=False)
    else:
        from era_service.cli.adoption.view import console, plain_table

        console().print(plain_table(COLUMNS, cells))


def _draw(path: Path, adoptions: "Sequence[EpochAdoption]", eras: "Sequence[str]", gate: "Fraction | None") -> None:
    from release_tools.adoption.adoption_charts import support_chart, versions_chart
    from release_tools.adoption.charts import standalone

    svg = support_chart(adoptions, eras[0], gate=gate) if len(eras) == 1 else versions_chart(adoptions)
    write_file(path, standalone(svg).encode() + b"\n")

"""Options that the adoption commands share, and what becomes of them.

In: click commands and the values of their options. Out: the same with these options, and shares, bases and tables.
"""

from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from era_service.cli.shared.output import printable
from eras import ChainReadError

if TYPE_CHECKING:
    from era_service.cli.shared.context import AppContext
    from era_service.config.schema import Settings
    from release_tools import Base

BASES = ("registered", "network", "recent")

from_option = click.option(
    "--from",
    "files",
    metavar="FILE",
    multiple=True,
    help="Count what is in this file instead of the store: an event store of Mithril's aggregator (SQLite), JSON lines "
    "or CSV. May be given several times.",
)

store_option = click.option("--store", metavar="URL", help="The store: a path or a URL; by default store.url.")

compatibility_option = click.option(
    "--compatibility",
    "compatibility_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Which versions support which era (TOML); by default adoption.compatibility_file.",
)

base_option = click.option(
    "--of",
    "base_name",
    type=click.Choice(BASES),
    help="Of what stake: registered for the epoch, of the whole network, or of each party's newest registration over "
    "the last epochs; by default adoption.gate_base.",
)


tickers_option = click.option(
    "--tickers",
    "tickers_url",
    metavar="URL",
    help="Ask this aggregator for the tickers of pools, to name whom to call.",
)


def tickers_of(url: str | None) -> dict[str, str]:
    """Party id → ticker, as an aggregator tells them; none where it does not answer, because nothing hangs on names."""
    from release_tools.registrations import AggregatorHttp

    if url is None:
        return {}
    try:
        with closing(AggregatorHttp(url)) as aggregator:
            return {signer.party_id: signer.ticker for signer in aggregator.signers() if signer.ticker is not None}
    except ChainReadError as error:
        click.echo(printable(f"Without tickers: {error}"), err=True)
        return {}


def svg_path(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """The file that a chart goes into, as the callback of an option; one that is not called SVG is a usage error."""
    if path is not None and path.suffix != ".svg":
        raise click.UsageError(f"--chart draws SVG: name a file that ends in .svg, not {path.name!r}.")
    return path


def share(text: str) -> Fraction:
    """The share that ``text`` writes, as the type of an option; anything else is a usage error."""
    from release_tools import ShareError, parse_share

    try:
        return parse_share(text)
    except ShareError as error:
        raise click.BadParameter(f"expected {error.expected}, got {error.got}. {error.next_step}") from error


def settings_of(app: "AppContext", store: str | None) -> "Settings":
    """The settings, with the store that the command line names."""
    return app.load({"store.url": (store, "--store")} if store is not None else None).settings


def base_of(settings: "Settings", name: str | None) -> "Base":
    """The base that is named, or else configured."""
    from release_tools import Base

    return Base(name or settings.adoption.gate_base)

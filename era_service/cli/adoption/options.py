"""Options that the adoption commands share, as groups or as fields of groups."""

from contextlib import closing
from fractions import Fraction
from functools import partial
from pathlib import Path

import click

from era_service.cli.shared.arguments import CHANCE, NATURAL, POSITIVE
from era_service.cli.shared.commands import option, option_group, settings_given
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import printable
from era_service.config.schema import Settings
from era_service.wiring.quorum import QUORUM_MODELS, GivenQuorum
from eras import ChainReadError
from release_tools import Base
from release_tools.adoption.shares import ShareError, parse_share
from release_tools.registrations.aggregator_http import AggregatorHttp

BASES = ("registered", "network", "recent")


from_option = partial(
    option,
    "--from",
    metavar="FILE",
    section="Data",
    help="Count this file instead of the store: an event store of Mithril's aggregator (SQLite), JSON lines or CSV.",
)
"""Option field: files to count instead of the store."""


compatibility_option = partial(
    option,
    "--compatibility",
    metavar="FILE",
    section="Data",
    help="Which versions support which era (TOML); by default adoption.compatibility_file.",
)
"""Option field: the table of versions and eras."""


@option_group("Data")
class StoreOptions:
    """The store of registrations."""

    store: str | None = option(
        "--store", metavar="URL", setting="store.url", help="The store: a path or a URL; by default store.url."
    )

    def settings(self, app: AppContext) -> Settings:
        """The settings, with the store that the command line names."""
        return app.load(settings_given(self)).settings


@option_group("Data")
class RegistrationOptions(StoreOptions):
    """The registrations that count: those of the store, or of files."""

    files: tuple[str, ...] = from_option()


@option_group("Data")
class ReadinessOptions(RegistrationOptions):
    """The registrations that count, and which of them are ready for an era."""

    compatibility_file: Path | None = compatibility_option()


@option_group()
class BaseOptions:
    """The stake that shares are of."""

    base_name: str | None = option(
        "--of",
        type=click.Choice(BASES),
        help="Share of which stake: registered for the epoch, of the whole network, or of each party's newest "
        "registration over the last epochs; by default adoption.gate_base.",
    )

    def base(self, settings: Settings) -> Base:
        """The base that is named, or else configured."""
        return Base(self.base_name or settings.adoption.gate_base)


@option_group()
class TickerOptions:
    """The source of pools' tickers."""

    tickers_url: str | None = option(
        "--tickers", metavar="URL", help="Ask this aggregator for the tickers of pools, to name whom to call."
    )

    def tickers(self) -> dict[str, str]:
        """Party id → ticker; empty if the aggregator does not answer, because nothing depends on names."""
        if self.tickers_url is None:
            return {}
        try:
            with closing(AggregatorHttp(self.tickers_url)) as aggregator:
                return aggregator.tickers()
        except ChainReadError as error:
            click.echo(printable(f"Without tickers: {error}"), err=True)
            return {}


limit_option = partial(option, "--limit", metavar="N", default=10, type=NATURAL, help="Parties to list at most.")
"""Option field: the length of lists of parties."""


eras_option = partial(option, "--era", metavar="ERA", help="Count this era; by default all in the table.")
"""Option field: the eras that are counted."""


@option_group()
class QuorumOptions:
    """The quorum parameters."""

    k: int | None = option("--k", metavar="K", type=POSITIVE, help="Indices of Mithril's lottery that must be won.")
    m: int | None = option("--m", metavar="M", type=POSITIVE, help="Indices of Mithril's lottery.")
    phi_f: float | None = option(
        "--phi-f", metavar="PHI", type=CHANCE, help="The chance that the whole stake wins an index."
    )
    model: str | None = option(
        "--model",
        type=click.Choice(QUORUM_MODELS),
        help="What decides the quorum: Mithril's lottery, or a fixed two thirds as in Cosmos or in Ethereum.",
    )

    @property
    def given(self) -> GivenQuorum:
        """The parameters that are given."""
        return GivenQuorum(self.model, self.k, self.m, self.phi_f)


def svg_path(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """The file that a chart goes into, as the callback of an option; one that is not called SVG is a usage error."""
    if path is not None and path.suffix != ".svg":
        raise click.UsageError(f"A chart is SVG: name a file that ends in .svg, not {path.name!r}.")
    return path


def share(text: str) -> Fraction:
    """The share that ``text`` writes, as the type of an option; anything else is a usage error."""
    try:
        return parse_share(text)
    except ShareError as error:
        raise click.BadParameter(f"expected {error.expected}, got {error.got}. {error.next_step}") from error

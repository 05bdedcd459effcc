"""``eraswitch marker adopt-token``: mint a thread token for markers that are published already (rule T0)."""

from functools import partial

import click

from chain_reader.thread_token import spelled, token_unit
from era_service.cli.marker.build_only import BuildOptions
from era_service.cli.marker.pipeline import MarkerJob
from era_service.cli.shared.commands import command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.release import PublishingOptions, PurseOptions, write_token_option
from era_service.config.token_line import require_place
from era_service.releasing.adopting import look_at_adoption


@option_group()
class AdoptionOptions:
    """Whether the token takes the place of another, and goes into the configuration."""

    replaces: str | None = option(
        "--replace",
        metavar="TOKEN",
        help="Mint another in place of this one, which is lost or was minted twice. Nodes then need the new one.",
    )
    writes_token: bool = write_token_option()


@command("adopt-token", example="eraswitch marker adopt-token --payment-key-file keys/payment.skey --write")
def adopt_token(
    app: AppContext,
    /,
    *,
    adoption: AdoptionOptions,
    purse: PurseOptions,
    publishing: PublishingOptions,
    build: BuildOptions,
) -> None:
    """Mint a thread token for the markers in force, and publish them again with it; no era changes.

    Its script requires the owner of the era address, and a slot before this transaction becomes void: after that nobody
    can mint a second one. Every later publication passes it on. Nodes configured with it (trust.thread_token) trust no
    output without it; deployed Mithril readers are not affected. It needs no era key.

    If the marker output was sent away with its token and came back, --spend names the output at the era address that
    holds it: nothing is minted, and the markers that nodes trust are published with it.
    """
    if build.out is not None and adoption.writes_token:
        raise click.UsageError("--write needs a publication, and --out only builds.")
    settings = publishing.network.settings(app)
    replaced = None if adoption.replaces is None else spelled(token_unit(adoption.replaces))
    if replaced is not None and settings.trust.thread_token == replaced:
        # it is no longer what makes an output believed
        settings = settings.model_copy(update={"trust": settings.trust.model_copy(update={"thread_token": None})})
    means = publishing.means(settings, purse.purse())
    file = require_place(app.load().file) if adoption.writes_token else None
    look = partial(look_at_adoption, means=means, replaces=None if replaced is None else token_unit(replaced))
    done = "the marker output holds a thread token already"
    build.run(settings, MarkerJob(means, publishing.output, look, file, replaces=replaced, done_words=done))

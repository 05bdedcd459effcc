"""``eraswitch marker adopt-token``: mint a thread token for markers that are published already (rule T0)."""

import click

from era_service.cli.marker.marker_jobs import AdoptTokenJob
from era_service.cli.marker.pipeline import publish
from era_service.cli.marker.token_writing import write_token_option
from era_service.cli.shared.commands import SectionedCommand, option_group, takes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.release import PublishingOptions, PurseOptions
from era_service.config.token_line import require_place


@option_group()
class WriteOptions:
    """Whether the new thread token goes into the configuration."""

    writes_token: bool = write_token_option()


@click.command(
    "adopt-token",
    cls=SectionedCommand,
    example="eraswitch marker adopt-token --payment-key-file keys/payment.skey --write",
)
@takes(written=WriteOptions, purse=PurseOptions, publishing=PublishingOptions)
@pass_app
def adopt_token(
    app: AppContext, /, *, written: WriteOptions, purse: PurseOptions, publishing: PublishingOptions
) -> None:
    """Mint a thread token for the markers in force, and publish them again with it; no era changes.

    Its script wants the owner of the era address, before the slot in which this transaction becomes void: nobody can
    mint a second one after that. Every later publication passes it on. Nodes that are configured with it
    (trust.thread_token) believe no output without it; deployed Mithril readers are not affected. It needs no era key.
    """
    settings = publishing.network.settings(app)
    means = publishing.means(settings, purse.purse())
    file = require_place(app.load().file) if written.writes_token else None
    publish(settings, AdoptTokenJob(means, publishing.output, file))

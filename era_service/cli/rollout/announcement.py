"""``eraswitch rollout announcement``: the text for operators, with the figures filled in."""

import click

from era_service.cli.rollout.standing import read_standing
from era_service.cli.rollout.verify import RecoveryOptions, StandingOptions, verified
from era_service.cli.shared.commands import SectionedCommand, option, option_group, takes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.files import read_text
from era_service.cli.shared.output import printable
from era_service.cli.shared.release import NetworkOptions
from era_service.config.schema import Settings
from eras.visible import visible
from release_tools.rollout.announcement import announcement as announcement_of
from release_tools.rollout.announcement import closing_text


@option_group()
class AnnouncementOptions:
    """Which text is printed."""

    phase: str | None = option(
        "--phase",
        type=click.Choice(("announce", "activate", "completed")),
        help="By default announce, until the era has its epoch; completed is the closing text, once the network "
        "recovered.",
    )
    template: str | None = option(
        "--template", metavar="FILE", help="A text with $figures that replaces the usual one."
    )


@click.command(cls=SectionedCommand, example="eraswitch rollout announcement rollout-pythagoras.toml --phase activate")
@takes(where=StandingOptions, text=AnnouncementOptions, recovery=RecoveryOptions, network=NetworkOptions)
@pass_app
def announcement(
    app: AppContext,
    /,
    *,
    where: StandingOptions,
    text: AnnouncementOptions,
    recovery: RecoveryOptions,
    network: NetworkOptions,
) -> int:
    """Print the announcement of a phase of the rollout in FILE to operators, with the figures filled in.

    The final text is printed once the network has recovered (see rollout verify); until then the exit code is 6.
    """
    custom = None if text.template is None else read_text(text.template)
    if text.phase == "completed":
        planned, settings, found, _ = verified(app, where, recovery, network)
        if not found.recovered:
            click.echo(printable(f"{found.words}. Nothing is announced: see eraswitch rollout verify FILE"), err=True)
            return 6
        made = closing_text(planned, found, network=_network_name(settings), template=custom)
    else:
        if recovery.aggregator is not None or recovery.certificates_file is not None:
            raise click.UsageError("--aggregator and --certificates belong to --phase completed.")
        standing, settings = read_standing(app, where, network)
        scheduled = standing.marker is not None and standing.marker.epoch is not None
        made = announcement_of(
            standing,
            "activate" if text.phase == "activate" or (text.phase is None and scheduled) else "announce",
            network=_network_name(settings),
            lag_epochs=settings.quorum.lag_epochs,
            template=custom,
        )
    click.echo(visible(made, keep="\n"), nl=not made.endswith("\n"))
    return 0


def _network_name(settings: Settings) -> str:
    return settings.network.name or f"the network with magic {settings.network.magic}"

"""``eraswitch status``: the status of the network in words, and as an exit code."""

import time

import click

from chain_reader.genesis import EpochCalendar
from era_service.cli.shared.arguments import NATURAL, PROVIDER_HELP, json_option
from era_service.cli.shared.arguments import epoch as epoch_type
from era_service.cli.shared.commands import command
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.exit_codes import era_exit_code
from era_service.cli.shared.output import echo_json, printable, warn
from eras import Epoch


@command(example="eraswitch status --network preview")
@click.option("--epoch", type=epoch_type, metavar="EPOCH", help="The epoch to report on; by default the provider's.")
@click.option("--provider", metavar="URL", help=PROVIDER_HELP)
@click.option("--limit", metavar="N", default=20, show_default=True, type=NATURAL, help="Refused outputs to list.")
@json_option
def status(app: AppContext, *, epoch: Epoch | None, provider: str | None, limit: int, as_json: bool) -> int:
    """Show the current and the upcoming era, what is trusted and why.

    Refused payloads are listed too, each with its reason.

    The exit code is 0 when this software knows both eras, 3 when it does not know the upcoming one, 4 when it does not
    know the current one, and 5 when nothing trusted could be read. With no provider configured, a public network is
    read through Koios' public service, which needs no account.
    """
    from era_service.cli.shared.status_view import in_words
    from era_service.logs import bind_era
    from era_service.status.describing import describe, warnings_of
    from era_service.status.reader import read_status
    from era_service.wiring.providers import public_service

    settings = app.load({"reader.providers": (provider, "--provider")} if provider else None).settings
    if (public := public_service(settings)) is not None:
        click.echo(f"No provider is configured: reading through {public}, which needs no account", err=True)
        settings = app.load({"reader.providers": (public, "no provider")}).settings
    found = read_status(settings, epoch)
    if found.token is not None:
        bind_era(found.token.current.name, found.token.epoch)
    document = describe(found, settings, limit, warnings_of(found, settings))
    if as_json:
        echo_json(document.to_dict())
    else:
        calendar = EpochCalendar(found.genesis, time.time())
        click.echo("\n".join(in_words(document, calendar, getattr(found.reading, "how", None))))
    warn(document.warnings)
    if found.error is not None:
        click.echo(f"Error: {found.error.message(printable)}", err=True)
    return era_exit_code(found.token)

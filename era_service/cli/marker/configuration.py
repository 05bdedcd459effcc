"""``eraswitch marker configuration``: the second kind of marker, as it is on the chain, and what a file would change.

``export`` and ``import`` are the commands of ``protocol-configuration``, beside the ones that look.
"""

import click

from chain_reader.thread_token import spelled, token_unit
from datum.configuration import check_against, configuration_at, configuration_document, read_import
from datum.configuration.values import window_at
from era_service.cli.marker.configuration_publish import publish
from era_service.cli.protocol_configuration import PlaceOptions, export_command, import_command, on_chain
from era_service.cli.shared.arguments import naming, read_bytes
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.datum_view import configuration_in_words
from era_service.cli.shared.exit_codes import NOTHING_TRUSTED
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json
from era_service.cli.shared.release import JsonOptions, NetworkOptions
from release_tools.markers.configurations import differences


@click.group(cls=KnownGroup)
def configuration() -> None:
    """Show the protocol configurations on the chain, prepare changes, and publish them."""


configuration.add_command(export_command("export"))
configuration.add_command(import_command("import"))
configuration.add_command(publish)


@configuration.command(example="eraswitch marker configuration show --network preview")
def show(app: AppContext, *, place: PlaceOptions, network: NetworkOptions, output: JsonOptions) -> int:
    """Show the configurations on the chain, and the three that a node needs now.

    The exit code is 5 if none is in force.
    """
    settings = network.settings(app)
    found = on_chain(settings, place)
    known = found.configurations
    current, window = configuration_at(known, found.epoch), window_at(known, found.epoch)
    names = ("aggregation", "next_aggregation", "registration")
    needed = None if window is None else {name: configuration_document(getattr(window, name)) for name in names}
    code = 0 if current is not None else NOTHING_TRUSTED
    if output.as_json:
        echo_json(
            {
                "epoch": found.epoch,
                "source": found.source,
                "thread_token": None if found.token is None else spelled(found.token),
                "stale": found.stale,
                "markers": [
                    {"epoch": one.epoch, "configuration": configuration_document(one.configuration)} for one in known
                ],
                "configuration_at_epoch": None if current is None else configuration_document(current),
                "window": needed,
                "notes": list(found.notes),
            }
        )
        return code
    click.echo(f"Epoch {found.epoch} by {found.source}")
    for one in known:
        click.echo(f"  {configuration_in_words(one.epoch, one.configuration)}")
    if found.token is not None:
        held = settings.protocol_configuration.thread_token
        is_set = held is not None and token_unit(held) == found.token
        words = "no output without it is trusted" if is_set else "not in protocol_configuration.thread_token yet"
        click.echo(f"Thread token {spelled(found.token)}: {words}")
    if current is None:
        click.echo("No configuration holds now")
    elif window is None:
        click.echo("A node also needs one for the epoch before, and there is none")
    else:
        for name in names:
            parameters = getattr(window, name).parameters
            lottery = f"k {parameters.k}, m {parameters.m}, phi_f {parameters.phi_f}"
            click.echo(f"{name.replace('_', ' '):<17} {lottery}")
    return code


@configuration.command(example="eraswitch marker configuration diff configurations.json --network preview")
@click.argument("file")
def diff(app: AppContext, *, file: str, place: PlaceOptions, network: NetworkOptions, output: JsonOptions) -> None:
    """Show what the configurations in FILE would change on the chain, by epoch and parameter.

    FILE is as for import. A change of what nodes already use, in the current epoch or the last three, is refused.
    """
    with naming(file):
        wanted = read_import(read_bytes(file))
    found = on_chain(network.settings(app), place)
    changes = differences(found.configurations, wanted)
    if output.as_json:
        echo_json({"epoch": found.epoch, "changes": [one.to_dict() for one in changes]})
    else:
        click.echo("\n".join(map(str, changes)) or "Nothing changes")
    check_against(found.configurations, wanted, found.epoch)

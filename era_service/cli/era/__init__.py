"""``eraswitch era``; ``list`` is light, because scripts call it often."""

import click

from era_service.cli.shared.arguments import json_option
from era_service.cli.shared.commands import command
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, printable


@command("list", example="eraswitch era list --json")
@json_option
def list_(app: AppContext, *, as_json: bool) -> None:
    """List the eras that this software supports, oldest first."""
    names = list(app.supported_eras())
    if as_json:
        echo_json(names)
        return
    listed = "".join(f"\n    {printable(name[:1].upper() + name[1:])}," for name in names)
    click.echo(f"Supported Eras:\n[{listed}\n]")

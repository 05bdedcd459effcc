"""``eraswitch events``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.shared.groups import LazyGroup

COMMANDS = {
    "cat": "era_service.cli.events.cat:cat",
    "replay": "era_service.cli.events.replay:replay",
    "diff": "era_service.cli.events.replay:diff",
    "verify": "era_service.cli.events.keep:verify",
    "export": "era_service.cli.events.keep:export",
    "import": "era_service.cli.events.keep:import_",
    "compact": "era_service.cli.events.keep:compact",
}
"""Name → where the command is, in the order in which help lists them."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def events() -> None:
    """Look into the event log: everything that came in, and everything that was decided."""

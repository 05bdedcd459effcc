"""``eraswitch events``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.lazy_group import LazyGroup

COMMANDS = {
    "cat": "era_service.cli.events_cat:cat",
    "replay": "era_service.cli.events_replay:replay",
    "diff": "era_service.cli.events_replay:diff",
    "verify": "era_service.cli.events_keep:verify",
    "export": "era_service.cli.events_keep:export",
    "import": "era_service.cli.events_keep:import_",
    "compact": "era_service.cli.events_keep:compact",
}
"""Name → where the command is, in the order in which help lists them."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def events() -> None:
    """Look into the event log: everything that came in, and everything that was decided."""

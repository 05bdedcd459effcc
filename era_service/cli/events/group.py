"""``eraswitch events``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.shared.groups import LazyGroup

COMMANDS = {
    "cat": ("era_service.cli.events.cat:cat", "Print events, oldest first: of the store, or of FILE"),
    "replay": (
        "era_service.cli.events.replay:replay",
        "Make every decision again from the recorded inputs; exit code 1 at the first that differs",
    ),
    "diff": (
        "era_service.cli.events.replay:diff",
        "Show where the nodes of two logs, each a file or a store, parted; exit code 1 where they did",
    ),
    "verify": (
        "era_service.cli.events.keep:verify",
        "Check every hash of the log; an error names the first event that is not what was written",
    ),
    "export": (
        "era_service.cli.events.keep:export",
        "Write the event log of the store into FILE, while others use it; every hash is checked on the way",
    ),
    "import": (
        "era_service.cli.events.keep:import_",
        "Put the events of FILE into the store, with their ids and hashes: all of them or none",
    ),
    "compact": (
        "era_service.cli.events.keep:compact",
        "Take the older part of the log out, for good; what is left can still be replayed",
    ),
}
"""Name → where the command is, and its line in the help of the group, in the order of that help."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def events() -> None:
    """Look into the event log: everything that came in, and everything that was decided."""

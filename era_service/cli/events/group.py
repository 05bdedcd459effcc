"""``eraswitch events``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.shared.groups import LazyGroup

COMMANDS = {
    "cat": ("era_service.cli.events.cat:cat", "Print the events of the store or of FILE, oldest first"),
    "replay": (
        "era_service.cli.events.replay:replay",
        "Recompute every decision from the recorded inputs; exit code 1 at the first difference",
    ),
    "diff": (
        "era_service.cli.events.replay:diff",
        "Show where the nodes of two logs, each a file or a store, disagree; exit code 1 if they do",
    ),
    "verify": (
        "era_service.cli.events.keep:verify",
        "Check every hash of the log; an error names the first event that was changed",
    ),
    "export": (
        "era_service.cli.events.keep:export",
        "Write the event log of the store to FILE, checking every hash; the store may be in use",
    ),
    "import": (
        "era_service.cli.events.keep:import_",
        "Add the events of FILE to the store, with their ids and hashes: all of them or none",
    ),
    "compact": (
        "era_service.cli.events.keep:compact",
        "Remove the older part of the log permanently; the rest can still be replayed",
    ),
}
"""Name → where the command is, and its line in the help of the group, in the order of that help."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def events() -> None:
    """Show, check and move the event log: every input, and every decision."""

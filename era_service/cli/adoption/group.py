"""``eraswitch adoption``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.shared.groups import LazyGroup

COMMANDS = {
    "ingest": (
        "era_service.cli.adoption.ingest:ingest",
        "Add the registrations of SOURCE to the store, going on where the last run stopped",
    ),
    "summary": (
        "era_service.cli.adoption.summary:summary",
        "Show the stake by version, and the share that supports each era, of the last epochs",
    ),
    "chart": (
        "era_service.cli.adoption.summary:chart",
        "Draw the versions of the last epochs, or with one --era the share that supports it, into FILE.svg",
    ),
    "gate": ("era_service.cli.adoption.gate:gate", "Check whether ERA meets its adoption gate"),
    "forecast": (
        "era_service.cli.adoption.forecast:forecast",
        "Tell the chance that the network keeps its quorum when ERA begins at an epoch, from how its nodes upgrade",
    ),
    "watch": ("era_service.cli.adoption.watch:watch", "Show the adoption live, as registrations come in"),
    "mithril": ("era_service.cli.adoption.summary:mithril", "Show the rows of Mithril's own summary view"),
    "export": ("era_service.cli.adoption.export:export", "Write the registrations that count to standard output"),
    "withdraw": (
        "era_service.cli.adoption.withdraw:withdraw",
        "Take back what SOURCE registered, such as a token that was stolen",
    ),
    "rejects": (
        "era_service.cli.adoption.ingest:rejects",
        "List what was in sources and is no registration, with the reasons, oldest first",
    ),
    "rebuild": (
        "era_service.cli.adoption.ingest:rebuild",
        "Count the registrations again, and correct the summary where it differs; it never should",
    ),
    "network-stake": (
        "era_service.cli.adoption.ingest:network_stake",
        "Remember the stake of the whole network, LOVELACE, in EPOCH; without LOVELACE show what is remembered",
    ),
}
"""Name → where the command is, and its line in the help of the group, in the order of that help."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def adoption() -> None:
    """See which share of the stake is ready for an era, before it is activated."""

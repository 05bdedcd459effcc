"""``eraswitch adoption``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.shared.groups import LazyGroup

COMMANDS = {
    "ingest": (
        "era_service.cli.adoption.ingest:ingest",
        "Add the registrations of SOURCE to the store, continuing where the last run stopped",
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
        "Estimate the chance that the network keeps its quorum when ERA begins at an epoch, from how its nodes upgrade",
    ),
    "watch": ("era_service.cli.adoption.watch:watch", "Show the adoption live, as registrations arrive"),
    "mithril": ("era_service.cli.adoption.summary:mithril", "Show the rows of Mithril's own summary view"),
    "export": ("era_service.cli.adoption.export:export", "Write the counted registrations to standard output"),
    "withdraw": (
        "era_service.cli.adoption.withdraw:withdraw",
        "Withdraw what SOURCE registered, for example with a stolen token",
    ),
    "rejects": (
        "era_service.cli.adoption.ingest:rejects",
        "List the rejected rows of all sources with their reasons, oldest first",
    ),
    "rebuild": (
        "era_service.cli.adoption.ingest:rebuild",
        "Recount the registrations, and correct the summary if it differs, which it never should",
    ),
    "network-stake": (
        "era_service.cli.adoption.ingest:network_stake",
        "Store the stake of the whole network, LOVELACE, in EPOCH; without LOVELACE show the stored figures",
    ),
}
"""Name → where the command is, and its line in the help of the group, in the order of that help."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def adoption() -> None:
    """See which share of the stake is ready for an era, before it is activated."""

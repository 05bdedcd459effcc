"""``eraswitch adoption``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.shared.groups import LazyGroup

COMMANDS = {
    "ingest": "era_service.cli.adoption.ingest:ingest",
    "summary": "era_service.cli.adoption.summary:summary",
    "chart": "era_service.cli.adoption.summary:chart",
    "gate": "era_service.cli.adoption.gate:gate",
    "forecast": "era_service.cli.adoption.forecast:forecast",
    "watch": "era_service.cli.adoption.watch:watch",
    "mithril": "era_service.cli.adoption.summary:mithril",
    "export": "era_service.cli.adoption.export:export",
    "withdraw": "era_service.cli.adoption.withdraw:withdraw",
    "rejects": "era_service.cli.adoption.ingest:rejects",
    "rebuild": "era_service.cli.adoption.ingest:rebuild",
    "network-stake": "era_service.cli.adoption.ingest:network_stake",
}
"""Name → where the command is, in the order in which help lists them."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def adoption() -> None:
    """See which share of the stake is ready for an era, before it is activated."""

"""``eraswitch adoption``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.lazy_group import LazyGroup

COMMANDS = {
    "ingest": "era_service.cli.adoption_ingest:ingest",
    "summary": "era_service.cli.adoption_summary:summary",
    "gate": "era_service.cli.adoption_gate:gate",
    "forecast": "era_service.cli.adoption_forecast:forecast",
    "watch": "era_service.cli.adoption_watch:watch",
    "export": "era_service.cli.adoption_export:export",
    "withdraw": "era_service.cli.adoption_withdraw:withdraw",
    "rejects": "era_service.cli.adoption_ingest:rejects",
    "rebuild": "era_service.cli.adoption_ingest:rebuild",
    "network-stake": "era_service.cli.adoption_ingest:network_stake",
}
"""Name → where the command is, in the order in which help lists them."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def adoption() -> None:
    """See which share of the stake is ready for an era, before it is activated."""

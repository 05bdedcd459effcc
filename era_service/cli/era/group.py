"""``eraswitch era``: the release team's commands, with the flags, environment and files of Mithril's aggregator."""

import click

from era_service.cli.shared.groups import LazyGroup

COMMANDS = {
    "list": ("era_service.cli.era.listing:list_", "List the eras that this software supports, oldest first"),
    "generate-keypair": (
        "era_service.cli.era.datums:generate_keypair",
        "Create the release team's key pair: era.sk (secret) and era.vk",
    ),
    "generate-tx-datum": (
        "era_service.cli.era.datums:generate_tx_datum",
        "Write the datum of the transaction that activates or announces an era",
    ),
}
"""Name → where the command is, and its line in the help of the group, in the order of that help."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def era() -> None:
    """Create keys and datums, as Mithril's aggregator does."""

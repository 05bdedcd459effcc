"""``eraswitch marker``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.shared.groups import LazyGroup

COMMANDS = {
    "activate": (
        "era_service.cli.marker.change:activate",
        "Let ERA begin at an epoch: every node that knows it switches then, and every other one stops",
    ),
    "adopt-token": (
        "era_service.cli.marker.adopt_token:adopt_token",
        "Mint a thread token for the markers in force, and publish them again with it; no era changes",
    ),
    "announce": (
        "era_service.cli.marker.change:announce",
        "Announce ERA without an epoch: operators learn what is coming, but nothing switches yet",
    ),
    "cancel": ("era_service.cli.marker.change:cancel", "Drop ERA, which is announced or scheduled but has not begun"),
    "configuration": (
        "era_service.cli.marker.configuration:configuration",
        "Show the protocol configurations on the chain, prepare changes, and publish them",
    ),
    "cosign": (
        "era_service.cli.marker.cosign:cosign",
        "Add your signature to the extended payload in FILE, a co-signing file",
    ),
    "history": (
        "era_service.cli.marker.history:history",
        "Show every payload that was ever at the era address: slot, transaction, author, verdict",
    ),
    "postpone": ("era_service.cli.marker.change:postpone", "Let ERA, which is scheduled, begin at a later epoch"),
    "renew": (
        "era_service.cli.marker.renew:renew",
        "Have the markers in force co-signed again: by other keys (a rotation), by more or fewer, or for longer",
    ),
    "retire": ("era_service.cli.marker.change:retire", "Drop the marker of ERA, a past era"),
    "show": (
        "era_service.cli.marker.show:show",
        "Show what nodes trust now, and what deployed Mithril readers could read if that differs",
    ),
    "sweep": (
        "era_service.cli.marker.sweep:sweep",
        "Return what others put at the era address to the payer, without touching the markers in force",
    ),
}
"""Name → where the command is, and its line in the help of the group, in the order of that help."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def marker() -> None:
    """Publish era markers, and show the published ones."""

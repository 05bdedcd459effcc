"""``eraswitch rollout``: the group; each command is in a module of its own and loaded when it is called."""

import click

from era_service.cli.shared.groups import LazyGroup

COMMANDS = {
    "announcement": (
        "era_service.cli.rollout.announcement:announcement",
        "Print the announcement of a phase of the rollout in FILE to operators, with the figures filled in",
    ),
    "next": (
        "era_service.cli.rollout.next_step:next_step",
        "Do the next step of the rollout in FILE, if its gate is met: what marker announce or marker activate does",
    ),
    "plan": (
        "era_service.cli.rollout.plan:plan",
        "Write the plan of a rollout of ERA: its two phases, gates and epochs, and whom to inform",
    ),
    "status": (
        "era_service.cli.rollout.standing:status",
        "Show the progress of the rollout in FILE: the chain, the adoption, the next step, and whom to inform",
    ),
    "verify": (
        "era_service.cli.rollout.verify:verify",
        "Show whether the network recovered after the switch of the rollout in FILE",
    ),
}
"""Name → where the command is, and its line in the help of the group, in the order of that help."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def rollout() -> None:
    """Plan a rollout in a file, follow its progress, and do it step by step."""

"""The root of the command line: the commands, loaded when they are called, and the global options.

The global options may stand before or after the command. Commands are click commands named in ``COMMANDS``; one
that takes the ``AppContext`` (``context.pass_app``) has the settings.
"""

import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import get_completion_class

from era_service.cli.shared.boundary import run_guarded
from era_service.cli.shared.commands import SectionedCommand
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.groups import LazyGroup, global_options
from eras import __version__

COMMANDS = {
    "init": (
        "era_service.cli.init:init",
        "Set up this folder: keys, and a configuration that names them",
    ),
    "demo": ("era_service.cli.demo:demo", "Watch a network switch eras on a local chain, each step verified"),
    "status": ("era_service.cli.status:status", "Show the current and the upcoming era, what is trusted and why"),
    "era": ("era_service.cli.command_groups:era", "Create keys and datums, as Mithril's aggregator does"),
    "protocol-configuration": (
        "era_service.cli.protocol_configuration:protocol_configuration",
        "Export and import protocol configurations, as Mithril's aggregator does",
    ),
    "datum": ("era_service.cli.datum:datum", "Verify and decode the datums of era markers, without a chain"),
    "marker": ("era_service.cli.command_groups:marker", "Publish era markers, and show the published ones"),
    "tx": ("era_service.cli.tx:tx", "Build, sign and submit a marker transaction, on separate machines if needed"),
    "adoption": (
        "era_service.cli.command_groups:adoption",
        "See which share of the stake is ready for an era, before it is activated",
    ),
    "rollout": (
        "era_service.cli.command_groups:rollout",
        "Plan a rollout in a file, follow its progress, and do it step by step",
    ),
    "serve": ("era_service.cli.serve:serve", "Serve the eras over HTTP: to nodes, to dashboards, to caches"),
    "watch": (
        "era_service.cli.watch:watch",
        "Watch the era of a node: warn in time, run hooks, switch binaries, and end when the node must stop",
    ),
    "sync": (
        "era_service.cli.sync:sync",
        "Copy the verified marker history from a leader, so that this machine can serve it without a chain provider",
    ),
    "events": (
        "era_service.cli.command_groups:events",
        "Show, check and move the event log: every input, and every decision",
    ),
    "webhooks": (
        "era_service.cli.webhooks:webhooks",
        "Create secrets for webhooks of the service, test them, and list what waits and what failed",
    ),
    "token": ("era_service.cli.token:token", "Create, list and revoke the API tokens of the service"),
    "db": ("era_service.cli.db:db", "Maintain the store of what is trusted and of events"),
    "rehearse": (
        "era_service.cli.rehearse:rehearse",
        "Rehearse a rollout with thousands of nodes, by the rules of a real chain",
    ),
    "local-chain": ("era_service.cli.local_chain:local_chain", "Run and control a rehearsal chain in one file"),
    "keys": ("era_service.cli.keys:keys", "Create and import keys, and show their public parts"),
    "config": ("era_service.cli.config:config", "Show and check the configuration, and list its settings"),
    "doctor": (
        "era_service.cli.doctor:doctor",
        "Check what could go wrong in a rollout, and show what to do about it",
    ),
    "completion": (
        "era_service.cli.app:completion",
        "Print a script that completes eraswitch's commands in SHELL",
    ),
}
"""Name → where the command is, and its line in the help of the group, in the order of that help."""

PARTS = dict.fromkeys(("status", "watch", "era", "datum", "config"), "watch") | {
    "serve": "service",
    "webhooks": "service",
}
"""Name → the part of eraswitch that the command needs; for all others it is ``tools``."""


class RootGroup(LazyGroup):
    """Turns every way it can end into an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; the exit code is returned, or with ``standalone_mode`` handed to the shell."""
        arguments = list(sys.argv[1:] if args is None else args)
        app = AppContext()

        def run() -> Any:
            return super(RootGroup, self).main(
                arguments, prog_name or "eraswitch", complete_var, standalone_mode=False, obj=app, **extra
            )

        code = run_guarded(
            run,
            json="--json" in arguments,
            debug=lambda: app.debug or "--debug" in arguments,
            part=lambda: next((PARTS.get(one, "tools") for one in arguments if one in COMMANDS), None),
        )
        if standalone_mode:
            sys.exit(code)
        return code


@click.group(
    "eraswitch",
    cls=RootGroup,
    lazy=COMMANDS,
    params=global_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="eraswitch", message="%(prog)s %(version)s")
def cli() -> None:
    """Era switches for decentralised networks on Cardano: signed on-chain markers, one epoch, no coordinator."""


@click.command(cls=SectionedCommand, example="eraswitch completion bash")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes eraswitch's commands in SHELL.

    For bash: eraswitch completion bash > ~/.local/share/bash-completion/completions/eraswitch
    """
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"click has no completion for {shell}")
    root = context.find_root().command
    click.echo(script(root, {}, "eraswitch", "_ERASWITCH_COMPLETE").source())

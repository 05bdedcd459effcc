"""The root of the command line: the commands, loaded when they are called, and the global options.

The global options may stand before or after the command. Commands are click commands named in ``COMMANDS``; one
that takes the ``AppContext`` (``context.pass_app``) has the settings.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import click

from era_service.cli.shared.boundary import run_guarded
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.global_options import global_options
from era_service.cli.shared.groups import KnownGroup
from eras import __version__

COMMANDS = {
    "init": "era_service.cli.init:init",
    "demo": "era_service.cli.demo:demo",
    "status": "era_service.cli.status:status",
    "era": "era_service.cli.era:era",
    "protocol-configuration": "era_service.cli.protocol_configuration:protocol_configuration",
    "datum": "era_service.cli.datum:datum",
    "marker": "era_service.cli.marker.group:marker",
    "tx": "era_service.cli.tx:tx",
    "adoption": "era_service.cli.adoption.group:adoption",
    "rollout": "era_service.cli.rollout.group:rollout",
    "serve": "era_service.cli.serve:serve",
    "watch": "era_service.cli.watch:watch",
    "sync": "era_service.cli.sync:sync",
    "events": "era_service.cli.events.group:events",
    "webhooks": "era_service.cli.webhooks:webhooks",
    "token": "era_service.cli.token:token",
    "db": "era_service.cli.db:db",
    "rehearse": "era_service.cli.rehearse:rehearse",
    "local-chain": "era_service.cli.local_chain:local_chain",
    "keys": "era_service.cli.keys:keys",
    "config": "era_service.cli.config:config",
    "doctor": "era_service.cli.doctor:doctor",
    "completion": "era_service.cli.completion:completion",
}
"""Name → where the command is, in the order in which help lists them."""

PARTS = dict.fromkeys(("status", "watch", "era", "datum", "config"), "watch") | {
    "serve": "service",
    "webhooks": "service",
}
"""Name → the part of eraswitch that the command needs; for all others it is ``tools``."""


class RootGroup(KnownGroup):
    """Loads a command when it is called, and turns every way it can end into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, with the global options added to it and to what is below it."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            module, _, attribute = COMMANDS[cmd_name].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            for leaf in _leaves(command):
                leaf.params.extend(global_options(hidden=True))
            self.add_command(command, cmd_name)
        return super().get_command(ctx, cmd_name)

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


def _leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _leaves(below)
    else:
        yield command


@click.group(
    "eraswitch",
    cls=RootGroup,
    params=global_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="eraswitch", message="%(prog)s %(version)s")
def cli() -> None:
    """Era switches for decentralised networks on Cardano: signed on-chain markers, one epoch, no coordinator."""

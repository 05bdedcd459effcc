"""A group whose sub-commands are imported when they are called, each from a module of its own.

In: name → ``module:attribute``. Out: a click group; its commands take the global options like all others.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from era_service.cli.shared.commands import SectionedCommand
from era_service.cli.shared.global_options import global_options


class KnownGroup(click.Group):
    """A group that suggests the command which was meant, even one that is not loaded yet, and lists them in words."""

    command_class = SectionedCommand

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List each command with its whole first sentence; click would cut it off at the end of the line."""
        listed = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, command.get_short_help_str(limit=formatter.width * 4).removesuffix("."))
            for name, command in listed
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that ``args`` begin with; another name than those listed is a usage error."""
        name = args[0]
        if self.get_command(ctx, name) is None and name[:1] != "-" and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(name, self.list_commands(ctx), n=1)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


class LazyGroup(KnownGroup):
    """Loads a sub-command when it is called.

    Args:
        lazy: name → ``module:attribute``, in the order in which help lists them.
        attributes: those of a click group.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return [*self._lazy, *(name for name in super().list_commands(ctx) if name not in self._lazy)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, with the global options added to it."""
        if cmd_name in self._lazy and cmd_name not in self.commands:
            module, _, attribute = self._lazy[cmd_name].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            command.params.extend(global_options(hidden=True))
            self.add_command(command, cmd_name)
        return super().get_command(ctx, cmd_name)

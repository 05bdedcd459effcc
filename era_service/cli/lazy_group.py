"""A group whose sub-commands are imported when they are called, each from a module of its own.

In: name → ``module:attribute``. Out: a click group; its commands take the global options like all others.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
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
            from era_service.cli.app import global_options

            module, _, attribute = self._lazy[cmd_name].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            command.params.extend(global_options(hidden=True))
            self.add_command(command, cmd_name)
        return super().get_command(ctx, cmd_name)

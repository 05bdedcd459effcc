"""Groups that suggest the command which was meant, and groups whose commands are loaded when they are called.

In: name → (module, its line in the help of the group). Out: a click group; its commands take the global options like
all others, before or after its name; their values are kept in the ``AppContext``. A module of a command is imported
when that command is called, never for the help of its group.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from era_service.cli.shared.commands import HelpContext, SectionedCommand
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.passphrases import passphrase_options
from eras.nearest import nearest


class KnownGroup(click.Group):
    """A group that suggests the command which was meant, and lists its commands in words."""

    command_class = SectionedCommand
    context_class = HelpContext

    def summary(self, ctx: click.Context, name: str) -> str:
        """The whole first sentence of a command's help; click would cut it off at the end of the line."""
        command = self.get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(limit=1_000).removesuffix(".")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List each command with its summary."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.summary(ctx, name)) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin with ``incomplete``, each with its summary, or what click completes beside them."""
        named = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=self.summary(ctx, name)) for name in named]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that ``args`` begin with; another name than those listed is a usage error."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is not None:
            return name, command, args[1:]
        if name[:1] != "-" and not ctx.resilient_parsing:
            near = nearest(name, self.list_commands(ctx))
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {near!r}?" if near else ""))
        return super().resolve_command(ctx, args)


class LazyGroup(KnownGroup):
    """Loads a command when it is called.

    Args:
        lazy: name → (module, summary), in the order in which help lists them. The command is the object of that name
            in the module, or the one named after a colon.
        package: the package that a module with a dot in front is in; by default the one with the group's name.
        attributes: those of a click group.
    """

    def __init__(
        self, *args: Any, lazy: Mapping[str, tuple[str, str]], package: str | None = None, **attributes: Any
    ) -> None:
        super().__init__(*args, **attributes)
        self.lazy = lazy
        self._package = package or f"era_service.cli.{self.name}"

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return [*self.lazy]

    def summary(self, ctx: click.Context, name: str) -> str:
        """The summary of a command, which is not loaded for it."""
        return self.lazy[name][1]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, with the global options added to it and to what is below it."""
        if cmd_name in self.lazy and cmd_name not in self.commands:
            module, _, attribute = self.lazy[cmd_name][0].partition(":")
            named = attribute or cmd_name.replace("-", "_")
            command: click.Command = getattr(import_module(module, self._package), named)
            for leaf in _leaves(command):
                leaf.params.extend(global_options(hidden=True))
            self.add_command(command, cmd_name)
        return super().get_command(ctx, cmd_name)


def _leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _leaves(below)
    else:
        yield command


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep a global option where it was given; the one nearest to the command wins."""
    if value is not None and parameter.name is not None:
        setattr(context.ensure_object(AppContext), parameter.name, value)


def _complete_network(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from era_service.config.networks import NETWORKS, SHORT_NAMES

    return [CompletionItem(name) for name in (*NETWORKS, *SHORT_NAMES) if name.startswith(incomplete)]


def global_options(*, hidden: bool = False) -> list[click.Option]:
    """The options that every command takes; ``hidden`` where help should not repeat them."""
    shared: dict[str, Any] = {"callback": _remember, "expose_value": False, "hidden": hidden}
    return [
        click.Option(["--config"], metavar="FILE", help="Configuration file (TOML).", type=click.Path(), **shared),
        click.Option(
            ["--network"],
            metavar="NAME",
            shell_complete=_complete_network,
            **shared,
            help="Use the address and key of this network: mainnet, preprod, preview, …",
        ),
        click.Option(
            ["--log-level"],
            type=click.Choice(["debug", "info", "warning", "error", "critical"]),
            **shared,
            help="Log at or above this severity, on stderr.",
        ),
        click.Option(
            ["--log-format"],
            type=click.Choice(["auto", "text", "json"]),
            **shared,
            help="Format of log lines; auto: text on a terminal, JSON otherwise.",
        ),
        *passphrase_options(**shared),
        click.Option(["--debug"], is_flag=True, default=None, help="Show tracebacks.", **shared),
    ]

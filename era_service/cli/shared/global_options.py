"""The options that every command takes, before or after its name; their values are kept in the ``AppContext``."""

from typing import Any

import click
from click.shell_completion import CompletionItem

from era_service.cli.shared.context import AppContext
from era_service.cli.shared.passphrases import passphrase_options


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

"""``eraswitch completion``: the script that makes a shell complete our commands, by click's own mechanism."""

import click
from click.shell_completion import get_completion_class

from era_service.cli.shared.commands import SectionedCommand


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

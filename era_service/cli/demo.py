"""``eraswitch demo``: the whole story on the local chain, with three versions of a node."""

import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from era_service.cli.shared.commands import command
from era_service.demo.presenters import JsonPresenter, PlainPresenter, Presenter
from era_service.demo.rich_presenter import RichPresenter


@command(example="eraswitch demo --keep tour")
@click.option("--json", "as_json", is_flag=True, help="Write events, one JSON object a line.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Leave the chain, the keys and a configuration in DIR, which must be empty or absent.",
)
def demo(*, as_json: bool, keep: Path | None) -> int:
    """Watch a network switch eras on a local chain, each step verified.

    Six nodes on three distributions, a release team and an attacker. Everything runs on this machine, in a temporary
    folder. The exit code is 0 only if every step was verified.
    """
    from era_service.demo.stage import CHAIN_FILE, CONFIGURATION_FILE, Stage
    from era_service.demo.story import Story

    with (
        TemporaryDirectory(prefix="eraswitch-demo-") if keep is None else nullcontext(str(keep)) as folder,
        Stage(Path(folder)) as stage,
        _presenter(as_json=as_json) as presenter,
    ):
        verified = Story(stage, presenter).tell()
    if keep is not None:
        look = f"eraswitch local-chain show {shlex.quote(str(keep / CHAIN_FILE))} --address {stage.era_address}"
        click.echo(f"Look at the chain: {look}", err=as_json)
        ask = f"eraswitch --config {shlex.quote(str(keep / CONFIGURATION_FILE))} status"
        click.echo(f"Read it as a node: {ask}", err=as_json)
    return 0 if verified else 1


def _presenter(*, as_json: bool) -> Presenter:
    if as_json:
        return JsonPresenter(sys.stdout)
    if sys.stdout.isatty():
        return RichPresenter()

    return PlainPresenter(sys.stdout)

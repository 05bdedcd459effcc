"""``eraswitch adoption watch``: the adoption live in the terminal, until Ctrl-C."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.adoption.options import (
    base_of,
    base_option,
    compatibility_option,
    from_option,
    settings_of,
    store_option,
)
from era_service.cli.shared.context import AppContext, pass_app

if TYPE_CHECKING:
    from rich.console import RenderableType

    from era_store import RegistrationRepository
    from eras import Epoch
    from release_tools import AdoptionRules


@click.command()
@click.option("--era", "eras", multiple=True, metavar="ERA", help="Count this era; by default all of the table.")
@click.option(
    "--interval",
    "interval_s",
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    help="How often to look.",
)
@click.option("--last", default=5, show_default=True, type=click.IntRange(min=1), help="Epochs to show.")
@click.option(
    "--limit", default=10, show_default=True, type=click.IntRange(min=0), help="Parties that a list names at most."
)
@base_option
@from_option
@store_option
@compatibility_option
@pass_app
def watch(
    app: AppContext,
    *,
    eras: tuple[str, ...],
    interval_s: float,
    last: int,
    limit: int,
    base_name: str | None,
    files: tuple[str, ...],
    store: str | None,
    compatibility_file: Path | None,
) -> None:
    """Show the adoption live, as registrations come in. Ctrl-C ends it.

    On a terminal one display is kept up to date; into a pipe or a file each change is printed.
    """
    from dataclasses import replace

    from era_service.wiring.adoption import (
        adoption_rules,
        compatibility_of,
        current_epoch_of,
        open_registrations,
        read_files,
    )
    from release_tools.adoption.summary import require_told

    settings = settings_of(app, store)
    compatibility = compatibility_of(settings, compatibility_file)
    rules = replace(adoption_rules(settings), limit=limit)
    options = {
        "compatibility": compatibility,
        "eras": eras or None,
        "base": base_of(settings, base_name),
        "rules": rules,
    }
    with suppress(KeyboardInterrupt), open_registrations(settings, files) as repository, _display() as show:
        for era in eras:
            require_told(repository, era, compatibility, repository.epochs())

        def refresh() -> "Epoch | None":
            current = current_epoch_of(settings)
            read_files(repository, files, current, settings.network.magic)
            return current

        for view in _views(repository, refresh, last, rules, options):
            if view is not None:
                show(view)
            time.sleep(interval_s)


def _views(
    repository: "RegistrationRepository",
    refresh: "Callable[[], Epoch | None]",
    last: int,
    rules: "AdoptionRules",
    options: Mapping[str, Any],
) -> "Iterator[RenderableType | None]":
    """What to show, whenever it is asked for; ``None`` where nothing has changed since."""
    from rich.text import Text

    from era_service.cli.adoption.view import adoption_view
    from release_tools import summarise_last
    from release_tools.adoption.summary import newest_begun

    shown: object = None
    while True:
        current = refresh()
        known = repository.epochs()
        begun = newest_begun(known, current)
        epochs = [one for one in known if begun is None or one <= begun][:last]
        now = [(one, repository.tally(one), repository.network_stake(rules.stake_epoch(one))) for one in epochs]
        if now == shown:
            yield None
            continue
        shown = now
        if epochs:
            yield adoption_view(summarise_last(repository, last, last=begun, **options))
        else:
            yield Text("No registrations yet")


@contextmanager
def _display() -> "Iterator[Callable[[RenderableType], None]]":
    """What shows something: a live display on a terminal, elsewhere one print after the other."""
    from rich.live import Live

    from era_service.cli.adoption.view import console

    out = console()
    if not out.is_terminal:
        yield out.print
        return
    with Live(console=out, auto_refresh=False) as live:
        yield lambda view: live.update(view, refresh=True)

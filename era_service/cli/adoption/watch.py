"""``eraswitch adoption watch``: the adoption live in the terminal, until Ctrl-C."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from era_service.cli.adoption.options import BaseOptions, ReadinessOptions, eras_option, limit_option
from era_service.cli.adoption.view import adoption_view, console
from era_service.cli.shared.arguments import POSITIVE, Seconds
from era_service.cli.shared.commands import command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.wiring.adoption import (
    adoption_rules,
    compatibility_of,
    current_epoch_of,
    open_registrations,
    read_files,
)
from eras import Epoch
from release_tools import AdoptionRules
from release_tools.adoption.summary import newest_begun, require_told, summarise_last

if TYPE_CHECKING:
    from era_store import SqlRegistrations


@option_group()
class WatchOptions(BaseOptions):
    """The eras to count, how much is shown, and how often."""

    eras: tuple[str, ...] = eras_option()
    interval_s: float = option(
        "--interval", default=5.0, metavar="SECONDS", type=Seconds(min=0.1), help="How often to look."
    )
    last: int = option("--last", metavar="N", default=5, type=POSITIVE, help="Epochs to show.")
    limit: int = limit_option()


@command(example="eraswitch adoption watch --era pythagoras --store eraswitch.sqlite3")
def watch(app: AppContext, *, shown: WatchOptions, data: ReadinessOptions) -> None:
    """Show the adoption live, as registrations arrive. Ctrl-C ends it.

    A terminal shows one display that is kept up to date; a pipe or a file gets each change.
    """
    settings = data.settings(app)
    compatibility = compatibility_of(settings, data.compatibility_file)
    rules = replace(adoption_rules(settings), limit=shown.limit)
    options = {"compatibility": compatibility, "eras": shown.eras or None, "base": shown.base(settings), "rules": rules}
    with suppress(KeyboardInterrupt), open_registrations(settings, data.files) as repository, _display() as show:
        for era in shown.eras:
            require_told(repository, era, compatibility, repository.epochs())

        def refresh() -> Epoch | None:
            current = current_epoch_of(settings)
            read_files(repository, data.files, current, settings.network.magic)
            return current

        for view in _views(repository, refresh, shown.last, rules, options):
            if view is not None:
                show(view)
            time.sleep(shown.interval_s)


def _views(
    repository: "SqlRegistrations",
    refresh: Callable[[], Epoch | None],
    last: int,
    rules: AdoptionRules,
    options: Mapping[str, Any],
) -> Iterator[RenderableType | None]:
    """The view, each time it is requested; ``None`` if nothing has changed since."""
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
def _display() -> Iterator[Callable[[RenderableType], None]]:
    """A display: live on a terminal, otherwise one view below the other."""
    out = console()
    if not out.is_terminal:
        yield out.print
        return
    with Live(console=out, auto_refresh=False) as live:
        yield lambda view: live.update(view, refresh=True)

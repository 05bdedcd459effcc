"""``eraswitch events cat``: the events, as they are or as they come."""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice

import click

from chain_reader.node.inputs import KIND_OF_INPUT
from chain_reader.node.kinds import DecisionKind
from era_service.cli.events.place import StoreLog, event_facts, event_words, opened_log, place_argument
from era_service.cli.shared.arguments import NATURAL, POSITIVE, store_option
from era_service.cli.shared.commands import command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, printable
from era_store import EventFilter, LogLine
from eras import MAX_EPOCH, Epoch
from eras.nearest import nearest

FOLLOW_WAIT_S = 5.0
"""Seconds after which the store is read again, even without a notice."""


def _epochs(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[Epoch | None, Epoch | None]:
    """The first and the last epoch of ``N``, ``N..M``, ``N..`` or ``..M``."""
    if value is None:
        return None, None
    first, dots, last = value.partition("..")
    try:
        low = Epoch(int(first)) if first else None
        high = Epoch(int(last)) if last else (None if dots else low)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not an epoch, nor a range such as 5..9") from None
    if any(end is not None and not 0 <= end <= MAX_EPOCH for end in (low, high)):
        raise click.BadParameter(f"{value!r} is not an epoch")
    return low, high


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """POSIX time, in seconds, of ISO 8601 (UTC unless it names a zone), or of POSIX seconds."""
    if value is None:
        return None
    with contextlib.suppress(ValueError):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a time, such as 2026-05-01T12:00 or 1777636800") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@option_group()
class FilterOptions:
    """The events to print."""

    kinds: tuple[str, ...] = option("--kind", metavar="KIND", help="Only of this kind.")
    roles: tuple[str, ...] = option(
        "--role", type=click.Choice(["input", "decision", "snapshot"]), help="Only of this role."
    )
    verdicts: tuple[str, ...] = option("--verdict", metavar="NAME", help="Only those that have this verdict.")
    epochs: tuple[Epoch | None, Epoch | None] = option(
        "--epoch", callback=_epochs, metavar="N[..M]", help="Only of these epochs."
    )
    since: float | None = option(
        "--since", callback=_moment, metavar="TIME", help="Only from this time on (ISO 8601 or POSIX seconds)."
    )
    until: float | None = option("--until", callback=_moment, metavar="TIME", help="Only before this time.")
    after: int = option("--after", type=NATURAL, default=0, metavar="ID", help="Only after this event.")
    limit: int | None = option("--limit", type=POSITIVE, metavar="N", help="How many to print at most.")
    last: int | None = option("--last", type=POSITIVE, metavar="N", help="Only the last N of them.")
    follow: bool = option("--follow", "-f", help="Follow new events, until Ctrl-C.")


@command(example="eraswitch events cat --kind activated --last 20")
@place_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one event a line.")
@store_option
def cat(app: AppContext, /, *, place: str | None, which: FilterOptions, store: str | None, as_json: bool) -> None:
    """Print the events of the store or of FILE, oldest first. Inputs are marked with >, snapshots with =."""
    only = EventFilter(which.kinds, which.roles, which.verdicts, *which.epochs, which.since, which.until)
    _warn_of_unknown(which.kinds)
    with opened_log(app, place, store=store) as log:
        if which.follow and not isinstance(log, StoreLog):
            raise click.UsageError("--follow needs a store: a file does not grow")
        if which.follow and isinstance(log, StoreLog):
            lines = _following(log, only, which.after, which.last)
        else:
            found = log.lines(after=which.after, only=only)
            lines = found if which.last is None else iter(deque(found, maxlen=which.last))
        for line in islice(lines, which.limit):
            if as_json:
                echo_json(event_facts(line.event, line.hash))
            else:
                click.echo(event_words(line.event))


def _warn_of_unknown(kinds: tuple[str, ...]) -> None:
    """Warn of a kind that this version does not write: a newer version may, but it is more likely a slip."""
    known = [kind.value for kind in DecisionKind] + [*KIND_OF_INPUT.values()]
    for kind in kinds:
        near = nearest(kind, known, cutoff=0.75)
        if near and kind not in known:
            click.echo(printable(f"This version has no kind {kind!r}; did you mean {near!r}?"), err=True)


def _following(log: StoreLog, only: EventFilter, after: int, last: int | None) -> Iterator[LogLine]:
    """The existing events (only the ``last`` N of them), and then the new ones."""
    with closing(log.store.notices()) as notices:
        while True:
            end = log.head().last_id  # later events are read again
            lines: Iterable[LogLine] = log.lines(after=after, only=only)
            if last is not None:
                lines, last = deque(lines, maxlen=last), None
            for line in lines:
                after = max(after, line.event.id)
                yield line
            after = max(after, end)
            notices.wait(FOLLOW_WAIT_S)

"""Reading registrations, as it is shown to people: what a source is called, and a progress bar.

In: the name of a source, and summaries of what was read so far. Out: words, and a bar on standard error where somebody
is there to see it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from eras.words import visible
from release_tools.registrations.ingesting import IngestSummary

_KINDS = {"aggregator": "aggregator", "csv": "CSV", "lines": "JSON lines", "mithril": "event store of an aggregator"}


def source_words(name: str) -> str:
    """The name for people of the source ``name`` of a store (``csv:/a/file``): its place, and its kind."""
    kind, _, place = name.partition(":")
    return visible(f"{place} ({_KINDS[kind]})" if kind in _KINDS else name)


@contextmanager
def ingest_progress(words: str, *, quiet: bool) -> Iterator[Callable[[IngestSummary], None] | None]:
    """A progress bar for an ingest, to be called after each batch; ``None`` where nobody is there to see it.

    Args:
        words: what is read.
        quiet: whether to show nothing all the same.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(words, total=None)

        def told(summary: IngestSummary) -> None:
            counts = (
                f"{summary.accepted:,} accepted, {summary.repeated:,} repeated, {summary.rejected.total():,} rejected"
            )
            bar.update(task, completed=summary.position, total=summary.total, description=counts)

        yield told

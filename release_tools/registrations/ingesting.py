"""Reads registrations from a source into a store, batch by batch, continuing where the last run stopped.

In: a source and a repository. Out: a summary. Each batch is added together with its cursor in one transaction, and only
one batch is in memory: an ingest that is killed, or ends in an error, leaves complete batches, and the next one
continues after them.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eras import Epoch, EraSwitchError
from release_tools.registrations.judging import with_epoch
from release_tools.registrations.source import RegistrationSource

if TYPE_CHECKING:
    from era_store import SqlRegistrations

BATCH_ROWS = 50_000


@dataclass(slots=True)
class IngestSummary:
    """The result of a source, so far.

    Attributes:
        source: its name.
        dry_run: whether nothing was written; then ``accepted`` counts what would be.
        accepted: new registrations.
        repeated: registrations that the store already had.
        rejected: the number of refused entries, by reason.
        notes: the number of entries that count despite a fault, by fault.
        position: the part of ``total`` that is read.
        total: the size of the source in its own unit, if it is known.
    """

    source: str
    dry_run: bool = False
    accepted: int = 0
    repeated: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    position: int = 0
    total: int | None = None

    def to_dict(self) -> dict[str, object]:
        """The summary as JSON-ready facts."""
        return {
            "source": self.source,
            "dry_run": self.dry_run,
            "accepted": self.accepted,
            "repeated": self.repeated,
            "rejected": self.rejected.total(),
            "reasons": dict(sorted(self.rejected.items())),
            "notes": dict(sorted(self.notes.items())),
        }


def ingest(
    source: RegistrationSource,
    repository: "SqlRegistrations",
    *,
    batch_rows: int = BATCH_ROWS,
    dry_run: bool = False,
    clock: Callable[[], float] = time.time,
    progress: Callable[[IngestSummary], None] | None = None,
) -> IngestSummary:
    """Read a source to its end into a repository.

    Args:
        source: the source.
        repository: receives the registrations.
        batch_rows: the number of rows in a batch.
        dry_run: whether to read and judge everything but add nothing.
        clock: returns the POSIX time that is stored with each batch.
        progress: called after each batch with the summary so far.

    Raises:
        ChainReadError: the source could not be read further.
        StoreError: a batch could not be added.

    Batches before an error are kept; its fact ``ingested`` is the summary of them.
    """
    summary = IngestSummary(source.name, dry_run, notes=source.notes)
    near: Epoch | None = None
    try:
        summary.total = source.total
        for batch in source.batches(repository.cursor(source.name), batch_rows):
            near = max((row.epoch for row in batch.rows), default=near)
            if dry_run:
                summary.accepted += len(batch.rows)
            else:
                rejects = with_epoch(batch.rejects, near)
                result = repository.ingest(batch.rows, rejects, source=source.name, cursor=batch.cursor, time_s=clock())
                summary.accepted += result.accepted
                summary.repeated += result.repeated
            summary.rejected.update(reject.reason for reject in batch.rejects)
            summary.position = batch.position
            if progress is not None:
                progress(summary)
    except EraSwitchError as error:
        error.facts["ingested"] = summary.to_dict()
        raise
    return summary

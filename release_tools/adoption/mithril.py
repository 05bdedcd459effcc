"""Adoption as Mithril's own summary view prints it, to the letter, so that a release team can compare.

In: the store's registrations. Out: rows, newest epoch first and versions in descending order of their text, as
``signer_registration_summary`` of Mithril's aggregator has them. Its one weakness is not copied: where a party
registered more than once in an epoch, the view takes a registration by chance, and here the newest counts.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

from eras import Epoch

if TYPE_CHECKING:
    from era_store import SqlRegistrations

COLUMNS = ("epoch", "version", "total_epoch_stakes", "stakes_version", "stakes_ratio", "pool_count")


class MithrilRow(TypedDict):
    """A row of the view."""

    epoch: int
    version: str | None
    total_epoch_stakes: int
    stakes_version: int
    stakes_ratio: str
    pool_count: int


def mithril_rows(repository: "SqlRegistrations", epochs: Sequence[Epoch] | None = None) -> Iterator[MithrilRow]:
    """The rows of some epochs, by default of all.

    Raises:
        StoreError: the registrations cannot be read.
    """
    for epoch in repository.epochs() if epochs is None else epochs:
        tallies = repository.tally(epoch)
        total = sum(tally.stake for tally in tallies)
        for tally in sorted(tallies, key=lambda tally: (tally.release is not None, tally.release or ""), reverse=True):
            yield {
                "epoch": epoch,
                "version": tally.release,
                "total_epoch_stakes": total,
                "stakes_version": tally.stake,
                "stakes_ratio": _ratio(tally.stake, total),
                "pool_count": tally.parties,
            }


def _ratio(stake: int, total: int) -> str:
    """``printf('%02d %%', round(…))`` of SQLite: in floating point, and a half is rounded away from zero."""
    percent = int(stake * 100 / float(total) + 0.5) if total else 0
    return f"{percent:02d} %"

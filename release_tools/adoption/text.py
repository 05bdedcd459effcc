"""Adoption as Markdown for a release page and CSV for a spreadsheet.

In: summaries of epochs. Out: text. Versions and party ids come from untrusted nodes, so their markup is escaped in
Markdown, and none of them can begin a formula in CSV.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

from eras import Epoch
from eras.words import about_ada, counted, sheet_cell, visible
from release_tools.adoption.parties import ChangeGroup
from release_tools.adoption.shares import Base, Share, parties_words
from release_tools.adoption.summary import EpochAdoption, EraShares

if TYPE_CHECKING:
    from era_store import SqlRegistrations

CSV_COLUMNS = (
    "epoch",
    "version",
    "known",
    "parties",
    "stake",
    "registered_stake",
    "share",
    "network_share",
    "supports",
)
MITHRIL_COLUMNS = ("epoch", "version", "total_epoch_stakes", "stakes_version", "stakes_ratio", "pool_count")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows below a header as CSV (RFC 4180); cells that a spreadsheet would take for formulas are text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def adoption_csv(adoptions: Sequence[EpochAdoption]) -> str:
    """Return CSV with one row for each epoch and version."""
    return csv_text(
        CSV_COLUMNS,
        (
            (
                one.epoch,
                row.release or "",
                "yes" if row.is_known else "no",
                row.parties,
                row.stake,
                one.registered_stake,
                f"{float(row.share.fraction):.6f}",
                "" if row.network_share is None else f"{float(row.network_share.fraction):.6f}",
                " ".join(row.supports),
            )
            for one in adoptions
            for row in one.versions
        ),
    )


def adoption_markdown(adoptions: Sequence[EpochAdoption]) -> str:
    """Return Markdown with the newest epoch in full and the earlier ones as a table."""
    if not adoptions:
        return ""
    newest, *earlier = adoptions
    lines = [f"## Adoption in epoch {newest.epoch}", ""]
    lines.append(
        f"{parties_words(newest.parties)} registered {about_ada(newest.registered_stake)}{_of_network(newest)}."
    )
    lines += [f"\n> **{_plain(alarm.kind)}**: {_plain(alarm.words)}" for alarm in newest.alarms]
    lines += ["", *_versions(newest)]
    if newest.eras:
        lines += ["", *_eras(newest)]
    for era in newest.eras:
        lines += _not_ready(era)
    if newest.changes is not None:
        listed = ", ".join(f"{_group(group)} {name}" for name, group in newest.changes.groups)
        lines += ["", f"Since epoch {newest.changes.since}: {listed}."]
    if earlier and newest.eras:
        lines += ["", "### Epoch by epoch", "", *_history(adoptions)]
    return "\n".join(lines) + "\n"


def _versions(adoption: EpochAdoption) -> Iterator[str]:
    network = adoption.network_stake is not None
    yield "| version | stake | registered |" + (" network |" if network else "") + " parties | supports |"
    yield "|---|--:|--:|" + ("--:|" if network else "") + "--:|---|"
    for row, registered in zip(adoption.versions, adoption.version_shares, strict=True):
        name = _plain(row.release or "none given") + ("" if row.is_known else " (unknown)")
        supports = (*row.supports, *(f"{era} in part" for era in row.in_part))
        share = f"{registered} |" + (f" {row.network_share} |" if network else "")
        yield f"| {name} | {about_ada(row.stake)} | {share} {row.parties} | {_plain(', '.join(supports))} |"


def _eras(adoption: EpochAdoption) -> Iterator[str]:
    yield f"| era | needs | registered | network | newest of {counted(adoption.recent_epochs, 'epoch')} |"
    yield "|---|---|--:|--:|--:|"
    for era in adoption.eras:
        shares = " | ".join(_share(era.known(base)) for base in Base)
        yield f"| {_plain(era.era)} | {_plain(era.minimum or 'not stated')} | {shares} |"


def _not_ready(era: EraShares) -> Iterator[str]:
    if era.not_ready:
        yield ""
        yield f"The largest parties not ready for {_plain(era.era)}:"
        yield ""
        yield "| party | stake | version |"
        yield "|---|--:|---|"
        for party in era.not_ready:
            yield f"| {_plain(party.name)} | {about_ada(party.stake)} | {_plain(party.version or 'none given')} |"


def _history(adoptions: Sequence[EpochAdoption]) -> Iterator[str]:
    eras = [era.era for era in adoptions[0].eras]
    yield f"| epoch | registered | {' | '.join(map(_plain, eras))} |"
    yield "|--:|--:|" + "--:|" * len(eras)
    for one in adoptions:
        shares = " | ".join(_share(era.known(Base.REGISTERED)) for era in one.eras)
        yield f"| {one.epoch} | {about_ada(one.registered_stake)} | {shares} |"


def _of_network(adoption: EpochAdoption) -> str:
    if adoption.network_stake is None:
        return "; the stake of the whole network is not known"
    return f", {Share(adoption.registered_stake, adoption.network_stake)} of the whole network's"


def _group(group: ChangeGroup) -> str:
    return f"{group.parties}" + (f" ({about_ada(group.stake)})" if group.parties else "")


def _share(share: Share | None) -> str:
    return "not known" if share is None else share.words


class MithrilRow(TypedDict):
    """A row of Mithril's ``signer_registration_summary``."""

    epoch: int
    version: str | None
    total_epoch_stakes: int
    stakes_version: int
    stakes_ratio: str
    pool_count: int


def mithril_rows(repository: "SqlRegistrations", epochs: Sequence[Epoch] | None = None) -> Iterator[MithrilRow]:
    """Yield the rows of Mithril's own ``signer_registration_summary``, so that a release team can compare.

    Newest epoch first, versions in descending order of their text. One fault is not copied: if a party registered more
    than once in an epoch, the view takes any of its registrations, and here the newest counts.

    Args:
        repository: the registrations.
        epochs: the epochs; by default all.

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


def _plain(text: str) -> str:
    """Escape markup, and show what would end the line."""
    return _MARKUP.sub(r"\\\1", visible(text))


def _cell(value: object) -> object:
    return sheet_cell(value) if isinstance(value, str) else value

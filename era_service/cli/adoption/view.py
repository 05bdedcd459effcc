"""Adoption at a terminal: tables of versions, eras and parties, and alarms.

In: summaries of epochs. Out: what ``rich`` prints, once or live.
"""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from era_service.cli.shared.output import printable
from eras.words import about_ada
from release_tools import EpochAdoption
from release_tools.adoption.parties import PartyChanges
from release_tools.adoption.shares import Base, Share, parties_words
from release_tools.adoption.summary import EraShares, VersionRow

_BAR_CELLS = 20
_PLAIN_WIDTH = 120
"""The width of output to a file or a pipe, which does not depend on a terminal."""

_ELASTIC = ("needs", "supports", "")
"""The columns that give way on a narrow terminal: figures and versions are never cut. The bars have no heading."""


def console() -> Console:
    """Standard output."""
    found = Console(highlight=False, markup=False, emoji=False)  # the text of nodes is never markup
    return found if found.is_terminal else Console(highlight=False, markup=False, emoji=False, width=_PLAIN_WIDTH)


def adoption_view(adoptions: Sequence[EpochAdoption]) -> RenderableType:
    """The newest epoch in full, and the ones before it as a table."""
    newest, *earlier = adoptions
    parts: list[RenderableType] = [_heading(newest), _versions(newest)]
    if newest.eras:
        parts.append(_eras(newest))
    parts += [part for era in newest.eras for part in _not_ready(era)]
    if newest.changes is not None:
        parts.append(_changes(newest.changes))
    if earlier:
        parts.append(_history(adoptions))
    parts += [Text(f"! {printable(alarm.words)}", style="bold yellow") for alarm in newest.alarms]
    return Group(*parts)


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Rows as a table; columns of numbers are set to the right."""
    numbers = [name for place, name in enumerate(columns) if all(isinstance(row[place], int) for row in rows)]
    table = _table(*columns, right=numbers)
    for row in rows:
        table.add_row(*("" if value is None else printable(f"{value}") for value in row))
    return table


def _heading(adoption: EpochAdoption) -> Text:
    network = "the network's stake is not known"
    if adoption.network_stake is not None:
        network = f"of {about_ada(adoption.network_stake)} in the whole network"
    return Text.assemble(
        (f"Epoch {adoption.epoch}", "bold"),
        f": {parties_words(adoption.parties)} registered {about_ada(adoption.registered_stake)}",
        (f"; {network}" if adoption.network_stake is None else f" {network}", "dim"),
    )


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column not in _ELASTIC)
    return table


def _versions(adoption: EpochAdoption) -> Table:
    shares = ("of registered", *(("of network",) if adoption.network_stake is not None else ()))
    table = _table("version", "stake", *shares, "parties", "supports", "", right=("stake", *shares, "parties"))
    for row, registered in zip(adoption.versions, adoption.version_shares, strict=True):
        table.add_row(
            _version(row),
            about_ada(row.stake),
            registered,
            *([] if row.network_share is None else [f"{row.network_share}"]),
            f"{row.parties}",
            ", ".join([*map(printable, row.supports), *(f"{printable(era)} in part" for era in row.in_part)]),
            _bar(row.share, "green" if row.supports else "yellow"),
        )
    return table


def _version(row: VersionRow) -> Text:
    name = printable(row.release) if row.release is not None else "none given"
    return Text(name) if row.is_known else Text(f"{name[:40]} (unknown)", style="yellow")


def _eras(adoption: EpochAdoption) -> Table:
    kinds = ("by capability", "by version") if any(era.registered.by_capability for era in adoption.eras) else ()
    columns = ("registered", *kinds, "network", "recent")
    table = _table("era", "needs", *columns, right=columns)
    for era in adoption.eras:
        apart = era.registered.apart_words if kinds else ()
        registered, network, recent = (_share(era.known(base), "not known") for base in Base)
        shown = (registered, *(one if era.told else "not known" for one in apart), network, recent)
        table.add_row(printable(era.era), era.minimum or "not stated", *shown)
    return table


def _not_ready(era: EraShares) -> Iterator[RenderableType]:
    if not era.not_ready:
        return
    yield Text(f"The largest parties not ready for {printable(era.era)}", style="bold")
    table = _table("party", "stake", "version", "epoch", right=("stake", "epoch"))
    for party in era.not_ready:
        version = "none given" if party.version is None else printable(party.version)[:40]
        table.add_row(printable(party.name)[:80], about_ada(party.stake), version, f"{party.epoch}")
    yield table


def _changes(changes: PartyChanges) -> Text:
    listed = ", ".join(
        f"{group.parties} {name}" + (f" ({about_ada(group.stake)})" if group.parties else "")
        for name, group in changes.groups
    )
    return Text(f"Since epoch {changes.since}: {listed}")


def _history(adoptions: Sequence[EpochAdoption]) -> Table:
    eras = [era.era for era in adoptions[0].eras]
    table = _table("epoch", "registered", "parties", *eras, right=("epoch", "registered", "parties", *eras))
    for one in adoptions:
        shares = (_share(era.known(Base.REGISTERED), "") for era in one.eras)
        table.add_row(f"{one.epoch}", about_ada(one.registered_stake), f"{one.parties}", *shares)
    return table


def _share(share: Share | None, otherwise: str) -> str:
    return otherwise if share is None else f"{share}"


def _bar(share: Share, style: str) -> Text:
    cells = round(_BAR_CELLS * float(share.fraction))
    return Text.assemble(("█" * cells, style), ("░" * (_BAR_CELLS - cells), "dim"), no_wrap=True, overflow="crop")

"""Computes the changes that a batch of registrations makes in the tallies of its epochs. Pure.

In: the rows of a batch, numbered in the order they arrived, and the newest of the same parties that are stored. Out:
the batch without repetitions within it, and for each epoch, release and capability how much stake and how many parties
come or go.

Of the rows that are stored only the newest of each party and epoch are asked for, with all that were seen at the same
moment: a row seen before them changes no tally, whether it is a repetition or not, and one seen after them is not one.

There are millions, so rows are plain tuples: naming their fields would double what an ingest takes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

from era_store.registrations import release_of

Row = tuple[int, int, float, int, str, int, int, int]
"""A registration as a store keeps it: epoch, party, precedence, stake, version, capability, arrival, source. The first
six are what makes two of them the same; arrival decides which of two of the same precedence is newer."""

Tallies = dict[tuple[int, str, int], tuple[int, int]]
"""Epoch, release and capability → lovelace and parties; of changes, those that come or, negative, go."""

_pair: Callable[[Row], tuple[int, int]] = itemgetter(0, 1)


def count(rows: Sequence[Row], standing: Sequence[Row]) -> tuple[Sequence[Row], Tallies]:
    """The rows of a batch that may be new, and the changes that they make.

    Args:
        rows: the batch, in the order it arrived.
        standing: the newest rows that are stored of every party and epoch in it, all that were seen at that moment.

    Returns:
        The batch without repetitions within it, of each the first; and the changes.
    """
    if not standing and len(set(map(_pair, rows))) == len(rows):  # mostly so: nothing to compare
        return rows, _changes(rows, ())
    firsts: dict[tuple[object, ...], Row] = {}
    for row in rows:
        firsts.setdefault(row[:6], row)
    kept = list(firsts.values())
    stored: dict[tuple[int, int], Row] = {}
    for row in standing:
        rival = stored.get(row[:2])
        if rival is None or row[6] > rival[6]:
            stored[row[:2]] = row
    known = {row[:6] for row in standing}
    come: dict[tuple[int, int], Row] = {}
    for row in kept:
        if row[:6] not in known:
            rival = come.get(row[:2]) or stored.get(row[:2])
            if rival is None or row[2] >= rival[2]:
                come[row[:2]] = row
    gone = [stored[pair] for pair in come if pair in stored]
    return kept, _changes(come.values(), gone)


def _changes(come: Iterable[Row], gone: Iterable[Row]) -> Tallies:
    changes: Tallies = {}
    for sign, rows in ((1, come), (-1, gone)):
        stakes: defaultdict[tuple[int, str, int], list[int]] = defaultdict(list)
        for row in rows:
            stakes[row[0], row[4], row[5]].append(row[3])
        for (epoch, version, capability), some in stakes.items():
            release = (epoch, release_of(version) or "", capability)
            stake, number = changes.get(release, (0, 0))
            changes[release] = (stake + sign * sum(some), number + sign * len(some))
    return {release: change for release, change in changes.items() if change != (0, 0)}

"""The payloads that were ever seen, in order, with the link of each that was in force to the one before it. Pure.

In: what a store remembers (``StoredTrust``), of either kind. Out: ``SeenLink`` newest first, by pages. A leader serves
them (``/era/history``, ``/configuration/history``), a follower walks along the links of those that are or were in force
and verifies each.

Where the places of payloads on the chain are not known, the order in which they were first seen is used.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from datum.kinds import Marker, bytes_signed
from era_store.records import SeenPayload, StoredTrust


@dataclass(frozen=True, slots=True)
class SeenLink:
    """A payload that was seen.

    Attributes:
        payload: what is remembered of it.
        in_force: whether it is in force, or was until another took its place.
        previous: the digest of the payload whose place it took; ``None`` for the first, and for one never in force.
    """

    payload: SeenPayload
    in_force: bool
    previous: str | None = None


def digest_of_signed(markers: Sequence[Marker]) -> str:
    """The identity of a payload: the hash of what is signed (``chain_reader.trust.state``), in hex."""
    return hashlib.sha256(bytes_signed(markers)).hexdigest()


def history_of(stored: StoredTrust | None) -> tuple[SeenLink, ...]:
    """Every payload that was ever seen, newest first; the one in force now comes first of those that were."""
    if stored is None:
        return ()
    now = None if stored.trusted is None else digest_of_signed(stored.trusted.markers)
    links: list[SeenLink] = []
    previous: str | None = None
    for payload in _oldest_first(stored, now):
        in_force = payload.superseded or payload.digest == now
        links.append(SeenLink(payload, in_force, previous if in_force else None))
        previous = payload.digest if in_force else previous
    return tuple(reversed(links))


def page_of(
    links: tuple[SeenLink, ...], *, before: str | None, limit: int, in_force: bool
) -> tuple[tuple[SeenLink, ...], int]:
    """At most ``limit`` links that are older than the digest ``before``, and how many are older still.

    Args:
        links: as ``history_of`` gives them.
        before: the digest at the end of the page before; with one that is not there the page is empty.
        limit: how many at most.
        in_force: whether only those that are or were in force are wanted.
    """
    wanted = [link for link in links if link.in_force or not in_force]
    if before is not None:
        places = [place for place, link in enumerate(wanted) if link.payload.digest == before]
        wanted = wanted[places[0] + 1 :] if places else []
    return tuple(wanted[:limit]), max(0, len(wanted) - limit)


def _oldest_first(stored: StoredTrust, now: str | None) -> list[SeenPayload]:
    """By the place where each first appeared; the one in force, of digest ``now``, is the last of those that were."""
    payloads = list(stored.payloads)
    if all(payload.height is not None for payload in payloads):
        payloads.sort(key=lambda payload: payload.height or 0)
    elif all(payload.slot is not None for payload in payloads):
        payloads.sort(key=lambda payload: payload.slot or 0)
    own = next((place for place, payload in enumerate(payloads) if payload.digest == now), None)
    if own is not None and stored.trusted is not None:
        # An extended payload in force may have the markers of an older one, by which payloads are remembered.
        in_force = replace(payloads.pop(own), content=stored.trusted.content)
        after = max((place + 1 for place, payload in enumerate(payloads) if payload.superseded), default=0)
        payloads.insert(max(own, after), in_force)
    return payloads

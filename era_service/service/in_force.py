"""The payloads that are or were in force, by pages, newest first: what a follower walks along.

In: a service, and where the page begins. Out: the ``EraHistory`` document, straight from the store, with the bytes of
the publications that prove it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chain_reader.providers.leader.history_chain import SeenLink, digest_of_signed, history_of, page_of
from chain_reader.trust.publications import Link
from datum import signed_bytes
from era_service.service.documents import EraHistory, HistoryEntry
from era_service.service.snapshot import remembered
from era_service.wiring.trust import trust_policy

if TYPE_CHECKING:
    from era_service.service.service import Service

MAX_PAGE = 200


def in_force_history(service: "Service", before: str | None, limit: int) -> EraHistory:
    """A page of the payloads that are or were in force.

    Args:
        service: its store is asked.
        before: the digest after which the page begins; from the newest where it is empty.
        limit: how many at most.

    Raises:
        StoreError: they could not be read.
    """
    stored = service.stored_trust()
    links = history_of(stored)
    page, left = page_of(links, before=before, limit=min(limit, MAX_PAGE), in_force=True)
    chain = () if stored is None else service.publications.links(service.store, trust_policy(service.settings), stored)
    proof = _by_payload(links, chain)
    return EraHistory(
        network=service.network,
        payloads=[_entry(link, proof.get(link.payload.digest, [])) for link in page],
        not_listed=left,
        next=page[-1].payload.digest if page and left else None,
    )


def _by_payload(listed: Sequence[SeenLink], chain: Sequence[Link]) -> dict[str, list[str]]:
    """Digest → publications; one whose payload was never read while it was in force goes with the next newer one."""
    digests = {link.payload.digest for link in listed if link.in_force}
    found: dict[str, list[str]] = {}
    place: str | None = None
    for link in chain:
        digest = digest_of_signed(signed_bytes(link.markers))
        place = digest if digest in digests else place
        if place is not None:
            found.setdefault(place, []).append(link.data.hex())
    return found


def _entry(link: SeenLink, publications: list[str]) -> HistoryEntry:
    facts = {"digest": link.payload.digest, "previous": link.previous, "publications": publications}
    return remembered(link.payload).model_copy(update=facts)

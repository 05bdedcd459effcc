"""The payloads that are or were in force, by pages, newest first: what a follower walks along.

In: a service, and where the page begins. Out: the ``EraHistory`` document, straight from the store.
"""

from typing import TYPE_CHECKING

from chain_reader.providers.leader.history_chain import SeenLink, history_of, page_of
from era_service.service.documents import EraHistory, HistoryEntry
from era_service.service.snapshot import remembered

if TYPE_CHECKING:
    from era_service.service.service import Service

MAX_PAGE = 200


def in_force_history(service: "Service", before: str | None, limit: int) -> EraHistory:
    """A page of the payloads that are or were in force.

    Args:
        service: its store is asked.
        before: the digest after which the page begins; from the newest where it is none.
        limit: how many at most.

    Raises:
        StoreError: they could not be read.
    """
    links = history_of(service.stored_trust())
    page, left = page_of(links, before=before, limit=min(limit, MAX_PAGE), in_force=True)
    return EraHistory(
        network=service.network,
        payloads=[_entry(link) for link in page],
        not_listed=left,
        next=page[-1].payload.digest if page and left else None,
    )


def _entry(link: SeenLink) -> HistoryEntry:
    return remembered(link.payload).model_copy(update={"digest": link.payload.digest, "previous": link.previous})

"""The payloads that are or were in force, by pages, newest first: what a follower walks along.

In: a service, the kind of markers, and where the page begins. Out: the ``EraHistory`` document, straight from the
store, with the bytes of the publications that prove it.
"""

from collections.abc import Sequence

from chain_reader.providers.leader.history_chain import SeenLink, digest_of_signed, history_of, page_of
from chain_reader.trust.publications import Link
from datum import ERA, MarkerKind
from era_service.service.documents import EraHistory, HistoryEntry
from era_service.service.service import Service
from era_service.service.snapshot import remembered
from era_service.status.documents import UNCONFIRMED
from era_service.wiring.trust import EraPlaceNeededError, configuration_policy, trust_policy

MAX_PAGE = 200


def in_force_history(service: Service, kind: MarkerKind, before: str | None, limit: int) -> EraHistory:
    """A page of the payloads of a kind that are or were in force.

    Args:
        service: its store is asked.
        kind: of which payloads; those that the service reads.
        before: the digest after which the page begins; from the newest where it is empty.
        limit: how many at most.

    Raises:
        StoreError: they could not be read.
    """
    settings, network = service.settings, service.network
    try:
        policy = trust_policy(settings) if kind is ERA else configuration_policy(settings)
    except EraPlaceNeededError:
        policy = None
    stored = None if policy is None else service.store.trust.load(policy.key)
    chain: tuple[Link, ...] = ()
    stale: str | None = None
    if policy is not None:
        place = {"era_address": policy.address, "verification_key": policy.keys[0].hex}
        network = network.model_copy(update=place)
    if policy is not None and stored is not None:
        chain = service.publications[kind].links(service.store, policy, stored)
        stale = UNCONFIRMED if stored.stale is not None and settings.service.public else stored.stale
    links = history_of(stored)
    page, left = page_of(links, before=before, limit=min(limit, MAX_PAGE), in_force=True)
    proof = _by_payload(links, chain)
    return EraHistory(
        network=network,
        payloads=[_entry(link, kind, proof.get(link.payload.digest, [])) for link in page],
        not_listed=left,
        stale=stale,
        next=page[-1].payload.digest if page and left else None,
    )


def _by_payload(listed: Sequence[SeenLink], chain: Sequence[Link]) -> dict[str, list[str]]:
    """Digest → publications; one whose payload was never read while it was in force goes with the next newer one."""
    digests = {link.payload.digest for link in listed if link.in_force}
    found: dict[str, list[str]] = {}
    place: str | None = None
    for link in chain:
        digest = digest_of_signed(link.markers)
        place = digest if digest in digests else place
        if place is not None:
            found.setdefault(place, []).append(link.data.hex())
    return found


def _entry(link: SeenLink, kind: MarkerKind, publications: list[str]) -> HistoryEntry:
    facts = {"digest": link.payload.digest, "previous": link.previous, "publications": publications}
    return remembered(link.payload, kind).model_copy(update=facts)

"""The chain of publications, verified without any provider: every link proved by the bytes that the store keeps.

In: what is trusted, and the bytes of publications. Out: ``VerifiedHistory``. A link holds when the transaction's bytes
are its own, the owner of the era address signed them, they make an output there with a payload that the era key signed,
and they spend an output of the publication before. The provider that the bytes came from is trusted for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chain_reader.authorship import SignedBy, TransactionBytesError, signed_by
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.transactions import Transactions
from datum import Accepted, screen
from era_store import Store, StoredTrust
from eras import EraMarker


@dataclass(frozen=True, slots=True)
class Link:
    """A publication of the chain, and the one that it spends; ``None`` for the first."""

    transaction: str
    markers: tuple[EraMarker, ...]
    spends: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the link, JSON-ready."""
        return {
            "transaction": self.transaction,
            "markers": [marker.to_dict() for marker in self.markers],
            "spends": self.spends,
        }


@dataclass(frozen=True, slots=True)
class VerifiedHistory:
    """What could be verified.

    Attributes:
        links: the publications, newest first, each verified.
        broken: why the chain does not reach back to the first publication or the checkpoint; ``None`` when it does.
        beside: publications that the owner of the era address signed and that no link leads to.
    """

    links: tuple[Link, ...]
    broken: str | None
    beside: int

    def to_dict(self) -> dict[str, Any]:
        """Return the history, JSON-ready."""
        return {
            "verified": self.broken is None,
            "broken": self.broken,
            "payloads": [link.to_dict() for link in self.links],
            "beside": self.beside,
        }


def verify_history(store: Store, policy: TrustPolicy) -> VerifiedHistory:
    """Verify the chain of publications from the trusted one back to the first, or to the checkpoint.

    Args:
        store: holds what is trusted, and the bytes of publications.
        policy: the era address, the announcers, the keys and the checkpoint.

    Raises:
        StoreError: the store could not be read.
    """
    stored = store.trust.load(policy.key)
    kept = Transactions(store, policy.key, (policy.address, *policy.announcers)).publications()
    if stored is None or stored.trusted is None:
        return VerifiedHistory((), "nothing is trusted yet", len(kept))
    checkpoint = None if policy.checkpoint is None else policy.checkpoint.output.transaction
    links: list[Link] = []
    found: str | None = stored.trusted.transaction
    broken: str | None = None
    while found is not None:
        link = _link(found, kept, policy)
        if isinstance(link, str):
            broken = f"{found}: {link}"
            break
        links.append(link)
        found = None if found == checkpoint else link.spends
    else:
        if links[-1].transaction != checkpoint:
            broken = _not_the_first(links, stored)
    return VerifiedHistory(tuple(links), broken, len(kept.keys() - {link.transaction for link in links}))


def _not_the_first(links: list[Link], stored: StoredTrust) -> str | None:
    """Why the last link may not be the first publication; ``None`` when it is."""
    linked = {link.transaction for link in links}
    before = sorted({reference.partition("#")[0] for reference in stored.superseded_outputs} - linked)
    if before:
        return f"{before[0]} was in force before, and no link leads to it"
    if not stored.complete:
        return f"whether {links[-1].transaction} is the first publication is not known: no history was read"
    return None


def _link(transaction: str, kept: Mapping[str, bytes], policy: TrustPolicy) -> Link | str:
    """A publication, verified; or why it is none."""
    data = kept.get(transaction)
    if data is None:
        return "its bytes are not in the store"
    owners = (policy.address, *policy.announcers)
    try:
        shown = signed_by(data, transaction, owners)
    except TransactionBytesError as error:
        return f"its bytes are not those of the transaction: {error}"
    if not shown.signed:
        return "the owner of the era address did not sign it"
    datums = [made.datum for _, made in sorted(shown.made.items()) if made.datum is not None]
    verdicts = screen(datums, policy.keys)
    markers = next((verdict.verified.markers for verdict in verdicts if isinstance(verdict, Accepted)), None)
    if markers is None:
        return "it makes no output with a payload that the era key signed"
    return Link(transaction, markers, _before(shown, kept, policy))


def _before(shown: SignedBy, kept: Mapping[str, bytes], policy: TrustPolicy) -> str | None:
    """The publication of which a transaction spends an output at the era address."""
    for reference in shown.spends:
        transaction, _, index = reference.partition("#")
        if transaction in kept:
            try:
                made = signed_by(kept[transaction], transaction, (policy.address,)).made
            except TransactionBytesError:
                return transaction  # the next link says what is wrong with it
            if int(index) in made:
                return transaction
    return None

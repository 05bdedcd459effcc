"""The chain of publications, verified without any provider: every link proved by the bytes of its transaction.

In: a trust policy, and the bytes of publications, from the store or handed on by a leader. Out: ``VerifiedHistory``. A
link holds when the transaction's bytes are its own, the owner of the era address signed them, they make an output there
with a payload that the era key signed, and they spend an output of the publication before. Only the first one may be an
announcer's. Where the bytes came from does not matter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chain_reader.authorship import SignedBy, TransactionBytesError, signed_by, transaction_id
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.screening import kept_verdicts
from chain_reader.trust.transactions import Transactions
from datum import Accepted, VerifiedMarkers, screen
from era_store import Store, StoredTrust


@dataclass(frozen=True, slots=True)
class Link:
    """A publication of the chain.

    Attributes:
        transaction: its id.
        index: the place of the output with the payload.
        datum: the datum of that output, CBOR in hex.
        verified: the payload.
        spends: the publication whose output it spends; ``None`` for the first.
        data: the bytes of the transaction.
    """

    transaction: str
    index: int
    datum: str
    verified: VerifiedMarkers[Any]
    spends: str | None
    data: bytes

    @property
    def markers(self) -> tuple[Any, ...]:
        """The markers that were published."""
        return self.verified.markers

    def to_dict(self) -> dict[str, object]:
        """Return the link, JSON-ready, without its bytes."""
        return {
            "transaction": self.transaction,
            "markers": [marker.to_dict() for marker in self.markers],
            "spends": self.spends,
        }


@dataclass(frozen=True, slots=True)
class VerifiedHistory:
    """The result of verifying.

    Attributes:
        links: the publications, newest first, each verified.
        broken: why the chain does not reach back to the first publication or the checkpoint; ``None`` when it does.
        beside: publications that the owner of the era address signed and that no link leads to.
    """

    links: tuple[Link, ...]
    broken: str | None
    beside: int

    def to_dict(self) -> dict[str, object]:
        """Return the history, JSON-ready."""
        return {
            "verified": self.broken is None,
            "broken": self.broken,
            "payloads": [link.to_dict() for link in self.links],
            "beside": self.beside,
        }


class Publications:
    """The verified chain of what a store trusts, kept as long as no other publication is trusted."""

    def __init__(self) -> None:
        self._links: tuple[Link, ...] = ()
        self._of: tuple[str, int | None] | None = None

    def links(self, store: Store, policy: TrustPolicy, stored: StoredTrust) -> tuple[Link, ...]:
        """Return the chain, newest first.

        Raises:
            StoreError: the store could not be read.
        """
        if stored.trusted is None:
            return ()
        transaction = stored.trusted.transaction
        if self._of not in ((transaction, None), (transaction, stored.version)):
            found = verify_history(store, policy)
            # What is not whole may become so by the next reading.
            self._links = found.links
            self._of = (transaction, None if found.broken is None else stored.version)
        return self._links


def kept_publications(store: Store, policy: TrustPolicy) -> Mapping[str, bytes]:
    """Return transaction → bytes of the publications that a store keeps."""
    kept = kept_verdicts(store, policy.key)
    return Transactions(store, policy.key, (policy.address, *policy.announcers), kept).publications()


def verify_history(store: Store, policy: TrustPolicy) -> VerifiedHistory:
    """Verify the chain of publications from the trusted one back to the first, or to the checkpoint.

    Args:
        store: holds what is trusted, and the bytes of publications.
        policy: the era address, the announcers, the keys and the checkpoint.

    Raises:
        StoreError: the store could not be read.
    """
    stored = store.trust.load(policy.key)
    kept = kept_publications(store, policy)
    if stored is None or stored.trusted is None:
        return VerifiedHistory((), "nothing is trusted yet", len(kept))
    found = _verify_chain(stored.trusted.transaction, kept, policy)
    if found.broken is None and policy.checkpoint is None:
        return replace(found, broken=_not_the_first(found.links, stored))
    return found


def verify_handed_on(handed_on: Iterable[bytes], kept: Mapping[str, bytes], policy: TrustPolicy) -> VerifiedHistory:
    """Verify publications that somebody hands on: one chain, all of them in it, and nothing beside.

    Args:
        handed_on: the bytes of the transactions, in any order.
        kept: transaction → bytes of what was verified before, which the chain may continue.
        policy: the era address, the announcers, the keys and the checkpoint.
    """
    try:
        named = {transaction_id(data): data for data in handed_on}
    except TransactionBytesError as error:
        return VerifiedHistory((), f"bytes that are not those of a transaction: {error}", 0)
    spent = set()
    for transaction in named:
        link = _link(transaction, named, policy)
        if isinstance(link, str):
            return VerifiedHistory((), f"{transaction}: {link}", 0)
        spent.add(link.spends)
    newest = sorted(named.keys() - spent)
    if len(newest) != 1:
        got = " and ".join(newest[:2]) or "none"
        return VerifiedHistory((), f"exactly one publication that no other spends; got {got}", len(newest))
    return _verify_chain(newest[0], {**kept, **named}, policy)


def _verify_chain(newest: str, kept: Mapping[str, bytes], policy: TrustPolicy) -> VerifiedHistory:
    checkpoint = None if policy.checkpoint is None else policy.checkpoint.output.transaction
    links: list[Link] = []
    found: str | None = newest
    broken: str | None = None
    while found is not None and not (links and found == checkpoint and found not in kept):
        link = _link(found, kept, policy)
        if isinstance(link, str):
            broken = f"{found}: {link}"
            break
        links.append(link)
        found = None if found == checkpoint else link.spends
    else:
        if checkpoint not in (None, links[-1].transaction, found):
            broken = f"no link of {links[-1].transaction} leads to the checkpoint, {checkpoint}"
    return VerifiedHistory(tuple(links), broken, len(kept.keys() - {link.transaction for link in links}))


def _not_the_first(links: tuple[Link, ...], stored: StoredTrust) -> str | None:
    """Why the last link may not be the first publication; ``None`` when it is."""
    linked = {link.transaction for link in links}
    before = sorted({reference.partition("#")[0] for reference in stored.superseded_outputs} - linked)
    if before:
        return f"{before[0]} was in force before, and no link leads to it"
    if not stored.complete:
        return f"whether {links[-1].transaction} is the first publication is not known: no history was read"
    return None


def _link(transaction: str, kept: Mapping[str, bytes], policy: TrustPolicy) -> Link | str:
    """A publication, verified; or why it is not one."""
    data = kept.get(transaction)
    if data is None:
        return "its bytes are not in the store"
    try:
        shown = signed_by(data, transaction, (policy.address, *policy.announcers))
    except TransactionBytesError as error:
        return f"its bytes are not those of the transaction: {error}"
    before = _before(shown, kept, policy)
    if policy.address not in shown.signed and (before is not None or not shown.signed):
        return "the owner of the era address did not sign it"
    made = [(index, made.datum) for index, made in sorted(shown.made.items()) if made.datum is not None]
    verdicts = screen([datum for _, datum in made], policy.keys, kind=policy.kind.markers)
    for (index, datum), verdict in zip(made, verdicts, strict=True):
        if isinstance(verdict, Accepted):
            return Link(transaction, index, datum, verdict.verified, before, data)
    return "it makes no output with a payload that the era key signed"


def _before(shown: SignedBy, kept: Mapping[str, bytes], policy: TrustPolicy) -> str | None:
    """The publication of which a transaction spends an output at the era address."""
    for reference in shown.spends:
        transaction, _, index = reference.partition("#")
        if policy.checkpoint is not None and reference == policy.checkpoint.output.reference:
            return transaction
        if transaction in kept:
            try:
                made = signed_by(kept[transaction], transaction, (policy.address,)).made
            except TransactionBytesError:
                return transaction  # the next link says what is wrong with it
            if int(index) in made:
                return transaction
    return None

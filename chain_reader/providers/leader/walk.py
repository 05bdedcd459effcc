"""The walk along a leader's history, from the newest payload to the first, each link and signature verified.

In: pages as a leader gives them, the verification keys, and what is followed already. Out: the whole chain of payloads
newest first, or an error; nothing is written here, and nothing of a history with a false link is used.

1. Each payload is signed by one of the keys, and its digest is that of what is signed.
2. Each one's ``previous`` is the digest of the next in the list: a gap, or an end before the first, is an error.
3. Going back, slots and heights never grow; but for the newest, which may be an older payload in force again.
4. The walk ends at the first payload, or where it meets what is followed already. Where it ends without having met the
   newest that is followed, the leader's history is another one: a fork.
5. Where the history repeats, the first appearance of a payload is kept, as rule T3 has it. A history longer than
   ``MAX_PAYLOADS`` does not end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chain_reader.providers.leader.client import LeaderEntry
from chain_reader.providers.leader.history_chain import digest_of_signed, history_of
from chain_reader.providers.transport.errors import UnexpectedAnswerError
from chain_reader.trust.memory import MAX_PAYLOADS
from datum import ERA, Accepted, MarkerKind, VerificationKey, encode_datum, screen
from era_store.records import StoredTrust


class LeaderHistoryError(UnexpectedAnswerError):
    """The history that a leader reports is not true: a bad signature, a gap, a fork, or no end."""

    advice = "Ask the release team which history is true, or follow another leader."


@dataclass(frozen=True, slots=True)
class FollowedPayload:
    """A payload of the chain, verified.

    Attributes:
        content: the payload, as JSON bytes.
        digest: hash of what is signed.
        previous: the digest of the payload whose place it took; ``None`` for the first.
        transaction: hash of the transaction of its output.
        index: the place of the output.
        slot: slot of the output's block, where known.
        height: height of it, where known.
    """

    content: bytes
    digest: str
    previous: str | None
    transaction: str
    index: int
    slot: int | None
    height: int | None

    @property
    def datum(self) -> str:
        """The datum that carries it, CBOR in hex."""
        return encode_datum(self.content).hex()


def followed(stored: StoredTrust | None) -> tuple[FollowedPayload, ...]:
    """The payloads followed already, newest first."""
    found = []
    for link in history_of(stored):
        if link.in_force:
            seen = link.payload
            transaction, _, index = seen.reference.partition("#")
            found.append(
                FollowedPayload(
                    seen.content, seen.digest, link.previous, transaction, int(index), seen.slot, seen.height
                )
            )
    return tuple(found)


def walk(
    ask: Callable[[str | None], Sequence[LeaderEntry]],
    keys: Sequence[VerificationKey],
    known: Sequence[FollowedPayload] = (),
    *,
    leader: str,
    kind: MarkerKind = ERA,
) -> tuple[FollowedPayload, ...]:
    """The leader's chain, newest first.

    Args:
        ask: gives the page that begins after a digest, or the newest one.
        keys: what payloads are signed with.
        known: what is followed already, newest first; the walk ends where it meets it.
        leader: what errors call it.
        kind: what its payloads are of.

    Raises:
        LeaderHistoryError: a rule is broken.
        ChainReadError: a page could not be read.
    """
    places = {(payload.digest, payload.previous, payload.content): place for place, payload in enumerate(known)}
    found: list[FollowedPayload] = []
    while True:
        page = ask(found[-1].digest if found else None)
        if not page:
            if found:
                raise untrue(leader, f"the payload {found[-1].previous} before {found[-1].digest}", "the end: a gap")
            return ()
        for entry in page:
            payload = _verified(entry, keys, leader, kind)
            _require_link(found, payload, leader)
            place = places.get((payload.digest, payload.previous, payload.content))
            if place is not None:
                return _joined(found, known[place:], known, leader)
            found.append(payload)
            if len(found) > MAX_PAYLOADS:
                raise untrue(leader, f"a history of at most {MAX_PAYLOADS} payloads", "one that does not end")
            if payload.previous is None:
                return _joined(found, (), known, leader)


def _verified(entry: LeaderEntry, keys: Sequence[VerificationKey], leader: str, kind: MarkerKind) -> FollowedPayload:
    """Rule 1."""
    content = entry.payload.encode("utf-8", "surrogatepass")
    (verdict,) = screen([encode_datum(content).hex()], keys, kind=kind)
    if not isinstance(verdict, Accepted):
        raise untrue(leader, "payloads signed by the era key", f"{verdict.name} at {entry.output}: {verdict.reason}")
    digest = digest_of_signed(verdict.verified.markers)
    if digest != entry.digest:
        raise untrue(leader, f"the digest {digest} at {entry.output}", entry.digest)
    transaction, _, index = entry.output.partition("#")
    return FollowedPayload(content, digest, entry.previous, transaction, int(index), entry.slot, entry.height)


def _require_link(found: Sequence[FollowedPayload], payload: FollowedPayload, leader: str) -> None:
    """Rules 2 and 3."""
    if not found:
        return
    newer = found[-1]
    if newer.previous != payload.digest:
        raise untrue(leader, f"the payload {newer.previous} before {newer.digest}", f"{payload.digest}: a gap")
    for name in ("slot", "height"):
        after, before = getattr(newer, name), getattr(payload, name)
        if len(found) > 1 and after is not None and before is not None and before > after:
            raise untrue(leader, f"a {name} up to {after} at {payload.digest}", f"{before}: out of order")


def _joined(
    found: Sequence[FollowedPayload],
    older: Sequence[FollowedPayload],
    known: Sequence[FollowedPayload],
    leader: str,
) -> tuple[FollowedPayload, ...]:
    """Rules 4 and 5."""
    first: dict[str, FollowedPayload] = {}
    for payload in (*reversed(older), *reversed(found)):
        first.setdefault(payload.digest, payload)
    if found and known and known[0].digest not in first:
        raise untrue(
            leader,
            f"a history with the payload {known[0].digest}, which is followed already",
            "one without it: a fork",
            "Ask the release team which is true; eraswitch sync --force takes the leader's",
        )
    return tuple(reversed(first.values()))


def untrue(leader: str, expected: str, got: str, next_step: str | None = None) -> LeaderHistoryError:
    """Return the error for a history that breaks a rule."""
    return LeaderHistoryError(
        f"{leader} reports a history that is not authentic",
        expected=expected,
        got=got[:300],
        next_step=next_step or "Follow another leader; nothing was taken from this one",
        leader=leader,
    )

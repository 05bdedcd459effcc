"""Confirmed absence (rule T13): no later payload adds what this node has seen was not there. Pure.

In: the outputs of a bare set, what is remembered, the epoch. Out: the same outputs, those that are too late refused.

1. A fresh reading at an epoch confirms that no activation happened up to then but those in force. A payload that is
   first seen later and adds one is a ``Conflict``, whatever the ratchet allows, and stays one: the epoch that is
   remembered never goes back. Nobody who publishes with notice is affected, and a replay of a cancelled or of a
   postponed schedule wins nothing once its epoch has come.
2. A checkpoint confirms its own epoch in the same way, also where a store remembers an earlier one.
3. A payload that was seen in time and was not deep enough then (T8) is not late.
4. A configuration that its epoch resolved to anyway is not late: it changes nothing.
5. Where authorship, history or the token decide, they know better: there a payload has its place in the chain.
"""

from collections.abc import Sequence
from dataclasses import replace

from chain_reader.ports import ScreenedOutput
from chain_reader.trust.policy import Checkpoint
from chain_reader.trust.state import ChainFacts, TrustState, digest_of, markers_of, may_follow, verified_of
from chain_reader.trust.verdicts import Conflict, Unconfirmed
from datum import Accepted, MarkerKind, decode_datum
from datum.kinds import Marker
from era_store import StoredTrust
from eras import Epoch


def refuse_late(
    screened: Sequence[ScreenedOutput],
    state: TrustState,
    before: StoredTrust,
    epoch: Epoch,
    facts: ChainFacts,
    *,
    checkpoint: Checkpoint | None = None,
) -> tuple[ScreenedOutput, ...]:
    """Refuse what adds an activation that was confirmed to be absent.

    Args:
        screened: the outputs, screened.
        state: what is remembered, as it was verified.
        before: the same as it is stored.
        epoch: the current epoch; one that was remembered beyond it is not believed.
        facts: what is known of the outputs.
        checkpoint: what the release ships, which the keys signed.
    """
    if state.trusted is None or state.epoch is None or not _is_bare(facts, state):
        return tuple(screened)
    confirmed = min(state.epoch, epoch)
    shipped = Epoch(0) if checkpoint is None else checkpoint.epoch
    known = markers_of(state.trusted)
    in_checkpoint = () if checkpoint is None else _markers_in(checkpoint, state.kind.markers)
    in_time = {payload.digest for payload in before.payloads if payload.verdict == Unconfirmed.__name__}
    decided = state.superseded_payloads | in_time

    def is_late(marker: Marker) -> bool:
        if marker.epoch is None or state.kind.is_told(known, marker):
            return False
        return marker.epoch <= confirmed or (marker.epoch <= shipped and not state.kind.is_told(in_checkpoint, marker))

    def judged(item: ScreenedOutput) -> ScreenedOutput:
        late = next(filter(is_late, markers_of(item)), None) if isinstance(item.verdict, Accepted) else None
        if late is None or digest_of(item) in decided or not may_follow(state, item, epoch, epoch):
            return item
        subject = state.kind.subject(late)
        reason = f"it adds {subject} from epoch {late.epoch}, which was confirmed not to be there"
        return replace(item, verdict=Conflict(reason, verified_of(item)))

    return tuple(map(judged, screened))


def _is_bare(facts: ChainFacts, state: TrustState) -> bool:
    """Whether nothing but the payloads themselves decides."""
    if facts.holders is not None or facts.history:
        return False
    if facts.spends is None:
        return True
    return bool(facts.unproven) and not state.proven and not any(facts.spends.values())


def _markers_in(checkpoint: Checkpoint, kind: MarkerKind) -> tuple[Marker, ...]:
    markers: tuple[Marker, ...] = kind.payload.from_bytes(decode_datum(checkpoint.output.datum).content).markers
    return markers

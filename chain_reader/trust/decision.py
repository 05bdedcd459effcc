"""Decides on a reading of the chain: the rules of trust applied to one piece of evidence. Pure.

In: what is remembered, what an observer answered, the policy, the verdicts reported before. Out: a ``TrustDecision``:
the reading, what to remember, and what is new. The deciding core (``chain_reader.node.core``) asks here, which every
node, reader, replay and rehearsal decides by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chain_reader.ports import ScreenedOutput
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.extended import expired
from chain_reader.trust.memory import recalled, remembered
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.reading import TrustedReading, events_between, legacy_view, schedule_alarms
from chain_reader.trust.rules import choose, refuse_late
from chain_reader.trust.state import ChainFacts, TrustState, digest_of, markers_of, verified_of
from chain_reader.trust.thread import UNLISTED
from chain_reader.trust.verdicts import Conflict, Impostor, Unconfirmed
from datum import Accepted, Malformed
from datum.extension_rules import Equivocation
from datum.kinds import Marker
from era_store import NewEvent, StoredTrust
from eras import Epoch, Provenance
from eras.words import counted


@dataclass(frozen=True, slots=True)
class TrustDecision:
    """The decision on a reading.

    Attributes:
        reading: the markers in force and all that is reported about them; its ``events`` are what is new.
        after: what to remember; the very ``before`` where nothing changed.
        changed: the outputs whose verdict is new.
        state: the result of the rules, with the payload in force verified.
    """

    reading: TrustedReading
    after: StoredTrust
    changed: tuple[ScreenedOutput, ...]
    state: TrustState


def decide_trust(
    before: StoredTrust,
    evidence: Evidence,
    policy: TrustPolicy,
    told: Mapping[str, str],
    *,
    tip_stale: str | None = None,
    verified: ScreenedOutput | None = None,
) -> TrustDecision:
    """Which payload is in force, by the rules T0 to T13.

    Args:
        before: what is remembered.
        evidence: what an observer knows, at one point of the chain.
        policy: what to trust.
        told: output reference → name of the verdict on it that was reported before.
        tip_stale: why the tip is late by the local clock, or ``None`` (T7).
        verified: what is remembered as trusted, as it was verified before, if known; otherwise it is verified again.

    Raises:
        StoreDamagedError: what is remembered as trusted was not signed by the keys.
        ConfigurationError: the keys did not sign the checkpoint.
    """
    known = state = recalled(before, policy, verified)
    lag = max(0, before.tip_slot - evidence.tip.slot)
    signed = [item for item in evidence.considered if isinstance(item.verdict, Accepted)]
    listed = UNLISTED not in [item.output.transaction for item in evidence.unspent]
    gone = _gone(evidence, known, told) if listed else frozenset()
    facts = replace(evidence.facts, lagging=lag > 0, impostors=_impostors(signed, told), copy_gone=bool(gone))
    in_time = refuse_late(evidence.considered, state, before, evidence.epoch, facts, checkpoint=policy.checkpoint)
    deep = _confirmed(replace(evidence, considered=in_time), state, before, policy, told)
    judged, state = choose(deep, state, evidence.epoch, facts, extension=policy.extension)
    if _reference(state) != _reference(known):  # what was gone is gone with the payload that it had
        state = replace(state, superseded_outputs=state.superseded_outputs | gone)
    if tip_stale is not None:  # one lie about the time must not leave a mark that no true reading can come up to
        state = replace(state, epoch=known.epoch or before.epoch, activation=known.activation)
    final = {item.output.reference: item for item in judged}
    doubts = (_lagging(evidence, lag, policy), tip_stale)
    stale = None if state.trusted is None else _stale(evidence, state.trusted, judged, policy, doubts)
    markers = () if state.trusted is None else markers_of(state.trusted)
    legacy = legacy_view(evidence.unspent, markers, evidence.epoch, policy.kind) if listed else None
    malformed = [type(item.verdict) for item in evidence.unspent].count(Malformed)
    after = replace(
        remembered(before, state, evidence, signed, [final[item.output.reference] for item in signed]),
        tip_slot=before.tip_slot if tip_stale is not None else max(before.tip_slot, evidence.tip.slot),
        stale=stale,
        legacy_differs=before.legacy_differs if legacy is None else legacy.differs,
        malformed=malformed if listed else before.malformed,
    )
    if after == before:
        after = before
    odd = schedule_alarms(markers, lambda marker: _published(marker, state, after, facts), evidence.epoch, policy)
    changed = tuple(
        [item for item in judged if item.verdict.is_payload and told.get(item.output.reference) != item.verdict.name]
    )
    events = events_between(
        before, after, epoch=evidence.epoch, alarms=odd, legacy=legacy, changed=changed, kind=policy.kind
    )
    conflicts = tuple([item for item in judged if isinstance(item.verdict, Conflict | Equivocation)])
    why = _why(evidence, state, judged, policy)
    reading = TrustedReading(
        markers,
        _provenance(evidence.source, state, after, policy),
        judged
        if evidence.unspent is evidence.considered
        else tuple([final.get(item.output.reference, item) for item in evidence.unspent]),
        why="; ".join(filter(None, why)) or None,
        how=why[1],
        epoch=evidence.epoch,
        stale=stale,
        conflicts=conflicts,
        history=judged if facts.history else (),
        legacy=legacy,
        odd=(*[words for _, words in odd], *(() if evidence.history_missing is None else (evidence.history_missing,))),
        events=events,
    )
    return TrustDecision(reading, after, changed, state)


def decide_remembered(
    before: StoredTrust,
    policy: TrustPolicy,
    reason: str,
    epoch: Epoch | None,
    *,
    verified: ScreenedOutput | None = None,
) -> TrustDecision:
    """The decision while the chain cannot be read (T9): what was trusted before stays in force, stale for ``reason``.

    Raises:
        StoreDamagedError: as ``decide_trust``.
        ConfigurationError: as ``decide_trust``.
    """
    state = recalled(before, policy, verified)
    after = before
    events: tuple[NewEvent, ...] = ()
    if state.trusted is not None and before.stale is None:
        after = replace(before, stale=reason)
        events = (NewEvent("stale", {"reason": reason}, epoch),)
    markers = () if state.trusted is None else markers_of(state.trusted)
    provenance = _provenance("what is remembered", state, before, policy)
    why = "it was trusted before" if markers else None
    reading = TrustedReading(markers, provenance, why=why, epoch=epoch, stale=reason, events=events)
    return TrustDecision(reading, after, (), state)


def _published(marker: Marker, state: TrustState, after: StoredTrust, facts: ChainFacts) -> Epoch | None:
    """The epoch in which an activation of the schedule in force was published, which its payload may have repeated.

    Of the payloads that were in force, one after the other, it is that of the first since when all have it. ``None``
    where it is not known, or where no payload without it is known: what was there from the first, no node could miss.
    """
    trusted = state.trusted
    published = None if trusted is None else facts.published.get(trusted.output.transaction)
    if trusted is None or published is None:
        return None
    digest = digest_of(trusted)
    for payload in reversed(after.payloads):
        if not payload.superseded or payload.digest == digest:
            continue
        if marker not in state.kind.markers.payload.from_bytes(payload.content).markers:
            return published
        published = min(published, facts.published.get(payload.reference.partition("#")[0], payload.seen_epoch))
    return None


def _gone(evidence: Evidence, state: TrustState, told: Mapping[str, str]) -> frozenset[str]:
    """The outputs that had the payload in force and are no longer there; those of payloads before it are superseded."""
    accepted = {reference for reference, verdict in told.items() if verdict == Accepted.__name__}
    accepted -= state.superseded_outputs
    if accepted:
        accepted.difference_update([item.output.reference for item in evidence.considered])
    return frozenset(accepted)


def _reference(state: TrustState) -> str | None:
    return None if state.trusted is None else state.trusted.output.reference


def _impostors(signed: Sequence[ScreenedOutput], told: Mapping[str, str]) -> frozenset[str]:
    if Impostor.__name__ not in told.values():
        return frozenset()
    references = [item.output.reference for item in signed]
    return frozenset([reference for reference in references if told.get(reference) == Impostor.__name__])


def _confirmed(
    evidence: Evidence, state: TrustState, before: StoredTrust, policy: TrustPolicy, told: Mapping[str, str]
) -> tuple[ScreenedOutput, ...]:
    """The outputs, with a verdict on those whose block is not deep enough (T8), and was not before."""
    if not policy.confirmations:
        return evidence.considered
    trusted = _reference(state)
    first_seen = {payload.digest: payload.seen_height for payload in before.payloads}
    judged = []
    for item in evidence.considered:
        reference = item.output.reference
        was_deep = reference == trusted or told.get(reference) == Accepted.__name__
        if isinstance(item.verdict, Accepted) and not was_deep:
            depth = _depth(item, evidence, first_seen, fresh=state.trusted is None)
            if depth is not None and depth < policy.confirmations:
                reason = f"{depth} of {policy.confirmations} blocks lie upon it"
                judged.append(replace(item, verdict=Unconfirmed(reason, verified_of(item))))
                continue
        judged.append(item)
    return tuple(judged)


def _depth(item: ScreenedOutput, evidence: Evidence, first_seen: dict[str, int | None], *, fresh: bool) -> int | None:
    """Blocks upon an output, or since it was first seen; ``None`` when it counts without (T8)."""
    tip, (_, height) = evidence.tip.height, evidence.place_of(item.output)
    if height is None:
        if fresh:
            return None
        height = first_seen.get(digest_of(item)) or tip
    return 0 if tip is None or height is None else max(0, tip - height)


def _why(
    evidence: Evidence, state: TrustState, judged: Sequence[ScreenedOutput], policy: TrustPolicy
) -> tuple[str | None, str | None]:
    """Why what is trusted is in force, for an operator: the verdict on it, and how it was chosen."""
    if state.trusted is None:
        return None, None
    for item in judged:
        if isinstance(item.verdict, Accepted):
            found = item.verdict
            break
    else:
        return None, "it was trusted before, and nothing there may follow it"
    if policy.extension is not None:
        return found.reason, None
    facts = evidence.facts
    if facts.holders is not None:
        how = "its output holds the thread token"
    elif facts.spends is not None and facts.newest_first:
        signed = state.trusted.output.transaction in facts.proved
        author = "signed by its owner" if signed else "that spend from it, as the provider reports"
        how = f"it is the last permitted of the publications at the era address {author}"
    elif facts.history:
        how = "it is the last permitted payload in the history of the era address"
    else:
        how = "it is the successor of all other unspent payloads"
    return found.reason, how


def _lagging(evidence: Evidence, lag: int, policy: TrustPolicy) -> str | None:
    if lag <= policy.max_tip_regress_slots:
        return None
    return f"the tip of {evidence.source} is {counted(lag, 'slot')} behind one that was read before"


def _stale(
    evidence: Evidence,
    trusted: ScreenedOutput,
    judged: Sequence[ScreenedOutput],
    policy: TrustPolicy,
    doubts: tuple[str | None, ...],
) -> str | None:
    """Why what is trusted is not confirmed by this reading; ``None`` when it is."""
    vanished = None
    if Accepted not in [type(item.verdict) for item in judged]:
        vanished = _vanished(evidence, trusted, judged)
    old = None if policy.extension is None else expired(trusted, evidence.epoch)
    return "; ".join(filter(None, (vanished, *doubts, old))) or None


def _vanished(evidence: Evidence, trusted: ScreenedOutput, judged: Sequence[ScreenedOutput]) -> str:
    reference = trusted.output.reference
    if not judged:
        return f"{evidence.source} reports nothing at the era address, where {reference} is trusted"
    found = next((item.verdict for item in judged if item.output.reference == reference), None)
    if isinstance(found, Impostor):
        return f"{reference} is trusted, but {evidence.source} reports that {found.reason}"
    return f"the trusted output {reference} has vanished from what {evidence.source} reports"


def _provenance(source: str, state: TrustState, stored: StoredTrust, policy: TrustPolicy) -> Provenance:
    named = f"{source} at {policy.address}"
    if state.trusted is None:
        return Provenance(named)
    slot = None if stored.trusted is None else stored.trusted.slot
    return Provenance(named, state.trusted.output.transaction, slot, verified_of(state.trusted).key.raw.hex())

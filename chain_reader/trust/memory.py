"""Between what a store holds and what the rules of trust think with. Pure.

In: ``StoredTrust`` and the policy. Out: ``TrustState``; and the other way round, with every payload that a reading saw.
What a store holds is verified again each time: a payload that the keys did not sign is trusted from nowhere.
"""

from collections.abc import Sequence
from dataclasses import replace

from chain_reader.ports import DatumOutput, ScreenedOutput
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.policy import Checkpoint, TrustPolicy
from chain_reader.trust.state import TrustState, digest_of, markers_of, verified_of
from chain_reader.trust.verdicts import Unconfirmed
from datum import Accepted, Unreadable, screen
from era_store import SeenPayload, StoredOutput, StoredTrust
from era_store.errors import StoreDamagedError
from eras import ConfigurationError, Epoch, Slot

MAX_PAYLOADS = 10_000
"""Payloads remembered for one key. More than these a thief of the key may sign; the newest of them are not kept."""

_NOT_YET_JUDGED = (Unconfirmed.__name__, Unreadable.__name__)

EMPTY = StoredTrust(None, Epoch(0), Slot(0))


def recalled(stored: StoredTrust, policy: TrustPolicy, verified: ScreenedOutput | None = None) -> TrustState:
    """The remembered state; before the first reading, the checkpoint where there is one.

    Args:
        stored: what the store holds.
        policy: the keys.
        verified: what is trusted, as these keys verified it before; it serves where its datum is the one stored.

    Raises:
        StoreDamagedError: the store holds a payload as trusted that the keys did not sign.
        ConfigurationError: the keys did not sign the checkpoint.
    """
    if stored.trusted is None:
        return (
            TrustState(kind=policy.kind) if policy.checkpoint is None else _from_checkpoint(policy.checkpoint, policy)
        )
    kept = stored.trusted
    output = DatumOutput(kept.transaction, kept.index, kept.datum, kept.lovelace, kept.slot, kept.height)
    if verified is not None and verified.output.datum == output.datum:
        item: ScreenedOutput | None = ScreenedOutput(output, verified.verdict)
    else:
        item = _verified(output, policy)
    if item is None:
        raise StoreDamagedError(
            f"The payload that the store holds as trusted at {policy.address} is not signed by the verification keys",
            expected="what was verified when it was written",
            got="another payload",
            next_step="Restore a backup: eraswitch db restore FILE",
        )
    return TrustState(
        trusted=item,
        superseded_payloads=frozenset([payload.digest for payload in stored.payloads if payload.superseded]),
        epoch=stored.epoch,
        kind=policy.kind,
        **stored.marks(),
    )


def _from_checkpoint(checkpoint: Checkpoint, policy: TrustPolicy) -> TrustState:
    item = _verified(checkpoint.output, policy)
    if item is None:
        raise ConfigurationError(
            "The checkpoint is not signed by the verification keys",
            expected=f"a payload signed by {', '.join(str(key) for key in policy.keys)}",
            got=f"the datum of {checkpoint.output.reference}",
            next_step="Take the checkpoint of this network, or leave it out",
            code="CheckpointInvalid",
        )
    activation = policy.kind.last_begun(markers_of(item), checkpoint.epoch)
    return TrustState(trusted=item, epoch=checkpoint.epoch, activation=activation, kind=policy.kind)


def _verified(output: DatumOutput, policy: TrustPolicy) -> ScreenedOutput | None:
    (verdict,) = screen([output.datum], policy.keys, kind=policy.kind.markers)
    return ScreenedOutput(output, verdict) if isinstance(verdict, Accepted) else None


def remembered(
    stored: StoredTrust,
    state: TrustState,
    evidence: Evidence,
    signed: Sequence[ScreenedOutput],
    judged: Sequence[ScreenedOutput],
) -> StoredTrust:
    """The trust to write after a reading.

    Args:
        stored: what was there before.
        state: the result of the rules.
        evidence: the evidence it results from.
        signed: the outputs with a true signature, as they were screened.
        judged: the same with their final verdicts.
    """
    return replace(
        stored,
        trusted=None if state.trusted is None else _stored_output(state.trusted, evidence),
        epoch=evidence.epoch if state.epoch is None else state.epoch,
        payloads=_payloads(stored, state, evidence, signed, judged),
        **state.marks(),
    )


def _stored_output(item: ScreenedOutput, evidence: Evidence) -> StoredOutput:
    output, verified = item.output, verified_of(item)
    return StoredOutput(
        output.transaction,
        output.index,
        output.datum,
        verified.content,
        verified.markers,
        output.lovelace,
        *evidence.place_of(output),
    )


def _payloads(
    stored: StoredTrust,
    state: TrustState,
    evidence: Evidence,
    signed: Sequence[ScreenedOutput],
    judged: Sequence[ScreenedOutput],
) -> tuple[SeenPayload, ...]:
    """Every payload ever seen, with where it first appeared and the verdict on its newest output that counts most."""
    found: dict[str, SeenPayload] = {}
    oldest_first = zip(reversed(signed), reversed(judged), strict=True)
    for item, final in oldest_first if evidence.facts.newest_first else zip(signed, judged, strict=True):
        digest = digest_of(item)
        first = found.get(digest)
        if first is None:
            found[digest] = _seen(digest, item, final, evidence)
        elif first.verdict != Accepted.__name__:
            found[digest] = replace(first, verdict=final.verdict.name, reason=final.verdict.reason)
    kept: dict[str, SeenPayload] = {}
    for payload in stored.payloads:
        now = found.pop(payload.digest, None)
        if now is not None:
            kept[payload.digest] = _merged(payload, now)
        elif payload.superseded or payload.verdict not in _NOT_YET_JUDGED:  # what was rolled back becomes deep again
            kept[payload.digest] = payload
    for digest, payload in found.items():
        if len(kept) < MAX_PAYLOADS:
            kept[digest] = payload
    listed = []
    for payload in kept.values():
        superseded = payload.digest in state.superseded_payloads
        listed.append(payload if payload.superseded is superseded else replace(payload, superseded=superseded))
    return tuple(listed)


def _seen(digest: str, item: ScreenedOutput, final: ScreenedOutput, evidence: Evidence) -> SeenPayload:
    slot, height = evidence.place_of(item.output)
    return SeenPayload(
        digest=digest,
        content=verified_of(item).content,
        reference=item.output.reference,
        slot=slot,
        height=height,
        seen_epoch=evidence.epoch,
        seen_height=evidence.tip.height,
        verdict=final.verdict.name,
        reason=final.verdict.reason,
    )


def _merged(before: SeenPayload, now: SeenPayload) -> SeenPayload:
    """The same payload seen again: it first appeared where it was first found, unless it is found in an older block.

    Of the heights at which it was seen the least counts: a tip that lied about its height leaves no mark (T7).
    """
    earlier = now.height is not None and (before.height is None or now.height < before.height)
    place = now if earlier else before
    return replace(
        before,
        reference=place.reference,
        slot=place.slot,
        height=place.height,
        seen_height=min((seen for seen in (before.seen_height, now.seen_height) if seen is not None), default=None),
        verdict=now.verdict,
        reason=now.reason,
    )

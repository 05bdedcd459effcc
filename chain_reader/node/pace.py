"""How far one answer may move a node, held against what was seen before, and whether it moves it at all. Pure.

In: what was believed last and when, an answer, the time. Out: what to remember of it, and why it is in doubt, if it is.
A node that knows the genesis of its network holds a tip against its clock as well (``providers.tip_check``). The rules:

1. The epoch of an answer may be at most ``FREE_EPOCHS`` ahead of the one believed last, and beyond that as far as its
   slots are; its slot so far ahead as the time that passed allows, with the shortest slots that any network has.
2. An answer beyond that is in doubt: it leaves no mark, and what was believed stays. It is accepted only when the next
   answer confirms it or continues from it, as with a chain whose clock is advanced by hand.
3. A sane answer after one in doubt overrules it.
4. A first answer has nothing to be held against. Until another one continues from it, it is its own claim, and two that
   lie so far behind it that it is in doubt, the second continuing from the first, overrule it.
5. A clock that gives the epoch vouches for an epoch up to the one after it, and for as many slots as these may have.

An answer that is ``steady`` need not be decided upon again, because deciding would change nothing: a property test
holds it to the result of the rules themselves. At a chain where nothing happens this makes a decision cost
microseconds.
"""

from dataclasses import replace

from chain_reader.trust.decision import TrustDecision
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.verdicts import Unconfirmed
from era_store import Sighting, StoredTrust
from eras import Epoch

FREE_EPOCHS = 5
SHORTEST_SLOT_S = 0.05
_USUAL_EPOCH = 432_000
"""Slots of an epoch on Cardano's main network, where nothing else is known of it."""


def paced(
    before: Sighting | None, evidence: Evidence, time_s: float, *, clock: Epoch | None = None
) -> tuple[Sighting, str | None]:
    """The believed part of an answer, and why the rest is in doubt.

    Args:
        before: what was believed last; ``None`` at a first reading.
        evidence: the answer.
        time_s: POSIX time of it, in seconds.
        clock: the epoch by the local clock, if there is one.
    """
    epoch, slot = evidence.epoch, evidence.tip.slot
    now = Sighting(epoch, slot, time_s)
    if before is None:
        return replace(now, claim=(epoch, slot)), None
    claim = before.claim
    continues = claim is not None and claim[0] <= epoch <= claim[0] + FREE_EPOCHS and claim[1] <= slot
    continues = continues and claim != (before.epoch, before.slot)
    if _is_unconfirmed(before, clock) and not _is_possible(now, before, clock):
        if continues:
            return now, None
        doubt = (
            f"{evidence.source} reports epoch {epoch} and slot {slot}, far behind epoch {before.epoch} and slot "
            f"{before.slot}, which one answer reported: it is accepted when the next answer continues from it"
        )
        return replace(before, claim=(epoch, slot)), doubt
    if continues or _is_possible(before, now, clock):
        if claim is None and epoch <= before.epoch and slot <= before.slot:
            return before, None
        return Sighting(max(epoch, before.epoch), max(slot, before.slot), time_s), None
    doubt = (
        f"{evidence.source} reports epoch {epoch} and slot {slot}, too far ahead of epoch {before.epoch} and slot "
        f"{before.slot}, which were read before: it is accepted when the next answer confirms it"
    )
    return replace(before, claim=(epoch, slot)), doubt


def is_overruled(before: Sighting | None, after: Sighting | None) -> bool:
    """Whether what was believed was taken back (rule 4)."""
    return before is not None and after is not None and (after.epoch < before.epoch or after.slot < before.slot)


def _is_unconfirmed(seen: Sighting, clock: Epoch | None) -> bool:
    """Whether it is a first answer that none has continued from yet: a later claim is of what lies ahead (rule 4)."""
    if seen.claim is None or seen.claim == (seen.epoch, seen.slot):
        return seen.claim is not None
    return not _is_possible(Sighting(*seen.claim, seen.time_s), seen, clock)


def _is_possible(before: Sighting, after: Sighting, clock: Epoch | None) -> bool:
    """Whether the chain can have come so far (rules 1 and 5)."""
    epochs, slots = after.epoch - before.epoch, after.slot - before.slot
    shortest = max(1, before.slot // (before.epoch + 1))  # an epoch has at least so many slots
    vouched = 0 if clock is None or after.epoch > clock + 1 else max(0, epochs)
    if epochs > FREE_EPOCHS + vouched + max(0, slots) // shortest:
        return False
    # how long an epoch is cannot be known in the first one
    longest = before.slot // before.epoch + 1 if before.epoch else max(_USUAL_EPOCH, before.slot)
    return slots <= (FREE_EPOCHS + vouched) * longest + max(0.0, after.time_s - before.time_s) / SHORTEST_SLOT_S


def is_steady(last: Evidence | None, trust: StoredTrust, evidence: Evidence) -> bool:
    """Whether evidence is what settled before, read again at the same tip or a later one.

    Args:
        last: the evidence for which ``settles`` was true; ``None`` if anything else happened since.
        trust: what is remembered.
        evidence: what was read now.
    """
    return (
        last is not None and (evidence is last or _same_outputs(evidence, last)) and evidence.tip.slot >= trust.tip_slot
    )


def settles(trust: StoredTrust, decision: TrustDecision, evidence: Evidence, policy: TrustPolicy) -> bool:
    """Whether the same evidence would change nothing but the tip; while a block is not deep enough, time would.

    Args:
        trust: what was remembered before the decision.
        decision: the result of the rules of trust.
        evidence: what they were applied to.
        policy: what to trust.
    """
    reading, after = decision.reading, decision.after
    if decision.changed or reading.events or after.stale is not None or not reading.markers:
        return False
    if trust.tip_slot > evidence.tip.slot:
        return False
    judged = (*reading.screened, *reading.history)
    if policy.confirmations and any(isinstance(item.verdict, Unconfirmed) for item in judged):
        return False
    return after is trust or replace(after, tip_slot=trust.tip_slot) == trust


def _same_outputs(evidence: Evidence, last: Evidence) -> bool:
    return (
        evidence.considered is last.considered
        and evidence.unspent is last.unspent
        and evidence.epoch == last.epoch
        and evidence.source == last.source
        and (evidence.tip.height or 0) >= (last.tip.height or 0)
        and (evidence.facts is last.facts or evidence.facts == last.facts)
        and (evidence.blocks is last.blocks or evidence.blocks == last.blocks)
    )

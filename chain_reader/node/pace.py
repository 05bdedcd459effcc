"""How far one answer may move a node that has no clock of its own: held against what was seen before. Pure.

In: what was believed last and when, an answer, the time. Out: what to remember of it, and why it is in doubt, if it is.
A node that knows the genesis of its network has a clock, and needs none of this (``providers.tip_check``). The rules:

1. The epoch of an answer may be at most ``FREE_EPOCHS`` ahead of the one believed last, and beyond that as far as its
   slots are; its slot so far ahead as the time that passed allows, with the shortest slots that any network has.
2. An answer beyond that is in doubt: it leaves no mark, and what was believed stays. Only when the next answer claims
   the same, or goes on from there, is it believed: a chain whose clock is advanced by hand, say.
3. A sane answer after one in doubt overrules it.
"""

from chain_reader.trust.evidence import Evidence
from era_store import Sighting

FREE_EPOCHS = 5
SHORTEST_SLOT_S = 0.05


def paced(before: Sighting | None, evidence: Evidence, time_s: float) -> tuple[Sighting, str | None]:
    """The believed part of an answer, and why the rest is in doubt.

    Args:
        before: what was believed last; ``None`` at a first reading.
        evidence: the answer.
        time_s: POSIX time of it, in seconds.
    """
    epoch, slot = evidence.epoch, evidence.tip.slot
    if before is None:
        return Sighting(epoch, slot, time_s), None
    claim = before.claim
    goes_on = claim is not None and claim[0] <= epoch <= claim[0] + FREE_EPOCHS and claim[1] <= slot
    if goes_on or _is_possible(before, evidence, time_s):
        if claim is None and epoch <= before.epoch and slot <= before.slot:
            return before, None
        return Sighting(max(epoch, before.epoch), max(slot, before.slot), time_s), None
    doubt = (
        f"{evidence.source} tells epoch {epoch} and slot {slot}, too far ahead of epoch {before.epoch} and slot "
        f"{before.slot}, which were read before: it is believed when the next answer confirms it"
    )
    return Sighting(before.epoch, before.slot, before.time_s, (epoch, slot)), doubt


def _is_possible(before: Sighting, evidence: Evidence, time_s: float) -> bool:
    """Whether the chain can have come so far (rule 1)."""
    epochs, slots = evidence.epoch - before.epoch, evidence.tip.slot - before.slot
    shortest = max(1, before.slot // (before.epoch + 1))  # an epoch has at least so many slots
    if epochs > FREE_EPOCHS + max(0, slots) // shortest:
        return False
    if before.epoch == 0 and epochs <= FREE_EPOCHS:
        return True  # how long an epoch is cannot be known yet
    longest = before.slot // max(1, before.epoch) + 1
    return slots <= FREE_EPOCHS * longest + max(0.0, time_s - before.time_s) / SHORTEST_SLOT_S

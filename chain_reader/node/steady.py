"""When an answer need not be decided upon again, because deciding would change nothing. Pure.

In: evidence, what came of it, and the evidence of the answer before. Out: yes or no; a property test holds it to what
the rules themselves come to. At a chain where nothing happens this makes a decision cost microseconds.
"""

from dataclasses import replace

from chain_reader.trust.decision import TrustDecision
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.verdicts import Unconfirmed
from era_store import StoredTrust


def is_steady(last: Evidence | None, trust: StoredTrust, evidence: Evidence) -> bool:
    """Whether evidence is what settled before, read again at the same tip or a later one.

    Args:
        last: the evidence that ``settles`` said yes to; ``None`` when anything else happened since.
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

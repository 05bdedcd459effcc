"""Which payload wins among those that count. Pure.

In: the outputs that count, what is remembered, what is known of them. Out: a ``Choice``.

1. ``in_chain_order`` (T2, T3): from the oldest to the newest, each takes the place of the one before if it may follow
   it in the epoch in which it was published (T4), and is a conflict else. Where inputs are unknown, a payload counts
   where it first appeared, and a later copy of it gains nothing. What an observer that knew as much has shown to be
   superseded does not come after the trusted one by another order.
2. ``by_ratchet`` (T4 alone): where no order is known, the successor of all others wins. What contradicts the one
   trusted before is a conflict, and so are payloads among which there is no such successor. Without anything trusted
   the first valid one has to do. When an output with the trusted payload is gone, which only the owner of the era
   address can bring about, a copy of it is worth nothing against one that may follow it: else anybody could keep a
   postponement, or a cancellation, from bare nodes by posting a copy of what it takes back.
3. What was trusted stays in force when it vanishes from the answers, until a payload that was not superseded may
   follow it. Only an observer that shows that it never counted takes it away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chain_reader.ports import ScreenedOutput
from chain_reader.trust.state import ChainFacts, TrustState, digest_of, markers_of, may_follow, schedule_of, verified_of
from chain_reader.trust.verdicts import Conflict, Replayed, Superseded
from datum import Verdict
from datum.kinds import Marker
from eras import Epoch


@dataclass(slots=True)
class Choice:
    """The choice.

    Attributes:
        in_force: the output whose payload is in force.
        seen: whether the answers still hold it.
        verdicts: reference → verdict, for every other output that counts.
        old: those whose place was taken.
        sequence: the sequence of the one in force, where it is extended.
    """

    in_force: ScreenedOutput | None = None
    seen: bool = False
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    old: list[ScreenedOutput] = field(default_factory=list)
    sequence: int | None = None


def in_chain_order(counted: Sequence[ScreenedOutput], state: TrustState, epoch: Epoch, facts: ChainFacts) -> Choice:
    """The choice where outputs have an order (rule 1). ``counted`` comes newest first."""
    first_of_its_payload = facts.spends is None
    choice, copies = Choice(), []
    known_old = _binding(state, facts)
    seen: set[str] = set()
    conflicts: list[ScreenedOutput] = []
    at, past_trusted = Epoch(0), False
    for item in reversed(counted):
        # Unknown is when it was published; but it was not there when a reading last confirmed what it comes after.
        unknown = state.epoch if past_trusted and state.epoch is not None else at
        at = max(at, facts.published.get(item.output.transaction, unknown))
        past_trusted = past_trusted or _same(item, state.trusted, by_payload=first_of_its_payload)
        identity = digest_of(item) if first_of_its_payload else item.output.reference
        if past_trusted and identity in known_old:
            choice.old.append(item)
            continue
        if first_of_its_payload and identity in seen:
            copies.append(item)
            continue
        seen.add(identity)
        if choice.in_force is None:
            choice.in_force = item
        elif state.kind.is_successor(markers_of(choice.in_force), markers_of(item), at):
            choice.old.append(choice.in_force)
            choice.in_force = item
        else:
            conflicts.append(item)
    choice.seen = choice.in_force is not None
    if state.trusted is not None and not past_trusted:
        _keep_or_follow(choice, state, state.trusted, epoch, facts)
    in_force = choice.in_force
    if in_force is None:
        return choice
    for item in choice.old:
        choice.verdicts[item.output.reference] = _old(item, in_force, first_of_its_payload)
    for item in copies:
        if digest_of(item) != digest_of(in_force):
            choice.verdicts[item.output.reference] = _old(item, in_force, replayed=True)
    for item in conflicts:
        choice.verdicts[item.output.reference] = conflict(item, in_force)
    return choice


def _binding(state: TrustState, facts: ChainFacts) -> frozenset[str]:
    """The outputs remembered as superseded by an observer that knew as much, whatever order this one claims."""
    if facts.spends is not None:
        return state.superseded_outputs if state.proven else frozenset()
    return state.superseded_payloads if state.complete else frozenset()


def _keep_or_follow(
    choice: Choice, state: TrustState, trusted: ScreenedOutput, epoch: Epoch, facts: ChainFacts
) -> None:
    """Rule 3: what was trusted is not among those that count; may the choice take its place?"""
    found = choice.in_force
    if found is not None:
        known = found.output.reference in state.superseded_outputs
        if facts.spends is None:
            known = digest_of(found) in state.superseded_payloads
        blind = facts.lagging and not state.complete
        at = facts.published.get(found.output.transaction, epoch)
        if not known and not blind and may_follow(state, found, at, epoch):
            choice.old.append(trusted)
            return
        choice.verdicts[found.output.reference] = (
            _old(found, trusted, facts.spends is None) if known else conflict(found, trusted)
        )
    choice.in_force, choice.seen = trusted, False


def by_ratchet(counted: Sequence[ScreenedOutput], state: TrustState, epoch: Epoch, facts: ChainFacts) -> Choice:
    """The choice where no order is known (rule 2)."""
    trusted = state.trusted
    live: dict[frozenset[Marker], ScreenedOutput] = {}
    for item in counted:
        if digest_of(item) not in state.superseded_payloads:
            live.setdefault(schedule_of(state, item), item)
    blind = trusted is not None and facts.lagging and not state.complete
    viable = [schedule for schedule, item in live.items() if not blind and may_follow(state, item, epoch, epoch)]
    is_there = any(_same(item, trusted, by_payload=False) for item in counted)
    gone = trusted is not None and not facts.lagging and (facts.copy_gone or not is_there)
    held = None if trusted is None else schedule_of(state, trusted)
    if gone:
        viable = [schedule for schedule in viable if schedule != held] or viable
    winner = state.kind.last_schedule(viable, epoch, or_postpones=trusted is None or gone)
    in_force = trusted
    if winner is not None and winner != held:
        in_force = live[winner]
    elif trusted is None:
        in_force = next(iter(live.values()), None)
    if in_force is None:
        return Choice()
    chosen = schedule_of(state, in_force)
    choice = Choice(in_force, seen=any(schedule_of(state, item) == chosen for item in counted))
    if trusted is not None and held != chosen:
        choice.old.append(trusted)
    for item in counted:
        schedule = schedule_of(state, item)
        if schedule == chosen:
            continue
        clear = winner == chosen or not state.kind.is_successor(chosen, schedule, epoch)
        known = digest_of(item) in state.superseded_payloads or item in choice.old
        if known or (clear and state.kind.is_successor(schedule, chosen, epoch)):
            choice.verdicts[item.output.reference] = _old(item, in_force, replayed=True)
            choice.old.append(item)
        else:
            choice.verdicts[item.output.reference] = conflict(item, in_force)
    return choice


def conflict(item: ScreenedOutput, in_force: ScreenedOutput | None) -> Conflict:
    """The verdict on what contradicts the payload in force, or the one before it."""
    if in_force is None:
        return Conflict("it contradicts the payload that it follows", verified_of(item))
    reason = f"it contradicts the payload of {in_force.output.reference}, which stays in force"
    return Conflict(reason, verified_of(item))


def _old(item: ScreenedOutput, in_force: ScreenedOutput, replayed: bool) -> Verdict:
    if replayed:
        return Replayed(f"the payload of {in_force.output.reference} is its successor", verified_of(item))
    return Superseded(f"{in_force.output.reference} took its place", verified_of(item))


def _same(item: ScreenedOutput, trusted: ScreenedOutput | None, *, by_payload: bool) -> bool:
    """Whether an output is the trusted one, or where inputs are unknown, one with its payload."""
    if trusted is None:
        return False
    if by_payload:
        return digest_of(item) == digest_of(trusted)
    return item.output.reference == trusted.output.reference

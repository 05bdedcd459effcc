"""Which payload wins where the extension is required (rules T5 and T6). Pure.

In: the outputs that count, what is remembered, the keys that are configured. Out: a ``Choice``.

1. The sequence decides, not the place on the chain: ``datum`` judges network, address, threshold, sequence and the hash
   of the one before. Of two with the same sequence the one wins that was there first; where no order is known, none.
2. The ratchet holds here too (T4): along the payloads from the trusted one to the winner, each must be one that may
   follow the one before in the epoch in which it was published. One that may not is a conflict.
3. A sequence below the highest that was ever accepted is rolled back, even when what is trusted has no extension.
"""

from collections.abc import Callable, Sequence

from chain_reader.ports import ScreenedOutput
from chain_reader.trust.order import Choice, conflict
from chain_reader.trust.state import ChainFacts, TrustState, markers_of, may_follow, verified_of
from chain_reader.trust.verdicts import Superseded
from datum import (
    Accepted,
    ExtendedPayload,
    ExtensionAccepted,
    ExtensionPolicy,
    Malformed,
    PayloadFormatError,
    Verdict,
    judge_extension,
    read_extended,
)
from datum.extension_rules import (
    BelowThreshold,
    BrokenChain,
    RolledBack,
    Unextended,
    WrongAddress,
    WrongNetwork,
    choose_extended,
)
from eras import Epoch

Refuse = Callable[[ExtendedPayload | None, ExtendedPayload], Verdict | None]


def by_sequence(
    counted: Sequence[ScreenedOutput], state: TrustState, epoch: Epoch, facts: ChainFacts, policy: ExtensionPolicy
) -> Choice:
    """The choice by the sequence of extended payloads."""
    choice = Choice(in_force=state.trusted)
    found: dict[ExtendedPayload, list[ScreenedOutput]] = {}
    ordered = facts.newest_first and (facts.spends is not None or facts.history)
    for item in reversed(counted) if ordered else counted:
        extended = _extended(item)
        if isinstance(extended, Verdict):
            choice.verdicts[item.output.reference] = extended
        elif state.sequence is not None and extended.extension.sequence < state.sequence:
            choice.verdicts[item.output.reference] = _rolled_back(extended, state.sequence)
            choice.old.append(item)
        else:
            found.setdefault(extended, []).append(item)
    remembered = None if state.trusted is None else _extended(state.trusted)
    previous = remembered if isinstance(remembered, ExtendedPayload) else None

    def refuse(before: ExtendedPayload | None, after: ExtendedPayload) -> Verdict | None:
        """The ratchet (rule 2)."""
        item = found[after][0]
        at = facts.published.get(item.output.transaction)
        if before is None or before is previous:
            return (
                None if may_follow(state, item, epoch if at is None else at, epoch) else conflict(item, state.trusted)
            )
        last = found[before][0]
        fits = state.kind.is_successor(markers_of(last), markers_of(item), Epoch(0) if at is None else at)
        return None if fits else conflict(item, last)

    if ordered:
        verdicts, winner = _in_order(list(found), policy, previous, epoch, refuse)
    else:
        verdicts, winner = choose_extended(list(found), policy, previous, epoch=epoch, refuse=refuse)
    for extended, verdict in zip(list(found), verdicts, strict=True):
        for item in found[extended]:
            choice.verdicts[item.output.reference] = _final(item, extended, verdict, winner)
            if isinstance(verdict, RolledBack):
                choice.old.append(item)
    if winner is None:
        return choice
    choice.sequence = winner.extension.sequence
    choice.seen = any(extended.hash == winner.hash for extended in found)
    if winner is not previous and (previous is None or winner.hash != previous.hash):
        if state.trusted is not None:
            choice.old.append(state.trusted)
        choice.in_force = found[winner][0]
    return choice


def _in_order(
    oldest_first: Sequence[ExtendedPayload],
    policy: ExtensionPolicy,
    previous: ExtendedPayload | None,
    epoch: Epoch,
    refuse: Refuse,
) -> tuple[tuple[Verdict, ...], ExtendedPayload | None]:
    """The verdicts and the winner where the order is known (rule 1).

    When one is accepted, those before it that were refused are looked at again, before what comes after: so a reader
    that was there all the time and one that begins now judge the same payloads against the same ones.
    """
    trusted = previous
    last: dict[ExtendedPayload, Verdict] = {}
    for extended in oldest_first:
        waiting = [extended]
        while waiting:
            candidate = waiting.pop(0)
            verdict = judge_extension(candidate, policy, trusted, epoch=epoch)
            if isinstance(verdict, ExtensionAccepted) and (trusted is None or candidate.hash != trusted.hash):
                verdict = refuse(trusted, candidate) or verdict
            last[candidate] = last[candidate] if isinstance(verdict, RolledBack) and candidate in last else verdict
            if isinstance(verdict, ExtensionAccepted) and (trusted is None or candidate.hash != trusted.hash):
                keys = policy.key_set if trusted is None else trusted.extension.key_set
                same_keys = candidate.extension.key_set.same_as(keys)
                trusted = candidate
                waiting = [one for one in last if _may_wait(last[one], one, candidate, same_keys)] + waiting
    return tuple(_settled(one, last[one], trusted) for one in oldest_first), trusted


def _may_wait(verdict: Verdict, one: ExtendedPayload, trusted: ExtendedPayload, same_keys: bool) -> bool:
    """Whether a payload that was refused may be judged in another way after ``trusted`` was accepted."""
    if one.extension.sequence <= trusted.extension.sequence or isinstance(verdict, WrongNetwork | WrongAddress):
        return False
    return not (same_keys and isinstance(verdict, BelowThreshold))


def _settled(one: ExtendedPayload, verdict: Verdict, trusted: ExtendedPayload | None) -> Verdict:
    """The final verdict: what was signed against the rules stays so, and the rest is old."""
    if trusted is None or one.hash == trusted.hash or one.extension.sequence >= trusted.extension.sequence:
        return verdict
    if isinstance(verdict, ExtensionAccepted | BrokenChain):
        return _rolled_back(one, trusted.extension.sequence)
    return verdict


def expired(item: ScreenedOutput, epoch: Epoch) -> str | None:
    """Why an extended payload is stale at ``epoch``: it is past its last fresh epoch; ``None`` while it is not."""
    extended = _extended(item)
    if not isinstance(extended, ExtendedPayload) or not extended.extension.is_stale(epoch):
        return None
    return f"the payload in force expired with epoch {extended.extension.expires_epoch}, and no newer one is there"


def _final(
    item: ScreenedOutput, extended: ExtendedPayload, verdict: Verdict, winner: ExtendedPayload | None
) -> Verdict:
    if winner is None or not isinstance(verdict, ExtensionAccepted):
        return verdict
    if extended.hash == winner.hash:
        return Accepted(f"{item.verdict.reason}; {verdict.reason}", verified_of(item))
    return Superseded(f"sequence {winner.extension.sequence} took its place", verified_of(item))


def _rolled_back(extended: ExtendedPayload, mark: int) -> Verdict:
    return RolledBack(f"sequence {extended.extension.sequence} is below {mark}, which was trusted before")


def _extended(item: ScreenedOutput) -> ExtendedPayload | Verdict:
    try:
        return read_extended(verified_of(item).content) or Unextended(
            "it has no extension, which configuration requires"
        )
    except PayloadFormatError as error:
        return Malformed(error.got or error.what)

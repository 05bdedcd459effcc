"""Which payload is in force: the rules of trust T2, T3, T4, T6 and T13, as pure functions.

In: the outputs at the era address with the verdict on each datum, what is known of the transactions that made them,
and what was trusted before. Out: the same outputs with their final verdicts, and what is trusted now.

1. A true signature is not enough: anyone can send an old payload to the era address again.
2. Where the inputs of transactions are known, an output counts only if its transaction spends an input at the era
   address, or, where none counted before, at an announcer's; the others are ``Impostor`` (T2). One whose inputs are
   unknown is neither, but ``Unreadable``: it counts only where nothing was ever proven, as if inputs were not known.
   Where a thread token is configured, an output counts if it holds it, and nothing else is asked (T0).
3. Of those that count one is chosen: by the order of the chain where there is one, else by the ratchet alone
   (``order``), and by the sequence where the extension is required (``extended``).
4. What was superseded once never wins again: an output where inputs are known, else a payload.

No later payload adds what this node has seen was not there (confirmed absence, rule T13):

1. A fresh reading at an epoch confirms that no activation happened up to then but those in force. A payload that is
   first seen later and adds one is a ``Conflict``, whatever the ratchet allows, and stays one: the epoch that is
   remembered never goes back. Nobody who publishes with notice is affected, and a replay of a cancelled or of a
   postponed schedule wins nothing once its epoch has come.
2. A checkpoint confirms its own epoch in the same way, also where a store remembers an earlier one.
3. A payload that was seen in time and was not deep enough then (T8) is not late.
4. A configuration that its epoch resolved to anyway is not late: it changes nothing.
5. Where authorship, history or the token decide, they know better: there a payload has its place in the chain.

``docs/trust.md`` states what each rule leaves to trust for each kind of observer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from chain_reader.ports import ScreenedOutput
from chain_reader.trust.extended import by_sequence
from chain_reader.trust.order import Choice, by_ratchet, in_chain_order
from chain_reader.trust.policy import Checkpoint
from chain_reader.trust.state import ChainFacts, TrustState, digest_of, markers_of, may_follow, verified_of
from chain_reader.trust.verdicts import Conflict, Impostor, Superseded, Unconfirmed, WithoutToken, signed_markers
from datum import Accepted, ExtensionPolicy, MarkerKind, Unreadable, Verdict, VerifiedMarkers, decode_datum
from datum.kinds import Marker
from era_store import StoredTrust
from eras import Epoch

NO_FACTS = ChainFacts()


def choose(
    screened: Sequence[ScreenedOutput],
    state: TrustState,
    epoch: Epoch,
    facts: ChainFacts = NO_FACTS,
    *,
    extension: ExtensionPolicy | None = None,
) -> tuple[tuple[ScreenedOutput, ...], TrustState]:
    """Decide which payload is in force.

    Args:
        screened: every output with the verdict of ``datum.screen``.
        state: what is remembered from the reading before.
        epoch: the current epoch.
        facts: what is known of the outputs beside their datums.
        extension: the keys that extended payloads are judged by, where only such are taken.

    Returns:
        The outputs with their final verdicts, in the same order, and what to remember.
    """
    signed: list[ScreenedOutput] = []
    false: dict[str, Verdict] = {}
    for item in screened:
        if isinstance(item.verdict, Accepted):
            why = facts.false.get(item.output.transaction)
            if why is None:
                signed.append(item)
            else:
                false[item.output.reference] = Unreadable(why, item.verdict.verified)
    counted, refused = _that_count(signed, state, facts)
    if facts.unproven and not counted and not state.proven:
        facts = _without_inputs(signed, facts)
        counted, refused = _that_count(signed, state, facts)
    disproved = state.trusted is not None and isinstance(
        refused.get(state.trusted.output.reference), Impostor | WithoutToken
    )
    if disproved and counted and not state.proven:
        state = TrustState(kind=state.kind)  # it was trusted where nothing better was known, and now it is
    if extension is not None:
        choice = by_sequence(counted, state, epoch, facts, extension)
    elif facts.newest_first and (facts.spends is not None or facts.history):
        choice = in_chain_order(counted, state, epoch, facts)
    else:
        choice = by_ratchet(counted, state, epoch, facts)
    verdicts = false | refused | choice.verdicts
    judged = list(screened)
    for place, item in enumerate(screened if verdicts else ()):
        verdict = verdicts.get(item.output.reference)
        if verdict is not None:
            judged[place] = ScreenedOutput(item.output, verdict)
    return tuple(judged), _remembered(choice, state, epoch, facts)


def _without_inputs(signed: Sequence[ScreenedOutput], facts: ChainFacts) -> ChainFacts:
    """The same facts as of an observer that does not know inputs; an impostor by that observer stays one."""
    spends = facts.spends or {}
    told = {item.output.reference for item in signed if spends.get(item.output.transaction) is False}
    return replace(facts, spends=None, unproven={}, impostors=facts.impostors | told)


def _that_count(
    signed: Sequence[ScreenedOutput], state: TrustState, facts: ChainFacts
) -> tuple[list[ScreenedOutput], dict[str, Verdict]]:
    """The outputs that count, in the order given, and the verdicts on the others (rule 2)."""
    if facts.holders is not None:
        others = [item for item in signed if item.output.reference not in facts.holders]
        return [item for item in signed if item.output.reference in facts.holders], {
            item.output.reference: WithoutToken("it does not hold the thread token", verified_of(item))
            for item in others
        }
    if facts.spends is None:
        known = {item.output.reference: item for item in signed if item.output.reference in facts.impostors}
        return [item for item in signed if item.output.reference not in known], {
            reference: Impostor("its transaction was seen to spend nothing at the era address", verified_of(item))
            for reference, item in known.items()
        }
    counted: list[ScreenedOutput] = []
    refused: dict[str, Verdict] = {}
    trusted = None if state.trusted is None else state.trusted.output.reference
    unordered = not facts.newest_first and any(facts.spends.get(item.output.transaction) for item in signed)
    for item in reversed(signed):
        transaction, reference = item.output.transaction, item.output.reference
        spends = facts.spends.get(transaction)
        is_first = not counted and not unordered and (facts.history or trusted in (None, reference))
        if spends or (spends is not None and is_first and transaction in facts.announced):
            counted.append(item)
        elif transaction in facts.unproven:
            refused[reference] = Unreadable(facts.unproven[transaction], verified_of(item))
        elif spends is None:
            refused[reference] = Superseded("a newer output counts; this one was not looked up", verified_of(item))
        else:
            refused[reference] = Impostor("its transaction spends nothing at the era address", verified_of(item))
    return counted[::-1], refused


def _remembered(choice: Choice, state: TrustState, epoch: Epoch, facts: ChainFacts) -> TrustState:
    """The state after a reading (rule 4)."""
    in_force = choice.in_force
    if in_force is None:
        return state
    outputs, payloads, reference = (
        set(state.superseded_outputs),
        set(state.superseded_payloads),
        in_force.output.reference,
    )
    for item in choice.old:
        if item.output.reference != reference:
            outputs.add(item.output.reference)
            payloads.add(digest_of(item))
    payloads.discard(digest_of(in_force))
    changed = replace(
        state,
        trusted=in_force,
        superseded_outputs=frozenset(outputs),
        superseded_payloads=frozenset(payloads),
    )
    if not choice.seen:
        return changed
    activation = state.kind.last_begun(markers_of(in_force), epoch) or state.activation
    return replace(
        changed,
        epoch=epoch if state.epoch is None else max(epoch, state.epoch),
        activation=activation,
        sequence=state.sequence if choice.sequence is None else choice.sequence,
        complete=facts.history or state.complete,
        proven=facts.spends is not None or (state.proven and in_force is state.trusted),
    )


def legacy_choice(screened: Iterable[ScreenedOutput]) -> VerifiedMarkers | None:
    """The verdict of a deployed Mithril reader on the same outputs in the same order: the first true signature wins."""
    signed = (signed_markers(item.verdict) for item in screened)
    return next((verified for verified in signed if verified is not None), None)


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

"""The deciding core: what a node makes of each thing that comes in. A pure function of state and event.

In: a ``NodeState`` and one input (``node.inputs``). Out: the next state and what was decided. There is no clock, no
network and no store here: a running node, the replay of its event log, and a rehearsal of thousands of nodes call the
same ``decide``.

1. An epoch never goes back: the greatest that clock or chain ever reported counts. A chain whose tip is in doubt by the
   clock is not one: a node that believed it could be led into an era before its epoch.
2. What is trusted is decided by the rules T0 to T13 (``trust.decision``), which era is current by ``eras.view``.
3. At an epoch for which nothing was read, the remembered schedule decides (T9), and the decision names what cannot be
   known.
4. An unchanged state is not reported again; an unsupported upcoming era is, once a day, until it is acknowledged.
5. Equal inputs in equal states give equal decisions, and an input that changes nothing returns the very same state.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chain_reader.node.configurations import configuration_decisions
from chain_reader.node.eras import era_decisions, upcoming_facts
from chain_reader.node.inputs import (
    BEFORE_SWITCH,
    REPORTED,
    ClockTicked,
    CommandGiven,
    InputEvent,
    InputsShed,
    MemoryRead,
    ObserverAnswered,
    ObserverFailed,
    RegistrationReceived,
)
from chain_reader.node.kinds import OF_SERVICES, Decision, DecisionKind
from chain_reader.node.pace import is_overruled, is_steady, paced, settles
from chain_reader.ports import ScreenedOutput
from chain_reader.trust.decision import TrustDecision, decide_remembered, decide_trust
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.kinds import ERAS, Markers
from chain_reader.trust.memory import EMPTY, recalled
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.state import markers_of
from chain_reader.trust.verdicts import tally
from datum.configuration.markers import ConfigurationMarker
from era_store import StoredTrust
from eras import (
    CurrentEraNotFoundError,
    Epoch,
    EraMarker,
    EraRegressionError,
    EraStatus,
    EraSwitchError,
    EraView,
    Provenance,
    SupportedEras,
    select_eras,
)
from eras.selection import DEFAULT_NOTICE_EPOCHS
from eras.view import NO_VIEW, advanced, marked, taken_over

DAY_S = 86_400.0
REGISTERED_AHEAD = 2
"""Epochs by which a registration is ahead of the clock at most: one for the stake, one for a clock that is late."""

Decided = tuple["NodeState", tuple[Decision, ...]]
NOT_READ_YET = "it is remembered, but has not been read yet"
NOTHING_TOLD: Mapping[str, str] = {}

Judged = tuple[TrustDecision, Mapping[str, str]]
Judge = Callable[["NodeState", ObserverAnswered], Judged]


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """The configuration of a node; it never changes while the node runs.

    Attributes:
        policy: what to trust.
        supported: the eras this software knows.
        notice_epochs: with fewer epochs than this left, a scheduled era is locked.
        warn_again_s: how often an unsupported upcoming era is reported, in seconds.
    """

    policy: TrustPolicy
    supported: SupportedEras = SupportedEras.DEFAULT
    notice_epochs: int = DEFAULT_NOTICE_EPOCHS
    warn_again_s: float = DAY_S


@dataclass(frozen=True, slots=True)
class NodeState:
    """All that a node knows.

    Attributes:
        settings: what it is configured to do.
        trust: what it trusts and remembers; its ``version`` is the store's matter, and 0 here.
        told: output reference → name of the verdict on it that was reported.
        view: its era.
        epoch: the greatest epoch that clock or chain reported.
        clock: the epoch that the clock reported last.
        failing: the code of the error, while no observer answers.
        warned: the unsupported upcoming era that was reported last, and when (POSIX, seconds).
        acknowledged: the unsupported upcoming era that an operator knows of.
        verified: what is trusted, as the keys verified it; if it is missing, it is verified again.
        steady: evidence that changes nothing when it is decided upon again.
        configurations: the markers in force, where configurations are read and no eras; ``None`` before the first ones.
        configured: the epoch at which they were reported.
        refused: the facts of the reading that had to be refused, as it was reported; ``None`` after any other one.
    """

    settings: NodeSettings
    trust: StoredTrust = EMPTY
    told: Mapping[str, str] = field(default_factory=lambda: NOTHING_TOLD)
    view: EraView = NO_VIEW
    epoch: Epoch | None = None
    clock: Epoch | None = None
    failing: str | None = None
    warned: tuple[EraMarker, float] | None = None
    acknowledged: str | None = None
    verified: ScreenedOutput | None = field(default=None, compare=False, repr=False)
    steady: Evidence | None = field(default=None, compare=False, repr=False)
    configurations: tuple[ConfigurationMarker, ...] | None = None
    configured: Epoch | None = None
    refused: Mapping[str, object] | None = None

    @property
    def stale(self) -> str | None:
        """Why what is in force could not be confirmed; ``None`` when it was, or when nothing is in force."""
        if self.view.status in (EraStatus.STALE, EraStatus.ERROR):
            return self.view.message
        return None if self.view.status is EraStatus.READY else self.trust.stale


def decide(state: NodeState, event: InputEvent) -> Decided:
    """The next state and the decisions of a node in ``state`` upon ``event``.

    Returns:
        The next state, the very same one where nothing changes, and what was decided, in order.

    Raises:
        StoreDamagedError: what is remembered as trusted was not signed by the keys (``MemoryRead``, or a first answer).
        ConfigurationError: the keys did not sign the checkpoint.
    """
    return decide_with(state, event, judge)


def decide_with(state: NodeState, event: InputEvent, judging: Judge) -> Decided:
    """``decide``, with the rules of trust applied by ``judging`` (``node.shared`` remembers its results)."""
    if isinstance(event, ObserverAnswered):
        after, decisions = _answered(state, event, judging)
    else:
        after, decisions = _DECIDERS[type(event)](state, event)
    kind = state.settings.policy.kind
    if kind is not ERAS:  # in a log that several nodes share, whoever looks for eras is not misled
        decisions = tuple(replace(told, facts={**told.facts, "of": kind.markers.name}) for told in decisions)
    if after.view.token is None or after.view.token.upcoming_supported is not False:
        return after, decisions
    return _warned(after, event.time_s, decisions)


def judge(state: NodeState, event: ObserverAnswered) -> Judged:
    """The rules of trust: the decision, and the verdicts reported with it."""
    decision = decide_trust(
        state.trust,
        event.evidence,
        state.settings.policy,
        state.told,
        tip_stale=event.tip_stale,
        verified=state.verified,
    )
    changed = {item.output.reference: item.verdict.name for item in decision.changed}
    return decision, {**state.told, **changed} if changed else state.told


def _ticked(state: NodeState, event: ClockTicked) -> Decided:
    if event.epoch == state.clock:
        return state, ()
    if state.epoch is not None and event.epoch <= state.epoch:
        after = replace(state, clock=event.epoch)
        if event.epoch + 1 >= state.epoch:
            return after, ()  # an observer may see the next epoch before the clock does
        return after, (_tell(DecisionKind.CLOCK_BEHIND, state.epoch, clock=event.epoch, chain=state.epoch),)
    return _at_epoch(replace(state, clock=event.epoch), event.epoch)


def _at_epoch(state: NodeState, epoch: Epoch) -> Decided:
    """An epoch began by the clock, and nothing was read in it yet (rule 3)."""
    view = state.view
    if view.token is None:
        trusted = recalled(state.trust, state.settings.policy, state.verified).trusted
        if trusted is not None:
            return _by_memory(replace(state, epoch=epoch, steady=None), trusted)
        unknown = _tell(DecisionKind.EPOCH_UNCONFIRMED, epoch, era=None, last_read=None, cannot_know="any era")
        return replace(state, epoch=epoch, steady=None), (unknown,)
    try:
        after = advanced(view, epoch, state.settings.supported)
    except EraRegressionError as error:
        return _refused(replace(state, epoch=epoch, steady=None), DecisionKind.REGRESSION_REFUSED, error)
    decisions = era_decisions(view, after, state.settings.notice_epochs)
    if after.status is EraStatus.STALE:
        words = f"whether a marker was published, moved or cancelled since epoch {state.trust.epoch}"
        facts = {"era": after.era, "last_read": state.trust.epoch, "cannot_know": words}
        decisions += (Decision(DecisionKind.EPOCH_UNCONFIRMED.value, facts, epoch),)
    return replace(state, epoch=epoch, view=after, steady=None, refused=None), decisions


def _answered(state: NodeState, event: ObserverAnswered, judging: Judge) -> Decided:
    evidence, trust = event.evidence, state.trust
    sighting = trust.sighting
    if event.tip_stale is None:
        sighting, doubt = paced(sighting, evidence, event.time_s, clock=state.clock)
        event = event if doubt is None else replace(event, tip_stale=doubt)
        if is_overruled(trust.sighting, sighting):
            state = _taken_back(state, evidence)
            trust = state.trust
    if event.tip_stale is None and is_steady(state.steady, trust, evidence):
        if evidence.tip.slot == trust.tip_slot and sighting is trust.sighting:
            return state, ()
        return replace(state, trust=replace(trust, tip_slot=evidence.tip.slot, sighting=sighting)), ()
    policy = state.settings.policy
    if sighting is not trust.sighting:
        trust = replace(trust, sighting=sighting)
        state = replace(state, trust=trust)
    decision, told = judging(state, event)
    reading, decisions = decision.reading, decision.reading.events
    epoch = evidence.epoch
    if state.epoch is not None:
        epoch = max(epoch, state.epoch) if event.tip_stale is None else state.epoch
    after = NodeState(
        state.settings,
        decision.after,
        told,
        state.view,
        epoch,
        state.clock,
        None,
        state.warned,
        state.acknowledged,
        decision.state.trusted,
        evidence if settles(trust, decision, evidence, policy) else None,
        state.configurations,
        state.configured,
        state.refused,
    )
    if state.failing is not None:
        decisions += (_tell(DecisionKind.PROVIDER_ANSWERED, epoch, source=evidence.source, after=state.failing),)
    if not reading.markers:
        return _nothing_trusted(after, decision, decisions)
    after, more = _selected(after, epoch, reading.markers, reading.provenance, reading.stale)
    return after, decisions + more


def _taken_back(state: NodeState, evidence: Evidence) -> NodeState:
    """The state without the marks of a first answer that was absurd: what later ones show overrules it (T7)."""
    trust, epoch, kind = state.trust, evidence.epoch, state.settings.policy.kind
    trust = replace(
        trust,
        epoch=min(trust.epoch, epoch),
        tip_slot=min(trust.tip_slot, evidence.tip.slot),
        activation=None if trust.trusted is None else kind.last_begun(trust.trusted.markers, epoch),
        payloads=tuple(replace(payload, seen_epoch=min(payload.seen_epoch, epoch)) for payload in trust.payloads),
    )
    return replace(state, trust=trust, steady=None)


def _selected(
    state: NodeState,
    epoch: Epoch,
    markers: Markers,
    provenance: Provenance | None,
    stale: str | None,
) -> Decided:
    """Take over the markers in force."""
    if state.settings.policy.kind is not ERAS:
        return _configured(state, epoch, markers)
    before, supported = state.view, state.settings.supported
    token = before.token
    try:
        if token is None or (token.epoch, token.markers, token.provenance) != (epoch, markers, provenance):
            token = select_eras(markers, epoch, supported, provenance=provenance)
            view = taken_over(before, token, supported)
        else:
            view = marked(before, EraStatus.READY, "read")
    except CurrentEraNotFoundError as error:
        return _refused(state, DecisionKind.NO_CURRENT_ERA, error)
    except EraRegressionError as error:
        return _refused(state, DecisionKind.REGRESSION_REFUSED, error)
    if stale is not None:
        view = marked(view, EraStatus.STALE, stale)
    if view.status is EraStatus.FATAL and token is before.token:
        view = before
    decisions = era_decisions(before, view, state.settings.notice_epochs)
    return replace(state, view=view, refused=None), decisions


def _configured(state: NodeState, epoch: Epoch, markers: tuple[ConfigurationMarker, ...]) -> Decided:
    """Take over the configurations in force; whether they are confirmed is remembered with what is trusted."""
    if (state.configurations, state.configured, state.refused) == (markers, epoch, None):
        return state, ()
    decisions = configuration_decisions(state.configurations, state.configured, markers, epoch)
    return replace(state, configurations=markers, configured=epoch, refused=None), decisions


def _refused(state: NodeState, kind: DecisionKind, error: EraSwitchError) -> Decided:
    """The reading had to be refused: the view stays, with the reason; reported once."""
    refused, reason = {"kind": kind.value, **error.facts, "epoch": state.epoch}, str(error)
    if state.refused == refused:
        return state, ()
    told = _tell(kind, state.epoch, reason=reason, era=state.view.era)
    return replace(state, view=marked(state.view, EraStatus.ERROR, reason), refused=refused), (told,)


def _nothing_trusted(state: NodeState, decision: TrustDecision, decisions: tuple[Decision, ...]) -> Decided:
    counts, _ = tally(decision.reading.history or decision.reading.screened)
    told = _tell(DecisionKind.NOTHING_TRUSTED, state.epoch, verdicts=counts)
    refused = {"kind": told.kind, **told.facts}
    if state.refused == refused:
        return state, decisions
    listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    reason = f"nothing is trusted at the era address: {listed or 'no datum at all'}"
    return replace(state, view=marked(state.view, EraStatus.ERROR, reason), refused=refused), (*decisions, told)


def _failed(state: NodeState, event: ObserverFailed) -> Decided:
    view = marked(state.view, EraStatus.STALE, event.reason)
    if state.failing == event.code:
        return (state if view == state.view else replace(state, view=view, refused=None)), ()
    policy = state.settings.policy
    decision = decide_remembered(state.trust, policy, event.reason, state.epoch, verified=state.verified)
    facts = {"source": event.source, "code": event.code, "reason": event.reason}
    told = Decision(DecisionKind.PROVIDER_FAILED.value, facts, state.epoch)
    after = replace(
        state,
        trust=decision.after,
        view=view,
        failing=event.code,
        verified=decision.state.trusted,
        steady=None,
        refused=None,
    )
    trusted, known, events = decision.state.trusted, decision.state.epoch, (*decision.reading.events, told)
    if view.token is not None or trusted is None or known is None:
        return after, events
    epoch = known if state.epoch is None else max(known, state.epoch)  # nothing was ever read: the checkpoint holds
    after, more = _by_memory(replace(after, epoch=epoch), trusted, event.reason)
    return after, (*events, *more)


def _remembered(state: NodeState, event: MemoryRead) -> Decided:
    trust = replace(event.trust, version=0)
    if trust == state.trust:
        return state, ()
    trusted = recalled(trust, state.settings.policy, state.verified).trusted
    after = replace(state, trust=trust, verified=trusted, steady=None)
    stored = trust.trusted
    reference = None if stored is None else f"{stored.transaction}#{stored.index}"
    told = _tell(DecisionKind.MEMORY_TAKEN_OVER, state.epoch, trusted=reference)
    seen = trust.epoch if trust.sighting is None else max(trust.epoch, trust.sighting.epoch)
    epoch = seen if state.epoch is None else max(seen, state.epoch)
    if trusted is None or stored is None:
        return (after if trust.sighting is None else replace(after, epoch=epoch)), (told,)
    after, more = _by_memory(replace(after, epoch=epoch), trusted, trust.stale)
    return after, (told, *more)


def _by_memory(state: NodeState, trusted: ScreenedOutput, stale: str | None = None) -> Decided:
    """Take over what is remembered at the epoch of ``state``: stale where nothing was read before."""
    output, policy = trusted.output, state.settings.policy
    provenance = Provenance(f"what is remembered at {policy.address}", output.transaction, output.slot)
    if stale is None and state.view.token is None:
        stale = NOT_READ_YET
    return _selected(state, state.epoch or Epoch(0), markers_of(trusted), provenance, stale)


def _registered(state: NodeState, event: RegistrationReceived) -> Decided:
    if state.epoch is None or event.epoch <= state.epoch + REGISTERED_AHEAD:
        return state, ()
    facts = {"party": event.party_id, "for": event.epoch, "source": event.source}
    return state, (Decision(DecisionKind.REGISTRATION_ODD.value, facts, state.epoch),)


def _commanded(state: NodeState, event: CommandGiven) -> Decided:
    facts: dict[str, object] = {"command": event.name, "arguments": dict(event.arguments)}
    upcoming = None if state.view.token is None else state.view.token.upcoming
    if event.name in ("check", "stop"):
        return state, (Decision(DecisionKind.COMMAND_TAKEN.value, facts, state.epoch),)
    if event.name == BEFORE_SWITCH:
        return state, (_prepared(state, event.arguments),)
    if event.name == REPORTED and event.arguments.get("kind") in OF_SERVICES:
        said = {name: value for name, value in event.arguments.items() if name != "kind"}
        return state, (Decision(event.arguments["kind"], said, state.epoch),)
    if event.name != "acknowledge":
        reason = "no such command: acknowledge, check, stop"
    elif upcoming is None or upcoming.name != event.arguments.get("era"):
        reason = f"the upcoming era is {'none' if upcoming is None else upcoming.name}"
    else:
        told = Decision(DecisionKind.COMMAND_TAKEN.value, facts, state.epoch)
        return replace(state, acknowledged=upcoming.name), (told,)
    return state, (Decision(DecisionKind.COMMAND_REFUSED.value, facts | {"reason": reason}, state.epoch),)


def _prepared(state: NodeState, came: Mapping[str, str]) -> Decision:
    """The result of the hooks that run before a switch."""
    kind = DecisionKind.PREPARED
    if came.get("outcome") != "prepared":
        kind = DecisionKind.VETOED if came.get("phase") == "switch" else DecisionKind.UNPREPARED
    facts = {name: came[name] for name in ("era", "phase", "reason") if name in came}
    return Decision(kind.value, facts, state.epoch)


def _shed(state: NodeState, event: InputsShed) -> Decided:
    return state, (_tell(DecisionKind.INPUTS_SHED, state.epoch, counts=dict(event.counts)),)


_DECIDERS: dict[type, Callable[[NodeState, Any], Decided]] = {
    ClockTicked: _ticked,
    ObserverFailed: _failed,
    MemoryRead: _remembered,
    RegistrationReceived: _registered,
    CommandGiven: _commanded,
    InputsShed: _shed,
}


def _warned(state: NodeState, time_s: float, decisions: tuple[Decision, ...]) -> Decided:
    """The upcoming era is not supported: reported on change, and once a day (rule 4)."""
    token = state.view.token
    if token is None or token.upcoming is None:
        return state, decisions
    last = state.warned
    if last is not None and last[0] == token.upcoming:
        known = state.acknowledged == token.upcoming.name
        if known or time_s - last[1] < state.settings.warn_again_s:
            return state, decisions
    facts = upcoming_facts(state.view) | {"supported_eras": list(token.supported)}
    warning = Decision(DecisionKind.UNSUPPORTED_UPCOMING.value, facts, state.epoch)
    return replace(state, warned=(token.upcoming, time_s)), (*decisions, warning)


def _tell(kind: DecisionKind, epoch: Epoch | None, /, **facts: Any) -> Decision:
    return Decision(kind.value, facts, epoch)

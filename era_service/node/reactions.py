"""A node's reactions to a decision: a log line, and the hooks that are run.

In: a decision of the deciding core. Out: its severity and its words, and the hook event with its facts. Pure.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chain_reader.node.kinds import Decision, DecisionKind
from chain_reader.trust.verdicts import Superseded, Unconfirmed
from era_service.node.hooks import HookEvent
from era_store.records import Facts
from eras import EraChecker, EraMarker, EraStatus

Minimum = Callable[[str], str | None]
"""Era → the version to install for it, in words; ``None`` where nobody knows."""

WATCHER_LATE = "WatcherLate"
"""The code of a failure that is none of the provider's: nobody looked after the era for too long."""

HOOK_OF_KIND = {
    DecisionKind.ANNOUNCED: HookEvent.ANNOUNCED,
    DecisionKind.SCHEDULED: HookEvent.ANNOUNCED,
    DecisionKind.MOVED: HookEvent.ANNOUNCED,
    DecisionKind.CANCELLED: HookEvent.ANNOUNCED,
    DecisionKind.ACTIVATING_IN: HookEvent.ACTIVATING_IN,
    DecisionKind.ERA_KNOWN: HookEvent.ACTIVATED,
    DecisionKind.ACTIVATED: HookEvent.ACTIVATED,
    DecisionKind.UNSUPPORTED_UPCOMING: HookEvent.UNSUPPORTED_UPCOMING,
    DecisionKind.UNSUPPORTED_CURRENT: HookEvent.UNSUPPORTED_CURRENT,
    DecisionKind.REFUSED: HookEvent.REFUSED,
    DecisionKind.REFUSED_MANY: HookEvent.REFUSED,
    DecisionKind.CONFLICT: HookEvent.REFUSED,
    DecisionKind.CONFIGURATION_ANNOUNCED: HookEvent.CONFIGURATION_ANNOUNCED,
    DecisionKind.CONFIGURATION_CHANGED: HookEvent.CONFIGURATION_CHANGED,
}
"""The hooks that a decision runs; ``decision`` in their facts tells apart what shares a hook."""

GRAVEST = (DecisionKind.CONFLICT, DecisionKind.REFUSED, DecisionKind.REFUSED_MANY)
"""What shares the hook ``refused``, the gravest first."""
EXAMPLES = 20
LAWFUL = {
    Superseded.__name__: "is superseded",
    Unconfirmed.__name__: "is new and waits for its confirmations",
    "OtherKind": "is of another kind",
}
"""Verdicts on what is as it should be and not in force all the same, in words."""

ERRORS = (
    DecisionKind.UNSUPPORTED_CURRENT,
    DecisionKind.CONFLICT,
    DecisionKind.REGRESSION_REFUSED,
    DecisionKind.NO_CURRENT_ERA,
    DecisionKind.NOTHING_TRUSTED,
    DecisionKind.VETOED,
    DecisionKind.THIN_SUPPORT,
)
QUIET = (
    DecisionKind.CONFIGURATION_ANNOUNCED,
    DecisionKind.CONFIGURATION_CHANGED,
    DecisionKind.ERA_KNOWN,
    DecisionKind.ANNOUNCED,
    DecisionKind.SCHEDULED,
    DecisionKind.ACTIVATING_IN,
    DecisionKind.ACTIVATED,
    DecisionKind.TRUSTED,
    DecisionKind.FRESH,
    DecisionKind.LEGACY_AGREES,
    DecisionKind.PROVIDER_ANSWERED,
    DecisionKind.MEMORY_TAKEN_OVER,
    DecisionKind.COMMAND_TAKEN,
    DecisionKind.PREPARED,
    DecisionKind.REGISTERED,
    DecisionKind.SUPPORTED,
)


def log_lines(decisions: Sequence[Decision], minimum: Minimum) -> Iterator[tuple[int, str]]:
    """The decisions upon one input as they are logged: severity and words.

    At a first start every change of the past is seen at once, and those payloads are reported in one line.
    """
    routine = [decision for decision in decisions if _verdicts(decision) == {Superseded.__name__}]
    for decision in decisions:
        if len(routine) > 1 and decision in routine:
            if decision is routine[0]:
                count = sum(map(_outputs, routine))
                yield logging.INFO, f"{count} earlier payloads at the era address are superseded by later ones"
        else:
            yield severity(decision), words(decision, minimum)


def severity(decision: Decision) -> int:
    """How loudly a decision is logged; what is in neither list above is a warning."""
    if decision.kind in ERRORS:
        return logging.ERROR
    return logging.INFO if decision.kind in QUIET or is_routine(decision) else logging.WARNING


def is_routine(decision: Decision) -> bool:
    """Whether a refusal is what lawful updates bring: the marker before, or one that is not deep enough yet."""
    return _verdicts(decision) <= LAWFUL.keys()


def _verdicts(decision: Decision) -> set[str]:
    """The verdicts of a refusal; of anything else one that nothing has."""
    if decision.kind == DecisionKind.REFUSED_MANY:
        return set(decision.facts["verdicts"])
    return {decision.facts["verdict"]} if decision.kind == DecisionKind.REFUSED else {""}


def _outputs(refused: Decision) -> int:
    return sum(refused.facts["verdicts"].values()) if refused.kind == DecisionKind.REFUSED_MANY else 1


def hook_of(decision: Decision, minimum: Minimum) -> tuple[HookEvent, Facts] | None:
    """The hook event of a decision, with its facts; none for routine or an unsupported activation."""
    event = HOOK_OF_KIND.get(DecisionKind(decision.kind))
    facts = decision.facts
    if event is None or is_routine(decision) or (event is HookEvent.ACTIVATED and facts["supported"] is False):
        return None
    told = {"decision": decision.kind, "epoch": decision.epoch, **facts}
    if facts.get("supported") is False or event is HookEvent.UNSUPPORTED_CURRENT:
        told["install"] = minimum(facts["era"])
    return event, told


def hooks_of(decisions: Sequence[Decision], minimum: Minimum) -> Iterator[tuple[HookEvent, Facts]]:
    """The hook events of the decisions upon one input, with their facts; what was refused is one event, the last."""
    refused: list[Decision] = []
    for decision in decisions:
        hooked = hook_of(decision, minimum)
        if hooked is None:
            continue
        if hooked[0] is HookEvent.REFUSED:
            refused.append(decision)
        else:
            yield hooked
    if refused:
        yield HookEvent.REFUSED, _refused_facts(refused)


def _refused_facts(refused: Sequence[Decision]) -> dict[str, object]:
    """The facts of the gravest; where there are several, the counts of all and some of their outputs too."""
    gravest = min(refused, key=lambda told: GRAVEST.index(DecisionKind(told.kind)))
    facts = {"decision": gravest.kind, "epoch": gravest.epoch, **gravest.facts}
    if len(refused) == 1:
        return facts
    verdicts: Counter[str] = Counter()
    outputs: list[str] = []
    for told in refused:
        verdicts.update(told.facts["verdicts"] if "verdicts" in told.facts else [told.facts["verdict"]])
        outputs += told.facts["examples"] if "examples" in told.facts else [told.facts["output"]]
    counted = {"count": verdicts.total(), "verdicts": dict(sorted(verdicts.items()))}
    return facts | counted | {"examples": outputs[:EXAMPLES]}


def words(decision: Decision, minimum: Minimum) -> str:
    """A decision in words for an operator."""
    facts, kind = decision.facts, decision.kind
    worded = _WORDS.get(DecisionKind(kind))
    if worded is None:
        return f"{kind}: {_listed(facts)}"
    return worded(decision, minimum)


def status_line(checker: EraChecker) -> str:
    """The era in one line, for ``systemctl status``."""
    view = checker.view
    token = view.token
    if token is None:
        return f"no era is known: {view.message}"
    line = f"epoch {token.epoch}, era {token.current.name}"
    if token.upcoming is not None:
        when = "announced" if token.upcoming.epoch is None else f"at epoch {token.upcoming.epoch}"
        line += f", {token.upcoming.name} {when}{'' if token.upcoming_supported else ' (NOT SUPPORTED)'}"
    return line if view.status is EraStatus.READY else f"{line}; {view.status.value}: {view.message}"


def _listed(facts: Facts) -> str:
    told = [
        _shown(value) if name in ("words", "reason") else f"{name} {_shown(value)}"
        for name, value in facts.items()
        if value is not None
    ]
    return ", ".join(told) or "no further facts"


def _shown(value: Any) -> str:
    """A fact as text: a list by its items, and a marker as it is written everywhere."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(dict.fromkeys(map(_shown, value)))}]"
    if isinstance(value, dict) and value.keys() == {"name", "epoch"}:
        return str(EraMarker(value["name"], value["epoch"]))
    return str(value)


def _left(facts: Facts) -> str:
    if facts.get("begins") is None:
        return "without an epoch yet"
    left = facts["epochs_left"]
    return f"at epoch {facts['begins']}, in {left} epoch{'' if left == 1 else 's'}"


def _install(era: str, minimum: Minimum) -> str:
    version = minimum(era)
    return f"Install a version that knows {era!r}" if version is None else f"Install version {version}"


def _known(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    return f"The current era is {facts['era']}, since epoch {facts['began']}"


def _activated(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    return f"The era {facts['era']} began at epoch {facts['began']}, after {facts['previous']}"


def _announced(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    was = "" if facts.get("was") is None else f"; it was epoch {facts['was']}"
    return f"The era {facts['era']} is {decision.kind}: {_left(facts)}{was}"


def _cancelled(decision: Decision, _minimum: Minimum) -> str:
    return f"The era {decision.facts['era']} is cancelled"


def _activating(decision: Decision, _minimum: Minimum) -> str:
    locked = ", and it is too late to move it" if decision.facts["locked"] else ""
    return f"The era {decision.facts['era']} begins {_left(decision.facts)}{locked}"


def _unsupported_upcoming(decision: Decision, minimum: Minimum) -> str:
    facts = decision.facts
    stop = "once it begins" if facts["begins"] is None else _left(facts)
    return (
        f"The upcoming era {facts['era']} is not supported by this software, which will have to stop {stop}. "
        f"{_install(facts['era'], minimum)} before then"
    )


def _unsupported_current(decision: Decision, minimum: Minimum) -> str:
    facts = decision.facts
    return (
        f"The current era {facts['era']} is not supported by this software, which must stop: it knows "
        f"{', '.join(facts['supported_eras'])}. {_install(facts['era'], minimum)}"
    )


def _unconfirmed(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    goes_on = (
        "nothing is remembered"
        if facts["era"] is None
        else f"the era {facts['era']} is in force by the remembered schedule"
    )
    return f"Epoch {decision.epoch} began and the chain cannot be read: {goes_on}. Not known: {facts['cannot_know']}"


def _failed(decision: Decision, _minimum: Minimum) -> str:
    reason: str = decision.facts["reason"]
    if decision.facts["code"] == WATCHER_LATE:
        return f"The chain is being read again: {reason}"
    return f"The chain cannot be read: {reason}"


def _refused_output(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    lawful = LAWFUL.get(facts["verdict"])
    made_of_it = f"was refused as {facts['verdict']}" if lawful is None else lawful
    return f"{facts['output']} {made_of_it}: {facts['reason']}"


def _trusted(decision: Decision, _minimum: Minimum) -> str:
    markers = ", ".join(_shown(marker) for marker in decision.facts["markers"])
    return f"The markers in force are {markers}, by {decision.facts['output']}"


def _prepared(decision: Decision, _minimum: Minimum) -> str:
    when = "an epoch ahead" if decision.facts["phase"] == "ahead" else "at the switch"
    return f"The node is prepared for the era {decision.facts['era']}, {when}"


def _unprepared(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    return (
        f"The node could not be prepared for the era {facts['era']}, which begins with the next epoch: "
        f"{facts['reason']}. Resolve it before then: at the switch this would stop the node"
    )


def _vetoed(decision: Decision, _minimum: Minimum) -> str:
    return f"The switch to the era {decision.facts['era']} was vetoed, and the node stops: {decision.facts['reason']}"


def _registered(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    return (
        f"{facts['party']} is registered with {facts['service']} for epoch {facts['for']}: it supports "
        f"{facts['eras']}; stake {facts['stake']}"
    )


def _not_registered(decision: Decision, _minimum: Minimum) -> str:
    return f"The node could not be registered, and will retry: {decision.facts['reason']}"


def _supported(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    return f"{facts['share']} of the {facts['base']} stake supports the era {facts['era']}, by {facts['service']}"


def _thin(decision: Decision, minimum: Minimum) -> str:
    facts = decision.facts
    return (
        f"ONLY {facts['share']} of the {facts['base']} stake supports the era {facts['era']}, which is in force, by "
        f"{facts['service']}; this node requires {facts['threshold']}. It continues, because staying behind would "
        "leave the network: ask the release team, and expect that a quorum may be missing"
    )


def _support_unknown(decision: Decision, _minimum: Minimum) -> str:
    return f"How much stake supports the era in force is not known: {decision.facts['reason']}"


def _fresh(_decision: Decision, _minimum: Minimum) -> str:
    return "What is in force is confirmed again"


def _stale(decision: Decision, _minimum: Minimum) -> str:
    return f"What is in force could not be confirmed: {decision.facts['reason']}"


def _answered(decision: Decision, _minimum: Minimum) -> str:
    return f"The chain can be read again, through {decision.facts['source']}"


def _legacy_agrees(_decision: Decision, _minimum: Minimum) -> str:
    return "Readers without these rules read the same markers again"


def _taken_over(decision: Decision, _minimum: Minimum) -> str:
    return f"Another process trusted {decision.facts['trusted']} meanwhile, which is adopted"


def _configuration_announced(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    if facts["configuration"] is None:
        return f"no protocol configuration holds {_left(facts)} any more"
    changes = ", ".join(facts["changes"]) or "as the one before it"
    return f"the protocol configuration {_left(facts)}: {changes}"


def _configuration_changed(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    held = ", ".join(f"{name} {value}" for name, value in facts["configuration"]["protocol_parameters"].items())
    changes = "".join(f"; {change}" for change in facts["changes"])
    return f"the protocol configuration since epoch {facts['began']}: {held}{changes}"


_WORDS: dict[DecisionKind, Callable[[Decision, Minimum], str]] = {
    DecisionKind.ERA_KNOWN: _known,
    DecisionKind.ACTIVATED: _activated,
    DecisionKind.ANNOUNCED: _announced,
    DecisionKind.SCHEDULED: _announced,
    DecisionKind.MOVED: _announced,
    DecisionKind.CANCELLED: _cancelled,
    DecisionKind.ACTIVATING_IN: _activating,
    DecisionKind.UNSUPPORTED_UPCOMING: _unsupported_upcoming,
    DecisionKind.UNSUPPORTED_CURRENT: _unsupported_current,
    DecisionKind.EPOCH_UNCONFIRMED: _unconfirmed,
    DecisionKind.PROVIDER_FAILED: _failed,
    DecisionKind.REFUSED: _refused_output,
    DecisionKind.CONFLICT: _refused_output,
    DecisionKind.TRUSTED: _trusted,
    DecisionKind.PREPARED: _prepared,
    DecisionKind.UNPREPARED: _unprepared,
    DecisionKind.VETOED: _vetoed,
    DecisionKind.REGISTERED: _registered,
    DecisionKind.NOT_REGISTERED: _not_registered,
    DecisionKind.SUPPORTED: _supported,
    DecisionKind.THIN_SUPPORT: _thin,
    DecisionKind.SUPPORT_UNKNOWN: _support_unknown,
    DecisionKind.STALE: _stale,
    DecisionKind.FRESH: _fresh,
    DecisionKind.PROVIDER_ANSWERED: _answered,
    DecisionKind.LEGACY_AGREES: _legacy_agrees,
    DecisionKind.MEMORY_TAKEN_OVER: _taken_over,
    DecisionKind.CONFIGURATION_ANNOUNCED: _configuration_announced,
    DecisionKind.CONFIGURATION_CHANGED: _configuration_changed,
}

"""A node's reactions to the decisions of the core: log lines, and hook events with their facts. Pure."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chain_reader.node.kinds import Decision, DecisionKind
from chain_reader.trust.verdicts import Superseded, Unconfirmed
from datum.verdicts import OtherKind
from era_service.node.hooks import HookEvent
from era_store.records import Facts
from eras import EraChecker, EraMarker, EraStatus
from eras.words import counted

Minimum = Callable[[str], str | None]
"""Era → the version to install for it, in words; ``None`` if it is unknown."""

WATCHER_LATE = "WatcherLate"
"""The code of a failure that is not the provider's: the watcher itself did not run for too long."""

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
"""The hook of each decision; ``decision`` in its facts distinguishes those that share one."""

MOST_SEVERE = (DecisionKind.CONFLICT, DecisionKind.REFUSED, DecisionKind.REFUSED_MANY)
"""The decisions that share the hook ``refused``, most severe first."""
EXAMPLES = 20
ROUTINE = {
    Superseded.__name__: "is superseded",
    Unconfirmed.__name__: "is new and waits for its confirmations",
    OtherKind.__name__: "is of another kind",
}
"""Verdicts on payloads that are valid but not in force, in words."""

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
    """The log lines about the decisions on one input: level and words.

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
    """The log level of a decision; one in neither list above is a warning."""
    if decision.kind in ERRORS:
        return logging.ERROR
    return logging.INFO if decision.kind in QUIET or is_routine(decision) else logging.WARNING


def is_routine(decision: Decision) -> bool:
    """Whether a refusal is part of normal updates: an earlier marker, or one that is not deep enough yet."""
    return _verdicts(decision) <= ROUTINE.keys()


def _verdicts(decision: Decision) -> set[str]:
    """The verdicts of a refusal; for another decision, a verdict that does not exist."""
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
    given = {"decision": decision.kind, "epoch": decision.epoch, **facts}
    if facts.get("supported") is False or event is HookEvent.UNSUPPORTED_CURRENT:
        given["install"] = minimum(facts["era"])
    return event, given


def hooks_of(decisions: Sequence[Decision], minimum: Minimum) -> Iterator[tuple[HookEvent, Facts]]:
    """The hook events of the decisions on one input, with their facts; all refusals are one event, the last."""
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
    """The facts of the most severe; if there are several, also the counts of all and some of their outputs."""
    worst = min(refused, key=lambda one: MOST_SEVERE.index(DecisionKind(one.kind)))
    facts = {"decision": worst.kind, "epoch": worst.epoch, **worst.facts}
    if len(refused) == 1:
        return facts
    verdicts: Counter[str] = Counter()
    outputs: list[str] = []
    for one in refused:
        verdicts.update(one.facts["verdicts"] if "verdicts" in one.facts else [one.facts["verdict"]])
        outputs += one.facts["examples"] if "examples" in one.facts else [one.facts["output"]]
    counted = {"count": verdicts.total(), "verdicts": dict(sorted(verdicts.items()))}
    return facts | counted | {"examples": outputs[:EXAMPLES]}


def words(decision: Decision, minimum: Minimum) -> str:
    """A decision in words for an operator."""
    facts, kind = decision.facts, DecisionKind(decision.kind)
    if kind in SENTENCES:
        return SENTENCES[kind].format_map(facts)
    if kind in _WORDS:
        return _WORDS[kind](decision, minimum)
    return f"{kind}: {_listed(facts)}"


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
    shown = [
        _shown(value) if name in ("words", "reason") else f"{name} {_shown(value)}"
        for name, value in facts.items()
        if value is not None
    ]
    return ", ".join(shown) or "no further facts"


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
    return f"at epoch {facts['begins']}, in {counted(facts['epochs_left'], 'epoch')}"


def _install(era: str, minimum: Minimum) -> str:
    version = minimum(era)
    return f"Install a version that knows {era!r}" if version is None else f"Install version {version}"


def _announced(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    was = "" if facts.get("was") is None else f"; it was epoch {facts['was']}"
    return f"The era {facts['era']} is {decision.kind}: {_left(facts)}{was}"


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
    late = decision.facts["code"] == WATCHER_LATE
    return f"The chain {'is being read again' if late else 'cannot be read'}: {decision.facts['reason']}"


def _refused_output(decision: Decision, _minimum: Minimum) -> str:
    facts = decision.facts
    judged = ROUTINE.get(facts["verdict"], f"was refused as {facts['verdict']}")
    return f"{facts['output']} {judged}: {facts['reason']}"


def _trusted(decision: Decision, _minimum: Minimum) -> str:
    markers = ", ".join(_shown(marker) for marker in decision.facts["markers"])
    return f"The markers in force are {markers}, by {decision.facts['output']}"


def _prepared(decision: Decision, _minimum: Minimum) -> str:
    when = "an epoch ahead" if decision.facts["phase"] == "ahead" else "at the switch"
    return f"The node is prepared for the era {decision.facts['era']}, {when}"


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


SENTENCES = {
    DecisionKind.ERA_KNOWN: "The current era is {era}, since epoch {began}",
    DecisionKind.ACTIVATED: "The era {era} began at epoch {began}, after {previous}",
    DecisionKind.CANCELLED: "The era {era} is cancelled",
    DecisionKind.UNPREPARED: (
        "The node could not be prepared for the era {era}, which begins with the next epoch: {reason}. Resolve it "
        "before then: at the switch this would stop the node"
    ),
    DecisionKind.VETOED: "The switch to the era {era} was vetoed, and the node stops: {reason}",
    DecisionKind.REGISTERED: (
        "{party} is registered with {service} for epoch {for}: it supports {eras}; stake {stake}"
    ),
    DecisionKind.NOT_REGISTERED: "The node could not be registered, and will retry: {reason}",
    DecisionKind.SUPPORTED: "{share} of the {base} stake supports the era {era}, by {service}",
    DecisionKind.THIN_SUPPORT: (
        "ONLY {share} of the {base} stake supports the era {era}, which is in force, by {service}; this node requires "
        "{threshold}. It continues, because staying behind would leave the network: ask the release team, and expect "
        "that a quorum may be missing"
    ),
    DecisionKind.SUPPORT_UNKNOWN: "How much stake supports the era in force is not known: {reason}",
    DecisionKind.FRESH: "What is in force is confirmed again",
    DecisionKind.STALE: "What is in force could not be confirmed: {reason}",
    DecisionKind.PROVIDER_ANSWERED: "The chain can be read again, through {source}",
    DecisionKind.LEGACY_AGREES: "Readers without these rules read the same markers again",
    DecisionKind.MEMORY_TAKEN_OVER: "Another process trusted {trusted} meanwhile, which is adopted",
}
"""The decisions whose words are one sentence with their facts."""

_WORDS: dict[DecisionKind, Callable[[Decision, Minimum], str]] = {
    DecisionKind.ANNOUNCED: _announced,
    DecisionKind.SCHEDULED: _announced,
    DecisionKind.MOVED: _announced,
    DecisionKind.ACTIVATING_IN: _activating,
    DecisionKind.UNSUPPORTED_UPCOMING: _unsupported_upcoming,
    DecisionKind.UNSUPPORTED_CURRENT: _unsupported_current,
    DecisionKind.EPOCH_UNCONFIRMED: _unconfirmed,
    DecisionKind.PROVIDER_FAILED: _failed,
    DecisionKind.REFUSED: _refused_output,
    DecisionKind.CONFLICT: _refused_output,
    DecisionKind.TRUSTED: _trusted,
    DecisionKind.PREPARED: _prepared,
    DecisionKind.CONFIGURATION_ANNOUNCED: _configuration_announced,
    DecisionKind.CONFIGURATION_CHANGED: _configuration_changed,
}

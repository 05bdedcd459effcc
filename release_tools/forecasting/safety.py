"""Judges whether a switch is safe, with reasons, for the command line and the dashboard. Pure.

In: a forecast, the gate, and the state of the reading that both depend on. Out: a ``SwitchSafety``. The rules:

1. The verdict is unknown if the reading is stale, or if there is neither a forecast nor a gate.
2. The verdict is that of the forecast, but a gate that is not met turns *safe* into *not yet*; without a forecast the
   gate decides.
3. An override does not change the verdict; it is listed as a reason.
"""

from dataclasses import dataclass

from release_tools.adoption.gate import GateResult
from release_tools.forecasting.lottery import chance_words, probability_words
from release_tools.forecasting.result import Forecast, Verdict


@dataclass(frozen=True, slots=True)
class SwitchSafety:
    """Whether a switch is safe, and why.

    Attributes:
        verdict: the answer.
        reasons: the reasons, the decisive one first.
    """

    verdict: Verdict
    reasons: tuple[str, ...]


def judge_switch(
    forecast: Forecast | None,
    gate: GateResult | None,
    *,
    missing: str = "neither a quorum nor a gate is configured",
    stale: bool = False,
    override: str | None = None,
    refused: int = 0,
    supported: bool = True,
) -> SwitchSafety:
    """Judge whether a switch is safe.

    Args:
        forecast: the forecast of the switch, if there is one.
        gate: the result of the gate, if there is one.
        missing: the reason why there is neither.
        stale: whether the reading is not confirmed by the chain now.
        override: the reason for overriding the gate; ``None`` if it was not overridden.
        refused: the number of refused payloads at the era address.
        supported: whether this software supports the era.
    """
    deciding, others = _decided(forecast, gate, missing)
    verdict, reasons = deciding[0], [deciding[1], *others]
    if stale:
        verdict = Verdict.UNKNOWN
        reasons.insert(0, "the chain does not confirm now what is known of it")
    if not supported:
        reasons.append("the release that judges this does not support the era: its nodes would stop at the switch")
    if override is not None:
        reasons.append(f"the gate was overridden, for the reason: {override}")
    if refused:
        reasons.append(f"{refused} {'payload was' if refused == 1 else 'payloads were'} refused, and changed nothing")
    return SwitchSafety(verdict, tuple(reasons))


def _decided(forecast: Forecast | None, gate: GateResult | None, missing: str) -> tuple[tuple[Verdict, str], list[str]]:
    """The answer with its reason, and the other reasons."""
    of_quorum = None if forecast is None else (forecast.verdict, quorum_reason(forecast))
    of_gate = None if gate is None else (Verdict.SAFE if gate.met else Verdict.NOT_YET, _gate_reason(gate))
    if of_quorum is None:
        alone = ["without a forecast, the gate alone answers"]
        return ((Verdict.UNKNOWN, missing), []) if of_gate is None else (of_gate, alone)
    if of_gate is None:
        return of_quorum, []
    if of_quorum[0] is Verdict.SAFE and of_gate[0] is Verdict.NOT_YET:
        return of_gate, [f"for a quorum alone, {of_quorum[1]}"]
    return of_quorum, [of_gate[1]]


def _gate_reason(gate: GateResult) -> str:
    words = "; ".join((gate.words, *gate.lacks[:1]))
    return words[:1].lower() + words[1:]


def quorum_reason(found: Forecast) -> str:
    """Describe the reason for the verdict of a forecast."""
    wanted = probability_words(found.probability)
    if found.verdict is Verdict.SAFE:
        return f"enough stake is ready for a {wanted} chance of a quorum"
    if found.verdict is Verdict.NOT_YET:
        return f"too little stake is ready today for a {wanted} chance of a quorum; by the trend there will be enough"
    chance = chance_words(found.danger.quorum_probability.value)
    return f"the chance of a quorum in epoch {found.danger.epoch} is {chance}, below the wanted {wanted}"

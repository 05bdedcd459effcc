"""Is it safe to switch? One answer, whoever asks."""

from collections.abc import Sequence
from fractions import Fraction

import pytest

from release_tools import Compatibility, GateResult, judge_gate
from release_tools.adoption.shares import Gate
from release_tools.forecasting.result import Forecast, Verdict
from release_tools.forecasting.safety import judge_switch
from tests.release_tools.test_forecast import TABLE, forecast_of, shares_of

READY = shares_of(0.99, 0.99, 0.99, 0.99)
FEW = shares_of(0.3, 0.3, 0.3, 0.3)


def gate(threshold: str, repository: object = READY, table: Compatibility = TABLE) -> GateResult:
    """How the era of the forecasts stands to a gate."""
    (era,) = table.eras[-1:]
    return judge_gate(repository, era, Gate(Fraction(threshold)), table)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("forecast", "judged", "expected", "reasons"),
    [
        (forecast_of(READY, 8), None, Verdict.SAFE, ["enough stake is ready"]),
        (forecast_of(READY, 8), gate("0.5"), Verdict.SAFE, ["enough stake is ready", "is met"]),
        (forecast_of(READY, 8), gate("0.999"), Verdict.NOT_YET, ["is not met", "for a quorum alone, enough stake"]),
        (forecast_of(FEW, 8), gate("0.3", FEW), Verdict.NOT_SAFE, ["below the wanted", "is met"]),
        (None, gate("0.5"), Verdict.SAFE, ["is met", "the gate alone answers"]),
        (None, gate("0.999"), Verdict.NOT_YET, ["is not met", "the gate alone answers"]),
        (None, None, Verdict.UNKNOWN, ["neither a quorum nor a gate"]),
    ],
)
def test_the_answer_and_the_reason_that_decides_first(
    forecast: Forecast | None, judged: GateResult | None, expected: Verdict, reasons: Sequence[str]
) -> None:
    found = judge_switch(forecast, judged)
    assert found.verdict is expected
    assert len(found.reasons) == len(reasons)
    for words, part in zip(found.reasons, reasons, strict=True):
        assert part in words


def test_what_is_stale_is_not_known_and_what_was_done_to_the_gate_is_told() -> None:
    found = judge_switch(forecast_of(READY, 8), None, stale=True, override="a fire", refused=2)
    assert found.verdict is Verdict.UNKNOWN
    assert found.reasons[0] == "the chain does not confirm now what is known of it"
    assert found.reasons[-2:] == (
        "the gate was overridden, for the reason: a fire",
        "2 payloads were refused, and changed nothing",
    )
    assert judge_switch(forecast_of(READY, 8), None, override="a fire", refused=1).verdict is Verdict.SAFE

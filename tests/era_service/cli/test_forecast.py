"""``eraswitch adoption forecast``: the bare question, the forecast from a store, and the page that explains it."""

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from era_service.cli.adoption.forecast_view import forecast_lines, gate_words
from era_store import Registration, open_store
from eras import Epoch
from release_tools import judge_gate
from release_tools.adoption.shares import Gate
from release_tools.forecasting.lottery import FixedQuorum
from release_tools.forecasting.lottery_parameters import PUBLISHED, SourcedQuorum
from release_tools.forecasting.result import Verdict
from release_tools.forecasting.safety import judge_switch
from tests.conftest import ROOT
from tests.era_service.conftest import Shell, invoke
from tests.release_tools.test_forecast import TABLE, forecast_of, rising, shares_of

LOTTERY = ("--k", "2422", "--m", "20973", "--phi-f", "0.2")
LOTTERY_DOCUMENT = {"model": "lottery", "k": 2422, "m": 20973, "phi_f": 0.2}
PAGE = ROOT / "docs" / "forecast.md"


@pytest.fixture
def registered(own_folders: Path) -> Path:
    """Five epochs of registrations in which the ready share rises from 20 % to 60 %."""
    with open_store(str(own_folders / "store.sqlite3")) as store:
        for step in range(5):
            parties = {"early": 20, "b": 10, "c": 10, "d": 10, "e": 10, "late": 30, "last": 10}
            ready = list(parties)[: step + 1]
            rows = [
                Registration(
                    party, Epoch(100 + step), "2.0.0" if party in ready else "1.0.0", stake * 10**12, step, "t"
                )
                for party, stake in parties.items()
            ]
            store.registrations.ingest(rows, source="t", time_s=0.0)
    Path("compatibility.toml").write_text('pythagoras = ">=2.0.0"\n')
    Path("eraswitch.toml").write_text(
        '[store]\nurl = "store.sqlite3"\n[adoption]\ncompatibility_file = "compatibility.toml"\n'
    )
    return own_folders


def asked(*arguments: str) -> dict[str, object]:
    result = invoke("adoption", "forecast", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def planned(*parameters: tuple[int, int]) -> None:
    """A file with configurations, each an epoch and its k."""
    Path("planned.json").write_text(
        json.dumps(
            [
                {
                    "epoch": epoch,
                    "protocol_parameters": {"k": k, "m": 20973, "phi_f": 0.2},
                    "enabled_signed_entity_types": [],
                }
                for epoch, k in parameters
            ]
        )
    )


def test_a_planned_configuration_is_forecast_before_it_holds(registered: Path) -> None:
    planned((0, 1944), (108, 2422))
    question = ("pythagoras", "--with-configuration", "planned.json")
    found = {at: asked(*question, "--at", str(at))["quorum"] for at in (105, 109)}
    assert found[105] == {
        "model": "lottery",
        "k": 1944,
        "m": 20973,
        "phi_f": 0.2,
        "source": "the protocol configuration of epoch 104 in planned.json",
    }
    assert asked(*question, "--at", "109") == {
        **asked("pythagoras", "--at", "109", *LOTTERY),
        "quorum": {**LOTTERY_DOCUMENT, "source": "the protocol configuration of epoch 108 in planned.json"},
    }
    near = invoke("adoption", "forecast", *question, "--at", "108")
    assert "from epoch 109 on the network signs with the configuration of epoch 108" in near.stderr
    assert "Warning" not in invoke("adoption", "forecast", *question, "--at", "109").stderr


def test_the_bare_question_with_a_planned_configuration(own_folders: Path) -> None:
    planned((0, 1944), (108, 2422))
    assert asked("--share", "0.58", "--with-configuration", "planned.json") == asked("--share", "0.58", *LOTTERY)
    both = invoke("adoption", "forecast", "--share", "0.58", "--with-configuration", "planned.json", "--k", "5")
    assert "leave out --k" in both.stderr
    planned((9, 1944))
    early = invoke("adoption", "forecast", "pythagoras", "--at", "9", "--with-configuration", "planned.json")
    assert "a configuration that holds at epoch 8, got the first one from epoch 9 on" in early.stderr


# --- the bare question


def test_the_bare_question(shell: Shell) -> None:
    done = shell("adoption", "forecast", "--share", "0.58", *LOTTERY, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert list(document) == ["quorum_probability", "share_needed"]
    assert document["quorum_probability"] == pytest.approx(0.9959781113250508, rel=1e-12)
    assert document["share_needed"] == {"0.999": pytest.approx(0.5851123155771695, rel=1e-12)}


def test_no_share_suffices_is_null() -> None:
    assert asked("--share", "90%", "--k", "5000", "--m", "20973", "--phi-f", "0.2")["share_needed"] == {"0.999": None}
    words = invoke("adoption", "forecast", "--share", "90%", "--k", "5000", "--m", "20973", "--phi-f", "0.2")
    assert "For a 99.9 % chance of a quorum, no share of the stake suffices" in words.stdout


def test_several_probabilities_and_the_fixed_rules() -> None:
    found = asked("--share", "0.67", "--model", "cosmos", "--probability", "0.5", "--probability", "1")
    assert found["quorum_probability"] == 1
    assert found["share_needed"] == {"0.5": pytest.approx(2 / 3), "1.0": pytest.approx(2 / 3)}
    assert asked("--share", "0", "--model", "ethereum")["quorum_probability"] == 0


def test_parameters_that_are_not_given_are_said_with_their_source() -> None:
    result = invoke("adoption", "forecast", "--share", "0.58", "--network", "mainnet", "--json")
    published = PUBLISHED["release-mainnet"]
    assert result.stderr == f"With {published.model.words}, {published.source}\n"
    assert json.loads(result.stdout)["quorum_probability"] == published.model.quorum_probability(0.58)
    Path("eraswitch.toml").write_text('[quorum]\nk = 5\nm = 100\nphi_f = 0.65\nsource = "the runbook"\n')
    result = invoke("adoption", "forecast", "--share", "0.58", "--network", "mainnet", "--json")
    assert result.stderr == "With Mithril's lottery with k=5, m=100, phi_f=0.65, the runbook\n"
    given = invoke("adoption", "forecast", "--share", "0.58", *LOTTERY)
    assert given.stdout.startswith("With Mithril's lottery with k=2422, m=20973, phi_f=0.2\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Give ERA and --at EPOCH, or --share SHARE"),
        (("pythagoras",), "Give ERA and --at EPOCH"),
        (("--share", "0.5"), "The quorum is not configured"),
        (("--share", "0.5", "--network", "preprod"), "release-preprod published none"),
        (("--share", "0.5", "--k", "5"), "expected all of k, m and phi_f, got only k"),
        (("--share", "0.5", "--k", "5", "--model", "cosmos"), "got k with the model cosmos"),
        (("--share", "1.5", *LOTTERY), "expected more than 0% and at most 100%"),
        (("--share", "-1", *LOTTERY), "expected more than 0% and at most 100%"),
        (("--share", "nan", *LOTTERY), "expected more than 0% and at most 100%"),
        (("--share", "0.5", "--k", "0", "--m", "5", "--phi-f", "0.2"), "'--k'"),
        (("--share", "0.5", "--k", "1", "--m", "5", "--phi-f", "0"), "'--phi-f'"),
        (("--share", "0.5", "--k", "1", "--m", "5", "--phi-f", "nan"), "phi_f of the lottery is not usable"),
        (("--share", "0.5", *LOTTERY, "--probability", "0"), "'--probability'"),
        (("pythagoras", "--at", "9", "--share", "0.5", *LOTTERY), "--share cannot be combined with"),
        (("pythagoras", "--at", "9", *LOTTERY, "--probability", "0.5", "--probability", "0.6"), "with --share only"),
        (("pythagoras", "--at", "9", *LOTTERY, "--reliability", "1", "--signatures", "x"), "give one of them"),
        (("pythagoras", "--at", "9", *LOTTERY, "--signatures", "gone"), "A file cannot be read"),
        (("pythagoras", "--at", "9", *LOTTERY), "got none. Set store.url (ERASWITCH_STORE__URL)"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(own_folders: Path, arguments: tuple[str, ...], words: str) -> None:
    result = invoke("adoption", "forecast", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output


# --- the forecast


def test_the_forecast_from_a_store(registered: Path) -> None:
    found = asked("pythagoras", "--at", "107", *LOTTERY)
    assert found["now"] == {
        "epoch": 104, "ready_stake": 60 * 10**12, "registered_stake": 100 * 10**12, "ready_share": 0.6, "parties": 7
    }  # fmt: skip
    rows = [(row["epoch"], row["phase"]) for row in found["epochs"]]  # type: ignore[attr-defined]
    assert rows == [
        (105, "before"),
        (106, "before"),
        (107, "danger"),
        (108, "danger"),
        (109, "after"),
        (110, "after"),
        (111, "after"),
    ]
    assert found["quorum"]["source"] == "given on the command line"  # type: ignore[index]
    assert [call["party_id"] for call in asked("pythagoras", "--at", "107", "--epoch", "102", *LOTTERY)["calls"]] == [  # type: ignore[attr-defined]
        "late"
    ]


def test_the_forecast_from_a_store_that_the_command_line_names(registered: Path) -> None:
    configured = asked("pythagoras", "--at", "107", *LOTTERY)
    Path("eraswitch.toml").write_text('[adoption]\ncompatibility_file = "compatibility.toml"\n')
    assert asked("pythagoras", "--at", "107", *LOTTERY, "--store", "store.sqlite3") == configured


def test_in_words(registered: Path) -> None:
    result = invoke("adoption", "forecast", "pythagoras", "--at", "107", "--epoch", "102", *LOTTERY)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[:6] == [
        "Forecast of pythagoras at epoch 107, from registrations up to epoch 102",
        "Quorum       Mithril's lottery with k=2422, m=20973, phi_f=0.2, given on the command line",
        "Ready        40.0 % of the 100.0 M ADA that 7 parties registered",
        "Reliability  100.0 %, assumed to be 1: no source states which parties signed",
        "Needed       58.52 % must sign for a 99.9 % chance of a quorum, so 58.52 % must be ready",
        "By trend     not known",
    ]
    assert lines[8].startswith("103 to 106  101 to 104  100.0 %")
    assert lines[9].split("  ")[0] == "107"
    assert lines[-1].startswith("Verdict      not")
    assert lines[-4:-2] == [
        "Whom to call (1 party would do; then would be ready, and the quorum now):",
        "  late  30.0 M ADA  1.0.0  → 70.0 %, > 99.99 %",
    ]
    assert "Note: No trend can be derived from 3 epochs" in result.stderr
    with_trend = invoke("adoption", "forecast", "pythagoras", "--at", "107", *LOTTERY).stdout
    assert "By trend     reached already" in with_trend


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((0.10, 0.20, 0.15, 0.25), "reached in epoch 9 (95 % interval: epoch 4 on, with no end in sight)"),
        ((0.10, 0.20, 0.31, 0.40, 0.50), "reached in epoch 5 (95 % interval: epoch 5 to 6)"),
        ((0.50, 0.45, 0.41, 0.36, 0.32), "not in sight"),
        ((0.30, 0.30, 0.30, 0.30, 0.30), "not known"),
        ((0.50, 0.60, 0.70), "reached already"),
    ],
)
def test_when_enough_is_ready_is_said_with_its_interval(shares: tuple[float, ...], words: str) -> None:
    found = forecast_of(shares_of(*shares), len(shares) + 2)
    assert f"By trend     {words}" in list(forecast_lines(found))


def test_chart_and_signatures(registered: Path) -> None:
    Path("signed.csv").write_text("epoch,party_id\n" + "".join(f"106,{one}\n" for one in ("early", "b", "c")))
    found = asked("pythagoras", "--at", "107", *LOTTERY, "--signatures", "signed.csv", "--chart", "chart.svg")
    assert found["reliability"]["words"] == "measured in epoch 106, over 7 parties"  # type: ignore[index]
    assert found["reliability"]["average"] == 0.4  # type: ignore[index]
    chart = Path("chart.svg").read_text()
    assert chart.startswith("<svg")
    for words in (
        "Forecast of pythagoras at epoch 107",
        "trend, at worst",
        "chance of a quorum",
        "wanted 99.9 %",
        "the switch",
        "needed ",
    ):
        assert words in chart
    assert "var(" not in chart
    share, chance = chart.split("<svg ")[2:]
    assert ("chance of a quorum" in share, "chance of a quorum" in chance) == (False, True)
    assert "trend" not in chance
    drawn = invoke("adoption", "forecast", "pythagoras", "--at", "107", *LOTTERY, "--chart", "chart.png")
    assert drawn.exit_code == 2
    assert "name a file that ends in .svg" in drawn.stderr


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("pythagora", "--at", "107"), "Did you mean 'pythagoras'?", 2),
        (("pythagoras", "--at", "104"), "A switch at epoch 104 cannot be forecast", 2),
        (("pythagoras", "--at", "18446744073709551615"), "expected an epoch from 105 to 204", 2),
        (("pythagoras", "--at", "107", "--epoch", "7"), "registrations of epoch 7, got none", 1),
    ],
)
def test_what_cannot_be_forecast(registered: Path, arguments: tuple[str, ...], words: str, code: int) -> None:
    result = invoke("adoption", "forecast", *arguments, *LOTTERY)
    assert words in result.stderr
    assert result.exit_code == code
    assert result.stdout == ""


# --- the page


def test_the_page_cites_the_source_of_every_published_set() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for found in PUBLISHED.values():
        number = found.source.rstrip(")").rpartition(" ")[2]
        lottery = found.model.to_dict()
        row = rf"\| {lottery['k']} \| {lottery['m']} \| {lottery['phi_f']} \| "
        assert re.search(rf"{row}\S+IntersectMBO/mithril/(issues|pull)/{number} ", text)


# --- the verdict


def verdict(at: int, gate: str = "") -> str:
    if gate:
        with Path("eraswitch.toml").open("a") as file:
            file.write(f'gate_threshold = "{gate}"\n')
    done = invoke("adoption", "forecast", "pythagoras", "--at", str(at), "--model", "cosmos")
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_switch_too_early_is_not_safe_and_the_gate_agrees(registered: Path) -> None:
    shown = verdict(105, "95%")
    assert "Verdict      not safe: the chance of a quorum in epoch" in shown
    assert shown.splitlines()[-1].startswith("Gate         agrees: The gate of pythagoras is not met")


def test_where_a_quorum_is_likely_a_gate_that_is_not_met_decides() -> None:
    found = forecast_of(rising(), 8, quorum=SourcedQuorum(FixedQuorum(Fraction(1, 10)), "a test"))
    gate = judge_gate(rising(), "pythagoras", Gate(Fraction(95, 100)), TABLE)
    assert (found.verdict, judge_switch(found, gate).verdict, gate.met) == (Verdict.SAFE, Verdict.NOT_YET, False)
    assert gate_words(found, gate).startswith(
        "Gate         decides, because it asks for more than a quorum: enough stake"
    )


def test_a_switch_in_time_by_the_trend_is_not_yet_safe_and_a_low_gate_differs(registered: Path) -> None:
    shown = verdict(140, "50%")
    assert "Verdict      not yet: too little stake is ready today" in shown
    assert "Gate         differs, because it asks for a share, not for the chance of a quorum" in shown


def test_enough_that_are_ready_today_are_safe(registered: Path) -> None:
    Path("compatibility.toml").write_text('pythagoras = ">=1.0.0"\n')
    assert "Verdict      safe: enough stake is ready" in verdict(110)
    assert asked("pythagoras", "--at", "110", "--model", "cosmos")["verdict"] == "safe"

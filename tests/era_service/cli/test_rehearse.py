"""``eraswitch rehearse``, as a release team runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.era_service.conftest import invoke

SCENARIO = """
title = "Ours"
nodes = 20
epochs = {epochs}
[quorum]
k = 1944
m = 16948
phi_f = 0.2
[[versions]]
name = "0.4.0"
eras = ["thales", "pythagoras"]
share = 1.0
[[actions]]
do = "activate"
at = 101
era = "pythagoras"
epoch = 103
[expect]
current = "{expected}"
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "ours.toml"
    path.write_text(SCENARIO.format(epochs=5, expected="pythagoras"))
    return path


def test_a_scenario_is_played_and_told(scenario: Path):
    done = invoke("rehearse", str(scenario))
    assert done.exit_code == 0, done.output
    assert "Ours: 20 nodes, seed 1" in done.stdout
    assert "101  the team publishes: activate pythagoras at epoch 103" in done.stdout
    assert "met    pythagoras is current at the end: pythagoras" in done.stdout
    assert "No rule was broken" in done.stdout


def test_json_is_the_whole_outcome_and_the_same_again(scenario: Path):
    once, again = (invoke("rehearse", str(scenario), "--json", "--nodes", "30", "--seed", "5") for _ in range(2))
    assert once.stdout == again.stdout
    told = json.loads(once.stdout)
    assert (told["ok"], told["nodes"], told["seed"], told["shortest"]) == (True, 30, 5, None)
    assert [row["era"] for row in told["epochs"]] == ["thales"] * 3 + ["pythagoras"] * 2


def test_the_same_to_the_byte_in_processes_that_hash_differently(tmp_path: Path):
    command = [
        Path(sys.executable).with_name("eraswitch"),
        "rehearse",
        "crash-at-the-switch",
        "--nodes",
        "40",
        "--json",
    ]
    told = [
        subprocess.run(command, capture_output=True, check=True, env=os.environ | {"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert json.loads(told[0])["ok"]


def test_the_verdict_is_the_last_that_is_seen(scenario: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("era_service.cli.shared.output.terminal_width", lambda **_: 80)
    lines = invoke("rehearse", str(scenario)).stdout.splitlines()
    assert max(map(len, lines)) <= 80, "every line fits the terminal"
    verdict = lines[lines.index("It went well: the quorum was kept in all 5 epochs") :]
    assert " ".join(line.strip() for line in verdict[1:]) == (
        "When pythagoras began at epoch 103, 100.0 % of the registered stake was ready, and no node had to stop "
        "At the end 20 of 20 nodes run in pythagoras; 100.0 % of the network's stake signs "
        "Next: Go on with this plan; the gate of marker activate checks the real stake"
    )


def test_the_report_is_one_page_with_the_charts_in_it(scenario: Path, tmp_path: Path):
    scenario.write_text(scenario.read_text().replace("Ours", "Ours <b>& theirs"))
    report = tmp_path / "report.html"
    assert invoke("rehearse", str(scenario), "--html", str(report)).exit_code == 0
    page = report.read_text()
    assert "<title>Ours &lt;b&gt;&amp; theirs</title>" in page
    assert page.count("<svg") == 6, "four charts, one of which has two in it, for the chance and for the stake"
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page


def test_what_ends_otherwise_is_shrunk_and_fails(scenario: Path):
    scenario.write_text(SCENARIO.format(epochs=5, expected="thales"))
    done = invoke("rehearse", str(scenario))
    assert done.exit_code == 1
    assert "MISSED thales is current at the end: pythagoras" in done.stdout
    assert "The shortest story that fails in this way" in done.stdout
    assert "  1 node, " in done.stdout
    told = json.loads(invoke("rehearse", str(scenario), "--json").stdout)
    assert told["shortest"]["scenario"]["nodes"] == 1
    assert json.loads(invoke("rehearse", str(scenario), "--json", "--no-shrink").stdout)["shortest"] is None


def test_the_shortest_story_can_be_played_again(scenario: Path, tmp_path: Path):
    scenario.write_text(SCENARIO.format(epochs=5, expected="thales"))
    short = tmp_path / "short.toml"
    done = invoke("rehearse", str(scenario), "--shortest", str(short))
    assert f"The shortest story: {short}" in done.stdout
    well = invoke("rehearse", "healthy", "--nodes", "20", "--shortest", str(tmp_path / "none"))
    assert f"No story fails, so {tmp_path / 'none'} is not written" in well.stdout
    again = invoke("rehearse", str(short), "--no-shrink", "--json")
    assert again.exit_code == 1
    told = json.loads(again.stdout)
    assert (told["nodes"], [one["expected"] for one in told["expected"] if not one["met"]]) == (
        1,
        ["thales is current at the end"],
    )


def test_scenarios_are_listed():
    listed = json.loads(invoke("rehearse", "--list", "--json").stdout)
    assert {"healthy", "too-early", "pythagoras-mainnet"} <= {entry["name"] for entry in listed}
    assert "too-early" in invoke("rehearse", "--list").stdout


@pytest.mark.parametrize("arguments", [(), ("no-such",), ("gone.toml",), ("healthy", "--nodes", "0")])
def test_mistakes_are_usage_errors(arguments: tuple[str, ...]):
    done = invoke("rehearse", *arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output

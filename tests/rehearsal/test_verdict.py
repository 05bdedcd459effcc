"""The verdict on a rehearsal: what a release manager is told first."""

from dataclasses import replace

from eras import Epoch
from release_tools.rehearsal import rehearse
from release_tools.rehearsal.invariants import Violation
from release_tools.rehearsal.outcome import Outcome
from release_tools.rehearsal.report import html_report
from release_tools.rehearsal.scenario_files import find_scenario
from tests.rehearsal.conftest import ACTIVATE, ANNOUNCE, small

EQUAL = {"distribution": "equal"}
GRADES = {"parameters-near-a-switch": "bad", "too-early": "bad", "sleepers": "bad", "partition": "bad"}
"""What is expected of a story makes it no better; all the others go well."""


def with_share(ready: float, **changes: object) -> Outcome:
    versions = [
        {"name": "0.4.0", "eras": ["thales", "pythagoras"], "share": ready},
        {"name": "0.3.0", "eras": ["thales"], "share": 1 - ready},
    ]
    return rehearse(small(nodes=100, versions=versions, stake=EQUAL, **changes))


def test_a_story_that_ends_as_expected_is_still_called_what_it_is(shipped: tuple[str, Outcome]):
    name, outcome = shipped
    assert outcome.ok
    assert outcome.verdict.grade == GRADES.get(name, "good")
    assert ("quorum was lost" in outcome.verdict.headline) is (name in GRADES)


def test_activated_too_early_it_says_how_much_was_ready_and_what_is_needed():
    verdict = with_share(0.5).verdict
    assert (verdict.grade, verdict.headline) == ("bad", "The quorum was lost in 2 of 9 epochs: 106, 107")
    assert verdict.reasons == (
        "When pythagoras began at epoch 106, 50.0 % of the registered stake was ready, and 50 of 100 nodes had to stop",
        "At epoch 106 50.0 % of the registered stake signed; a safe quorum takes 58.60 %",
        "At the end 50 of 100 nodes run in pythagoras, and 50 have stopped; 50.0 % of the network's stake signs",
    )
    assert verdict.next_step.startswith("Do not activate yet: wait until at least 58.60 % of the stake is ready")


def test_with_enough_ready_the_fault_is_looked_for_elsewhere():
    verdict = rehearse(find_scenario("partition").changed(nodes=100)).verdict
    assert verdict.next_step.startswith("Enough stake was ready: look at what went wrong")


def test_kept_by_luck_is_doubtful():
    outcome = with_share(0.9)
    assert outcome.verdict.grade == "good"
    rows = tuple(replace(row, quorum_probability=0.93) if row.epoch == 106 else row for row in outcome.rows)
    verdict = replace(outcome, rows=rows).verdict
    assert (verdict.grade, verdict.headline) == (
        "doubtful",
        "The quorum was kept by luck: at epoch 106 its chance was 93.0 %",
    )


def test_a_gate_that_was_not_met_is_doubtful_and_told():
    verdict = with_share(0.75, actions=[ANNOUNCE, ACTIVATE | {"gate": 0.95}]).verdict
    assert (verdict.grade, verdict.headline) == ("doubtful", "No other era began: thales is current at the end")
    assert any("the team does not activate" in reason for reason in verdict.reasons)


def test_a_broken_rule_comes_before_all_else():
    violation = Violation("one-way", Epoch(103), "pool1 went back")
    verdict = replace(with_share(0.5), violations=(violation, violation)).verdict
    assert (verdict.grade, verdict.headline) == ("bad", "The rule one-way was broken at epoch 103")
    assert verdict.reasons[0] == "pool1 went back; 1 more are listed"


def test_an_expectation_that_was_missed_is_named():
    verdict = with_share(0.9, expect={"current": "thales"}).verdict
    assert (verdict.grade, verdict.headline) == ("bad", "It did not end as the scenario expects")
    assert verdict.reasons[0] == "Expected: thales is current at the end; got pythagoras"


def test_a_quorum_that_nobody_can_reach_is_a_matter_of_its_parameters():
    verdict = with_share(1.0, quorum={"k": 100, "m": 10, "phi_f": 0.2}).verdict
    assert verdict.next_step.startswith("Correct the parameters of the quorum")


def test_it_stands_first_in_the_report_and_in_the_json():
    outcome = with_share(0.5)
    page = html_report(outcome)
    assert page.index("✗ The quorum was lost in 2 of 9 epochs") < page.index("<h2>")
    assert "Do not activate yet" in page
    assert "No rule was broken, and it ended as the scenario expects" in page
    assert outcome.to_dict()["verdict"]["grade"] == "bad"

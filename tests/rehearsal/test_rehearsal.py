"""Rehearsals: the same again from the same seed, every shipped story as expected, and broken code found out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain_reader import LocalObserver
from chain_reader.node.inputs import ObserverAnswered
from chain_reader.trust.kinds import CONFIGURATIONS, ERAS
from datum import Accepted, Unreadable, screen
from eras import Epoch, select_eras
from eras.view import taken_over
from release_tools.forecasting.lottery import Lottery
from release_tools.rehearsal import rehearse
from release_tools.rehearsal.actions import Configure
from release_tools.rehearsal.outcome import Outcome
from release_tools.rehearsal.population import compatibility_of
from release_tools.rehearsal.scenario_files import find_scenario
from release_tools.rehearsal.shrinking import shrink
from release_tools.rehearsal.world import World
from tests.errors import raising
from tests.rehearsal.conftest import ACTIVATE, ANNOUNCE, deciding, small


def test_every_shipped_story_ends_as_expected(shipped: tuple[str, Outcome]):
    _, outcome = shipped
    assert outcome.violations == ()
    assert [one for one in outcome.checked if not one.met] == []


def test_the_same_scenario_gives_the_same_outcome_to_the_letter():
    scenario = find_scenario("crash-at-the-switch").changed(nodes=60)
    assert rehearse(scenario).to_dict() == rehearse(scenario).to_dict()
    assert rehearse(scenario.changed(seed=8)).to_dict() != rehearse(scenario).to_dict()


def test_sharing_states_changes_nothing():
    """Nodes that share what they know come to what each would have come to alone."""
    from chain_reader.node.core import decide

    scenario = find_scenario("replay-and-forgery").changed(nodes=20)
    assert rehearse(scenario, decide=decide).to_dict() == rehearse(scenario).to_dict()


def test_at_the_epoch_of_the_activation_all_that_know_the_era_switch_and_the_others_stop():
    outcome = rehearse(small())
    rows = {row.epoch: row for row in outcome.rows}
    assert (rows[105].era, rows[105].in_era, rows[105].stopped) == ("thales", 12, 0)
    assert (rows[106].era, rows[106].in_era, rows[106].stopped) == ("pythagoras", 9, 3)


def test_a_transaction_that_providers_cannot_show_is_unreadable_by_itself(tmp_path: Path):
    scenario = small()
    world = World(scenario, tmp_path)
    try:
        world.replay(0, 2, unreadable=True)
        answer = world.answer(scenario.providers[0], out=False, cut_off_at=None)
        assert isinstance(answer, ObserverAnswered)
        kinds = [type(item.verdict) for item in answer.evidence.considered]
        assert kinds == [Unreadable, Unreadable, Accepted]
    finally:
        world.close()


@pytest.mark.parametrize("knows", ["everything", "unspent"])
def test_a_cancellation_reaches_every_node(knows: str):
    cancel = {"do": "cancel", "at": 104, "era": "pythagoras"}
    providers = [{"name": "provider", "knows": knows}]
    outcome = rehearse(small(providers=providers, actions=[ANNOUNCE, ACTIVATE, cancel]))
    assert [row.in_era for row in outcome.rows] == [12] * 9
    assert {told.kind: told.nodes for told in outcome.told}["cancelled"] == 12


CONFIGURE = {"do": "configure", "at": 102, "epoch": 105, "k": 2600, "m": 16948, "phi_f": 0.2}


def test_an_epoch_is_signed_with_the_configuration_of_the_epoch_before():
    outcome = rehearse(small(actions=[CONFIGURE]))
    assert outcome.ok
    assert [row.lottery.k for row in outcome.rows if 104 <= row.epoch <= 107] == [1944, 1944, 2600, 2600]
    told = {one.kind: (one.first, one.nodes) for one in outcome.told}
    assert (told["configuration-announced"], told["configuration-changed"]) == ((102, 12), (100, 12))


def test_who_holds_another_configuration_does_not_count():
    """A node that is down at the publication, and comes back while its provider is, signs with the old one."""
    crash = {"do": "crash", "at": 101.75, "share": 0.5, "epochs": 2.0}
    outage = {"do": "outage", "at": 103.5, "provider": "provider", "epochs": 3.5}
    outcome = rehearse(small(actions=[CONFIGURE, crash, outage], stake={"distribution": "equal"}))
    rows = {row.epoch: row for row in outcome.rows}
    assert [rows[epoch].signing for epoch in (105, 106, 107)] == [1.0, 0.5, 1.0]
    assert (rows[106].in_era, outcome.violations) == (12, ())


def test_publications_of_one_kind_spend_nothing_of_the_other(tmp_path: Path):
    scenario = small(actions=[CONFIGURE, ANNOUNCE])
    world = World(scenario, tmp_path)
    try:
        for kind in (CONFIGURATIONS, ERAS, CONFIGURATIONS):
            before = _unspent(world)
            if kind is ERAS:
                world.publish(world.plan("announce", "pythagoras", None).after)
            else:
                asked = Configure.model_validate(CONFIGURE | {"k": 2000 + len(world.configurations)})
                world.publish(world.plan_configuration(asked, 105, instead=True).after, CONFIGURATIONS)
            after = _unspent(world)
            other = "OtherKind" if kind is ERAS else "Accepted"
            assert [one for one, verdict in before.items() if verdict == other and one not in after] == []
            assert sorted(after.values()) == ["Accepted", "OtherKind"]
    finally:
        world.close()


def _unspent(world: World) -> dict[str, str]:
    """The markers at the address, with their verdicts as era markers."""
    found = [one for one in LocalObserver(world.chain).datums(world.address) if one.datum]
    verdicts = screen([one.datum for one in found], world.policy().keys[0])
    return {one.reference: verdict.name for one, verdict in zip(found, verdicts, strict=True)}


def test_the_quorum_follows_the_stake_that_was_registered_two_epochs_before():
    outcome = rehearse(small(stake={"distribution": "equal"}))
    rows = {row.epoch: row for row in outcome.rows}
    assert [rows[epoch].signing for epoch in (105, 106, 107, 108)] == [1.0, 0.75, 0.75, 1.0]
    assert [round(rows[epoch].behind, 9) for epoch in (105, 106, 107, 108)] == [1.0, 0.75, 0.75, 0.75]
    assert rows[106].quorum_probability == Lottery(1944, 16948, 0.2).quorum_probability(0.75)
    assert rows[106].forecast is not None


def test_upgraded_nodes_come_back_in_the_era():
    upgrades = [{"to": "0.4.0", "after": 107, "median_epochs": 0.5, "spread": 0.1}]
    outcome = rehearse(small(upgrades=upgrades))
    assert [row.stopped for row in outcome.rows if row.epoch >= 106] == [3, 0, 0]
    assert outcome.rows[-1].in_era == 12


def test_a_node_with_an_expired_key_runs_and_neither_registers_nor_signs():
    keys = {"expire_at": 103, "share": 0.5, "renewed_after": 3}
    outcome = rehearse(small(keys=keys, actions=[], stake={"distribution": "equal"}))
    rows = {row.epoch: row for row in outcome.rows}
    assert [rows[epoch].up for epoch in (103, 105)] == [12, 12]
    assert [rows[epoch].signing for epoch in (102, 103, 104, 105, 107)] == [1.0, 0.5, 0.5, 1.0, 1.0]
    assert [round(rows[epoch].behind, 9) for epoch in (103, 105, 106, 108)] == [0.5, 0.5, 0.5, 1.0]


def test_a_clock_that_is_fast_switches_early_and_one_that_is_slow_by_its_provider():
    outcome = rehearse(small(clocks={"wrong": 1.0, "off_ticks": 1}, ticks_per_epoch=4))
    assert outcome.violations == ()
    assert outcome.rows[6].in_era == 9


def test_what_the_team_may_not_do_is_refused_as_by_the_commands():
    with raising("RolloutRefused"):
        rehearse(small(actions=[ANNOUNCE, ACTIVATE | {"epoch": 103}]))


@pytest.mark.parametrize(("gate", "published"), [(0.7, True), (0.95, False)])
def test_the_team_does_not_activate_before_the_gate_is_met(gate: float, published: bool):
    versions = [
        {"name": "0.4.0", "eras": ["thales", "pythagoras"], "share": 0.75},
        {"name": "0.3.0", "eras": ["thales"], "share": 0.25},
    ]
    stake = {"distribution": "equal"}
    outcome = rehearse(small(versions=versions, stake=stake, actions=[ANNOUNCE, ACTIVATE | {"gate": gate}]))
    assert outcome.rows[-1].era == ("pythagoras" if published else "thales")
    words = f"75 % of the stake is ready, and {gate:.0%} is required".replace("%", " %").replace("  ", " ")
    assert words in outcome.happenings[-1].words
    assert outcome.happenings[-1].words.startswith("the team publishes" if published else "the team does not activate")


def test_versions_that_do_not_follow_each_other_support_what_they_say():
    versions = [
        {"name": "0.10.0", "eras": ["thales"], "share": 0.5},
        {"name": "0.9.0", "eras": ["thales", "pythagoras"], "share": 0.5},
        {"name": "0.11.0", "eras": ["pythagoras"]},
    ]
    table = compatibility_of(small(versions=versions))
    assert [table.supports(name, "pythagoras") for name in ("0.9.0", "0.10.0", "0.11.0")] == [True, False, True]
    assert [table.supports(name, "thales") for name in ("0.9.0", "0.10.0", "0.11.0")] == [True, True, False]


# --- broken code is found out


def back_to_the_first_era(state: Any, event: Any, after: Any) -> Any:
    """A node that takes any selection, an earlier era too."""
    token = after.view.token
    if not isinstance(event, ObserverAnswered) or token is None or token.epoch < 107:
        return None
    first = select_eras(token.markers[:1], token.epoch, token.supported)
    return replace(after, view=replace(after.view, token=first, era=first.current.name))


def early(state: Any, event: Any, after: Any) -> Any:
    """A node that begins an era an epoch early when it knows the era, as if it counted from 1."""
    token = after.view.token
    if token is None or not isinstance(event, ObserverAnswered) or "pythagoras" not in token.supported:
        return None
    ahead = select_eras(token.markers, Epoch(token.epoch + 1), token.supported)
    if ahead.current == token.current:
        return None
    view = taken_over(after.view, replace(ahead, epoch=token.epoch), state.settings.supported)
    return replace(after, view=view)


def reconfigured(state: Any, event: Any, after: Any) -> Any:
    """A node that takes the configuration to come for the one in force."""
    known = after.configurations
    if not known or after.epoch < 103:
        return None
    early = tuple(replace(marker, epoch=Epoch(max(0, marker.epoch - 2))) for marker in known)
    return replace(after, configurations=early)


def silent(state: Any, event: Any, after: Any) -> Any:
    """A node that refuses without a word."""
    return replace(after, told={}) if after.told else None


BROKEN = [(back_to_the_first_era, "one-way"), (early, "agreement"), (silent, "verdicts"), (reconfigured, "one-way")]


@pytest.mark.parametrize(("wrong", "rule"), BROKEN)
def test_a_node_that_breaks_a_rule_is_found_out(wrong: Any, rule: str):
    actions = [ANNOUNCE, ACTIVATE, *([CONFIGURE] if wrong is reconfigured else [])]
    outcome = rehearse(small(actions=actions), decide=deciding(wrong))
    assert rule in {violation.rule for violation in outcome.violations}
    assert not outcome.ok


def test_a_quorum_that_is_missed_though_it_was_forecast_is_found_out():
    """Nodes that know the era stop for no reason: no forecast could have told."""

    def stopping(state: Any, event: Any, after: Any) -> Any:
        token = after.view.token
        return replace(after, view=replace(after.view, era=None)) if token and token.epoch >= 106 else None

    outcome = rehearse(small(versions=[small().versions[0].model_dump() | {"share": 1.0}]), decide=deciding(stopping))
    assert {violation.rule for violation in outcome.violations} == {"quorum"}


def test_a_failing_story_is_shrunk_to_the_shortest():
    noise = [
        {"do": "flood", "at": 102, "outputs": 20},
        {"do": "replay", "at": 104},
        {"do": "rollback", "at": 105, "blocks": 1},
    ]
    scenario = small(
        nodes=40, actions=[ANNOUNCE, *noise, ACTIVATE], clocks={"wrong": 0.1}, keys={"expire_at": 104, "share": 0.1}
    )

    def play(one: Any) -> Any:
        return rehearse(one, decide=deciding(early))

    failing = play(scenario)
    shrunk = shrink(failing, play)
    small_one = shrunk.outcome.scenario
    assert shrunk.finished
    assert shrunk.outcome.violations[0].rule == failing.violations[0].rule == "agreement"
    assert [action.do for action in small_one.actions] == ["activate"]
    assert (small_one.nodes, small_one.keys, small_one.clocks.wrong) == (small_one.nodes, None, 0.0)
    assert small_one.nodes <= 4
    assert small_one.epochs == 6  # the last one is that of the failure


def test_shrinking_keeps_to_its_budget_and_wants_a_failure():
    failing = rehearse(small(nodes=40), decide=deciding(early))
    shrunk = shrink(failing, lambda one: rehearse(one, decide=deciding(early)), trials=1)
    assert (shrunk.trials, shrunk.finished) == (1, False)
    with pytest.raises(ValueError, match="went well"):
        shrink(rehearse(small()), rehearse)

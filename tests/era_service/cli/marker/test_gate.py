"""The gate in ``marker activate``: nothing is activated past it, except for a reason that is kept."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from era_store import Registration, StoredEvent, open_store
from eras import Epoch
from tests.era_service.conftest import invoke
from tests.era_service.release_world import NETWORK, World, release_world

GATE = """
[store]
url = "store.sqlite3"
[adoption]
compatibility_file = "compatibility.toml"
gate_threshold = "80%"
"""
REASON = "the two that are missing have promised to upgrade tonight"
ACTIVATE = ("activate", "pythagoras", "--at", "8")


@pytest.fixture
def world(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """In epoch 5, with thales active and pythagoras announced, before there is a gate."""
    with release_world(own_folders, monkeypatch) as world:
        world.change("activate", "thales", "--at", "5")
        world.change("announce", "pythagoras")
        (own_folders / "compatibility.toml").write_text('pythagoras = ">=2.0.0"\n')
        world.configure(GATE)
        yield world


def register(ready: int, behind: int, epoch: int = 5) -> None:
    with closing(open_store("store.sqlite3", network=NETWORK)) as store:
        rows = [
            Registration("ready", Epoch(epoch), "2.0.0", ready, 0.0, "test"),
            Registration("behind", Epoch(epoch), "1.0.0", behind, 0.0, "test"),
        ]
        store.registrations.ingest(rows, source="test", time_s=0.0)


def overrides() -> list[StoredEvent]:
    with closing(open_store("store.sqlite3", network=NETWORK)) as store:
        return [event for event in store.events.read() if event.kind == "gate-overridden"]


def refused(world: World, *arguments: str) -> dict[str, Any]:
    before = world.transactions()
    result = world.change(*ACTIVATE, *arguments, "--json")
    assert result.exit_code == 6, result.output
    assert world.transactions() == before
    error: dict[str, Any] = json.loads(result.stdout)["error"]
    assert error["code"] == "GateNotMet"
    return error


def test_no_gate_is_said_in_one_line(world: World) -> None:
    world.configure()
    result = world.change(*ACTIVATE)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line.startswith("Gate")]
    assert lines == ["Gate: none is configured (adoption.gate_threshold), so the adoption was not checked"]


def test_a_gate_that_is_met_lets_it_through(world: World) -> None:
    register(80, 20)
    done = world.changed(*ACTIVATE)
    assert done["status"] == "published"
    assert (done["gate"]["met"], done["gate"]["result"]["share"]["share"]) == (True, 0.8)
    assert overrides() == []


def test_a_gate_that_is_not_met_stops_it(world: World) -> None:
    register(79, 21)
    error = refused(world)
    assert (
        "The gate of pythagoras is not met: expected 80 % of the registered stake, got epoch 5: 79.0 %"
        in error["message"]
    )
    assert "behind" in error["message"]
    assert "--override-gate" in error["message"]
    assert error["facts"]["gate"]["missing_stake"] == 1
    assert world.show()["upcoming_era"] == "pythagoras"
    assert world.show()["epochs_to_upcoming"] is None
    assert refused(world, "--dry-run")
    assert overrides() == []


def test_a_reason_overrides_it_and_is_kept(world: World) -> None:
    register(79, 21)
    dry = world.change(*ACTIVATE, "--override-gate", REASON, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert overrides() == [], "a dry run keeps nothing"
    result = world.change(*ACTIVATE, "--override-gate", REASON)
    assert result.exit_code == 0, result.output
    assert f"Gate: OVERRIDDEN, for the reason: {REASON}" in result.stdout
    (event,) = overrides()
    assert event.epoch == 5
    assert event.facts["reason"] == REASON
    assert (event.facts["era"], event.facts["epoch"]) == ("pythagoras", 8)
    assert event.facts["result"]["share"]["stake"] == 79
    assert world.show()["epochs_to_upcoming"] == 3
    again = world.changed(*ACTIVATE)
    assert (again["status"], again["gate"]) == ("done", None), "what is done needs no gate"
    assert len(overrides()) == 1


def test_a_reason_is_not_kept_where_it_is_not_needed(world: World) -> None:
    register(80, 20)
    assert world.changed(*ACTIVATE, "--override-gate", REASON)["gate"]["override"] is None
    assert overrides() == []


def test_no_to_the_question_keeps_no_reason(world: World) -> None:
    register(79, 21)
    asked = ("marker", *ACTIVATE, *world.keys, *world.options, "--override-gate", REASON)
    assert invoke(*asked, input="n\n").exit_code == 1
    assert overrides() == []


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_reason_has_words(world: World, reason: str) -> None:
    assert world.change(*ACTIVATE, "--override-gate", reason).exit_code == 2


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        ((), "There are no registrations that are recent enough"),
        ((3,), "expected some of epoch 4 to 5, which is now, got those of epochs 3 to 3"),
        ((6,), "got those of epochs 6 to 6"),
        ((3, 6), "got those of epochs 3 to 6"),
    ],
)
def test_registrations_that_are_old_or_of_the_future_meet_no_gate(
    world: World, epochs: tuple[int, ...], words: str
) -> None:
    for epoch in epochs:
        register(100, 0, epoch)
    assert words in refused(world)["message"]


def test_those_of_the_epoch_before_are_new_enough_and_a_later_one_does_not_count(world: World) -> None:
    register(70, 30, 6)
    register(100, 0, 4)
    assert world.changed(*ACTIVATE)["gate"]["result"]["epoch"] == 4


@pytest.mark.parametrize(
    ("gate", "table", "cause"),
    [
        (GATE, 'lagrange = "1.0.0"', "EraNotListed"),
        (GATE, "pythagoras = 5", "Compatibility"),
        (GATE.replace("compatibility_file", "# "), "", "EraNotListed"),
        (GATE.replace('url = "store.sqlite3"', ""), 'pythagoras = "1.0.0"', "AdoptionStoreNeeded"),
    ],
)
def test_a_gate_that_cannot_be_judged_is_not_met(world: World, gate: str, table: str, cause: str) -> None:
    register(100, 0)
    (world.folder / "compatibility.toml").write_text(table)
    world.configure(gate)
    error = refused(world)
    assert error["facts"]["cause"] == cause
    assert "The gate cannot be judged, so it is not met" in error["message"]


def test_without_a_store_there_is_no_override(world: World) -> None:
    world.configure(GATE.replace('url = "store.sqlite3"', ""))
    before = world.transactions()
    result = world.change(*ACTIVATE, "--override-gate", REASON, "--json")
    assert json.loads(result.stdout)["error"]["code"] == "AdoptionStoreNeeded"
    assert result.exit_code == 2
    assert world.transactions() == before


def test_other_changes_have_no_gate(world: World) -> None:
    for arguments in (("announce", "lagrange"), ("cancel", "pythagoras")):
        assert world.changed(*arguments)["gate"] is None
    assert world.change("announce", "pythagoras", "--override-gate", REASON).exit_code == 2


def test_the_gate_stands_before_the_signature_too(world: World) -> None:
    """Where markers are signed apart from the network, what is signed is what matters."""
    register(79, 21)
    (world.folder / "trusted.json").write_text(invoke("marker", "show", "--json").stdout)
    asked = ("marker", *ACTIVATE, "--from", "trusted.json", *world.keys[:2], "--payload-out", "payload.json")
    assert invoke(*asked).exit_code == 6
    assert not Path("payload.json").exists()
    result = invoke(*asked, "--override-gate", REASON)
    assert result.exit_code == 0, result.output
    assert Path("payload.json").exists()
    assert [event.facts["reason"] for event in overrides()] == [REASON]
    unsigned = refused(world, "--payload-file", "payload.json")
    assert unsigned["facts"]["gate"]["share"]["share"] == 0.79


def test_an_interrupted_activation_goes_on_without_a_second_gate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.era_service.cli.marker.interruptions import interrupt_after

    register(80, 20)
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, "JOURNALED")
        assert world.change(*ACTIVATE).exit_code == 130
    register(80, 900)
    done = world.changed(*ACTIVATE)
    assert (done["status"], done["gate"]) == ("published", None)


def test_registrations_of_the_same_party_count_once(world: World) -> None:
    register(79, 21)
    with closing(open_store("store.sqlite3", network=NETWORK)) as store:
        row = Registration("behind", Epoch(5), "2.0.0", 21, 1.0, "test")
        store.registrations.ingest([row], source="test", time_s=0.0)
    assert world.changed(*ACTIVATE)["gate"]["result"]["share"]["share"] == 1.0


def test_no_gate_stands_in_the_way_of_the_first_marker(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can have registered for it, and nothing can be announced before it."""
    with release_world(own_folders, monkeypatch) as world:
        (own_folders / "compatibility.toml").write_text('pythagoras = ">=2.0.0"\n')
        world.configure(GATE)
        early = world.change("announce", "pythagoras")
        assert early.exit_code == 1
        assert "Begin with the era that the network runs: eraswitch marker activate thales --at 5" in early.stderr
        first = world.change("activate", "thales", "--at", "5")
        assert first.exit_code == 0, first.output
        assert "Gate: none for the first marker of a network" in first.stdout
        world.change("announce", "pythagoras")
        refused(world)

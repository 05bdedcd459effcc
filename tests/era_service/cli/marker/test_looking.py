"""marker show and marker history."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from chain_reader import LocalObserver
from datum import SigningKey
from era_service.config.load import load_settings
from era_service.wiring.deciding import known_calendar
from tests.era_service.conftest import invoke
from tests.era_service.release_world import World, datum, release_world


def test_show_when_nothing_is_there(world: World) -> None:
    result = invoke("marker", "show")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Trusted       nothing"


def test_history_tells_place_author_and_verdict(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    world.chain.advance_slots(3)
    world.change("announce", "pythagoras")
    world.post(datum(("thales", 5)), datum(("lagrange", 5), key=SigningKey(bytes(32))), "d87980")
    found = json.loads(invoke("marker", "history", "--json").stdout)
    assert found["no_payload"] == 1
    entries = {entry["verdict"]: entry for entry in found["payloads"]}
    assert sorted(entries) == ["Accepted", "Impostor", "Superseded", "WrongSigner"]
    assert entries["Superseded"]["author"] == entries["Accepted"]["author"] == "the owner of the era address"
    assert entries["Impostor"]["author"] == "nobody: it spends nothing"
    assert (entries["Superseded"]["slot"], entries["Accepted"]["slot"]) == (50, 53)
    assert entries["Superseded"]["spent"] is True
    assert entries["WrongSigner"]["markers"] == [{"name": "lagrange", "epoch": 5}]
    assert [entry["transaction"] for entry in found["payloads"]][-1] == world.transactions()[0], "newest first"
    words = invoke("marker", "history", "--limit", "2").stdout
    assert "and 2 more (see --limit)" in words
    assert "and 1 output with a datum that is not a payload" in words
    assert "  author   " in words


def test_history_over_http_has_slots_too(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with release_world(own_folders, monkeypatch, "blockfrost") as world:
        world.changed("activate", "thales", "--at", "5")
        (entry,) = json.loads(invoke("marker", "history", "--json").stdout)["payloads"]
        assert (entry["slot"], entry["verdict"], entry["author"]) == (50, "Accepted", "the owner of the era address")


def test_history_needs_an_observer_that_knows_it(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with release_world(own_folders, monkeypatch, "ogmios"):
        result = invoke("marker", "history", "--json")
        assert json.loads(result.stdout)["error"]["code"] == "HistoryUnknown"
        assert result.exit_code == 5


def test_empty_history(world: World) -> None:
    assert invoke("marker", "history").stdout == "There was never a payload at the era address\n"


def test_names_that_would_steer_a_terminal_are_escaped(world: World) -> None:
    world.chain.advance_slots(1)
    world.post(datum(("\x1b[31mred\nline", 5)))
    for arguments in (("marker", "show"), ("marker", "history"), ("marker", "announce", "\x1b[31m", "--dry-run")):
        result = invoke(*arguments)
        assert "\x1b" not in result.output


LOOKS = (
    ("status",),
    ("marker", "show"),
    ("marker", "activate", "lagrange", "--at", "15", "--dry-run"),
    ("rollout", "plan", "lagrange", "--at", "15", "--threshold", "90%", "--out", "plan.toml"),
    ("rollout", "status", "plan.toml"),
    ("rollout", "announcement", "plan.toml"),
)
"""Commands that show when an epoch begins; the last two look at the plan that the one before them writes."""


@pytest.mark.parametrize("has_clock", [True, False], ids=["by-the-clock", "advanced-by-hand"])
def test_dates_are_by_the_genesis_of_the_provider_where_the_clock_agrees(
    world: World, monkeypatch: pytest.MonkeyPatch, *, has_clock: bool
) -> None:
    """On a chain with a clock of its own every command would date the era in force into the future."""
    told = replace(LocalObserver(world.chain).genesis(), slot_length_s=86_400)
    began_s = time.time() - (world.chain.current_slot() + 5 if has_clock else 0) * told.slot_length_s
    monkeypatch.setattr(LocalObserver, "genesis", lambda _: replace(told, anchor_time_s=began_s))
    world.changed("activate", "thales", "--at", "5", "--not-a-slip")
    world.changed("activate", "pythagoras", "--at", "9")
    dated = []
    for command in LOOKS:
        shown = invoke(*command, "--not-a-slip") if "--dry-run" in command else invoke(*command)
        assert shown.exit_code == 0, shown.output
        assert "epoch" in shown.stdout
        if re.search(r"epoch \d+ \(\d{4}-\d\d-\d\d \d\d:\d\d UTC\)", shown.stdout):
            dated.append(command)
    assert dated == (list(LOOKS) if has_clock else [])
    dates = json.loads(invoke("marker", "show", "--json").stdout)["begins_at"]
    assert {name for name, begins in dates.items() if begins} == ({"thales", "pythagoras"} if has_clock else set())
    settings = load_settings("eraswitch.toml", environ={}).settings
    assert (known_calendar(settings).iso(15) is not None) is has_clock, "forecasts and charts"

"""marker show and marker history."""

import json
import re
from pathlib import Path

import pytest

from datum import SigningKey
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
    assert "and 1 outputs with a datum that is no payload" in words
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


def test_dates_are_by_the_genesis_of_the_provider_where_none_is_configured(world: World) -> None:
    world.changed("activate", "thales", "--at", "5")
    world.changed("activate", "pythagoras", "--at", "9")
    assert re.search(r"pythagoras +from epoch 9 \(\d{4}-\d\d-\d\d \d\d:\d\d UTC\)", invoke("marker", "show").stdout)
    plan = invoke("rollout", "plan", "lagrange", "--at", "15", "--threshold", "90%", "--out", "plan.toml")
    assert re.search(r"activate +at epoch 15 \(\d{4}-\d\d-\d\d \d\d:\d\d UTC\)", plan.stdout), plan.output

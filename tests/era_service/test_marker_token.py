"""``marker … --mint-token`` and ``marker adopt-token``: minted once, configured, passed on, and shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.era_service.conftest import invoke
from tests.era_service.release_world import World, datum, release_world


def adopt(world: World, *more: str) -> dict[str, Any]:
    keys = ("--payment-key-file", "payment.skey")
    result = invoke("marker", "adopt-token", *keys, *world.options, "--yes", "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def held(world: World, transaction: str) -> list[str]:
    output = world.chain.output(transaction, 0)
    assert output is not None
    return [f"{unit[:56]}.{unit[56:]}" for unit, _ in output.assets]


def test_the_first_marker_mints_it_and_the_next_passes_it_on(any_world: World) -> None:
    world = any_world
    first = world.changed("activate", "thales", "--at", "5", "--mint-token")
    token = first["drafted"]["thread_token"]
    assert first["drafted"]["mints_thread_token"]
    assert held(world, first["transaction"]) == [token]
    assert world.show()["thread_token"] == {
        "token": token,
        "configured": False,
        "words": "not in trust.thread_token yet",
    }
    second = world.changed("announce", "pythagoras")
    assert (second["drafted"]["thread_token"], second["drafted"]["mints_thread_token"]) == (token, False)
    assert held(world, second["transaction"]) == [token]


def test_markers_without_it_adopt_one_and_a_node_that_is_configured_asks_for_it(world: World, monkeypatch) -> None:
    first = world.changed("activate", "thales", "--at", "5")
    assert world.show()["thread_token"] is None
    done = adopt(world)
    token = done["drafted"]["thread_token"]
    assert (done["status"], done["plan"]["change"], done["plan"]["after"]) == (
        "published",
        "adopt-token",
        [{"name": "thales", "epoch": 5}],
    )
    assert done["drafted"]["spends"][0]["output"] == f"{first['transaction']}#0"
    assert held(world, done["transaction"]) == [token]
    again = adopt(world)
    assert (again["status"], again["drafted"]) == ("done", None)

    monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", token)
    world.post(datum(("thales", 4)))
    shown = world.show()
    assert shown["thread_token"] == {"token": token, "configured": True, "words": "no output without it is believed"}
    assert (shown["trusted"]["transaction"], shown["verdicts"]["WithoutToken"]) == (done["transaction"], 1)
    assert world.changed("announce", "pythagoras")["drafted"]["thread_token"] == token

    monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", "ab" * 28 + ".00")
    refused = invoke("marker", "show", *world.options, "--json")
    assert refused.exit_code != 0 or json.loads(refused.stdout)["stale"] is not None


def test_in_words(world: World) -> None:
    world.changed("activate", "thales", "--at", "5")
    keys = ("--payment-key-file", "payment.skey")
    result = invoke("marker", "adopt-token", *keys, *world.options, "--yes")
    assert result.exit_code == 0, result.output
    assert "Plan: mint the thread token (now is epoch 5)" in result.stdout
    assert "  token       is minted, once and for all:" in result.stdout
    assert '  thread_token = "' in result.stdout
    again = invoke("marker", "adopt-token", *keys, *world.options, "--yes")
    assert "Nothing to do: the marker output holds a thread token already" in again.stdout


def test_without_markers_there_is_nothing_to_adopt(world: World) -> None:
    result = invoke("marker", "adopt-token", "--payment-key-file", "payment.skey", *world.options, "--yes")
    assert result.exit_code != 0
    assert "marker activate ERA --at EPOCH --mint-token" in result.output


def test_doctor_looks_where_it_is_and_whether_it_can_be_minted_again(world: World, monkeypatch) -> None:
    first = world.changed("activate", "thales", "--at", "5", "--mint-token")
    assert "eraswitch marker adopt-token" in examined()["thread token"][1]
    monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", first["drafted"]["thread_token"])
    second = world.changed("announce", "pythagoras")
    found = examined()
    assert found["thread token"] == ("ok", f"{second['transaction']}#0 at the era address holds it")
    assert found["thread token policy"][0] == "ok"
    assert "minted 1 under a script of" in found["thread token policy"][1]
    assert found["thread token policy"][1].endswith(": not yet")
    world.chain.advance_slots(first["drafted"]["invalid_hereafter"])
    assert examined()["thread token policy"][1].endswith("nobody can mint another")
    monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", "ab" * 28 + ".00")
    assert examined()["thread token"][0] == "problem"


def examined() -> dict[str, tuple[str, str]]:
    """What doctor finds, by check."""
    document = json.loads(invoke("doctor", "--json").stdout)
    return {one["check"]: (one["health"], one["words"]) for one in document["findings"]}


@pytest.mark.parametrize("face", ["local", "blockfrost"])
def test_history_shows_what_is_spent_though_the_reading_followed_the_token(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    with release_world(own_folders, monkeypatch, face) as world:
        first = world.changed("activate", "thales", "--at", "5", "--mint-token")
        monkeypatch.setenv("ERASWITCH_TRUST__THREAD_TOKEN", first["drafted"]["thread_token"])
        second = world.changed("announce", "pythagoras")
        entries = json.loads(invoke("marker", "history", "--json").stdout)["payloads"]
    assert [(entry["transaction"], entry["spent"]) for entry in entries] == [
        (second["transaction"], False),
        (first["transaction"], True),
    ]

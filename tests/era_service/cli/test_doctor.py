"""``eraswitch doctor``: over every face, in words, as a document, and as an exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from datum import CONFIGURATION
from tests.era_service.cli.marker.interruptions import interrupt_after
from tests.era_service.conftest import invoke
from tests.era_service.leader_stub import ADDRESS, Leader, growing, history, running
from tests.era_service.release_world import ERA_KEY, World


def doctor(*arguments: str, **more: Any) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the worst finding of each check."""
    result = invoke("doctor", "--json", *arguments, **more)
    found: dict[str, dict[str, Any]] = {}
    document = json.loads(result.stdout)
    for finding in document["findings"]:
        if found.get(finding["check"], finding)["health"] in ("ok", finding["health"]):
            found[finding["check"]] = finding
    assert document["healthy"] == (result.exit_code == 0)
    return result.exit_code, found


def test_all_is_well(any_world: World) -> None:
    code, found = doctor(*any_world.keys)
    assert code == 0, found
    assert f"funds at {any_world.address}" in found
    assert found["era markers"]["words"] == f"at {any_world.address}"
    assert "epoch 5" in found[f"provider {any_world.provider}"]["words"]
    assert found["journal"]["health"] == "ok"
    assert any_world.transactions() == []


def test_what_will_be_used_next_is_tried(any_world: World) -> None:
    any_world.change("activate", "thales", "--at", "5")
    code, found = doctor(*any_world.keys)
    assert code == 0, found
    tried = {check.partition(", by ")[0]: finding["words"] for check, finding in found.items() if ", by " in check}
    assert {"unknown transactions", "protocol parameters", "submission"} <= set(tried)
    if not any_world.provider.startswith(("ws", "ogmios")):
        assert "it knows those of" in tried["inputs of transactions"]
        assert "is in the block of slot" in tried["blocks"]
    assert len(any_world.transactions()) == 1


def test_a_store_that_is_not_made_yet_is_no_problem(world: World) -> None:
    code, found = doctor(*world.keys, env={"ERASWITCH_STORE__URL": "sqlite:///later.sqlite3"})
    assert (code, found["store"]["health"]) == (0, "ok"), found
    assert "the first command that needs it creates it" in found["store"]["words"]


def test_what_is_wrong_is_said_with_what_to_do(world: World) -> None:
    Path("keys/era.sk").chmod(0o644)
    result = invoke("doctor", *world.keys)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    wrong = next(number for number, line in enumerate(lines) if line.startswith("PROBLEM"))
    assert lines[wrong] == "PROBLEM  era key: others can read keys/era.sk (mode 0644)"
    assert lines[wrong + 1].strip() == "Run: chmod 600 keys/era.sk"
    assert ERA_KEY.to_json_hex() not in result.output


def test_the_public_test_networks_share_one_era_key(world: World) -> None:
    code, found = doctor("--network", "preprod")
    assert code == 1, "the provider is of another network"
    shared = found["era key on other networks"]
    assert (shared["health"], "pre-release-preview (magic 2)" in shared["words"]) == ("warning", True)
    assert "magic 42, not 1" in found[f"provider {world.provider}"]["words"]


def test_providers_and_network_missing(own_folders: Path) -> None:
    code, found = doctor()
    assert code == 1
    assert [found[check]["health"] for check in ("network", "era markers", "providers")] == ["problem"] * 3


def test_a_dead_provider_and_one_that_does_not_exist(world: World) -> None:
    for provider in ("http://127.0.0.1:1/api/v0", "local:gone.sqlite3"):
        code, found = doctor("--provider", provider)
        assert (code, found[f"provider {provider}"]["health"]) == (1, "problem")


def test_passwords_in_urls_do_not_show(world: World) -> None:
    result = invoke("doctor", "--json", "--provider", "http://me:hush@127.0.0.1:1/api/v0", "--debug")
    assert "hush" not in result.output


def test_store_journal_and_payment_address(world: World) -> None:
    code, found = doctor("--store", "gone.sqlite3", "--payment-address", "addr_test1junk", "--journal", "payment.skey")
    assert code == 1
    assert [found[check]["health"] for check in ("store", "journal", "funds at addr_test1junk")] == ["problem"] * 3


def test_an_unfinished_publication_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.change("activate", "thales", "--at", "5", "--confirmations", "9", "--timeout", "0.1")
    code, found = doctor(*world.keys)
    assert code == 0
    assert "unfinished: activate thales at epoch 5, transaction" in found["journal"]["words"]
    assert found["journal"]["words"].endswith(", in a block")
    assert found["journal"]["next_step"] == "Go on with it: eraswitch marker activate thales --at 5"


def test_after_a_lost_race_nothing_is_gone_on_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice is a command that works in that state."""
    world.change("activate", "thales", "--at", "5")
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, "JOURNALED")
        world.change("announce", "pythagoras")
    world.changed("announce", "lagrange", "--journal", "of-another-machine")
    _, found = doctor(*world.keys)
    assert "overtaken: another transaction spent the same output" in found["journal"]["words"]
    step = found["journal"]["next_step"]
    assert step.endswith("if the change is still wanted, plan it again: eraswitch marker announce pythagoras")
    assert world.change(*step.split("eraswitch marker ")[-1].split()).exit_code == 0
    assert doctor(*world.keys)[1]["journal"]["health"] == "ok"


def test_the_key_may_come_from_the_environment(world: World) -> None:
    code, found = doctor(env={"ERA_MARKERS_SECRET_KEY": ERA_KEY.to_json_hex()})
    assert (code, found["era key"]["health"]) == (0, "ok")
    code, found = doctor(env={"ERA_MARKERS_SECRET_KEY": "00" * 32})
    assert (code, found["era key"]["health"]) == (1, "problem")


def test_a_follower_has_a_leader_and_needs_no_provider(own_folders: Path) -> None:
    with running(Leader()) as leader:
        text = f"""network = "followed"
            [follower]
            leader = "{leader.url}"
            [networks.followed]
            magic = 42
            era_address = "{ADDRESS}"
            verification_key = "{ERA_KEY.verification_key.hex}"
            """
        Path("eraswitch.toml").write_text(text)
        code, found = doctor()
        assert (code, "providers" in found) == (0, False), found
        words = found[f"leader {leader.url}"]["words"]
        assert words == "it answers: epoch 5, and its history of 3 payloads is verified"
        leader.stale = "its provider has stopped"
        code, found = doctor()
        assert (code, "its provider has stopped" in found[f"leader {leader.url}"]["words"]) == (1, True)
        leader.stale = None
        leader.entries[0]["payload"] = leader.entries[1]["payload"]
        assert doctor()[0] == 1, "what it hands on is not true"
        leader.kind, leader.entries = CONFIGURATION, history(*growing(2, kind=CONFIGURATION))
        file = Path("eraswitch.toml")
        file.write_text(text + "[protocol_configuration]\nenabled = true\n")
        code, found = doctor()
        words = found[f"leader {leader.url}, configuration"]["words"]
        assert (code, words) == (0, "it answers: epoch 5, and its history of 2 payloads is verified")
    assert doctor()[1][f"leader {leader.url}"]["health"] == "problem"
    Path("eraswitch.toml").write_text(text + '[reader]\nproviders = ["http://127.0.0.1:1/api/v0"]')
    assert "configuration without chain providers" in doctor()[1][f"leader {leader.url}"]["words"]

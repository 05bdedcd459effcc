"""The story as its events tell it, and the stage that it leaves."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from datum import SigningKey
from era_service.demo.node import CAST, SWITCH
from era_service.demo.presenters import KINDS
from era_service.demo.stage import Stage
from eras import ConfigurationError, EraSwitchError, StoreError
from release_tools import PaymentKey
from tests.demo.conftest import Recorder

Told = tuple[bool, Recorder, Stage]


def shown_adoption(recorder: Recorder) -> list[str]:
    shares = [event.facts["adoption"]["share"] for event in recorder.of("network")]
    return list(dict.fromkeys(shares))


def nodes_of(recorder: Recorder, step: int) -> dict[str, dict[str, Any]]:
    """What every node said at the end of a step."""
    return {node["name"]: node for node in recorder.of("network", step)[-1].facts["nodes"]}


def test_every_step_is_told_and_verified(told: Told) -> None:
    verified, recorder, _ = told
    assert verified
    titles = [event.facts["title"] for event in recorder.of("step")]
    assert titles == [
        "Activate thales",
        "Announce pythagoras",
        "Upgrade, one by one",
        "Activate pythagoras",
        "An attack",
        "The switch",
        "Perth comes back",
        "Retire thales",
    ]
    counts = recorder.of("finished")[0].facts
    assert {key: counts[key] for key in ("verified", "steps", "transactions", "nodes")} == {
        "verified": True,
        "steps": 8,
        "transactions": 6,
        "nodes": 6,
    }
    assert counts["assertions"] == len(recorder.of("verified")) > 40
    assert all(len(recorder.of("verified", step)) >= 3 for step in range(1, 9))


def test_events_have_known_kinds_and_json_facts(told: Told) -> None:
    _, recorder, _ = told
    for event in recorder.events:
        assert event.event in KINDS
        written = json.loads(json.dumps(event.to_dict()))
        assert list(written)[:4] == ["event", "step", "epoch", "text"]
        assert (written["event"], written["step"], written["epoch"]) == (event.event, event.step, event.epoch)
    assert {event.event for event in recorder.events} == set(KINDS) - {"failed"}


def test_adoption_rises_with_the_upgrades(told: Told) -> None:
    assert shown_adoption(told[1]) == ["10.6 %", "42.5 %", "65.9 %", "85.1 %", "100.0 %"]


def test_the_switch_happens_in_one_epoch(told: Told) -> None:
    recorder = told[1]
    before, after = nodes_of(recorder, 5), nodes_of(recorder, 6)
    assert {node["era"] for node in before.values() if node["state"] == "running"} == {"thales"}
    assert {name for name, node in after.items() if node["era"] == "pythagoras"} == {"oslo", "lima", "cairo", "quito"}
    assert {node["switched_at"] for node in after.values() if node["state"] == "running"} == {SWITCH}
    assert after["perth"]["state"] == "stopped"
    assert after["perth"]["error"] == "UnsupportedEra"
    assert after["perth"]["certificate"] is None
    assert "expected one of thales, got 'pythagoras'" in after["perth"]["message"]


def test_certificates_differ_between_eras_and_never_between_nodes(told: Told) -> None:
    kinds = []
    for event in told[1].of("network"):
        (certificate,) = {node["certificate"] for node in event.facts["nodes"] if node["certificate"]}
        kinds.append(certificate.split(":")[0])
    assert list(dict.fromkeys(kinds)) == ["sha256", "blake2b"]


def test_attacks_are_told_with_their_verdicts(told: Told) -> None:
    recorder = told[1]
    posted = {event.facts["attack"]: event.facts["transaction"] for event in recorder.of("posted")}
    refused = {event.facts["transaction"]: event for event in recorder.of("refused")}
    assert refused[posted["forgery"]].facts["verdict"] == "WrongSigner"
    assert refused[posted["replay"]].facts["verdict"] == "Impostor"
    assert all(event.facts["nodes"] == ["oslo", "lima", "cairo", "perth", "quito"] for event in refused.values())


def test_everybody_is_there_at_the_end(told: Told) -> None:
    nodes = nodes_of(told[1], 8)
    assert {name: node["version"] for name, node in nodes.items()} == {
        name: "3.0.0" if name == "hanoi" else "2.0.0" for name, _, _ in CAST
    }
    assert {node["era"] for node in nodes.values()} == {"pythagoras"}


def test_the_chain_holds_one_marker_of_the_release_team_and_what_the_attacker_sent(told: Told) -> None:
    _, recorder, stage = told
    unspent = {made.transaction for made in stage.chain.utxos(stage.era_address) if made.datum}
    posted = {event.facts["transaction"] for event in recorder.of("posted")}
    assert unspent == posted | {recorder.of("published")[-1].facts["transaction"]}
    for event in recorder.of("posted"):
        inputs = stage.chain.transaction(event.facts["transaction"]).inputs  # type: ignore[union-attr]
        assert {spent.address for spent in inputs} == {stage.attacker_address}


def test_keys_are_their_owners_alone_and_in_no_event(told: Told) -> None:
    _, recorder, stage = told
    for name in ("era.sk", "wallet.skey", "attacker.skey"):
        assert stat.S_IMODE((stage.folder / name).stat().st_mode) == 0o600
    assert SigningKey.parse((stage.folder / "era.sk").read_text()) == stage.era_key
    assert PaymentKey.load(stage.folder / "wallet.skey").address(0) == stage.era_address
    secrets = [
        json.loads((stage.folder / name).read_text())["cborHex"][4:] for name in ("wallet.skey", "attacker.skey")
    ]
    secrets += [stage.era_key.seed.hex(), stage.attacker_key.seed.hex(), (stage.folder / "era.sk").read_text()]
    said = json.dumps([event.to_dict() for event in recorder.events])
    assert not [secret for secret in secrets if secret in said]


def test_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    with (
        pytest.raises(ConfigurationError, match="is not empty: expected an empty folder, or none yet, got precious"),
        Stage(tmp_path),
    ):
        pytest.fail("the stage opened")
    with pytest.raises(ConfigurationError, match="cannot be used"), Stage(tmp_path / "precious"):
        pytest.fail("the stage opened")
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_stage_that_cannot_start_releases_what_it_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise EraSwitchError("no port is free")

    monkeypatch.setattr("era_service.demo.stage.LocalChainServer", refuse)
    stage = Stage(tmp_path / "stage")
    with pytest.raises(EraSwitchError, match="no port is free"), stage:
        pytest.fail("the stage opened")
    with pytest.raises(StoreError, match="closed"):
        stage.chain.epoch()
    assert not stage.folder.exists()

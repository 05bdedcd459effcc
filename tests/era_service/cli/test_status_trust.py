"""``eraswitch status`` with a memory: what is trusted and why, what is not confirmed, what Mithril readers read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain_reader import Checkpoint, LocalObserver
from datum import EraMarkersPayload, ExtendedPayload, Extension, SigningKey, VerificationKey, encode_datum
from era_store import open_store
from eras import Epoch, EraMarker
from release_tools import PaymentKey
from tests.era_service.cli.test_status import KEY, THIEF, Network, funded_network, payload
from tests.era_service.conftest import invoke

DEAD = "http://127.0.0.1:1/api/v0"
COSIGNERS = [SigningKey(bytes([n]) * 32) for n in (3, 4, 5)]
STORE = {"ERASWITCH_STORE__URL": "store.sqlite3"}


@pytest.fixture
def network(own_folders: Path) -> Iterator[Network]:
    with funded_network(own_folders) as network:
        yield network


def status(network: Network, *arguments: str, **env: str) -> tuple[int, dict[str, Any], str]:
    result = invoke("status", "--json", *arguments, env=network.environ() | env)
    return result.exit_code, json.loads(result.stdout), result.stderr


HERE = ("--provider", "local:chain.sqlite3")


def test_what_is_trusted_and_why(network: Network) -> None:
    network.publish(payload(("pythagoras", 0)))
    _, found, _ = status(network, *HERE)
    assert found["trusted"]["why"].startswith(f"signed by {KEY.verification_key.hex}; ")
    assert "at the era address signed by its owner" in found["trusted"]["why"]
    assert (found["stale"], found["conflicts"], found["legacy"]["differs"]) == (None, [], False)
    words = invoke("status", *HERE, env=network.environ()).stdout
    assert (
        f"  signed by   {KEY.verification_key.hex}\n  because     it is the last permitted of the publications" in words
    )
    assert "Mithril" not in words


def test_a_marker_said_twice_is_one_era(network: Network) -> None:
    """A cancellation is signed anew: its first marker stands in the payload twice (rule T4)."""
    network.publish(payload(("pythagoras", 0), ("pythagoras", 0), ("lagrange", None)))
    network.post(payload(("pythagoras", 0)))
    _, found, errors = status(network, *HERE)
    assert [era["name"] for era in found["eras"]] == ["pythagoras", "lagrange"]
    assert "trusts [pythagoras at epoch 0, lagrange (announced)]" in errors


def test_without_a_store_nothing_is_written(network: Network, own_folders: Path) -> None:
    network.publish(payload(("pythagoras", 0)))
    before = set(own_folders.rglob("*"))
    status(network, *HERE)
    assert {path for path in own_folders.rglob("*") if not path.name.startswith("chain")} <= before


def test_rule_t9_the_schedule_is_remembered_when_no_provider_answers(network: Network) -> None:
    network.publish(payload(("pythagoras", 0), ("lagrange", 5)))
    assert status(network, *HERE, **STORE)[0] == 0
    code, found, errors = status(network, "--provider", DEAD, "--epoch", "7", **STORE)
    assert (code, found["current_era"], found["error"]) == (0, "lagrange", None)
    assert "could not be sent" in found["stale"]
    assert "Warning: What is trusted is not confirmed" in errors
    assert found["trusted"]["why"] == "it was trusted before"
    code, found, _ = status(network, "--provider", DEAD, **STORE)
    assert (code, found["epoch"], found["current_era"]) == (0, 0, "pythagoras"), "the epoch that was read last"
    assert found["upcoming_era"] == "lagrange"
    assert "could not be sent" in found["stale"]
    with open_store("store.sqlite3") as store:
        assert [event.kind for event in store.events.read()] == ["trusted", "stale"]


def test_rule_t9_with_nothing_remembered_the_error_is_told(network: Network) -> None:
    code, found, _ = status(network, "--provider", DEAD, "--epoch", "7", **STORE)
    assert (code, found["trusted"], found["error"]["code"]) == (5, None, "ProviderUnreachable")


def test_rule_t11_what_mithril_readers_could_read_is_printed_when_it_differs(network: Network) -> None:
    network.publish(payload(("pythagoras", 0)))
    network.post(payload(("pythagoras", 0), ("lagrange", 3)))
    _, found, errors = status(network, *HERE)
    assert found["legacy"]["differs"]
    assert [{"name": "pythagoras", "epoch": 0}] in found["legacy"]["possible"]
    assert "Warning: a Mithril reader could take" in errors
    lines = invoke("status", *HERE, env=network.environ()).stdout.splitlines()
    assert "Mithril readers could read" in lines
    assert "  pythagoras at 0, lagrange at 3" in lines


def test_rule_t10_conflicts_and_refusals_are_listed(network: Network) -> None:
    network.publish(payload(("pythagoras", 0)))
    network.post(payload(("x", 0), key=THIEF))
    assert status(network, *HERE, **STORE)[0] == 0
    network.publish(payload(("lagrange", 0)))
    _, found, errors = status(network, *HERE, **STORE)
    assert found["current_era"] == "pythagoras"
    assert [item["verdict"] for item in found["conflicts"]] == ["Conflict"]
    assert found["verdicts"] == {"Accepted": 1, "Conflict": 1, "WrongSigner": 1}
    assert "Conflict: it contradicts" in errors


def test_rule_t8_confirmations_are_a_setting(network: Network) -> None:
    network.publish(payload(("pythagoras", 0)))
    code, found, _ = status(network, *HERE, ERASWITCH_TRUST__CONFIRMATIONS="2")
    assert (code, found["verdicts"]) == (5, {"Unconfirmed": 1})
    network.chain.advance_slots(1)
    network.chain.advance_slots(1)
    assert status(network, *HERE, ERASWITCH_TRUST__CONFIRMATIONS="2")[0] == 0


def test_rule_t2_announcers_are_a_setting(network: Network) -> None:
    stranger = PaymentKey(bytes(range(32)))
    funds = network.chain.fund(stranger.address(0), 50_000_000)
    from tests.local_chain_faces.wallet import Wallet

    wallet = Wallet.new()
    funds = network.chain.fund(wallet.address, 50_000_000)
    network.chain.submit(wallet.pay(funds, network.address, 5_000_000, datum=payload(("pythagoras", 0)).hex()))
    assert status(network, *HERE)[0] == 5
    assert status(network, *HERE, ERASWITCH_TRUST__ANNOUNCERS=wallet.address)[0] == 0


def test_rule_t4_a_checkpoint_is_a_setting(network: Network) -> None:
    network.publish(payload(("pythagoras", 0)))
    (output,) = LocalObserver(network.chain).datums(network.address)
    Path("checkpoint.json").write_text(Checkpoint(output, Epoch(0)).to_json())
    checkpoint = {"ERASWITCH_TRUST__CHECKPOINT_FILE": "checkpoint.json", **STORE}
    code, found, _ = status(network, "--provider", DEAD, "--epoch", "3", **checkpoint)
    assert (code, found["current_era"]) == (0, "pythagoras")
    for content, error in (("{}", "CheckpointInvalid"), (None, "CheckpointFile")):
        Path("checkpoint.json").unlink()
        if content is not None:
            Path("checkpoint.json").write_text(content)
        result = invoke("status", "--json", *HERE, env=network.environ() | checkpoint)
        assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (2, error)


def extended(network: Network, signers: list[SigningKey], *names: str) -> bytes:
    keys = tuple(key.verification_key for key in COSIGNERS)
    markers = tuple(EraMarker(name, Epoch(0)) for name in names)
    made = ExtendedPayload(
        EraMarkersPayload(markers).sign(KEY), Extension(42, network.address, len(names), None, None, 2, keys)
    )
    for signer in signers:
        made = made.sign(signer)
    return encode_datum(made.to_bytes())


def test_rule_t6_the_extension_is_a_setting(network: Network) -> None:
    network.chain.fund(network.address, 100_000_000)
    network.publish(extended(network, COSIGNERS[:1], "pythagoras"))
    keys = [key.verification_key for key in COSIGNERS]
    setting = {
        "ERASWITCH_NETWORK__MAGIC": "42",
        "ERASWITCH_TRUST__MODE": "extended",
        "ERASWITCH_TRUST__THRESHOLD": "2",
        "ERASWITCH_TRUST__COSIGNER_KEYS": ",".join(map(VerificationKey.to_json_hex, keys)),
    }
    code, found, _ = status(network, *HERE, **setting)
    assert (code, found["verdicts"]) == (5, {"BelowThreshold": 1})
    network.publish(extended(network, COSIGNERS[1:], "pythagoras"))
    code, found, _ = status(network, *HERE, **setting)
    assert code == 0
    assert "signed by 2 of the 3 keys" in found["trusted"]["why"]
    del setting["ERASWITCH_TRUST__THRESHOLD"]
    result = invoke("status", "--json", *HERE, env=network.environ() | setting)
    assert result.exit_code == 2
    assert "no trust.threshold" in result.stderr


def test_a_store_that_cannot_be_opened_is_an_error(network: Network) -> None:
    result = invoke("status", "--json", *HERE, env=network.environ() | {"ERASWITCH_STORE__URL": "no/folder/store"})
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "StoreMissing")
    result = invoke("status", "--json", *HERE, env=network.environ() | {"ERASWITCH_STORE__URL": "chain.sqlite3"})
    assert json.loads(result.stdout)["error"]["code"] == "StoreForeign"
    assert status(network, *HERE)[1]["error"] is not None, "the chain is as it was, with nothing published"

"""An era address that 2 of 3 payment keys own, by the commands: built on one machine, signed on two, submitted."""

import json
from pathlib import Path

import pytest
from pycardano import Address, Network, ScriptHash

from release_tools import PaymentKey
from release_tools.transactions.owners import KeyScript
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ADA, World

KEYS = tuple(PaymentKey(bytes([number]) * 32) for number in (11, 12, 13))


@pytest.fixture
def shared(world: World, tmp_path: Path) -> World:
    """The world with an era address of three keys, funded; their files are key-0.hex and so on."""
    parts = [{"type": "sig", "keyHash": key.key_hash} for key in KEYS]
    text = json.dumps({"type": "atLeast", "required": 2, "scripts": parts})
    script = tmp_path / "era.script"
    script.write_text(text)
    for number in range(len(KEYS)):
        path = world.folder / f"key-{number}.hex"
        path.write_text((bytes([11 + number]) * 32).hex())
        path.chmod(0o600)
    address = Address(ScriptHash(bytes.fromhex(KeyScript.parse(text).hash)), network=Network.TESTNET).encode()
    world.chain.fund(address, 100 * ADA)
    world.address = address
    world.configure(f'era_script_file = "{script}"')
    return world


def test_one_machine_that_has_two_keys_publishes(shared: World) -> None:
    keys = ("--payment-key-file", "key-0.hex", "--payment-key-file", "key-2.hex")
    change = ("activate", "thales", "--at", "5", "--mint-token", "--secret-key", "@keys/era.sk")
    result = invoke("marker", *change, *keys, *shared.options, "--yes", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["drafted"]["mints_thread_token"]


def test_one_key_is_not_enough(shared: World) -> None:
    keys = ("--payment-key-file", "key-0.hex")
    result = invoke(
        "marker", "activate", "thales", "--at", "5", "--secret-key", "@keys/era.sk", *keys, *shared.options, "--yes"
    )
    assert result.exit_code != 0
    assert f"expected 2 of the keys {', '.join(key.key_hash for key in KEYS)}, which own addr_test1" in result.output
    assert "eraswitch tx build, then tx sign on each" in result.output


def signed(file: str, number: int, out: str) -> str:
    """The last words of ``tx sign`` on the machine that has one of the keys."""
    done = invoke("tx", "sign", file, "--payment-key-file", f"key-{number}.hex", "--out", out, "--yes")
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("apart", [False, True])
def test_machines_sign_one_after_the_other_or_all_at_once(shared: World, apart: bool) -> None:
    planned = invoke(
        "marker", "activate", "thales", "--at", "5", "--secret-key", "@keys/era.sk", "--payload-out", "payload.json"
    )
    assert planned.exit_code == 0, planned.output
    built = invoke("tx", "build", "payload.json", "--mint-token", "--out", "tx.unsigned")
    assert built.exit_code == 0, built.output
    assert f"It must be signed by: 2 of {', '.join(key.key_hash for key in KEYS)}" in built.output
    assert f"Still missing: 1 of {', '.join(sorted(key.key_hash for key in KEYS[:2]))}" in signed(
        "tx.unsigned", 2, "tx.1"
    )
    early = invoke("tx", "submit", "tx.1", "--yes")
    assert early.exit_code != 0
    assert f"expected signatures by 1 of {', '.join(sorted(key.key_hash for key in KEYS[:2]))}, too" in early.output
    assert f"got signatures by {KEYS[2].key_hash}" in early.output
    assert ("missing" in signed("tx.unsigned" if apart else "tx.1", 0, "tx.2")) == apart
    done = invoke("tx", "submit", "tx.2", *(["--witness", "tx.1"] * apart), *shared.options, "--yes")
    assert done.exit_code == 0, done.output
    assert '  thread_token = "' in done.stdout
    assert shared.show()["current_era"] == "thales"
    assert shared.show()["thread_token"] is not None


def test_what_somebody_signed_of_another_transaction_is_no_signature(shared: World) -> None:
    planned = ("marker", "activate", "thales", "--at", "5", "--secret-key", "@keys/era.sk", "--payload-out")
    assert invoke(*planned, "payload.json").exit_code == 0
    for number, more in enumerate(([], ["--mint-token"])):
        assert invoke("tx", "build", "payload.json", *more, "--out", f"tx.{number}").exit_code == 0
        signed(f"tx.{number}", number, f"tx.{number}.signed")
    refused = invoke("tx", "submit", "tx.0.signed", "--witness", "tx.1.signed", "--yes")
    assert refused.exit_code != 0
    assert "signature" in refused.output


def test_a_token_is_adopted_by_keys_on_several_machines(shared: World) -> None:
    keys = ("--payment-key-file", "key-0.hex", "--payment-key-file", "key-2.hex", "--secret-key", "@keys/era.sk")
    first = invoke("marker", "activate", "thales", "--at", "5", *keys, *shared.options, "--yes", "--json")
    assert first.exit_code == 0, first.output
    assert invoke("marker", "adopt-token", "--out", "x", "--write").exit_code == 2
    built = invoke("marker", "adopt-token", "--out", "tx.unsigned")
    assert built.exit_code == 0, built.output
    signed("tx.unsigned", 1, "tx.1")
    signed("tx.1", 2, "tx.2")
    assert invoke("tx", "submit", "tx.2", *shared.options, "--yes").exit_code == 0
    assert shared.show()["thread_token"] is not None
    assert invoke("marker", "adopt-token", "--out", "x").stdout == "Nothing to build\n"

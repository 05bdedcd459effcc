"""An era address that 2 of 3 payment keys own, by the commands: built on one machine, signed on two, submitted."""

import json
from pathlib import Path

import pytest
from pycardano import Address, Network, ScriptHash

from release_tools import PaymentKey
from release_tools.transactions.scripts import KeyScript
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
    assert "eraswitch tx build, then tx sign on each" in result.output


def test_two_machines_sign_one_after_the_other(shared: World) -> None:
    planned = invoke(
        "marker", "activate", "thales", "--at", "5", "--secret-key", "@keys/era.sk", "--payload-out", "payload.json"
    )
    assert planned.exit_code == 0, planned.output
    built = invoke("tx", "build", "payload.json", "--out", "tx.unsigned")
    assert built.exit_code == 0, built.output
    assert f"It must be signed by: enough of {', '.join(key.key_hash for key in KEYS)}" in built.output
    once = invoke("tx", "sign", "tx.unsigned", "--payment-key-file", "key-2.hex", "--out", "tx.1", "--yes")
    assert once.exit_code == 0, once.output
    assert f"Still missing: {', '.join(sorted(key.key_hash for key in KEYS[:2]))}" in once.output
    early = invoke("tx", "submit", "tx.1", "--yes")
    assert early.exit_code != 0
    assert KEYS[0].key_hash in early.output
    twice = invoke("tx", "sign", "tx.1", "--payment-key-file", "key-0.hex", "--out", "tx.2", "--yes")
    assert twice.exit_code == 0, twice.output
    assert "missing" not in twice.output
    done = invoke("tx", "submit", "tx.2", *shared.options, "--yes")
    assert done.exit_code == 0, done.output
    assert shared.show()["current_era"] == "thales"

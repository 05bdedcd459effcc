"""The keys and the funds of a change of markers."""

import json
from pathlib import Path

import pytest

from chain_reader.local_chain import FaucetOutput
from datum import SigningKey
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ADA, ERA_KEY, STRANGER, World, datum


def test_missing_keys_are_found_before_anything_is_asked(world: World) -> None:
    without_era = invoke("marker", "activate", "thales", "--at", "5", "--payment-key-file", "payment.skey")
    assert "The era key is missing" in without_era.stderr
    without_payment = invoke("marker", "activate", "thales", "--at", "5", "--secret-key", "@keys/era.sk")
    assert "A payment key is missing" in without_payment.stderr
    for result, code in ((without_era, 2), (without_payment, 1)):
        assert result.exit_code == code
        assert "submit it?" not in result.stderr


def test_no_secret_shows_anywhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    seed = ERA_KEY.seed.hex()
    for given in (seed, ERA_KEY.to_json_hex()):
        result = invoke("marker", "activate", "thales", "--at", "5", "--secret-key", given, "--json", "--debug")
        assert result.exit_code == 2
        assert "expected @FILE: everyone who can list processes can see" in result.stderr
        assert given not in result.output
    environ = {"ERA_MARKERS_SECRET_KEY": ERA_KEY.to_json_hex()}
    result = invoke(
        "marker", "activate", "thales", "--at", "5", "--payment-key-file", "payment.skey", *world.options,
        "--yes", "--json", "--debug", "--log-level", "debug", env=environ,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    shown = result.output + caplog.text + "".join(map(str, caplog.records))
    journal = "".join(path.read_text() for path in (Path.home() / ".local").rglob("*.json"))
    for secret in (seed, ERA_KEY.to_json_hex(), bytes(range(32)).hex()):
        assert secret not in shown + journal


def test_another_networks_era_key_is_refused(world: World) -> None:
    other = SigningKey(bytes(32))
    Path("other.sk").write_text(other.to_json_hex())
    result = invoke(
        "marker", "activate", "thales", "--at", "5", "--secret-key", "@other.sk", "--payment-key-file", "payment.skey"
    )
    assert "The era key is not the one of this network" in result.stderr
    assert ERA_KEY.verification_key.hex in result.stderr
    assert "others can read the secret key other.sk" in result.stderr


@pytest.mark.parametrize(
    ("file", "content"),
    [("payment.skey", ""), ("payment.skey", "{}"), ("keys/era.sk", ""), ("keys/era.sk", "5b5d"), ("keys/era.sk", None)],
)
def test_broken_key_files(world: World, file: str, content: str | None) -> None:
    Path(file).unlink()
    if content is not None:
        Path(file).write_text(content)
    result = world.change("activate", "thales", "--at", "5")
    assert result.exit_code == 2
    assert result.stderr.count("Error:") == 1
    assert "Traceback" not in result.output


def test_too_little_money_is_said(world: World) -> None:
    world.chain.rollback(2)
    world.chain.place(
        [FaucetOutput(world.address, ADA), FaucetOutput(world.address, 90 * ADA, assets=(("ab" * 28, 1),))]
    )
    result = world.change("activate", "thales", "--at", "0", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "InsufficientFunds"
    assert "1 output with tokens, datums or scripts was left alone" in result.stderr
    assert world.transactions() == []


def test_a_payment_key_that_does_not_own_the_era_address_is_named(world: World) -> None:
    """Whether it holds nothing or enough, and beside the owner's it is no mistake."""
    STRANGER.save(Path("stranger.skey"))
    keys = ("--secret-key", "@keys/era.sk", "--payment-key-file", "stranger.skey", *world.options, "--yes")
    world.change("activate", "thales", "--at", "5")
    for funds in (0, 50 * ADA):
        if funds:
            world.chain.fund(STRANGER.address(0), funds)
        result = invoke("marker", "announce", "pythagoras", *keys)
        assert result.exit_code == 1
        assert f"The payment key does not own the era address {world.address}" in result.stderr
        assert f"got the key of {STRANGER.address(0)}" in result.stderr
        assert "--payment-key-file FILE" in result.stderr
    assert world.change("announce", "pythagoras", "--payment-key-file", "stranger.skey").exit_code == 0


def test_a_missing_payment_key_names_its_option_and_the_address(world: World) -> None:
    result = invoke("marker", "activate", "thales", "--at", "5", "--secret-key", "@keys/era.sk", "--yes")
    assert result.exit_code == 1
    assert f"A payment key is missing: expected the key of {world.address}, got no payment key" in result.stderr
    assert "--payment-key-file FILE" in result.stderr


def test_swapped_keys_are_recognised(world: World) -> None:
    for keys, words in (
        (("@payment.skey", "payment.skey"), "payment.skey is not an era key"),
        (("@keys/era.sk", "keys/era.sk"), "keys/era.sk is not a payment key"),
    ):
        secret, payment = keys
        arguments = ("--secret-key", secret, "--payment-key-file", payment, "--yes")
        result = invoke("marker", "activate", "thales", "--at", "5", *arguments)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
        assert "--secret-key" in result.stderr
        assert ERA_KEY.to_json_hex() not in result.output


def test_another_wallet_pays(world: World) -> None:
    """The era address is replaced by its owner, the fee comes from the stranger's address, and goes back there."""
    STRANGER.save(Path("payer.skey"))
    world.chain.fund(STRANGER.address(0), 50 * ADA)
    world.change("activate", "thales", "--at", "5")
    more = ("--payment-key-file", "payer.skey", "--payment-address", STRANGER.address(0))
    done = world.changed("announce", "pythagoras", *more)
    assert {spent["address"] for spent in done["drafted"]["spends"]} == {world.address, STRANGER.address(0)}
    assert len(done["drafted"]["required_keys"]) == 2
    assert sum(made.lovelace for made in world.chain.utxos(STRANGER.address(0))) == done["drafted"]["change_lovelace"]


def test_sweep_leaves_legacy_readers_one_choice(world: World) -> None:
    world.change("activate", "thales", "--at", "5")
    world.post(datum(("thales", 4)), datum(("thales", 5), ("pythagoras", 6)), "d87980")
    shown = world.show()
    assert shown["legacy"]["differs"]
    assert len(shown["legacy"]["possible"]) == 3
    words = invoke("marker", "show")
    assert "Legacy view   a Mithril reader could take" in words.stdout
    dry = invoke("marker", "announce", "pythagoras", *world.keys, "--dry-run")
    assert "2 other signed marker outputs stay at the era address" in dry.stderr
    swept = world.changed("announce", "pythagoras", "--sweep")
    assert len(swept["drafted"]["spends"]) == 3, "the one in force, and both others, which pay for it"
    assert world.show()["legacy"]["differs"] is False
    assert world.show()["verdicts"] == {"Accepted": 1, "Malformed": 1}

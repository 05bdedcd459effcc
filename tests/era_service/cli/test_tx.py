"""``eraswitch tx``: build without a key, sign without a network, submit without either; each step checked."""

import json
from pathlib import Path

import cbor2
import pytest

from chain_reader.local_chain import FaucetOutput
from datum import SigningKey, encode_datum, encode_datum_json
from release_tools import PaymentKey
from release_tools.transactions.files import CarriedTransaction
from tests.era_service.conftest import Shell, invoke
from tests.era_service.release_world import ADA, STRANGER, WALLET, World, datum, payload

FIRST = (("thales", 5),)
SECOND = (("thales", 5), ("pythagoras", 8))


def build(*arguments: str, markers: tuple[tuple[str, int | None], ...] = FIRST) -> None:
    Path("payload.json").write_bytes(payload(*markers))
    result = invoke("tx", "build", "payload.json", "--out", "tx.unsigned", *arguments)
    assert result.exit_code == 0, result.output


def sign(*arguments: str, key: str = "payment.skey", file: str = "tx.unsigned", out: str = "tx.signed") -> None:
    result = invoke("tx", "sign", file, "--payment-key-file", key, "--out", out, "--yes", *arguments)
    assert result.exit_code == 0, result.output


def test_three_steps_over_any_face(any_world: World) -> None:
    world = any_world
    for number, markers in enumerate((FIRST, SECOND)):
        build(markers=markers)
        sign()
        for submitted in range(2):
            result = invoke("tx", "submit", "tx.signed", *world.options, "--yes", "--json")
            assert result.exit_code == 0, result.output
            found = json.loads(result.stdout)
            assert (found["already_there"], found["trusted"]) == (submitted == 1, True)
        assert len(world.transactions()) == number + 1
        assert found["nodes_see"]["current_era"] == "thales"
    assert found["nodes_see"]["upcoming_era"] == "pythagoras"


def test_building_needs_no_key_and_tells_what_it_built(world: World) -> None:
    for file in ("payment.skey", "keys/era.sk"):
        Path(file).unlink()
    Path("payload.json").write_bytes(payload(*FIRST))
    result = invoke("tx", "build", "payload.json", "--out", "tx.unsigned", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["required_keys"] == [WALLET.key_hash]
    assert found["marker_lovelace"] + found["change_lovelace"] + found["fee"] == 100 * ADA
    envelope = json.loads(Path("tx.unsigned").read_text())
    assert envelope["type"] == "Unwitnessed Tx ConwayEra"
    assert world.transactions() == []
    words = invoke("tx", "build", "payload.json", "--out", "tx.unsigned").stdout
    assert f"It must be signed by: {WALLET.key_hash}" in words


@pytest.mark.parametrize("form", ["json", "datum json", "datum hex", "spaced"])
def test_a_payload_in_any_form(world: World, form: str) -> None:
    content = payload(*FIRST)
    Path("file").write_text(
        {
            "json": content.decode() + "\n",
            "datum json": encode_datum_json(content),
            "datum hex": encode_datum(content).hex() + "\n",
            "spaced": json.dumps(json.loads(content), indent=1),
        }[form]
    )
    assert invoke("tx", "build", "file", "--out", "tx.unsigned").exit_code == 0
    sign()
    assert invoke("tx", "submit", "tx.signed", *world.options, "--yes").exit_code == 0
    assert world.show()["current_era"] == "thales"


@pytest.mark.parametrize(
    ("markers", "code"),
    [
        (SECOND, "PayloadNotSuccessor"),
        ((("thales", 4),), "PayloadNotSuccessor"),
        ((), "PayloadNotSuccessor"),
        ((("pythagoras", 8),), "PayloadNotSuccessor"),
    ],
)
def test_what_readers_would_not_accept_is_not_built(
    world: World, markers: tuple[tuple[str, int | None], ...], code: str
) -> None:
    world.change("activate", "thales", "--at", "5")
    world.change("activate", "pythagoras", "--at", "8")
    Path("payload.json").write_bytes(payload(*markers))
    result = invoke("tx", "build", "payload.json", "--out", "tx.unsigned", "--json")
    assert json.loads(result.stdout)["error"]["code"] == code
    assert not Path("tx.unsigned").exists()


def test_another_keys_payload_is_not_built(world: World) -> None:
    Path("payload.json").write_bytes(payload(*FIRST, key=SigningKey(bytes(32))))
    result = invoke("tx", "build", "payload.json", "--out", "tx.unsigned", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "SignedPayload"


def test_signing_needs_no_network_and_shows_what_is_signed(world: World, real_shell: Shell) -> None:
    build()
    world.chain.close()
    Path("chain.sqlite3").unlink()
    done = real_shell(
        "tx",
        "sign",
        "tx.unsigned",
        "--payment-key-file",
        "payment.skey",
        "--out",
        "tx.signed",
        input="y\n",
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "          with markers: thales from epoch 5 (signed by the era key)" in lines
    assert lines[-1] == "Signed, and written to tx.signed"
    assert "Sign this? [y/N]:" in done.stderr
    assert Path("tx.signed").exists()


def test_no_means_no(world: World) -> None:
    build()
    result = invoke(
        "tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "tx.signed", input="n\n"
    )
    assert (result.exit_code, Path("tx.signed").exists()) == (1, False)
    sign()
    assert invoke("tx", "submit", "tx.signed", input="n\n").exit_code == 1
    assert world.transactions() == []


def test_dry_runs(world: World) -> None:
    build()
    signing = ("tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "tx.signed", "--dry-run")
    result = invoke(*signing)
    assert "Nothing was written: this was a dry run" in result.stdout
    assert json.loads(invoke(*signing, "--json").stdout)["complete"] is True
    assert not Path("tx.signed").exists()
    sign()
    result = invoke("tx", "submit", "tx.signed", "--dry-run")
    assert "Nothing was done: this was a dry run" in result.stdout
    assert world.transactions() == []


def test_two_signers_at_two_machines(world: World) -> None:
    STRANGER.save(Path("payer.skey"))
    world.chain.fund(STRANGER.address(0), 50 * ADA)
    world.chain.fund(world.address, ADA)
    build("--payment-address", STRANGER.address(0))
    unseen = invoke("tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "x", "--yes", "--json")
    assert json.loads(unseen.stdout)["error"]["code"] == "TransactionDoubtful"
    assert f"ADA go to {STRANGER.address(0)}, which none of your keys owns" in unseen.stderr
    assert not Path("x").exists()
    sign("--change-address", STRANGER.address(0), out="tx.half")
    early = invoke("tx", "submit", "tx.half", "--yes", "--json")
    assert json.loads(early.stdout)["error"]["code"] == "MissingSignature"
    again = invoke("tx", "sign", "tx.half", "--payment-key-file", "payment.skey", "--out", "x", "--yes", "--json")
    assert json.loads(again.stdout)["error"]["code"] == "MissingSignature"
    sign(key="payer.skey", file="tx.half")
    assert invoke("tx", "submit", "tx.signed", *world.options, "--yes").exit_code == 0
    assert world.show()["current_era"] == "thales"


def carried(*outputs: FaucetOutput, fee: int = 200_000, end: int | None = 7_200) -> str:
    """A transaction as whoever holds the machine that builds them could make it."""
    from pycardano import Address, RawCBOR, TransactionBody, TransactionInput, TransactionOutput

    made = [
        TransactionOutput(
            Address.from_primitive(one.address),
            one.lovelace,
            datum=RawCBOR(bytes.fromhex(one.datum)) if one.datum else None,
        )
        for one in outputs
    ]
    inputs = [TransactionInput.from_primitive(["ab" * 32, 0])]
    body = TransactionBody(inputs=inputs, outputs=made, fee=fee, ttl=end).to_cbor()
    return (b"\x84" + body + b"\xa0\xf5\xf6").hex()


MARKER = datum(*FIRST)


@pytest.mark.parametrize(
    ("outputs", "fee", "code", "words"),
    [
        ([(STRANGER, None)], 200_000, "TransactionFile", "publishes no markers"),
        ([(WALLET, None)], 200_000, "TransactionFile", "Do not sign it"),
        ([(WALLET, "d8799f41aaff")], 200_000, "TransactionFile", "publishes no markers"),
        ([(WALLET, MARKER), (WALLET, MARKER)], 200_000, "TransactionFile", "publishes markers more than once"),
        ([(WALLET, MARKER)], 60 * ADA, "FeeTooHigh", "expected a fee of at most 2000000 lovelace, got 60000000"),
        ([(WALLET, MARKER), (STRANGER, None)], 200_000, "TransactionDoubtful", "which none of your keys owns"),
        ([(STRANGER, MARKER)], 200_000, "TransactionDoubtful", "which is not the era address"),
        ([(WALLET, datum(*FIRST, key=SigningKey(bytes(32))))], 200_000, "TransactionDoubtful", "no node would read"),
    ],
)
def test_what_a_builder_in_other_hands_could_slip_in_is_not_signed(
    world: World, outputs: list[tuple[PaymentKey, str | None]], fee: int, code: str, words: str
) -> None:
    made = [FaucetOutput(key.address(0), 20 * ADA, datum=carries) for key, carries in outputs]
    Path("tx").write_text(carried(*made, fee=fee))
    result = invoke("tx", "sign", "tx", "--payment-key-file", "payment.skey", "--out", "x", "--yes", "--json")
    assert json.loads(result.stdout)["error"]["code"] == code
    assert words in result.stderr
    assert not Path("x").exists()
    doubtful = code == "TransactionDoubtful"
    seen = invoke("tx", "sign", "tx", "--payment-key-file", "payment.skey", "--out", "x", "--dry-run", "--json")
    assert seen.exit_code == 0 if doubtful else seen.exit_code != 0
    if doubtful:
        assert words in json.loads(seen.stdout)["doubts"][0]
    if code == "FeeTooHigh":
        sign("--max-fee", str(fee), file="tx")


def test_one_that_is_valid_for_ever_is_not_signed_unseen(world: World) -> None:
    """Whoever keeps it could let an era begin at once, years from now."""
    Path("tx").write_text(carried(FaucetOutput(WALLET.address(0), 20 * ADA, datum=MARKER), end=None))
    sign = ("tx", "sign", "tx", "--payment-key-file", "payment.skey", "--out", "x", "--json")
    result = invoke(*sign, "--yes")
    assert json.loads(result.stdout)["error"]["code"] == "TransactionDoubtful"
    assert "it never becomes void" in result.stderr
    assert invoke(*sign, input="y\n").exit_code == 0


@pytest.mark.parametrize("epoch", [1, 5, 6])
def test_markers_that_were_signed_too_long_ago_are_not_built(world: World, epoch: int) -> None:
    """Co-signing took days: by now the activation would come as a surprise, and split the network."""
    world.change("activate", "thales", "--at", "0")
    Path("payload.json").write_bytes(payload(("thales", 0), ("pythagoras", epoch)))
    result = invoke("tx", "build", "payload.json", "--out", "tx.unsigned", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "RolloutRefused"
    assert f"2 epochs before an activation that is new, moved or cancelled, got one at epoch {epoch}" in result.stderr
    assert not Path("tx.unsigned").exists()
    if epoch == 6:
        build("--lead-epochs", "1", markers=(("thales", 0), ("pythagoras", 6)))


def test_a_transaction_is_void_once_it_would_give_too_little_notice(any_world: World) -> None:
    """However late it is submitted, and by whom: the ledger itself refuses it."""
    world = any_world
    world.change("activate", "thales", "--at", "5")
    Path("payload.json").write_bytes(payload(*SECOND))
    built = invoke("tx", "build", "payload.json", "--out", "tx.unsigned")
    assert "before slot 70, the end of epoch 6: later would be too little notice" in built.stdout
    sign()
    world.chain.advance_to_epoch(7)
    result = invoke("tx", "submit", "tx.signed", *world.options, "--yes", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "TransactionRefused"
    assert len(world.transactions()) == 1


def test_hex_for_wallets_and_from_them(world: World) -> None:
    build("--format", "hex")
    cbor = bytes.fromhex(Path("tx.unsigned").read_text())
    body, witnesses, valid, _ = cbor2.loads(cbor)
    assert (witnesses, valid, body[15]) == ({}, True, 0)
    sign("--format", "hex")
    assert invoke("tx", "submit", "tx.signed", *world.options, "--yes").exit_code == 0
    assert world.show()["current_era"] == "thales"


@pytest.mark.parametrize("step", ["sign", "submit"])
def test_a_transaction_of_another_network_is_refused(world: World, step: str) -> None:
    build()
    sign()
    text = Path("tx.signed").read_text().replace('"network_magic": 42', '"network_magic": 1')
    Path("tx.signed").write_text(text)
    more = ("--payment-key-file", "payment.skey", "--out", "x") if step == "sign" else ()
    result = invoke("tx", step, "tx.signed", *more, "--yes", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "TransactionFile"
    assert "expected a transaction for network magic 42, got 1" in result.stderr
    mainnet = invoke("tx", step, "tx.signed", *more, "--yes", "--network", "mainnet", "--json")
    assert mainnet.exit_code == 2
    assert world.transactions() == []


def test_signing_asks_for_the_network_too(own_folders: Path, world: World) -> None:
    build()
    Path("eraswitch.toml").unlink()
    result = invoke("tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "x", "--yes", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "NetworkNeeded"
    signing = ("tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "x", "--yes")
    named = invoke(*signing, "--network-magic", "42")
    assert named.exit_code == 0, named.output
    assert "(not checked: no era key known)" in named.stdout


def test_markers_by_another_key_are_shown_as_such(world: World) -> None:
    build()
    world.configure()
    text = Path("eraswitch.toml").read_text()
    Path("eraswitch.toml").write_text(text.replace(str(_key_in(text)), SigningKey(bytes(32)).verification_key.hex))
    result = invoke("tx", "sign", "tx.unsigned", "--payment-key-file", "payment.skey", "--out", "x", "--dry-run")
    assert "NOT SIGNED BY THE ERA KEY" in result.stdout


def _key_in(text: str) -> str:
    return text.partition('verification_key = "')[2].partition('"')[0]


def test_refused_by_the_ledger(world: World) -> None:
    """What it spends was spent meanwhile: the error names it and what stands now, and nothing has changed."""
    build()
    sign()
    world.change("activate", "thales", "--at", "4")
    result = invoke("tx", "submit", "tx.signed", *world.options, "--yes", "--json")
    error = json.loads(result.stdout)["error"]
    assert (error["code"], result.exit_code) == ("Overtaken", 1)
    assert "is spent already, so it can no longer be included" in error["message"]
    assert "got the markers thales at epoch 4 in force" in error["message"]
    assert len(world.transactions()) == 1


def test_void_before_it_was_submitted(world: World) -> None:
    build("--validity-slots", "5")
    sign()
    world.chain.advance_slots(5)
    result = invoke("tx", "submit", "tx.signed", *world.options, "--yes", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "TransactionRefused"


@pytest.mark.parametrize("step", ["sign", "submit", "build"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"junk", b"\xff\xfe", b"84a0a0f5f6"])
def test_files_that_are_none(world: World, step: str, content: bytes | None) -> None:
    if content is not None:
        Path("file").write_bytes(content)
    more = {
        "sign": ("--payment-key-file", "payment.skey", "--out", "x", "--yes"),
        "submit": ("--yes",),
        "build": ("--out", "x"),
    }[step]
    result = invoke("tx", step, "file", *more, "--json")
    assert result.exit_code == 2, result.output
    assert result.stderr.count("Error:") == 1
    assert not Path("x").exists()


def test_a_file_that_cannot_be_written(world: World) -> None:
    Path("payload.json").write_bytes(payload(*FIRST))
    result = invoke("tx", "build", "payload.json", "--out", "no/such/folder/tx", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "Output"


def test_a_key_of_nobody(world: World) -> None:
    PaymentKey(bytes(32)).save(Path("other.skey"))
    build()
    result = invoke("tx", "sign", "tx.unsigned", "--payment-key-file", "other.skey", "--out", "x", "--yes", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "MissingSignature"
    assert WALLET.key_hash in result.stderr


def witness_file(file: str = "tx.unsigned", *, key: PaymentKey = WALLET) -> None:
    """What ``cardano-cli transaction witness`` writes for a transaction."""
    carried = CarriedTransaction.parse(Path(file).read_text())
    made = key.witness(bytes.fromhex(carried.hash))
    content = cbor2.dumps([0, [bytes(made.vkey.payload), made.signature]])
    envelope = {"type": "TxWitness ConwayEra", "description": "Key Witness ShelleyEra", "cborHex": content.hex()}
    Path("tx.witness").write_text(json.dumps(envelope))


def test_a_signature_made_elsewhere_needs_no_key_here(world: World) -> None:
    build()
    witness_file()
    done = invoke("tx", "sign", "tx.unsigned", "--witness", "tx.witness", "--out", "tx.signed", "--yes", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["complete"] is True
    submitted = invoke("tx", "submit", "tx.unsigned", "--witness", "tx.witness", *world.options, "--yes", "--json")
    assert submitted.exit_code == 0, submitted.output
    assert json.loads(submitted.stdout)["trusted"] is True


def test_a_signature_made_elsewhere_beside_configured_keys(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configured key that has nothing left to sign is no error, and its passphrase is not asked for."""
    build()
    witness_file()
    monkeypatch.setenv("ERASWITCH_KEYS__PAYMENT_KEY_FILES", '["no-such.skey"]')
    arguments = ("tx", "sign", "tx.unsigned", "--witness", "tx.witness", "--out", "tx.signed", "--yes")
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    given = invoke(*arguments, "--payment-key-file", "payment.skey", "--json")
    assert json.loads(given.stdout)["error"]["code"] == "MissingSignature"


def test_a_signature_of_another_transaction_or_key_is_not_added(world: World) -> None:
    build()
    witness_file(key=STRANGER)
    for command in (("sign", "tx.unsigned", "--out", "tx.signed"), ("submit", "tx.unsigned")):
        done = invoke("tx", *command, "--witness", "tx.witness", "--yes")
        assert done.exit_code == 2
        assert f"got one by {STRANGER.key_hash}" in done.stderr
    assert not Path("tx.signed").exists()


@pytest.mark.parametrize("kind", ["Witnessed Tx LaterEra", "Tx BabbageEra"])
def test_a_transaction_is_judged_by_its_bytes_whatever_era_its_envelope_names(world: World, kind: str) -> None:
    build()
    sign()
    Path("tx.signed").write_text(json.dumps({**json.loads(Path("tx.signed").read_text()), "type": kind}))
    assert invoke("tx", "submit", "tx.signed", *world.options, "--yes").exit_code == 0

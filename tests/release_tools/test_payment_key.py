"""The payment key: from and to a cardano-cli file, and never shown."""

import copy
import json
import pickle
import stat
import traceback
from pathlib import Path

import pytest
from nacl.bindings import crypto_sign_open
from pycardano import Address, ExtendedSigningKey, HDWallet, Network, PaymentSigningKey

from eras import EraSwitchError
from release_tools import PaymentKey
from release_tools.keys.envelopes import EXTENDED_PAYMENT_KEY
from tests.errors import raising

SEED = bytes(range(32))


def extended_key() -> bytes:
    """An extended key as wallets derive it, and cardano-cli stores it."""
    wallet = HDWallet.from_seed("00" * 32).derive_from_path("m/1852'/1815'/0'/0/0")
    return ExtendedSigningKey.from_hdwallet(wallet).payload


def test_saved_key_is_a_cardano_cli_envelope_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "payment.skey"
    key = PaymentKey(SEED)
    key.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {
        "type": "PaymentSigningKeyShelley_ed25519",
        "description": "Payment Signing Key",
        "cborHex": "5820" + SEED.hex(),
    }
    assert PaymentKey.load(path).key_hash == key.key_hash
    # pycardano, as another reader of the same format, finds the same key
    theirs = PaymentSigningKey.load(str(path)).to_verification_key().hash()
    assert bytes(theirs).hex() == key.key_hash


def test_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "payment.skey"
    path.write_text("precious")
    with raising("PaymentKey", match=r"cannot be written.*File exists"):
        PaymentKey(SEED).save(path)
    assert path.read_text() == "precious"


def test_address_follows_the_network() -> None:
    key = PaymentKey(SEED)
    assert key.address(0).startswith("addr_test1v")
    assert key.address(1).startswith("addr1v")


def test_generated_keys_differ() -> None:
    assert PaymentKey.generate().key_hash != PaymentKey.generate().key_hash


def test_key_is_never_shown_and_never_copied() -> None:
    key = PaymentKey(SEED)
    assert SEED.hex() not in repr(key)
    assert "secret hidden" in repr(key)
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copying(key)


def envelope(**changes: object) -> str:
    return json.dumps({"type": "PaymentSigningKeyShelley_ed25519", "description": "", **changes})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "nothing: it is empty"),
        ("[" * 100_000, "something else, not shown"),
        ('{"a":' * 100_000, "not JSON"),
        ('{"type": "PaymentSigningKeyShelley_ed25519", "cborHex": "5820' + SEED.hex(), "not JSON"),
        ("[1]", "something else, not shown"),
        (SEED.hex()[:-2], "got 31 bytes"),
        (envelope(), "68 hex digits"),
        (envelope(cborHex=7), "68 hex digits"),
        (envelope(cborHex="5820" + SEED.hex()[:-2]), "68 hex digits"),
        (envelope(cborHex="5821" + SEED.hex()), "68 hex digits"),
        (envelope(cborHex="5820" + SEED.hex()[:-1] + "x"), "68 hex digits"),
        (envelope(type="PaymentExtendedSigningKeyShelley_ed25519_bip32", cborHex="5820" + SEED.hex()), "Extended"),
        (envelope(type=None, cborHex="5820" + SEED.hex()), "type None"),
    ],
)
def test_bad_key_file_is_an_error_that_does_not_show_it(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "payment.skey"
    path.write_text(content)
    with raising("PaymentKey", match=expected) as caught:
        PaymentKey.load(path)
    assert str(path) in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value)) + json.dumps(caught.value.to_dict())
    assert SEED.hex()[:-2] not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, "the decoder's own error holds the text of the file"
    assert caught.value.exit_code == 2


def test_unreadable_key_file(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "missing", "No such file"), (tmp_path, "directory")):
        with raising("PaymentKey", match=reason):
            PaymentKey.load(path)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\x00\xfe")
    with raising("PaymentKey", match="bytes that are not text"):
        PaymentKey.load(binary)


def test_key_of_wrong_length() -> None:
    with pytest.raises(EraSwitchError, match="expected 32 bytes, or 128 of an extended key, got 31 bytes"):
        PaymentKey(SEED[1:])


def test_extended_key(tmp_path: Path) -> None:
    raw, path = extended_key(), tmp_path / "payment.skey"
    key = PaymentKey(raw)
    key.save(path)
    written = json.loads(path.read_text())
    assert (written["type"], written["cborHex"]) == (EXTENDED_PAYMENT_KEY, "5880" + raw.hex())
    assert PaymentKey.load(path).key_hash == key.key_hash
    theirs = ExtendedSigningKey.load(str(path)).to_verification_key().hash()
    assert bytes(theirs).hex() == key.key_hash
    assert key.address(0) == str(Address(theirs, network=Network.TESTNET))
    witness = key.witness(b"\x07" * 32)
    assert crypto_sign_open(witness.signature + b"\x07" * 32, bytes(witness.vkey.payload)) == b"\x07" * 32
    assert len(witness.vkey.payload) == 32
    assert raw[:32].hex() not in repr(key)


def test_extended_key_with_the_public_key_of_another_is_refused(tmp_path: Path) -> None:
    """Two signatures of one message under different public keys give the private key away."""
    raw = extended_key()
    mixed = raw[:64] + bytes(PaymentKey(SEED)._public.payload) + raw[96:]
    for wrong in (mixed, bytes(128)):
        with raising("PaymentKey", match="halves that do not belong together") as caught:
            PaymentKey(wrong)
        assert wrong[:32].hex() not in "".join(traceback.format_exception(caught.value))


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "payment.skey"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with raising("PaymentKey", match="something else, not shown"):
        PaymentKey.load(path)

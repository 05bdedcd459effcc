"""Keys encrypted with a passphrase: what opens them, and what is said of every file that is not quite one."""

import json
import traceback
from typing import Any

import pytest

from datum import SigningKey
from release_tools.keys import encrypted
from release_tools.keys.encrypted import COST, Cost, EncryptedKey, WrongPassphraseError, encrypt, passphrase_bytes
from tests.errors import raising
from tests.release_tools.test_key_forms import EXTENDED, SEED

PASSPHRASE = b"correct horse battery staple"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that a test encrypts opens at once; its file names that cost."""
    monkeypatch.setattr(encrypted, "COST", Cost(1, 8192))


def parsed(text: str) -> EncryptedKey:
    key = EncryptedKey.parse(text, "the.sk")
    assert key is not None
    return key


def altered(text: str, **fields: Any) -> str:
    return json.dumps({**json.loads(text), **fields})


@pytest.mark.parametrize(("kind", "secret"), [("era", SEED), ("payment", SEED), ("payment", EXTENDED)])
def test_the_passphrase_opens_it_and_nothing_else_does(kind: encrypted.Kind, secret: bytes) -> None:
    text = encrypt(kind, secret, PASSPHRASE)
    key = parsed(text)
    assert (key.kind, key.open(PASSPHRASE)) == (kind, secret)
    for wrong in (b"", PASSPHRASE + b" ", PASSPHRASE.upper()):
        with pytest.raises(WrongPassphraseError, match=r"does not open the\.sk") as caught:
            key.open(wrong)
        shown = "".join(traceback.format_exception(caught.value)) + repr(key)
        assert secret.hex()[:24] not in shown
        assert "horse" not in shown
    assert secret.hex()[:24] not in text
    assert encrypt(kind, secret, PASSPHRASE) != text


def test_what_is_public_is_seen_closed() -> None:
    assert parsed(encrypt("era", SEED, PASSPHRASE)).public == SigningKey(SEED).verification_key.raw


def test_the_real_cost_is_that_of_libsodium_s_moderate() -> None:
    from nacl.pwhash import argon2id

    assert Cost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE) == COST


def test_a_passphrase_is_the_same_however_its_accents_are_typed() -> None:
    assert passphrase_bytes("Zu\u0308rich") == passphrase_bytes("Z\u00fcrich")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"eraswitch_encrypted_key": 2}, "expected version 1, got version 2"),
        ({"eraswitch_encrypted_key": True}, "unknown version"),
        ({"eraswitch_encrypted_key": "1"}, "unknown version"),
        ({"kind": "stake"}, "expected kind era or payment"),
        ({"kind": ["era"]}, "expected kind era or payment"),
        ({"kdf": "scrypt"}, "kdf argon2id"),
        ({"passes": 1 << 40}, "as passes"),
        ({"passes": "1"}, "as passes"),
        ({"passes": True}, "as passes"),
        ({"memory_bytes": 1 << 50}, "as memory_bytes"),
        ({"memory_bytes": None}, "as memory_bytes"),
        ({"salt": "00"}, "as salt"),
        ({"salt": 5}, "as salt"),
        ({"public": "zz" * 32}, "as public"),
        ({"sealed": "00" * 10}, "as sealed"),
    ],
)
def test_a_damaged_file_is_refused_before_any_work(fields: dict[str, Any], words: str) -> None:
    with raising("EncryptedKey", match=words):
        EncryptedKey.parse(altered(encrypt("era", SEED, PASSPHRASE), **fields), "the.sk")


def test_a_file_that_is_cut_short_is_not_taken_for_another_kind() -> None:
    text = encrypt("era", SEED, PASSPHRASE)
    with raising("EncryptedKey", match="not JSON"):
        EncryptedKey.parse(text[:-20], "the.sk")
    for other in ("", SEED.hex(), "{}", '{"type": "PaymentSigningKeyShelley_ed25519"}', "[" * 9999, "{" * 9999):
        assert EncryptedKey.parse(other, "the.sk") is None


def test_one_kind_of_key_cannot_pass_for_the_other() -> None:
    """The lengths differ by the kind's name inside; with the bytes cut to fit, the box no longer opens."""
    payment = encrypt("payment", SEED, PASSPHRASE)
    with raising("EncryptedKey", match="as sealed"):
        EncryptedKey.parse(altered(payment, kind="era"), "the.sk")
    cut = altered(payment, kind="era", sealed=json.loads(payment)["sealed"][:-8])
    with pytest.raises(WrongPassphraseError):
        parsed(cut).open(PASSPHRASE)


def test_a_public_key_that_is_not_its_own_is_noticed() -> None:
    other = SigningKey(bytes(32)).verification_key.hex
    with raising("EncryptedKey", match="got another key"):
        parsed(altered(encrypt("era", SEED, PASSPHRASE), public=other)).open(PASSPHRASE)


@pytest.mark.parametrize("field", ["salt", "sealed"])
def test_every_altered_byte_is_noticed(field: str) -> None:
    text = encrypt("era", SEED, PASSPHRASE)
    raw = bytes.fromhex(json.loads(text)[field])
    for index in range(0, len(raw), 7):
        bad = raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]
        with pytest.raises(WrongPassphraseError):
            parsed(altered(text, **{field: bad.hex()})).open(PASSPHRASE)

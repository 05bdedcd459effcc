"""Era keys: forms, refusals, and that a secret never shows."""

import copy
import pickle

import pytest

from datum import KeyFormatError, SigningKey, VerificationKey, verify_signature

SEED = bytes(range(32))
KEY = SigningKey(SEED)
JSON_HEX = KEY.to_json_hex()
PUBLIC = KEY.verification_key


def test_both_forms_are_read_with_a_newline_at_the_end():
    assert SigningKey.parse(JSON_HEX) == SigningKey.parse(SEED.hex() + "\n") == KEY
    assert VerificationKey.parse(PUBLIC.to_json_hex() + "\n") == VerificationKey.parse(PUBLIC.hex.upper()) == PUBLIC
    assert str(PUBLIC) == PUBLIC.hex == PUBLIC.raw.hex()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zz",
        "5b31",
        "abc",
        SEED.hex()[:-2],
        SEED.hex()[:10] + " " + SEED.hex()[10:],
        b"[1,2,3]".hex(),
        b'{"a":1}'.hex(),
        str(list(range(31))).replace(" ", "").encode().hex(),
        str([*range(31), 256]).replace(" ", "").encode().hex(),
        str([*range(31), "a"]).replace(" ", "").encode().hex(),
        (b"[" * 100_000).hex(),
        "٣" * 64,
    ],
)
def test_what_is_no_key_is_refused_and_never_quoted(text):
    for kind in (VerificationKey, SigningKey):
        with pytest.raises(KeyFormatError, match=r"32 bytes, as hex of their JSON array \(5b…5d\) or as 64") as caught:
            kind.parse(text)
        assert "a text of" in str(caught.value)
        if len(text) > 8:
            assert text not in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"x" * 31, b"x" * 33, "x" * 32])
def test_a_key_has_32_bytes(raw):
    with pytest.raises(KeyFormatError):
        VerificationKey(raw)
    with pytest.raises(KeyFormatError):
        SigningKey(raw)


@pytest.mark.parametrize("raw", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32])
def test_a_point_of_small_order_or_none_is_no_verification_key(raw):
    with pytest.raises(KeyFormatError, match="main subgroup") as caught:
        VerificationKey(raw)
    assert raw.hex() not in str(caught.value)


def test_a_secret_never_shows():
    for text in (repr(KEY), str(KEY), f"{KEY}"):
        assert SEED.hex() not in text
        assert JSON_HEX not in text
        assert "\\x01" not in text
        assert str(PUBLIC.raw) in text


def test_generated_keys_differ_and_sign():
    one, other = SigningKey.generate(), SigningKey.generate()
    assert one != other
    signature = one.sign(b"message")
    assert len(signature) == 64
    assert verify_signature(b"message", signature, one.verification_key)
    assert not verify_signature(b"message", signature, other.verification_key)
    assert not verify_signature(b"messagf", signature, one.verification_key)


def test_verification_is_as_strict_as_libsodium():
    """S + L is the same scalar: lax verifiers take it, libsodium and dalek's verify_strict do not (malleability)."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = KEY.sign(b"message")
    scalar = int.from_bytes(signature[32:], "little") + order
    malleable = signature[:32] + scalar.to_bytes(32, "little")
    assert not verify_signature(b"message", malleable, PUBLIC)


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_secret_key_is_never_copied_nor_pickled(copying: object) -> None:
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        copying(KEY)
    assert copying(KEY.verification_key)

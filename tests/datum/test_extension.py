"""The extension's wire form: what is written, what is signed, and what a reader takes (rules of datum/extension.py)."""

import json
from dataclasses import FrozenInstanceError, replace
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datum import (
    Accepted,
    EraMarkersPayload,
    ExtendedPayload,
    Extension,
    PayloadFormatError,
    SigningKey,
    VerificationKey,
    decode_datum,
    encode_datum,
    encode_datum_json,
    read_extended,
    screen,
)
from datum.extension import ExtensionSignature
from eras import MAX_EPOCH, EraMarker

ERA = SigningKey(b"e" * 32)
A, B, C, D = (SigningKey(bytes([number]) * 32) for number in range(1, 5))
KEYS = (A.verification_key, B.verification_key, C.verification_key)
PAYLOAD = EraMarkersPayload((EraMarker("thales", 1), EraMarker("pythagoras", None))).sign(ERA)
EXTENSION = Extension(
    network_magic=42,
    address="addr_test1x",
    sequence=7,
    previous="ab" * 32,
    expires_epoch=30,
    threshold=2,
    keys=KEYS,
)
SIGNED = ExtendedPayload(PAYLOAD, EXTENSION).sign(A).sign(C)

u64 = st.integers(0, MAX_EPOCH)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
signing_keys = st.sampled_from([A, B, C, D])
markers = st.lists(st.builds(EraMarker, texts, st.none() | u64), max_size=3).map(tuple)


@st.composite
def extensions(draw):
    keys = tuple(key.verification_key for key in draw(st.lists(signing_keys, min_size=1, unique=True)))
    return Extension(
        network_magic=draw(u64),
        address=draw(texts.filter(bool)),
        sequence=draw(u64),
        previous=draw(st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex)),
        expires_epoch=draw(st.none() | u64),
        threshold=draw(st.integers(1, len(keys))),
        keys=keys,
    )


@st.composite
def extended_payloads(draw):
    extended = ExtendedPayload(EraMarkersPayload(draw(markers)).sign(ERA), draw(extensions()))
    for key in draw(st.lists(signing_keys, max_size=4)):
        extended = extended.sign(key)
    return extended


def test_rule_1_the_extension_stands_beside_the_payload():
    signatures = ",".join(
        f'{{"key":"{key.verification_key.hex}","signature":"{key.sign(SIGNED.message).hex()}"}}' for key in (A, C)
    )
    keys = ",".join(f'"{key.hex}"' for key in KEYS)
    assert SIGNED.to_bytes().decode() == (
        PAYLOAD.to_bytes().decode()[:-1]
        + ',"extension":{"v":1,"network_magic":42,"address":"addr_test1x","sequence":7,"previous":"'
        + "ab" * 32
        + f'","expires_epoch":30,"threshold":2,"keys":[{keys}]}},"extension_signatures":[{signatures}]}}'
    )


def test_rule_1_a_payload_without_extension_is_what_it_was():
    assert read_extended(PAYLOAD.to_bytes()) is None
    assert read_extended(EraMarkersPayload(PAYLOAD.markers).to_bytes()) is None
    assert read_extended(f'[[["thales",1]],"{PAYLOAD.signature.hex()}"]'.encode()) is None


@given(extended_payloads())
def test_rule_1_deployed_readers_see_the_plain_payload(extended):
    content = extended.to_bytes()
    assert EraMarkersPayload.from_bytes(content) == extended.payload
    for datum in (encode_datum(content), encode_datum_json(content)):
        (verdict,) = screen([datum], ERA.verification_key)
        assert isinstance(verdict, Accepted)
        assert verdict.verified.markers == extended.payload.markers
        assert verdict.verified.signature == extended.payload.signature


def test_rule_1_every_payload_that_mithril_accepts_is_accepted_with_an_extension(mithril):
    """The recorded cases of its reader, each payload in them with an extension beside it."""
    cases = json.loads(mithril("reader_cases.json").read_text())
    key = VerificationKey.parse(cases["verification_key"])
    extended_cases = 0
    for case in cases["cases"]:
        datums = [json.dumps(datum) for datum in case["datums"]]
        verdicts = screen(datums, key)
        extended_datums = []
        for datum, verdict in zip(datums, verdicts, strict=True):
            if isinstance(verdict, Accepted):
                payload = EraMarkersPayload.from_bytes(decode_datum(datum).content)
                content = ExtendedPayload(payload, EXTENSION).sign(A).sign(B).to_bytes()
                extended_datums.append(encode_datum_json(content))
            else:
                extended_datums.append(datum)
        again = screen(extended_datums, key)
        assert [verdict.name for verdict in again] == [verdict.name for verdict in verdicts]
        first = next((verdict.verified.markers for verdict in again if isinstance(verdict, Accepted)), ())
        assert [marker.to_dict() for marker in first] == case["mithril"]["markers"], case["case"]
        extended_cases += extended_datums != datums
    assert extended_cases >= 18


def test_rule_2_the_message():
    keys = ",".join(f'"{key.hex}"' for key in KEYS)
    assert SIGNED.message.decode() == (
        f'{{"extension":{{"address":"addr_test1x","expires_epoch":30,"keys":[{keys}],"network_magic":42,"previous":"'
        + "ab" * 32
        + '","sequence":7,"threshold":2,"v":1},"markers":['
        + '{"epoch":1,"name":"thales"},{"epoch":null,"name":"pythagoras"}],'
        + f'"signature":"{PAYLOAD.signature.hex()}"}}'
    )
    odd = ExtendedPayload(EraMarkersPayload((EraMarker('θ"\x1f\x7f', 1),)).sign(ERA), EXTENSION)
    assert '{"epoch":1,"name":"θ\\"\\u001f\x7f"}'.encode() in odd.message


@given(extended_payloads())
def test_rule_2_the_message_is_the_sorted_json_of_what_is_written(extended):
    whole = json.loads(extended.to_bytes())
    parts = {name: whole[name] for name in ("signature", "markers", "extension")}
    assert extended.message == json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_rule_2_the_case_of_the_plain_signature_changes_nothing():
    shouted = SIGNED.to_bytes().replace(
        f'"signature":"{PAYLOAD.signature.hex()}"'.encode(), f'"signature":"{PAYLOAD.signature.hex().upper()}"'.encode()
    )
    assert shouted != SIGNED.to_bytes()
    assert read_extended(shouted) == SIGNED


def test_rule_3_the_hash_does_not_depend_on_who_signed():
    assert SIGNED.hash == blake2b(SIGNED.message, digest_size=32).hexdigest()
    assert replace(SIGNED, signatures=()).hash == SIGNED.sign(B).hash == SIGNED.hash
    assert replace(SIGNED, extension=replace(EXTENSION, sequence=8)).hash != SIGNED.hash


def test_signatures_are_added_once_a_key():
    assert SIGNED.signers(KEYS) == (A.verification_key, C.verification_key)
    assert SIGNED.sign(D).signers((D.verification_key, *KEYS[::-1])) == (
        D.verification_key,
        C.verification_key,
        A.verification_key,
    )
    assert SIGNED.sign(A).signatures == SIGNED.signatures[::-1]
    assert ExtendedPayload(PAYLOAD, EXTENSION).signers(KEYS) == ()


def test_a_wrong_signature_is_no_signature_and_spoils_no_right_one():
    wrong = ExtensionSignature(A.verification_key, B.sign(SIGNED.message))
    right = ExtensionSignature(A.verification_key, A.sign(SIGNED.message))
    assert replace(SIGNED, signatures=(wrong,)).signers(KEYS) == ()
    for order in ((wrong, right), (right, wrong), (right, right)):
        assert replace(SIGNED, signatures=order).signers(KEYS) == (A.verification_key,)


@given(extended_payloads())
def test_what_is_written_is_read(extended):
    assert read_extended(extended.to_bytes()) == extended


@given(extended_payloads(), st.binary(max_size=4), st.integers(0, 2000))
def test_whatever_is_changed_is_refused_or_unsigned(extended, patch, position):
    """Bytes may only change in ways that mean the same; no error but ours comes out."""
    content = bytearray(extended.to_bytes())
    position %= len(content) + 1
    content[position : position + len(patch)] = patch
    try:
        changed = read_extended(bytes(content))
    except PayloadFormatError:
        return
    if changed is not None and changed.message != extended.message:
        assert changed.signers(one.key for one in extended.signatures) == ()


@pytest.mark.parametrize(
    ("old", "new", "got"),
    [
        ('"v":1', '"v":2', "an extension of version 2"),
        ('"v":1', '"v":1.0', "an extension of version not a whole number"),
        ('"v":1,', "", "an extension of version None"),
        ('"sequence":7,', "", "an extension without 'sequence'"),
        ('"sequence":7', '"sequence":7,"note":1', "an extension with the unknown field 'note'"),
        ('"sequence":7', '"sequence":7,"sequence":7', "the field 'sequence' twice"),
        ('"sequence":7', '"sequence":-0', "a whole number of 64 bits as sequence, got not a whole number"),
        ('"sequence":7', '"sequence":true', "a whole number of 64 bits as sequence, got True"),
        ('"sequence":7', '"sequence":18446744073709551616', "as sequence, got 18446744073709551616"),
        ('"network_magic":42', '"network_magic":"42"', "a whole number of 64 bits as network_magic, got '42'"),
        ('"expires_epoch":30', '"expires_epoch":[]', "as expires_epoch, got a JSON array of 0"),
        ('"threshold":2', '"threshold":4', "a threshold from 1 to the number of keys, 3, got 4"),
        ('"threshold":2', '"threshold":0', "a threshold from 1 to the number of keys, 3, got 0"),
        ('"threshold":2', '"threshold":{}', "a threshold from 1 to the number of keys, 3, got a JSON object"),
        ('"addr_test1x"', '""', "expected a text as address, got ''"),
        ('"addr_test1x"', '"\\udfff"', "expected a text as address, got '\\udfff'"),
        ('"addr_test1x"', "null", "expected a text as address, got None"),
        ("ab" * 32, "ab" * 31, "a previous hash that is not 64 lower-case hex digits"),
        (f'"{"ab" * 32}"', "[]", "a previous hash that is a JSON array of 0"),
        (KEYS[0].hex, KEYS[1].hex, "expected distinct keys, got one twice"),
        (KEYS[0].hex, "00" * 32, "a key that is not a point of the Ed25519 main subgroup"),
        (KEYS[0].hex, KEYS[0].hex.upper(), "a key that is not 64 lower-case hex digits"),
        (f'"keys":["{KEYS[0].hex}",', f'"keys":[["{KEYS[0].hex}"],', "a key that is a JSON array of 1"),
        ('"keys":[', '"keys":{},"x":[', "an extension with the unknown field 'x'"),
        (json.dumps([key.hex for key in KEYS], separators=(",", ":")), "{}", "keys that are a JSON object"),
        ('"extension":{', '"extension":[],"x":{', "an extension that is a JSON array of 0"),
        ('"extension":{', '"x":{', "only one of 'extension' and 'extension_signatures', 'extension_signatures'"),
        ('"extension_signatures":', '"x":', "only one of 'extension' and 'extension_signatures', 'extension'"),
        ('"extension_signatures":', '"extension_signatures":null,"x":', "extension signatures that are None"),
        ('"extension_signatures":', '"extension_signatures":{},"x":', "extension signatures that are a JSON object"),
        ('"extension_signatures":[', '"extension_signatures":[5,', "an extension signature that is 5"),
        ('"extension_signatures":[', '"extension_signatures":[{},', "an extension signature without 'key'"),
        ('"extension_signatures":', '"extension_signatures":[],"extension_signatures":', "signatures' twice"),
        ('{"key"', '{"x":0,"key"', "an extension signature with the unknown field 'x'"),
        (f'"signature":"{PAYLOAD.signature.hex()}"', '"signature":null', "one without a signature"),
        (f'"signature":"{PAYLOAD.signature.hex()}"', '"signature":"aa"', "a signature of 1 bytes"),
        ("}]}", "}]}]", "Extra data"),
    ],
)  # fmt: skip
def test_rules_4_and_5_what_a_reader_refuses(old, new, got):
    text = SIGNED.to_bytes().decode()
    assert old in text
    with pytest.raises(PayloadFormatError) as caught:
        read_extended(text.replace(old, new).encode())
    assert got in str(caught.value)


def test_rule_4_white_space_order_and_other_fields_beside_it_are_no_matter():
    whole = json.loads(SIGNED.to_bytes())
    shuffled = {"comment": [1.5]} | {name: whole[name] for name in sorted(whole)}
    assert read_extended(json.dumps(shuffled, indent=3).encode()) == SIGNED


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_has_64_bytes(length):
    with pytest.raises(PayloadFormatError, match=f"expected a signature of 64 bytes, got {length} bytes"):
        ExtensionSignature(A.verification_key, bytes(length))


@pytest.mark.parametrize(("epoch", "stale"), [(0, False), (30, False), (31, True)])
def test_it_is_fresh_through_the_epoch_that_it_names(epoch, stale):
    assert EXTENSION.is_stale(epoch) is stale
    assert not replace(EXTENSION, expires_epoch=None).is_stale(epoch)


def test_values_stay_as_they_are():
    assert replace(EXTENSION, keys=list(KEYS)) == EXTENSION
    assert hash(ExtendedPayload(PAYLOAD, EXTENSION, list(SIGNED.signatures))) == hash(SIGNED)
    with pytest.raises(FrozenInstanceError):
        EXTENSION.sequence = 8

"""The payload: signed bytes, the two types, and what a reader refuses."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datum import (
    EraMarkersPayload,
    PayloadFormatError,
    SignatureMismatchError,
    SigningKey,
    VerifiedMarkers,
    markers_from_json,
    signed_bytes,
)
from datum.payload import claim
from eras import MAX_EPOCH, EraMarker, MarkerError

KEY = SigningKey(bytes(32))
OTHER = SigningKey(b"1" * 32)
MARKERS = (EraMarker("thales", 1), EraMarker("pythagoras", None))
SIGNED = EraMarkersPayload(MARKERS).sign(KEY)

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
markers = st.lists(st.builds(EraMarker, names, st.none() | st.integers(0, MAX_EPOCH)), max_size=4).map(tuple)


def with_signature(text: str) -> bytes:
    return text.replace("SIG", SIGNED.signature.hex()).encode()


def test_rule_1_the_signed_bytes():
    assert signed_bytes(MARKERS) == b'[{"name":"thales","epoch":1},{"name":"pythagoras","epoch":null}]'
    assert signed_bytes([EraMarker('a"\\\n\x1f\x7f', 0)]) == b'[{"name":"a\\"\\\\\\n\\u001f\x7f","epoch":0}]'
    assert signed_bytes([EraMarker("θ😀", 0)]) == '[{"name":"θ😀","epoch":0}]'.encode()


def test_rule_2_the_payload():
    assert SIGNED.to_bytes() == with_signature(
        '{"markers":[{"name":"thales","epoch":1},{"name":"pythagoras","epoch":null}],"signature":"SIG"}'
    )
    assert EraMarkersPayload(MARKERS).to_bytes().endswith(b'"signature":null}')


@pytest.mark.parametrize(
    "text",
    [
        '{"markers":[{"name":"thales","epoch":1},{"name":"pythagoras"}],"signature":"SIG"}',
        ' {"signature":"SIG" , "x":{"x":1,"x":NUMBER},"markers":[{"epoch":1,"name":"thales","y":[1.5]},["pythagoras",null]]}\n',  # noqa: E501
        '[[["thales",1],{"name":"\\u0070ythagoras","epoch":null}],"SIG"]',
    ],
)
def test_rule_3_what_a_reader_takes(text):
    payload = EraMarkersPayload.from_bytes(with_signature(text.replace("NUMBER", "9" * 5000)))
    assert payload == SIGNED
    assert payload.verify(KEY.verification_key).markers == MARKERS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("null", "None"),
        ("5", "5"),
        ("[]", "a JSON array of 0"),
        ('[[],"SIG",1]', "a JSON array of 3"),
        ("{}", "a payload without 'markers'"),
        ('{"markers":[],"signature":"SIG"} {}', "Extra data"),
        ('{"markers":[],"markers":[]}', "the field 'markers' twice"),
        ('{"markers":[],"signature":null,"signature":"SIG"}', "the field 'signature' twice"),
        ('{"markers":{}}', "markers that are a JSON object"),
        ('{"markers":null}', "markers that are None"),
        ('{"markers":[5]}', "a marker that is 5"),
        ('{"markers":[["a"]]}', "a marker that is a JSON array of 1"),
        ('{"markers":[{"epoch":1}]}', "a marker without 'name'"),
        ('{"markers":[{"name":"a","name":"b"}]}', "the field 'name' twice"),
        ('{"markers":[{"name":"a","epoch":1,"epoch":1}]}', "the field 'epoch' twice"),
        ('{"markers":[{"name":null}]}', "an era name that is None"),
        ('{"markers":[{"name":"a","epoch":-1}]}', "an epoch that is -1"),
        ('{"markers":[{"name":"a","epoch":-0}]}', "not a whole number"),
        ('{"markers":[{"name":"a","epoch":1.0}]}', "not a whole number"),
        ('{"markers":[{"name":"a","epoch":1e3}]}', "not a whole number"),
        ('{"markers":[{"name":"a","epoch":"1"}]}', "an epoch that is '1'"),
        ('{"markers":[{"name":"a","epoch":true}]}', "an epoch that is True"),
        ('{"markers":[{"name":"a","epoch":18446744073709551616}]}', "an epoch that is 18446744073709551616"),
        ('{"markers":[{"name":"a","epoch":999999999999999999999}]}', "not a whole number"),
        ('{"markers":[{"name":"a","epoch":NaN}]}', "NaN is not JSON"),
        ('{"markers":[{"name":"\\ud800"}]}', "text that is not UTF-8"),
        ('{"markers":[{"name":"a\n"}]}', "Invalid control character"),
        ('{"markers":[],"signature":5}', "a signature that is 5"),
        ('{"markers":[],"signature":"zz"}', "a signature that is not hex"),
        ('{"markers":[],"signature":"é"}', "a signature that is not hex"),
        ('{"markers":[],"signature":"aa bb"}', "a signature that is not hex"),
        ('{"markers":[],"signature":"aabb"}', "a signature of 2 bytes"),
        ('\ufeff{"markers":[]}', "Expecting value"),
        ("[" * 5000, "invalid JSON at character 5000, where it nests deep"),
    ],
)
def test_rule_3_what_a_reader_refuses(text, reason):
    with pytest.raises(PayloadFormatError, match='expected {"markers":') as caught:
        EraMarkersPayload.from_bytes(with_signature(text))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b'{"markers":[{"name":"\xff"}]}', "text that is not UTF-8"), (b'{"markers":[\xff]}', "Expecting")],
)
def test_bytes_that_are_not_utf_8_are_refused(content, reason):
    with pytest.raises(PayloadFormatError, match=reason):
        EraMarkersPayload.from_bytes(content)


def test_rule_4_verified_markers_are_another_type():
    verified = SIGNED.verify(KEY.verification_key)
    digest = sha256(SIGNED.signed_bytes).hexdigest()
    assert verified == VerifiedMarkers(MARKERS, SIGNED.signature, KEY.verification_key, SIGNED.to_bytes(), digest)
    assert (verified.content, verified.digest) == (SIGNED.to_bytes(), digest)
    assert not isinstance(verified, EraMarkersPayload)


@pytest.mark.parametrize(
    ("payload", "key", "got"),
    [
        (EraMarkersPayload(MARKERS), KEY, "no signature"),
        (SIGNED, OTHER, "another signature"),
        (EraMarkersPayload(MARKERS[:1], SIGNED.signature), KEY, "another signature"),
        (EraMarkersPayload(MARKERS[::-1], SIGNED.signature), KEY, "another signature"),
    ],
)
def test_rule_4_nothing_else_verifies(payload, key, got):
    with pytest.raises(SignatureMismatchError, match=f"got {got}"):
        payload.verify(key.verification_key)


def test_a_signature_has_64_bytes():
    with pytest.raises(PayloadFormatError, match="expected 64 bytes, got 5 bytes"):
        EraMarkersPayload(MARKERS, b"short")


@given(markers, st.booleans())
def test_what_is_written_is_read(schedule, is_signed):
    payload = EraMarkersPayload(schedule)
    payload = payload.sign(KEY) if is_signed else payload
    assert EraMarkersPayload.from_bytes(payload.to_bytes()) == payload
    assert (
        signed_bytes(schedule)
        == json.dumps([marker.to_dict() for marker in schedule], separators=(",", ":"), ensure_ascii=False).encode()
    )


@given(markers, st.binary(max_size=4), st.integers(0, 400))
def test_a_claim_is_what_reading_the_whole_payload_says(schedule, patch, position):
    """The quick look at a canonical payload never differs from the reader proper, whatever bytes are changed."""
    content = bytearray(EraMarkersPayload(schedule).sign(KEY).to_bytes())
    position %= len(content) + 1
    content[position : position + len(patch)] = patch
    try:
        payload = EraMarkersPayload.from_bytes(bytes(content))
    except PayloadFormatError:
        with pytest.raises(PayloadFormatError):
            claim(bytes(content))
    else:
        assert claim(bytes(content)) == (payload.signed_bytes, payload.signature)


@pytest.mark.parametrize("broken", ['{"name":"a","epoch":1},', '{"name":"a","epoch":01}', ',{"name":"a","epoch":1}'])
def test_a_claim_takes_no_list_that_json_would_not(broken):
    with pytest.raises(PayloadFormatError):
        claim(f'{{"markers":[{broken}],"signature":"{SIGNED.signature.hex()}"}}'.encode())


def test_a_list_of_markers_as_json():
    assert markers_from_json('[{"name":"thales","epoch":1},{"name":"pythagoras"}]') == MARKERS
    for text in ("", "{}", '[{"name":5}]', '[{"name":"a","epoch":1.5}]', "[" * 5000):
        with pytest.raises(MarkerError, match="A list of markers is not usable"):
            markers_from_json(text)


def called_from(depth: int, content: bytes) -> EraMarkersPayload:
    """The payload, read where so many calls are on the stack already."""
    return EraMarkersPayload.from_bytes(content) if depth == 0 else called_from(depth - 1, content)


@pytest.mark.parametrize("nested", [99, 100, 101, 127, 500, 7_000])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"x":', "}"), ('["]",[{"x":"[{\\""},', "]]")])
def test_what_nobody_uses_may_nest_as_deep_as_it_likes(nested: int, brackets: tuple[str, str]):
    """Deployed readers skip it without recursion; and the verdict must not depend on who asks for it."""
    opening, closing = brackets
    deep = f'{{"x":{opening * nested}1{closing * nested},'.encode()
    payload = EraMarkersPayload((EraMarker("thales", 1),)).sign(KEY)
    for depth in (0, 700):
        assert called_from(depth, deep + payload.to_bytes()[1:]) == payload


@pytest.mark.parametrize("unused", [b'"\xff"', b'"\\ud800"', b'{"\xff":["\\udc00"],"\\ud800":1}', b"1e999"])
def test_what_nobody_uses_need_not_be_text(unused: bytes):
    """Deployed readers skip it without decoding it: whoever puts it beside a signed payload must not part us."""
    payload = EraMarkersPayload((EraMarker("thal\u00e8s", 1),)).sign(KEY)
    assert EraMarkersPayload.from_bytes(b'{"x":' + unused + b"," + payload.to_bytes()[1:]) == payload
    inside = payload.to_bytes().replace(b'{"name"', b'{"x":' + unused + b',"name"')
    assert EraMarkersPayload.from_bytes(inside) == payload


@pytest.mark.parametrize("name", [b'"\xff"', b'"\\ud800"', b'"x\\udfff"'])
def test_the_name_of_a_field_must_be_text_whether_it_is_used_or_not(name: bytes):
    content = EraMarkersPayload((EraMarker("thales", 1),)).sign(KEY).to_bytes()
    for place in (b'{"markers"', b'{"name"'):
        with pytest.raises(PayloadFormatError, match="not UTF-8"):
            EraMarkersPayload.from_bytes(content.replace(place, b"{" + name + b":1," + place[1:]))


BROKEN = ["1 2", "1,", ",", '"\\x"', '"\x01"', '"', "01", "tru", '{"a" 1}', '{"a":1,}', "{1:2}", "[1}"]


@pytest.mark.parametrize(
    "broken",
    [
        *("[" * 200 + "}" * 200, "[" * 200 + "]" * 201, "[" * 200 + "]" * 199, "[" * 200 + '"'),
        *("[" * 200 + inner + "]" * 200 for inner in BROKEN),
        *('{"d":' * 200 + inner + "}" * 200 for inner in (*BROKEN, "")),
    ],
)
def test_what_nests_deep_and_is_no_json_is_no_payload(broken: str):
    """As deployed readers, which read it as they skip it."""
    content = b'{"x":' + broken.encode() + b"," + EraMarkersPayload((EraMarker("thales", 1),)).sign(KEY).to_bytes()[1:]
    with pytest.raises(PayloadFormatError):
        EraMarkersPayload.from_bytes(content)

"""Hostile datums against a decoder that is slow, short and obviously right: no error but ours, and the same answer."""

import json
import re

import cbor2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datum import EraMarkersPayload, PayloadFormatError, SigningKey, encode_datum, screen
from eras import EraMarker

KEY = SigningKey(b"\x07" * 32)
MARKERS = (EraMarker("thales", 1), EraMarker("pythagoras", None))
PAYLOAD = EraMarkersPayload(MARKERS).sign(KEY).to_bytes()

INTEGER = re.compile(r"0|[1-9][0-9]*")


class Number(str):  # noqa: SLOT000
    """A JSON number, as it was written."""


def obvious_payload(content: bytes) -> tuple[list[tuple[str, int | None]], str | None] | None:
    """Markers and signature by the rules at the top of ``datum.payload``, read plainly; None: not a payload."""
    try:
        text = content.decode("utf-8")
        value = json.loads(text, object_pairs_hook=lambda pairs: {"pairs": pairs}, parse_int=Number, parse_float=Number)
    except (ValueError, RecursionError):
        return None
    fields = struct(value, ["markers", "signature"])
    if fields is None or not isinstance(fields["markers"], list):
        return None
    markers = []
    for item in fields["markers"]:
        marker = struct(item, ["name", "epoch"])
        if marker is None or type(marker["name"]) is not str:
            return None
        epoch = marker["epoch"]
        if epoch is not None:
            if type(epoch) is not Number or not INTEGER.fullmatch(epoch) or int(epoch[:30]) > 2**64 - 1:
                return None
            epoch = int(epoch)
        try:
            marker["name"].encode("utf-8")
        except UnicodeEncodeError:
            return None
        markers.append((marker["name"], epoch))
    signature = fields["signature"]
    if signature is not None and (type(signature) is not str or not re.fullmatch("[0-9a-fA-F]{128}", signature)):
        return None
    return markers, signature and signature.lower()


def struct(value, names):
    """The fields of a struct as serde reads them: an object, or an array in order; None: neither, or a field twice."""
    if isinstance(value, list):
        return dict(zip(names, value, strict=True)) if len(value) == len(names) else None
    if not isinstance(value, dict):
        return None
    known = [(key, item) for key, item in value["pairs"] if key in names]
    if len({key for key, _ in known}) < len(known) or names[0] not in dict(known):
        return None
    return {name: dict(known).get(name) for name in names}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**64 + 3)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["markers", "signature", "name", "epoch", "ab" * 64, "AB" * 64, "zz" * 64]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["markers", "signature", "name", "epoch", "extension"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def payload_like(draw):
    """A payload, or something shaped like one, with some bytes changed."""
    shape = draw(
        st.just(PAYLOAD)
        | json_values.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        | st.builds(
            lambda markers, signature: json.dumps({"markers": markers, "signature": signature}).encode(),
            st.lists(st.fixed_dictionaries({"name": json_values}, optional={"epoch": json_values}), max_size=2),
            json_values,
        )
    )
    content = bytearray(shape)
    for _ in range(draw(st.integers(0, 2))):
        position = draw(st.integers(0, len(content)))
        content[position : position + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(content)


@settings(max_examples=400)
@given(payload_like())
@example(PAYLOAD)
@example(b'{"markers":[{"name":"a","epoch":-0}]}')
@example(b'[[["a",1]],null]')
@example(b'{"markers":[{"name":"\\ud83d\\ude00"}]}')
def test_payloads_read_as_the_obvious_decoder_reads_them(content):
    expected = obvious_payload(content)
    try:
        payload = EraMarkersPayload.from_bytes(content)
    except PayloadFormatError:
        assert expected is None
        return
    assert expected is not None
    markers, signature = expected
    assert [(marker.name, marker.epoch) for marker in payload.markers] == markers
    assert (payload.signature.hex() if payload.signature is not None else None) == signature


@settings(max_examples=200)
@given(payload_like(), st.integers(1, 90), st.booleans())
def test_screening_agrees_with_the_obvious_decoders(content, size, definite):
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    text = cbor2.dumps(cbor2.CBORTag(121, chunks)).hex() if definite else encode_datum(content).hex()
    (verdict,) = screen([text], KEY.verification_key)
    expected = obvious_payload(content)
    if expected is None or expected[1] is None:
        assert verdict.name == "Malformed"
    elif expected == ([("thales", 1), ("pythagoras", None)], json.loads(PAYLOAD)["signature"]):
        assert verdict.name == "Accepted"
    else:
        assert verdict.name == "WrongSigner"

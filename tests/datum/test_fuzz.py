"""Hostile datums against a decoder that is slow, short and obviously right: no error but ours, and the same answer."""

import json
import re
import sys
from contextlib import contextmanager

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

    @staticmethod
    def refuse(name):
        raise ValueError(name)


@contextmanager
def as_deep_as_need_be():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(5_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def obvious_payload(content: bytes) -> tuple[list[tuple[str, int | None]], str | None] | None:
    """Markers and signature by the rules at the top of ``datum.payload``, read plainly; None: not a payload."""
    try:
        text = content.decode("utf-8", "surrogateescape")  # serde_json skips what it does not use without decoding it
        with as_deep_as_need_be():
            value = json.loads(
                text,
                object_pairs_hook=lambda pairs: {"pairs": pairs},
                parse_int=Number,
                parse_float=Number,
                parse_constant=Number.refuse,
            )
    except ValueError:
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
    for key, _ in value["pairs"]:
        if any("\ud800" <= char <= "\udfff" for char in key):
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


PIECES = [
    *(b"1", b"-0", b"1E+2", b"01", b"1.", b"-", b"NaN", b"true", b"nul", b"null", b"{}", b"[ ]", b" ", b"\n", b"\x0b"),
    *(b'"s"', b'"\\ud800"', b'"\xff"', b'"\\x"', b'"\\u12"', b'"\x1f"', b'"\x7f\\/"', b'"', b'"a":', b'"\\udc00" :'),
    *(b"[", b"]", b"{", b"}", b",", b":", b"[1,]", b"[,]", b'{"a":1,}', b'{"a" 1}', b"[1 2]", b'[{"a":[]},{"]":"}"}]'),
]


@st.composite
def beside(draw):
    """A signed payload with one more field that nobody uses, whose value nests and may be no JSON at all."""
    value = b"".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)))
    depth = draw(st.sampled_from([0, 1, 95, 96, 97, 98, 99, 100, 101, 130, 400]))
    opening, closing = draw(st.sampled_from([(b"[", b"]"), (b'{"d":', b"}"), (b'[{"]":[', b"]}]")]))
    field = draw(st.sampled_from([b'"x":', b'"\\ud800":', b'"\xff":', b'"\xc3\xa9":', b'"n\\u0061me":']))
    place = draw(st.sampled_from([b'"markers"', b'"name"', b'"signature"']))
    return PAYLOAD.replace(place, field + opening * depth + value + closing * depth + b"," + place, 1)


@st.composite
def payload_like(draw):
    """A payload, or something shaped like one, with some bytes changed."""
    shape = draw(
        st.just(PAYLOAD)
        | beside()
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
@example(b'{"x":"\xff",' + PAYLOAD[1:])
@example(b'{"\\ud800":1,' + PAYLOAD[1:])
@example(b'{"x":' + b"[" * 101 + b"1 2" + b"]" * 101 + b"," + PAYLOAD[1:])
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

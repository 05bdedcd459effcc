"""Datums in what providers answer and tools write: found wherever they are, each once, with their places."""

import codecs
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datum import EraMarkersPayload, SigningKey, encode_datum, encode_datum_json, find_datums, kind_of_file, text_of
from eras import Epoch, EraMarker

KEY = SigningKey(bytes(range(32)))


def payload(name: str = "thales") -> bytes:
    return EraMarkersPayload((EraMarker(name, Epoch(1)),)).sign(KEY).to_bytes()


CONTENT = payload()
CBOR = encode_datum(CONTENT)
HEX = CBOR.hex()
PLUTUS = json.loads(encode_datum_json(CONTENT))
HASH = "d8" * 32
REFERENCE = f"{'ab' * 32}#0"

WRAPPED: list[tuple[str, Any, str]] = [
    (
        "cardano-cli query utxo",
        {REFERENCE: {"address": "addr1", "datum": None, "inlineDatum": PLUTUS, "inlineDatumRaw": HEX}},
        f"{REFERENCE}.inlineDatumRaw",
    ),
    (
        "cardano-cli of older versions",
        {REFERENCE: {"inlineDatum": PLUTUS, "inlineDatumhash": HASH, "value": {"lovelace": 2}}},
        f"{REFERENCE}.inlineDatum",
    ),
    ("Blockfrost, outputs of an address", [{"data_hash": HASH, "inline_datum": HEX}], "[0].inline_datum"),
    (
        "Blockfrost, outputs of a transaction",
        {"hash": HASH, "inputs": [{"inline_datum": None}], "outputs": [{"inline_datum": HEX}]},
        "outputs[0].inline_datum",
    ),
    ("Blockfrost, a datum in JSON", {"json_value": PLUTUS}, "json_value"),
    ("Blockfrost, a datum in CBOR", {"cbor": HEX}, "cbor"),
    ("Kupo, a datum", {"datum": HEX}, "datum"),
    (
        "Kupo, matches with datums",
        [{"transaction_id": HASH, "datum_hash": HASH, "datum_type": "inline", "datum": HEX}],
        "[0].datum",
    ),
    (
        "Ogmios",
        {"jsonrpc": "2.0", "result": [{"transaction": {"id": HASH}, "index": 0, "datum": HEX}], "id": None},
        "result[0].datum",
    ),
    ("Koios", [{"inline_datum": {"bytes": HEX, "value": PLUTUS}}], "[0].inline_datum.bytes"),
    ("Koios, the JSON first", [{"inline_datum": {"value": PLUTUS, "bytes": HEX}}], "[0].inline_datum.bytes"),
    ("a text envelope", {"type": "ScriptData", "description": "", "cborHex": HEX}, "cborHex"),
    ("a list", [HEX], "[0]"),
    ("a list of JSON", [PLUTUS], "[0]"),
    ("quoted hex", HEX, ""),
    ("0x in quotes", f"0x{HEX}", ""),
    ("a datum in JSON", PLUTUS, ""),
    ("a payload in a list", [json.loads(CONTENT)], "[0]"),
    ("a payload in a document", {"network": {"magic": 1}, "payload": json.loads(CONTENT)}, "payload"),
]


@pytest.mark.parametrize(("document", "place"), [case[1:] for case in WRAPPED], ids=[case[0] for case in WRAPPED])
@pytest.mark.parametrize("indent", [None, 2])
def test_wherever_it_is(document: Any, place: str, indent: int | None) -> None:
    (found,) = find_datums(json.dumps(document, indent=indent).encode())
    assert (found.content, found.place) == (CONTENT, place)


@pytest.mark.parametrize("text", [HEX, f"0x{HEX}", f"'{HEX}'", f'"{HEX}"', json.dumps(PLUTUS), CONTENT.decode()])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_in_any_encoding(text: str, encoding: str) -> None:
    for end in ("", "\n", "\r\n"):
        (found,) = find_datums((text + end).encode(encoding))
        assert found.content == CONTENT


def test_a_signed_payload_is_known_as_one() -> None:
    for text in (CONTENT, json.dumps(json.loads(CONTENT), indent=1).encode()):
        (found,) = find_datums(text)
        assert found.in_payload
        assert json.loads(found.content or b"") == json.loads(CONTENT)
    assert not find_datums(CBOR)[0].in_payload


def test_several_keep_their_order_and_equal_outputs_are_each_one() -> None:
    other = encode_datum(payload("pythagoras")).hex()
    document = [{"inline_datum": HEX}, other, {"a": {"b": [{"datum": HEX}]}}, {"x": None}, PLUTUS]
    places = [found.place for found in find_datums(json.dumps(document).encode())]
    assert places == ["[0].inline_datum", "[1]", "[2].a.b[0].datum", "[4]"]
    outputs = {f"{'ab' * 32}#{index}": {"inlineDatum": PLUTUS, "inlineDatumRaw": HEX} for index in range(3)}
    assert len(find_datums(json.dumps(outputs).encode())) == 3
    two = {"datum": HEX, "other": other}
    assert [found.content for found in find_datums(json.dumps(two).encode())] == [CONTENT, payload("pythagoras")]


def test_a_line_for_each_and_a_bad_one_spoils_no_other() -> None:
    lines = [
        HEX.encode(),
        b"junk",
        b"\xff\xfe\x01",
        json.dumps([{"datum": HEX}, {"datum": HEX}]).encode(),
        b"7",
        b"null",
    ]
    contents = [found.content for found in find_datums(b"\n\n".join(lines))]
    assert contents == [CONTENT, None, None, CONTENT, CONTENT, None, None]


def test_cbor_is_one_datum_even_with_line_breaks_in_it() -> None:
    data = encode_datum(b"\n".join([CONTENT] * 2))
    assert [found.datum for found in find_datums(data)] == [data]
    assert find_datums(b" \n") == ()


def test_what_nests_too_deep_is_not_looked_at() -> None:
    deep = "[" * 70 + json.dumps(HEX) + "]" * 70
    assert [found.content for found in find_datums(deep.encode())] == [None]
    assert [found.content for found in find_datums(b"[" * 100_000)] == [None]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"SQLite format 3\0" + bytes(100), "a SQLite database"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\x7fELF\x02", "a program"),
        (b"{}", "JSON"),
        ("é\n".encode("utf-16"), "text"),
        (b"\xff\x00\xff", "bytes that are neither text nor CBOR of a datum"),
    ],
)
def test_what_a_file_without_a_datum_is(data: bytes, kind: str) -> None:
    assert kind_of_file(data) == kind
    assert not any(found.content for found in find_datums(data))


@given(st.text().map(lambda text: "a" + text.replace("\0", "")))
def test_text_is_read_in_every_encoding(text: str) -> None:
    if not text.isascii():
        text = codecs.BOM_UTF8.decode() + text
    expected = text.removeprefix("\ufeff")
    assert text_of(text.encode()) == expected
    assert text_of(expected.encode("utf-16")) == expected
    if expected.isascii():
        assert text_of(expected.encode("utf-16-be")) == expected


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    for found in find_datums(data):
        assert found.content is None or isinstance(found.content, bytes)
    assert kind_of_file(data)

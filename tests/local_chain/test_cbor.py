"""The CBOR reader of the ledger: it takes what an independent encoder writes, keeps its bytes, and refuses the rest."""

import contextlib
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_reader.local_chain.ledger.cbor import (
    BYTES,
    LIST,
    MAP,
    MAX_DEPTH,
    NINT,
    SIMPLE,
    TAG,
    TEXT,
    CborError,
    Item,
    read_cbor,
)

VALUES = st.recursive(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=80) | st.text(max_size=40) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.integers(0, 9) | st.binary(max_size=3), inner, max_size=5)
        | st.builds(cbor2.CBORTag, st.sampled_from([121, 258, 1280]), inner)
    ),
    max_leaves=20,
)


def meaning(item: Item) -> Any:
    """An item as ``cbor2`` would decode it, tags kept."""
    match item.major:
        case major if major == BYTES:
            return item.data
        case major if major == TEXT:
            return item.data.decode()
        case major if major == LIST:
            return [meaning(found) for found in item.items]
        case major if major == MAP:
            return {meaning(key): meaning(value) for key, value in item.pairs}
        case major if major == TAG:
            return cbor2.CBORTag(item.number, meaning(item.items[0]))
        case major if major == SIMPLE:
            return {20: False, 21: True, 22: None}[item.number]
    return item.number


@given(VALUES)
def test_what_cbor2_writes(value: Any) -> None:
    data = cbor2.dumps(value)
    item = read_cbor(data)
    assert item.raw == data
    assert cbor2.dumps(meaning(item)) == data
    for inner in item.items:
        assert inner.raw in data


@given(VALUES, st.data())
def test_cut_short_or_prolonged(value: Any, chance: st.DataObject) -> None:
    data = cbor2.dumps(value)
    with pytest.raises(CborError):
        read_cbor(data[: chance.draw(st.integers(0, len(data) - 1))])
    with pytest.raises(CborError, match="1 byte after the end"):
        read_cbor(data + b"\x00")


@given(st.binary(max_size=60))
def test_junk_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(CborError):
        assert read_cbor(data).raw == data


def test_indefinite_lengths() -> None:
    item = read_cbor(bytes.fromhex("9f 5f 4101 420203 ff bf 01 7f 6161 ff ff ff".replace(" ", "")))
    text, mapping = item.items
    assert (text.data, text.chunk) == (b"\x01\x02\x03", 2)
    assert [(key.number, value.data) for key, value in mapping.pairs] == [(1, b"a")]


@pytest.mark.parametrize(
    "data",
    [
        "",  # nothing
        "ff",  # an end without a beginning
        "1c",  # a reserved length
        "1f",  # an integer of no told length
        "df00ff",  # a tag of none
        "5f6161ff",  # a chunk of another kind
        "5f5f4101ffff",  # a chunk in chunks
        "9f01",  # no end
        "bf01ff",  # a key without a value
        "9bffffffffffffffff",  # longer than there are bytes
        "bbffffffffffffffff",
        "5bffffffffffffffff00",
        "61ff",  # not UTF-8
        "7f61c361a9ff",  # a character split between chunks
    ],
)
def test_malformed(data: str) -> None:
    with pytest.raises(CborError):
        read_cbor(bytes.fromhex(data))


def test_nesting_has_a_limit() -> None:
    assert read_cbor(b"\x81" * MAX_DEPTH + b"\x00")
    for opener in (b"\x81", b"\xc1", b"\xa1\x00", b"\x9f"):
        with pytest.raises(CborError, match=f"deeper than {MAX_DEPTH}"):
            read_cbor(opener * 50_000 + b"\x00")


def test_numbers() -> None:
    assert read_cbor(b"\x1b" + b"\xff" * 8).number == 2**64 - 1
    least = read_cbor(b"\x3b" + b"\xff" * 8)
    assert (least.major, least.number) == (NINT, -(2**64))

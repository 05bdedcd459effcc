"""Addresses and pool ids as text, compared with pycardano, which the readers do without."""

import random

import pytest
from pycardano import Address
from pycardano.crypto import bech32 as theirs
from pycardano.exception import PyCardanoException

from chain_reader.bech32 import decode_bech32, encode_bech32, network_id_of

HEADERS = [kind << 4 | network for kind in range(8) for network in (0, 1)]


def address(header: int, rest: bytes, prefix: str | None = None) -> str:
    return encode_bech32(prefix or ("addr" if header & 1 else "addr_test"), bytes([header]) + rest)


@pytest.mark.parametrize("length", range(1, 61))
def test_texts_are_those_of_pycardano(length: int) -> None:
    content = random.Random(length).randbytes(length)
    text = encode_bech32("pool", content)
    assert text == theirs.encode("pool", content)
    assert decode_bech32(text) == ("pool", content)


@pytest.mark.parametrize("header", HEADERS)
def test_the_network_of_an_address_is_that_of_pycardano(header: int) -> None:
    more = {0: bytes(28), 1: bytes(28), 2: bytes(28), 3: bytes(28), 4: b"\1\2\3", 5: b"\1\2\3"}.get(header >> 4, b"")
    text = address(header, bytes(range(28)) + more)
    assert network_id_of(text) == Address.from_primitive(text).network.value == header & 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "addr1",
        address(0x61, bytes(27)),
        address(0x61, bytes(29)),
        address(0x01, bytes(28)),
        address(0x41, bytes(30)),
        address(0xE1, bytes(28), "stake"),
        address(0x62, bytes(28)),
        address(0x61, bytes(28), "addr_test"),
        address(0x61, bytes(28))[:-1] + "b",
        encode_bech32("addr", b""),
    ],
)
def test_what_is_not_a_payment_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        network_id_of(text)


def test_one_wrong_letter_is_refused_by_both() -> None:
    good = address(0x61, bytes(range(28)))
    for place in range(5, len(good)):
        changed = good[:place] + ("q" if good[place] != "q" else "p") + good[place + 1 :]
        with pytest.raises(ValueError, match="checksum"):
            network_id_of(changed)
        with pytest.raises((PyCardanoException, ValueError, TypeError, AssertionError)):
            Address.from_primitive(changed)

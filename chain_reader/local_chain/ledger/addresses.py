"""Payment addresses as text and as bytes, and the key or the script that spends from one.

In: bech32 text, or the bytes in an output. Out: the other form, or ``AddressError``. Byron addresses are not modelled.
"""

from dataclasses import dataclass
from functools import lru_cache

from chain_reader.bech32 import decode_bech32, encode_bech32, network_id_of, payment_credential

_BYRON, _STAKE_ONLY = 8, (14, 15)
"""Kinds of addresses: the high half of the first byte."""
_BYRON_BEGINS = ("Ae2", "Ddz")
_PREFIXES = {0: "addr_test", 1: "addr"}


class AddressError(ValueError):
    """It is not a payment address; ``byron`` if it is a Byron address."""

    def __init__(self, what: str, *, byron: bool = False) -> None:
        self.byron = byron
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class PaymentAddress:
    """A Shelley payment address. ``payment_hash`` is the hash of the key, or of the script, that spends from it."""

    text: str
    raw: bytes
    network_id: int
    payment_hash: bytes
    is_script: bool


@lru_cache(maxsize=4096)  # a chain has few addresses and many outputs at them
def parse_address(value: str | bytes) -> PaymentAddress:
    """``value``, bech32 text or bytes, as a payment address.

    Raises:
        AddressError: it is not one, or a Byron address.
    """
    shown = (value if isinstance(value, str) else value.hex())[:120] or "nothing"
    try:
        raw = decode_bech32(value)[1] if isinstance(value, str) else value
        kind = raw[0] >> 4
        if kind not in (_BYRON, *_STAKE_ONLY):
            text = value if isinstance(value, str) else encode_bech32(_PREFIXES[raw[0] & 0xF], raw)
            network_id, owner = network_id_of(text), payment_credential(raw)
            assert owner is not None  # noqa: S101 - as of every address that has a network
            return PaymentAddress(text, raw, network_id, owner.hash, owner.is_script)
    except (ValueError, KeyError, IndexError) as error:
        if not (isinstance(value, str) and value.startswith(_BYRON_BEGINS)):
            raise AddressError(f"{shown} is not an address") from error
        kind = _BYRON
    if kind == _BYRON:
        raise AddressError(f"{shown} is a Byron address", byron=True)
    raise AddressError(f"{shown} is a stake address")

"""Addresses as text and as bytes, and the key or the script that spends from one; by pycardano.

In: bech32 text, or the bytes in an output. Out: the other form, or ``AddressError``. Byron addresses are not modelled.
"""

from dataclasses import dataclass
from functools import lru_cache

from pycardano import Address, AddressType, ScriptHash
from pycardano.exception import PyCardanoException

_STAKE_ONLY = (AddressType.NONE_KEY, AddressType.NONE_SCRIPT)


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
    try:
        address = Address.from_primitive(value)
        raw, text = bytes(address), address.encode()
    except (PyCardanoException, ValueError, TypeError, AssertionError, IndexError, KeyError) as error:
        raise AddressError(f"{_shown(value)} is not an address") from error
    if address.is_byron:
        raise AddressError(f"{_shown(value)} is a Byron address", byron=True)
    if address.address_type in _STAKE_ONLY:
        raise AddressError(f"{text} is a stake address")
    if value not in (raw, text):
        raise AddressError(f"{_shown(value)} is not an address in its canonical form")
    return PaymentAddress(
        text=text,
        raw=raw,
        network_id=address.network.value,
        payment_hash=bytes(address.payment_part),
        is_script=isinstance(address.payment_part, ScriptHash),
    )


def _shown(value: str | bytes) -> str:
    return (value if isinstance(value, str) else value.hex())[:120] or "nothing"

"""Addresses and pool ids as text: bech32 (BIP 173) as Cardano uses it, of any length.

In: an address as text. Out: its bytes, its network and its payment credential. A reader needs no more of a wallet than
this.
"""

from dataclasses import dataclass

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_DIGITS = 6
_PAYMENT_KINDS = range(8)  # the high half of the first byte; 8 is Byron's, 14 and 15 have no payment part
_HASH_BYTES = 28
_STAKE_BYTES = {**dict.fromkeys(range(4), _HASH_BYTES), 6: 0, 7: 0}  # kinds 4 and 5 have a pointer


@dataclass(frozen=True, slots=True)
class PaymentCredential:
    """The owner of an address: the holder of a key, or of the keys that satisfy a script."""

    hash: bytes
    is_script: bool


def decode_bech32(text: str) -> tuple[str, bytes]:
    """Return the prefix and the bytes of a bech32 text.

    Raises:
        ValueError: it is not bech32, or its checksum is wrong.
    """
    prefix, separator, digits = text.rpartition("1")
    if not separator or not prefix or len(digits) < _CHECKSUM_DIGITS or text != text.lower() or not text.isascii():
        raise ValueError("not a bech32 text")
    values = [_ALPHABET.index(digit) for digit in digits]  # ValueError where it is none
    if _polymod(_expanded(prefix) + values) != 1:
        raise ValueError("the checksum of a bech32 text is wrong")
    number, bits, content = 0, 0, bytearray()
    for value in values[:-_CHECKSUM_DIGITS]:
        number, bits = (number << 5 | value) & 0xFFF, bits + 5
        if bits >= 8:
            bits -= 8
            content.append(number >> bits & 0xFF)
    if bits >= 5 or number & ((1 << bits) - 1):
        raise ValueError("the padding of a bech32 text is wrong")
    return prefix, bytes(content)


def encode_bech32(prefix: str, content: bytes) -> str:
    """Return the bech32 text of ``content``, which ``decode_bech32`` reads."""
    number, bits = int.from_bytes(content), 8 * len(content)
    padding = -bits % 5
    values = [number << padding >> shift & 31 for shift in range(bits + padding - 5, -1, -5)]
    checksum = _polymod(_expanded(prefix) + values + [0] * _CHECKSUM_DIGITS) ^ 1
    values += [checksum >> 5 * (_CHECKSUM_DIGITS - 1 - place) & 31 for place in range(_CHECKSUM_DIGITS)]
    return f"{prefix}1{''.join(_ALPHABET[value] for value in values)}"


def payment_credential(address: bytes) -> PaymentCredential | None:
    """Return who may spend from an address, given its bytes; ``None`` for one without a payment credential."""
    if len(address) <= _HASH_BYTES or address[0] >> 4 not in _PAYMENT_KINDS:
        return None
    return PaymentCredential(address[1 : 1 + _HASH_BYTES], bool(address[0] >> 4 & 1))


def network_id_of(address: str) -> int:
    """Return the network that a Shelley payment address is for: 1 is the mainnet, 0 every other one.

    Raises:
        ValueError: it is not one, or its prefix names another network than its bytes.
    """
    prefix, raw = decode_bech32(address)
    stake = raw[1 + _HASH_BYTES :]
    if payment_credential(raw) is None or not (
        len(stake) == _STAKE_BYTES[raw[0] >> 4] if raw[0] >> 4 in _STAKE_BYTES else _is_pointer(stake)
    ):
        raise ValueError("not the bytes of a payment address")
    network_id = raw[0] & 0xF
    if prefix != {0: "addr_test", 1: "addr"}.get(network_id):
        raise ValueError("the prefix of an address names another network than its bytes")
    return network_id


def _is_pointer(part: bytes) -> bool:
    """Whether it is three numbers of any length, each of which ends with a byte below 128."""
    return [byte < 128 for byte in part].count(True) == 3 and part[-1] < 128


def _expanded(prefix: str) -> list[int]:
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, part in enumerate(_GENERATOR):
            checksum ^= part if top >> place & 1 else 0
    return checksum

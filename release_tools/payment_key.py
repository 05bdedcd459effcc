"""The payment key that pays for marker transactions, from a cardano-cli key file, and never shown.

What is in: a cardano-cli text envelope of type ``PaymentSigningKeyShelley_ed25519``. What comes out: an object that
signs, names its address and its key hash, and hides the key: pycardano's own keys print their secret in ``repr``.
"""

import json
import os
from pathlib import Path
from typing import Any, NoReturn, Self

from eras import ConfigurationError

_KEY_TYPE = "PaymentSigningKeyShelley_ed25519"
_SEED_CBOR_PREFIX = bytes.fromhex("5820")  # a byte string of 32 bytes


class PaymentKeyError(ConfigurationError):
    """A payment key file cannot be used."""


class PaymentKey:
    """An Ed25519 payment key. Its secret shows in no ``repr``, log or error."""

    __slots__ = ("_key",)

    def __init__(self, seed: bytes) -> None:
        from pycardano import PaymentSigningKey

        if len(seed) != 32:
            raise PaymentKeyError("A payment key is not usable", expected="32 bytes", got=f"{len(seed)} bytes")
        self._key = PaymentSigningKey(seed)

    @classmethod
    def generate(cls) -> Self:
        """A new key from the operating system's randomness."""
        return cls(os.urandom(32))

    @classmethod
    def load(cls, path: Path) -> Self:
        """The key in a cardano-cli envelope file.

        Raises:
            PaymentKeyError: the file cannot be read, or holds no key of this kind.
        """
        envelope = _read_envelope(path)
        if envelope.get("type") != _KEY_TYPE:
            _refuse(path, f"a key of type {_KEY_TYPE}", f"type {envelope.get('type')!r}"[:80])
        encoded = envelope.get("cborHex")
        try:
            encoded_key = bytes.fromhex(encoded) if isinstance(encoded, str) else b""
        except ValueError:
            encoded_key = b""
        if len(encoded_key) != 34 or not encoded_key.startswith(_SEED_CBOR_PREFIX):
            _refuse(path, "cborHex: 68 hex digits that begin with 5820", "something else, not shown")
        return cls(encoded_key[2:])

    def save(self, path: Path) -> None:
        """Write the key as a cardano-cli envelope that only its owner can read.

        Raises:
            PaymentKeyError: the file exists already or cannot be written.
        """
        envelope = {
            "type": _KEY_TYPE,
            "description": "Payment Signing Key",
            "cborHex": (_SEED_CBOR_PREFIX + self._key.payload).hex(),
        }
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(envelope, indent=4) + "\n")
        except OSError as error:
            raise PaymentKeyError(
                f"The payment key file {path} cannot be written",
                expected="a new file in a folder that exists",
                got=error.strerror,
                next_step="Choose another path; a key file is never overwritten",
            ) from error

    @property
    def key_hash(self) -> str:
        """The hash that addresses and required signatures name it by, 56 hex digits."""
        return bytes(self._key.to_verification_key().hash()).hex()

    def address(self, network_id: int) -> str:
        """Its enterprise address (no stake part) on a network, bech32."""
        from pycardano import Address, Network

        return str(Address(payment_part=self._key.to_verification_key().hash(), network=Network(network_id)))

    def witness(self, transaction_hash: bytes) -> Any:
        """Its signature over a transaction hash, as a pycardano ``VerificationKeyWitness``."""
        from pycardano import VerificationKeyWitness

        return VerificationKeyWitness(self._key.to_verification_key(), self._key.sign(transaction_hash))

    def __repr__(self) -> str:
        return f"PaymentKey(key_hash={self.key_hash!r}, secret hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a payment key is not copied or pickled")


def _read_envelope(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PaymentKeyError(
            f"The payment key file {path} cannot be read",
            expected="a readable file",
            got=error.strerror,
            next_step="Give the path of a cardano-cli payment signing key",
        ) from error
    except UnicodeDecodeError:
        _refuse(path, "a JSON text envelope", "bytes that are no text")
    try:
        envelope = json.loads(text)
    except (ValueError, RecursionError):
        _refuse(path, "a JSON text envelope", "something that is no JSON")
    if not isinstance(envelope, dict):
        _refuse(path, "a JSON object with type and cborHex", f"a JSON {type(envelope).__name__}")
    return envelope


def _refuse(path: Path, expected: str, got: str) -> NoReturn:
    # "from None": the exceptions of the decoders hold the file's text, which is the secret.
    raise PaymentKeyError(
        f"The payment key file {path} is not usable",
        expected=expected,
        got=got,
        next_step="Make one with: cardano-cli address key-gen --signing-key-file FILE --verification-key-file FILE",
    ) from None

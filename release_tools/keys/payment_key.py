"""The payment key that pays for marker transactions; it is never shown.

In: a file with a plain or an extended key, in any form that ``forms`` reads. Out: an object that signs and has an
address and a key hash. It hides the key, while pycardano's own keys print their secret in ``repr``.
"""

import os
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self

from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp

from datum import KeyFormatError, SigningKey, text_of
from era_store.drafts import write_new
from eras import ConfigurationError
from release_tools.keys.encrypted import OWN_FORMAT, EncryptedKey, encrypt
from release_tools.keys.envelopes import EXTENDED_BYTES, SEED_BYTES, key_envelope
from release_tools.keys.forms import find_payment_key

if TYPE_CHECKING:
    from pycardano import VerificationKey

_MAX_FILE_BYTES = 65_536


class PaymentSigner(Protocol):
    """A signer with a payment key: the key itself, or a device that holds it."""

    @property
    def key_hash(self) -> str:
        """The hash of the key, 56 hex digits."""

    def address(self, network_id: int) -> str:
        """Its enterprise address (no stake part) on a network, bech32."""

    def witness(self, transaction_hash: bytes, body: bytes = b"", words: Sequence[str] = ()) -> Any:
        """Its signature over a transaction hash, as a pycardano ``VerificationKeyWitness``.

        Args:
            transaction_hash: the hash of the body.
            body: the body, for devices that show it.
            words: a description of the transaction for people.
        """


class PaymentKey:
    """An Ed25519 payment key. Its secret shows in no ``repr``, log or error.

    Args:
        raw: the 32 bytes of a seed, or the 128 of an extended key: 64 private, 32 public, 32 of chain code.

    Raises:
        ConfigurationError: it is neither, or the halves of an extended key do not belong together.
    """

    __slots__ = ("_key", "_public", "key_hash")

    def __init__(self, raw: bytes) -> None:
        from pycardano import PaymentExtendedSigningKey, PaymentSigningKey

        if len(raw) not in (SEED_BYTES, EXTENDED_BYTES):
            raise ConfigurationError(
                "A payment key is not usable",
                expected=f"{SEED_BYTES} bytes, or {EXTENDED_BYTES} of an extended key",
                got=f"{len(raw)} bytes",
                next_step="Check that it was copied in full",
                code="PaymentKey",
            )
        if len(raw) == EXTENDED_BYTES:
            _require_own_public_key(raw)
            self._key = PaymentExtendedSigningKey(raw)
            self._public: VerificationKey = self._key.to_verification_key().to_non_extended()
        else:
            self._key = PaymentSigningKey(raw)
            self._public = self._key.to_verification_key()
        self.key_hash = public_key_hash(self.public)
        """The hash of the key, 56 hex digits."""

    @classmethod
    def generate(cls) -> Self:
        """A new key from the operating system's randomness."""
        return cls(os.urandom(SEED_BYTES))

    @classmethod
    def load(cls, path: Path, unlock: Callable[[EncryptedKey], bytes] | None = None) -> Self:
        """The key in a file, in any form that holds one key.

        Args:
            path: the file.
            unlock: opens an encrypted one.

        Raises:
            ConfigurationError: the file cannot be read, holds no payment key, a whole wallet of them, or an encrypted
                key that is damaged, or that nothing can open.
        """
        return cls.parse(read_key_file(path), path, unlock)

    @classmethod
    def parse(cls, text: str, path: Path, unlock: Callable[[EncryptedKey], bytes] | None = None) -> Self:
        """The key in the ``text`` of a file; see ``load``.

        Raises:
            ConfigurationError: as of ``load``.
        """
        encrypted = EncryptedKey.parse(text, str(path)) if OWN_FORMAT in text else None
        if _is_era_key(text) or (encrypted is not None and encrypted.kind != "payment"):
            raise ConfigurationError(
                f"{path} is not a payment key",
                expected="a payment signing key",
                got="an era key, encrypted" if encrypted else "an era key, in the form of era generate-keypair",
                next_step=f"Give the payment key to --payment-key-file; the era key belongs to --secret-key @{path}",
                code="PaymentKey",
            )
        if encrypted is None:
            return cls(find_payment_key(text, str(path)).raw)
        if unlock is None:
            raise ConfigurationError(
                f"The payment key {path} is encrypted",
                expected="a passphrase",
                got="none",
                next_step=f"Export it: eraswitch keys export {path} TARGET",
                code="PaymentKey",
            )
        return cls(unlock(encrypted))

    def secret(self) -> bytes:
        """Its 32 or 128 bytes, to be encrypted or written to a file of its owner's; never to be shown."""
        return bytes(self._key.payload)

    def to_text(self, passphrase: bytes | None = None) -> str:
        """The content of a file for its owner alone: a cardano-cli envelope, or the key encrypted."""
        raw = self.secret()
        if passphrase is not None:
            return encrypt("payment", raw, passphrase)
        return key_envelope(raw, extended=len(raw) == EXTENDED_BYTES).to_json()

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """Write the key as a file that only its owner can read: a cardano-cli envelope, or encrypted.

        Raises:
            ConfigurationError: the file exists already or cannot be written.
        """
        try:
            write_new(path, self.to_text(passphrase))
        except OSError as error:
            raise ConfigurationError(
                f"The payment key file {path} cannot be written",
                expected="a new file in a folder that exists",
                got=error.strerror,
                next_step="Choose another path; a key file is never overwritten",
                code="PaymentKey",
            ) from error

    @property
    def public(self) -> bytes:
        """Its public key, 32 bytes."""
        return bytes(self._public.payload)

    def address(self, network_id: int) -> str:
        """Its enterprise address (no stake part) on a network, bech32."""
        return enterprise_address(self.public, network_id)

    def witness(self, transaction_hash: bytes, body: bytes = b"", words: Sequence[str] = ()) -> Any:
        """Its signature over a transaction hash; what is signed is looked at before (``PaymentSigner``)."""
        from pycardano import VerificationKeyWitness

        return VerificationKeyWitness(self._public, self._key.sign(transaction_hash))

    def __repr__(self) -> str:
        return f"PaymentKey(key_hash={self.key_hash!r}, secret hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a payment key cannot be copied or pickled")


def public_key_hash(public: bytes) -> str:
    """The hash of a public payment key, 56 hex digits."""
    return blake2b(public, digest_size=28).hexdigest()


def enterprise_address(public: bytes, network_id: int) -> str:
    """The address (no stake part) on a network that a public payment key owns, bech32."""
    from pycardano import Address, Network, PaymentVerificationKey

    return str(Address(payment_part=PaymentVerificationKey(public).hash(), network=Network(network_id)))


def _require_own_public_key(raw: bytes) -> None:
    """Signing with a public key of another private one would give the private one away."""
    try:
        own = crypto_scalarmult_ed25519_base_noclamp(raw[:32])
    except Exception:  # what libsodium refuses is not a key, and its error may not be shown
        own = b""
    if own != raw[64:96]:
        raise ConfigurationError(
            "An extended payment key is not usable",
            expected="a private key and its own public key",
            got="halves that do not belong together",
            next_step="Check that it was copied in full",
            code="PaymentKey",
        )


def _is_era_key(text: str) -> bool:
    """Whether a text is the hex of a JSON array of 32 bytes, as Mithril writes an era key."""
    text = text.strip()
    if not text.startswith("5b") or len(text) == 2 * SEED_BYTES:
        return False
    try:
        SigningKey.parse(text)
    except KeyFormatError:
        return False
    return True


def read_key_file(path: Path) -> str:
    """The text of the file of a payment key.

    Raises:
        ConfigurationError: it cannot be read, or is not text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise ConfigurationError(
            f"The payment key file {path} cannot be read",
            expected="a readable file",
            got=error.strerror,
            next_step="Give the path of a payment signing key",
            code="PaymentKey",
        ) from error
    try:
        return text_of(content)
    except UnicodeDecodeError:
        # "from None": the exception holds the bytes of the file, which is the secret.
        raise ConfigurationError(
            f"There is no payment key in {path}",
            expected="text",
            got="bytes that are not text",
            next_step="Give the path of a payment signing key",
            code="PaymentKey",
        ) from None

"""Era keys: Ed25519 keys, and the text forms in which Mithril and people hand them around.

Mithril writes a key as the hex of the JSON array of its bytes (``5b31…5d``); plain hex is taken too. The secret key is
the 32-byte seed. Nothing here ever shows a secret: not ``repr``, not an error.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NoReturn, Protocol

from eras import MarkerError

KEY_BYTES = 32


class KeyFormatError(MarkerError):
    """A text is not an era key."""

    advice = "Check that the key was copied in full, and is the right half."
    exit_code = 2


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """The public half of an era key.

    Raises:
        KeyFormatError: not 32 bytes, or not a point that signatures can be checked with.
    """

    raw: bytes

    def __post_init__(self) -> None:
        from nacl.bindings import crypto_core_ed25519_is_valid_point

        _require_length(self.raw, "verification key")
        if not crypto_core_ed25519_is_valid_point(self.raw):
            raise KeyFormatError(
                "A verification key is not usable",
                expected="a point of the Ed25519 main subgroup",
                got="32 bytes that are not a key",
                next_step="Check that it is the verification key, not the secret one, and that it was copied in full",
            )

    @classmethod
    def parse(cls, text: str) -> "VerificationKey":
        """The key that ``text`` writes, as Mithril's JSON hex or as plain hex of 32 bytes.

        Raises:
            KeyFormatError: it writes no verification key.
        """
        return cls(_key_bytes(text, "verification key"))

    @property
    def hex(self) -> str:
        """The key as 64 hex digits."""
        return self.raw.hex()

    def to_json_hex(self) -> str:
        """The key as Mithril writes it."""
        return _json_hex(self.raw)

    def __str__(self) -> str:
        return self.raw.hex()


class EraSigner(Protocol):
    """A signer with an era key: the key itself, or a device that holds it."""

    @property
    def verification_key(self) -> VerificationKey:
        """Its public half."""

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature of ``message``."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The secret half of an era key, a 32-byte seed; its ``repr`` shows the public half only.

    Raises:
        KeyFormatError: the seed is not 32 bytes.
    """

    seed: bytes = field(repr=False)
    verification_key: VerificationKey = field(init=False, compare=False)

    def __post_init__(self) -> None:
        from nacl.bindings import crypto_sign_seed_keypair

        _require_length(self.seed, "secret key")
        public, _ = crypto_sign_seed_keypair(self.seed)
        object.__setattr__(self, "verification_key", VerificationKey(public))

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new random key."""
        from nacl.utils import random

        return cls(random(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """The key that ``text`` writes, as Mithril's JSON hex or as plain hex of 32 bytes.

        Raises:
            KeyFormatError: it writes no secret key; the text itself is not shown.
        """
        return cls(_key_bytes(text, "secret key"))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature of ``message``."""
        from nacl.bindings import crypto_sign

        return crypto_sign(message, self.seed + self.verification_key.raw)[:64]  # type: ignore[no-any-return]

    def to_json_hex(self) -> str:
        """The seed as Mithril writes it: a secret, for a file of mode 0600 only."""
        return _json_hex(self.seed)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an era key cannot be copied or pickled")


def verify_signature(message: bytes, signature: bytes, key: VerificationKey) -> bool:
    """Whether ``signature`` (64 bytes) is that of ``message`` by ``key``, as strictly as libsodium checks it."""
    open_signed, bad_signature = _libsodium_open()
    try:
        open_signed(signature + message, key.raw)
    except bad_signature:
        return False
    return True


@cache
def _libsodium_open() -> tuple[Callable[[bytes, bytes], bytes], type[Exception]]:
    """Libsodium's verification, loaded on first use: most commands never check a signature."""
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError

    return crypto_sign_open, BadSignatureError


def _json_hex(raw: bytes) -> str:
    return json.dumps(list(raw), separators=(",", ":")).encode().hex()


def _require_length(raw: Any, kind: str) -> None:
    if not isinstance(raw, bytes) or len(raw) != KEY_BYTES:
        got = f"{len(raw)} bytes" if isinstance(raw, bytes) else type(raw).__name__
        raise _key_error(kind, got)


def _key_bytes(text: str, kind: str) -> bytes:
    """The 32 bytes that ``text`` writes, in either form. Errors never quote it: a secret may be in the wrong place."""
    got = f"a text of {len(text)} characters"
    try:
        # bytes.fromhex would skip white space inside; only a newline at the end of a file is harmless.
        raw = bytes.fromhex(text.strip()) if text.strip().isalnum() else None
    except ValueError:
        raw = None
    if raw is None:
        raise _key_error(kind, got)
    if len(raw) == KEY_BYTES:
        return raw
    try:
        values = json.loads(raw)
        decoded = bytes(values) if isinstance(values, list) and len(values) == KEY_BYTES else None
    except (ValueError, TypeError, RecursionError):
        decoded = None
    if decoded is None:
        raise _key_error(kind, got)
    return decoded


def _key_error(kind: str, got: str) -> KeyFormatError:
    return KeyFormatError(
        f"A {kind} is not usable",
        expected=f"{KEY_BYTES} bytes, as hex of their JSON array (5b…5d) or as {2 * KEY_BYTES} hex digits",
        got=got,
        next_step=f"Check that the {kind} was copied in full",
    )

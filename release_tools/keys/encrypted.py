"""Keys encrypted with a passphrase: the file format, sealing and opening. Pure.

In: a secret key and a passphrase. Out: the text of a file, or the key again. The file is one JSON object:

1. ``eraswitch_encrypted_key`` is the version of the format, 1.
2. ``kind`` is ``era`` or ``payment``, ``public`` the public key in hex: which key it is can be seen without opening it.
3. ``kdf`` is ``argon2id``; with ``salt`` (16 bytes), ``passes`` and ``memory_bytes`` it makes 32 bytes of the
   passphrase, which is UTF-8 in Unicode's form NFC.
4. ``sealed`` is the nonce (24 bytes) and the secretbox (XSalsa20-Poly1305) of the kind, a zero byte and the secret: 32
   bytes of a seed, or 128 of an extended payment key. The kind is inside too, so that one cannot pass for the other;
   the public key is derived anew and compared.

No error and no ``repr`` shows a passphrase or a key.
"""

import json
import unicodedata
from dataclasses import dataclass, field
from typing import Final, Literal

from nacl.bindings import crypto_sign_seed_keypair
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox
from nacl.utils import random

from eras import ConfigurationError
from release_tools.keys.envelopes import EXTENDED_BYTES, SEED_BYTES, hex_bytes

Kind = Literal["era", "payment"]

VERSION: Final = 1
OWN_FORMAT: Final = '"eraswitch_'
"""The begin of a field's name in each format of ours, in which no other tool writes a key."""

_VERSION_FIELD = "eraswitch_encrypted_key"
_KDF = "argon2id"
_SALT_BYTES = 16
_NONCE_BYTES = 24
_TAG_BYTES = 16
_MAX_PASSES = 16
_MAX_MEMORY_BYTES = 1 << 30
"""A damaged or foreign file must not make a machine work for hours, or run out of memory."""

_LENGTHS: dict[Kind, tuple[int, ...]] = {"era": (SEED_BYTES,), "payment": (SEED_BYTES, EXTENDED_BYTES)}


class WrongPassphraseError(ConfigurationError):
    """A passphrase does not open an encrypted key."""

    advice = "Give the passphrase of this key file; if none opens it, restore the key from a backup (`docs/keys.md`)."


@dataclass(frozen=True, slots=True)
class Cost:
    """The work of one try of a passphrase, as libsodium counts it."""

    passes: int
    memory_bytes: int


COST = Cost(passes=3, memory_bytes=256 * 1024 * 1024)
"""Of what is encrypted from now on: libsodium's MODERATE. A file names the cost that it was made with."""


@dataclass(frozen=True, slots=True)
class EncryptedKey:
    """An encrypted key, still closed.

    Attributes:
        kind: of which key it is.
        public: the public key, as the file states it.
        source: the file, for errors.
    """

    kind: Kind
    public: bytes
    source: str
    cost: Cost
    salt: bytes = field(repr=False)
    sealed: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str, source: str) -> "EncryptedKey | None":
        """The encrypted key in a text; ``None`` where it is something else.

        Raises:
            ConfigurationError: it is damaged, or of another version.
        """
        try:
            fields = json.loads(text) if text.lstrip().startswith("{") else None
        except (ValueError, RecursionError):
            if f'"{_VERSION_FIELD}"' in text[:200]:
                raise _damaged(source, "a JSON object", "something that is not JSON") from None
            return None
        if not isinstance(fields, dict) or _VERSION_FIELD not in fields:
            return None
        version = fields[_VERSION_FIELD]
        if version != VERSION or isinstance(version, bool):
            raise ConfigurationError(
                f"The encrypted key {source} is of an unknown version",
                expected=f"version {VERSION}",
                got=f"version {version!r}"[:60],
                next_step="Use the version of eraswitch that wrote it, or a newer one",
                code="EncryptedKey",
            )
        kind: Kind | None = next((one for one in _LENGTHS if one == fields.get("kind")), None)
        if kind is None or fields.get("kdf") != _KDF:
            raise _damaged(source, f"kind era or payment, and kdf {_KDF}", "another one")
        cost = Cost(
            _number(fields, "passes", 1, _MAX_PASSES, source),
            _number(fields, "memory_bytes", 8192, _MAX_MEMORY_BYTES, source),
        )
        around = _NONCE_BYTES + _TAG_BYTES + len(kind) + 1
        return cls(
            kind,
            _bytes(fields, "public", (SEED_BYTES,), source),
            source,
            cost,
            _bytes(fields, "salt", (_SALT_BYTES,), source),
            _bytes(fields, "sealed", tuple(around + length for length in _LENGTHS[kind]), source),
        )

    def open(self, passphrase: bytes) -> bytes:
        """The secret: the seed, or the 128 bytes of an extended payment key.

        Raises:
            WrongPassphraseError: the passphrase is not the one, or the sealed part was altered.
            ConfigurationError: what is inside is of another kind, or of another public key than the file states.
        """
        box = SecretBox(_derived(passphrase, self.salt, self.cost))
        try:
            opened = bytes(box.decrypt(self.sealed))
        except CryptoError:
            raise WrongPassphraseError(
                f"The passphrase does not open {self.source}",
                expected=f"the passphrase that the {self.kind} key was encrypted with",
                got="another one, or an altered file",
                next_step="Try again; without its passphrase the key is lost, and it has to be restored from a backup",
            ) from None
        head = self.kind.encode() + b"\0"
        secret = opened.removeprefix(head)
        if not opened.startswith(head) or public_of(secret) != self.public:
            raise _damaged(self.source, f"the {self.kind} key with public key {self.public.hex()}", "another key")
        return secret


def encrypt(kind: Kind, secret: bytes, passphrase: bytes) -> str:
    """The text of a file with the encrypted key, ending with a newline.

    Args:
        kind: of which key.
        secret: its seed, or the 128 bytes of an extended payment key.
        passphrase: as ``passphrase_bytes`` makes it; not empty.
    """
    salt, cost = random(_SALT_BYTES), COST
    sealed = SecretBox(_derived(passphrase, salt, cost)).encrypt(kind.encode() + b"\0" + secret)
    fields = {
        _VERSION_FIELD: VERSION,
        "kind": kind,
        "public": public_of(secret).hex(),
        "kdf": _KDF,
        "passes": cost.passes,
        "memory_bytes": cost.memory_bytes,
        "salt": salt.hex(),
        "sealed": bytes(sealed).hex(),
    }
    return json.dumps(fields, indent=2) + "\n"


def passphrase_bytes(text: str) -> bytes:
    """The bytes of a passphrase that are hashed: the same however a keyboard composes its accents."""
    return unicodedata.normalize("NFC", text).encode()


def public_of(secret: bytes) -> bytes:
    """The public key of a seed, or the one in an extended key."""
    if len(secret) == EXTENDED_BYTES:
        return secret[64:96]
    return bytes(crypto_sign_seed_keypair(secret)[0])


def _derived(passphrase: bytes, salt: bytes, cost: Cost) -> bytes:
    return bytes(argon2id.kdf(SEED_BYTES, passphrase, salt, opslimit=cost.passes, memlimit=cost.memory_bytes))


def _number(fields: dict[str, object], name: str, least: int, most: int, source: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _damaged(source, f"a whole number from {least} to {most} as {name}", f"{value!r}"[:60])
    return value


def _bytes(fields: dict[str, object], name: str, lengths: tuple[int, ...], source: str) -> bytes:
    raw = hex_bytes(fields.get(name))
    if len(raw) not in lengths:
        raise _damaged(source, f"{' or '.join(map(str, lengths))} bytes in hex as {name}", "something else")
    return raw


def _damaged(source: str, expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"The encrypted key {source} is damaged",
        expected=expected,
        got=got,
        next_step="Take it from its backup",
        code="EncryptedKey",
    )

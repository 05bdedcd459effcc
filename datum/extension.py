"""The extension of a payload: it binds signed markers to a network, an address, a place in a sequence, and k of n keys.

In: the bytes of a payload, or its parts. Out: an ``ExtendedPayload`` that nobody has judged yet (``extension_rules``).

1. Beside ``markers`` and ``signature``, which stay as they are, a payload carries ``extension`` and
   ``extension_signatures``. Deployed readers ignore both.
2. The message is the JSON of ``{"extension":…,"markers":…,"signature":…}``: keys sorted at every level, compact,
   UTF-8, non-ASCII unescaped, the signature in lower-case hex. Every extension signature is Ed25519 over it.
3. The hash of an extended payload is blake2b-256 of its message, in hex. It does not depend on who has signed.
4. An extension has ``"v":1`` and exactly the fields of that version: a reader must not act on a part of what was
   signed. It is written in one way only: whole numbers of 64 bits, lower-case hex, no field twice, none missing.
5. 1 ≤ threshold ≤ number of keys, and the keys are distinct.
"""

import json
from binascii import unhexlify
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from datum.keys import KEY_BYTES, EraSigner, KeyFormatError, VerificationKey, verify_signature
from datum.payload import EraMarkersPayload
from datum.signed_payload import SIGNATURE_BYTES, PayloadFormatError, read_json
from datum.strict_json import Pairs, described, known_fields
from eras import MAX_EPOCH, Epoch

VERSION = 1
HASH_BYTES = 32

_FIELDS = ("v", "network_magic", "address", "sequence", "previous", "expires_epoch", "threshold", "keys")


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys, and how many of them must sign."""

    keys: tuple[VerificationKey, ...]
    threshold: int

    def same_as(self, other: "KeySet") -> bool:
        """Whether the other has the same keys, in any order, and the same threshold."""
        return self.threshold == other.threshold and set(self.keys) == set(other.keys)

    def problem(self) -> tuple[str, str] | None:
        """The expected and the found value, where keys and threshold do not fit together (rule 5)."""
        if len(set(self.keys)) != len(self.keys):
            return "distinct keys", "one twice"
        if type(self.threshold) is not int or not 1 <= self.threshold <= len(self.keys):
            return f"a threshold from 1 to the number of keys, {len(self.keys)}", described(self.threshold)
        return None


@dataclass(frozen=True, slots=True)
class Extension:
    """The facts that the keys of the release team sign beside the markers.

    Attributes:
        network_magic: magic of the Cardano network that the payload is for.
        address: the era address that it is for, as the configuration writes it.
        sequence: its number; a payload with a higher one takes its place.
        previous: hash of the extended payload that it takes the place of; ``None`` for the first.
        expires_epoch: the last epoch in which it is fresh; ``None`` if it does not age.
        threshold: how many of ``keys`` must sign.
        keys: who may sign, from this payload on.

    Raises:
        PayloadFormatError: a value is not of its kind (rules 4 and 5).
    """

    network_magic: int
    address: str
    sequence: int
    previous: str | None
    expires_epoch: Epoch | None
    threshold: int
    keys: tuple[VerificationKey, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(self.keys))
        for name in ("network_magic", "sequence"):
            _require_u64(getattr(self, name), name)
        if self.expires_epoch is not None:
            _require_u64(self.expires_epoch, "expires_epoch")
        if not isinstance(self.address, str) or not self.address or not _has_utf8(self.address):
            raise _bad_part("a text as address", described(self.address))
        if self.previous is not None:
            try:
                _lower_hex(self.previous, HASH_BYTES, "a previous hash")
            except ValueError as error:
                raise _bad_part(f"null or {2 * HASH_BYTES} lower-case hex digits as previous", str(error)) from error
        problem = self.key_set.problem()
        if problem is not None:
            raise _bad_part(*problem)

    @property
    def key_set(self) -> KeySet:
        """The keys and the threshold."""
        return KeySet(self.keys, self.threshold)

    def is_stale(self, epoch: Epoch) -> bool:
        """Whether ``epoch`` is past the last one in which it is fresh."""
        return self.expires_epoch is not None and epoch > self.expires_epoch

    def to_dict(self) -> dict[str, object]:
        """The extension as the wire format has it, in that order."""
        return {
            "v": VERSION,
            "network_magic": self.network_magic,
            "address": self.address,
            "sequence": self.sequence,
            "previous": self.previous,
            "expires_epoch": self.expires_epoch,
            "threshold": self.threshold,
            "keys": [key.hex for key in self.keys],
        }


@dataclass(frozen=True, slots=True)
class ExtensionSignature:
    """A signature that nobody has checked yet, and the key that it claims to be by.

    Raises:
        PayloadFormatError: it is not 64 bytes.
    """

    key: VerificationKey
    signature: bytes

    def __post_init__(self) -> None:
        if len(self.signature) != SIGNATURE_BYTES:
            raise _bad_part(f"a signature of {SIGNATURE_BYTES} bytes", f"{len(self.signature)} bytes")

    def to_dict(self) -> dict[str, str]:
        """The signature as the wire format has it."""
        return {"key": self.key.hex, "signature": self.signature.hex()}


@dataclass(frozen=True, slots=True)
class ExtendedPayload:
    """A payload with its extension and the signatures of both; nobody has checked any of them yet.

    Attributes:
        payload: markers and signature, as every reader takes them.
        extension: what else is signed.
        signatures: by whom; a key may be there twice, and counts once.

    Raises:
        PayloadFormatError: the payload has no signature of its own.
    """

    payload: EraMarkersPayload
    extension: Extension
    signatures: tuple[ExtensionSignature, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "signatures", tuple(self.signatures))
        if self.payload.signature is None:
            raise _bad_part("a payload that is signed by the era key", "one without a signature")

    @property
    def message(self) -> bytes:
        """The bytes that the extension signatures are over (rule 2)."""
        signature = self.payload.signature
        assert signature is not None  # noqa: S101 - checked when it was made
        parts = {
            "extension": self.extension.to_dict(),
            "markers": [marker.to_dict() for marker in self.payload.markers],
            "signature": signature.hex(),
        }
        return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def hash(self) -> str:
        """The hash of the message in hex (rule 3): what the next payload names as its ``previous``."""
        return blake2b(self.message, digest_size=HASH_BYTES).hexdigest()

    def sign(self, key: EraSigner) -> "ExtendedPayload":
        """The same with a signature by ``key``, in place of one that claimed to be by it."""
        others = tuple(one for one in self.signatures if one.key != key.verification_key)
        added = ExtensionSignature(key.verification_key, key.sign(self.message))
        return replace(self, signatures=(*others, added))

    def signers(self, keys: Iterable[VerificationKey]) -> tuple[VerificationKey, ...]:
        """Those of ``keys`` that have signed, each once and in that order; signatures by others are not checked."""
        message = self.message
        wanted = dict.fromkeys(keys, False)
        for one in self.signatures:
            if wanted.get(one.key) is False:
                wanted[one.key] = verify_signature(message, one.signature, one.key)
        return tuple(key for key, has_signed in wanted.items() if has_signed)

    def to_bytes(self) -> bytes:
        """The payload as JSON (rule 1), the bytes that a datum carries: the plain payload's, then what is beside it."""
        extra = {
            "extension": self.extension.to_dict(),
            "extension_signatures": [one.to_dict() for one in self.signatures],
        }
        written = json.dumps(extra, separators=(",", ":"), ensure_ascii=False).encode()
        return self.payload.to_bytes()[:-1] + b"," + written[1:]


def read_extended(content: bytes) -> ExtendedPayload | None:
    """The extended payload in ``content``, or ``None`` where a payload has no extension.

    Raises:
        PayloadFormatError: it is no payload, or its extension is not as rules 4 and 5 have it.
    """
    return read_json(content, _read_extended, EraMarkersPayload.KIND)


def _read_extended(value: Any) -> ExtendedPayload | None:
    payload = EraMarkersPayload.from_json(value)
    fields = known_fields(value, ("extension", "extension_signatures")) if isinstance(value, Pairs) else {}
    if not fields:
        return None
    if len(fields) == 1:
        raise ValueError(f"only one of 'extension' and 'extension_signatures', {next(iter(fields))!r}")
    signatures = fields["extension_signatures"]
    if not isinstance(signatures, list) or isinstance(signatures, Pairs):
        raise ValueError(f"extension signatures that are {described(signatures)}")  # noqa: TRY004 - bad data, not a bad call
    return ExtendedPayload(
        payload, _read_extension(fields["extension"]), tuple(_read_signature(item) for item in signatures)
    )


def _read_extension(value: Any) -> Extension:
    # The version first: a later one may have other fields.
    version = known_fields(value, ("v",)).get("v") if isinstance(value, Pairs) else VERSION
    if type(version) is not int or version != VERSION:
        raise ValueError(f"an extension of version {described(version)}")
    fields = _exact_fields(value, _FIELDS, "an extension")
    del fields["v"]
    keys = fields.pop("keys")
    if not isinstance(keys, list) or isinstance(keys, Pairs):
        raise ValueError(f"keys that are {described(keys)}")  # noqa: TRY004 - bad data, not a bad call
    return Extension(**fields, keys=tuple(_read_key(key) for key in keys))


def _read_signature(value: Any) -> ExtensionSignature:
    fields = _exact_fields(value, ("key", "signature"), "an extension signature")
    signature = _lower_hex(fields["signature"], SIGNATURE_BYTES, "an extension signature")
    return ExtensionSignature(_read_key(fields["key"]), signature)


def _read_key(value: Any) -> VerificationKey:
    try:
        return _key(_lower_hex(value, KEY_BYTES, "a key"))
    except KeyFormatError as error:
        raise ValueError(f"a key that is not {error.expected}") from error


@lru_cache(maxsize=256)
def _key(raw: bytes) -> VerificationKey:
    """The key of these bytes. To check that it is a point is most of the work of reading, and keys come back."""
    return VerificationKey(raw)


def _exact_fields(value: Any, names: tuple[str, ...], what: str) -> dict[str, Any]:
    if not isinstance(value, Pairs):
        raise ValueError(f"{what} that is {described(value)}")  # noqa: TRY004 - bad data, not a bad call
    fields = known_fields(value, names)
    missing = [name for name in names if name not in fields]
    unknown = [name for name, _ in value if name not in names]
    if missing or unknown:
        odd = f"without {missing[0]!r}" if missing else f"with the unknown field {unknown[0]!r}"
        raise ValueError(f"{what} {odd}"[:100])
    return fields


def _lower_hex(value: Any, length: int, what: str) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"{what} that is {described(value)}")  # noqa: TRY004 - bad data, not a bad call
    if len(value) != 2 * length or not set(value) <= set("0123456789abcdef"):
        raise ValueError(f"{what} that is not {2 * length} lower-case hex digits")
    return unhexlify(value)


def _require_u64(value: Any, name: str) -> None:
    if type(value) is not int or not 0 <= value <= MAX_EPOCH:
        raise _bad_part(f"a whole number of 64 bits as {name}", described(value))


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bad_part(expected: str, got: str) -> PayloadFormatError:
    return PayloadFormatError(
        "An extension is not usable", expected=expected, got=got, next_step="Check where the payload comes from"
    )

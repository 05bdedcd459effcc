"""The signed payload: markers and the signature of the release team.

1. The signed bytes are the JSON list of markers: compact, UTF-8, non-ASCII unescaped, keys ``name`` then ``epoch``.
2. The payload is ``{"markers":[…],"signature":"<128 hex>"}``, the signature Ed25519.
3. A reader takes exactly one JSON value, ignores unknown fields (they are not signed), refuses a repeated known field,
   takes epochs only as unsigned 64-bit integers, and takes a missing epoch for none.
4. A payload that was read and one whose signature was checked are different types.

The rules are those of deployed Mithril readers, which is why a JSON array in place of an object is read too: serde
takes the fields of a struct by position.
"""

import re
from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from datum.keys import SigningKey, VerificationKey, verify_signature
from datum.strict_json import Pairs, described, known_fields, parse, quote, reason
from eras import MAX_EPOCH, Epoch, EraMarker, MarkerError

SIGNATURE_BYTES = 64

T = TypeVar("T")

_CANONICAL = re.compile(
    rb'\{"markers":(\[(?:\{"name":"[ !#-\[\]-~]*","epoch":(?:null|0|[1-9][0-9]{0,18})\}(?:,(?=\{)|(?=\])))*\])'
    rb',"signature":"([0-9a-f]{128})"\}'
)
"""A payload exactly as writers of this format make it, with ASCII names that JSON does not escape."""


class PayloadFormatError(MarkerError):
    """Bytes are not a payload of era markers."""


class SignatureMismatchError(MarkerError):
    """A payload was not signed by the key."""


@dataclass(frozen=True, slots=True)
class VerifiedMarkers:
    """Markers whose signature was checked. Only ``EraMarkersPayload.verify`` makes one.

    Attributes:
        markers: the markers, in the order signed.
        signature: the 64 bytes of the signature.
        key: the verification key that it was checked with.
    """

    markers: tuple[EraMarker, ...]
    signature: bytes
    key: VerificationKey


@dataclass(frozen=True, slots=True)
class EraMarkersPayload:
    """Markers with a signature that nobody has checked yet, or with none.

    Attributes:
        markers: the markers, in order.
        signature: the 64 bytes of the signature, or ``None``.
    """

    markers: tuple[EraMarker, ...]
    signature: bytes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "markers", tuple(self.markers))
        if self.signature is not None and len(self.signature) != SIGNATURE_BYTES:
            raise PayloadFormatError(
                "A signature is not usable", expected=f"{SIGNATURE_BYTES} bytes", got=f"{len(self.signature)} bytes"
            )

    @classmethod
    def from_bytes(cls, data: bytes) -> "EraMarkersPayload":
        """Read a payload's JSON (rule 3).

        Raises:
            PayloadFormatError: it is not a payload.
        """
        return read_json(data, read_payload, '{"markers":[…],"signature":"…"}')

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over (rule 1)."""
        return signed_bytes(self.markers)

    def sign(self, key: SigningKey) -> "EraMarkersPayload":
        """The same markers, signed by ``key``."""
        return EraMarkersPayload(self.markers, key.sign(self.signed_bytes))

    def verify(self, key: VerificationKey) -> VerifiedMarkers:
        """The markers, if ``key`` signed them.

        Raises:
            SignatureMismatchError: it did not, or there is no signature.
        """
        if self.signature is None or not verify_signature(self.signed_bytes, self.signature, key):
            raise SignatureMismatchError(
                "A payload was not signed by the verification key",
                expected=f"a signature by {key}",
                got="no signature" if self.signature is None else "another signature",
                next_step="Check the verification key, and who published the payload",
            )
        return VerifiedMarkers(self.markers, self.signature, key)

    def to_bytes(self) -> bytes:
        """The payload as JSON (rule 2), the bytes that a datum carries."""
        signature = "null" if self.signature is None else f'"{self.signature.hex()}"'
        return b'{"markers":' + self.signed_bytes + b',"signature":' + signature.encode() + b"}"


def read_json(data: bytes, read: Callable[[Any], T], shape: str) -> T:
    """What ``read`` makes of the one JSON value in ``data``; ``shape`` is what it should look like.

    Raises:
        PayloadFormatError: it is not JSON, or ``read`` raised a ``ValueError``.
    """
    try:
        return read(parse(data))
    except ValueError as error:
        raise PayloadFormatError(
            "Bytes are not a payload of era markers",
            expected=shape,
            got=reason(error),
            next_step="Check where the bytes come from",
        ) from error


def claim(content: bytes) -> tuple[bytes, bytes | None]:
    """What a payload's JSON claims: the signed bytes and the signature, which nobody has checked yet.

    The same as reading the payload and asking it for both, but without reading the markers where the payload is
    written in the canonical way, because most claims are forged and their markers are never looked at.

    Raises:
        PayloadFormatError: it is not a payload.
    """
    match = _CANONICAL.fullmatch(content)
    if match is not None:
        return match[1], unhexlify(match[2])
    payload = EraMarkersPayload.from_bytes(content)
    return payload.signed_bytes, payload.signature


def signed_bytes(markers: Iterable[EraMarker]) -> bytes:
    """The bytes that a signature of ``markers`` is over (rule 1)."""
    items = ",".join(f'{{"name":{quote(m.name)},"epoch":{"null" if m.epoch is None else m.epoch}}}' for m in markers)
    return f"[{items}]".encode()


def markers_from_json(text: str) -> tuple[EraMarker, ...]:
    """The markers that a JSON list writes, by the same rules as in a payload.

    Raises:
        MarkerError: it is no list of markers.
    """
    try:
        return _read_markers(parse(text))
    except ValueError as error:
        raise MarkerError(
            "A list of markers is not usable",
            expected='[{"name":"…","epoch":…},…]',
            got=reason(error),
            next_step="Correct the list of markers",
        ) from error


def read_payload(value: Any) -> EraMarkersPayload:
    """The payload that a parsed JSON value is; other fields than its own are ignored.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Pairs):
        fields = known_fields(value, ("markers", "signature"))
        if "markers" not in fields:
            raise ValueError("no field 'markers'")
        markers, signature = fields["markers"], fields.get("signature")
    elif isinstance(value, list) and len(value) == 2:
        markers, signature = value
    else:
        raise ValueError(described(value))
    return EraMarkersPayload(_read_markers(markers), None if signature is None else _read_signature(signature))


def _read_markers(value: Any) -> tuple[EraMarker, ...]:
    if not isinstance(value, list) or isinstance(value, Pairs):
        raise ValueError(f"markers that are {described(value)}")  # noqa: TRY004 - bad data, not a bad call
    return tuple([_read_marker(item) for item in value])


def _read_marker(value: Any) -> EraMarker:
    if isinstance(value, Pairs):
        fields = known_fields(value, ("name", "epoch"))
        if "name" not in fields:
            raise ValueError("a marker without a name")
        name, epoch = fields["name"], fields.get("epoch")
    elif isinstance(value, list) and len(value) == 2:
        name, epoch = value
    else:
        raise ValueError(f"a marker that is {described(value)}")
    if not isinstance(name, str):
        raise ValueError(f"an era name that is {described(name)}")  # noqa: TRY004 - bad data, not a bad call
    if not name.isascii():
        name.encode()  # half a surrogate pair has no UTF-8 form
    if epoch is not None and (type(epoch) is not int or not 0 <= epoch <= MAX_EPOCH):
        raise ValueError(f"an epoch that is {described(epoch)}")
    return EraMarker(name, None if epoch is None else Epoch(epoch))


def _read_signature(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"a signature that is {described(value)}")  # noqa: TRY004 - bad data, not a bad call
    try:
        signature = unhexlify(value)
    except (HexError, ValueError):
        raise ValueError("a signature that is not hex") from None
    if len(signature) != SIGNATURE_BYTES:
        raise ValueError(f"a signature of {len(signature)} bytes")
    return signature

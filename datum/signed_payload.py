"""The signed payload, of whatever kind its markers are: what is signed, how it is written, and how it is verified.

1. The signed bytes are the JSON list of markers: compact, UTF-8, non-ASCII unescaped, in the order of their fields.
2. The payload is ``{"markers":[…],"signature":"<128 hex>"}``, the signature Ed25519.
3. A reader takes exactly one JSON value, ignores unknown fields (they are not signed), refuses a repeated known field,
   and takes numbers only as unsigned 64-bit integers.
4. A payload that was read and one whose signature was checked are different types.

The rules are those of deployed Mithril readers, which is why a JSON array in place of an object is read too: serde
takes the fields of a struct by position. How a marker is read and written is the business of its kind.
"""

from abc import abstractmethod
from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar, Generic, Self

from typing_extensions import TypeVar

from datum.keys import EraSigner, VerificationKey, verify_signature
from datum.strict_json import Pairs, described, known_fields, parse, reason
from eras import MAX_EPOCH, Epoch, EraMarker, MarkerError

SIGNATURE_BYTES = 64

T = TypeVar("T")
M_co = TypeVar("M_co", bound=Hashable, default=EraMarker, covariant=True)


class PayloadFormatError(MarkerError):
    """Bytes are not a payload of markers."""


class SignatureMismatchError(MarkerError):
    """A payload was not signed by the key."""


@dataclass(frozen=True, slots=True)
class VerifiedMarkers(Generic[M_co]):
    """Markers whose signature was checked. Only ``MarkersPayload.verify`` and ``screen`` make one.

    Attributes:
        markers: the markers, in the order signed.
        signature: the 64 bytes of the signature.
        key: the verification key that it was checked with.
        content: the payload as it was read, as JSON bytes.
        digest: the identity of the payload: the SHA-256 of what is signed, in hex.
    """

    markers: tuple[M_co, ...]
    signature: bytes
    key: VerificationKey
    content: bytes = field(compare=False, repr=False)
    digest: str = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MarkersPayload(Generic[M_co]):
    """Markers with a signature that nobody has checked yet, or with none.

    Attributes:
        markers: the markers, in order.
        signature: the 64 bytes of the signature, or ``None``.
    """

    KIND: ClassVar[str]
    """A name for the markers, as in "a payload of era markers"."""

    markers: tuple[M_co, ...]
    signature: bytes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "markers", tuple(self.markers))
        if self.signature is not None and len(self.signature) != SIGNATURE_BYTES:
            raise PayloadFormatError(
                "A signature is not usable", expected=f"{SIGNATURE_BYTES} bytes", got=f"{len(self.signature)} bytes"
            )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a payload's JSON (rule 3).

        Raises:
            PayloadFormatError: it is not a payload of this kind.
        """
        return read_json(data, cls.from_json, cls.KIND)

    @classmethod
    @abstractmethod
    def from_json(cls, value: Any) -> Self:
        """The payload that a parsed JSON value is.

        Raises:
            ValueError: it is not one.
        """

    @property
    @abstractmethod
    def signed_bytes(self) -> bytes:
        """The bytes that the signature is over (rule 1)."""

    def sign(self, key: EraSigner) -> Self:
        """The same markers, signed by ``key``."""
        return type(self)(self.markers, key.sign(self.signed_bytes))

    def verify(self, key: VerificationKey) -> VerifiedMarkers[M_co]:
        """The markers, if ``key`` signed them.

        Raises:
            SignatureMismatchError: it did not, or there is no signature.
        """
        signed = self.signed_bytes
        if self.signature is None or not verify_signature(signed, self.signature, key):
            raise SignatureMismatchError(
                "A payload was not signed by the verification key",
                expected=f"a signature by {key}",
                got="no signature" if self.signature is None else "another signature",
                next_step="Check the verification key, and who published the payload",
            )
        return VerifiedMarkers(self.markers, self.signature, key, self.to_bytes(), sha256(signed).hexdigest())

    def to_bytes(self) -> bytes:
        """The payload as JSON (rule 2), the bytes that a datum carries."""
        signature = "null" if self.signature is None else f'"{self.signature.hex()}"'
        return b'{"markers":' + self.signed_bytes + b',"signature":' + signature.encode() + b"}"


def read_json(data: bytes, read: Callable[[Any], T], kind: str) -> T:
    """The result of ``read`` for the one JSON value in ``data``; ``kind`` names the expected markers.

    Raises:
        PayloadFormatError: it is not JSON, or ``read`` raised a ``ValueError``.
    """
    try:
        return read(parse(data))
    except ValueError as error:
        raise PayloadFormatError(
            f"Bytes are not a payload of {kind}",
            expected='{"markers":[…],"signature":"…"}',
            got=reason(error),
            next_step="Check where the bytes come from",
        ) from error


def struct_fields(value: Any, names: tuple[str, ...], what: str, *, optional: tuple[str, ...] = ()) -> list[Any]:
    """The fields of a struct, by name from a JSON object or by position from an array; ``None`` for a missing one.

    Raises:
        ValueError: it is neither, or a field that is not ``optional`` is missing.
    """
    if isinstance(value, Pairs):
        fields = known_fields(value, names)
        found: list[Any] = []
        for name in names:
            if name not in fields and name not in optional:
                raise ValueError(f"{what} without {name!r}")
            found.append(fields.get(name))
        return found
    if isinstance(value, list) and len(value) == len(names):
        return list(value)
    raise ValueError(f"{what} that is {described(value)}")


def list_of(value: Any, read: Callable[[Any], T], what: str) -> tuple[T, ...]:
    """The results of ``read`` for each item of a JSON array.

    Raises:
        ValueError: it is not an array, or ``read`` raised one.
    """
    if not isinstance(value, list) or isinstance(value, Pairs):
        raise ValueError(f"{what} that are {described(value)}")  # noqa: TRY004 - bad data, not a bad call
    return tuple([read(item) for item in value])


def read_epoch(value: Any) -> Epoch:
    """The epoch that a parsed JSON value is.

    Raises:
        ValueError: it is not one.
    """
    if type(value) is not int or not 0 <= value <= MAX_EPOCH:
        raise ValueError(f"an epoch that is {described(value)}")
    return Epoch(value)


def read_hex(value: Any, what: str) -> bytes:
    """The bytes that a parsed JSON value writes in hex.

    Raises:
        ValueError: it does not.
    """
    if not isinstance(value, str):
        raise ValueError(f"{what} that is {described(value)}")  # noqa: TRY004 - bad data, not a bad call
    try:
        return unhexlify(value)
    except (HexError, ValueError):
        raise ValueError(f"{what} that is not hex") from None

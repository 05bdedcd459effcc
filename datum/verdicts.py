"""The verdicts: what was made of one datum, with the reason, so that nothing refused is silent (rule T10)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from datum.payload import EraMarkersPayload
from datum.signed_payload import M_co, VerifiedMarkers


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one datum. ``reason`` explains it to an operator."""

    is_refusal: ClassVar[bool] = True
    """Whether the output was turned down; operators are shown and asked to count those."""
    is_payload: ClassVar[bool] = True
    """Whether it carries a payload of the kind that is read, true or not: what does not is counted, never reported."""

    name: ClassVar[str] = "Verdict"
    """The tag of the verdict, as status, metrics and the event log print it: the name of its class."""

    reason: str

    def __init_subclass__(cls) -> None:
        super(Verdict, cls).__init_subclass__()
        cls.name = cls.__name__


@dataclass(frozen=True, slots=True)
class Accepted(Verdict, Generic[M_co]):
    """A payload that one of the keys signed."""

    is_refusal = False

    verified: VerifiedMarkers[M_co]


@dataclass(frozen=True, slots=True)
class WrongSigner(Verdict):
    """A well-formed payload whose signature none of the keys made."""

    content: bytes

    @property
    def payload(self) -> EraMarkersPayload:
        """The claim of the datum, unverified."""
        return EraMarkersPayload.from_bytes(self.content)


@dataclass(frozen=True, slots=True)
class Unusable(Verdict):
    """A payload that one of the keys signed, with markers that cannot be read, or that no network can follow.

    ``verified`` has the markers as they were signed: deployed readers may take them, or fail on them.
    """

    verified: VerifiedMarkers[Any]


@dataclass(frozen=True, slots=True)
class OtherKind(Verdict):
    """A payload of another kind than the one that is read: neither refused nor an alarm. ``kind`` is its name."""

    is_refusal = False
    is_payload = False

    kind: str


@dataclass(frozen=True, slots=True)
class Malformed(Verdict):
    """Not a signed payload at all."""

    is_payload = False


@dataclass(frozen=True, slots=True)
class Unreadable(Verdict):
    """An output, or the transaction that made it, that the provider could not show: it proves nothing either way.

    ``verified`` has the markers where the datum itself was read.
    """

    verified: VerifiedMarkers | None = None

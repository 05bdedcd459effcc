"""The verdicts: what was made of one datum, with the reason, so that nothing refused is silent (rule T10)."""

from dataclasses import dataclass

from datum.payload import EraMarkersPayload, VerifiedMarkers


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was made of one datum. ``reason`` says why, in words for an operator."""

    reason: str

    @property
    def name(self) -> str:
        """The tag of the verdict, as status, metrics and the event log print it."""
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class Accepted(Verdict):
    """A payload that one of the keys signed."""

    verified: VerifiedMarkers


@dataclass(frozen=True, slots=True)
class WrongSigner(Verdict):
    """A well-formed payload whose signature none of the keys made."""

    content: bytes

    @property
    def payload(self) -> EraMarkersPayload:
        """What the datum claims, unverified."""
        return EraMarkersPayload.from_bytes(self.content)


@dataclass(frozen=True, slots=True)
class Malformed(Verdict):
    """Not a signed payload at all."""


@dataclass(frozen=True, slots=True)
class Unreadable(Verdict):
    """An output, or the transaction that made it, that the provider could not show: it proves nothing either way.

    ``verified`` has the markers where the datum itself was read.
    """

    verified: VerifiedMarkers | None = None

"""The kinds of signed payloads: which there are, and what each adds to the one way in which all are judged.

A kind is known by the fields of its markers. A payload without any marker belongs to every kind. A third kind would be
one module with its payload, and one line here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datum.configuration.markers import ConfigurationMarker, ConfigurationMarkersPayload, fault_of
from datum.payload import EraMarkersPayload, claim
from datum.signed_payload import MarkersPayload, PayloadFormatError
from eras import Epoch, EraMarker


@dataclass(frozen=True, slots=True)
class MarkerKind:
    """One kind of payload.

    Attributes:
        name: by which it is shown.
        payload: how its markers are read and written.
        claim: what a payload's JSON claims: the signed bytes and the signature, which nobody has checked yet.
        fault: why markers cannot be used though their signature is true, or ``None``; without it they always can.
    """

    name: str
    payload: type[MarkersPayload[Any]]
    claim: Callable[[bytes], tuple[bytes, bytes | None]]
    fault: Callable[[tuple[Any, ...]], str | None] | None = None

    def __str__(self) -> str:
        return self.name


def _claim_of_configurations(content: bytes) -> tuple[bytes, bytes | None]:
    payload = ConfigurationMarkersPayload.from_bytes(content)
    return payload.signed_bytes, payload.signature


ERA = MarkerKind("era", EraMarkersPayload, claim)
"""Era markers: names and epochs."""

CONFIGURATION = MarkerKind("configuration", ConfigurationMarkersPayload, _claim_of_configurations, fault_of)
"""Protocol configuration markers: parameters by epoch."""

KINDS = (ERA, CONFIGURATION)

Marker = EraMarker | ConfigurationMarker
"""A marker of any kind."""


def marker_of(facts: Mapping[str, Any]) -> Any:
    """The marker whose ``to_dict`` gave these facts, of whichever kind.

    Raises:
        KeyError: they are of none.
    """
    epoch = facts["epoch"]
    if "configuration" in facts:
        return ConfigurationMarker(Epoch(epoch), facts["configuration"])
    return EraMarker(facts["name"], epoch)


def bytes_signed(markers: Sequence[Marker]) -> bytes:
    """The bytes that a signature of markers is over, of whichever kind they are."""
    kind = CONFIGURATION if markers and isinstance(markers[0], ConfigurationMarker) else ERA
    return kind.payload(tuple(markers)).signed_bytes


def kinds_of(content: bytes) -> tuple[MarkerKind, ...]:
    """The kinds that a payload's JSON can be read as; nothing where it is not a payload."""
    return tuple(kind for kind in KINDS if _can_be(content, kind))


def _can_be(content: bytes, kind: MarkerKind) -> bool:
    try:
        kind.claim(content)
    except PayloadFormatError:
        return False
    return True

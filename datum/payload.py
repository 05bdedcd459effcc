"""The payload of era markers, ``{"name":…,"epoch":…}``: how its markers are read and written.

A missing epoch is read as none: the era is announced. The rest is as in every signed payload (``signed_payload``).
"""

import re
from binascii import unhexlify
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from datum.signed_payload import (
    SIGNATURE_BYTES,
    MarkersPayload,
    list_of,
    read_epoch,
    read_hex,
    struct_fields,
)
from datum.strict_json import described, parse, quote, reason
from eras import EraMarker, MarkerError

_CANONICAL = re.compile(
    rb'\{"markers":(\[(?:\{"name":"[ !#-\[\]-~]*+","epoch":(?:[1-9][0-9]{0,18}+|null|0)\}(?:,(?=\{)|(?=\])))*+\])'
    rb',"signature":"((?s:.{128}))"\}'
).fullmatch
"""A payload exactly as writers of this format make it, with ASCII names that JSON does not escape.

Whether its signature is hex is left to the decoder: a class of digits takes longer than all the rest.
"""


@dataclass(frozen=True, slots=True)
class EraMarkersPayload(MarkersPayload[EraMarker]):
    """Era markers with a signature that nobody has checked yet, or with none."""

    KIND = "era markers"

    @classmethod
    def from_json(cls, value: Any) -> "EraMarkersPayload":
        """The payload that a parsed JSON value is; other fields than its own are ignored.

        Raises:
            ValueError: it is not one.
        """
        markers, signature = struct_fields(value, ("markers", "signature"), "a payload", optional=("signature",))
        read = list_of(markers, _read_marker, "markers")
        return cls(read, None if signature is None else _read_signature(signature))

    @property
    def signed_bytes(self) -> bytes:
        """The bytes that the signature is over."""
        return signed_bytes(self.markers)


def claim(content: bytes) -> tuple[bytes, bytes | None]:
    """The claim of a payload's JSON: the signed bytes and the signature, not checked yet.

    The same as reading the payload and asking it for both, but without reading the markers where the payload is
    written in the canonical way, because most claims are forged and their markers are never looked at.

    Raises:
        PayloadFormatError: it is not a payload.
    """
    match = _CANONICAL(content)
    if match is not None:
        message, digits = match.groups()
        try:
            return message, unhexlify(digits)
        except ValueError:
            pass  # the reader proper gives the reason
    payload = EraMarkersPayload.from_bytes(content)
    return payload.signed_bytes, payload.signature


def signed_bytes(markers: Iterable[EraMarker]) -> bytes:
    """The bytes that a signature of ``markers`` covers."""
    items = ",".join([f'{{"name":{quote(m.name)},"epoch":{"null" if m.epoch is None else m.epoch}}}' for m in markers])
    return f"[{items}]".encode()


def markers_from_json(text: str) -> tuple[EraMarker, ...]:
    """Parses a JSON list of markers, by the same rules as in a payload.

    Raises:
        MarkerError: it is not a list of markers.
    """
    try:
        return list_of(parse(text), _read_marker, "markers")
    except ValueError as error:
        raise MarkerError(
            "A list of markers is not usable",
            expected='[{"name":"…","epoch":…},…]',
            got=reason(error),
            next_step="Correct the list of markers",
        ) from error


def _read_marker(value: Any) -> EraMarker:
    name, epoch = struct_fields(value, ("name", "epoch"), "a marker", optional=("epoch",))
    if not isinstance(name, str):
        raise ValueError(f"an era name that is {described(name)}")  # noqa: TRY004 - bad data, not a bad call
    if not name.isascii():
        name.encode()  # half a surrogate pair has no UTF-8 form
    return EraMarker(name, None if epoch is None else read_epoch(epoch))


def _read_signature(value: Any) -> bytes:
    signature = read_hex(value, "a signature")
    if len(signature) != SIGNATURE_BYTES:
        raise ValueError(f"a signature of {len(signature)} bytes")
    return signature

"""Markers, signed payload, on-chain datum. Pure: bytes in, verdicts out."""

from datum.keys import KeyFormatError, SigningKey, VerificationKey, verify_signature
from datum.payload import (
    EraMarkersPayload,
    PayloadFormatError,
    SignatureMismatchError,
    VerifiedMarkers,
    markers_from_json,
    signed_bytes,
)
from datum.plutus import (
    CHUNK_BYTES,
    MAX_DATUM_BYTES,
    DatumFormatError,
    DecodedDatum,
    decode_datum,
    encode_datum,
    encode_datum_json,
)
from datum.screen import VerdictMemory, screen
from datum.verdicts import Accepted, Malformed, Verdict, WrongSigner

__all__ = [
    "CHUNK_BYTES",
    "MAX_DATUM_BYTES",
    "Accepted",
    "DatumFormatError",
    "DecodedDatum",
    "EraMarkersPayload",
    "KeyFormatError",
    "Malformed",
    "PayloadFormatError",
    "SignatureMismatchError",
    "SigningKey",
    "Verdict",
    "VerdictMemory",
    "VerificationKey",
    "VerifiedMarkers",
    "WrongSigner",
    "decode_datum",
    "encode_datum",
    "encode_datum_json",
    "markers_from_json",
    "screen",
    "signed_bytes",
    "verify_signature",
]

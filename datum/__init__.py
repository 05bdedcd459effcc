"""Markers, signed payload, on-chain datum. Pure: bytes in, verdicts out."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
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
    from datum.screening import VerdictMemory, screen
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

__getattr__ = front_door(
    __name__,
    {
        "datum.keys": ("KeyFormatError", "SigningKey", "VerificationKey", "verify_signature"),
        "datum.payload": (
            "EraMarkersPayload",
            "PayloadFormatError",
            "SignatureMismatchError",
            "VerifiedMarkers",
            "markers_from_json",
            "signed_bytes",
        ),
        "datum.plutus": (
            "CHUNK_BYTES",
            "MAX_DATUM_BYTES",
            "DatumFormatError",
            "DecodedDatum",
            "decode_datum",
            "encode_datum",
            "encode_datum_json",
        ),
        "datum.screening": ("VerdictMemory", "screen"),
        "datum.verdicts": ("Accepted", "Malformed", "Verdict", "WrongSigner"),
    },
)

"""Markers, signed payload, on-chain datum. Pure: bytes in, verdicts out."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datum.extension import ExtendedPayload, Extension, KeySet, read_extended
    from datum.extension_rules import ExtensionAccepted, ExtensionPolicy, judge_extension
    from datum.finding import find_datums, kind_of_file
    from datum.foreign_text import text_of
    from datum.keys import EraSigner, KeyFormatError, SigningKey, VerificationKey, verify_signature
    from datum.kinds import CONFIGURATION, ERA, MarkerKind
    from datum.payload import EraMarkersPayload, markers_from_json, signed_bytes
    from datum.plutus import decode_datum, encode_datum, encode_datum_json
    from datum.screening import VerdictMemory, screen
    from datum.signed_payload import PayloadFormatError, SignatureMismatchError, VerifiedMarkers
    from datum.verdicts import Accepted, Malformed, Unreadable, Unusable, Verdict, WrongSigner

__all__ = [
    "CONFIGURATION",
    "ERA",
    "Accepted",
    "EraMarkersPayload",
    "EraSigner",
    "ExtendedPayload",
    "Extension",
    "ExtensionAccepted",
    "ExtensionPolicy",
    "KeyFormatError",
    "KeySet",
    "Malformed",
    "MarkerKind",
    "PayloadFormatError",
    "SignatureMismatchError",
    "SigningKey",
    "Unreadable",
    "Unusable",
    "Verdict",
    "VerdictMemory",
    "VerificationKey",
    "VerifiedMarkers",
    "WrongSigner",
    "decode_datum",
    "encode_datum",
    "encode_datum_json",
    "find_datums",
    "judge_extension",
    "kind_of_file",
    "markers_from_json",
    "read_extended",
    "screen",
    "signed_bytes",
    "text_of",
    "verify_signature",
]

__getattr__ = front_door(
    __name__,
    {
        "datum.extension": ("ExtendedPayload", "Extension", "KeySet", "read_extended"),
        "datum.extension_rules": ("ExtensionAccepted", "ExtensionPolicy", "judge_extension"),
        "datum.finding": ("find_datums", "kind_of_file"),
        "datum.foreign_text": ("text_of",),
        "datum.keys": ("EraSigner", "KeyFormatError", "SigningKey", "VerificationKey", "verify_signature"),
        "datum.kinds": ("CONFIGURATION", "ERA", "MarkerKind"),
        "datum.payload": ("EraMarkersPayload", "markers_from_json", "signed_bytes"),
        "datum.plutus": ("decode_datum", "encode_datum", "encode_datum_json"),
        "datum.screening": ("VerdictMemory", "screen"),
        "datum.signed_payload": ("PayloadFormatError", "SignatureMismatchError", "VerifiedMarkers"),
        "datum.verdicts": ("Accepted", "Malformed", "Unreadable", "Unusable", "Verdict", "WrongSigner"),
    },
)

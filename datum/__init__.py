"""Markers, signed payload, on-chain datum. Pure: bytes in, verdicts out."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datum.extension import ExtendedPayload, Extension, ExtensionSignature, KeySet, read_extended
    from datum.extension_rules import (
        BelowThreshold,
        BrokenChain,
        Equivocation,
        ExtensionAccepted,
        ExtensionPolicy,
        ExtensionPolicyError,
        RolledBack,
        Unextended,
        WrongAddress,
        WrongNetwork,
        choose_extended,
        judge_extension,
        required_key_sets,
    )
    from datum.finding import FoundDatum, find_datums, kind_of_file
    from datum.foreign_text import text_of
    from datum.keys import EraSigner, KeyFormatError, SigningKey, VerificationKey, verify_signature
    from datum.kinds import CONFIGURATION, ERA, KINDS, MarkerKind, kinds_of
    from datum.payload import EraMarkersPayload, markers_from_json, signed_bytes
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
    from datum.signed_payload import MarkersPayload, PayloadFormatError, SignatureMismatchError, VerifiedMarkers
    from datum.verdicts import Accepted, Malformed, OtherKind, Unreadable, Unusable, Verdict, WrongSigner

__all__ = [
    "CHUNK_BYTES",
    "CONFIGURATION",
    "ERA",
    "KINDS",
    "MAX_DATUM_BYTES",
    "Accepted",
    "BelowThreshold",
    "BrokenChain",
    "DatumFormatError",
    "DecodedDatum",
    "Equivocation",
    "EraMarkersPayload",
    "EraSigner",
    "ExtendedPayload",
    "Extension",
    "ExtensionAccepted",
    "ExtensionPolicy",
    "ExtensionPolicyError",
    "ExtensionSignature",
    "FoundDatum",
    "KeyFormatError",
    "KeySet",
    "Malformed",
    "MarkerKind",
    "MarkersPayload",
    "OtherKind",
    "PayloadFormatError",
    "RolledBack",
    "SignatureMismatchError",
    "SigningKey",
    "Unextended",
    "Unreadable",
    "Unusable",
    "Verdict",
    "VerdictMemory",
    "VerificationKey",
    "VerifiedMarkers",
    "WrongAddress",
    "WrongNetwork",
    "WrongSigner",
    "choose_extended",
    "decode_datum",
    "encode_datum",
    "encode_datum_json",
    "find_datums",
    "judge_extension",
    "kind_of_file",
    "kinds_of",
    "markers_from_json",
    "read_extended",
    "required_key_sets",
    "screen",
    "signed_bytes",
    "text_of",
    "verify_signature",
]

__getattr__ = front_door(
    __name__,
    {
        "datum.extension": (
            "ExtendedPayload",
            "Extension",
            "ExtensionSignature",
            "KeySet",
            "read_extended",
        ),
        "datum.extension_rules": (
            "BelowThreshold",
            "BrokenChain",
            "Equivocation",
            "ExtensionAccepted",
            "ExtensionPolicy",
            "ExtensionPolicyError",
            "RolledBack",
            "Unextended",
            "WrongAddress",
            "WrongNetwork",
            "choose_extended",
            "judge_extension",
            "required_key_sets",
        ),
        "datum.finding": ("FoundDatum", "find_datums", "kind_of_file"),
        "datum.foreign_text": ("text_of",),
        "datum.keys": ("EraSigner", "KeyFormatError", "SigningKey", "VerificationKey", "verify_signature"),
        "datum.kinds": ("CONFIGURATION", "ERA", "KINDS", "MarkerKind", "kinds_of"),
        "datum.payload": ("EraMarkersPayload", "markers_from_json", "signed_bytes"),
        "datum.signed_payload": ("MarkersPayload", "PayloadFormatError", "SignatureMismatchError", "VerifiedMarkers"),
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
        "datum.verdicts": ("Accepted", "Malformed", "OtherKind", "Unreadable", "Unusable", "Verdict", "WrongSigner"),
    },
)

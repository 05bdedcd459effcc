"""A datum in words and as JSON: its shape, the payload in it of whatever kind, and its extension."""

from dataclasses import dataclass, replace

from datum import CONFIGURATION, EraMarkersPayload, MarkerKind, PayloadFormatError, decode_datum, read_extended
from datum.configuration import ConfigurationMarkersPayload, ProtocolConfiguration, configuration_document
from datum.configuration.markers import ConfigurationMarker, fault_of
from datum.extension import ExtendedPayload
from datum.finding import FoundDatum
from datum.kinds import kinds_of
from datum.plutus import CHUNK_BYTES, DatumFormatError, DecodedDatum
from era_service.cli.shared.output import printable
from eras import Epoch, EraMarker
from eras.words import begins, counted

SHOWN = 160
"""The number of characters or bytes that are shown of a content that is not a payload."""
_SHAPE = ("constructor", "byte_fields", "other_fields", "longest_field", "longest_string")


@dataclass(frozen=True, slots=True)
class DescribedDatum:
    """A datum, as far as it can be read.

    Attributes:
        index: its number in the file.
        place: where in the file it is; empty where that needs no words.
        decoded: its shape and content.
        kinds: of the payload that the content is.
        payload: that payload.
        extended: the same with its extension, where it has one.
        problem: why there is no payload, or no extension, or why it cannot be used.
    """

    index: int
    place: str
    decoded: DecodedDatum | None = None
    kinds: tuple[MarkerKind, ...] = ()
    payload: EraMarkersPayload | ConfigurationMarkersPayload | None = None
    extended: ExtendedPayload | None = None
    problem: str | None = None

    def to_dict(self) -> dict[str, object]:
        """The datum, JSON-ready."""
        decoded, payload, extended = self.decoded, self.payload, self.extended
        signature = None if payload is None or payload.signature is None else payload.signature.hex()
        return {
            "index": self.index,
            "place": self.place or None,
            **{name: None if decoded is None else getattr(decoded, name) for name in _SHAPE},
            "content_hex": None if decoded is None else decoded.content.hex(),
            "kinds": [kind.name for kind in self.kinds],
            "payload": None
            if payload is None
            else {"markers": [_marker_document(marker) for marker in payload.markers], "signature": signature},
            "extension": None
            if extended is None
            else extended.extension.to_dict()
            | {"hash": extended.hash, "signatures": [signature.to_dict() for signature in extended.signatures]},
            "problem": self.problem,
        }


def describe(found: FoundDatum, index: int) -> DescribedDatum:
    """Describes a datum: its place, shape and content, and the payload and extension in it, or why there is none."""
    described = DescribedDatum(index, found.place)
    try:
        decoded = decode_datum(found.datum)
        described = replace(described, decoded=decoded)
        kinds = kinds_of(decoded.content)
        described = replace(described, kinds=kinds)
        if kinds == (CONFIGURATION,):
            configurations = ConfigurationMarkersPayload.from_bytes(decoded.content)
            fault = fault_of(configurations.markers)
            problem = None if fault is None else f"It cannot be used: {fault}"
            return replace(described, payload=configurations, problem=problem)
        described = replace(described, payload=EraMarkersPayload.from_bytes(decoded.content))
    except (DatumFormatError, PayloadFormatError) as error:
        return replace(described, problem=f"{error.what}: {error.got}")
    try:
        return replace(described, extended=read_extended(decoded.content))
    except PayloadFormatError as error:
        return replace(described, problem=f"Its extension cannot be read: {error.got}")


def _marker_document(marker: EraMarker | ConfigurationMarker) -> object:
    if isinstance(marker, EraMarker):
        return marker.to_dict()
    found = _configuration_in(marker)
    configuration = None if found is None else configuration_document(found)
    return {"epoch": marker.epoch, "configuration": configuration, "encoded": marker.encoded}


def _configuration_in(marker: ConfigurationMarker) -> ProtocolConfiguration | None:
    try:
        return marker.configuration
    except ValueError:
        return None


def in_words(found: DescribedDatum) -> list[str]:
    """The description of a datum, as lines for a terminal."""
    lines = [f"Datum {found.index}" + (f", found at {printable(found.place)}" if found.place else "")]
    decoded, payload = found.decoded, found.payload
    if decoded is not None:
        constructor = "unknown" if decoded.constructor is None else decoded.constructor
        lines.append(
            f"  constructor {constructor}, {counted(decoded.byte_fields, 'byte string')} of at most "
            f"{counted(decoded.longest_field, 'byte')}, {counted(decoded.other_fields, 'other field')}, "
            f"{counted(len(decoded.content), 'byte')} of content"
        )
        if (decoded.longest_string or 0) > CHUNK_BYTES:
            lines.append(
                f"  the ledger refuses it: a byte string is encoded in one piece of {decoded.longest_string} bytes"
            )
    problem = [] if found.problem is None else [f"  {printable(found.problem)}"]
    if payload is None:
        return [*lines, *problem, *_content_in_words(b"" if decoded is None else decoded.content)]
    lines += [f"  {_marker_in_words(marker)}" for marker in payload.markers]
    if not payload.markers:
        lines.append(f"  no markers: a payload of every kind ({', '.join(kind.name for kind in found.kinds)})")
    signature = payload.signature
    lines.append("  not signed" if signature is None else f"  signature {signature.hex()} (not verified)")
    return [*lines, *problem, *([] if found.extended is None else _extension_in_words(found.extended))]


def _marker_in_words(marker: EraMarker | ConfigurationMarker) -> str:
    if isinstance(marker, EraMarker):
        return f"era {printable(marker.name)}: {begins(marker.epoch, 'announced, no epoch yet')}"
    return configuration_in_words(marker.epoch, _configuration_in(marker))


def configuration_in_words(epoch: Epoch, configuration: ProtocolConfiguration | None) -> str:
    """A configuration from an epoch on, in a line; without one it cannot be read."""
    if configuration is None:
        return f"configuration from epoch {epoch}: it cannot be read"
    parameters, signed = configuration.parameters, ", ".join(configuration.enabled) or "nothing"
    lottery = f"k {parameters.k}, m {parameters.m}, phi_f {parameters.phi_f}"
    return f"configuration from epoch {epoch}: {lottery}; signed: {signed}"


def _content_in_words(content: bytes) -> list[str]:
    """The beginning of the content of the byte strings, as text if it is text."""
    if not content:
        return []
    try:
        shown = f"as text: {content.decode()[:SHOWN]!r}"
    except UnicodeDecodeError:
        shown = f"in hex: {content[:SHOWN].hex()}"
    return [f"  {shown}{' …' if len(content) > SHOWN else ''}"]


def _extension_in_words(extended: ExtendedPayload) -> list[str]:
    extension, signatures = extended.extension, extended.signatures
    expires = extension.expires_epoch
    fresh = "for ever" if expires is None else f"until the end of epoch {expires}"
    after = "" if extension.previous is None else f" after {extension.previous}"
    return [
        f"  extension {extension.sequence} ({extended.hash}){after}",
        f"    for network magic {extension.network_magic}, address {printable(extension.address)}, fresh {fresh}",
        f"    {extension.threshold} of these keys must sign: {', '.join(key.hex for key in extension.keys)}",
        *(f"    a signature by {signed.key.hex} (not verified)" for signed in signatures),
    ] + ([] if signatures else ["    no signature yet"])

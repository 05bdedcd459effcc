"""A datum in words and as JSON: its shape, the payload in it of whatever kind, and its extension."""

from typing import Any

from datum import CONFIGURATION, EraMarkersPayload, PayloadFormatError, decode_datum, read_extended
from datum.configuration import ConfigurationMarkersPayload, configuration_document
from datum.configuration.markers import fault_of
from datum.finding import FoundDatum
from datum.kinds import kinds_of
from datum.plutus import CHUNK_BYTES, DatumFormatError
from era_service.cli.shared.output import printable

SHOWN = 160
"""How many characters or bytes of a content that is no payload are shown."""


def describe(found: FoundDatum, index: int) -> dict[str, Any]:
    """A datum as JSON has it: its place and shape, its content, payload and extension in it, or why there is none."""
    entry: dict[str, Any] = {
        "index": index,
        "place": found.place or None,
        "constructor": None,
        "byte_fields": None,
        "other_fields": None,
        "longest_field": None,
        "longest_string": None,
        "content_hex": None,
        "kinds": [],
        "payload": None,
        "extension": None,
        "problem": None,
    }
    try:
        decoded = decode_datum(found.datum)
        entry |= {
            "constructor": decoded.constructor,
            "byte_fields": decoded.byte_fields,
            "other_fields": decoded.other_fields,
            "longest_field": decoded.longest_field,
            "longest_string": decoded.longest_string,
            "content_hex": decoded.content.hex(),
        }
        kinds = kinds_of(decoded.content)
        entry["kinds"] = [kind.name for kind in kinds]
        if kinds == (CONFIGURATION,):
            entry["payload"], entry["problem"] = _configurations(
                ConfigurationMarkersPayload.from_bytes(decoded.content)
            )
            return entry
        payload = EraMarkersPayload.from_bytes(decoded.content)
    except (DatumFormatError, PayloadFormatError) as error:
        entry["problem"] = f"{error.what}: {error.got}"
        return entry
    entry["payload"] = {
        "markers": [marker.to_dict() for marker in payload.markers],
        "signature": None if payload.signature is None else payload.signature.hex(),
    }
    try:
        extended = read_extended(decoded.content)
    except PayloadFormatError as error:
        entry["problem"] = f"Its extension cannot be read: {error.got}"
        return entry
    if extended is not None:
        signatures = [signature.to_dict() for signature in extended.signatures]
        entry["extension"] = extended.extension.to_dict() | {"hash": extended.hash, "signatures": signatures}
    return entry


def _configurations(payload: ConfigurationMarkersPayload) -> tuple[dict[str, Any], str | None]:
    """A payload of configurations as JSON has it, and why it cannot be used, where that is so."""
    fault = fault_of(payload.markers)
    markers = []
    for marker in payload.markers:
        try:
            configuration = configuration_document(marker.configuration)
        except ValueError:
            configuration = None
        markers.append({"epoch": marker.epoch, "configuration": configuration, "encoded": marker.encoded})
    signature = None if payload.signature is None else payload.signature.hex()
    return {"markers": markers, "signature": signature}, None if fault is None else f"It cannot be used: {fault}"


def in_words(entry: dict[str, Any]) -> list[str]:
    """A datum that was described, in lines for a terminal."""
    lines = [f"Datum {entry['index']}" + (f", found at {printable(entry['place'])}" if entry["place"] else "")]
    if entry["content_hex"] is not None:
        constructor = "unknown" if entry["constructor"] is None else entry["constructor"]
        lines.append(
            f"  constructor {constructor}, {entry['byte_fields']} byte strings of at most {entry['longest_field']} "
            f"bytes, {entry['other_fields']} other fields, {len(entry['content_hex']) // 2} bytes of content"
        )
        if (entry["longest_string"] or 0) > CHUNK_BYTES:
            lines.append(
                f"  the ledger refuses it: a byte string is encoded in one piece of {entry['longest_string']} bytes"
            )
    if entry["payload"] is None:
        content = _content_in_words(bytes.fromhex(entry["content_hex"] or ""))
        return [*lines, f"  {printable(entry['problem'])}", *content]
    lines += [f"  {_marker_in_words(marker)}" for marker in entry["payload"]["markers"]]
    if not entry["payload"]["markers"]:
        lines.append(f"  no markers: a payload of every kind ({', '.join(entry['kinds'])})")
    signature = entry["payload"]["signature"]
    lines.append("  not signed" if signature is None else f"  signature {signature} (not verified)")
    if entry["problem"] is not None:
        lines.append(f"  {printable(entry['problem'])}")
    return lines if entry["extension"] is None else [*lines, *_extension_in_words(entry["extension"])]


def _marker_in_words(marker: dict[str, Any]) -> str:
    if "configuration" not in marker:
        when = "announced, no epoch yet" if marker["epoch"] is None else f"from epoch {marker['epoch']}"
        return f"era {printable(marker['name'])!s}: {when}"
    return configuration_in_words(marker)


def configuration_in_words(marker: dict[str, Any]) -> str:
    """A configuration marker that was described, in a line."""
    found = marker["configuration"]
    if found is None:
        return f"configuration from epoch {marker['epoch']}: it cannot be read"
    parameters = found["protocol_parameters"]
    lottery = f"k {parameters['k']}, m {parameters['m']}, phi_f {parameters['phi_f']}"
    signed = ", ".join(found["enabled_signed_entity_types"]) or "nothing"
    return f"configuration from epoch {marker['epoch']}: {lottery}; signed: {signed}"


def _content_in_words(content: bytes) -> list[str]:
    """The beginning of what the byte strings hold, as text where it is one."""
    if not content:
        return []
    try:
        shown = f"as text: {content.decode()[:SHOWN]!r}"
    except UnicodeDecodeError:
        shown = f"in hex: {content[:SHOWN].hex()}"
    return [f"  {shown}{' …' if len(content) > SHOWN else ''}"]


def _extension_in_words(extension: dict[str, Any]) -> list[str]:
    expires = extension["expires_epoch"]
    fresh = "for ever" if expires is None else f"until the end of epoch {expires}"
    after = "" if extension["previous"] is None else f" after {extension['previous']}"
    return [
        f"  extension {extension['sequence']} ({extension['hash']}){after}",
        f"    for network magic {extension['network_magic']}, address {printable(extension['address'])}, fresh {fresh}",
        f"    {extension['threshold']} of these keys must sign: {', '.join(extension['keys'])}",
        *(f"    a signature by {signed['key']} (not verified)" for signed in extension["signatures"]),
    ] + ([] if extension["signatures"] else ["    no signature yet"])

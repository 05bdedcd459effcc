"""``eraswitch datum``: what is in a datum, and whether the release team signed it. No chain is read."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.shared.arguments import json_option, read_bytes, read_datums, read_verification_key
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json, printable
from eras import ConfigurationError, CurrentEraNotFoundError, Epoch, EraSwitchError, require_epoch, select_eras

if TYPE_CHECKING:
    from datum import Accepted, FoundDatum, Verdict


SHOWN = 160
"""How many characters or bytes of a content that is no payload are shown."""


@click.group(cls=KnownGroup)
def datum() -> None:
    """Verify and decode the datums of era markers, without a chain."""


@datum.command()
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--verification-key",
    required=True,
    metavar="KEY",
    help="JSON-hex as in era.vk, 64 hex digits, or @FILE with either.",
)
@click.option("--epoch", required=True, metavar="EPOCH", help="The epoch to name the current and upcoming era for.")
@click.option("--json", is_flag=True, expose_value=False, help="Print JSON, which it does anyway.")
def verify(file: str, verification_key: str, epoch: str) -> int:
    """Verify the datums in FILE, and name the era they make current.

    FILE (- for standard input) has a datum a line, as JSON or CBOR hex, or is JSON with datums in it, such as outputs
    listed by cardano-cli or a provider. It knows no places on a chain, so the first valid datum wins, as for deployed
    readers; when a later valid one differs, a note says so.

    Prints JSON, whatever the exit code: 0 with a current era, 5 without one, 2 for a bad key, file or epoch.
    """
    report: dict[str, Any] = {
        "markers": [],
        "current_era": None,
        "upcoming_era": None,
        "verdicts": [],
        "error": None,
        "note": None,
    }
    exit_code = 0
    try:
        _verify_into(report, file, verification_key, epoch)
    except EraSwitchError as error:
        report["error"] = error.code
        exit_code = error.exit_code
        click.echo(f"Error: {printable(str(error))}", err=True)
    if report["note"]:
        click.echo(f"Note: {report['note']}", err=True)
    echo_json(report)
    return exit_code


def _verify_into(report: dict[str, Any], file: str, verification_key: str, epoch: str) -> None:
    """Fill in what is found, as far as it goes, so that an error leaves the rest to see."""
    from datum import Accepted, screen

    at = _require_epoch_argument(epoch)
    key = read_verification_key(verification_key)
    found = read_datums(file)
    verdicts = screen((one.datum for one in found), key)
    report["verdicts"] = [
        {"index": index, "verdict": verdict.name, "reason": verdict.reason}
        | ({"place": one.place} if one.place else {})
        for index, (one, verdict) in enumerate(zip(found, verdicts, strict=True))
    ]
    valid = [(index, verdict) for index, verdict in enumerate(verdicts) if isinstance(verdict, Accepted)]
    if not valid:
        raise _none_valid(verdicts, at)
    markers = valid[0][1].verified.markers
    report["markers"] = [marker.to_dict() for marker in markers]
    report["note"] = _note(valid)
    token = select_eras(markers, at)
    report["current_era"] = token.current.name
    report["upcoming_era"] = None if token.upcoming is None else token.upcoming.name


def _require_epoch_argument(text: str) -> Epoch:
    try:
        return require_epoch(int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else text)
    except EraSwitchError as error:
        raise ConfigurationError(
            error.what, code="EpochArgument", expected=error.expected, got=error.got, next_step="Correct --epoch"
        ) from error


def _none_valid(verdicts: "Sequence[Verdict]", at: Epoch) -> CurrentEraNotFoundError:
    """Why there is no current era, where no datum is valid."""
    counts = Counter(verdict.name for verdict in verdicts)
    listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return CurrentEraNotFoundError(
        f"No era is active at epoch {at}",
        expected="a datum that the verification key signed",
        got=f"none: {listed}" if counts else "no datum at all",
        next_step="Check the verification key, and where the datums come from",
        epoch=at,
        verdicts=dict(counts),
    )


def _note(valid: "list[tuple[int, Accepted]]") -> str | None:
    """What a reader of several valid datums should know: which one won, and which disagree with it."""
    if not valid:
        return None
    first, winner = valid[0]
    others = [str(index) for index, verdict in valid[1:] if verdict.verified.markers != winner.verified.markers]
    if not others:
        return None
    listed = f"{', '.join(others[:10])}{', …' if len(others) > 10 else ''}"
    return (
        f"{len(others) + 1} valid datums differ: datum {first} comes first and wins, as for deployed readers; "
        f"datum {listed} would say something else. A reader of the chain weighs where each comes from"
    )


@datum.command()
@click.argument("file", type=click.Path(allow_dash=True))
@json_option
def decode(file: str, *, as_json: bool) -> int:
    """Describe the datums in FILE, whatever is in them.

    FILE (- for standard input) has a datum a line, as JSON or CBOR hex, is the CBOR of one, or is JSON with datums in
    it: outputs as cardano-cli, Blockfrost, Kupo, Ogmios or Koios list them, text envelopes, signed payloads. Nothing
    is verified; junk is described. If nothing in FILE is a datum, that is said, and the exit code is 1.
    """
    from datum import find_datums, kind_of_file

    data = read_bytes(file)
    found = find_datums(data)
    if as_json:
        echo_json({"datums": [describe(one, index) for index, one in enumerate(found)]})
    else:
        for index, one in enumerate(found if len(found) == 1 or _has_datum(found) else ()):
            click.echo("\n".join(_in_words(describe(one, index))))
    if _has_datum(found):
        return 0
    name = "standard input" if file == "-" else file
    click.echo(f"No datum: {name} holds {kind_of_file(data) if data.strip() else 'nothing'}", err=as_json)
    return 1


def _has_datum(found: "Sequence[FoundDatum]") -> bool:
    return any(one.content is not None for one in found)


def describe(found: "FoundDatum", index: int) -> dict[str, Any]:
    """A datum as JSON has it: its place and shape, its content, payload and extension in it, or why there is none."""
    from datum import DatumFormatError, EraMarkersPayload, PayloadFormatError, decode_datum, read_extended

    entry: dict[str, Any] = {
        "index": index,
        "place": found.place or None,
        "constructor": None,
        "byte_fields": None,
        "other_fields": None,
        "longest_field": None,
        "longest_string": None,
        "content_hex": None,
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


def _in_words(entry: dict[str, Any]) -> list[str]:
    from datum import CHUNK_BYTES

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
    for marker in entry["payload"]["markers"]:
        when = "announced, no epoch yet" if marker["epoch"] is None else f"from epoch {marker['epoch']}"
        lines.append(f"  era {printable(marker['name'])!s}: {when}")
    if not entry["payload"]["markers"]:
        lines.append("  no era marker")
    signature = entry["payload"]["signature"]
    lines.append("  not signed" if signature is None else f"  signature {signature} (not verified)")
    if entry["problem"] is not None:
        lines.append(f"  {printable(entry['problem'])}")
    return lines if entry["extension"] is None else [*lines, *_extension_in_words(entry["extension"])]


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

"""``eraswitch datum``: what is in a datum, and whether the release team signed it. No chain is read."""

from typing import TYPE_CHECKING, Any

import click

from era_service.cli.arguments import read_datums, read_verification_key
from era_service.cli.output import echo_json, printable
from eras import ConfigurationError, Epoch, EraSwitchError, require_epoch, select_eras

if TYPE_CHECKING:
    from datum import Accepted


class EpochArgumentError(ConfigurationError):
    """An epoch on the command line is not one."""


@click.group()
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

    FILE (- for standard input) has a datum a line, as cardano-cli JSON or CBOR hex. It knows no places on a chain, so
    the first valid datum wins, as for deployed readers; when a later valid one says something else, a note tells.

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
    verdicts = screen(read_datums(file), key)
    report["verdicts"] = [
        {"index": index, "verdict": verdict.name, "reason": verdict.reason} for index, verdict in enumerate(verdicts)
    ]
    valid = [(index, verdict) for index, verdict in enumerate(verdicts) if isinstance(verdict, Accepted)]
    markers = valid[0][1].verified.markers if valid else ()
    report["markers"] = [marker.to_dict() for marker in markers]
    report["note"] = _note(valid)
    token = select_eras(markers, at)
    report["current_era"] = token.current.name
    report["upcoming_era"] = None if token.upcoming is None else token.upcoming.name


def _require_epoch_argument(text: str) -> Epoch:
    try:
        return require_epoch(int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else text)
    except EraSwitchError as error:
        raise EpochArgumentError(
            error.what, expected=error.expected, got=error.got, next_step="Correct --epoch"
        ) from error


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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def decode(file: str, *, as_json: bool) -> None:
    """Say what is in the datums of FILE, whatever it is.

    FILE (- for standard input) has a datum a line, as cardano-cli JSON or CBOR hex, or is the CBOR of one. Nothing is
    verified; junk is described, not refused.
    """
    described = [describe(datum, index) for index, datum in enumerate(read_datums(file))]
    if as_json:
        echo_json({"datums": described})
        return
    for entry in described:
        click.echo("\n".join(_in_words(entry)))
    if not described:
        click.echo("No datum: the input is empty")


def describe(datum: str | bytes, index: int) -> dict[str, Any]:
    """What is in a datum, as JSON has it: its shape, its content, the payload in it, or why there is none."""
    from datum import DatumFormatError, EraMarkersPayload, PayloadFormatError, decode_datum

    entry: dict[str, Any] = {
        "index": index,
        "constructor": None,
        "byte_fields": None,
        "other_fields": None,
        "longest_field": None,
        "content_hex": None,
        "payload": None,
        "problem": None,
    }
    try:
        decoded = decode_datum(datum)
        entry |= {
            "constructor": decoded.constructor,
            "byte_fields": decoded.byte_fields,
            "other_fields": decoded.other_fields,
            "longest_field": decoded.longest_field,
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
    return entry


def _in_words(entry: dict[str, Any]) -> list[str]:
    lines = [f"Datum {entry['index']}"]
    if entry["content_hex"] is not None:
        constructor = "unknown" if entry["constructor"] is None else entry["constructor"]
        lines.append(
            f"  constructor {constructor}, {entry['byte_fields']} byte strings of at most {entry['longest_field']} "
            f"bytes, {entry['other_fields']} other fields, {len(entry['content_hex']) // 2} bytes of content"
        )
        if entry["longest_field"] > 64:
            lines.append("  the ledger would refuse it: a byte string is longer than 64 bytes")
    if entry["payload"] is None:
        return [*lines, f"  {printable(entry['problem'])}"]
    for marker in entry["payload"]["markers"]:
        when = "announced, no epoch yet" if marker["epoch"] is None else f"from epoch {marker['epoch']}"
        lines.append(f"  era {printable(marker['name'])!s}: {when}")
    if not entry["payload"]["markers"]:
        lines.append("  no era marker")
    signature = entry["payload"]["signature"]
    lines.append("  not signed" if signature is None else f"  signature {signature} (not verified)")
    return lines

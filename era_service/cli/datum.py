"""``eraswitch datum``: what is in a datum, and whether the release team signed it. No chain is read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import click

from datum import CONFIGURATION, ERA, Accepted, MarkerKind, Verdict, find_datums, kind_of_file, screen
from datum.configuration import configuration_at, configuration_document
from datum.configuration.choice import choose_configurations
from datum.configuration.values import window_at
from datum.finding import FoundDatum
from era_service.cli.shared.arguments import json_option, read_bytes, read_verification_key
from era_service.cli.shared.datum_view import describe, in_words
from era_service.cli.shared.exit_codes import NOTHING_TRUSTED
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json, printable
from eras import ConfigurationError, CurrentEraNotFoundError, Epoch, EraSwitchError, require_epoch, select_eras
from eras.words import visible


class _Report(TypedDict):
    kind: NotRequired[str]
    markers: Sequence[Mapping[str, object]]
    current_era: NotRequired[str | None]
    upcoming_era: NotRequired[str | None]
    configuration_at_epoch: NotRequired[Mapping[str, object] | None]
    window: NotRequired[Mapping[str, object] | None]
    verdicts: Sequence[Mapping[str, object]]
    error: str | None
    note: str | None


@click.group(cls=KnownGroup)
def datum() -> None:
    """Verify and decode the datums of era markers, without a chain."""


@datum.command(example="eraswitch datum verify datum.json --verification-key @keys/era.vk --epoch 748")
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--verification-key",
    required=True,
    metavar="KEY",
    help="JSON-hex as in era.vk, 64 hex digits, or @FILE with either.",
)
@click.option(
    "--epoch", required=True, metavar="EPOCH", help="The epoch for which to name the current and upcoming era."
)
@click.option(
    "--kind",
    type=click.Choice(["era", "configuration"]),
    default="era",
    show_default=True,
    help="Which markers to read; payloads of the other kind are reported as such.",
)
@click.option("--json", is_flag=True, expose_value=False, help="Print JSON, the default.")
def verify(file: str, verification_key: str, epoch: str, kind: str) -> int:
    """Verify the datums in FILE, and name the era they make current.

    FILE (- for standard input) has one datum per line, as JSON or CBOR hex, or is JSON with datums in it, such as
    outputs listed by cardano-cli or a provider. It does not know where the datums are on a chain, so the first valid
    one wins, as for deployed readers; a note reports a later valid one that differs.

    With --kind configuration it names the protocol configuration at EPOCH, and the three that a node needs there.

    Prints JSON, whatever the exit code: 0 with a current era or configuration, 5 without one, 2 for a bad key, file or
    epoch.
    """
    report: _Report
    if kind == "era":
        report = {"markers": [], "current_era": None, "upcoming_era": None, "verdicts": [], "error": None, "note": None}
    else:
        report = {
            "kind": kind,
            "markers": [],
            "configuration_at_epoch": None,
            "window": None,
            "verdicts": [],
            "error": None,
            "note": None,
        }
    exit_code = 0
    try:
        if kind == "era":
            _verify_into(report, file, verification_key, epoch)
        else:
            exit_code = _verify_configurations_into(report, file, verification_key, epoch)
    except EraSwitchError as error:
        report["error"] = error.code
        exit_code = error.exit_code
        click.echo(f"Error: {error.message(printable)}", err=True)
    if report["note"]:
        click.echo(f"Note: {report['note']}", err=True)
    echo_json(report)
    return exit_code


def _verify_into(report: _Report, file: str, verification_key: str, epoch: str) -> None:
    """Fill in what is found, as far as it goes, so that an error leaves the rest to see."""
    at = _require_epoch_argument(epoch)
    verdicts = _judge_into(report, file, verification_key, ERA)
    valid = [(index, verdict) for index, verdict in enumerate(verdicts) if isinstance(verdict, Accepted)]
    if not valid:
        raise _none_valid(verdicts, at)
    markers = valid[0][1].verified.markers
    report["markers"] = [marker.to_dict() for marker in markers]
    report["note"] = _note(valid)
    token = select_eras(markers, at)
    report["current_era"] = token.current.name
    report["upcoming_era"] = None if token.upcoming is None else token.upcoming.name


def _verify_configurations_into(report: _Report, file: str, verification_key: str, epoch: str) -> int:
    """Fill in what is found, as ``_verify_into`` does; returns the exit code."""
    at = _require_epoch_argument(epoch)
    chosen = choose_configurations(_judge_into(report, file, verification_key, CONFIGURATION))
    report["markers"] = [
        {"epoch": one.epoch, "configuration": configuration_document(one.configuration)}
        for one in chosen.configurations
    ]
    report["note"] = "; ".join(chosen.notes) or None
    current, window = configuration_at(chosen.configurations, at), window_at(chosen.configurations, at)
    if window is not None:
        names = ("aggregation", "next_aggregation", "registration")
        report["window"] = {name: configuration_document(getattr(window, name)) for name in names}
    if current is None:
        click.echo(f"No configuration holds at epoch {at}", err=True)
        return NOTHING_TRUSTED
    report["configuration_at_epoch"] = configuration_document(current)
    return 0


def _judge_into(report: _Report, file: str, verification_key: str, kind: MarkerKind) -> Sequence[Verdict]:
    """The verdicts on the datums of a file, which are filled into the report."""
    key = read_verification_key(verification_key)
    found = find_datums(read_bytes(file))
    verdicts = screen((one.datum for one in found), key, kind=kind)
    report["verdicts"] = [
        {"index": index, "verdict": verdict.name, "reason": verdict.reason}
        | ({"place": one.place} if one.place else {})
        for index, (one, verdict) in enumerate(zip(found, verdicts, strict=True))
    ]
    return verdicts


def _require_epoch_argument(text: str) -> Epoch:
    try:
        return require_epoch(int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else text)
    except EraSwitchError as error:
        raise ConfigurationError(
            error.what, code="EpochArgument", expected=error.expected, got=error.got, next_step="Correct --epoch"
        ) from error


def _none_valid(verdicts: Sequence[Verdict], at: Epoch) -> CurrentEraNotFoundError:
    """The error for no current era, where no datum is valid."""
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


def _note(valid: list[tuple[int, Accepted]]) -> str | None:
    """Notes on several valid datums: which one won, and which disagree with it."""
    if not valid:
        return None
    first, winner = valid[0]
    others = [str(index) for index, verdict in valid[1:] if verdict.verified.markers != winner.verified.markers]
    if not others:
        return None
    listed = f"{', '.join(others[:10])}{', …' if len(others) > 10 else ''}"
    return (
        f"{len(others) + 1} valid datums differ: datum {first} comes first and wins, as for deployed readers; "
        f"datum {listed} differs. A reader of the chain takes into account where each comes from"
    )


@datum.command(example="eraswitch datum decode datum.json")
@click.argument("file", type=click.Path(allow_dash=True))
@json_option
def decode(file: str, *, as_json: bool) -> int:
    """Describe the datums in FILE, whatever they hold.

    FILE (- for standard input) has one datum per line, as JSON or CBOR hex, is the CBOR of one, or is JSON with datums
    in it: outputs as cardano-cli, Blockfrost, Kupo, Ogmios or Koios list them, text envelopes, signed payloads. Nothing
    is verified; junk is described. If FILE holds no datum, the exit code is 1.
    """
    data = read_bytes(file)
    found = find_datums(data)
    if as_json:
        echo_json({"datums": [describe(one, index).to_dict() for index, one in enumerate(found)]})
    else:
        for index, one in enumerate(found if _has_datum(found) else ()):
            click.echo("\n".join(in_words(describe(one, index))))
    if _has_datum(found):
        return 0
    name = "standard input" if file == "-" else file
    why = f": {printable(describe(found[0], 0).problem or '')}" if len(found) == 1 else ""
    click.echo(
        f"Not a datum: {visible(name)} holds {kind_of_file(data) if data.strip() else 'nothing'}{why}", err=as_json
    )
    return 1


def _has_datum(found: Sequence[FoundDatum]) -> bool:
    return any(one.content is not None for one in found)

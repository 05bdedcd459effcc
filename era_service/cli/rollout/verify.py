"""``eraswitch rollout verify``: whether the network recovered after the switch."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import click

from era_service.cli.adoption.options import compatibility_option, from_option, share
from era_service.cli.shared.arguments import read_bytes, read_text
from era_service.cli.shared.commands import argument, command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_result, table_lines
from era_service.cli.shared.release import JsonOptions, NetworkOptions
from era_service.config.schema import Settings
from era_service.releasing.recoveries import ActivitySources, recovery_of
from era_service.releasing.session import open_release
from eras.words import about_ada, counted
from release_tools.forecasting.lottery import chance_words
from release_tools.rollout.before import RecoveryDocument, waits_for
from release_tools.rollout.configurations import PlannedChange, planned_changes
from release_tools.rollout.plan import PlannedRollout
from release_tools.rollout.recovery import Recovery

_MISSING_SHOWN = 20
_NOT_YET = 6


@option_group()
class StandingOptions:
    """The plan of a rollout, and what its standing is read from."""

    plan_file: str = argument(metavar="FILE")
    files: tuple[str, ...] = from_option()
    compatibility_file: Path | None = compatibility_option()


@option_group()
class RecoveryOptions:
    """The source of certificates, and the condition of a recovery."""

    aggregator: str | None = option(
        "--aggregator", metavar="URL", help="Read certificates, and who signed them, from this aggregator."
    )
    certificates_file: str | None = option(
        "--certificates",
        metavar="CSV",
        help="Read certificates from this file, with the columns epoch and certificates; - for standard input.",
    )
    wanted: Fraction = option(
        "--share",
        metavar="SHARE",
        type=share,
        default="90%",
        help="The share of its level before the switch at which the network counts as recovered.",
    )


@command(example="eraswitch rollout verify rollout-pythagoras.toml --network preview")
def verify(
    app: AppContext,
    /,
    *,
    standing: StandingOptions,
    recovery: RecoveryOptions,
    network: NetworkOptions,
    output: JsonOptions,
) -> int:
    """Show whether the network recovered after the switch of the rollout in FILE.

    Compares certificates and participating stake with the three epochs before the switch. Participation comes from an
    aggregator's certificates, otherwise from registrations. The exit code is 0 if the network has recovered, and 6 if
    it has not yet, or the era has not begun. The plan of another network can name the output of --json in its
    [[before]].
    """
    planned, _, found, unknown = verified(app, standing, recovery, network)
    document = RecoveryDocument.of(planned, found) | {"unknown": list(unknown)}
    lines = [*_lines(found), *(f"Not known: {one}" for one in unknown)]
    echo_result(document, lines, as_json=output.as_json)
    return 0 if found.recovered else _NOT_YET


def read_plan(app: AppContext, plan_file: str, network: NetworkOptions) -> tuple[PlannedRollout, Settings]:
    """The plan and the settings; a plan with a mistake is refused before the chain is read."""
    planned = PlannedRollout.from_text(read_text(plan_file), plan_file)
    return planned, network.settings(app)


def networks_waited_for(planned: PlannedRollout, plan_file: str) -> tuple[str, ...]:
    """The networks before this one that a plan still waits for, in words; files are looked for beside the plan.

    Raises:
        ConfigurationError: a document is not what the plan waits for, or cannot be read.
    """

    def read(name: str) -> str | None:
        path = Path(plan_file).parent / name
        return read_text(str(path)) if path.exists() else None

    return waits_for(planned, read)


def planned_changes_of(planned: PlannedRollout, plan_file: str) -> tuple[PlannedChange, ...]:
    """The plan's changes of the protocol configuration; files are looked for beside the plan.

    Raises:
        ConfigurationError, ProtocolConfigurationError: a file cannot be read or used, or does not match the plan.
    """
    return planned_changes(planned, lambda name: read_bytes(str(Path(plan_file).parent / name)))


def verified(
    app: AppContext, standing: StandingOptions, recovery: RecoveryOptions, network: NetworkOptions
) -> tuple[PlannedRollout, Settings, Recovery, tuple[str, ...]]:
    """The plan, the settings, the recovery of the network, and what is unknown about it."""
    aggregator, certificates_file = recovery.aggregator, recovery.certificates_file
    if aggregator is not None and certificates_file is not None:
        raise click.UsageError("Give --aggregator or --certificates, not both.")
    planned, settings = read_plan(app, standing.plan_file, network)
    csv = None if certificates_file is None else (read_text(certificates_file), certificates_file)
    sources = ActivitySources(aggregator, csv, standing.files, standing.compatibility_file)
    with open_release(settings, submits=False) as release:
        found, unknown = recovery_of(release, planned, sources, recovery.wanted)
    return planned, settings, found, unknown


def _lines(found: Recovery) -> Iterator[str]:
    yield f"{found.words}."
    rows: list[tuple[str, ...]] = [("epoch", "certificates", "parties", "stake", "signs", "forecast", "")]
    for one in found.epochs:
        chance = found.chance_in(one.epoch)
        rows.append(
            (
                f"{one.epoch}",
                "-" if one.certificates is None else f"{one.certificates}",
                "-" if one.parties is None else f"{len(one.parties)}",
                "-" if one.stake is None else about_ada(one.stake),
                "-" if one.signing is None else f"{one.signing}",
                "-" if chance is None else chance_words(chance),
                "the switch" if one.epoch == found.at else "so far" if one.epoch == found.current else "",
            )
        )
    yield from table_lines(rows) if found.epochs else ()
    if found.missing:
        count = len(found.missing)
        yield f"Stopped and not back ({counted(count, 'party', 'parties')}):"
        for party, stake in list(found.missing.items())[:_MISSING_SHOWN]:
            yield f"  {party}  {about_ada(stake)}"
        if count > _MISSING_SHOWN:
            yield f"  and {count - _MISSING_SHOWN} more (see --json)"

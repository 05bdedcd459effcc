"""``eraswitch adoption gate``: is enough of the stake ready for an era? Exit code 0 or 6."""

from dataclasses import replace
from fractions import Fraction

import click

from era_service.cli.adoption.options import BaseOptions, ReadinessOptions, TickerOptions, share
from era_service.cli.shared.commands import command, nested, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, printable
from era_service.cli.shared.release import JsonOptions
from era_service.wiring.adoption import (
    adoption_rules,
    compatibility_of,
    configured_gate,
    epoch_or_assumed,
    open_registrations,
)
from eras import Epoch
from release_tools import judge_gate
from release_tools.adoption.gate import GateNotMetError
from release_tools.adoption.parties import named
from release_tools.adoption.shares import Gate


@option_group()
class GateOptions(BaseOptions):
    """The gate."""

    threshold: Fraction | None = option(
        "--threshold",
        type=share,
        metavar="SHARE",
        help="The required share, as 95%; by default adoption.gate_threshold.",
    )
    for_epochs: int | None = option(
        "--for-epochs",
        metavar="N",
        type=click.IntRange(min=1, max=1000),
        help="Consecutive epochs that must have it; by default adoption.gate_for_epochs.",
    )
    epoch: Epoch | None = option("--epoch", help="The last of these epochs; by default the newest that has begun.")
    ignore_rejected: bool = option(
        "--ignore-rejected", help="Leave rejected rows out of the total, whatever their stake."
    )
    pools: TickerOptions = nested(TickerOptions)


@command(example="eraswitch adoption gate pythagoras --threshold 95% --of network")
@click.argument("era")
def gate(app: AppContext, *, era: str, asked: GateOptions, data: ReadinessOptions, output: JsonOptions) -> int:
    """Check whether ERA meets its adoption gate.

    The exit code is 0 if the gate is met, otherwise 6, with a list of what is missing and from whom.
    """
    settings, threshold = data.settings(app), asked.threshold
    if threshold is None:
        configured = configured_gate(settings)
        if configured is None:
            raise click.UsageError("Give --threshold, or set adoption.gate_threshold.")
        threshold = configured.threshold
    rules = replace(adoption_rules(settings), count_rejected=not asked.ignore_rejected)
    with open_registrations(settings, data.files) as repository:
        current, assumed = epoch_or_assumed(settings, repository, asked.epoch)
        result = judge_gate(
            repository,
            era,
            Gate(threshold, asked.base(settings), asked.for_epochs or settings.adoption.gate_for_epochs),
            compatibility_of(settings, data.compatibility_file),
            epoch=asked.epoch,
            current=current,
            rules=rules,
        )
    result = replace(result, whom=named(result.whom, asked.pools.tickers()))
    if output.as_json:
        echo_json(result.document().to_dict() | {"current_epoch": current, "assumed": assumed})
    else:
        click.echo("\n".join(map(printable, (result.words, *result.lacks))))
        if assumed is not None:
            click.echo(f"! {assumed}", err=True)
        for alarm in result.alarms:
            click.echo(f"! {printable(alarm.words)}", err=True)
    return 0 if result.met else GateNotMetError.exit_code

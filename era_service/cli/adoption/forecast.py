"""``eraswitch adoption forecast``: will the network keep its quorum after the switch? And the bare question of a share.

``era_service.cli.command_groups`` has the group that the command stands in.
"""

from contextlib import suppress
from pathlib import Path

import click

from chain_reader.genesis import EpochCalendar
from datum.configuration import EpochConfiguration, read_import, schedule
from era_service.cli.adoption.forecast_view import forecast_chart, forecast_lines
from era_service.cli.adoption.options import QuorumOptions, ReadinessOptions, share, svg_path
from era_service.cli.protocol_configuration import PlaceOptions
from era_service.cli.protocol_configuration import on_chain as configurations_on_chain
from era_service.cli.shared.arguments import CHANCE, naming, read_bytes, read_text
from era_service.cli.shared.commands import OUTPUT, argument, command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, printable, write_file
from era_service.cli.shared.release import JsonOptions
from era_service.config.schema import Settings
from era_service.status.reader import read_status
from era_service.wiring.adoption import (
    adoption_rules,
    compatibility_of,
    configured_gate,
    epoch_or_assumed,
    open_registrations,
)
from era_service.wiring.deciding import known_calendar
from era_service.wiring.quorum import GivenQuorum, given_quorum, quorum_of
from eras import Epoch, EraSwitchError
from eras.words import percent
from release_tools.adoption.gate import GateResult, judge_gate
from release_tools.adoption.shares import needed_share
from release_tools.forecasting.forecast import ForecastOrder
from release_tools.forecasting.forecast import forecast as forecast_switch
from release_tools.forecasting.lottery import chance_words, probability_words
from release_tools.forecasting.lottery_parameters import SourcedQuorum, change_words, quorum_signed_with
from release_tools.forecasting.reliability import read_signatures
from release_tools.forecasting.result import Forecast
from release_tools.forecasting.safety import judge_switch


def any_share(text: str) -> float:
    """The share that ``text`` states, as the type of an option; 0 is allowed."""
    return 0.0 if text.rstrip(" %") in ("0", "0.0") else float(share(text))


@option_group()
class ForecastOptions:
    """The question."""

    era: str | None = argument(required=False)
    at: Epoch | None = option("--at", help="The epoch at which ERA begins.")
    given_share: float | None = option(
        "--share",
        metavar="SHARE",
        type=any_share,
        help="Answer one question only: what if this share of the registered stake signs?",
    )
    probabilities: tuple[float, ...] = option(
        "--probability",
        metavar="P",
        default=(0.999,),
        type=CHANCE,
        help="The required chance of a quorum, or several with --share.",
    )
    epoch: Epoch | None = option("--epoch", help="Use registrations up to this epoch only.")
    reliability: float | None = option(
        "--reliability",
        metavar="SHARE",
        type=any_share,
        help="How much of the ready stake signs; otherwise measured, see --signatures.",
    )
    signatures: str | None = option(
        "--signatures",
        metavar="FILE",
        help="Who signed in past epochs, to measure that by: CSV or JSON lines with epoch and party_id.",
    )
    window_epochs: int = option(
        "--window",
        metavar="EPOCHS",
        default=10,
        type=click.IntRange(1, 1000),
        help="How many epochs of registrations to use.",
    )
    chart: Path | None = option(
        "--chart",
        section=OUTPUT,
        metavar="FILE.svg",
        callback=svg_path,
        help="Also draw a chart: what is ready, the trend, and the chance of a quorum.",
    )


@option_group()
class ForecastQuorumOptions(QuorumOptions):
    """The quorum: by parameters, or by a protocol configuration."""

    configuration_file: str | None = option(
        "--with-configuration",
        metavar="FILE",
        help="Forecast with the protocol configurations in FILE, as for marker configuration publish, before they "
        "hold.",
    )
    on_chain: bool = option(
        "--configuration-on-chain",
        help="Take k, m and phi_f from the protocol configuration on the chain for that epoch, and from nothing else; "
        "where protocol_configuration.enabled is set and none are given, they are taken from there in any case.",
    )


@command(example="eraswitch adoption forecast pythagoras --at 560 --reliability 92%")
def forecast(
    app: AppContext,
    *,
    asked: ForecastOptions,
    quorum_by: ForecastQuorumOptions,
    data: ReadinessOptions,
    output: JsonOptions,
) -> None:
    """Estimate the chance that the network keeps its quorum when ERA begins at an epoch, from how its nodes upgrade.

    In an epoch the stake registered for it counts, which happened two epochs earlier. It still includes nodes that stop
    at the switch, so the danger is right after the switch; later they are gone, and the quorum returns, but with less
    of the whole network behind it. Both are shown, with the epoch in which enough will be ready, and whom to call.

    With --share instead of ERA it answers for that share of the registered stake, without registrations.
    """
    era, at, given = asked.era, asked.at, quorum_by.given
    if (quorum_by.configuration_file is not None or quorum_by.on_chain) and given != GivenQuorum():
        raise click.UsageError(
            "--with-configuration and --configuration-on-chain name the parameters: leave out --k, --m, --phi-f and "
            "--model."
        )
    if quorum_by.configuration_file is not None and quorum_by.on_chain:
        raise click.UsageError("--with-configuration and --configuration-on-chain exclude each other.")
    planned = None if quorum_by.configuration_file is None else _planned(quorum_by.configuration_file, at)
    by_chain = planned is None and given == GivenQuorum() and data.settings(app).protocol_configuration.enabled
    if quorum_by.on_chain or by_chain:
        planned = _published(data.settings(app), at, is_asked=quorum_by.on_chain)
    if asked.given_share is not None:
        if era is not None or at is not None:
            raise click.UsageError("--share cannot be combined with ERA and --at.")
        _answer(app, given, planned, asked, as_json=output.as_json)
        return
    if era is None or at is None:
        raise click.UsageError("Give ERA and --at EPOCH, or --share SHARE.")
    if len(asked.probabilities) > 1:
        raise click.UsageError("--probability can be repeated with --share only.")
    if asked.reliability is not None and asked.signatures is not None:
        raise click.UsageError("--reliability states what --signatures measures: give one of them.")

    settings = data.settings(app)
    table = compatibility_of(settings, data.compatibility_file)
    quorum = planned or quorum_of(settings, given)
    with naming(asked.signatures):
        signed = None if asked.signatures is None else read_signatures(read_text(asked.signatures))
    with open_registrations(settings, data.files) as registrations:
        current, assumed = epoch_or_assumed(settings, registrations, asked.epoch)
        if assumed is not None:
            click.echo(f"! {assumed}", err=True)
        order = ForecastOrder(
            era=era,
            at=at,
            quorum=quorum,
            epoch=asked.epoch,
            current=current,
            probability=asked.probabilities[0],
            lag_epochs=settings.quorum.lag_epochs,
            window_epochs=asked.window_epochs,
            reliability=asked.reliability,
            signatures=signed,
        )
        found = forecast_switch(registrations, order, compatibility=table, rules=adoption_rules(settings))
        gate = configured_gate(settings)
        judged = None
        if gate is not None:
            judged = judge_gate(
                registrations, era, gate, table, epoch=asked.epoch, current=current, rules=adoption_rules(settings)
            )
    calendar = known_calendar(settings)
    if asked.chart is not None:
        write_file(asked.chart, forecast_chart(found, calendar).encode())
    _show(found, judged, calendar, as_json=output.as_json)
    if quorum_by.configuration_file is not None:
        click.echo(f"As planned: {_effect(settings, quorum, at, found)}", err=output.as_json)


def _show(found: Forecast, gate: GateResult | None, calendar: EpochCalendar, *, as_json: bool) -> None:
    if as_json:
        met = None if gate is None else gate.met
        echo_json(
            found.document().to_dict()
            | {"verdict": judge_switch(found, gate).verdict.value, "gate_met": met, "begins_at": calendar.iso(found.at)}
        )
        return
    click.echo("\n".join(forecast_lines(found, gate, calendar)))
    for note in found.notes:
        click.echo(f"Note: {printable(note)}", err=True)


def _planned(file: str, at: Epoch | None) -> SourcedQuorum:
    """The quorum parameters at an epoch by the configurations in a file."""
    with naming(file):
        return _signed_with(read_import(read_bytes(file)), at, file)


def _published(settings: Settings, at: Epoch | None, *, is_asked: bool) -> SourcedQuorum:
    """The quorum parameters at an epoch, or now, by the configurations on the chain.

    Unless it is asked for, what is configured decides where none holds.
    """
    if settings.protocol_configuration.enabled:
        trusted = read_status(settings, None).configuration
        at = at if trusted is None or at is not None else trusted.epoch
        signed_with = Epoch(max(0, (at or 1) - 1))  # the configuration of the epoch before
        if trusted is not None and (is_asked or trusted.configuration_at(signed_with) is not None):
            return _signed_with(trusted.configurations, at, "the chain, as it is trusted")
        if not is_asked:
            return quorum_of(settings)
    found = configurations_on_chain(settings, PlaceOptions(adapter=None))
    epoch = found.epoch if at is None else at
    return _signed_with(found.configurations, epoch, f"the chain, by {found.source}")


def _effect(settings: Settings, planned: SourcedQuorum, at: Epoch, found: Forecast) -> str:
    """The effect of the configurations in a file on the chance of a quorum, in a sentence."""
    before = None
    with suppress(EraSwitchError):  # without it, the sentence has what is planned alone
        before = _published(settings, at, is_asked=False) if settings.protocol_configuration.enabled else None
        before = before or quorum_of(settings)
    was = None if before is None else before.model
    return "; ".join(change_words(was, planned.model, Epoch(at - 1), found.now.share))


def _signed_with(configurations: tuple[EpochConfiguration, ...], at: Epoch | None, where: str) -> SourcedQuorum:
    """The quorum parameters at an epoch; a warning where they change soon after."""
    if at is not None:
        for one in schedule(configurations):
            if at <= one.epoch <= at + 1:  # signed with one epoch later
                click.echo(
                    f"Warning: from epoch {one.epoch + 1} on the network signs with the configuration of epoch "
                    f"{one.epoch}; this forecast uses that of epoch {at - 1}",
                    err=True,
                )
    return quorum_signed_with(configurations, at, where)


def _answer(
    app: AppContext, given: GivenQuorum, planned: SourcedQuorum | None, asked: ForecastOptions, *, as_json: bool
) -> None:
    """Answer for a share alone: parameters that the command line gives in full need no configuration."""
    signing = asked.given_share or 0.0
    quorum = planned or given_quorum(given) or quorum_of(app.settings)
    model = quorum.model
    needed = {f"{probability!r}": model.share_needed(probability) for probability in asked.probabilities}
    if not given.is_complete:
        click.echo(f"With {model.words}, {printable(quorum.source)}", err=True)
    if as_json:
        echo_json({"quorum_probability": model.quorum_probability(signing), "share_needed": needed})
        return
    if given.is_complete:
        click.echo(f"With {model.words}")
    click.echo(
        f"When {percent(signing)} of the registered stake signs, the chance of a quorum is {_odds(quorum, signing)}"
    )
    for probability, least in needed.items():
        takes = "no share of the stake suffices" if least is None else f"{needed_share(least)} must sign"
        click.echo(f"For a {probability_words(float(probability))} chance of a quorum, {takes}")


def _odds(quorum: SourcedQuorum, signing: float) -> str:
    odds = chance_words(quorum.model.quorum_probability(signing))
    failure = quorum.model.failure_probability(signing)
    return f"{odds} (of none: {failure:.2g})" if 0 < failure < 0.01 else odds

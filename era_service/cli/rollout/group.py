"""``eraswitch rollout``: a plan in a file to be reviewed, where it stands, its next step, and the text to send out."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from era_service.cli.rollout.plan import force_name_option, plan
from era_service.cli.rollout.verify import (
    networks_waited_for,
    read_plan,
    recovery_options,
    standing_options,
    verified,
    verify,
)
from era_service.cli.shared.arguments import json_option
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json, printable
from era_service.cli.shared.release_options import (
    dry_run_option,
    journal_option,
    not_a_slip_option,
    payment_key_option,
    purse_options,
    read_text,
    secret_key_option,
    waiting_options,
    yes_option,
)
from eras.visible import visible
from release_tools.forecasting.lottery import chance_words

if TYPE_CHECKING:
    from era_service.config.schema import Settings
    from release_tools.rollout.progress import RolloutStanding

_EXIT_CODES = {"done": 0, "waiting": 6, "blocked": 6}


@click.group(cls=KnownGroup)
def rollout() -> None:
    """Plan a rollout in a file, see where it stands, and take it step by step."""


rollout.add_command(plan)
rollout.add_command(verify)


@rollout.command()
@standing_options
@json_option
@pass_app
def status(app: AppContext, /, *, as_json: bool, **where: Any) -> int:
    """Show where the rollout in FILE stands: the chain, the adoption, the next step, and whom to tell.

    The exit code is 6 while the next step waits for another network that the plan has in [[before]], else 0.
    """
    standing, _ = _standing(app, **where)
    if as_json:
        echo_json(standing.to_dict())
    else:
        click.echo("\n".join(map(printable, _status_lines(standing))))
    return _EXIT_CODES["waiting"] if standing.waits else 0


@rollout.command("next")
@standing_options
@secret_key_option
@click.option("--payload-file", metavar="FILE", help="The payload, signed elsewhere, in place of the era key.")
@payment_key_option
@purse_options
@force_name_option
@not_a_slip_option
@waiting_options
@journal_option
@dry_run_option
@yes_option
@json_option
@pass_app
def next_step(
    app: AppContext,
    /,
    *,
    plan_file: str,
    files: tuple[str, ...],
    compatibility_file: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Do the next step of the rollout in FILE, if its gate holds: what marker announce or marker activate does.

    The exit code is 0 when it is done, or nothing is left to do; 6 when the gate does not hold, the epoch of the step
    has not come, or a network before this one has not recovered; 1 when it is too late, or the chain says something
    else than the plan. Interrupted at any point, the same command goes on.
    """
    from era_service.cli.marker.change import run_change
    from era_service.config.paths import user_state_folder
    from era_service.releasing.rollouts import standing_of, unfinished_change
    from era_service.releasing.session import open_release

    where = {name: options[name] for name in ("provider", "network_magic", "mainnet")}
    planned, settings = read_plan(app, plan_file, **where)
    options |= {"lead_epochs": planned.activate.lead_epochs, "as_json": as_json}
    waits = networks_waited_for(planned, plan_file)
    with open_release(settings, submits=False) as release:
        standing = standing_of(release, planned, files, compatibility_file, waits)
        begun = unfinished_change(release, planned, options["journal"] or user_state_folder() / "publications")
    step = standing.step
    change = begun or (step.change if step.state.value == "due" else None)
    if change is None:
        if as_json:
            echo_json({"status": step.state.value, "standing": standing.to_dict()})
        else:
            click.echo("\n".join(map(printable, _step_lines(standing))))
        return _EXIT_CODES.get(step.state.value, 1)
    run_change(app, change, **options)
    if standing.tell and not options["dry_run"]:
        click.echo(printable(f"Tell: {', '.join(map(str, standing.tell))}"), err=True)
    return 0


@rollout.command()
@standing_options
@click.option(
    "--phase",
    type=click.Choice(("announce", "activate", "completed")),
    help="By default announce, until the era has its epoch; completed is the closing text, once the network recovered.",
)
@recovery_options
@click.option("--template", metavar="FILE", help="A text with $figures, in place of the usual one.")
@pass_app
def announcement(
    app: AppContext,
    /,
    *,
    phase: str | None,
    template: str | None,
    aggregator: str | None,
    certificates_file: str | None,
    wanted: Fraction,
    **where: Any,
) -> int:
    """Print the text that tells operators of a phase of the rollout in FILE, with the figures filled in.

    The closing text is printed once the network has recovered (see rollout verify); until then the exit code is 6.
    """
    from release_tools.rollout.announcement import announcement as announcement_of
    from release_tools.rollout.announcement import closing_text

    custom = None if template is None else read_text(template)
    if phase == "completed":
        planned, settings, found, _ = verified(
            app, aggregator=aggregator, certificates_file=certificates_file, wanted=wanted, **where
        )
        if not found.recovered:
            click.echo(printable(f"{found.words}. Nothing is announced: see eraswitch rollout verify"), err=True)
            return 6
        text = closing_text(planned, found, network=_network_name(settings), template=custom)
    else:
        if aggregator is not None or certificates_file is not None:
            raise click.UsageError("--aggregator and --certificates belong to --phase completed.")
        standing, settings = _standing(app, **where)
        scheduled = standing.marker is not None and standing.marker.epoch is not None
        text = announcement_of(
            standing,
            "activate" if phase == "activate" or (phase is None and scheduled) else "announce",
            network=_network_name(settings),
            lag_epochs=settings.quorum.lag_epochs,
            template=custom,
        )
    click.echo(visible(text, keep="\n"), nl=not text.endswith("\n"))
    return 0


def _network_name(settings: "Settings") -> str:
    return settings.network.name or f"the network with magic {settings.network.magic}"


def _standing(
    app: AppContext, *, plan_file: str, files: tuple[str, ...], compatibility_file: Path | None, **where: Any
) -> "tuple[RolloutStanding, Settings]":
    from era_service.releasing.rollouts import standing_of
    from era_service.releasing.session import open_release

    planned, settings = read_plan(app, plan_file, **where)
    waits = networks_waited_for(planned, plan_file)
    with open_release(settings, submits=False) as release:
        return standing_of(release, planned, files, compatibility_file, waits), settings


def _status_lines(standing: "RolloutStanding") -> list[str]:
    planned, marker, evidence = standing.plan, standing.marker, standing.evidence
    lines = [f"Rollout of {planned.era}, in epoch {standing.epoch}"]
    on_chain = "no marker" if marker is None else "announced" if marker.epoch is None else f"from epoch {marker.epoch}"
    lines.append(f"  on the chain  {on_chain}")
    words = standing.calendar
    lines.append(f"  announce      in {words.epoch(planned.announce.epoch)} or later")
    lines.append(f"  activate      at {words.coming(planned.activate.at)}")
    lines.append(f"  decide by     {words.coming(planned.activate.decide_by)}")
    if standing.step.state.value == "done":
        return [*lines, *_step_lines(standing)]
    if evidence.adoption is not None:
        lines.append(f"  gate          {evidence.adoption.words}")
        lines += [f"                {line}" for line in evidence.adoption.lacks]
        lines += [f"              ! {alarm.words}" for alarm in evidence.adoption.alarms]
    if evidence.forecast is not None:
        danger = evidence.forecast.danger
        chance = chance_words(danger.quorum_probability.value)
        lines.append(f"  quorum        {chance} in epoch {danger.epoch}, with {evidence.forecast.quorum.source}")
        lines += [f"              ! {note}" for note in evidence.forecast.notes]
    lines += [f"  not known     {why}" for why in evidence.unknown]
    return [*lines, *_step_lines(standing)]


def _step_lines(standing: "RolloutStanding") -> list[str]:
    step = standing.step
    lines = [f"Next: {step.words}", *(f"  {line}" for line in step.lacks)]
    if standing.tell:
        lines.append(f"Tell: {', '.join(map(str, standing.tell))}")
    return lines

"""``eraswitch rollout status``, ``next`` and ``announcement``: where a rollout stands, its next step, and its text."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from era_service.cli.marker.change import ChangeOptions, RuleOptions, run_change
from era_service.cli.rollout.verify import (
    RecoveryOptions,
    StandingOptions,
    networks_waited_for,
    planned_changes_of,
    read_plan,
    verified,
)
from era_service.cli.shared.arguments import read_text
from era_service.cli.shared.commands import command, nested, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, echo_lines, printable
from era_service.cli.shared.release import (
    JsonOptions,
    MarkerSourceOptions,
    NetworkOptions,
    PublishingOptions,
    PurseOptions,
    SigningFiles,
    force_name_option,
    not_a_slip_option,
)
from era_service.config.schema import Settings
from era_service.releasing.rollouts import standing_of, unfinished_change
from era_service.releasing.session import Release, open_release
from eras.words import begins, visible
from release_tools.forecasting.lottery import chance_words
from release_tools.rollout.announcement import announcement as announcement_of
from release_tools.rollout.announcement import closing_text
from release_tools.rollout.configurations import StepState
from release_tools.rollout.progress import RolloutStanding

EXIT_CODES = {StepState.DONE: 0, StepState.DUE: 6, StepState.WAITING: 6, StepState.BLOCKED: 6}
"""State of a step → exit code."""


@command(example="eraswitch rollout status rollout-pythagoras.toml --network preview")
def status(app: AppContext, /, *, where: StandingOptions, network: NetworkOptions, output: JsonOptions) -> int:
    """Show the progress of the rollout in FILE: the chain, the adoption, the next step, and whom to inform.

    The exit code is 6 while the next step waits for another network in the plan's [[before]], otherwise 0.
    """
    with opened_standing(app, where, network) as (_, standing):
        if output.as_json:
            echo_json(standing.to_dict())
        else:
            echo_lines(map(printable, _status_lines(standing)))
    return EXIT_CODES[StepState.WAITING] if standing.waits else 0


@contextmanager
def opened_standing(
    app: AppContext, where: StandingOptions, network: NetworkOptions
) -> Iterator[tuple[Release, RolloutStanding]]:
    """The plan of a rollout with its standing, and the open release that it was read by.

    Raises:
        ConfigurationError: the plan or the configuration has a mistake.
        ChainReadError, StoreError: no provider answers.
    """
    planned, settings = read_plan(app, where.plan_file, network)
    changes = planned_changes_of(planned, where.plan_file)
    waits = networks_waited_for(planned, where.plan_file)
    with open_release(settings, submits=False) as release:
        found = standing_of(release, planned, where.files, where.compatibility_file, waits=waits, changes=changes)
        yield release, found


def _status_lines(standing: RolloutStanding) -> list[str]:
    planned, marker, evidence = standing.plan, standing.marker, standing.evidence
    lines = [f"Rollout of {planned.era}, in epoch {standing.epoch}"]
    lines.append(f"  on the chain  {'no marker' if marker is None else begins(marker.epoch)}")
    words = standing.calendar
    lines.append(f"  announce      in {words.epoch(planned.announce.epoch)} or later")
    lines.append(f"  activate      at {words.coming(planned.activate.at)}")
    lines.append(f"  decide by     {words.coming(planned.activate.decide_by)}")
    for one in standing.configurations:
        lines.append(f"  configuration from {words.coming(one.change.epoch)}")
        changes = f"to be changed: {'; '.join(one.differences)}" if one.differences else "on the chain as planned"
        lines.append(f"                {changes}")
        lines += [f"                {part}" for part in one.effect]
    if standing.step.state is StepState.DONE:
        return [*lines, *step_lines(standing)]
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
    return [*lines, *step_lines(standing)]


def step_lines(standing: RolloutStanding) -> list[str]:
    """The lines of the next step, and whom to inform."""
    step = standing.step
    lines = [f"Next: {step.words}", *(f"  {line}" for line in step.lacks)]
    lines += configuration_steps(standing)
    if standing.tell:
        lines.append(f"Inform: {', '.join(map(str, standing.tell))}")
    return lines


def configuration_steps(standing: RolloutStanding) -> list[str]:
    """The next steps of the planned changes of the protocol configuration that are not on the chain yet."""
    return [f"Also: {one.words}" for one in standing.configurations if one.state is not StepState.DONE]


_MOST_URGENT = (0, 6, 1)


@option_group()
class NextOptions:
    """The options of the next step, beside the plan."""

    force_name: bool = force_name_option()
    not_a_slip: bool = not_a_slip_option()
    source: MarkerSourceOptions = nested(MarkerSourceOptions)
    purse: PurseOptions = nested(PurseOptions)


@command("next", example="eraswitch rollout next rollout-pythagoras.toml --network preview --dry-run")
def next_step(
    app: AppContext, /, *, where: StandingOptions, options: NextOptions, publishing: PublishingOptions
) -> int:
    """Do the next step of the rollout in FILE, if its gate is met: what marker announce or marker activate does.

    The exit code is 0 if the step is done, or nothing is left to do; 6 if the gate is not met, the epoch of the step
    has not come, an earlier network has not recovered, or a protocol configuration must be published first (marker
    configuration publish); 1 if it is too late, or the chain differs from the plan. After an interruption the same
    command continues.
    """
    with opened_standing(app, where, publishing.network) as (release, standing):
        begun = unfinished_change(release, standing.plan, publishing.journal.root)
    step = standing.step
    change = begun or (step.change if step.state is StepState.DUE else None)
    if change is None:
        if publishing.output.as_json:
            echo_json({"status": step.state.value, "standing": standing.to_dict()})
        else:
            echo_lines(map(printable, step_lines(standing)))
        states = (step.state, *(one.state for one in standing.configurations))
        return max((EXIT_CODES.get(one, 1) for one in states), key=_MOST_URGENT.index)
    rules = RuleOptions(
        lead_epochs=standing.plan.activate.lead_epochs, force_name=options.force_name, not_a_slip=options.not_a_slip
    )
    files = SigningFiles(payload=None, snapshot=None, expires_epoch=None)
    run_change(
        app,
        change,
        ChangeOptions(rules=rules, source=options.source, files=files, purse=options.purse, publishing=publishing),
    )
    for line in configuration_steps(standing):
        click.echo(printable(line), err=True)
    if standing.tell and not publishing.output.dry_run:
        click.echo(printable(f"Inform: {', '.join(map(str, standing.tell))}"), err=True)
    return 0


@option_group()
class AnnouncementOptions:
    """The text to print."""

    phase: str | None = option(
        "--phase",
        type=click.Choice(("announce", "activate", "completed")),
        help="By default announce, until the era has its epoch; completed is the closing text, once the network "
        "recovered.",
    )
    template: str | None = option(
        "--template", metavar="FILE", help="A text with $figures that replaces the usual one."
    )


@command(example="eraswitch rollout announcement rollout-pythagoras.toml --phase activate")
def announcement(
    app: AppContext,
    /,
    *,
    where: StandingOptions,
    text: AnnouncementOptions,
    recovery: RecoveryOptions,
    network: NetworkOptions,
) -> int:
    """Print the announcement of a phase of the rollout in FILE to operators, with the figures filled in.

    The final text is printed once the network has recovered (see rollout verify); until then the exit code is 6.
    """
    custom = None if text.template is None else read_text(text.template)
    if text.phase == "completed":
        planned, settings, found, _ = verified(app, where, recovery, network)
        if not found.recovered:
            click.echo(printable(f"{found.words}. Nothing is announced: see eraswitch rollout verify FILE"), err=True)
            return 6
        made = closing_text(planned, found, network=_network_name(settings), template=custom)
    else:
        if recovery.aggregator is not None or recovery.certificates_file is not None:
            raise click.UsageError("--aggregator and --certificates belong to --phase completed.")
        with opened_standing(app, where, network) as (release, standing):
            scheduled = standing.marker is not None and standing.marker.epoch is not None
            made = announcement_of(
                standing,
                "activate" if text.phase == "activate" or (text.phase is None and scheduled) else "announce",
                network=_network_name(release.settings),
                lag_epochs=release.settings.quorum.lag_epochs,
                template=custom,
            )
    click.echo(visible(made, keep="\n"), nl=not made.endswith("\n"))
    return 0


def _network_name(settings: Settings) -> str:
    return settings.network.name or f"the network with magic {settings.network.magic}"

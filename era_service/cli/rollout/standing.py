"""``eraswitch rollout status``: where the rollout in a file stands, and its next step."""

import click

from era_service.cli.rollout.verify import StandingOptions, networks_waited_for, planned_changes_of, read_plan
from era_service.cli.shared.commands import SectionedCommand, takes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.output import echo_json, echo_lines, printable
from era_service.cli.shared.release import JsonOptions, NetworkOptions
from era_service.config.schema import Settings
from era_service.releasing.rollouts import standing_of
from era_service.releasing.session import open_release
from release_tools.forecasting.lottery import chance_words
from release_tools.rollout.progress import RolloutStanding

EXIT_CODES = {"done": 0, "due": 6, "waiting": 6, "blocked": 6}
"""State of a step → exit code."""


@click.command(cls=SectionedCommand, example="eraswitch rollout status rollout-pythagoras.toml --network preview")
@takes(where=StandingOptions, network=NetworkOptions, output=JsonOptions)
@pass_app
def status(app: AppContext, /, *, where: StandingOptions, network: NetworkOptions, output: JsonOptions) -> int:
    """Show the progress of the rollout in FILE: the chain, the adoption, the next step, and whom to inform.

    The exit code is 6 while the next step waits for another network in the plan's [[before]], otherwise 0.
    """
    standing, _ = read_standing(app, where, network)
    if output.as_json:
        echo_json(standing.to_dict())
    else:
        echo_lines(map(printable, _status_lines(standing)))
    return EXIT_CODES["waiting"] if standing.waits else 0


def read_standing(app: AppContext, where: StandingOptions, network: NetworkOptions) -> tuple[RolloutStanding, Settings]:
    """Read the plan of a rollout, and its standing from the network; with the settings for that network."""
    planned, settings = read_plan(app, where.plan_file, network)
    changes = planned_changes_of(planned, where.plan_file)
    waits = networks_waited_for(planned, where.plan_file)
    with open_release(settings, submits=False) as release:
        standing = standing_of(release, planned, where.files, where.compatibility_file, waits=waits, changes=changes)
        return standing, settings


def _status_lines(standing: RolloutStanding) -> list[str]:
    planned, marker, evidence = standing.plan, standing.marker, standing.evidence
    lines = [f"Rollout of {planned.era}, in epoch {standing.epoch}"]
    on_chain = "no marker" if marker is None else "announced" if marker.epoch is None else f"from epoch {marker.epoch}"
    lines.append(f"  on the chain  {on_chain}")
    words = standing.calendar
    lines.append(f"  announce      in {words.epoch(planned.announce.epoch)} or later")
    lines.append(f"  activate      at {words.coming(planned.activate.at)}")
    lines.append(f"  decide by     {words.coming(planned.activate.decide_by)}")
    for one in standing.configurations:
        lines.append(f"  configuration from {words.coming(one.change.epoch)}")
        changes = f"to be changed: {'; '.join(one.differences)}" if one.differences else "on the chain as planned"
        lines.append(f"                {changes}")
        lines += [f"                {part}" for part in one.effect]
    if standing.step.state.value == "done":
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
    return [f"Also: {one.words}" for one in standing.configurations if one.state.value != "done"]

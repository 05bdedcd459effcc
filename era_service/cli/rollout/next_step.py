"""``eraswitch rollout next``: do the next step of a rollout, if its gate is met."""

import click

from era_service.cli.marker.change import ChangeOptions, RuleOptions, run_change
from era_service.cli.rollout.standing import EXIT_CODES, configuration_steps, step_lines
from era_service.cli.rollout.verify import StandingOptions, networks_waited_for, planned_changes_of, read_plan
from era_service.cli.shared.commands import SectionedCommand, nested, option_group, takes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.output import echo_json, echo_lines, printable
from era_service.cli.shared.release import (
    MarkerSourceOptions,
    PublishingOptions,
    PurseOptions,
    SigningFiles,
    force_name_option,
    not_a_slip_option,
)
from era_service.releasing.rollouts import standing_of, unfinished_change
from era_service.releasing.session import open_release
from release_tools.rollout.progress import RolloutStanding

_MOST_URGENT = (0, 6, 1)


@option_group()
class NextOptions:
    """The options of the next step, beside the plan."""

    force_name: bool = force_name_option()
    not_a_slip: bool = not_a_slip_option()
    source: MarkerSourceOptions = nested(MarkerSourceOptions)
    purse: PurseOptions = nested(PurseOptions)


@click.command(
    "next", cls=SectionedCommand, example="eraswitch rollout next rollout-pythagoras.toml --network preview --dry-run"
)
@takes(where=StandingOptions, options=NextOptions, publishing=PublishingOptions)
@pass_app
def next_step(
    app: AppContext, /, *, where: StandingOptions, options: NextOptions, publishing: PublishingOptions
) -> int:
    """Do the next step of the rollout in FILE, if its gate is met: what marker announce or marker activate does.

    The exit code is 0 if the step is done, or nothing is left to do; 6 if the gate is not met, the epoch of the step
    has not come, an earlier network has not recovered, or a protocol configuration must be published first (marker
    configuration publish); 1 if it is too late, or the chain differs from the plan. After an interruption the same
    command continues.
    """
    planned, settings = read_plan(app, where.plan_file, publishing.network)
    changes = planned_changes_of(planned, where.plan_file)
    waits = networks_waited_for(planned, where.plan_file)
    with open_release(settings, submits=False) as release:
        standing = standing_of(release, planned, where.files, where.compatibility_file, waits=waits, changes=changes)
        begun = unfinished_change(release, planned, publishing.journal.root)
    step = standing.step
    change = begun or (step.change if step.state.value == "due" else None)
    if change is None:
        if publishing.output.as_json:
            echo_json({"status": step.state.value, "standing": standing.to_dict()})
        else:
            echo_lines(map(printable, step_lines(standing)))
        return max(EXIT_CODES.get(step.state.value, 1), *_configuration_codes(standing), key=_MOST_URGENT.index)
    rules = RuleOptions(
        lead_epochs=planned.activate.lead_epochs, force_name=options.force_name, not_a_slip=options.not_a_slip
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


def _configuration_codes(standing: RolloutStanding) -> list[int]:
    """The exit codes of these steps: rollout next takes none of them itself."""
    return [EXIT_CODES.get(one.state.value, 1) for one in standing.configurations] or [0]

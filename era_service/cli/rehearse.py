"""``eraswitch rehearse``: a rollout with thousands of simulated nodes, reproducible from its seed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from era_service.cli.shared.arguments import NATURAL, POSITIVE
from era_service.cli.shared.commands import OUTPUT, argument, command, option, option_group
from era_service.cli.shared.output import echo_json, echo_result, echo_wrapped, printable, write_file
from era_service.cli.shared.release import JsonOptions
from eras.words import counted, percent
from release_tools.rehearsal import Scenario
from release_tools.rehearsal import rehearse as play
from release_tools.rehearsal.outcome import Outcome
from release_tools.rehearsal.report import COLUMNS, html_report
from release_tools.rehearsal.scenario_files import find_scenario, scenario_toml, shipped_scenarios
from release_tools.rehearsal.shrinking import Shrunk, shrink


@option_group()
class PlayOptions:
    """The scenario."""

    scenario: str | None = argument(required=False)
    list_only: bool = option("--list", help="List the shipped scenarios.")
    seed: int | None = option("--seed", metavar="N", type=NATURAL, help="Use this seed instead of the scenario's.")
    nodes: int | None = option("--nodes", metavar="N", type=POSITIVE, help="The number of nodes.")
    no_shrink: bool = option("--no-shrink", help="Do not look for the shortest story when a rehearsal fails.")


@option_group(OUTPUT)
class ReportOptions(JsonOptions):
    """The output and its files."""

    html: Path | None = option(
        "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file."
    )
    shortest: Path | None = option(
        "--shortest",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the shortest failing story to this file, as a scenario to play again.",
    )


@command(example="eraswitch rehearse pythagoras-mainnet --nodes 500 --html report.html")
def rehearse(*, what: PlayOptions, output: ReportOptions) -> int:
    """Rehearse a rollout with thousands of nodes, by the rules of a real chain.

    SCENARIO is a file (docs/rehearsal.md), or the name of a shipped scenario. Every node runs the production code; the
    same seed gives the same story. The exit code is 1 if a rule is broken or the scenario's expectation is not met; the
    shortest story that fails is then searched for.
    """
    if what.list_only:
        _list(shipped_scenarios(), as_json=output.as_json)
        return 0
    if what.scenario is None:
        raise click.UsageError("Which scenario? Name a file, or one of those that --list lists.")
    if output.shortest is not None and what.no_shrink:
        raise click.UsageError("--shortest and --no-shrink cannot be combined.")
    changes = {key: value for key, value in (("seed", what.seed), ("nodes", what.nodes)) if value is not None}
    chosen = find_scenario(what.scenario).changed(**changes)
    with _progress(chosen, shown=not output.as_json) as progress:
        outcome = play(chosen, progress=progress)
    shrunk = None if outcome.ok or what.no_shrink else shrink(outcome, play)
    if output.html is not None:
        write_file(output.html, html_report(outcome).encode())
    if shrunk is not None and output.shortest is not None:
        write_file(output.shortest, scenario_toml(shrunk.outcome.scenario).encode())
    if output.as_json:
        echo_json(outcome.to_dict() | {"shortest": None if shrunk is None else _shortest(shrunk)})
    else:
        _show(outcome, shrunk)
        shortest = None if shrunk is None else output.shortest
        for name, file in (("Report", output.html), ("The shortest story", shortest)):
            if file is not None:
                click.echo(f"{name}: {file}")
        if shrunk is None and output.shortest is not None:
            click.echo(f"No story fails, so {output.shortest} is not written")
    return 0 if outcome.ok else 1


_COLOURS = {"good": "green", "doubtful": "yellow", "bad": "red"}


@contextmanager
def _progress(scenario: Scenario, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's stderr, with a step for each epoch that was played."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task(f"{scenario.nodes:,} nodes, epochs", total=scenario.epochs)
        yield lambda _epoch: bar.advance(task)


def _list(scenarios: dict[str, Scenario], *, as_json: bool) -> None:
    listed = [{"name": name, "title": one.title, "story": one.story} for name, one in scenarios.items()]
    width = max(map(len, scenarios))
    echo_result(listed, (f"{name:<{width}}  {one.title}" for name, one in scenarios.items()), as_json=as_json)


def _shortest(shrunk: Shrunk) -> dict[str, object]:
    return {
        "trials": shrunk.trials,
        "finished": shrunk.finished,
        "scenario": shrunk.outcome.scenario.model_dump(mode="json", exclude_defaults=True),
        "violations": [asdict(violation) for violation in shrunk.outcome.violations],
    }


def _show(outcome: Outcome, shrunk: Shrunk | None) -> None:
    scenario = outcome.scenario
    click.echo(f"{printable(scenario.title)}: {scenario.nodes:,} nodes, seed {scenario.seed}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("epoch", "era", "in it", "stopped", "ready", "signing", "of network", "quorum"):
        table.add_column(name, justify="left" if name in ("era", "quorum") else "right", no_wrap=True)
    for row in outcome.rows:
        table.add_row(
            f"{row.epoch}",
            printable(row.era),
            f"{row.in_era:,}",
            f"{row.stopped:,}",
            "—" if row.ready is None else percent(row.ready),
            percent(row.signing),
            percent(row.behind),
            "kept" if row.quorum else "MISSED",
        )
    Console().print(table)
    for column in COLUMNS.split(" · "):
        click.echo(f"  {column}")
    click.echo()
    for happening in outcome.happenings:
        echo_wrapped(f"  {happening.at:>7g}  {printable(happening.words)}", indent=11)
    told = ", ".join(f"{one.kind} ({one.nodes:,})" for one in outcome.told)
    echo_wrapped(f"Reported by nodes: {told}", indent=2)
    for checked in outcome.checked:
        click.echo(f"{'met   ' if checked.met else 'MISSED'} {printable(checked.expected)}: {printable(checked.got)}")
    for violation in outcome.violations:
        click.echo(f"BROKEN {violation.rule} at epoch {violation.epoch}: {printable(violation.words)}")
    if not outcome.violations:
        click.echo("No rule was broken: agreement, one-way, verdicts, quorum")
    if shrunk is not None:
        _show_shortest(shrunk)
    verdict = outcome.verdict
    click.secho(f"\n{printable(verdict.headline)}", bold=True, fg=_COLOURS[verdict.grade])
    for reason in verdict.reasons:
        echo_wrapped(f"  {printable(reason)}", indent=4)
    echo_wrapped(f"Next: {printable(verdict.next_step)}", indent=6)


def _show_shortest(shrunk: Shrunk) -> None:
    small = shrunk.outcome.scenario
    more = "" if shrunk.finished else ", and there may be a shorter one"
    click.echo(f"The shortest story that fails in this way, after {shrunk.trials} more rehearsals{more}:")
    click.echo(f"  {counted(small.nodes, 'node')}, {counted(small.epochs, 'epoch')}, seed {small.seed}")
    for happening in shrunk.outcome.happenings:
        click.echo(f"  {happening.at:>7g}  {printable(happening.words)}")
    for violation in shrunk.outcome.violations[:1]:
        click.echo(f"  BROKEN {violation.rule} at epoch {violation.epoch}: {printable(violation.words)}")

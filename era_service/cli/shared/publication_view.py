"""Shows a change of the markers: its plan, its progress, and what nodes see in the end.

In: plans, transactions and progress. Out: lines for people, documents for machines, and a progress bar on a terminal.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from chain_reader.genesis import EpochCalendar
from chain_reader.thread_token import spelled
from chain_reader.trust.verdicts import NOT_REFUSED
from datum.verdicts import OtherKind
from era_service.cli.shared.output import printable
from era_service.config.token_line import token_line
from era_service.intervals import READ_INTERVAL_S
from eras import TransactionError
from eras.words import ada, counted

if TYPE_CHECKING:
    from era_service.releasing.publishing import MarkersOutlook
    from era_service.releasing.session import Release, Sight
    from release_tools.markers.change import RolloutPlan
    from release_tools.publishing.submission import Progress, Watch
    from release_tools.transactions.drafting import DraftedTransaction

GOES_ON = "The same command continues it, or reports that it is done"
_STEPS = {
    "signed": "Signed",
    "journaled": "Written into the journal",
    "submitted": "Submitted",
    "seen": "In a block",
    "confirmed": "Confirmed",
    "read back": "Read back: nodes see it",
    "finished": "Finished",
}
_LINES = _STEPS | {
    "submitted": "Submitted {transaction}",
    "seen": "In a block, {depth} of {confirmations} blocks on top of it",
}
"""The same with what is known of each, where nothing but lines can be shown."""


def plan_lines(plan: "RolloutPlan", release: "Release | None", calendar: EpochCalendar) -> list[str]:
    """The plan in plain words."""
    change = plan.change
    lead = "" if change.epoch is None else f", {counted(change.epoch - plan.epoch, 'epoch')} from now"
    if change.epoch is not None and change.epoch <= plan.epoch:
        lead = ", at once"
    lines = [f"Plan: {printable(str(change))}{lead} (current epoch: {plan.epoch})"]
    if change.epoch is not None and calendar.iso(change.epoch) is not None:
        lines.append(f"  begins      {calendar.coming(change.epoch)}")
    if release is not None:
        network = release.network
        lines.append(f"  network     {release.settings.network.name or 'unnamed'}, magic {network.magic}")
        lines.append(f"  at          {release.policy.address}")
    named = [(printable(one.name), one) for one in plan.differences]
    width = max((len(name) for name, _ in named), default=0)
    for name, one in named:
        mark = " " if one.before == one.after else "+" if one.before is None else "-" if one.after is None else "~"
        lines.append(f"  {mark} {name:<{width}}  {one.words}")
    return lines


def transaction_lines(drafted: "DraftedTransaction") -> list[str]:
    """The transaction in plain words."""
    made = drafted.transaction
    lines = [f"Transaction {made.hash}"]
    for output in drafted.spends:
        carries = [counted(len(output.assets), "token")] if output.assets else []
        carries += ["a datum"] if output.datum or output.datum_hash else []
        extra = f" with {' and '.join(carries)}" if carries else ""
        lines.append(f"  spends      {ada(output.lovelace)}{extra}, {output.reference}")
    if made.marker_lovelace:
        lines.append(f"  marker      {ada(made.marker_lovelace)}")
    if made.thread_token is not None:
        lines.append(f"  token       {'is passed on' if made.minted is None else 'is minted, once and for all'}:")
        lines.append(f"              {spelled(made.thread_token)}")
    lines += [
        f"  fee         {ada(made.fee)}, {made.size} bytes",
        f"  change      {ada(made.change_lovelace)}",
        f"  valid       before slot {made.invalid_hereafter}{_deadline_words(drafted)}",
    ]
    return lines


def _deadline_words(drafted: "DraftedTransaction") -> str:
    deadline = drafted.deadline
    return "" if deadline is None else f", the end of epoch {deadline.epoch}: later would be too little notice"


def transaction_document(drafted: "DraftedTransaction") -> dict[str, object]:
    """The transaction for machines."""
    made = drafted.transaction
    return {
        "transaction": made.hash,
        "spends": [
            {"output": one.reference, "address": one.address, "lovelace": one.lovelace} for one in drafted.spends
        ],
        "fee": made.fee,
        "size": made.size,
        "marker_lovelace": made.marker_lovelace,
        "change_lovelace": made.change_lovelace,
        "invalid_hereafter": made.invalid_hereafter,
        "required_keys": list(made.required_keys),
        "thread_token": None if made.thread_token is None else spelled(made.thread_token),
        "mints_thread_token": made.minted is not None,
    }


def token_lines(unit: str) -> list[str]:
    """The next steps once a thread token is minted: how nodes are configured with it."""
    return [
        "Thread token: once every node has this setting, no other output can mislead one ([trust]):",
        f"  {token_line(spelled(unit))}",
    ]


def warnings_of(outlook: "MarkersOutlook") -> list[str]:
    """Notes for an operator before the confirmation."""
    found = [] if outlook.plan is None else [*outlook.plan.slips, *outlook.plan.warnings]
    found += [] if (drafted := outlook.drafted) is None else drafted.warnings
    if outlook.lost is not None:
        found.append(
            f"An earlier run ({outlook.lost.change}, transaction {outlook.lost.latest.transaction}) was overtaken: "
            "something else spent what it spends. See whether that took it back: eraswitch marker history"
        )
    reading = outlook.reading
    if reading.stale is not None:
        found.append(f"What nodes trust could not be confirmed: {reading.stale}")
    return [*found, *reading.alarms]


def network_document(release: "Release") -> dict[str, object]:
    """The network for machines."""
    return {
        "name": release.settings.network.name,
        "magic": release.network.magic,
        "network_id": release.network.network_id,
        "era_address": release.policy.address,
    }


def learning_line(epoch: int) -> str:
    """The time at which nodes learn of what is published in ``epoch``, in words."""
    return f"Nodes learn of it within {READ_INTERVAL_S / 3_600:.0f} h (watchers) or at epoch {epoch + 1}"


def sight_lines(sight: "Sight") -> list[str]:
    """The nodes' view, in words."""
    if sight["current_era"] is None:
        first = ", ".join(
            f"{printable(one['name'])} from epoch {one['epoch']}" for one in sight["markers"] if one["epoch"]
        )
        return [f"Nodes see no current era in epoch {sight['epoch']}" + (f"; {first}" if first else "")]
    current = f"Nodes see {printable(sight['current_era'])} as the current era in epoch {sight['epoch']}"
    if sight["upcoming_era"] is None:
        return [f"{current}, and none coming"]
    left = sight["epochs_to_upcoming"]
    coming = "announced" if left is None else f"coming in {counted(left, 'epoch')}"
    return [f"{current}, and {printable(sight['upcoming_era'])} {coming}"]


@contextmanager
def progress(*, quiet: bool) -> Iterator["Watch"]:
    """Show the progress of a publication on stderr, a bar on a terminal or lines; and the next step if it is cut.

    A signal that ends the process gets here as an exception, too (``app``).

    Args:
        quiet: whether lines are left out, as with ``--json``.
    """
    seen: list[Progress] = []  # the last progress alone
    told: str | None = None

    def lines(progress: "Progress") -> None:
        nonlocal told
        seen[:] = [progress]
        depth, confirmations = min(progress.depth or 0, progress.confirmations), progress.confirmations
        line = progress.note or _LINES[progress.step.value].format(
            transaction=progress.transaction, depth=depth, confirmations=confirmations
        )
        if line != told and not quiet:
            told = line
            click.echo(f"  {line}", err=True)

    try:
        if sys.stderr.isatty():
            with _bar(seen) as watch:
                yield watch
        else:
            yield lines
    except BaseException as error:
        submitted = [one.transaction for one in seen if one.step.value not in ("signed", "journaled")]
        if submitted and not isinstance(error, TransactionError):  # these errors state it themselves
            click.echo(f"The transaction {submitted[0]} is submitted. {GOES_ON}", err=True)
        elif not isinstance(error, Exception):
            click.echo(GOES_ON, err=True)
        raise


@contextmanager
def _bar(seen: "list[Progress]") -> Iterator["Watch"]:
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.SpinnerColumn(),
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(bar_width=24),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("confirmations"),
        rich_progress.TimeElapsedColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Signing", total=None)

        told: str | None = None

        def watch(progress: "Progress") -> None:
            nonlocal told
            seen[:] = [progress]
            if progress.note is not None and progress.note != told:
                told = progress.note
                bar.console.print(printable(told), highlight=False, markup=False)
            done = min(progress.depth or 0, progress.confirmations)
            bar.update(
                task,
                description=_STEPS[progress.step.value],
                total=max(progress.confirmations, 1),
                completed=done if progress.confirmations else int(progress.depth is not None),
            )

        yield watch


def refused_lines(verdicts: dict[str, int]) -> list[str]:
    """The numbers of refused outputs at the era address, and of those with a payload of another kind."""
    refused = [f"{count} {name}" for name, count in verdicts.items() if name not in NOT_REFUSED]
    lines = [f"Refused       {', '.join(refused)}"] if refused else []
    others = verdicts.get(OtherKind.__name__, 0)
    if others:
        lines.append(f"Other kinds   {counted(others, 'payload')} of another kind: eraswitch marker history")
    return lines

"""``eraswitch events replay`` and ``diff``: whether decisions follow from inputs, and where two nodes parted."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TypedDict

import click

from chain_reader.log.diff import Parting, Side
from chain_reader.log.diff import diff as compare
from chain_reader.log.records import state_facts
from chain_reader.log.replay import Difference, Replay
from chain_reader.node.core import NodeState
from era_service.cli.events.place import Log, event_facts, event_words, opened_log, place_argument
from era_service.cli.shared.arguments import POSITIVE, json_option, store_option
from era_service.cli.shared.commands import command
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_result
from era_store import LogLine, verified
from era_store.records import Facts
from era_store.redaction import redacted
from eras.words import counted


class _Stop(TypedDict):
    break_at: dict[str, object]
    state: Facts | None
    decides: list[dict[str, object]]


@command(example="eraswitch events replay events.jsonl --until 120")
@place_argument
@click.option("--until", type=POSITIVE, metavar="ID", help="Stop after this event.")
@click.option("--break-at", type=POSITIVE, metavar="ID", help="Stop before this event; show the state.")
@store_option
@json_option
def replay(
    app: AppContext, /, *, place: str | None, store: str | None, until: int | None, break_at: int | None, as_json: bool
) -> int:
    """Recompute every decision from the recorded inputs; exit code 1 at the first difference.

    The hashes are checked too. --break-at shows the state before that event, and the decisions it leads to.
    """
    done = Replay()
    with opened_log(app, place, store=store) as log:
        difference, stopped = _replayed(done, log, until, break_at)
        if break_at is not None and stopped is None and difference is None:
            raise click.UsageError(f"there is no event {break_at} in {log.name}")
        document = _document(done, difference, log.name)
        lines = _report(done, difference, log.name, is_cut=stopped is not None)
        if stopped is not None:
            stop = _stop(done, stopped)
            document |= stop
            lines += _stop_lines(stopped, stop)
    echo_result(document, lines, as_json=as_json)
    return 0 if difference is None else 1


def _replayed(
    done: Replay, log: Log, until: int | None, break_at: int | None
) -> tuple[Difference | None, LogLine | None]:
    for line in verified(log.lines(), log.head().base_hash):
        if until is not None and line.event.id > until:
            return None, None  # decisions that are due may come after it
        if break_at is not None and line.event.id >= break_at:
            return None, line
        found = done.feed(line)
        if found is not None:
            return found, None
    return done.end(), None


def _document(done: Replay, difference: Difference | None, name: str) -> dict[str, object]:
    nodes = {
        stream: {"epoch": state.epoch, "era": state.view.era, "status": state.view.status.value, "last_event": last_id}
        for stream, state, last_id in _nodes(done)
    }
    return {
        "log": name,
        "same": difference is None,
        **asdict(done.done),
        "nodes": nodes,
        "difference": None if difference is None else difference.to_dict(),
    }


def _nodes(done: Replay) -> Iterator[tuple[str, NodeState, int]]:
    return ((str(stream), node.state, node.last_id) for stream, node in done.nodes.items() if node.resumed_by is None)


def _stop(done: Replay, line: LogLine) -> _Stop:
    """The state before an event, and the decisions on it."""
    event = line.event
    node = done.nodes.get(event.id if event.stream is None else event.stream)
    before = None if node is None else redacted(state_facts(node.state))
    decisions: list[dict[str, object]] = []
    if node is not None and event.role == "input":
        done.feed(line)
        decisions = [{"kind": due.kind, "epoch": due.epoch, "facts": redacted(due.facts)} for due in node.due]
    return {"break_at": event_facts(event, line.hash), "state": before, "decides": decisions}


def _report(done: Replay, difference: Difference | None, name: str, *, is_cut: bool) -> list[str]:
    count = done.done
    read = f"{counted(count.events, 'event')} up to event {count.last_id}, {counted(count.inputs, 'input')}"
    again = f"{counted(count.decisions, 'decision')} recomputed, {counted(count.snapshots, 'state')} compared"
    lines = [f"{name}: {read}, {again}"]
    for number, words in (
        (count.gaps, "times nothing could be recorded"),
        (count.unreplayable, "inputs before the first snapshot"),
        (count.unexplained, "decisions without a recorded input"),
    ):
        if number:
            lines.append(f"  not replayed: {number} {words}")
    for stream, state, _ in _nodes(done):
        lines.append(f"  node {stream}: epoch {state.epoch}, era {state.view.era}, {state.view.status.value}")
    if difference is not None:
        lines.append(f"DIFFERS at event {difference.event_id} (on input {difference.cause})")
        lines.append(f"  recorded:   {difference.recorded}")
        lines.append(f"  recomputed: {difference.recomputed}")
    elif not is_cut:
        followed = "Every decision" if not count.unexplained else "Every decision with a recorded input"
        lines.append(f"{followed} follows from the inputs")
    return lines


def _stop_lines(stopped: LogLine, stop: _Stop) -> list[str]:
    state = stop["state"] or {}
    return [
        f"Stopped before\n{event_words(stopped.event)}",
        *(f"  {name}: {state[name]}" for name in sorted(state)),
        *(f"  decides: {told['kind']} {told['facts']}" for told in stop["decides"]),
    ]


@command(example="eraswitch events diff events.jsonl eraswitch.sqlite3")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@json_option
def diff(app: AppContext, /, *, first: str, second: str, as_json: bool) -> int:
    """Show where the nodes of two logs, each a file or a store, disagree; exit code 1 if they do."""
    with opened_log(app, first) as one, opened_log(app, second) as other:
        parting = compare(one.lines(), other.lines())
        names = (one.name, other.name)
    echo_result(_parting(parting, names), _parting_words(parting, names), as_json=as_json)
    return 0 if parting.epoch is None else 1


def _parting(parting: Parting, names: tuple[str, str]) -> dict[str, object]:
    return {
        "logs": list(names),
        "same_until": parting.same_until,
        "first_epoch": parting.first_epoch,
        "last_epoch": parting.last_epoch,
        "parted_at": parting.epoch,
        "matter": parting.matter,
        "sides": None if parting.sides is None else [side.to_dict() for side in parting.sides],
        "verdicts": {reference: list(both) for reference, both in parting.verdicts.items()},
    }


def _parting_words(parting: Parting, names: tuple[str, str]) -> list[str]:
    lines = []
    if parting.same_until:
        lines.append(f"One log until event {parting.same_until}")
    if parting.first_epoch is None:
        lines.append("The two logs have no epoch in common")
    elif parting.epoch is None:
        lines.append(
            f"The same eras and schedules at the end of every epoch from {parting.first_epoch} to {parting.last_epoch}"
        )
    else:
        lines.append(f"PARTED at epoch {parting.epoch}, about the {parting.matter}")
        for name, side in zip(names, parting.sides or (), strict=False):
            lines.extend(_side_words(name, side))
    for reference, (left, right) in list(parting.verdicts.items())[:20]:
        lines.append(f"  {reference}: {left} there, {right} here")
    return lines


def _side_words(name: str, side: Side) -> list[str]:
    lines = [f"  {name}: {side.value or 'nothing'}"]
    lines.extend(f"  {event_words(event)}" for event in (side.cause, side.event) if event is not None)
    return lines

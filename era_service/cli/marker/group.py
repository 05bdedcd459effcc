"""``eraswitch marker``: the rollout as commands, what nodes trust now, and what was ever at the era address."""

from typing import TYPE_CHECKING, Any

import click

from era_service.cli.marker.adopt_token import adopt_token
from era_service.cli.marker.change import HELP, change_command
from era_service.cli.marker.configuration import configuration
from era_service.cli.marker.cosign import cosign
from era_service.cli.marker.renew import renew
from era_service.cli.marker.sweep import sweep
from era_service.cli.shared.commands import option, option_group, takes
from era_service.cli.shared.context import AppContext, pass_app
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json, printable
from era_service.cli.shared.publication_view import refused_lines, sight_lines
from era_service.cli.shared.release import JsonOptions, NetworkOptions
from eras import ConfigurationError
from eras.words import counted

if TYPE_CHECKING:
    from chain_reader.calendar import EpochCalendar
    from era_service.config.schema import Settings


@click.group(cls=KnownGroup)
def marker() -> None:
    """Publish era markers, and look at those that are published."""


for _kind in HELP:
    marker.add_command(change_command(_kind))
marker.add_command(configuration)
marker.add_command(adopt_token)
marker.add_command(cosign)
marker.add_command(renew)
marker.add_command(sweep)


@marker.command(example="eraswitch marker show --network preview")
@takes(network=NetworkOptions, output=JsonOptions)
@pass_app
def show(app: AppContext, *, network: NetworkOptions, output: JsonOptions) -> None:
    """Show what nodes trust now, and what deployed Mithril readers could make of it when that differs."""
    from era_service.releasing.session import require_magic
    from era_service.releasing.trusted_snapshot import read_trusted

    settings = network.settings(app)
    require_magic(settings)
    document, calendar = read_trusted(settings)
    if output.as_json:
        dates = {one["name"]: calendar.iso(one["epoch"]) for one in document["markers"]}
        echo_json(document | {"begins_at": dates})
        return
    click.echo("\n".join(_shown(document, calendar)))
    for alarm in document["alarms"]:
        click.echo(f"Warning: {printable(alarm)}", err=True)
    if document["stale"] is not None:
        click.echo(f"Warning: stale: {printable(document['stale'])}", err=True)


def _shown(document: dict[str, Any], calendar: "EpochCalendar") -> list[str]:
    network, trusted = document["network"], document["trusted"]
    lines = [f"At {network['era_address']}, magic {network['magic']}", *sight_lines(document)]
    width = max((len(printable(one["name"])) for one in document["markers"]), default=0)
    for one in document["markers"]:
        begins = "announced" if one["epoch"] is None else f"from {calendar.coming(one['epoch'])}"
        lines.append(f"  {printable(one['name']):<{width}}  {begins}")
    if trusted is None:
        lines.append("Trusted       nothing")
    else:
        slot = "" if trusted["slot"] is None else f" at slot {trusted['slot']}"
        lines.append(f"Trusted       transaction {trusted['transaction']}{slot}")
        lines.append(f"  signed by   {trusted['key']}")
    if document["thread_token"] is not None:
        lines.append(f"Thread token  {document['thread_token']['token']}")
        lines.append(f"  {document['thread_token']['words']}")
    if document["legacy"]["differs"]:
        lines.append(f"Legacy view   {printable(document['legacy']['words'])}")
    return lines + refused_lines(document["verdicts"])


@option_group()
class HistoryOptions:
    """How much of the history is shown, and from where."""

    limit: int = option(
        "--limit",
        metavar="N",
        default=50,
        show_default=True,
        type=click.IntRange(min=1),
        help="Payloads to list at most.",
    )
    verify: bool = option(
        "--verify",
        is_flag=True,
        help="Verify the chain of publications by the transactions in the store; no provider is asked.",
    )


@marker.command(example="eraswitch marker history --limit 10 --network preview")
@takes(shown=HistoryOptions, network=NetworkOptions, output=JsonOptions)
@pass_app
def history(app: AppContext, *, shown: HistoryOptions, network: NetworkOptions, output: JsonOptions) -> int:
    """Show every payload that was ever at the era address: slot, transaction, author, verdict. Newest first.

    What is no payload at all is counted, not listed. It takes an observer that knows history, as Blockfrost does. With
    --verify the exit code is 1 where the chain does not reach back to the first publication, or to the checkpoint.
    """
    from era_service.releasing.marker_history import read_history
    from era_service.releasing.session import open_release

    settings = network.settings(app)
    if shown.verify:
        return _verify(settings, as_json=output.as_json)
    with open_release(settings, submits=False) as release:
        document = read_history(release, shown.limit)
    if output.as_json:
        echo_json(document)
        return 0
    lines: list[str] = []
    for entry in document["payloads"]:
        lines += _entry_lines(entry)
    if document["not_listed"]:
        lines.append(f"and {document['not_listed']} more (see --limit)")
    if document["no_payload"]:
        lines.append(f"and {document['no_payload']} outputs with a datum that is no payload")
    click.echo("\n".join(lines) if lines else "There was never a payload at the era address")
    return 0


def _verify(settings: "Settings", *, as_json: bool) -> int:
    """Show the verified chain of publications; the exit code."""
    from contextlib import closing

    from chain_reader.trust.publications import verify_history
    from era_service.wiring.trust import open_memory, trust_policy

    if settings.store.url is None:
        raise ConfigurationError(
            "There is no store to verify",
            expected="store.url, or ERASWITCH_STORE__URL",
            got="neither",
            next_step="Name the store of a node, or of the release team, that has read the era address",
        )
    with closing(open_memory(settings)) as store:
        found = verify_history(store, trust_policy(settings))
    if as_json:
        echo_json(found.to_dict())
        return 0 if found.broken is None else 1
    for link in found.links:
        click.echo(f"verified  {link.transaction}  {printable(', '.join(map(str, link.markers)))}")
    if found.broken is not None:
        click.echo(f"The chain of publications is not verified: {printable(found.broken)}")
        return 1
    click.echo(f"The chain of {counted(len(found.links), 'publication')} is verified, back to {_end(settings)}")
    return 0


def _end(settings: "Settings") -> str:
    return "the first one" if settings.trust.checkpoint_file is None else "the checkpoint"


def _entry_lines(entry: dict[str, Any]) -> list[str]:
    place = f"slot {entry['slot']}" if entry["slot"] is not None else f"block {entry['height'] or 'unknown'}"
    spent = {True: ", spent", False: "", None: ""}[entry["spent"]]
    listed = ", ".join(
        f"{printable(one['name'])} " + ("announced" if one["epoch"] is None else f"from epoch {one['epoch']}")
        for one in entry["markers"]
    )
    return [
        f"{place}  {entry['output']}{spent}",
        f"  markers  {listed or 'none'}",
        f"  author   {printable(entry['author'])}",
        f"  verdict  {entry['verdict']}: {printable(entry['reason'])}",
    ]

"""``eraswitch marker history``: what was ever at the era address, and the chain of publications, verified."""

from contextlib import closing

import click

from chain_reader.trust.kinds import ERAS
from chain_reader.trust.publications import verify_history
from era_service.cli.shared.arguments import POSITIVE
from era_service.cli.shared.commands import command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_json, echo_lines, printable
from era_service.cli.shared.release import JsonOptions, NetworkOptions
from era_service.config.schema import Settings
from era_service.releasing.marker_history import HistoryEntry, read_history
from era_service.releasing.session import open_release
from era_service.wiring.trust import open_memory, policies
from eras import ConfigurationError
from eras.words import counted
from release_tools.transactions.words import markers_words


@option_group()
class HistoryOptions:
    """The part of the history to show, and its source."""

    limit: int = option("--limit", metavar="N", default=50, type=POSITIVE, help="Payloads to list at most.")
    verify: bool = option(
        "--verify", help="Verify the chain of publications by the transactions in the store; no provider is asked."
    )


@command(example="eraswitch marker history --limit 10 --network preview")
def history(app: AppContext, *, shown: HistoryOptions, network: NetworkOptions, output: JsonOptions) -> int:
    """Show every payload that was ever at the era address: slot, transaction, author, verdict. Newest first.

    Outputs without a payload are counted, not listed. This needs a provider that knows the history of an address, such
    as Blockfrost. With --verify the exit code is 1 if the chain does not reach back to the first publication, or to the
    checkpoint; the chain of protocol configurations is verified, too, where they are read
    (protocol_configuration.enabled).
    """
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
        lines.append(f"and {counted(document['no_payload'], 'output')} with a datum that is not a payload")
    echo_lines(lines or ["There was never a payload at the era address"])
    return 0


def _verify(settings: Settings, *, as_json: bool) -> int:
    """Show the verified chain of publications of each kind that is read; the exit code."""
    if settings.store.url is None:
        raise ConfigurationError(
            "There is no store to verify",
            expected="store.url, or ERASWITCH_STORE__URL",
            got="neither",
            next_step="Name the store of a node, or of the release team, that has read the era address",
        )
    with closing(open_memory(settings)) as store:
        eras, *others = policies(settings)
        known = [(other, store.trust.load(other.key)) for other in others]
        asked = [eras, *(other for other, one in known if one is not None and one.trusted is not None)]  # or none is
        found = [verify_history(store, policy) for policy in asked]
    code = 0 if all(one.broken is None for one in found) else 1
    if as_json:
        echo_json({**found[0].to_dict(), "configurations": found[1].to_dict() if len(found) > 1 else None})
        return code
    for policy, one in zip(asked, found, strict=True):
        of = "" if policy.kind is ERAS else " of configurations"
        for link in one.links:
            click.echo(f"verified  {link.transaction}  {printable(', '.join(map(str, link.markers)))}")
        if one.broken is not None:
            click.echo(f"The chain of publications{of} is not verified: {printable(one.broken)}")
            continue
        end = "the first one" if policy.checkpoint is None else "the checkpoint"
        click.echo(f"The chain of {counted(len(one.links), 'publication')}{of} is verified, back to {end}")
    return code


def _entry_lines(entry: HistoryEntry) -> list[str]:
    place = f"slot {entry['slot']}" if entry["slot"] is not None else f"block {entry['height'] or 'unknown'}"
    spent = {True: ", spent", False: "", None: ""}[entry["spent"]]
    return [
        f"{place}  {entry['output']}{spent}",
        f"  markers  {markers_words(entry['markers'])}",
        f"  author   {printable(entry['author'])}",
        f"  verdict  {entry['verdict']}: {printable(entry['reason'])}",
    ]

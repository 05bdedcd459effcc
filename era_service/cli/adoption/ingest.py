"""``eraswitch adoption ingest``, ``withdraw``, ``rejects``, ``rebuild`` and ``network-stake``: the store and its care.

In: a source (an aggregator's event store or URL, JSON lines, CSV). Out: the result, in words or as JSON.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import click

from chain_reader import BlockfrostObserver
from era_service.cli.adoption.options import StoreOptions
from era_service.cli.shared.arguments import NATURAL, POSITIVE
from era_service.cli.shared.commands import argument, command, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.output import echo_result, printable
from era_service.cli.shared.release import JsonOptions
from era_service.config.schema import Settings
from era_service.ingest_progress import ingest_progress, source_words
from era_service.wiring.adoption import current_epoch_of, open_adoption_store
from era_service.wiring.providers import open_provider, providers_of
from era_store import Withdrawal
from era_store.registrations import StoredReject
from eras import Epoch, EraSwitchError, MarkerError
from eras.words import counted
from release_tools.adoption.network_stake import read_network_stake, require_network_stake
from release_tools.registrations import ingest as ingest_all
from release_tools.registrations import open_source
from release_tools.registrations.ingesting import IngestSummary
from release_tools.registrations.judging import FAR_EPOCH
from release_tools.registrations.opening import SourceKind, kind_of
from release_tools.registrations.withdrawal import withdraw as withdraw_all

_KINDS = ("aggregator", "mithril", "csv", "lines")


@option_group()
class SourceOptions:
    """The source of registrations."""

    source: str | None = argument(required=False)
    file: str | None = option("--from", metavar="FILE", help="The same as SOURCE, for a file.")
    aggregator: str | None = option("--from-aggregator", metavar="URL", help="The same as SOURCE, for an aggregator.")
    kind: SourceKind | None = option("--as", type=click.Choice(_KINDS), help="What SOURCE is; detected by default.")
    epochs: tuple[Epoch, ...] = option(
        "--epoch", help="Ask an aggregator for this epoch; by default for its current one."
    )
    current: Epoch | None = option(
        "--current-epoch",
        help="The current epoch, which decides what is in the future; by default from the clock, on a public network.",
    )
    dry_run: bool = option("--dry-run", help="Read and check everything, but write nothing.")


@command(example="eraswitch adoption ingest monitoring.sqlite3 --store eraswitch.sqlite3")
def ingest(app: AppContext, /, *, what: SourceOptions, data: StoreOptions, output: JsonOptions) -> None:
    """Add the registrations of SOURCE to the store, continuing where the last run stopped.

    SOURCE is the monitoring.sqlite3 of a Mithril aggregator, which may be running; the URL of an aggregator; a file of
    JSON lines or CSV; or - for JSON lines from standard input. Rejected rows are kept with their reason (adoption
    rejects). Running it twice changes nothing.
    """
    text = _one_of(what.source, what.file, what.aggregator)
    kind = what.kind or ("aggregator" if what.aggregator is not None else kind_of(text))
    if what.epochs and kind != "aggregator":
        raise click.UsageError("--epoch is for an aggregator: a file is read whole")
    settings = data.settings(app)
    with open_adoption_store(settings) as opened:
        repository = opened.registrations
        current = what.current if what.current is not None else current_epoch_of(settings)
        magic = settings.network.magic
        opening = open_source(
            text, kind=kind, epochs=what.epochs, current=current, known=repository.newest, network_magic=magic
        )
        with closing(opening) as found, ingest_progress(source_words(found.name), quiet=output.as_json) as progress:
            try:
                summary = ingest_all(found, repository, dry_run=what.dry_run, progress=progress)
            except EraSwitchError as error:
                if not (output.as_json or what.dry_run):
                    click.echo(_kept_words(error.facts.get("ingested", {})), err=True)
                raise
    echo_result(summary.to_dict(), _summary_lines(summary, current, settings), as_json=output.as_json)


@option_group()
class RejectOptions:
    """The rejects to list."""

    source: str | None = option("--source", metavar="NAME", help="Only those of this source.")
    after: int = option("--after", default=0, metavar="ID", type=NATURAL, help="Only those after this one.")
    limit: int = option("--limit", metavar="N", default=50, type=POSITIVE, help="How many to list at most.")


@command(example="eraswitch adoption rejects --limit 10 --store eraswitch.sqlite3")
def rejects(app: AppContext, /, *, which: RejectOptions, data: StoreOptions, output: JsonOptions) -> None:
    """List the rejected rows of all sources with their reasons, oldest first."""
    with open_adoption_store(data.settings(app)) as opened:
        found = opened.registrations.rejects(source=which.source, after=which.after, limit=which.limit)
    document = {"rejects": [_reject_facts(entry) for entry in found]}
    echo_result(document, _reject_lines(found), as_json=output.as_json)


@command(example="eraswitch adoption rebuild --store eraswitch.sqlite3")
def rebuild(app: AppContext, /, *, data: StoreOptions, output: JsonOptions) -> None:
    """Recount the registrations, and correct the summary if it differs, which it never should."""
    epochs = 0

    def tick(_: Epoch) -> None:
        nonlocal epochs
        epochs += 1

    with open_adoption_store(data.settings(app)) as opened:
        wrong = opened.registrations.rebuild(tick)
    words = f"{counted(wrong, 'wrong figure')} of the summary corrected" if wrong else "the summary is correct"
    lines = (f"Recounted {counted(epochs, 'epoch')}: {words}",)
    echo_result({"epochs": epochs, "repaired": wrong}, lines, as_json=output.as_json)


@option_group()
class NetworkStakeOptions:
    """A figure of the stake of the whole network, or where figures come from."""

    epoch: Epoch | None = argument(required=False)
    lovelace: int | None = argument(required=False, type=NATURAL)
    file: str | None = option(
        "--from", metavar="FILE", help="Figures in a file: CSV with the columns epoch and lovelace."
    )
    from_chain: bool = option(
        "--from-chain", help="Ask the configured providers; Blockfrost reports the stake of EPOCH."
    )


@command("network-stake", example="eraswitch adoption network-stake 550 21500000000000000")
def network_stake(app: AppContext, /, *, what: NetworkStakeOptions, data: StoreOptions, output: JsonOptions) -> None:
    """Store the stake of the whole network, LOVELACE, in EPOCH; without LOVELACE show the stored figures."""
    epoch, lovelace, file = what.epoch, what.lovelace, what.file
    if (epoch is None) == (file is None) or (what.from_chain and (epoch is None or lovelace is not None)):
        raise click.UsageError("Name an epoch with its stake, an epoch and --from-chain, or --from FILE")
    settings = data.settings(app)
    figures: dict[Epoch, int] = {}
    if file is not None:
        figures, origin = read_network_stake(file), f"csv:{file}"
    elif epoch is not None and what.from_chain:
        lovelace, origin = _stake_on_chain(settings, epoch)
    else:
        origin = "operator"
    if epoch is not None and lovelace is not None:
        figures = {epoch: require_network_stake(epoch, lovelace)}
    with open_adoption_store(settings) as opened:
        repository = opened.registrations
        for at, stake in figures.items():
            repository.set_network_stake(at, stake, source=origin, time_s=time.time())
        asked = figures if epoch is None else [epoch]
        known = {at: repository.network_stake(at) for at in asked}
    document = {"network_stake": [{"epoch": at, "lovelace": found} for at, found in known.items()]}
    words = {at: "the network's stake is not known" if of is None else f"{of:,} lovelace" for at, of in known.items()}
    echo_result(document, (f"Epoch {at}: {figure}" for at, figure in words.items()), as_json=output.as_json)


def _one_of(source: str | None, file: str | None, aggregator: str | None) -> str:
    named = [text for text in (source, file, aggregator) if text is not None]
    if len(named) != 1:
        raise click.UsageError("Name one source: SOURCE, --from FILE or --from-aggregator URL")
    return named[0]


def _stake_on_chain(settings: Settings, epoch: Epoch) -> tuple[int, str]:
    """The network's stake in an epoch, and its source: the first of the configured providers that knows."""
    asked = []
    for provider in providers_of(settings):
        with closing(open_provider(provider, settings)) as observer:
            if isinstance(observer, BlockfrostObserver):
                asked.append(observer.name)
                found = observer.active_stake(epoch)
                if found is not None:
                    return found, observer.name
    raise MarkerError(
        f"No provider reports the network's stake in epoch {epoch}",
        expected="a Blockfrost provider that knows it",
        got=f"none known to {', '.join(asked)}" if asked else "no Blockfrost provider",
        next_step="Set reader.providers, or name the figure: adoption network-stake EPOCH LOVELACE",
        code="NetworkStake",
    )


def _kept_words(ingested: dict[str, Any]) -> str:
    """The result of a source that could not be read to its end."""
    kept = {name: ingested.get(name, 0) for name in ("accepted", "repeated", "rejected")}
    if not any(kept.values()):
        return "Nothing was added"
    added = counted(kept["accepted"], "registration")
    told = f"{added} added, {kept['repeated']:,} there already, {kept['rejected']:,} rejected"
    return f"Before it ended: {told}. The same command continues from there"


def _summary_lines(summary: IngestSummary, current: Epoch | None, settings: Settings) -> list[str]:
    words = "could be added; nothing was written" if summary.dry_run else "added"
    lines = [
        f"{source_words(summary.source)}: {counted(summary.accepted, 'registration')} {words}",
        *([f"  {summary.repeated:,} were there already"] if summary.repeated else []),
        *(f"  {count:,} rejected: {printable(reason)}" for reason, count in sorted(summary.rejected.items())),
        *(f"  {count:,} counted, but {printable(note)}" for note, count in sorted(summary.notes.items())),
    ]
    if FAR_EPOCH in summary.rejected and current is not None:
        network = settings.network.name or f"the network with magic {settings.network.magic}"
        lines += [
            f"  It is epoch {current} on {printable(network)}. If these belong to another network, name it:",
            "  eraswitch --network NAME adoption ingest …, or give the epoch: --current-epoch N",
        ]
    if summary.rejected and not summary.dry_run:
        lines.append("See what was rejected: eraswitch adoption rejects")
    return lines


def _reject_lines(found: Sequence[StoredReject]) -> Iterator[str]:
    for entry in found:
        yield f"{entry.id}  {entry.source}  {entry.reject.place}: {entry.reject.reason}"
        if entry.reject.content:
            yield f"    {entry.reject.content}"
    if not found:
        yield "Nothing was rejected"


def _reject_facts(entry: StoredReject) -> dict[str, object]:
    reject = {name: getattr(entry.reject, name) for name in ("place", "reason", "content")}
    return {"id": entry.id, "source": entry.source, **reject, "time_s": entry.time_s}


@option_group()
class WithdrawOptions:
    """The registrations to withdraw, and the reason."""

    reason: str = option(
        "--reason", required=True, metavar="WHY", help="The reason; it is kept with each of them and in the event log."
    )
    from_epoch: Epoch = option(
        "--from-epoch",
        default="0",
        help="Only those of this epoch and later.",
        show_default="all",
    )
    signed_too: bool = option("--signed-too", help="Also those that their parties have signed.")
    dry_run: bool = option("--dry-run", help="Report how many they are, but change nothing.")


@command(example='eraswitch adoption withdraw "api 3f2a" --reason "a stolen token" --dry-run')
@click.argument("source")
def withdraw(
    app: AppContext, /, *, source: str, what: WithdrawOptions, data: StoreOptions, output: JsonOptions
) -> None:
    """Withdraw what SOURCE registered, for example with a stolen token.

    SOURCE is "api ID" for what came with the token ID, which is revoked first (token revoke); else the name that
    adoption export shows. Registrations signed by their party stay, whoever delivered them. All others are kept among
    the rejects, each as a line that adoption ingest reads.
    """
    if not what.reason.strip():
        raise click.BadParameter("expected a reason in words", param_hint="--reason")
    withdrawal = Withdrawal(source, what.reason, what.from_epoch, signed_too=what.signed_too, dry_run=what.dry_run)
    with open_adoption_store(data.settings(app)) as opened:
        found = withdraw_all(opened, withdrawal)
    epochs = [{"epoch": epoch, "registrations": count} for epoch, count in sorted(found.items())]
    document = {"source": source, "dry_run": what.dry_run, "withdrawn": sum(found.values()), "epochs": epochs}
    echo_result(document, (_words(withdrawal, found),), as_json=output.as_json)


def _words(withdrawal: Withdrawal, found: Mapping[Epoch, int]) -> str:
    if not found:
        return f"{withdrawal.source}: there is nothing to withdraw"
    them = counted(sum(found.values()), "registration")
    when = f"epoch {min(found)}" if len(found) == 1 else f"epochs {min(found)} to {max(found)}"
    done = "could be withdrawn; nothing was changed" if withdrawal.dry_run else "withdrawn"
    return f"{withdrawal.source}: {them} of {when} {done}"

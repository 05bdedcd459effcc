"""``eraswitch local-chain``: the rehearsal ledger in one file, which each command opens itself, beside a server too."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from decimal import Decimal, DecimalException
from pathlib import Path

import click

from chain_reader.local_chain import Genesis, LocalChain, Output
from chain_reader.local_chain.ledger.model import Block
from era_service.cli.shared.arguments import MAGIC, PORT, POSITIVE, epoch, json_option, path_type
from era_service.cli.shared.commands import argument, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json, echo_result
from eras import ConfigurationError, Epoch
from eras.words import LOVELACE_PER_ADA, ada, counted

UNITS = {"lovelace": 1, "ada": LOVELACE_PER_ADA}
MAX_AMOUNT = 2**63
"""More than any chain has; a number far beyond takes long to write out."""
DEFAULT_PATH = "local-chain.sqlite3"
NEW_CHAIN = Genesis(clock_mode="wall")

file_argument = click.argument("file", type=path_type)


@click.group("local-chain", cls=KnownGroup)
def local_chain() -> None:
    """Run and control a rehearsal chain in one file."""


@option_group()
class ServedChainOptions:
    """The chain that is served, and where."""

    file: Path | None = argument(required=False)
    path: Path | None = option("--path", help="The same as FILE.")
    host: str = option("--host", metavar="ADDRESS", default="127.0.0.1", help="Address to listen on.")
    port: int = option("--port", metavar="PORT", default=0, type=PORT, help="Port to listen on; 0 picks a free one.")

    @property
    def chain(self) -> Path:
        """The file of the chain.

        Raises:
            UsageError: two files are named.
        """
        if self.file is not None and self.path not in (None, self.file):
            raise click.UsageError("FILE and --path name different files.")
        return self.file or self.path or Path(DEFAULT_PATH)


@option_group()
class GenesisOptions:
    """The properties of the chain that are fixed when it is created; by default those of ``NEW_CHAIN``."""

    clock_mode: str | None = option(
        "--clock",
        type=click.Choice(["manual", "wall"]),
        show_default=NEW_CHAIN.clock_mode,
        help="Advance slots with the clock, or by command only.",
    )
    epoch_length: int | None = option(
        "--epoch-length",
        metavar="SLOTS",
        type=POSITIVE,
        show_default=f"{NEW_CHAIN.epoch_length}",
        help="Slots in an epoch.",
    )
    slot_length_s: float | None = option(
        "--slot-length",
        metavar="SECONDS",
        type=float,
        show_default=f"{NEW_CHAIN.slot_length_s:g}",
        help="Seconds in a slot.",
    )
    network_magic: int | None = option(
        "--network-magic",
        metavar="N",
        type=MAGIC,
        show_default=f"{NEW_CHAIN.network_magic}",
        help="Magic of the network.",
    )


@local_chain.command(example="eraswitch local-chain start chain.sqlite3 --clock wall")
@json_option
def start(app: AppContext, /, *, served: ServedChainOptions, genesis: GenesisOptions, as_json: bool) -> None:
    """Serve the chain in FILE, as the providers of public networks do, until Ctrl-C.

    FILE is created if missing; by default it is local-chain.sqlite3. The clock, lengths and magic are fixed when the
    chain is created; if given again, they must be the same. By default an epoch takes 100 s; with --clock manual
    the chain waits for `eraswitch local-chain advance FILE`.

    \b
    Served at the printed address:
      /api/v0/   Blockfrost: health, blocks, epochs with parameters, genesis,
                 network, addresses (total, utxos, utxos of an asset,
                 transactions), assets, txs (utxos, cbor, metadata), tx/submit
      /          Ogmios 6, by websocket and by POST: queryNetwork and
                 queryLedgerState (tip, epoch, utxo, eraSummaries,
                 protocolParameters, …), acquireLedgerState,
                 evaluateTransaction, submitTransaction; /health
      /kupo/     Kupo 2.10 beside that Ogmios: matches by pattern, patterns,
                 checkpoints, datums, scripts, health
      /koios/    Koios: tip, genesis, epoch_params, address_utxos,
                 address_outputs, asset_info, asset_utxos, utxo_info, tx_info,
                 tx_cbor, tx_status, submittx
      /local/    state, advance, fund, rollback; for this machine only
    """  # noqa: D301 - click knows that mark, and no backslash
    from chain_reader.local_chain import LocalChainServer

    app.load()  # for the logs
    path = served.chain
    _create_or_check(path, genesis)

    def announce(server: LocalChainServer) -> None:
        urls = {
            "path": str(path),
            "blockfrost": server.blockfrost_url,
            "ogmios": server.ogmios_url,
            "kupo": f"{server.kupo_url}+{server.ogmios_url}",
            "koios": server.koios_url,
        }
        if as_json:
            echo_json(urls)
        else:
            click.echo(
                f"Local chain {path}\n  Blockfrost API  {urls['blockfrost']}\n  Ogmios          {urls['ogmios']}\n"
                f"  Kupo            {urls['kupo']}\n  Koios           {urls['koios']}"
            )
            click.echo("Ctrl-C stops it")

    LocalChainServer(path, host=served.host, port=served.port).serve_forever(announce)


def _create_or_check(path: Path, genesis: GenesisOptions) -> None:
    """Make the chain if it is missing; an existing one must have been made with the given properties."""
    asked = {name: value for name, value in asdict(genesis).items() if value is not None}
    if not path.exists():
        LocalChain.create(path, genesis=replace(NEW_CHAIN, **asked)).close()
        return
    with LocalChain.open(path) as chain:
        for name, value in asked.items():
            there = getattr(chain.genesis, name)
            if there != value:
                raise ConfigurationError(
                    f"The local chain {path} exists already",
                    code="GenesisMismatch",
                    expected=f"{name} {there}, which it was created with",
                    got=str(value),
                    next_step="Leave the option out, or choose another FILE",
                )


@local_chain.command(example="eraswitch local-chain advance chain.sqlite3 --epochs 2")
@file_argument
@click.option("--slots", metavar="N", type=POSITIVE, help="Move this many slots ahead.")
@click.option("--epochs", metavar="N", type=POSITIVE, help="Move to the first slot this many epochs ahead.")
@click.option("--to-epoch", type=epoch, help="Move to the first slot of this epoch.")
@json_option
def advance(file: Path, slots: int | None, epochs: int | None, to_epoch: Epoch | None, *, as_json: bool) -> None:
    """Advance the chain in FILE, with an empty block at its new slot."""
    if sum(given is not None for given in (slots, epochs, to_epoch)) != 1:
        raise click.UsageError("Give one of --slots, --epochs and --to-epoch.")
    with LocalChain.open(file) as chain:
        if slots is not None:
            block = chain.advance_slots(slots)
        else:
            block = chain.advance_to_epoch(to_epoch if to_epoch is not None else chain.epoch() + (epochs or 0))
    _echo_block(block, as_json=as_json)


@local_chain.command(example="eraswitch local-chain fund chain.sqlite3 addr_test1vz 100000000")
@file_argument
@click.argument("address")
@click.argument("amount", nargs=-1, required=True, metavar="AMOUNT")
@json_option
def fund(file: Path, address: str, amount: tuple[str, ...], *, as_json: bool) -> None:
    """Create AMOUNT at ADDRESS on the chain in FILE: 5000000 lovelace, or "5 ada"."""
    lovelace = parse_amount(" ".join(amount))
    with LocalChain.open(file) as chain:
        output = chain.fund(address, lovelace)
    words = f"{output.transaction}#{output.index}: {ada(lovelace)} at {address}"
    echo_result(_output(output), (words,), as_json=as_json)


def parse_amount(text: str) -> int:
    """An amount in lovelace: a whole number, or a number with ``ada`` or ``lovelace`` after it.

    Raises:
        click.BadParameter: it is not an amount, or not a whole number of lovelace.
    """
    number, factor = text.strip().lower().replace("_", ""), 1
    for unit, worth in UNITS.items():
        if number.endswith(unit):
            number, factor = number.removesuffix(unit).strip(), worth
            break
    try:
        lovelace = Decimal(number) * factor
        whole = 1 <= lovelace <= MAX_AMOUNT and lovelace == lovelace.to_integral_value()
    except DecimalException:
        whole = False
    if not whole:
        raise click.BadParameter(f"expected whole lovelace, or an amount such as '100 ada', got {text[:40]!r}")
    return int(lovelace)


@local_chain.command(example="eraswitch local-chain show chain.sqlite3")
@file_argument
@click.option("--address", metavar="ADDR", help="Also list the unspent outputs there, newest first.")
@click.option("--limit", metavar="N", default=20, show_default=True, type=POSITIVE, help="Outputs to list at most.")
@json_option
def show(file: Path, address: str | None, limit: int, *, as_json: bool) -> None:
    """Show the tip of the chain in FILE, and what is unspent at an address."""
    found: Sequence[Output] = ()
    with LocalChain.open(file) as chain, chain.snapshot():
        tip, slot, genesis = chain.tip(), chain.current_slot(), chain.genesis
        epoch = chain.epoch_of(slot)
        if address is not None:
            found = chain.utxos(address, newest_first=True, limit=limit + 1)
            if not found:
                _require_address(address)
    listed, has_more = found[:limit], len(found) > limit
    if as_json:
        names = ("clock_mode", "network_magic", "network_id", "epoch_length", "slot_length_s", "system_start_s")
        state = {"tip": _block(tip), "slot": slot, "epoch": epoch} | {name: getattr(genesis, name) for name in names}
        outputs = {"outputs": [_output(output) for output in listed], "more_outputs": has_more}
        echo_json(state if address is None else state | outputs)
        return
    click.echo(f"Local chain {file}: epoch {epoch}, slot {slot} ({genesis.clock_mode} clock)")
    click.echo(f"  tip {tip.hash}, block {tip.height} at slot {tip.slot}")
    click.echo(f"  epochs of {genesis.epoch_length} slots of {genesis.slot_length_s} s, magic {genesis.network_magic}")
    for output in listed:
        datum = "" if output.datum is None else f", inline datum of {counted(len(output.datum) // 2, 'byte')}"
        click.echo(f"  {output.transaction}#{output.index}: {ada(output.lovelace)}{datum}")
    if address is not None:
        click.echo("  and more" if has_more else f"  {counted(len(listed), 'unspent output')} in all")


def _require_address(text: str) -> None:
    """Check an address: a misspelt one must not look like one without outputs.

    Raises:
        click.BadParameter: it is not an address.
    """
    from chain_reader.local_chain.ledger.addresses import AddressError, parse_address

    try:
        parse_address(text)
    except AddressError as error:
        raise click.BadParameter(f"expected a payment address, but {error}", param_hint="'--address'") from error


@local_chain.command(example="eraswitch local-chain rollback chain.sqlite3 2")
@file_argument
@click.argument("blocks", type=POSITIVE)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def rollback(file: Path, blocks: int, *, yes: bool, as_json: bool) -> None:
    """Roll back the newest BLOCKS of the chain in FILE, with all their transactions."""
    with LocalChain.open(file) as chain:
        if not yes:
            height = chain.tip().height
            click.confirm(f"Roll back {blocks} of {height} blocks of {file}?", abort=True, err=True)
        block = chain.rollback(blocks)
    _echo_block(block, as_json=as_json)


def _block(block: Block) -> dict[str, object]:
    return {name: getattr(block, name) for name in ("hash", "height", "slot", "epoch", "time_s")}


def _output(output: Output) -> dict[str, object]:
    names = ("transaction", "index", "address", "lovelace", "datum", "slot", "block_height")
    return {name: getattr(output, name) for name in names}


def _echo_block(block: Block, *, as_json: bool) -> None:
    words = f"Now in epoch {block.epoch}, slot {block.slot}, block {block.height}"
    echo_result(_block(block), (words,), as_json=as_json)

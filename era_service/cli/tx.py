"""``eraswitch tx``: the same transaction in three steps, so that keys can stay on a machine without a network.

``tx build`` needs no key, ``tx sign`` no network, ``tx submit`` neither key nor journal: the same bytes are the same
transaction, however often they are submitted.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from chain_reader import is_successor
from chain_reader.providers.gateway import Network
from chain_reader.providers.transport.errors import TransactionRefusedError
from chain_reader.trust.reading import TrustedReading
from chain_reader.trust.state import verified_of
from datum import EraMarkersPayload, VerificationKey, read_extended
from era_service.cli.shared.arguments import read_text
from era_service.cli.shared.commands import OUTPUT, argument, nested, option, option_group
from era_service.cli.shared.context import AppContext
from era_service.cli.shared.files import read_payload, with_witnesses
from era_service.cli.shared.groups import KnownGroup
from era_service.cli.shared.output import echo_json, echo_lines, warn
from era_service.cli.shared.publication_view import (
    learning_line,
    network_document,
    progress,
    sight_lines,
    token_lines,
    transaction_document,
    transaction_lines,
)
from era_service.cli.shared.release import (
    AskingOptions,
    JsonOptions,
    NameOptions,
    NetworkOptions,
    PaymentKeyOptions,
    PurseOptions,
    TransactionFileOptions,
    WaitingOptions,
    lead_option,
    max_fee_option,
    not_a_slip_option,
    output_reference,
)
from era_service.config.schema import Settings
from era_service.releasing.publishing import draft
from era_service.releasing.session import Release, nodes_see, open_release, output_in_force, require_magic
from era_service.releasing.signed_payload import require_payload
from era_service.wiring.trust import EraPlaceNeededError, era_place
from eras import Epoch, MarkerError, TransactionError
from eras.words import counted
from release_tools.markers.change import listed, slip_error
from release_tools.markers.rules import publish_by_epoch, require_notice
from release_tools.markers.slips import slips
from release_tools.publishing.submission import Submission
from release_tools.transactions.owners import TokenMint
from release_tools.transactions.words import transaction_lines as summary_lines

if TYPE_CHECKING:
    from release_tools.transactions.files import CarriedTransaction


@click.group(cls=KnownGroup)
def tx() -> None:
    """Build, sign and submit a marker transaction, on separate machines if needed."""


@option_group()
class BuildOptions:
    """The transaction to build, and the rules that it is checked by."""

    payload_file: str = argument(metavar="PAYLOAD")
    lead_epochs: int = lead_option()
    not_a_slip: bool = not_a_slip_option()
    mint_token: bool = option("--mint-token", help="Mint a thread token with this marker, a network's first (rule T0).")


@tx.command(example="eraswitch tx build payload.json --out transaction.json --network preview")
def build(
    app: AppContext,
    /,
    *,
    what: BuildOptions,
    purse: PurseOptions,
    network: NetworkOptions,
    output: JsonOptions,
    target: TransactionFileOptions,
) -> None:
    """Build the transaction that publishes PAYLOAD, without any key.

    PAYLOAD is the file that --payload-out wrote, a complete co-signing file, or a datum file of cardano-cli. It must be
    signed by the era key, readers that trust what is in force must accept it, and every activation that it makes, moves
    or cancels must still be --lead-epochs ahead: signing may have taken days.
    """
    from release_tools.transactions.files import CarriedTransaction

    settings = network.settings(app)
    content = read_payload(what.payload_file)
    with open_release(settings) as release:
        reading = release.read()
        publish_by = _require_successor(content, release, reading, what.lead_epochs)
        if not what.not_a_slip:
            _require_no_slip(content, release, reading)
        paid = purse.purse()
        paid = replace(paid, address=paid.address or release.policy.address)
        in_force, mint = output_in_force(reading), TokenMint() if what.mint_token else None
        drafted = draft(release, reading, in_force, content, paid, publish_by=publish_by, mint=mint)
    carried = CarriedTransaction.of(drafted.transaction, release.network.magic, drafted.spends)
    target.write(carried)
    warn((*drafted.warnings, *reading.alarms))
    if output.as_json:
        document = transaction_document(drafted)
        echo_json({"network": network_document(release), **document, "file": str(target.out)})
        return
    echo_lines(transaction_lines(drafted))
    click.echo(f"Written to {target.out}. It must be signed by: {drafted.transaction.signers}")


def _require_successor(content: bytes, release: Release, reading: TrustedReading, lead_epochs: int) -> Epoch | None:
    """Check that readers accept a payload after what is in force, and that it gives them enough notice.

    Returns the last epoch in which it may be published; ``None`` where any may be.
    """
    payload = EraMarkersPayload.from_bytes(content)
    require_payload(content, payload.markers, release.policy)
    epoch = release.epoch_of(reading)
    same = set(payload.markers) == set(reading.markers) and not _is_renewal(content, release, reading)
    if same or not is_successor(reading.markers, payload.markers, epoch):
        raise MarkerError(
            "There is nothing to build: the markers are in force already"
            if same
            else "Readers would not accept these markers",
            code="PayloadNotSuccessor",
            expected="markers that change what is in force, and nothing that has happened",
            got=", ".join(str(marker) for marker in payload.markers) or "no marker at all",
            next_step="See what is in force: eraswitch marker show",
        )
    require_notice(reading.markers, payload.markers, epoch, lead_epochs)
    return publish_by_epoch(reading.markers, payload.markers, epoch, lead_epochs)


def _require_no_slip(content: bytes, release: Release, reading: TrustedReading) -> None:
    """Check that nothing new in a payload looks like a slip."""
    new = set(EraMarkersPayload.from_bytes(content).markers) - set(reading.markers)
    names = {marker.name for marker in new} - {marker.name for marker in reading.markers}
    found = slips(
        sorted(names),
        sorted(marker.epoch for marker in new if marker.epoch is not None),
        now=release.epoch_of(reading),
        max_lead_epochs=release.policy.max_lead_epochs,
        supported=release.settings.network.supported_eras,
        in_force=reading.markers,
    )
    if found:
        raise slip_error("to build a transaction with these markers", found)


def _is_renewal(content: bytes, release: Release, reading: TrustedReading) -> bool:
    """Whether a payload has another extension than the one in force, as marker renew writes it."""
    extended = None if release.policy.extension is None else read_extended(content)
    in_force = output_in_force(reading)
    if extended is None or in_force is None:
        return False
    before = read_extended(verified_of(in_force).content)
    return before is None or before.hash != extended.hash


@option_group("Keys")
class WitnessOptions:
    """Signatures made elsewhere."""

    witness_files: tuple[str, ...] = option(
        "--witness",
        metavar="FILE",
        help="Signature made elsewhere, as cardano-cli transaction witness and hardware wallets write it, or the same "
        "transaction as somebody else signed it.",
    )


@option_group("Keys")
class SignKeyOptions(WitnessOptions):
    """The signing keys."""

    payment: PaymentKeyOptions = nested(PaymentKeyOptions)


@option_group()
class CheckOptions:
    """The transaction to sign, and the checks before."""

    file: str = argument()
    change_addresses: tuple[str, ...] = option(
        "--change-address",
        metavar="ADDR",
        help="An address that may receive change, besides the era address and those of the keys.",
    )
    sweep_beside: str | None = option(
        "--sweep-beside",
        metavar="TX#N",
        callback=output_reference,
        help="FILE is of marker sweep, and publishes nothing; this is the marker output in force, which it must not "
        "spend.",
    )
    max_fee: int = max_fee_option()


@option_group(OUTPUT)
class SignedOptions(AskingOptions):
    """The file of the transaction, the question, and the output."""

    file: TransactionFileOptions = nested(TransactionFileOptions)


@tx.command(example="eraswitch tx sign built.json --payment-key-file pay.skey --out signed.json")
def sign(
    app: AppContext, /, *, checks: CheckOptions, keys: SignKeyOptions, network: NameOptions, output: SignedOptions
) -> None:
    """Add signatures to the transaction in FILE, without a network.

    First shows what the transaction does, from its own bytes. Refuses one that publishes no markers, does anything else
    than a marker transaction, or costs too much. Warns of one that pays an address that is not yours, has markers that
    no node would read, or never becomes void, and does not sign it with --yes. --witness adds a signature made by a
    hardware wallet or another tool; then no key is needed, and configured keys sign only what is still missing. With
    several signers each runs this on the previous signer's file.
    """
    from release_tools.transactions.files import CarriedTransaction
    from release_tools.transactions.signing_checks import Signer, require_no_doubt, signing_doubts

    settings = network.settings(app)
    carried = CarriedTransaction.parse(read_text(checks.file), checks.file)
    network_id = _require_network(carried, settings)
    signed = with_witnesses(carried, keys.witness_files)
    ready = bool(keys.witness_files) and signed.is_signed and not keys.payment.payment_key_files
    signers = () if ready else keys.payment.payment_keys(settings)  # no passphrase is asked for in vain
    era_address, key = _era_place(settings)
    _show(carried, key, as_json=output.as_json)
    doubts = signing_doubts(
        carried,
        Signer(network_id, {one.key_hash for one in signers}, checks.change_addresses, era_address, key),
        max_fee=checks.max_fee,
        sweep_beside=checks.sweep_beside,
    )
    warn(doubts)
    if not keys.witness_files or keys.payment.payment_key_files:
        signed = signed.sign(signers)
    elif wanted := [one for one in signers if one.key_hash in signed.missing_keys]:
        signed = signed.sign(wanted)
    if not output.dry_run:
        if output.yes:
            require_no_doubt(doubts)
        else:
            click.confirm("Sign this?", abort=True, err=True)
        output.file.write(signed)
    out = output.file.out
    if output.as_json:
        echo_json({**signed.summary(key), "doubts": list(doubts), "file": None if output.dry_run else str(out)})
        return
    done = "Nothing was written: this was a dry run" if output.dry_run else f"Signed, and written to {out}"
    missing = f". Still missing: {signed.missing}" if signed.missing else ""
    click.echo(f"{done}{missing}")


@tx.command(example="eraswitch tx submit signed.json --network preview")
@click.argument("file")
def submit(
    app: AppContext,
    /,
    *,
    file: str,
    witnesses: WitnessOptions,
    waiting: WaitingOptions,
    network: NetworkOptions,
    output: AskingOptions,
) -> None:
    """Submit the signed transaction in FILE, wait for confirmations, and report what nodes see.

    A transaction already on the chain is not submitted again.
    """
    from release_tools.transactions.files import CarriedTransaction

    settings = network.settings(app)
    carried = with_witnesses(CarriedTransaction.parse(read_text(file), file), witnesses.witness_files)
    signed = carried.to_signed()
    with open_release(settings) as release:
        carried.require_network(release.network.magic, release.network.network_id)
        known = release.gateway.transaction_depth(signed.hash)
        _show(carried, release.policy.keys[0], as_json=output.as_json)
        depth = known
        if not output.dry_run:
            if known is None and not output.yes:
                click.confirm("Submit this?", abort=True, err=True)
            depth = _submit(
                release, carried, waiting.waiting(settings), known=known is not None, as_json=output.as_json
            )
        _conclude_submit(release, carried, output, known=known, depth=depth)


def _submit(release: Release, carried: "CarriedTransaction", waiting: Any, *, known: bool, as_json: bool) -> int:
    signed = carried.to_signed()
    with progress(quiet=as_json) as watch:
        submission = Submission(release.gateway, waiting, watch)
        if not known:
            try:
                submission.submit(signed, first=True)
            except TransactionRefusedError as refusal:
                _require_unspent(release, carried, refusal)
                raise
        return submission.confirm(signed, carried.summary()["invalid_hereafter"])


def _require_unspent(release: Release, carried: "CarriedTransaction", refusal: Exception) -> None:
    """Check that the inputs of a refused transaction are unspent, where its file names their addresses.

    Raises:
        TransactionError: an input is spent: somebody else published meanwhile.
    """
    spends = () if carried.facts is None else carried.facts.spends
    unspent = {
        output.reference
        for address in {address for _, address, _ in spends}
        for output in release.gateway.spendable_outputs(address)
    }
    gone = [reference for reference, _, _ in spends if reference not in unspent]
    if not gone:
        return
    reading = release.read()
    raise TransactionError(
        f"What the transaction {carried.hash} spends is spent already, so it can no longer be included",
        expected=f"{gone[0]}, unspent",
        got=f"the markers {listed(reading.markers)} in force",
        next_step="See whether it is wanted: eraswitch marker show; then build it again: eraswitch tx build PAYLOAD",
        transaction=carried.hash,
        spent=gone,
        code="Overtaken",
    ) from refusal


def _conclude_submit(
    release: Release, carried: "CarriedTransaction", output: AskingOptions, *, known: int | None, depth: int | None
) -> None:
    transaction = carried.hash
    publishes = any(output["markers"] is not None for output in carried.summary()["outputs"])
    reading = release.read()
    sight = nodes_see(reading.markers, release.epoch_of(reading), release.settings)
    trusted = reading.provenance is not None and reading.provenance.transaction == transaction
    if known is not None:
        words = f"It is on the chain already, {counted(known, 'block')} deep"
    else:
        words = "Nothing was done: this was a dry run" if output.dry_run else f"Done: transaction {transaction}"
    if output.as_json:
        echo_json(
            {
                "transaction": transaction,
                "already_there": known is not None,
                "depth": depth,
                "trusted": trusted,
                "nodes_see": sight,
            }
        )
    else:
        minted = [] if output.dry_run else [line for unit, _ in carried.minted for line in token_lines(unit)]
        echo_lines([words, *minted, learning_line(sight["epoch"]), *sight_lines(sight)])
    if depth is not None and publishes and not trusted:
        click.echo("Warning: nodes do not trust what this transaction published: eraswitch marker history", err=True)


# --- what the three share


def _require_network(carried: "CarriedTransaction", settings: Settings) -> int:
    network = Network.of(require_magic(settings))
    carried.require_network(network.magic, network.network_id)
    return network.network_id


def _era_place(settings: Settings) -> tuple[str | None, VerificationKey | None]:
    """The era address, and the era key that markers should be signed with, where they are configured."""
    try:
        return era_place(settings)
    except EraPlaceNeededError:
        return None, None


def _show(carried: "CarriedTransaction", key: VerificationKey | None, *, as_json: bool) -> None:
    """Describes a transaction in words; on stderr where a document goes to stdout."""
    echo_lines(summary_lines(carried.summary(key)), err=as_json)

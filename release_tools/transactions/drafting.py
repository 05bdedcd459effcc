"""From the chain to a built marker transaction: what it spends, what it replaces, and what to know about it.

In: a gateway, the datum, and the output whose markers are in force. Out: the unsigned transaction, the outputs that it
spends, and warnings. Building itself is pure (``transactions``); here is what has to be asked first:

1. The network of the gateway is the one that the operator named. An address of another one is refused.
2. The marker output that readers trust is unspent, as the gateway has it; else gateway and reader look at different
   chains, or at different moments, and nothing is built.
3. Where nothing is trusted, the gateway shows no marker at the era address either that the reader has not judged.
4. It spends something at the era address (rule T2), or comes from an address that may announce the first marker.
5. It is void as soon as it would give less notice than it should: however late it is submitted, or by whom, the ledger
   itself then refuses it.
6. Its fee is at most what the operator allows, whatever protocol parameters a provider reports.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from chain_reader.providers.gateway import Network, SpendableOutput, TransactionGateway
from datum import ERA, Accepted, MarkerKind, VerificationKey, screen
from datum.verdicts import OtherKind
from eras import ChainReadError, ConfigurationError, Epoch, Slot, TransactionError
from release_tools.transactions.addresses import EraAddress
from release_tools.transactions.balancing import DEFAULT_VALIDITY_SLOTS, LedgerContext, UnsignedTransaction, token_bytes
from release_tools.transactions.building import Funding, build_marker_transaction
from release_tools.transactions.scripts import TokenMint

HARDWARE_WALLET_DATUM_BYTES = 1_024
"""From this size of an inline datum on, a Ledger hardware wallet restarts while it shows the transaction."""

MAX_FEE_LOVELACE = 2_000_000
"""Twice the fee of the largest transaction that the public networks take."""

MAX_SWEPT = 100
"""Old markers that one transaction takes along; more would not fit into it."""

MAX_SWEPT_TOKEN_BYTES = 4_900
"""Bytes of the tokens that swept outputs bring along; the ledger takes 5,000 for all that an output holds. Without this
whoever posts copies could load them with tokens, so that no transaction which sweeps them is taken."""


class MarkerOutputMissingError(ChainReadError):
    """The provider does not show the marker output that readers trust, or shows one that they have not seen."""

    http_status = 409


@dataclass(frozen=True, slots=True)
class PublicationDeadline:
    """Until when a transaction may come into the chain, so that what it publishes gives the notice that it should.

    Attributes:
        epoch: the last epoch in which it may.
        slot: the first slot of the next one.
    """

    epoch: Epoch
    slot: Slot


@dataclass(frozen=True, slots=True)
class DraftedTransaction:
    """A transaction that is ready to be signed.

    Attributes:
        transaction: the transaction.
        spends: the outputs that it spends.
        network: the network that it is for.
        warnings: what an operator should know.
        deadline: why it is void earlier than the operator's number of slots; ``None`` where it is not.
    """

    transaction: UnsignedTransaction
    spends: tuple[SpendableOutput, ...]
    network: Network
    warnings: tuple[str, ...]
    deadline: PublicationDeadline | None = None


@dataclass(frozen=True, slots=True)
class MarkerThread:
    """The markers of one kind at one address, as their readers are configured.

    Attributes:
        network: the network, as ``require_network`` gave it.
        era: where readers look.
        keys: the era keys that readers believe.
        kind: of the markers; those of other kinds are left alone.
        token: the token that readers are configured with, policy id and asset name in hex.
    """

    network: Network
    era: EraAddress
    keys: tuple[VerificationKey, ...]
    kind: MarkerKind = ERA
    token: str | None = None


@dataclass(frozen=True, slots=True)
class ReadersView:
    """The view that readers have of the era address.

    Attributes:
        in_force: reference of the output whose markers are trusted; ``None`` where none are.
        judged: references of the outputs that they have judged; for a sweep, of which none can come into force.
    """

    in_force: str | None
    judged: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Purse:
    """The paying outputs, what else is spent, and the bounds that an operator sets.

    Attributes:
        address: where the outputs that pay are, and the change goes.
        spend: references of outputs to spend whatever they carry.
        sweep: whether older markers at the era address are spent, too.
        announcers: addresses from which the first marker may come.
        validity_slots: slots after which the transaction is void.
        max_fee: the most that it may cost, in lovelace.
        anchor: an output that must be spent, whatever else is.
        deadline: until when the transaction may come into the chain.
    """

    address: str
    spend: tuple[str, ...] = ()
    sweep: bool = False
    announcers: tuple[str, ...] = ()
    validity_slots: int = DEFAULT_VALIDITY_SLOTS
    max_fee: int = MAX_FEE_LOVELACE
    anchor: SpendableOutput | None = None
    deadline: PublicationDeadline | None = None


def require_network(gateway: TransactionGateway, magic: int) -> Network:
    """The network of the gateway, which is the one with this magic.

    Raises:
        ConfigurationError: it is another one.
        ChainReadError: the gateway could not be reached.
    """
    network = gateway.network()
    if network.magic != magic:
        raise ConfigurationError(
            f"{gateway.name} is on another network",
            expected=f"network magic {magic}",
            got=f"{network.magic}",
            next_step="Name the provider of this network, or correct --network",
            code="WrongNetwork",
        )
    return network


def draft_transaction(
    gateway: TransactionGateway,
    datum: bytes,
    thread: MarkerThread,
    view: ReadersView,
    purse: Purse,
    *,
    mint: TokenMint | None = None,
) -> DraftedTransaction:
    """Build the transaction that publishes ``datum``.

    Args:
        gateway: the chain.
        datum: the inline datum, CBOR.
        thread: where it is published.
        view: what readers have judged there.
        purse: what pays.
        mint: the order to mint a thread token, in place of the one that readers are configured with.

    Raises:
        MarkerOutputMissingError: see rules 2 and 3.
        TransactionError: the thread token is elsewhere, or there is one already.
        TransactionError: see rule 4.
        TransactionError: see rule 5.
        TransactionError: see rule 6.
        TransactionError, ChainReadError: it cannot be built, or the chain could not be reached.
    """
    era_address = thread.era.text
    at_era, at_purse = outputs_at(gateway, era_address, purse.address)
    anchor = [] if purse.anchor is None else [purse.anchor]
    known = {output.reference: output for output in (*at_era, *at_purse, *anchor)}
    markers = signed_outputs(at_era, thread.keys, thread.kind)
    previous = _previous(known, markers, view, gateway.name)
    named = [named_output(reference, known, gateway.name) for reference in purse.spend]
    others = [output for output in markers if output not in (previous, *anchor, *named)]
    swept: list[SpendableOutput] = []
    if purse.sweep:
        others.sort(key=lambda output: len(output.assets))
        swept = taken_along(others, [*named, *anchor])
    spend = [*anchor, *named, *swept]
    if previous is None and purse.address not in (era_address, *purse.announcers):
        spend += sorted((output for output in at_era if output.is_plain), key=lambda output: output.lovelace)[:1]
    context = LedgerContext.read(gateway, thread.network, purse.validity_slots)
    if purse.deadline is not None:
        left = _slots_left(purse.deadline, context.slot, gateway.name)
        context = replace(context, validity_slots=min(context.validity_slots, left))
    funding = Funding(
        purse.address,
        at_purse,
        [output for output in spend if previous is None or output.reference != previous.reference],
    )
    build = partial(
        build_marker_transaction,
        datum,
        thread.era,
        context=context,
        previous=previous,
        thread_token=mint or thread.token,
    )
    transaction = build(funding)
    if {known[reference].address for reference in transaction.inputs} == {era_address}:
        # Nothing of the purse is spent, so nothing goes there.
        transaction = build(replace(funding, change_address=era_address))
    if not transaction.spends_era_address and (previous is not None or purse.address not in purse.announcers):
        raise TransactionError(
            "Readers would not trust the transaction",
            expected=f"an output of ada alone at the era address {era_address}, to spend as the proof of its owner",
            got="none",
            next_step="Send 1 ada or more to the era address first",
            code="UnprovenTransaction",
        )
    require_modest_fee(transaction, purse.max_fee, gateway.name)
    return DraftedTransaction(
        transaction,
        tuple(known[reference] for reference in transaction.inputs),
        thread.network,
        tuple(_warnings(datum, len(others) - len(swept), swept=purse.sweep)),
        purse.deadline if context.validity_slots < purse.validity_slots else None,
    )


def outputs_at(
    gateway: TransactionGateway, era_address: str, purse_address: str
) -> tuple[Sequence[SpendableOutput], Sequence[SpendableOutput]]:
    """The unspent outputs at the era address, and at the paying address.

    Raises:
        ChainReadError: the gateway could not be reached.
    """
    at_era = gateway.spendable_outputs(era_address)
    return at_era, at_era if purse_address == era_address else gateway.spendable_outputs(purse_address)


def taken_along(outputs: Sequence[SpendableOutput], beside: Sequence[SpendableOutput]) -> list[SpendableOutput]:
    """Those of ``outputs`` that one transaction can take along with what it spends ``beside`` them, the first first."""
    taken: list[SpendableOutput] = []
    for output in outputs:
        if len(taken) == MAX_SWEPT:
            break
        fits = not output.assets or token_bytes([*beside, *taken, output]) <= MAX_SWEPT_TOKEN_BYTES
        if fits and not output.reference_script:
            taken.append(output)
    return taken


def _slots_left(deadline: PublicationDeadline, slot: Slot, gateway: str) -> int:
    if slot >= deadline.slot:
        raise TransactionError(
            "It is too late to publish this with the required notice",
            code="TooLateToPublish",
            expected=f"a tip in epoch {deadline.epoch}, before slot {deadline.slot}",
            got=f"slot {slot}, by {gateway}",
            next_step="Run the same command again; it makes a new plan for the current epoch",
        )
    return deadline.slot - slot


def require_modest_fee(transaction: UnsignedTransaction, most: int, gateway: str) -> None:
    """Check the fee of a transaction (rule 6).

    Raises:
        TransactionError: it is more than the operator allows.
    """
    if transaction.fee > most:
        raise TransactionError(
            "The transaction would cost too much",
            expected=f"a fee of at most {most} lovelace",
            got=f"{transaction.fee}, by the protocol parameters of {gateway}",
            next_step="Compare them with another provider's; --max-fee allows more",
            fee=transaction.fee,
            most=most,
            code="FeeTooHigh",
        )


def signed_outputs(
    outputs: Sequence[SpendableOutput], keys: Sequence[VerificationKey], kind: MarkerKind = ERA
) -> list[SpendableOutput]:
    """Those that carry a payload of a kind which one of the keys signed.

    A payload without any marker belongs to every kind, and is taken for one of era markers.
    """
    candidates = [output for output in outputs if output.datum is not None]
    verdicts = screen([output.datum or "" for output in candidates], keys, kind=kind)
    return [
        output
        for output, verdict in zip(candidates, verdicts, strict=True)
        if isinstance(verdict, Accepted) and (kind is ERA or verdict.verified.markers)
    ]


def of_other_kinds(outputs: Sequence[SpendableOutput]) -> frozenset[str]:
    """References of those that carry a payload of another kind than era markers, whoever signed it."""
    verdicts = screen([output.datum or "" for output in outputs], ())
    found = zip(outputs, verdicts, strict=True)
    return frozenset(output.reference for output, verdict in found if isinstance(verdict, OtherKind))


def require_in_force(reference: str, known: Mapping[str, SpendableOutput], gateway: str) -> SpendableOutput:
    """The marker output that readers trust, as the gateway has it (rule 2).

    Raises:
        MarkerOutputMissingError: it has no such output.
    """
    if reference not in known:
        raise MarkerOutputMissingError(
            f"{gateway} does not show the marker output that readers trust",
            expected=f"{reference}, unspent",
            got="no such output at the era address",
            next_step="Wait for the next block, then try again; or use another provider",
            output=reference,
        )
    return known[reference]


def _previous(
    known: Mapping[str, SpendableOutput],
    markers: Sequence[SpendableOutput],
    view: ReadersView,
    gateway: str,
) -> SpendableOutput | None:
    if view.in_force is not None:
        return require_in_force(view.in_force, known, gateway)
    unseen = [output.reference for output in markers if output.reference not in view.judged]
    if unseen:
        raise MarkerOutputMissingError(
            f"{gateway} shows markers that the reader has not seen",
            expected="no signed marker at the era address, since readers trust none",
            got=", ".join(unseen[:3]),
            next_step="Wait for the next block, then try again; or use another provider",
        )
    return None


def named_output(reference: str, known: Mapping[str, SpendableOutput], gateway: str) -> SpendableOutput:
    """An output that the operator names.

    Raises:
        TransactionError: there is no such output.
    """
    if reference not in known:
        raise TransactionError(
            f"The output {reference[:80]} cannot be spent",
            expected=f"an unspent output at the era address or the paying address, by {gateway}",
            got="no such output",
            next_step="Correct --spend",
        )
    return known[reference]


def _warnings(datum: bytes, left: int, *, swept: bool) -> Iterable[str]:
    if len(datum) >= HARDWARE_WALLET_DATUM_BYTES:
        yield (
            f"The datum has {len(datum)} bytes: from {HARDWARE_WALLET_DATUM_BYTES} on, a Ledger hardware wallet "
            "restarts while it signs. Sign with a key file"
        )
    if left:
        markers = "marker output stays" if left == 1 else "marker outputs stay"
        again = "the next change that sweeps spends more of them" if swept else "--sweep spends them, too"
        yield (
            f"{left} other signed {markers} at the era address, and readers without rules of trust may take one of "
            f"them for the newest; {again}"
        )

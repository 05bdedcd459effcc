"""Drafts a marker transaction from the state of the chain: chooses its inputs, builds it, and checks it.

In: a gateway, the datum, and the output whose markers are in force. Out: the unsigned transaction, the outputs that it
spends, and warnings. Building itself is pure (``building``). The checks:

1. The gateway is on the network that the operator named. An address of another network is refused.
2. The gateway shows the marker output that readers trust as unspent; otherwise gateway and reader see different chains
   or different moments, and nothing is built.
3. Where readers trust no marker, the gateway shows no signed marker that the reader has not judged.
4. The transaction spends an output at the era address (rule T2), or pays from an address that may announce the first
   marker.
5. The transaction becomes void before it would give too little notice, so that the ledger refuses it however late, and
   by whomever, it is submitted.
6. The fee is at most what the operator allows, whatever protocol parameters a provider reports.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from chain_reader import ScreenedOutput
from chain_reader.providers.gateway import Network, SpendableOutput, TransactionGateway
from chain_reader.trust.verdicts import signed_markers
from datum import ERA, Accepted, MarkerKind, VerificationKey, screen
from datum.verdicts import Malformed, OtherKind, Unusable, WrongSigner
from eras import ChainReadError, ConfigurationError, Epoch, Slot, TransactionError
from release_tools.transactions.balancing import DEFAULT_VALIDITY_SLOTS, LedgerContext, UnsignedTransaction, token_bytes
from release_tools.transactions.building import Funding, build_marker_transaction
from release_tools.transactions.owners import EraAddress, TokenMint

HARDWARE_WALLET_DATUM_BYTES = 1_024
"""A Ledger hardware wallet restarts while it shows a transaction with an inline datum of this size or more."""

MAX_FEE_LOVELACE = 2_000_000
"""Twice the fee of the largest transaction on the public networks."""

MAX_SWEPT = 100
"""Outputs that one transaction sweeps at most; more would not fit into it."""

MAX_SWEPT_TOKEN_BYTES = 4_900
"""Bytes of the tokens in swept outputs at most. The ledger accepts 5,000 in one output, and strangers could load the
copies that they post with so many tokens that no transaction could sweep them."""

_UNSIGNED = (WrongSigner, Malformed, OtherKind, Unusable)
"""The verdicts of screening on what no key signed, or no reader can use; those on an extension leave both open."""


class MarkerOutputMissingError(ChainReadError):
    """The provider does not show the marker output that readers trust, or shows one that they have not judged."""

    http_status = 409


@dataclass(frozen=True, slots=True)
class PublicationDeadline:
    """The time until which a publication gives the required notice.

    Attributes:
        epoch: the last epoch in which the transaction may be in a block.
        slot: the first slot after this epoch.
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
        warnings: notes for the operator.
        deadline: why it becomes void before the operator's number of slots; ``None`` if it does not.
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
        network: the network, as ``require_network`` returned it.
        era: the era address.
        keys: the era keys that readers trust.
        kind: the kind of marker; others are left alone.
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
        in_force: reference of the output whose markers are trusted; ``None`` if none are.
        judged: references of the outputs that they have judged, and whether one of the keys signed each; ``None`` where
            their verdict does not show it. For a sweep, only of those that can never come into force.
    """

    in_force: str | None
    judged: Mapping[str, bool | None] = field(default_factory=dict)

    @classmethod
    def of(cls, in_force: str | None, screened: Iterable[ScreenedOutput], kind: MarkerKind = ERA) -> "ReadersView":
        """Return the view of readers of markers of a kind who have ``screened`` these outputs."""
        judged: dict[str, bool | None] = {}
        for one in screened:
            signed = signed_markers(one.verdict)
            if signed is not None:
                judged[one.output.reference] = kind is ERA or bool(signed.markers)
            else:
                judged[one.output.reference] = False if isinstance(one.verdict, _UNSIGNED) else None
        return cls(in_force, judged)


@dataclass(frozen=True, slots=True)
class Purse:
    """The operator's choice of inputs, and limits for the transaction.

    Attributes:
        address: holds the outputs that pay, and receives the change.
        spend: references of outputs to spend in any case.
        sweep: whether older markers at the era address are spent as well.
        announcers: addresses that may publish the first marker.
        validity_slots: slots after which the transaction is void.
        max_fee: the highest fee, in lovelace.
        anchor: an output that must be among the inputs.
        deadline: the time after which the publication would give too little notice.
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
    """Return the network of the gateway, and check its magic (rule 1).

    Raises:
        ConfigurationError: it is another network.
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
        thread: the markers that it belongs to.
        view: what readers have judged there.
        purse: the inputs and limits.
        mint: the order to mint a thread token, in place of the one that readers are configured with.

    Raises:
        MarkerOutputMissingError: rule 2 or 3 is broken.
        TransactionError: the thread token is elsewhere, or one exists already.
        TransactionError: rule 4, 5 or 6 is broken.
        TransactionError, ChainReadError: it cannot be built, or the gateway could not be reached.
    """
    era_address = thread.era.text
    at_era, at_purse = outputs_at(gateway, era_address, purse.address)
    anchor = [] if purse.anchor is None else [purse.anchor]
    known = {output.reference: output for output in (*at_era, *at_purse, *anchor)}
    markers = signed_outputs(at_era, thread, view)
    previous = _previous(known, markers, view, gateway.name)
    named = [named_output(reference, known, gateway.name) for reference in purse.spend]
    others = [output for output in markers if output not in (previous, *anchor, *named)]
    swept: list[SpendableOutput] = []
    if purse.sweep:
        others.sort(key=lambda output: len(output.assets))
        swept = fitting(others, [*named, *anchor])
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
    spent_at = {known[reference].address for reference in transaction.inputs}
    if purse.address != era_address and spent_at == {era_address}:
        # Nothing at the paying address is spent, so it gets no change.
        transaction = build(replace(funding, change_address=era_address))
    if not transaction.spends_era_address and (previous is not None or purse.address not in purse.announcers):
        raise TransactionError(
            "Readers would not trust the transaction",
            expected=f"an output of ada alone at the era address {era_address}, to spend as the proof of its owner",
            got="none",
            next_step="Send 1 ada or more to the era address first",
            code="UnprovenTransaction",
        )
    require_fee_at_most(transaction.fee, purse.max_fee, gateway.name)
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
    """Return the unspent outputs at the era address and at the paying address.

    Raises:
        ChainReadError: the gateway could not be reached.
    """
    at_era = gateway.spendable_outputs(era_address)
    return at_era, at_era if purse_address == era_address else gateway.spendable_outputs(purse_address)


def fitting(outputs: Sequence[SpendableOutput], beside: Sequence[SpendableOutput]) -> list[SpendableOutput]:
    """Return the first of ``outputs`` that one transaction can sweep in addition to those that it already spends."""
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


def require_fee_at_most(fee: int, most: int, gateway: str | None = None) -> None:
    """Check the fee of a transaction (rule 6); ``gateway`` names the provider of its parameters, where it is known.

    Raises:
        TransactionError: it is higher than the operator allows.
    """
    if fee > most:
        raise TransactionError(
            "The transaction would cost too much",
            expected=f"a fee of at most {most} lovelace",
            got=f"{fee}" if gateway is None else f"{fee}, by the protocol parameters of {gateway}",
            next_step="Build it again with another provider's protocol parameters; --max-fee allows more"
            if gateway is None
            else "Compare them with another provider's; --max-fee allows more",
            fee=fee,
            most=most,
            code="FeeTooHigh",
        )


def signed_outputs(
    outputs: Sequence[SpendableOutput], thread: MarkerThread, view: ReadersView
) -> list[SpendableOutput]:
    """Return the outputs with a payload of this thread's kind that one of its keys signed.

    Only those of which the verdict of readers does not show it are screened. A payload without markers fits every kind,
    and counts as one of era markers.
    """
    news = [output for output in outputs if output.datum is not None and view.judged.get(output.reference) is None]
    verdicts = screen([output.datum or "" for output in news], thread.keys, kind=thread.kind) if news else ()
    signed = {
        output.reference
        for output, verdict in zip(news, verdicts, strict=True)
        if isinstance(verdict, Accepted) and (thread.kind is ERA or verdict.verified.markers)
    }
    return [output for output in outputs if view.judged.get(output.reference) or output.reference in signed]


def outputs_of_other_kinds(outputs: Sequence[SpendableOutput]) -> frozenset[str]:
    """Return the references of outputs with a payload of another kind than era markers, whoever signed it."""
    verdicts = screen([output.datum or "" for output in outputs], ())
    found = zip(outputs, verdicts, strict=True)
    return frozenset(output.reference for output, verdict in found if isinstance(verdict, OtherKind))


def require_in_force(reference: str, known: Mapping[str, SpendableOutput], gateway: str) -> SpendableOutput:
    """Return the marker output that readers trust (rule 2).

    Raises:
        MarkerOutputMissingError: the gateway has no such output.
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
    known: Mapping[str, SpendableOutput], markers: Sequence[SpendableOutput], view: ReadersView, gateway: str
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
    """Return an output that the operator named.

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

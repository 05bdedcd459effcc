"""From the chain to a built marker transaction: what it spends, what it replaces, and what to know about it.

In: a gateway, the datum, and the output whose markers are in force. Out: the unsigned transaction, the outputs that it
spends, and warnings. Building itself is pure (``transactions``); here is what has to be asked first:

1. The network of the gateway is the one that the operator named. An address of another one is refused.
2. The marker output that readers trust is unspent, as the gateway has it; else gateway and reader look at different
   chains, or at different moments, and nothing is built.
3. Where nothing is trusted, the gateway shows no marker at the era address either that the reader has not judged.
4. It spends something at the era address (rule T2), or comes from an address that may announce the first marker.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from datum import Accepted, VerificationKey, screen
from eras import ChainReadError, ConfigurationError, TransactionError
from release_tools.balancing import UnsignedTransaction
from release_tools.gateway import Network, SpendableOutput, TransactionGateway
from release_tools.transactions import DEFAULT_VALIDITY_SLOTS, build_marker_transaction

HARDWARE_WALLET_DATUM_BYTES = 1_024
"""From this size of an inline datum on, a Ledger hardware wallet restarts while it shows the transaction."""

MAX_SWEPT = 100
"""Old markers that one transaction takes along; more would not fit into it."""


class WrongNetworkError(ConfigurationError):
    """A provider, or an address, is of another network than the one that was named."""


class MarkerOutputMissingError(ChainReadError):
    """The provider does not show the marker output that readers trust, or shows one that they have not seen."""

    http_status = 409


class UnprovenTransactionError(TransactionError):
    """A transaction spends nothing at the era address, so readers would not believe it."""


@dataclass(frozen=True, slots=True)
class DraftedTransaction:
    """A transaction that is ready to be signed.

    Attributes:
        transaction: the transaction.
        spends: the outputs that it spends.
        network: the network that it is for.
        warnings: what an operator should know.
    """

    transaction: UnsignedTransaction
    spends: tuple[SpendableOutput, ...]
    network: Network
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Purse:
    """What pays, and what else is spent.

    Attributes:
        address: where the outputs that pay are, and the change goes.
        spend: references of outputs to spend whatever they carry.
        sweep: whether older markers at the era address are spent, too.
        announcers: addresses from which the first marker may come.
        validity_slots: slots after which the transaction is void.
    """

    address: str
    spend: tuple[str, ...] = ()
    sweep: bool = False
    announcers: tuple[str, ...] = ()
    validity_slots: int = DEFAULT_VALIDITY_SLOTS


def require_network(gateway: TransactionGateway, magic: int) -> Network:
    """The network of the gateway, which is the one with this magic.

    Raises:
        WrongNetworkError: it is another one.
        ChainReadError: the gateway could not be asked.
    """
    network = gateway.network()
    if network.magic != magic:
        raise WrongNetworkError(
            f"{gateway.name} is of another network",
            expected=f"network magic {magic}",
            got=f"{network.magic}",
            next_step="Name the provider of this network, or correct --network",
        )
    return network


def draft_transaction(
    gateway: TransactionGateway,
    datum: bytes,
    *,
    network: Network,
    era_address: str,
    key: VerificationKey,
    in_force: str | None,
    judged: Collection[str],
    purse: Purse,
    anchor: SpendableOutput | None = None,
) -> DraftedTransaction:
    """Build the transaction that publishes ``datum``.

    Args:
        gateway: the chain.
        datum: the inline datum, CBOR.
        network: as ``require_network`` gave it.
        era_address: where readers look.
        key: the era key that markers are signed with.
        in_force: reference of the output whose markers are trusted; ``None`` where none are.
        judged: references of all outputs that the reader has judged.
        purse: what pays.
        anchor: an output that must be spent, whatever else is.

    Raises:
        MarkerOutputMissingError: see rules 2 and 3.
        UnprovenTransactionError: see rule 4.
        TransactionError, ChainReadError: it cannot be built, or the chain could not be asked.
    """
    at_era = gateway.spendable_outputs(era_address)
    at_purse = at_era if purse.address == era_address else gateway.spendable_outputs(purse.address)
    known = {output.reference: output for output in (*at_era, *at_purse, *([] if anchor is None else [anchor]))}
    markers = _signed(at_era, key)
    previous = _previous(known, markers, in_force, judged, gateway.name)
    named = [_named(reference, known, gateway.name) for reference in purse.spend]
    swept = [output for output in markers if output not in (previous, *named) and not output.reference_script]
    also = [*([] if anchor is None else [anchor]), *named, *(swept[:MAX_SWEPT] if purse.sweep else [])]
    if previous is None and purse.address not in (era_address, *purse.announcers):
        also += sorted((output for output in at_era if output.is_plain), key=lambda output: output.lovelace)[:1]
    build = partial(
        build_marker_transaction,
        datum,
        era_address=era_address,
        payer_outputs=at_purse,
        parameters=gateway.protocol_parameters(),
        network_id=network.network_id,
        slot=gateway.tip_slot(),
        previous=previous,
        also_spend=[output for output in also if previous is None or output.reference != previous.reference],
        validity_slots=purse.validity_slots,
    )
    transaction = build(change_address=purse.address)
    if {known[reference].address for reference in transaction.inputs} == {era_address}:
        transaction = build(change_address=era_address)  # nothing of the purse is spent, so nothing goes there
    if not transaction.spends_era_address and (previous is not None or purse.address not in purse.announcers):
        raise UnprovenTransactionError(
            "Readers would not believe the transaction",
            expected=f"an output of ada alone at the era address {era_address}, to spend as the proof of its owner",
            got="none",
            next_step="Send 1 ada or more to the era address first",
        )
    left = len(swept) - min(len(swept), MAX_SWEPT) if purse.sweep else len(swept)
    return DraftedTransaction(
        transaction,
        tuple(known[reference] for reference in transaction.inputs),
        network,
        tuple(_warnings(datum, left, swept=purse.sweep)),
    )


def _signed(outputs: Sequence[SpendableOutput], key: VerificationKey) -> list[SpendableOutput]:
    """Those that carry a payload which the era key signed."""
    candidates = [output for output in outputs if output.datum is not None]
    verdicts = screen([output.datum or "" for output in candidates], key)
    return [output for output, verdict in zip(candidates, verdicts, strict=True) if isinstance(verdict, Accepted)]


def _previous(
    known: dict[str, SpendableOutput],
    markers: Sequence[SpendableOutput],
    in_force: str | None,
    judged: Collection[str],
    gateway: str,
) -> SpendableOutput | None:
    if in_force is not None:
        if in_force not in known:
            raise MarkerOutputMissingError(
                f"{gateway} does not show the marker output that readers trust",
                expected=f"{in_force}, unspent",
                got="no such output at the era address",
                next_step="Wait for the next block, then try again; or ask another provider",
                output=in_force,
            )
        return known[in_force]
    unseen = [output.reference for output in markers if output.reference not in judged]
    if unseen:
        raise MarkerOutputMissingError(
            f"{gateway} shows markers that the reader has not seen",
            expected="no signed marker at the era address, since readers trust none",
            got=", ".join(unseen[:3]),
            next_step="Wait for the next block, then try again; or ask another provider",
        )
    return None


def _named(reference: str, known: dict[str, SpendableOutput], gateway: str) -> SpendableOutput:
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
        again = "run it again to spend them, too" if swept else "--sweep spends them, too"
        yield (
            f"{left} other signed {markers} at the era address, and readers without rules of trust may take one of "
            f"them for the newest; {again}"
        )

"""Clearing the era address: what strangers put there goes back to the payer, and the markers stay as they are.

In: a gateway, the output whose markers are in force, and what readers have judged. Out: the unsigned transaction, the
outputs that it spends, and warnings. Every output with an inline datum is swept, for each is one that readers have to
look at: copies and old markers first, then what is no marker at all, the richest first. What is not:

1. The marker output in force, and the one that holds the thread token. Without them nodes that start now would find
   no markers.
2. A signed one that readers have not judged, or that is not deep enough: it may be the next one in force. Nor what the
   caller spares.
3. Ada alone, tokens alone, and what carries the hash of a datum only: readers do not look at them. ``--spend`` names
   those that are swept all the same.
4. What carries a reference script, since the fee would depend on the script.
5. What one transaction cannot take along; the next sweep does.
6. A payload of another kind of marker, which is a thread of its own. ``--spend`` names one that is swept all the same.
"""

from collections.abc import Collection, Iterator

from chain_reader.providers.gateway import TransactionGateway
from eras import TransactionError
from release_tools.transactions.balancing import LedgerContext
from release_tools.transactions.building import Funding, build_sweep_transaction
from release_tools.transactions.drafting import (
    DraftedTransaction,
    MarkerThread,
    Purse,
    ReadersView,
    named_output,
    of_other_kinds,
    outputs_at,
    require_in_force,
    require_modest_fee,
    signed_outputs,
    taken_along,
)


def draft_sweep(
    gateway: TransactionGateway,
    thread: MarkerThread,
    view: ReadersView,
    purse: Purse,
    spared: Collection[str] = (),
) -> DraftedTransaction | None:
    """Build the transaction that clears the era address; ``None`` where there is nothing to sweep.

    Args:
        gateway: the chain.
        thread: the markers that stay.
        view: what readers have judged there, with the output that is in force.
        purse: what pays where what is swept does not, and where all of it goes.
        spared: references of outputs that are left alone.

    Raises:
        ValueError: ``view`` has no output in force.
        MarkerOutputMissingError: the gateway does not show the output in force.
        TransactionError: ``purse.spend`` names it, or one that may come in force.
        TransactionError: it would cost too much.
        TransactionError, ChainReadError: it cannot be built, or the chain could not be reached.
    """
    if view.in_force is None:
        raise ValueError("a sweep needs the output that is in force")
    at_era, at_purse = outputs_at(gateway, thread.era.text, purse.address)
    known = {output.reference: output for output in (*at_era, *at_purse)}
    require_in_force(view.in_force, {output.reference: output for output in at_era}, gateway.name)
    with_datum = [output for output in at_era if output.datum is not None]
    signed = frozenset(output.reference for output in signed_outputs(with_datum, thread.keys))
    holders = {output.reference for output in at_era if thread.token in dict(output.assets)}
    untouchable = {view.in_force, *holders, *(signed - frozenset(view.judged))}
    named = {reference: named_output(reference, known, gateway.name) for reference in purse.spend}
    for reference in untouchable.intersection(named):
        raise TransactionError(
            "A marker output that is in force, or may come into force, is not swept",
            code="MarkerInForce",
            expected="other outputs",
            got=f"{reference} by --spend",
            next_step="Leave it out: a change of the markers spends the one in force, and puts another in its place",
        )
    others = of_other_kinds(with_datum) - named.keys()
    excepted = {*untouchable, *named, *spared, *others}
    strays = [output for output in with_datum if output.reference not in excepted]
    order = [output for output in strays if not output.reference_script]
    order.sort(key=lambda output: (output.reference not in signed, len(output.assets), -output.lovelace))
    swept = [*named.values(), *taken_along(order, [*named.values()])]
    if not swept:
        return None
    context = LedgerContext.read(gateway, thread.network, purse.validity_slots)
    transaction = build_sweep_transaction(thread.era, Funding(purse.address, at_purse, swept), context)
    require_modest_fee(transaction, purse.max_fee, gateway.name)
    return DraftedTransaction(
        transaction,
        tuple(known[reference] for reference in transaction.inputs),
        thread.network,
        tuple(
            _warnings(
                len(order) + len(named) - len(swept),
                len(untouchable - {view.in_force, *spared}),
                len(strays) - len(order),
                len(others),
            )
        ),
    )


def _warnings(later: int, left_alone: int, with_script: int, others: int) -> Iterator[str]:
    if later:
        yield f"{_outputs(later)} more than this transaction can take along: run it again when it is done"
    if left_alone:
        yield f"{_outputs(left_alone)} with signed markers, of which readers may yet come to trust one: left alone"
    if with_script:
        yield f"{_outputs(with_script)} with a reference script, on which the fee would depend: left alone"
    if others:
        yield f"{_outputs(others)} with markers of another kind: left alone, unless --spend names them"


def _outputs(count: int) -> str:
    return f"{count} output{'' if count == 1 else 's'}"

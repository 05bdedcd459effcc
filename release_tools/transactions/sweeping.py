"""Sweeps the era address: the outputs that strangers put there go to the payer, and the markers stay in force.

In: a gateway, the output whose markers are in force, and what readers have judged. Out: the unsigned transaction, the
outputs that it spends, and warnings. Every output with an inline datum is swept, because readers have to look at it:
copies and old markers first, then all others, richest first. Outputs that are left alone:

1. The marker output in force, and the one that holds the thread token. Without them nodes that start now would find
   no markers.
2. Signed outputs that readers have not judged, or that are not deep enough, since they may come into force next; and
   those that the caller spares.
3. Outputs without an inline datum, which readers ignore. ``--spend`` sweeps one of them.
4. Outputs with a reference script, since the fee would depend on the script.
5. Outputs that do not fit into this transaction; the next sweep spends them.
6. Payloads of another kind of marker, which are a thread of their own. ``--spend`` sweeps one of them.
"""

from collections.abc import Collection, Iterator

from chain_reader.providers.gateway import TransactionGateway
from eras import TransactionError
from eras.words import counted
from release_tools.transactions.balancing import LedgerContext
from release_tools.transactions.building import Funding, build_sweep_transaction
from release_tools.transactions.drafting import (
    DraftedTransaction,
    MarkerThread,
    Purse,
    ReadersView,
    fitting,
    named_output,
    outputs_at,
    outputs_of_other_kinds,
    require_fee_at_most,
    require_in_force,
    signed_outputs,
)


def draft_sweep(
    gateway: TransactionGateway, thread: MarkerThread, view: ReadersView, purse: Purse, spared: Collection[str] = ()
) -> DraftedTransaction | None:
    """Build the transaction that clears the era address; ``None`` where there is nothing to sweep.

    Args:
        gateway: the chain.
        thread: the markers that stay in force.
        view: what readers have judged there; ``in_force`` is required.
        purse: pays if the swept outputs do not cover the fee, and receives the change.
        spared: references of outputs to leave alone.

    Raises:
        ValueError: ``view`` has no output in force.
        MarkerOutputMissingError: the gateway does not show the output in force.
        TransactionError: ``purse.spend`` names it, or one that may come into force; or the fee is too high.
        TransactionError, ChainReadError: it cannot be built, or the gateway could not be reached.
    """
    if view.in_force is None:
        raise ValueError("a sweep needs the output that is in force")
    at_era, at_purse = outputs_at(gateway, thread.era.text, purse.address)
    known = {output.reference: output for output in (*at_era, *at_purse)}
    require_in_force(view.in_force, {output.reference: output for output in at_era}, gateway.name)
    with_datum = [output for output in at_era if output.datum is not None]
    signed = frozenset(output.reference for output in signed_outputs(with_datum, thread, view))
    holders = {output.reference for output in at_era if thread.token in dict(output.assets)}
    untouchable = {view.in_force, *holders, *(signed - view.judged.keys())}
    named = {reference: named_output(reference, known, gateway.name) for reference in purse.spend}
    for reference in untouchable.intersection(named):
        raise TransactionError(
            "A marker output that is in force, or may come into force, is not swept",
            code="MarkerInForce",
            expected="other outputs",
            got=f"{reference} by --spend",
            next_step="Leave it out: a change of the markers spends the one in force, and puts another in its place",
        )
    others = outputs_of_other_kinds(with_datum) - named.keys()
    excepted = {*untouchable, *named, *spared, *others}
    strays = [output for output in with_datum if output.reference not in excepted]
    order = [output for output in strays if not output.reference_script]
    order.sort(key=lambda output: (output.reference not in signed, len(output.assets), -output.lovelace))
    swept = [*named.values(), *fitting(order, [*named.values()])]
    if not swept:
        return None
    context = LedgerContext.read(gateway, thread.network, purse.validity_slots)
    transaction = build_sweep_transaction(thread.era, Funding(purse.address, at_purse, swept), context)
    require_fee_at_most(transaction.fee, purse.max_fee, gateway.name)
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
        yield f"{counted(later, 'output')} more than this transaction can take along: run it again when it is done"
    if left_alone:
        of = counted(left_alone, "output")
        yield f"{of} with signed markers, of which readers may yet come to trust one: left alone"
    if with_script:
        yield f"{counted(with_script, 'output')} with a reference script, on which the fee would depend: left alone"
    if others:
        yield f"{counted(others, 'output')} with markers of another kind: left alone, unless --spend names them"

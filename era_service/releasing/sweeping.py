"""A sweep of the era address from the order to what is signed, as ``marker sweep`` runs it.

In: an open ``Release`` and an order. Out: an ``Outlook``, as for a change of the markers. Which outputs are swept is
decided by ``release_tools.transactions.sweeping``; these rules find the signed outputs that are certainly not the
team's own:

1. Nothing is swept on unconfirmed facts: the trusted markers must be confirmed, and the provider up to date.
2. The output in force must be proven to be the team's: its transaction was seen to spend at the era address, or is in
   the journal of this machine, or the operator names it. Otherwise it may be a copy, and the team's own would be swept;
   so no signed output is.
3. An output that is not deep enough may come into force next.
4. A copy of the markers in force stays unless it is asked for: it changes nothing for readers. But to nodes that see
   only unspent outputs, a missing one means that the team takes these markers back (rule T4).
"""

from dataclasses import dataclass, replace

from chain_reader import ScreenedOutput
from chain_reader.trust.reading import TrustedReading
from chain_reader.trust.verdicts import Unconfirmed, signed_markers
from datum import Accepted, Unreadable, WrongSigner
from era_service.releasing.publishing import MarkersOutlook, Outlook, PublishingMeans, require_owner
from era_service.releasing.session import Release, output_in_force
from eras import TransactionError
from release_tools.markers.change import RolloutPlan, Upkeep, distinct
from release_tools.publishing.journal import Journal
from release_tools.publishing.publication import Draft, Publisher, Standing, origin_of, require_same_change
from release_tools.transactions import sweeping
from release_tools.transactions.drafting import DraftedTransaction, ReadersView

NOT_PROVEN = (
    "A provider that does not know the inputs of transactions does not show which signed output is the "
    "release team's own, and so none of them is swept: use one that does, such as Blockfrost, or name your own output "
    "with --beside TX#N, or "
    "sweep on the machine that published"
)


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """A sweep, as an operator orders it.

    Attributes:
        means: pays, signs the transaction and waits.
        beside: the marker output that stays, as the operator knows it; ``None`` where the provider knows.
        copies: whether copies of the markers in force are swept, too.
    """

    means: PublishingMeans
    beside: str | None = None
    copies: bool = False


def look_at_sweep(release: Release, publisher: Publisher[TrustedReading], order: SweepOrder) -> MarkersOutlook:
    """See what a sweep would do, without doing any of it.

    Raises:
        TransactionError: nothing is in force, or not confirmed, or a change of the markers is not finished.
        EraSwitchError: anything else that stands in its way.
    """
    entry = publisher.journal.current()
    if entry is not None and (standing := publisher.standing(entry)) is not Standing.LOST:
        require_same_change(entry, Upkeep.SWEEP, standing)
        if standing is not Standing.DEAD:
            return Outlook(release.read(), None, entry)
    reading = release.read()
    markers = distinct(reading.markers)
    drafted = draft_sweep(release, order, reading, publisher.journal)
    copies = frozenset() if order.copies else _copies(reading)
    if drafted is None:
        _require_clear(reading, copies)
    plan = RolloutPlan(Upkeep.SWEEP, release.epoch_of(reading), markers, markers, warnings=_copy_words(len(copies)))
    if drafted is None:
        return Outlook(reading, plan, is_done=True)
    return Outlook(reading, plan, draft=Draft(plan, b"", drafted, drafted.spends[0]))


def draft_sweep(
    release: Release, order: SweepOrder, reading: TrustedReading, journal: Journal
) -> DraftedTransaction | None:
    """The transaction that sweeps the era address; ``None`` where there is nothing to sweep.

    Raises:
        TransactionError: see ``look_at_sweep``.
        TransactionError, ChainReadError: it cannot be built.
    """
    release.require_timely()
    in_force = output_in_force(reading)
    if in_force is None or reading.stale is not None:
        raise TransactionError(
            "Nothing is swept: it is not certain which output is in force",
            code="SweepRefused",
            expected="markers that nodes trust, confirmed by the provider",
            got=reading.stale or "none",
            next_step="See what is in force: eraswitch marker show",
        )
    if order.beside is not None:
        in_force = _named(release, reading, in_force, order.beside)
    proven = order.beside is not None or _is_the_teams(release, reading, in_force, journal)
    require_owner(release, order.means.payment_keys)
    address = order.means.purse.address or release.policy.address
    judged = [one for one in reading.screened if proven and not isinstance(one.verdict, Unconfirmed | Unreadable)]
    drafted = sweeping.draft_sweep(
        release.gateway,
        release.thread(),
        ReadersView.of(in_force.output.reference, judged),
        replace(order.means.purse, address=address),
        spared=frozenset() if order.copies else _copies(reading),
    )
    if drafted is None or proven:
        return drafted
    return replace(drafted, warnings=(*drafted.warnings, NOT_PROVEN))


def _copies(reading: TrustedReading) -> frozenset[str]:
    """References of the outputs with the markers in force; the one in force is among them."""
    return frozenset(
        one.output.reference
        for one in reading.screened
        if (signed := signed_markers(one.verdict)) is not None and set(signed.markers) == set(reading.markers)
    )


def _copy_words(outputs: int) -> tuple[str, ...]:
    """A note on copies that stay; one of the ``outputs`` is the one in force."""
    if outputs < 2:
        return ()
    copies = "1 copy" if outputs == 2 else f"{outputs - 1} copies"
    words = f"{copies} of the markers in force: left alone, since readers take the same from them"
    return (f"{words}. The next change spends them with --sweep, and this does with --copies",)


def _require_clear(reading: TrustedReading, copies: frozenset[str]) -> None:
    """Check, if nothing can be swept, that there is nothing that should be."""
    trusted = origin_of(reading)
    signed = [
        one
        for one in reading.screened
        if one.output.transaction != trusted
        and one.output.reference not in copies
        and one.verdict.is_payload
        and not isinstance(one.verdict, WrongSigner)
    ]
    if signed:
        raise TransactionError(
            "What is at the era address cannot be swept now",
            code="SweepRefused",
            expected="old markers and copies, of which it is certain that none is in force, or comes into force next",
            got=f"{signed[0].output.reference}: {signed[0].verdict.name}"
            + (f", and {len(signed) - 1} more" if len(signed) > 1 else ""),
            next_step=f"Where they are Unconfirmed, wait until they are deep enough. {NOT_PROVEN}",
        )


def _named(release: Release, reading: TrustedReading, in_force: ScreenedOutput, reference: str) -> ScreenedOutput:
    """The output in force that the operator names, if a provider could mistake a copy for it."""
    accepted = [one for one in reading.screened if isinstance(one.verdict, Accepted)]
    found = next((one for one in accepted if one.output.reference == reference), None)
    known = in_force.output.reference
    if found is None or (release.trusts_proven() and known != reference):
        raise TransactionError(
            "The output that must stay is not the one in force",
            code="SweepRefused",
            expected=known if release.trusts_proven() else "an unspent output with the markers in force",
            got=reference,
            next_step="Correct --beside: eraswitch marker history",
        )
    return found


def _is_the_teams(release: Release, reading: TrustedReading, in_force: ScreenedOutput, journal: Journal) -> bool:
    """Whether the output in force is known to be published by the team, and not a copy."""
    transaction = in_force.output.transaction
    if origin_of(reading) == transaction and release.trusts_proven():
        return True
    return any(transaction == one.transaction for entry in journal.finished() for one in entry.attempts)

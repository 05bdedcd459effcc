"""A change of the markers from the order to the chain, as the commands run it.

In: an open ``Release`` and an order. Out: an ``Outlook``, which states what would be done before anything is, and then
a ``Published``. Showing, asking and printing is left to the command.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from chain_reader import ScreenedOutput
from chain_reader.providers.gateway import SpendableOutput
from chain_reader.trust.reading import TrustedReading
from chain_reader.trust.verdicts import Unconfirmed
from datum import EraSigner, encode_datum
from era_service.config.schema import Settings
from era_service.releasing.activation_gate import ActivationGate, pass_gate
from era_service.releasing.session import Release, output_in_force, published_before
from era_service.releasing.signed_payload import require_extension, signed_payload
from eras import Epoch, SupportedEras, TransactionError
from release_tools import MissingSignatureError, sign_transaction
from release_tools.keys.payment_key import PaymentKey, PaymentSigner
from release_tools.markers.change import Change, MarkerChange, RolloutPlan, RolloutRules, Upkeep
from release_tools.markers.rules import plan_change
from release_tools.publishing.journal import JournalEntry
from release_tools.publishing.publication import (
    Draft,
    MarkersInForce,
    PublishedPlan,
    Publisher,
    Standing,
    origin_of,
    require_same_change,
)
from release_tools.publishing.submission import Waiting
from release_tools.transactions.building import SignedTransaction, signers_among
from release_tools.transactions.drafting import DraftedTransaction, Purse, ReadersView, draft_transaction
from release_tools.transactions.owners import TokenMint, owner_of
from release_tools.transactions.words import transaction_lines

R_co = TypeVar("R_co", bound=MarkersInForce, covariant=True)
P_co = TypeVar("P_co", bound=PublishedPlan | None, covariant=True)


@dataclass(frozen=True, slots=True)
class PublishingMeans:
    """The payment of a publication, its signature and the wait for it.

    Attributes:
        purse: what pays; the address may be empty, and then follows from the keys.
        payment_keys: sign the transaction.
        journal_root: the folder of the journals.
        waiting: how long to wait, and for what.
    """

    purse: Purse
    payment_keys: tuple[PaymentSigner, ...]
    journal_root: Path
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """A change of the markers, as an operator orders it.

    Attributes:
        change: the change.
        means: pays, signs the transaction and waits.
        lead_epochs: least number of epochs between now and an activation.
        force_name: whether a name is accepted that no supported era has.
        era_key: signs the markers.
        payload: the payload, signed elsewhere, in place of ``era_key``.
        override_gate: why an activation proceeds although the gate is not met.
        not_a_slip: whether what looks like a slip is meant.
        mint_token: whether a thread token is minted.
    """

    change: MarkerChange
    means: PublishingMeans
    lead_epochs: int
    force_name: bool
    era_key: EraSigner | None
    payload: bytes | None
    override_gate: str | None = None
    not_a_slip: bool = False
    mint_token: bool = False

    def rules(self, settings: Settings) -> RolloutRules:
        """The rules that the order is checked against, with the configured eras and longest lead."""
        supported, longest = SupportedEras(settings.network.supported_eras), settings.trust.max_lead_epochs
        return RolloutRules(supported, self.lead_epochs, self.force_name, longest)


@dataclass(frozen=True, slots=True)
class Outlook(Generic[R_co, P_co]):
    """The plan of what would be done.

    Attributes:
        reading: what a node reads now.
        plan: the change, worked out; of era markers ``None`` where an earlier run is continued.
        unfinished: the publication of an earlier run that is continued.
        lost: the publication of an earlier run that another one replaced.
        done_by: the transaction that already made the change, if known; ``is_done`` states whether it is made.
        is_done: whether there is nothing to do.
        draft: the publication; ``None`` where there is nothing to do, or nobody to sign the markers.
        gate: the result of the gate for a planned activation.
    """

    reading: R_co
    plan: P_co
    unfinished: JournalEntry | None = None
    lost: JournalEntry | None = None
    done_by: str | None = None
    is_done: bool = False
    draft: Draft | None = None
    gate: ActivationGate | None = None

    @property
    def drafted(self) -> DraftedTransaction | None:
        """The transaction of the publication."""
        return None if self.draft is None else self.draft.drafted


MarkersOutlook = Outlook[TrustedReading, RolloutPlan | None]
"""The outlook of a publication of era markers."""


def look(release: Release, publisher: Publisher[TrustedReading], order: ChangeOrder) -> MarkersOutlook:
    """See what is to be done, without doing any of it.

    Raises:
        MarkerError: the change breaks a rule.
        GateNotMetError: too little of the stake is ready for it.
        TransactionError: another change is being published.
        EraSwitchError: anything else that stands in its way.
    """
    unfinished, anchor, lost = earlier_run(publisher, order.change)
    reading = release.read()
    unfinished = unfinished or rolled_back(publisher, reading, order.change)
    if unfinished is not None:
        return Outlook(reading, None, unfinished)
    published = published_before(release.known(), reading)
    rules = order.rules(release.settings)
    plan = plan_change(order.change, reading.markers, release.epoch_of(reading), rules, published)
    finished = publisher.finished(plan.change, reading.markers)
    if plan.is_done or finished is not None:
        return Outlook(reading, plan, done_by=origin_of(reading), is_done=True)
    plan.require_allowed()
    gate = pass_gate(release.settings, plan, order.override_gate)
    payload = signed_payload(plan, release.policy, key=order.era_key, payload=order.payload, published=published)
    if payload is None:
        return Outlook(reading, plan, lost=lost, gate=gate)
    mint = TokenMint() if order.mint_token else None
    draft = drafted_publication(release, order.means, reading, plan, payload, anchor=anchor, mint=mint)
    return Outlook(reading, plan, lost=lost, draft=draft, gate=gate)


def earlier_run(
    publisher: Publisher[Any], change: Change
) -> tuple[JournalEntry | None, SpendableOutput | None, JournalEntry | None]:
    """The journal's record of an earlier run: the publication to continue, the output to spend, the one that is lost.

    Raises:
        TransactionError: another change is in a block, or may still come in.
        ChainReadError: the chain could not be reached.
    """
    entry = publisher.journal.current()
    if entry is None or entry.change is Upkeep.SWEEP:  # a sweep gives way: whether it comes in changes no marker
        return None, None, None
    standing = publisher.standing(entry)
    if standing in (Standing.LANDED, Standing.LIVE):
        require_same_change(entry, change, standing)
        return entry, None, None
    return None, publisher.anchor(entry), entry if standing is Standing.LOST else None


def rolled_back(publisher: Publisher[Any], reading: MarkersInForce, change: Change) -> JournalEntry | None:
    """The finished publication that nodes trust and the chain has lost, where it may come in again.

    Raises:
        TransactionError: it is of another change.
        ChainReadError: the chain could not be reached.
    """
    transaction = origin_of(reading)
    if transaction is None or any(item.output.transaction == transaction for item in reading.screened):
        return None
    entry = publisher.rolled_back(transaction)
    if entry is not None:
        require_same_change(entry, change, Standing.LIVE)
    return entry


def drafted_publication(
    release: Release,
    means: PublishingMeans,
    reading: TrustedReading,
    plan: RolloutPlan,
    payload: bytes,
    *,
    anchor: SpendableOutput | None,
    mint: TokenMint | None,
    is_gone: bool = False,
) -> Draft:
    """The publication of a plan, with its transaction.

    Args:
        release: the session.
        means: pays, and signs the transaction.
        reading: what a node reads now.
        plan: the change, which breaks no rule.
        payload: the signed payload.
        anchor: the output that an earlier run spent, and this one must spend, too.
        mint: the order to mint a thread token; ``None`` where none is minted.
        is_gone: whether the payload is the one that nodes trust, and its output was spent without a successor.

    Raises:
        EraSwitchError: it cannot be built.
    """
    keys, own = means.payment_keys, release.policy.address
    is_own = owns_era_address(release, keys)
    address = means.purse.address or (own if is_own else keys[0].address(release.network.network_id))
    in_force = None if is_gone else output_in_force(reading)
    if not is_own and (is_gone or in_force is not None or address not in release.policy.announcers):
        raise _not_the_owner(release, keys)
    drafted = draft(
        release,
        reading,
        in_force,
        payload,
        replace(means.purse, address=address, anchor=anchor),
        publish_by=plan.publish_by,
        mint=mint,
        is_gone=is_gone,
    )
    return Draft(plan, payload, drafted, anchor or drafted.spends[0])


def draft(
    release: Release,
    reading: TrustedReading,
    in_force: ScreenedOutput | None,
    payload: bytes,
    purse: Purse,
    *,
    publish_by: Epoch | None = None,
    mint: TokenMint | None = None,
    is_gone: bool = False,
) -> DraftedTransaction:
    """The transaction that publishes ``payload`` in place of ``in_force``, void as soon as ``publish_by`` is over.

    ``mint`` and ``is_gone`` are as in ``drafted_publication``.

    Raises:
        ChainReadError: the provider is behind.
        TransactionError, ChainReadError: it cannot be built.
    """
    release.require_timely()
    if not is_gone:
        _require_confirmed(release, reading, in_force)
        require_extension(release.policy, payload, in_force, release.epoch_of(reading))
    return draft_transaction(
        release.gateway,
        encode_datum(payload),
        release.thread(),
        ReadersView.of(None if in_force is None else in_force.output.reference, reading.screened),
        replace(purse, announcers=release.policy.announcers, deadline=release.deadline_after(publish_by)),
        mint=mint,
    )


def _require_confirmed(release: Release, reading: TrustedReading, in_force: ScreenedOutput | None) -> None:
    """Check that no published markers wait for confirmation: this change would undo them unseen.

    A copy of an earlier payload does not count, since anyone can post one. Nothing counts if the output in force was
    seen to spend at the era address: the team's next publication spends that very output, and drafting it checks that
    it is unspent.
    """
    known = release.known()
    is_proven = known is not None and known.proven
    if is_proven and in_force is not None and in_force.output.transaction == origin_of(reading):
        return
    waiting = [(one.output.reference, one.verdict) for one in reading.screened if isinstance(one.verdict, Unconfirmed)]
    if release.policy.extension is None:
        old = set() if known is None else {payload.digest for payload in known.payloads if payload.superseded}
        waiting = [
            (reference, verdict)
            for reference, verdict in waiting
            if verdict.verified.digest not in old and verdict.verified.markers != reading.markers
        ]
    if waiting:
        raise TransactionError(
            "Markers at the era address are not confirmed yet",
            code="UnconfirmedMarkers",
            expected="every marker output deep enough for nodes to trust it",
            got=f"{waiting[0][0]}: {waiting[0][1].reason}",
            next_step="Wait until nodes trust it: eraswitch marker show; then run this again",
            output=waiting[0][0],
        )


def owns_era_address(release: Release, keys: Sequence[PaymentSigner]) -> bool:
    """Whether one of the payment keys, where any is given, owns the era address."""
    owner = release.era.owner(release.network.network_id)
    return not keys or not {key.key_hash for key in keys}.isdisjoint(owner.key_hashes)


def require_owner(release: Release, keys: Sequence[PaymentSigner]) -> None:
    """Check that one of the payment keys, where any is given, owns the era address.

    Raises:
        MissingSignatureError: none does, so what is at the era address cannot be spent.
    """
    if not owns_era_address(release, keys):
        raise _not_the_owner(release, keys)


def _not_the_owner(release: Release, keys: Sequence[PaymentSigner]) -> MissingSignatureError:
    network_id, era_address = release.network.network_id, release.policy.address
    return MissingSignatureError(
        f"The payment key does not own the era address {era_address}",
        expected="the key of that address",
        got=f"the key of {', '.join(key.address(network_id) for key in keys)}",
        next_step="Give the key that owns the era address: --payment-key-file FILE; one that only pays may be given "
        "beside it",
        era_address=era_address,
        addresses=[key.address(network_id) for key in keys],
    )


def sign(release: Release, draft: Draft, keys: Sequence[PaymentSigner]) -> SignedTransaction:
    """Sign the transaction of a draft with the keys that it needs; an external signer gets its description in words.

    Raises:
        MissingSignatureError: the key of an address that it spends from is missing.
        TransactionError: an external signer gave no signature.
    """
    words: list[str] = []
    if not all(isinstance(key, PaymentKey) for key in keys):
        from release_tools.transactions.files import CarriedTransaction

        carried = CarriedTransaction.of(draft.drafted.transaction, release.network.magic, draft.drafted.spends)
        words = transaction_lines(carried.summary(release.policy.keys[0]))
    return sign_transaction(draft.drafted.transaction, keys, words)


def require_keys(release: Release, draft: Draft, keys: Sequence[PaymentSigner]) -> None:
    """Check that the keys that the transaction of a draft needs are there; nothing is signed.

    Raises:
        MissingSignatureError: the key of an address that it spends from is missing.
    """
    network_id = release.network.network_id
    known = {key.key_hash for key in keys}
    owners = {one.address: owner_of(one.address, network_id, release.era.script) for one in draft.drafted.spends}
    missing = [address for address, owner in owners.items() if not owner.satisfied_by(known)]
    if missing:
        shared = any(owners[address].script is not None for address in missing)
        raise MissingSignatureError(
            "A payment key is missing",
            expected=" and ".join(
                f"the key of {address}"
                if (script := owners[address].script) is None
                else f"{script.most_signatures} of the keys {', '.join(script.key_hashes)}, which own {address}"
                for address in missing
            ),
            got=", ".join(key.key_hash if shared else f"the key of {key.address(network_id)}" for key in keys)
            or "no payment key",
            next_step="Give each with --payment-key-file; where they are on several machines: --payload-out FILE (or "
            "--out FILE) here, eraswitch tx build, then tx sign on each and tx submit"
            if shared
            else "Give the key of each address that the transaction spends from: --payment-key-file FILE",
            addresses=missing,
        )
    signers_among(draft.drafted.transaction, known)

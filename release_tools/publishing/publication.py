"""Publishes a change of the markers exactly once, whatever interrupts it.

In: a plan, a built transaction, and what signs it. Out: the change on the chain, confirmed, and read back as a node
reads it. The steps are sign → journal → submit → confirm → read back → finish; a process that is killed between any two
of them, or in the middle of one, is followed by another that continues. What makes that safe:

1. The signed transaction is in the journal, on disk, before it is submitted for the first time.
2. The chain decides, not the journal: a later run first asks it for every transaction in the journal.
3. What may still come in is submitted again as it is: the same bytes are the same transaction.
4. A transaction is built anew only when the one before was refused, is void, or lost an input; and it spends an output
   that the one before spends, too (the *anchor*: the marker output that is replaced). So at most one of them can ever
   be in the chain, even if a refusal was not the last word, or the chain rolls back.
5. Without a journal, on another machine or after its loss, the markers in force show that the change is made already;
   and one that is still on its way spends the same marker output as any other.
"""

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from chain_reader import ScreenedOutput
from chain_reader.providers.gateway import SpendableOutput, TransactionGateway
from chain_reader.providers.transport.errors import TransactionRefusedError
from chain_reader.trust.verdicts import Superseded, Unconfirmed
from datum import Accepted, Unreadable
from eras import Provenance, TransactionError
from release_tools.markers.change import AnyMarkers, Change, RolloutPlan, Upkeep, listed
from release_tools.markers.configurations import ConfigurationPlan
from release_tools.publishing.journal import Attempt, Journal, JournalEntry
from release_tools.publishing.submission import Step, Submission, Waiting, Watch
from release_tools.transactions.balancing import UnsignedTransaction
from release_tools.transactions.building import SignedTransaction
from release_tools.transactions.drafting import DraftedTransaction

_MAX_REASON = 1_000
_MAY_PASS = (None, Accepted.__name__, Superseded.__name__, Unconfirmed.__name__, Unreadable.__name__)
"""The verdicts on what was published that a later reading may change, and no verdict yet; all others are for good."""


PublishedPlan = RolloutPlan | ConfigurationPlan
"""A change that is worked out: what it is, and the markers before and after it."""


class MarkersInForce(Protocol):
    """The findings of a reader of one kind of marker: the markers in force, their origin, and what else is there."""

    @property
    def markers(self) -> AnyMarkers:
        """The markers in force."""
        ...

    @property
    def provenance(self) -> Provenance | None:
        """Their origin."""
        ...

    @property
    def screened(self) -> tuple[ScreenedOutput, ...]:
        """The outputs at the address, with a verdict on each."""
        ...


R = TypeVar("R", bound=MarkersInForce)


def origin_of(reading: MarkersInForce) -> str | None:
    """The transaction that published the markers in force, where it is known."""
    return None if reading.provenance is None else reading.provenance.transaction


class Standing(enum.Enum):
    """The state of the journal's publication on the chain, in words.

    ``LANDED``: one of its transactions is in a block. ``LIVE``: the latest may still come in. ``DEAD``: it cannot, but
    the anchor is unspent. ``LOST``: something else spent the anchor, so none of them can come in any more.
    """

    LANDED = "in a block"
    LIVE = "on its way"
    DEAD = "refused or void"
    LOST = "overtaken: another transaction spent the same output"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An unfinished publication with its standing, ``None`` if the chain was not read."""

    entry: JournalEntry
    standing: Standing | None

    @property
    def words(self) -> str:
        """Its name, in words."""
        stands = "" if self.standing is None else f", {self.standing.value}"
        return f"{self.entry.change}, transaction {self.entry.latest.transaction}{stands}"

    @property
    def next_step(self) -> str:
        """The next step in its state."""
        command = f"eraswitch {self.entry.change.command}"
        if self.standing is Standing.LOST:
            return (
                f"See what is in force: eraswitch marker show; if the change is still wanted, plan it again: {command}"
            )
        if self.standing is Standing.DEAD:
            return f"If the change is still wanted, build it again: {command}"
        return f"Go on with it: {command}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A publication that is ready to be signed.

    Attributes:
        plan: the change, which breaks no rule.
        payload: the signed payload in the transaction's datum, as JSON bytes; empty where it publishes none.
        drafted: the transaction that carries the payload.
        anchor: that of the publication in the journal where one did not come in, else any output that is spent.
    """

    plan: PublishedPlan
    payload: bytes
    drafted: DraftedTransaction
    anchor: SpendableOutput

    def __post_init__(self) -> None:
        spends = self.drafted.spends
        if self.anchor not in spends or {one.reference for one in spends} != set(self.drafted.transaction.inputs):
            raise ValueError("a transaction spends its anchor, as in the draft")


@dataclass(frozen=True, slots=True)
class Published(Generic[R]):
    """A change that is on the chain.

    Attributes:
        change: what was asked for.
        after: the markers that it published.
        transaction: hash of its transaction.
        depth: blocks on top of it when last asked.
        reading: what a node reads now.
        superseded: whether another publication has replaced it since.
    """

    change: Change
    after: AnyMarkers
    transaction: str
    depth: int
    reading: R
    superseded: bool


class Publisher(Generic[R]):
    """Publishes at one era address; the caller holds the journal's lock.

    Args:
        gateway: submits, and knows what is in the chain.
        journal: of the address.
        read: what a node reads at the address.
        waiting: how long to wait, and for what.
        clock: seconds that never go back.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        gateway: TransactionGateway,
        journal: Journal,
        read: Callable[[], R],
        *,
        waiting: Waiting | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gateway = gateway
        self.journal = journal
        self._read = read
        self._submission = partial(Submission, gateway, waiting or Waiting(), clock=clock, sleep=sleep)

    def standing(self, entry: JournalEntry) -> Standing:
        """The state of a publication in the journal.

        Raises:
            ChainReadError: the chain could not be reached.
        """
        if self._landed(entry) is not None:
            return Standing.LANDED
        if self.anchor(entry) is None:
            # It may have come in between the two questions.
            return Standing.LOST if self._landed(entry) is None else Standing.LANDED
        latest = entry.latest
        if latest.refused is not None or self._gateway.tip_slot() >= latest.invalid_hereafter:
            return Standing.DEAD
        unspent = {
            output.reference
            for address in {address for _, address in latest.spends}
            for output in self._gateway.spendable_outputs(address)
        }
        return Standing.LIVE if all(reference in unspent for reference, _ in latest.spends) else Standing.DEAD

    def anchor(self, entry: JournalEntry) -> SpendableOutput | None:
        """The anchor of a publication, while it is unspent.

        Raises:
            ChainReadError: the chain could not be reached.
        """
        outputs = self._gateway.spendable_outputs(entry.anchor_address)
        return next((output for output in outputs if output.reference == entry.anchor), None)

    def finished(self, change: Change, in_force: AnyMarkers) -> JournalEntry | None:
        """The finished publication of this very change, if its markers are in force.

        Raises:
            StoreError: the journal could not be read.
        """
        for entry in self.journal.finished():
            if entry.change == change and set(entry.after) == set(in_force):
                return entry
        return None

    def rolled_back(self, transaction: str) -> JournalEntry | None:
        """The finished publication whose transaction a rollback removed, if it may be included again.

        Raises:
            ChainReadError: the chain could not be reached.
            StoreError: the journal could not be read.
        """
        for entry in self.journal.finished():
            if entry.latest.transaction == transaction and self.standing(entry) is Standing.LIVE:
                return entry
        return None

    def resume(self, entry: JournalEntry, watch: Watch = lambda _progress: None) -> Published[R]:
        """Continue a publication that is included or may still be; submit it again if the chain has lost it.

        ``watch`` is called at every step, and at every block while waiting.

        Raises:
            TransactionError, ChainReadError, StoreError: it could not be finished; run it again.
        """
        if self.journal.current() is None:
            self.journal.save(entry)
        submission = self._submission(watch=watch)
        landed = self._landed(entry)
        if landed is None:
            submission.submit(_signed(entry.latest), first=False)
        return self._finish(submission, entry, landed or entry.latest)

    def publish(
        self,
        draft: Draft,
        sign: Callable[[UnsignedTransaction], SignedTransaction],
        watch: Watch = lambda _progress: None,
    ) -> Published[R]:
        """Sign a transaction, and complete the publication; ``watch`` is called as in ``resume``.

        Raises:
            TransactionRefusedError: the ledger refused it; nothing has changed.
            TransactionError: somebody else published meanwhile.
            TransactionError, ChainReadError, StoreError: it could not be finished; run it again.
        """
        submission = self._submission(watch=watch)
        transaction = draft.drafted.transaction
        signed = sign(transaction)
        spends = tuple((output.reference, output.address) for output in draft.drafted.spends)
        attempt = Attempt(signed.hash, signed.cbor, transaction.invalid_hereafter, spends)
        submission.tell(Step.SIGNED, signed.hash)
        plan, anchor = draft.plan, draft.anchor
        known = self.journal.current()
        goes_on = known is not None and (known.change, known.anchor) == (plan.change, anchor.reference)
        earlier = tuple(one for one in known.attempts if one.transaction != signed.hash) if known and goes_on else ()
        entry = JournalEntry(
            change=plan.change,
            before=plan.before,
            after=plan.after,
            payload=draft.payload,
            anchor=anchor.reference,
            anchor_address=anchor.address,
            attempts=(*earlier, attempt),
        )
        self.journal.save(entry)
        submission.tell(Step.JOURNALED, signed.hash)
        try:
            submission.submit(signed, first=True)
        except TransactionRefusedError as refusal:
            self.journal.save(entry.with_refusal(str(refusal)[:_MAX_REASON]))
            overtaken = self._overtaken(entry)
            if overtaken is not None:
                raise overtaken from refusal
            raise
        return self._finish(submission, entry, attempt)

    def _finish(self, submission: Submission, entry: JournalEntry, attempt: Attempt) -> Published[R]:
        transaction = attempt.transaction
        depth = submission.confirm(_signed(attempt), attempt.invalid_hereafter, lambda: self._overtaken(entry))
        submission.tell(Step.CONFIRMED, transaction, depth)
        if entry.change is Upkeep.SWEEP:
            reading, superseded = self._swept(submission, attempt), False
        else:
            reading, superseded = self._read_back(submission, entry, f"{transaction}#0")
        submission.tell(Step.READ_BACK, transaction, depth)
        self.journal.finish(transaction)
        submission.tell(Step.FINISHED, transaction, depth)
        return Published(entry.change, entry.after, transaction, depth, reading, superseded)

    def _read_back(self, submission: Submission, entry: JournalEntry, reference: str) -> tuple[R, bool]:
        """Read as a node does until the published markers are in force; providers may take a while."""
        while True:
            reading = submission.ask(self._read)
            if set(reading.markers) == set(entry.after):
                return reading, False
            outputs = submission.ask(lambda: self._gateway.spendable_outputs(self.journal.address))
            if all(output.reference != reference for output in outputs) and _trusts_other(reading, reference):
                return reading, True
            untrusted = _not_trusted(entry, reference, reading)
            if untrusted.facts["verdict"] not in _MAY_PASS:
                raise untrusted
            submission.pause(untrusted)

    def _swept(self, submission: Submission, attempt: Attempt) -> R:
        """The reading of a node once every output that a sweep spends is gone; providers may take a while."""
        spent = {reference for reference, _ in attempt.spends}
        while True:
            outputs = submission.ask(lambda: self._gateway.spendable_outputs(self.journal.address))
            left = [output.reference for output in outputs if output.reference in spent]
            if not left:
                return submission.ask(self._read)
            submission.pause(_still_there(attempt.transaction, left[0]))

    def _overtaken(self, entry: JournalEntry) -> TransactionError | None:
        """The error if another publication has replaced this one; ``None`` if that is not certain."""
        if self.anchor(entry) is not None or self._landed(entry) is not None:
            return None
        reading = self._read()
        ours = {one.transaction for one in entry.attempts}
        stands = origin_of(reading)
        if stands is None or stands in ours or set(reading.markers) == set(entry.before):
            return None
        return TransactionError(
            f"Somebody else published meanwhile, and the transaction {entry.latest.transaction} can no "
            "longer be included",
            expected=f"{entry.anchor}, unspent",
            got=f"the markers of transaction {stands}: {listed(reading.markers)}",
            next_step="See whether the change is still wanted: eraswitch marker show; the same command "
            "makes a new plan",
            transaction=entry.latest.transaction,
            stands=stands,
            code="Overtaken",
        )

    def _landed(self, entry: JournalEntry) -> Attempt | None:
        """The attempt that a block includes."""
        attempts = reversed(entry.attempts)
        return next((one for one in attempts if self._gateway.transaction_depth(one.transaction) is not None), None)


def require_same_change(entry: JournalEntry, change: Change, standing: Standing) -> None:
    """Check that the unfinished publication in the journal is of this change.

    Raises:
        TransactionError: it is of another one, which is in a block, or may still come in.
    """
    if entry.change == change:
        return
    is_in_block = standing is Standing.LANDED
    otherwise = "" if is_in_block else f"; or wait until slot {entry.latest.invalid_hereafter}, when it is void"
    raise TransactionError(
        "Another change is in a block already, but is not finished" if is_in_block else "Another change is on its way",
        expected=f"nothing unfinished before: {change}",
        got=f"{entry.change}, in transaction {entry.latest.transaction}",
        next_step=f"Finish it first: eraswitch {entry.change.command}{otherwise}. Then run this again",
        transaction=entry.latest.transaction,
        code="OtherPublication",
    )


def _signed(attempt: Attempt) -> SignedTransaction:
    return SignedTransaction(attempt.cbor, attempt.transaction)


def _still_there(transaction: str, reference: str) -> TransactionError:
    return TransactionError(
        f"The transaction {transaction} is on the chain, and the provider still shows what it spends",
        expected="outputs that are unspent",
        got=reference,
        next_step="Run the same command again",
        output=reference,
        code="ReadBack",
    )


def _trusts_other(reading: MarkersInForce, reference: str) -> bool:
    """Whether a node trusts another output than this one."""
    transaction = origin_of(reading)
    return transaction is not None and not reference.startswith(transaction)


def _not_trusted(entry: JournalEntry, reference: str, reading: MarkersInForce) -> TransactionError:
    ours: ScreenedOutput | None = next((one for one in reading.screened if one.output.reference == reference), None)
    verdict = "a provider that does not show it yet" if ours is None else f"{ours.verdict.name}: {ours.verdict.reason}"
    return TransactionError(
        f"The change is on the chain, in transaction {entry.latest.transaction}, "
        f"but a node does not trust it ({verdict})",
        expected=listed(entry.after),
        got=listed(reading.markers),
        next_step="Look at the address: eraswitch marker history; then run the same command again",
        output=reference,
        verdict=None if ours is None else ours.verdict.name,
        code="ReadBack",
    )

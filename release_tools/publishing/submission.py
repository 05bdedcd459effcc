"""Submits one signed transaction and waits until it is deep enough, whatever the provider does meanwhile.

In: a gateway, and the bytes of a transaction. Out: how many blocks lie on top of it. The same bytes are the same
transaction, so submitting them again is harmless:

1. When it is not known whether the provider took it, it is looked up before it is submitted again.
2. A refusal counts only for a transaction that was never submitted before: of another one it may mean that it is on its
   way already. Then it is waited for.
3. One that was in a block and is no more, because the chain rolled back, is submitted again.
4. A provider that fails is asked again while there is time; an error that is permanent ends the waiting at once.
   Whoever watches sees for how long it has been silent.
5. Where nothing happens for a minute, whoever watches sees that, and why it might be.
6. However the waiting ends, the error names the transaction and the next step.
"""

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from chain_reader.providers.gateway import TransactionGateway
from chain_reader.providers.transport.errors import TransactionRefusedError
from era_store.errors import StoreDamagedError
from eras import ChainReadError, EraSwitchError, Slot, StoreError, TransactionError
from eras.words import counted
from release_tools.transactions.building import SignedTransaction, submit_transaction

DEFAULT_CONFIRMATIONS = 3

_MAX_REASON = 1_000
_QUIET_S = 60.0
"""Seconds without anything new after which that is worth a word."""
_OVERTAKEN_S = 10.0
"""Seconds in no block after which it is looked whether another transaction took the place of this one."""

Answer = TypeVar("Answer")


class Step(enum.Enum):
    """A step that was done."""

    SIGNED = "signed"
    JOURNALED = "journaled"
    SUBMITTED = "submitted"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    READ_BACK = "read back"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a publication.

    Attributes:
        step: what has just been done, or while waiting for confirmations was done last.
        transaction: hash of the transaction.
        depth: blocks on top of it; ``None`` while it is in no block.
        confirmations: how many are waited for.
        note: what holds it up, and why; ``None`` while nothing does.
    """

    step: Step
    transaction: str
    depth: int | None
    confirmations: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The goal of a wait, and its limits.

    Attributes:
        confirmations: blocks on top of the transaction's block.
        timeout_s: seconds in all.
        poll_s: seconds between two questions.
    """

    confirmations: int = DEFAULT_CONFIRMATIONS
    timeout_s: float = 1_800.0
    poll_s: float = 1.0


Watch = Callable[[Progress], None]


class Submission:
    """Submits and waits; its time limit begins when it is created.

    Args:
        gateway: the chain.
        waiting: how long to wait, and for what.
        watch: called at every step, and at every look at the chain while waiting.
        clock: seconds that never go back.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        gateway: TransactionGateway,
        waiting: Waiting,
        watch: Watch = lambda _progress: None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gateway = gateway
        self._waiting = waiting
        self._watch = watch
        self._clock = clock
        self._sleep = sleep
        self._until = clock() + waiting.timeout_s
        self._refusal: str | None = None
        self._last: Progress | None = None
        self._since = clock()
        self._silent_since: float | None = None
        self._quiet = _QUIET_S
        self._tip_before: Slot | None = None

    def submit(self, transaction: SignedTransaction, *, first: bool) -> None:
        """Submit a transaction (rules 1 and 2); ``first`` if it was never submitted before.

        Raises:
            TransactionRefusedError: the ledger refused it the first time.
            TransactionError, ChainReadError: it could not be submitted.
        """
        while True:
            try:
                submit_transaction(self._gateway, transaction)
            except TransactionRefusedError as refusal:
                if self.depth(transaction.hash) is None:
                    self._refusal = str(refusal)[:_MAX_REASON]
                    if first:
                        raise
            except ChainReadError as error:
                first = False
                self.pause(error, transaction.hash)
                if self.depth(transaction.hash) is None:
                    continue
            break
        self.tell(Step.SUBMITTED, transaction.hash)

    def confirm(
        self,
        transaction: SignedTransaction,
        invalid_hereafter: Slot | None,
        overtaken: Callable[[], TransactionError | None] = lambda: None,
    ) -> int:
        """Wait until a submitted transaction is deep enough (rules 3 to 6), and return its depth.

        Args:
            transaction: the transaction.
            invalid_hereafter: the first slot at which it is void.
            overtaken: asked while it is in no block: the error, where something else has taken its place.

        Raises:
            TransactionError: it came into no block, and never can any more, or took too long; the chain could not be
                reached; or ``overtaken`` answered with it.
        """
        step = Step.SUBMITTED
        while True:
            depth = self.depth(transaction.hash)
            if depth is not None:
                step = Step.SEEN
            self.tell(step, transaction.hash, depth)
            if depth is not None and depth >= self._waiting.confirmations:
                return depth
            if depth is None and step is Step.SEEN:
                step = Step.SUBMITTED
                self.submit(transaction, first=False)
            elif depth is None:
                lost = self.ask(overtaken) if self._is_quiet(_OVERTAKEN_S) else None
                if lost is not None and self.depth(transaction.hash) is None:
                    raise lost
                if self._is_void(transaction, invalid_hereafter):
                    raise _expired(transaction, invalid_hereafter)
            self.pause(self._unfinished(transaction, depth))

    def depth(self, transaction: str) -> int | None:
        """The number of blocks on top of a transaction; ``None`` when it is in no block."""
        return self.ask(lambda: self._gateway.transaction_depth(transaction))

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """The answer to a question (rule 4).

        Raises:
            TransactionError: there was none in time.
        """
        while True:
            try:
                answer = question()
            except (ChainReadError, StoreError) as error:
                self.pause(error)
            else:
                self._silent_since = None
                return answer

    def pause(self, otherwise: EraSwitchError, transaction: str | None = None) -> None:
        """Wait a moment.

        Args:
            otherwise: what is raised when the time is up, or waiting cannot help.
            transaction: hash of the transaction that is waited for, before anything was reported of it.

        Raises:
            EraSwitchError: ``otherwise``; ``PublicationUnfinished`` for a chain that cannot be asked (rule 6).
        """
        known = transaction or (self._last.transaction if self._last else "")
        is_silent = isinstance(otherwise, ChainReadError | StoreError)
        if _is_permanent(otherwise) or self._clock() + self._waiting.poll_s > self._until:
            if is_silent:
                raise self._unseen(known, otherwise) from otherwise
            raise otherwise
        if is_silent:
            self._note(self._silence(otherwise), known)
        elif self._is_quiet(self._quiet):
            self._note(f"Nothing has happened for {self._quiet:.0f} s: {self._why(otherwise)}", known)
            self._quiet += _QUIET_S
        elif self._tip_before is None and self._is_quiet(_QUIET_S / 2):
            self._tip_before = self._tip()
        self._sleep(self._waiting.poll_s)

    def tell(self, step: Step, transaction: str, depth: int | None = None) -> None:
        """Notify the watcher of the publication."""
        progress = Progress(step, transaction, depth, self._waiting.confirmations)
        if progress != self._last:
            self._last, self._since, self._quiet, self._tip_before = progress, self._clock(), _QUIET_S, None
        self._watch(progress)

    def _note(self, note: str, transaction: str) -> None:
        last = self._last or Progress(Step.JOURNALED, transaction, None, self._waiting.confirmations)
        self._watch(replace(last, note=note))

    def _is_quiet(self, seconds: float) -> bool:
        """Whether nothing new was reported for that long."""
        return self._clock() - self._since >= seconds

    def _silence(self, error: EraSwitchError) -> str:
        now = self._clock()
        if self._silent_since is None:
            self._silent_since = now
        seconds = 10 * ((now - self._silent_since) // 10)  # a line every ten seconds, not at every poll
        since = f" for {seconds:.0f} s" if seconds else ""
        return f"{self._gateway.name} has been silent{since}, retrying: {error.got or error.what}"

    def _why(self, otherwise: EraSwitchError) -> str:
        """The likely cause of the wait: there are no new blocks, or they do not include the transaction."""
        before, tip = self._tip_before, self._tip()
        if tip is not None and before is not None and tip <= before:
            return f"no new block since slot {tip}. {self._gateway.when_idle}"
        if self._last is not None and self._last.depth is None and self._last.step is Step.SUBMITTED:
            return "new blocks do not include the transaction; its provider may not have relayed it yet"
        return f"{otherwise.what}, got {otherwise.got}"

    def _tip(self) -> Slot | None:
        try:
            return self._gateway.tip_slot()
        except (ChainReadError, StoreError):
            return None

    def _unseen(self, transaction: str, cause: EraSwitchError) -> TransactionError:
        is_submitted = self._last is not None and self._last.step not in (Step.SIGNED, Step.JOURNALED)
        return TransactionError(
            f"The transaction {transaction} is submitted, but its outcome is unknown"
            if is_submitted
            else f"It is not known whether the transaction {transaction} is submitted",
            expected=f"an answer of {self._gateway.name} within {self._waiting.timeout_s:g} s",
            got=f"{cause.code}: {cause.what}" + (f", got {cause.got}" if cause.got else ""),
            next_step="Run the same command again: it checks the chain before it submits anything"
            + (f". {cause.next_step}" if cause.next_step else ""),
            transaction=transaction,
            cause=cause.code,
            code="PublicationUnfinished",
        )

    def _is_void(self, transaction: SignedTransaction, invalid_hereafter: Slot | None) -> bool:
        """Whether a transaction has expired, and was not included while that was checked."""
        if invalid_hereafter is None or self.ask(self._gateway.tip_slot) < invalid_hereafter:
            return False
        return self.depth(transaction.hash) is None

    def _unfinished(self, transaction: SignedTransaction, depth: int | None) -> TransactionError:
        refused = "" if self._refusal is None else f", and submitting it again is refused: {self._refusal}"
        blocks = counted(self._waiting.confirmations, "block")
        return TransactionError(
            f"The transaction {transaction.hash} is not confirmed yet",
            expected=f"{blocks} on top of it within {self._waiting.timeout_s:g} s",
            got=f"it is in no block{refused}" if depth is None else f"{depth}",
            next_step="Run the same command again: it checks the chain before it submits anything",
            transaction=transaction.hash,
            depth=depth,
            code="PublicationUnfinished",
        )


def _is_permanent(error: Exception) -> bool:
    """Whether waiting cannot help."""
    return (isinstance(error, ChainReadError) and error.is_permanent) or isinstance(error, StoreDamagedError)


def _expired(transaction: SignedTransaction, invalid_hereafter: Slot | None) -> TransactionError:
    return TransactionError(
        f"The transaction {transaction.hash} was in no block in time",
        expected=f"a block before slot {invalid_hereafter}",
        got="none, and it is void now",
        next_step="Run the same command again: a new transaction excludes the old one",
        transaction=transaction.hash,
        code="PublicationExpired",
    )

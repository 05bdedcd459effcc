"""Submitting one signed transaction and waiting until it is deep enough, whatever the provider does meanwhile.

In: a gateway, and the bytes of a transaction. Out: how many blocks lie on top of it. The same bytes are the same
transaction, so submitting them again is harmless:

1. When it is not known whether the provider took it, it is looked up before it is submitted again.
2. A refusal counts only for a transaction that was never submitted before: of another one it may mean that it is on its
   way already. Then it is waited for.
3. One that was in a block and is no more, because the chain rolled back, is submitted again.
4. A provider that fails is asked again while there is time, unless waiting cannot help.
"""

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from chain_reader import ProviderBannedError, ProviderKeyRefusedError, ProviderQuotaExceededError
from eras import ChainReadError, Slot, StoreError, TransactionError
from release_tools.gateway import TransactionGateway, TransactionRefusedError
from release_tools.transactions import SignedTransaction, submit_transaction

DEFAULT_CONFIRMATIONS = 3
DEFAULT_TIMEOUT_S = 1_800.0
DEFAULT_POLL_S = 1.0

_FATAL = (ProviderBannedError, ProviderKeyRefusedError, ProviderQuotaExceededError)
_MAX_REASON = 1_000

Answer = TypeVar("Answer")


class PublicationUnfinishedError(TransactionError):
    """A publication waited for longer than it may; the same command goes on with it."""

    http_status = 504


class PublicationExpiredError(TransactionError):
    """A submitted transaction came into no block before it became void."""

    http_status = 504


class Step(enum.Enum):
    """What has been done."""

    SIGNED = "signed"
    JOURNALED = "journaled"
    SUBMITTED = "submitted"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    READ_BACK = "read back"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told while a publication goes on.

    Attributes:
        step: what has just been done, or while waiting for confirmations was done last.
        transaction: hash of the transaction.
        depth: blocks on top of it; ``None`` while it is in no block.
        confirmations: how many are waited for.
    """

    step: Step
    transaction: str
    depth: int | None
    confirmations: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long is waited, and for what.

    Attributes:
        confirmations: blocks on top of the transaction's block.
        timeout_s: seconds in all.
        poll_s: seconds between two questions.
    """

    confirmations: int = DEFAULT_CONFIRMATIONS
    timeout_s: float = DEFAULT_TIMEOUT_S
    poll_s: float = DEFAULT_POLL_S


Watch = Callable[[Progress], None]


class Submission:
    """Submits and waits. The time it may take begins when it is made.

    Args:
        gateway: the chain.
        waiting: how long to wait, and for what.
        watch: told of every step, and of every look at the chain while waiting.
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

    def submit(self, transaction: SignedTransaction, *, first: bool) -> None:
        """Submit a transaction (rules 1 and 2); ``first`` says that it never was before.

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
                self.pause(error)
                if self.depth(transaction.hash) is None:
                    continue
            break
        self.tell(Step.SUBMITTED, transaction.hash)

    def confirm(self, transaction: SignedTransaction, invalid_hereafter: Slot | None) -> int:
        """Wait until a submitted transaction is deep enough (rules 3 and 4); how deep it is then.

        Raises:
            PublicationExpiredError: it came into no block, and never can any more.
            PublicationUnfinishedError: it took too long.
            ChainReadError: the chain could not be asked.
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
            elif depth is None and self._is_void(transaction, invalid_hereafter):
                raise _expired(transaction, invalid_hereafter)
            self.pause(self._unfinished(transaction, depth))

    def depth(self, transaction: str) -> int | None:
        """How many blocks lie on top of a transaction; ``None`` when it is in no block."""
        return self.ask(lambda: self._gateway.transaction_depth(transaction))

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """The answer to a question (rule 4).

        Raises:
            ChainReadError, StoreError: there was none in time.
        """
        while True:
            try:
                return question()
            except (ChainReadError, StoreError) as error:
                self.pause(error)

    def pause(self, otherwise: Exception) -> None:
        """Wait a moment.

        Raises:
            Exception: ``otherwise``, when the time is up, or waiting cannot help.
        """
        if isinstance(otherwise, _FATAL) or self._clock() + self._waiting.poll_s > self._until:
            raise otherwise
        self._sleep(self._waiting.poll_s)

    def tell(self, step: Step, transaction: str, depth: int | None = None) -> None:
        """Tell whoever watches."""
        self._watch(Progress(step, transaction, depth, self._waiting.confirmations))

    def _is_void(self, transaction: SignedTransaction, invalid_hereafter: Slot | None) -> bool:
        """Whether it is too late for a transaction, and it did not come in while that was asked."""
        if invalid_hereafter is None or self.ask(self._gateway.tip_slot) < invalid_hereafter:
            return False
        return self.depth(transaction.hash) is None

    def _unfinished(self, transaction: SignedTransaction, depth: int | None) -> PublicationUnfinishedError:
        refused = "" if self._refusal is None else f", and submitting it again is refused: {self._refusal}"
        return PublicationUnfinishedError(
            f"The transaction {transaction.hash} is not confirmed yet",
            expected=f"{self._waiting.confirmations} blocks on top of it within {self._waiting.timeout_s:g} s",
            got=f"it is in no block{refused}" if depth is None else f"{depth}",
            next_step="Run the same command again: it looks on the chain before it submits anything",
            transaction=transaction.hash,
            depth=depth,
        )


def _expired(transaction: SignedTransaction, invalid_hereafter: Slot | None) -> PublicationExpiredError:
    return PublicationExpiredError(
        f"The transaction {transaction.hash} came into no block in time",
        expected=f"a block before slot {invalid_hereafter}",
        got="none, and it is void now",
        next_step="Run the same command again: what it builds anew excludes the old one",
        transaction=transaction.hash,
    )

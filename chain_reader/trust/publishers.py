"""Finds who published the outputs that could count, and in which block (rules T2, T13).

In: an observer, the policy, and the transactions that are known. Out: ``ChainFacts`` with what the observer knows of
their publishers; nothing is decided here.

1. Transactions are asked for only where a signature is true, newest first, and never twice: they do not change.
2. Where an output was published is asked for only where it counts, and again until it is deep in the chain.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from chain_reader.ports import ChainObserver, ChainTip, DatumOutput, LocatingObserver
from chain_reader.providers.transport.errors import ReadLimitExceededError
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.state import ChainFacts
from chain_reader.trust.transactions import Author, Doubt, Transactions
from eras import ChainReadError

_log = logging.getLogger(__name__)

DEEP_BLOCKS = 2160
"""No rollback of Cardano goes deeper (its security parameter)."""


class Publishers:
    """Knows who published the outputs that one observer lists, within the limits of one reading at a time.

    Args:
        observer: the caller closes it.
        policy: address, announcers and limits.
        transactions: knows their authors.
    """

    def __init__(self, observer: ChainObserver, policy: TrustPolicy, transactions: Transactions) -> None:
        self._observer = observer
        self._policy = policy
        self._transactions = transactions
        self._blocks: dict[str, ChainTip] = {}
        self._asked, self._until = 0, 0.0

    def begin(self) -> None:
        """A reading begins: as many questions as the limits allow may be asked."""
        self._asked, self._until = 0, time.monotonic() + self._policy.limits.read_deadline_s

    def author_of(self, output: DatumOutput) -> Author | Doubt | None:
        """The publisher of an output, or why it is unknown; ``None`` when the limits allow no more questions now."""
        known, observer = self._transactions, self._observer
        found = known.known(observer, output)
        if found is None:
            is_late = self._asked > 0 and time.monotonic() > self._until  # one at least, or a slow list starves it
            if is_late or self._asked >= self._policy.limits.max_transactions:
                return None
            self._asked += 1
            found = known.ask(observer, output)
        return found

    def named(self, facts: ChainFacts, outputs: Sequence[DatumOutput]) -> ChainFacts:
        """The facts, with the transactions that the owner of the era address published; new ones are asked about.

        Raises:
            ReadLimitExceededError: more than the limits allow carry a valid signature, and none is known to count.
        """
        if not self._observer.capabilities.inputs:
            return facts
        address, announcers = self._policy.address, frozenset(self._policy.announcers)
        spends: dict[str, bool] = {}
        doubts: dict[str, Doubt] = {}
        announced, proved = set(), set()
        for output in outputs:
            author, transaction = self.author_of(output), output.transaction
            if author is None:
                if facts.newest_first and True in spends.values():
                    break  # a newer output counts already, so that the rest cannot win
                raise self._flooded(len(outputs))
            if isinstance(author, Doubt):
                doubts[transaction] = author
                continue
            spends[transaction] = address in author.addresses
            if author.addresses & announcers:
                announced.add(transaction)
            if author.is_proved:
                proved.add(transaction)
        unproven: dict[str, str] = {}
        false: dict[str, str] = {}
        for transaction, doubt in doubts.items():
            (false if doubt.is_false else unproven)[transaction] = doubt.why
        return replace(
            facts,
            spends=spends,
            unproven=unproven,
            false=false,
            announced=frozenset(announced),
            proved=frozenset(proved),
        )

    def placed(
        self, facts: ChainFacts, outputs: Sequence[DatumOutput], tip: ChainTip
    ) -> tuple[ChainFacts, dict[str, ChainTip]]:
        """The facts, with the epochs in which outputs that count were published, and the blocks by transaction.

        Blocks deep in the chain are asked for once (rule 2); the rules decide without a block that cannot be read.
        """
        observer = self._observer
        if not observer.capabilities.blocks or not isinstance(observer, LocatingObserver):
            return facts, {}
        known = {
            transaction: block
            for transaction, block in self._blocks.items()
            if tip.height is not None and block.height is not None and tip.height - block.height >= DEEP_BLOCKS
        }
        counted = [
            transaction
            for transaction in dict.fromkeys([output.transaction for output in outputs])
            if facts.spends is None or facts.spends.get(transaction) or transaction in facts.announced
        ]
        for transaction in counted[: self._policy.limits.max_transactions]:
            if transaction in known:
                continue
            try:
                block = observer.block_of(transaction)
            except ChainReadError as error:
                _log.info("Where a publication is in the chain is not known: %s", error)
                continue
            if block is not None:
                known[transaction] = block
        self._blocks = known
        blocks = {transaction: known[transaction] for transaction in counted if transaction in known}
        published = {transaction: block.epoch for transaction, block in blocks.items() if block.epoch is not None}
        return replace(facts, published=published), blocks

    def _flooded(self, signed: int) -> ReadLimitExceededError:
        limits = self._policy.limits
        return ReadLimitExceededError(
            f"{self._observer.name}: too many outputs at {self._policy.address} carry a valid signature",
            expected=f"at most {limits.max_transactions} new ones in {limits.read_deadline_s:g} s",
            got=f"{signed}",
            next_step=f"Somebody posts old payloads again; {self._asked} were looked up; read again to continue",
            limit="max_transactions",
            address=self._policy.address,
        )

"""The adapter ``cardano-chain``: the markers in force at an era address, by the rules of ``chain_reader.trust``.

In: a chain observer, the era address and the verification key. Out: an ``EraReading`` with a verdict on every output.

The inputs of a transaction are asked for only when one of its outputs has a true signature, newest first, and the
answer is kept: it never changes. Verdicts on datums are kept too, so that reading a flooded address again is cheap.
What was trusted is remembered as long as the adapter lives.
"""

import threading
import time
from collections.abc import Sequence

from chain_reader.observers.errors import ReadLimitExceededError
from chain_reader.observers.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.ports import ChainObserver, EraReading, ScreenedOutput
from chain_reader.trust import TrustState, choose
from datum import Accepted, VerdictMemory, VerificationKey, screen
from eras import Provenance


class CardanoChainAdapter:
    """Reads the markers at an era address.

    Args:
        observer: reads the chain; the caller closes it.
        address: the era address.
        verification_key: the key that payloads are signed with.
        limits: ``max_transactions`` and ``read_deadline_s`` bound how many transactions are asked about in one reading.
    """

    def __init__(
        self,
        observer: ChainObserver,
        address: str,
        verification_key: VerificationKey,
        *,
        limits: ReadLimits = DEFAULT_LIMITS,
    ) -> None:
        self.observer = observer
        self.address = address
        self.verification_key = verification_key
        self._limits = limits
        self._memory = VerdictMemory()
        self._state = TrustState()
        self._spends: dict[str, bool] = {}
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"CardanoChainAdapter({self.observer.name!r}, {self.address!r}, {self.verification_key.hex!r})"

    def read(self) -> EraReading:
        """The markers in force now; none when nothing at the address is trusted, nor ever was.

        Raises:
            ChainReadError: the chain could not be read.
        """
        with self._turn:
            screened = self._screened()
            valid = [item for item in screened if isinstance(item.verdict, Accepted)]
            if valid:
                capabilities = self.observer.capabilities
                screened, self._state = choose(
                    screened,
                    self._state,
                    self.observer.epoch(),
                    spends_era_address=self._asked(valid) if capabilities.inputs else None,
                    newest_first=capabilities.order,
                )
            return self._reading(screened)

    def _screened(self) -> tuple[ScreenedOutput, ...]:
        outputs = self.observer.datums(self.address)
        verdicts = screen(
            [output.datum for output in outputs],
            self.verification_key,
            references=[output.reference for output in outputs],
            memory=self._memory,
        )
        return tuple(map(ScreenedOutput, outputs, verdicts))

    def _asked(self, valid: Sequence[ScreenedOutput]) -> dict[str, bool]:
        """Which transactions spend an input at the era address; asks about new ones until the limits end it."""
        transactions = list(dict.fromkeys(item.output.transaction for item in valid))
        known = {transaction: self._spends[transaction] for transaction in transactions if transaction in self._spends}
        self._spends = known  # what is no longer at the address need not be remembered
        until = time.monotonic() + self._limits.read_deadline_s
        fresh = [transaction for transaction in transactions if transaction not in known]
        for asked, transaction in enumerate(fresh):
            if asked >= self._limits.max_transactions or time.monotonic() > until:
                if self._wins_already(transactions, transaction):
                    break
                raise self._flooded(asked, len(fresh))
            known[transaction] = self.address in self.observer.input_addresses(transaction)
        return dict(known)

    def _wins_already(self, transactions: Sequence[str], unasked: str) -> bool:
        """Whether an output newer than every unasked one counts, so that the rest cannot win."""
        if not self.observer.capabilities.order:
            return False
        return any(self._spends[transaction] for transaction in transactions[: transactions.index(unasked)])

    def _flooded(self, asked: int, unknown: int) -> ReadLimitExceededError:
        return ReadLimitExceededError(
            f"{self.observer.name}: too many outputs at {self.address} carry a true signature",
            expected=f"at most {self._limits.max_transactions} new ones in {self._limits.read_deadline_s:g} s",
            got=f"{unknown}",
            next_step=f"Somebody posts old payloads again; {asked} were looked into, read again to go on from there",
            limit="max_transactions",
            address=self.address,
        )

    def _reading(self, screened: tuple[ScreenedOutput, ...]) -> EraReading:
        source = f"{self.observer.name} at {self.address}"
        trusted = self._state.trusted
        if trusted is None or not isinstance(trusted.verdict, Accepted):
            return EraReading((), Provenance(source), screened)
        verified = trusted.verdict.verified
        provenance = Provenance(source, trusted.output.transaction, trusted.output.slot, verified.key.hex)
        return EraReading(verified.markers, provenance, screened)

"""The adapter ``cardano-chain``: the markers in force at an era address, by the rules of trust (``docs/trust.md``).

In: a chain observer, the era address and the verification key. Out: an ``EraReading`` with a verdict on every output.

It is a ``TrustedReader`` that remembers for as long as it lives, and that reports a chain that it could not read as an
error: what to do then, its caller knows best (``EraChecker`` continues with the schedule that it has).
"""

from chain_reader.ports import ChainObserver, EraReading
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trusted_reader import TrustedReader
from datum import VerificationKey


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
        self._reader = TrustedReader(observer, TrustPolicy(address, (verification_key,), limits=limits))

    def __repr__(self) -> str:
        return f"CardanoChainAdapter({self.observer.name!r}, {self.address!r}, {self.verification_key.hex!r})"

    def read(self) -> EraReading:
        """The markers in force now; none when nothing at the address is trusted, nor ever was.

        Raises:
            ChainReadError: the chain could not be read.
        """
        return self._reader.refresh()

"""A chain provider in memory, with a release team and strangers, that fails, lags or lies as a test wants it to.

In: publications, epochs that pass, and what is wrong with the provider. Out: the answers of a ``ChainObserver`` that
knows slots, order and inputs, as a Blockfrost API does; the payloads are truly signed and encoded.
"""

import hashlib
from collections.abc import Iterable

from chain_reader import ChainTip, DatumOutput, ObserverCapabilities, TrustPolicy
from datum import EraMarkersPayload, SigningKey, encode_datum
from eras import ChainReadError, Epoch, EraMarker, Slot
from eras.supported import name_of
from eraswitch.testing.schedule import Marker

ADDRESS = "addr_test1vqfakeprovider"
STRANGER = "addr_test1vqstranger"
EPOCH_LENGTH = 1_000


class FakeProvider:
    """A chain provider in memory, with the chain behind it.

    Args:
        epoch: the epoch to begin in.
        name: what logs and errors call it; give two of them two names.

    Attributes:
        policy: what a node trusts that reads it.
        asked: the name of every question, in order.
    """

    capabilities = ObserverCapabilities(order=True, slots=True, inputs=True)

    def __init__(self, epoch: int = 0, *, name: str = "the fake provider") -> None:
        self.name = name
        self.asked: list[str] = []
        self._key = SigningKey(bytes(range(32)))
        self._stranger = SigningKey(bytes(range(1, 33)))
        self.policy = TrustPolicy(ADDRESS, (self._key.verification_key,), network_magic=42)
        self._slot = epoch * EPOCH_LENGTH
        self._outputs: list[DatumOutput] = []
        self._inputs: dict[str, str] = {}
        self.recover()

    # -- what happens on the chain

    def advance(self, epochs: int = 1) -> None:
        """So many epochs pass."""
        self._slot = (self._slot // EPOCH_LENGTH + epochs) * EPOCH_LENGTH

    def publish(self, *markers: Marker) -> str:
        """The release team publishes markers; the hash of the transaction."""
        self._outputs.clear()  # what was published before is spent by it
        return self._put(markers, self._key, ADDRESS)

    def forge(self, *markers: Marker) -> str:
        """A stranger posts markers that they signed themselves."""
        return self._put(markers, self._stranger, STRANGER)

    def replay(self, *markers: Marker) -> str:
        """A stranger posts a payload that the team did sign, once."""
        return self._put(markers, self._key, STRANGER)

    # -- what is wrong with the provider

    def fail(self, reason: str = "The fake provider is down") -> None:
        """It answers nothing."""
        self._failing: str | None = reason

    def lag(self, epochs: int = 1) -> None:
        """It answers as it would have, so many epochs ago."""
        self._behind = epochs * EPOCH_LENGTH

    def lie(self, *, epochs_ahead: int = 0, hides: bool = False) -> None:
        """It reports a later epoch, or nothing at the era address."""
        self._ahead, self._hides = epochs_ahead * EPOCH_LENGTH, hides

    def recover(self) -> None:
        """Nothing is wrong with it any more."""
        self._failing = None
        self._behind = self._ahead = 0
        self._hides = False

    # -- what it answers, as a ``ChainObserver``

    def epoch(self) -> Epoch:
        """The current epoch.

        Raises:
            ChainReadError: it fails.
        """
        self._note("epoch")
        return Epoch(self._now() // EPOCH_LENGTH)

    def tip(self) -> ChainTip:
        """The newest block.

        Raises:
            ChainReadError: it fails.
        """
        self._note("tip")
        now = self._now()
        return ChainTip(Slot(now), now, hashlib.sha256(b"%d" % now).hexdigest(), Epoch(now // EPOCH_LENGTH))

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The outputs at ``address``, newest first.

        Raises:
            ChainReadError: it fails.
        """
        self._note("datums")
        known = self._outputs if address == ADDRESS and not self._hides else []
        return tuple(output for output in reversed(known) if (output.slot or 0) <= self._now())

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """The addresses of a transaction's inputs.

        Raises:
            ChainReadError: it fails.
        """
        self._note("inputs")
        return (self._inputs[transaction],)

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """It does not know what was spent.

        Raises:
            ChainReadError: always.
        """
        raise ChainReadError(f"{self.name} does not know the history of {address}", next_step="Ask for what is unspent")

    def close(self) -> None:
        """Nothing to close."""

    def _put(self, markers: Iterable[Marker], key: SigningKey, spends: str) -> str:
        self._slot += 1
        listed = tuple(EraMarker(name_of(name), None if at is None else Epoch(at)) for name, at in markers)
        transaction = hashlib.sha256(f"{self._slot} {len(self._inputs)}".encode()).hexdigest()
        datum = encode_datum(EraMarkersPayload(listed).sign(key).to_bytes()).hex()
        self._inputs[transaction] = spends
        self._outputs.append(DatumOutput(transaction, 0, datum, 2_000_000, Slot(self._slot), self._slot))
        return transaction

    def _now(self) -> int:
        return max(0, self._slot - self._behind + self._ahead)

    def _note(self, question: str) -> None:
        self.asked.append(question)
        if self._failing is not None:
            raise ChainReadError(self._failing, next_step="Wait until it answers again")

"""A rollout on a network that is really there: announce, activate, read as a node would, and wait for the switch.

In: a provider, a payment key with some ada at its enterprise address, and how long to wait. The era address is the
key's own, and the signing key is new each time, so that no earlier run is in the way.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from chain_reader import ChainObserver, EraReader, TrustedReader, TrustPolicy, genesis_of
from datum import EraMarkersPayload, SigningKey, encode_datum
from eras import Epoch, EraEpochToken, EraMarker, SupportedEras
from release_tools import PaymentKey, SpendableOutput, TransactionGateway
from release_tools.transactions.posting import post_datum

LEAD_EPOCHS = 2
SHORT_EPOCH_S = 120.0
"""Where an epoch is no longer than this, the switch itself is waited for."""

Found = TypeVar("Found")


@dataclass
class Rollout:
    """What the story is told with.

    Attributes:
        observer: reads the chain.
        gateway: takes transactions.
        key: pays, and owns the era address.
        patience_s: how long to wait for a transaction to be in a block and seen.
    """

    observer: ChainObserver
    gateway: TransactionGateway
    key: PaymentKey
    patience_s: float

    def __post_init__(self) -> None:
        self.signing_key = SigningKey.generate()
        self.network = self.gateway.network()
        self.address = self.key.address(self.network.network_id)
        policy = TrustPolicy(address=self.address, keys=(self.signing_key.verification_key,), confirmations=0)
        self.reader = TrustedReader(self.observer, policy)

    def publish(self, *markers: EraMarker, replacing: str | None = None) -> SpendableOutput:
        """Put markers on the chain; the output that carries them, once it is there."""
        datum = encode_datum(EraMarkersPayload(markers).sign(self.signing_key).to_bytes())
        submitted = post_datum(self.gateway, datum, self.address, self.key, replacing=replacing).hash

        def seen() -> SpendableOutput | None:
            outputs = self.gateway.spendable_outputs(self.address)
            return next((one for one in outputs if one.reference == f"{submitted}#0"), None)

        return self.wait_for(seen, "the transaction in a block")

    def read(self, markers: tuple[EraMarker, ...]) -> EraEpochToken:
        """What a node makes of the chain, once it reads those markers."""

        def as_published() -> EraEpochToken | None:
            reading = self.reader.read()
            if reading.markers != markers:
                return None
            epoch = self.observer.epoch()
            return EraReader(self.reader, SupportedEras(("old", "new"))).read_era_epoch_token(epoch)

        return self.wait_for(as_published, f"a reading of {markers}")

    def wait_for(self, found: Callable[[], Found | None], what: str, patience_s: float | None = None) -> Found:
        """The first thing that ``found`` finds."""
        until = time.monotonic() + (self.patience_s if patience_s is None else patience_s)
        while (result := found()) is None:
            assert time.monotonic() < until, f"{what} did not come"
            time.sleep(min(5.0, self.patience_s / 60))
        return result


def play(rollout: Rollout) -> None:
    """Announce, activate, read, and where epochs are short see the switch."""
    start = rollout.observer.epoch()
    old, announced = EraMarker("old", start), EraMarker("new", None)
    funded = rollout.gateway.spendable_outputs(rollout.address)
    assert any(one.is_plain for one in funded), f"send some ada to {rollout.address}"

    marker = rollout.publish(old, announced)
    token = rollout.read((old, announced))
    assert token.current.name == "old"
    assert token.upcoming == announced

    begins = Epoch(rollout.observer.epoch() + LEAD_EPOCHS)
    scheduled = EraMarker("new", begins)
    later = rollout.publish(old, scheduled, replacing=marker.reference)
    token = rollout.read((old, scheduled))
    assert token.upcoming == scheduled
    here = rollout.gateway.spendable_outputs(rollout.address)
    assert marker.reference not in [one.reference for one in here]  # the update spent it
    reading = rollout.reader.read()
    assert reading.provenance is not None
    assert reading.provenance.transaction == later.transaction
    assert [item.verdict.name for item in reading.screened if item.output.reference == later.reference] == ["Accepted"]

    genesis = genesis_of(rollout.observer, rollout.network.magic)
    epoch_s = None if genesis is None else genesis.epoch_length * genesis.slot_length_s
    if epoch_s is not None and epoch_s <= SHORT_EPOCH_S:
        patience_s = (LEAD_EPOCHS + 1) * epoch_s + rollout.patience_s
        rollout.wait_for(lambda: rollout.observer.epoch() >= begins or None, f"epoch {begins}", patience_s)
        assert rollout.read((old, scheduled)).current.name == "new"

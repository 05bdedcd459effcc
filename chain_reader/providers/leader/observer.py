"""A leader as a chain observer: what it tells is held against the same rules of trust as a chain provider's answer.

In: a ``LeaderClient``, and what is followed already. Out: the answers of the ``ChainObserver`` port. The history is
walked and verified as a whole (``follower_walk``) before any of it is answered; what was verified once is not asked for
again.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from chain_reader.genesis import NetworkGenesis
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from chain_reader.providers.leader.client import LeaderClient, LeaderConfig, LeaderEntry, LeaderNetwork
from chain_reader.providers.leader.walk import FollowedPayload, walk
from chain_reader.providers.transport.errors import ProviderOfOtherNetworkError
from datum import VerificationKey
from eras import ChainReadError, Epoch, Slot


@dataclass(frozen=True, slots=True)
class FollowedGenesis:
    """What a leader has to be of to be followed.

    Attributes:
        network_magic: magic of the Cardano network, where it is configured.
        address: the era address.
        keys: the verification keys; a leader names one of them.
    """

    network_magic: int | None
    address: str
    keys: tuple[VerificationKey, ...]

    def require(self, network: LeaderNetwork, leader: str) -> None:
        """Check that a leader is of this genesis.

        Raises:
            ProviderOfOtherNetworkError: it is of another.
        """
        keys = [key.hex for key in self.keys]
        magic = self.network_magic
        if network.era_address == self.address and network.verification_key in keys and magic in (None, network.magic):
            return
        raise ProviderOfOtherNetworkError(
            f"{leader} follows other markers",
            expected=f"the era address {self.address}, the key {' or '.join(keys)}, magic {magic}",
            got=f"{network.era_address}, {network.verification_key}, magic {network.magic}"[:300],
            next_step="Correct the URL of the leader, or the network",
            provider=leader,
        )


class LeaderObserver:
    """A ``ChainObserver`` over a leader. Several threads may use it.

    Args:
        client: asks the leader; closing the observer closes it.
        followed: the genesis that the leader has to be of.
        known: what is followed already, newest first.
        genesis: of the Cardano network, where known: it says in which epoch a payload was published.
        accept_stale: whether to take what the leader itself cannot confirm now.
    """

    def __init__(
        self,
        client: LeaderClient,
        followed: FollowedGenesis,
        *,
        known: Sequence[FollowedPayload] = (),
        genesis: NetworkGenesis | None = None,
        accept_stale: bool = False,
    ) -> None:
        self.name = client.name
        self.capabilities = ObserverCapabilities(order=True, history=True, blocks=genesis is not None)
        self.client = client
        self._followed = followed
        self._known = tuple(known)
        self._genesis = genesis
        self._accept_stale = accept_stale
        self._turn = threading.Lock()
        self.chain: tuple[FollowedPayload, ...] = ()
        """The chain that the last walk found, newest first."""

    def epoch(self) -> Epoch:
        """The leader's epoch."""
        return Epoch(self._config().epoch)

    def tip(self) -> ChainTip:
        """The tip that the leader has read last."""
        config = self._config()
        return ChainTip(Slot(config.freshness.tip_slot or 0), None, None, Epoch(config.epoch))

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        """The payload in force, by a walk along the history.

        Raises:
            LeaderHistoryError: a link or a signature is not true.
            ChainReadError: it could not be read.
        """
        self.chain = self._walk()
        return self.history(address)[:1]

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every payload that is or was in force, newest first, as the last walk found it."""
        chain = self.chain if address == self._followed.address else ()
        return tuple(
            DatumOutput(
                payload.transaction,
                payload.index,
                payload.datum,
                0,
                None if payload.slot is None else Slot(payload.slot),
                payload.height,
                spent=place > 0,
            )
            for place, payload in enumerate(chain)
        )

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """A leader tells nothing of inputs.

        Raises:
            ChainReadError: always.
        """
        raise ChainReadError(f"{self.name} does not know the inputs of {transaction}", next_step="Ask a chain provider")

    def block_of(self, transaction: str) -> ChainTip | None:
        """The block of a payload's transaction, as far as its slot tells."""
        for payload in self._known:
            if payload.transaction == transaction and payload.slot is not None:
                slot = Slot(payload.slot)
                epoch = None if self._genesis is None else self._genesis.epoch_of(slot)
                return ChainTip(slot, payload.height, None, epoch)
        return None

    def _walk(self) -> tuple[FollowedPayload, ...]:
        """The verified chain, newest first; only what is new is asked for."""
        with self._turn:
            until = self.client.until()
            pages = 0

            def ask(before: str | None) -> Sequence[LeaderEntry]:
                nonlocal pages
                pages += 1
                if pages > self.client.limits.max_pages:
                    most = f"at most {self.client.limits.max_pages} pages"
                    raise self.client.beyond("/era/history", most, "max_pages")
                page = self.client.page(before, until)
                self._followed.require(page.network, self.name)
                return page.payloads

            found = walk(ask, self._followed.keys, self._known, leader=self.name)
            if not self._known or self._known[0].digest in [payload.digest for payload in found]:
                self._known = found  # else the leader is behind
            return found

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self.client.close()

    def _config(self) -> LeaderConfig:
        config = self.client.config(self.client.until())
        self._followed.require(config.network, self.name)
        stale = config.freshness.stale
        if stale is not None and not self._accept_stale:
            raise ChainReadError(
                f"{self.name} cannot confirm what it tells",
                code="LeaderStale",
                got=stale[:300],
                next_step="Wait for it, or follow another leader",
                provider=self.name,
            )
        return config

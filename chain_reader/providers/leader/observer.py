"""A leader as a chain observer: its answers are judged by the same rules of trust as a chain provider's.

In: a ``LeaderClient``, and what is followed already. Out: the answers of the ``ChainObserver`` port. The history is
walked and verified as a whole before any of it is answered: the payloads (``walk``), and the chain of publications by
the bytes of their transactions (``chain_reader.trust.publications``). What was verified once is not asked for again.
Each kind of marker is a history of its own, walked by an observer of its own (``under``) with the same client.
"""

import threading
from collections.abc import Mapping, Sequence

from chain_reader.genesis import NetworkGenesis
from chain_reader.ports import ChainTip, DatumOutput, ObserverCapabilities
from chain_reader.providers.leader.client import (
    LeaderClient,
    LeaderConfig,
    LeaderEntry,
    LeaderNetwork,
    history_path,
)
from chain_reader.providers.leader.history_chain import digest_of_signed
from chain_reader.providers.leader.walk import FollowedPayload, untrue, walk
from chain_reader.providers.transport.errors import ProviderOfOtherNetworkError
from chain_reader.trust.kinds import ERAS
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.publications import Link, verify_handed_on
from era_store.records import TrustKey
from eras import ChainReadError, Epoch, Slot
from eras.errors import kept


class LeaderObserver:
    """A ``ChainObserver`` over a leader. Several threads may use it.

    Args:
        client: asks the leader; closing the observer closes it.
        policy: the genesis that the leader has to be of, and what its history is verified by.
        known: what is followed already, newest first.
        kept: transaction → bytes of the publications that are followed already.
        genesis: of the Cardano network, where known: it gives the epoch in which a payload was published.
        accept_stale: whether to take what the leader itself cannot confirm now.
        require_proof: whether each publication is proved by its bytes; else signatures and the ratchet have to do.
    """

    def __init__(
        self,
        client: LeaderClient,
        policy: TrustPolicy,
        *,
        known: Sequence[FollowedPayload] = (),
        kept: Mapping[str, bytes] | None = None,
        genesis: NetworkGenesis | None = None,
        accept_stale: bool = False,
        require_proof: bool = True,
    ) -> None:
        self.name = client.name
        self.capabilities = ObserverCapabilities(
            order=True, inputs=require_proof, history=True, blocks=genesis is not None
        )
        self.client = client
        self._policy = policy
        self._known = tuple(known)
        self._kept = dict(kept or {})
        self._genesis = genesis
        self._accept_stale = accept_stale
        self._require_proof = require_proof
        self._turn = threading.Lock()
        self._failed: ChainReadError | None = None
        self._under: dict[TrustKey, LeaderObserver] = {policy.key: self}
        self.chain: tuple[FollowedPayload, ...] = ()
        """The chain of payloads that the last walk found, newest first."""
        self.links: tuple[Link, ...] = ()
        """The chain of publications that proves it, newest first."""

    def under(self, policy: TrustPolicy) -> "LeaderObserver":
        """The observer of what this policy is about, such as the other kind of markers; closing it closes this one."""
        if policy.key not in self._under:
            self._under[policy.key] = LeaderObserver(
                self.client,
                policy,
                genesis=self._genesis,
                accept_stale=self._accept_stale,
                require_proof=self._require_proof,
            )
        return self._under[policy.key]

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
        self._failed = None
        try:
            self.chain = self._walk()
        except ChainReadError as error:
            self._failed = kept(error)
            raise
        return self.history(address)[:1]

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        """Every payload that is or was in force, newest first, as the last walk found it.

        Raises:
            ChainReadError: it failed, and no other question gets what it did not.
        """
        if self._failed is not None:
            raise self._failed.with_traceback(None)
        if address != self._policy.address:
            return ()
        made = [(link.transaction, link.index, link.datum, _digest(link)) for link in self.links] or [
            (payload.transaction, payload.index, payload.datum, payload.digest) for payload in self.chain
        ]
        places = {payload.digest: (payload.slot, payload.height) for payload in self.chain}
        outputs: list[DatumOutput] = []
        for transaction, index, datum, digest in made:
            slot, height = places.get(digest, (None, None))
            outputs.append(
                DatumOutput(
                    transaction, index, datum, 0, None if slot is None else Slot(slot), height, spent=bool(outputs)
                )
            )
        return tuple(outputs)

    def transaction_bytes(self, transaction: str) -> bytes | None:
        """Return the bytes of a publication that was proved."""
        return next((link.data for link in self.links if link.transaction == transaction), None)

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        """Not known to a leader.

        Raises:
            ChainReadError: always.
        """
        raise ChainReadError(f"{self.name} does not know the inputs of {transaction}", next_step="Ask a chain provider")

    def block_of(self, transaction: str) -> ChainTip | None:
        """The block of a payload's transaction, as far as its slot shows."""
        for output in self.history(self._policy.address):
            if output.transaction == transaction and output.slot is not None:
                epoch = None if self._genesis is None else self._genesis.epoch_of(output.slot)
                return ChainTip(output.slot, output.height, None, epoch)
        return None

    def _walk(self) -> tuple[FollowedPayload, ...]:
        """The verified chain, newest first; only what is new is asked for."""
        kind = self._policy.kind.markers
        with self._turn:
            until = self.client.until()
            pages = 0
            entries: list[LeaderEntry] = []

            def ask(before: str | None) -> Sequence[LeaderEntry]:
                nonlocal pages
                pages += 1
                if pages > self.client.limits.max_pages:
                    most = f"at most {self.client.limits.max_pages} pages"
                    raise self.client.beyond(history_path(kind), most, "max_pages")
                page = self.client.page(kind, before, until)
                _require_genesis(self._policy, page.network, self.name)
                self._require_fresh(page.stale)
                entries.extend(page.payloads)
                return page.payloads

            found = walk(ask, self._policy.keys, self._known, leader=self.name, kind=kind)
            if self._require_proof and entries:
                self.links = self._proved(entries)
                self._kept |= {link.transaction: link.data for link in self.links}
            if not self._known or self._known[0].digest in [payload.digest for payload in found]:
                self._known = found  # else the leader is behind
            return found

    def _proved(self, entries: Sequence[LeaderEntry]) -> tuple[Link, ...]:
        """The chain of publications behind what the leader lists, newest first.

        Raises:
            LeaderHistoryError: a publication is left out, swapped or invented, or is not the newest.
        """
        expected = "the bytes of every publication, each signed by the owner of the era address and spending the last"
        handed_on = [bytes.fromhex(data) for entry in entries for data in entry.publications]
        next_step = (
            "Follow a leader whose provider shows transactions (Blockfrost, Koios, Dingo); where there is none, or the "
            "team did not spend the last publication each time, follower.require_proof = false does with signatures"
        )
        if not handed_on:
            raise untrue(self.name, expected, "none: it cannot prove what it serves", next_step)
        found = verify_handed_on(handed_on, self._kept, self._policy)
        if found.broken is not None:
            raise untrue(self.name, expected, found.broken, next_step)
        digests = [_digest(link) for link in found.links]
        if entries[0].digest != digests[0]:
            raise untrue(self.name, f"the payload of {found.links[0].transaction} as the newest", entries[0].digest)
        listed = [entry.digest for entry in entries]
        end = listed.index(digests[-1]) + 1 if self._policy.checkpoint and digests[-1] in listed else None
        missing = [entry for entry in entries[:end] if entry.digest not in digests]
        if missing:
            raise untrue(self.name, expected, f"none of {missing[0].output}, which it lists")
        linked = {link.transaction for link in found.links}
        last = self._known[0].transaction if self._known else None
        if last in self._kept and last not in linked and found.links[0].transaction not in self._kept:
            raise untrue(self.name, f"a chain that continues from {last}", "another one: a fork")
        return found.links

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self.client.close()

    def _config(self) -> LeaderConfig:
        config = self.client.config(self.client.until())
        if self._policy.kind is ERAS:  # the pages of a history state where other markers are published
            _require_genesis(self._policy, config.network, self.name)
        self._require_fresh(config.freshness.stale)
        return config

    def _require_fresh(self, stale: str | None) -> None:
        """Check that the leader can confirm what it hands on, where that is wanted.

        Raises:
            ChainReadError: it cannot.
        """
        if stale is not None and not self._accept_stale:
            raise ChainReadError(
                f"{self.name} cannot confirm its own answers",
                code="LeaderStale",
                got=stale[:300],
                next_step="Wait for it, or follow another leader",
                provider=self.name,
            )


def _digest(link: Link) -> str:
    return digest_of_signed(link.markers)


def _require_genesis(policy: TrustPolicy, network: LeaderNetwork, leader: str) -> None:
    """Check that a leader is of the genesis that is configured.

    Raises:
        ProviderOfOtherNetworkError: it is of another.
    """
    keys = [key.hex for key in policy.keys]
    magic = policy.network_magic
    if network.era_address == policy.address and network.verification_key in keys and magic in (None, network.magic):
        return
    raise ProviderOfOtherNetworkError(
        f"{leader} follows other markers",
        expected=f"the {policy.kind.markers} address {policy.address}, the key {' or '.join(keys)}, magic {magic}",
        got=f"{network.era_address}, {network.verification_key}, magic {network.magic}"[:300],
        next_step="Correct the URL of the leader, or the network",
        provider=leader,
    )

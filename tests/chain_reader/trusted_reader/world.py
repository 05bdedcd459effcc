"""The trusted reader: each rule of trust over a local chain, as observers of every knowledge see it."""

from collections.abc import Callable
from typing import Any

from chain_reader.providers.failover import Failover, TipChecker
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.reading import TrustedReading
from chain_reader.trusted_reader import TrustedReader
from era_store import MemoryStore, Store
from eras import ChainReadError
from tests.chain_reader.conftest import KEY, Network, Schedule
from tests.chain_reader.knowing import KNOWLEDGE, Knowing

MAGIC = 42


OLD: Schedule = {"t": 1}


NEW: Schedule = {"t": 1, "p": 9}


KNOWS = list(KNOWLEDGE)


KNOWS_HISTORY = ["history", "all"]


class World:
    """A network, an observer of it, a store, and readers over them."""

    def __init__(self, network: Network, knows: str = "all") -> None:
        self.network = network
        self.chain = network.chain
        self.observer = Knowing(network.chain, KNOWLEDGE[knows])
        self.store: Store = MemoryStore()
        self.settings: dict[str, Any] = {}

    def policy(self) -> TrustPolicy:
        facts: dict[str, Any] = {"keys": (KEY.verification_key,), "network_magic": MAGIC}
        return TrustPolicy(self.network.address, **(facts | self.settings))

    def node(self, *observers: Knowing, tip_check: TipChecker | None = None) -> TrustedReader:
        """A node as it is after a restart: what it knows is what the store knows."""
        providers = Failover.over(observers or (self.observer,), tip_check)
        return TrustedReader(providers, self.policy(), self.store, clock=lambda: 1.0)

    def fresh(self) -> TrustedReader:
        """A node that never read anything."""
        return TrustedReader(self.observer, self.policy(), MemoryStore(), clock=lambda: 1.0)

    def read(self) -> TrustedReading:
        return self.node().read()

    def both(self) -> Schedule:
        """What a node with memory and one without trust: the same."""
        with_memory, without = self.read(), self.fresh().read()
        assert schedule(with_memory) == schedule(without)
        assert with_memory.provenance == without.provenance
        return schedule(with_memory)

    def answer(self, question: str, change: Callable[[Any], Any]) -> None:
        """From now on the provider answers ``question`` with what ``change`` makes of the truth."""
        self.observer.change = lambda asked, answer: change(answer) if asked == question else answer

    def silence(self, message: str = "the line is dead") -> None:
        """From now on the provider answers nothing."""

        def fail(_question: str, _answer: Any) -> Any:
            raise ChainReadError(message)

        self.observer.change = fail

    def honest(self) -> None:
        """From now on the provider answers the truth."""
        self.observer.change = lambda _, answer: answer

    def kinds(self) -> list[str]:
        """The kinds of the events in the log."""
        return [event.kind for event in self.store.events.read()]


def schedule(reading: TrustedReading) -> Schedule:
    return {marker.name: marker.epoch for marker in reading.markers}


def names(reading: TrustedReading) -> list[str]:
    return sorted(item.verdict.name for item in reading.screened)

"""A network in a test: a local chain with a release team, a clock that stands still, and a node that is watched."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chain_reader import ChainTip, NodeCore, TrustPolicy
from chain_reader.genesis import NetworkGenesis
from chain_reader.local_chain import LocalChain
from chain_reader.node.core import NodeSettings
from chain_reader.node.kinds import Decision
from chain_reader.node.source import EvidenceSource
from chain_reader.providers.failover import Failover
from datum import EraMarkersPayload, SigningKey, encode_datum
from era_service.node.call_schedule import CallOptions
from era_service.node.epoch_clock import EpochClock
from era_service.node.hooks import Hook, HookEvent, Hooks
from era_service.node.watch_options import Surroundings
from era_service.node.watcher import NodeWatcher, WatchOptions
from era_store import MemoryStore, Store
from eras import ChainReadError, Epoch, EraMarker, Slot, SupportedEras
from eraswitch.testing.watching import at_once
from release_tools import LocalChainGateway, PaymentKey
from release_tools.transactions.posting import post_datum
from tests.chain_reader.fake_clock import FakeClock
from tests.chain_reader.knowing import Knowing

KEY = SigningKey(bytes(range(32)))
THIEF = SigningKey(bytes(range(1, 33)))
OWNER = PaymentKey(bytes(32))
ADDRESS = OWNER.address(0)
EPOCH_LENGTH = 100_000
START_S = 1_700_000_000.0
THALES, PYTHAGORAS, LAGRANGE = "thales", "pythagoras", "lagrange"


def genesis_of(chain: LocalChain) -> NetworkGenesis:
    """What the chain began with."""
    began = chain.genesis
    return NetworkGenesis(42, began.system_start_s, began.slot_length_s, began.epoch_length)


def publish(chain: LocalChain, *markers: tuple[str, int | None], key: SigningKey = KEY) -> str:
    """The release team publishes: by a transaction that spends from the era address."""
    listed = tuple(EraMarker(name, None if epoch is None else Epoch(epoch)) for name, epoch in markers)
    return publish_payload(chain, EraMarkersPayload(listed).sign(key).to_bytes())


def publish_payload(chain: LocalChain, payload: bytes) -> str:
    """As ``publish``, a payload of any kind."""
    chain.fund(ADDRESS, 10_000_000)
    gateway = LocalChainGateway(chain)
    return post_datum(gateway, encode_datum(payload), ADDRESS, OWNER).hash


@dataclass
class Watched:
    """A node under watch on a clock that moves when it sleeps.

    ``provider`` may fail or lie (``change``), ``told`` is every decision, ``hooked`` what hooks were told, ``slept``
    how long it slept each time.
    """

    chain: LocalChain
    time: FakeClock
    genesis: NetworkGenesis | None
    supported: tuple[str, ...] = (THALES, PYTHAGORAS)
    store: Store = field(default_factory=MemoryStore)
    calls: CallOptions = field(default_factory=lambda: CallOptions(600.0, 60.0, 300.0, "pool1", math.inf))
    told: list[Decision] = field(default_factory=list)
    hooked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    down: bool = False

    def watcher(self, **options: Any) -> NodeWatcher:
        """The watcher; ``options`` go to it beside what the test has."""
        self.provider = Knowing(self.chain, name="the provider", change=self._answer)
        policy = TrustPolicy(ADDRESS, (KEY.verification_key,), network_magic=42)
        settings = NodeSettings(policy, SupportedEras(self.supported))
        collect = [
            Hook(event, lambda event, facts: self.hooked.append((str(event), dict(facts))))
            for event in HookEvent
            if event is not HookEvent.BEFORE_SWITCH  # which would hold work up (test_preparation)
        ]
        drain_s = options.pop("drain_s", None)
        more: Sequence[Hook] = options.pop("more_hooks", ())
        self.hooks = Hooks([*collect, *more])
        return NodeWatcher(
            NodeCore(settings, self.store),
            EvidenceSource(Failover.over([self.provider], options.pop("tip_check", None)), policy, self.store),
            EpochClock(self.genesis, clock=self.time.clock),
            WatchOptions(self.calls, drain_s),
            Surroundings(
                hooks=self.hooks,
                on_decision=self.told.append,
                **{"wait": self.sleep, "begin": at_once} | options,
            ),
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time.pass_(seconds)

    def kinds(self) -> list[str]:
        """The kinds of decision since the last call."""
        kinds = [str(decision.kind) for decision in self.told]
        self.told.clear()
        return kinds

    def asked(self) -> list[str]:
        """What the provider was asked since the last call."""
        asked, self.provider.asked = self.provider.asked, []
        return asked

    def until(self, watcher: NodeWatcher, seconds: float, at_each: Callable[[], object] = lambda: None) -> None:
        """Let the watcher do its work for so long."""
        until = self.time.now + seconds
        while True:
            watcher.step()
            at_each()
            left = until - self.time.now
            if left <= 0:
                return
            self.sleep(min(left, watcher.wait_s()))

    def to_epoch(self, watcher: NodeWatcher, epoch: int, after_s: float = 100.0) -> None:
        """Let it work until so long after an epoch began."""
        assert self.genesis is not None
        begins = self.genesis.time_of(Slot(epoch * self.genesis.epoch_length))
        self.until(watcher, begins + after_s - self.time.clock.posix())

    def _answer(self, question: str, answer: Any) -> Any:
        if self.down:
            raise ChainReadError("The provider is down", next_step="Wait")
        if question == "tip":
            tip: ChainTip = answer
            return ChainTip(tip.slot, tip.height, tip.block_hash, Epoch(tip.slot // self.chain.genesis.epoch_length))
        return answer

"""However publishing, forging, replaying, flooding and rolling back interleave, honest history decides."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_reader import LocalObserver
from chain_reader.local_chain import Genesis, LocalChain
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trusted_reader import TrustedReader
from era_store import MemoryStore
from eras import CurrentEraNotFoundError, select_eras
from tests.chain_reader.conftest import ADA, KEY, OTHER_KEY, Network, markers
from tests.local_chain_faces.wallet import Wallet

NAMES = ("thales", "pythagoras", "lagrange", "euler")

operations = st.lists(
    st.one_of(
        st.just(("publish",)),
        st.tuples(st.sampled_from(["replay", "rollback"]), st.integers(0, 5)),
        st.sampled_from([("forge",), ("junk",), ("slot",), ("epoch",), ("read",)]),
    ),
    max_size=16,
)


class Story:
    """A chain, the honest history on it, and a node that reads now and then."""

    def __init__(self, chain: LocalChain) -> None:
        self.chain = chain
        chain.advance_to_epoch(5)
        team = Wallet.new()
        self.network = Network(chain, team, chain.fund(team.address, 5_000 * ADA))
        self.honest: list[tuple[int, dict, object]] = []
        """Height, schedule and funds before it, of every honest payload that is on the chain."""
        self.ever: list[dict] = []
        self.observer = LocalObserver(chain)
        self.policy = TrustPolicy(self.network.address, (KEY.verification_key,), network_magic=42)
        self.node = TrustedReader(self.observer, self.policy, MemoryStore())
        self.believed: dict | None = None

    def publish(self) -> None:
        """Announce the next era, or give the announced one its epoch."""
        last = self.honest[-1][1] if self.honest else None
        if last is None:
            schedule = {NAMES[0]: 1}
        elif (waiting := next((name for name, epoch in last.items() if epoch is None), None)) is not None:
            schedule = last | {waiting: self.chain.epoch() + 2}
        elif len(last) < len(NAMES):
            schedule = last | {NAMES[len(last)]: None}
        else:
            return
        funds = self.network.funds
        self.network.publish(schedule)
        self.honest.append((self.chain.tip().height, schedule, funds))
        self.ever.append(schedule)

    def replay(self, which: int) -> None:
        """Somebody posts a payload again that the team once signed."""
        if self.ever:
            self.network.post(self.ever[which % len(self.ever)])

    def forge(self) -> None:
        """Somebody posts a payload with a signature of another key."""
        self.network.post({"thales": 1, "evil": 2}, OTHER_KEY)

    def junk(self) -> None:
        """Somebody posts what is no payload."""
        self.network.post_datum("d8799f4163ff")

    def slot(self) -> None:
        """Time passes."""
        self.chain.advance_slots(1)

    def epoch(self) -> None:
        """The next epoch begins."""
        self.chain.advance_to_epoch(self.chain.epoch() + 1)

    def rollback(self, blocks: int) -> None:
        """The chain loses its newest blocks; not the one that funds the team."""
        depth = min(blocks, self.chain.tip().height - self.network_height)
        if depth > 0:
            self.chain.rollback(depth)
            while self.honest and self.honest[-1][0] > self.chain.tip().height:
                self.network.funds = self.honest.pop()[2]

    @property
    def network_height(self) -> int:
        return 2  # advanced to the epoch, then funded

    def read(self) -> None:
        """The node with memory reads, and so does one without."""
        on_chain = self.honest[-1][1] if self.honest else None
        fresh = TrustedReader(self.observer, self.policy, MemoryStore())
        if on_chain is None:
            with pytest.raises(CurrentEraNotFoundError):
                fresh.read()
        else:
            assert fresh.read().markers == markers(on_chain)
        expected = self.expected(on_chain)
        if expected is None:
            return
        reading = self.node.read()
        assert reading.markers == markers(expected)
        self.believed = expected
        token = select_eras(reading.markers, self.chain.epoch())
        assert token.current.epoch == max(e for e in expected.values() if e is not None and e <= self.chain.epoch())

    def expected(self, on_chain: dict | None) -> dict | None:
        """What honest history implies for the node with memory: what vanished stays, until something follows it."""
        if self.believed is None or on_chain is None:
            return on_chain or self.believed
        if self.ever.index(on_chain) < self.ever.index(self.believed):
            return self.believed
        return on_chain


@contextmanager
def story() -> Iterator[Story]:
    with (
        TemporaryDirectory() as folder,
        LocalChain.create(Path(folder) / "chain.sqlite", genesis=Genesis(epoch_length=100)) as chain,
    ):
        yield Story(chain)


@settings(max_examples=120, deadline=None)
@given(operations)
def test_rule_t4_nodes_stay_where_honest_history_leaves_them(steps):
    with story() as told:
        for name, *arguments in steps:
            getattr(told, name)(*arguments)
        told.read()

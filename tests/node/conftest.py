"""Fixtures of the node's side."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_reader.local_chain import Genesis, LocalChain
from tests.chain_reader.fake_clock import FakeClock
from tests.node.world import EPOCH_LENGTH, START_S, Watched, genesis_of


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Watched]:
    """A node that knows its network's genesis, on a chain that moves by the same clock."""
    time = FakeClock(posix=START_S)
    began = Genesis(epoch_length=EPOCH_LENGTH, system_start_s=int(START_S) - 5 * EPOCH_LENGTH - 100, clock_mode="wall")
    with LocalChain.create(tmp_path / "chain.sqlite3", genesis=began, clock=time.clock.posix) as chain:
        watched = Watched(chain, time, genesis_of(chain))
        yield watched
        if hasattr(watched, "hooks"):
            watched.hooks.close()


@pytest.fixture
def polling(tmp_path: Path) -> Iterator[Watched]:
    """A node that knows no genesis, on a chain whose slots move by command."""
    time = FakeClock(posix=START_S)
    with LocalChain.create(tmp_path / "chain.sqlite3", genesis=Genesis(epoch_length=100)) as chain:
        chain.advance_to_epoch(5)
        watched = Watched(chain, time, None)
        yield watched
        if hasattr(watched, "hooks"):
            watched.hooks.close()

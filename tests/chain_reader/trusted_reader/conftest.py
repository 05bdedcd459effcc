"""The trusted reader: each rule of trust over a local chain, as observers of every knowledge see it."""

from collections.abc import Iterator
from typing import Any

import pytest

from era_store import SqlStore
from tests.chain_reader.conftest import Network
from tests.chain_reader.trusted_reader.world import KNOWS, World


@pytest.fixture(params=KNOWS)
def world(request: pytest.FixtureRequest, network: Network) -> World:
    """One for each knowledge."""
    return World(network, request.param)


@pytest.fixture
def knowing(network: Network) -> World:
    """One whose observer knows everything."""
    return World(network)


@pytest.fixture
def bare(network: Network) -> World:
    """One whose observer knows the unspent outputs, and nothing else."""
    return World(network, "bare")


@pytest.fixture(autouse=True)
def closed_stores() -> Iterator[None]:
    """Nothing is left open, whatever a test did."""
    made: list[SqlStore] = []
    real = SqlStore.__init__

    def remember(self: SqlStore, *arguments: Any) -> None:
        made.append(self)
        real(self, *arguments)

    SqlStore.__init__ = remember  # type: ignore[method-assign]
    yield
    SqlStore.__init__ = real  # type: ignore[method-assign]
    for store in made:
        store.close()

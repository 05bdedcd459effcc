"""A funded chain, and what is needed to spend from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_reader.local_chain import Genesis, LocalChain
from tests.ledger.wallet import Wallet

GENESIS = Genesis(system_start_s=1_700_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chain.sqlite3"


@pytest.fixture
def chain(path: Path) -> Iterator[LocalChain]:
    with LocalChain.create(path, genesis=GENESIS) as chain:
        yield chain


@pytest.fixture
def wallet(chain: LocalChain) -> Wallet:
    return Wallet.funded(chain)

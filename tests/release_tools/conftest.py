"""A local chain, a paying key, and a gateway whose every submission a second ledger judges too."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_reader.local_chain import LocalChain
from release_tools import LocalChainGateway, PaymentKey, TransactionRefusedError
from tests.conftest import require
from tests.ledger.judge import ScalusLedger

SEEDS = {"wallet": bytes(range(32)), "stranger": bytes(range(100, 132))}


class JudgedGateway(LocalChainGateway):
    """Submits to the local chain, and holds its verdict against that of the Scalus ledger."""

    def __init__(self, chain: LocalChain) -> None:
        super().__init__(chain)
        self.chain = chain

    def submit(self, cbor: bytes) -> str:
        addresses = [PaymentKey(seed).address(0) for seed in SEEDS.values()]
        unspent = [made for address in addresses for made in self.chain.utxos(address)]
        judged = ScalusLedger(unspent, self.chain.current_slot()).submit(cbor)
        refusal: TransactionRefusedError | None = None
        try:
            submitted = super().submit(cbor)
        except TransactionRefusedError as error:
            refusal = error
        assert judged.accepted == (refusal is None), f"Scalus says {judged}, the local chain {refusal}"
        if refusal is not None:
            raise refusal
        assert judged.hash == submitted
        return submitted


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LocalChain]:
    with LocalChain.create(tmp_path / "chain.sqlite3") as chain:
        yield chain


@pytest.fixture
def gateway(chain: LocalChain) -> LocalChainGateway:
    require(shutil.which("node") is not None, "node")
    return JudgedGateway(chain)


@pytest.fixture(scope="session")
def wallet() -> PaymentKey:
    """The release team's wallet; the era address is its own."""
    return PaymentKey(SEEDS["wallet"])


@pytest.fixture(scope="session")
def stranger() -> PaymentKey:
    """A wallet of somebody else's."""
    return PaymentKey(SEEDS["stranger"])

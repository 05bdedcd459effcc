"""A served local chain, and the two real clients with every answer they get held against the published schemas."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from blockfrost import BlockFrostApi

from chain_reader.local_chain import Genesis, LocalChain, LocalChainServer, Output
from tests.conftest import ROOT
from tests.local_chain_faces.clients import CheckedOgmios, connected
from tests.local_chain_faces.provider_schemas import BlockfrostDescription, OgmiosDescription
from tests.local_chain_faces.wallet import ADA, DATUM, START_S, Wallet
from tests.node_packages import install

PREFIX = "/api/v0"


@pytest.fixture(scope="session")
def blockfrost_description() -> BlockfrostDescription:
    peers = ROOT / "tests" / "peers"
    install(peers)
    return BlockfrostDescription(peers / "node_modules" / "@blockfrost" / "openapi" / "openapi.yaml")


@pytest.fixture(scope="session")
def ogmios_description(vectors: Path) -> OgmiosDescription:
    return OgmiosDescription(vectors)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LocalChain]:
    """A chain in epoch 3 (epochs of 100 slots of a second), in the test's own hands."""
    with LocalChain.create(tmp_path / "chain.sqlite", genesis=Genesis(system_start_s=START_S)) as made:
        made.advance_to_epoch(3)
        yield made


@pytest.fixture
def server(chain: LocalChain) -> Iterator[LocalChainServer]:
    """The same chain, served."""
    with LocalChainServer(chain.path) as running:
        yield running


@pytest.fixture
def wallet() -> Wallet:
    return Wallet.new()


@pytest.fixture
def funds(chain: LocalChain, wallet: Wallet) -> Output:
    return chain.fund(wallet.address, 100 * ADA)


@pytest.fixture
def paid(chain: LocalChain, wallet: Wallet, funds: Output) -> str:
    """A transaction of 10 ada with an inline datum and metadata, 5 slots after its funds."""
    chain.advance_slots(5)
    metadata = {1: {"b": [1, -2, "x"], 7: b"\x01\x02"}, 2: "note"}
    return chain.submit(wallet.pay(funds, wallet.address, 10 * ADA, datum=DATUM, metadata=metadata, ttl=1000))


@pytest.fixture
def checked_requests(
    monkeypatch: pytest.MonkeyPatch, blockfrost_description: BlockfrostDescription
) -> list[requests.Response]:
    """Every answer that ``requests`` gets from a Blockfrost face is checked, and kept here."""
    answers: list[requests.Response] = []
    plain = requests.Session.request

    def checked(session: requests.Session, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        response = plain(session, method, url, *args, **kwargs)
        _, found, path = response.url.partition("?")[0].partition(PREFIX)
        if found:
            blockfrost_description.check(method, path, response.status_code, response.json())
            answers.append(response)
        return response

    monkeypatch.setattr(requests.Session, "request", checked)
    return answers


@pytest.fixture
def blockfrost(server: LocalChainServer, checked_requests: list[requests.Response]) -> BlockFrostApi:
    """The real Blockfrost client."""
    return BlockFrostApi(project_id="any", base_url=server.blockfrost_url.removesuffix("/v0"), api_version="v0")


@pytest.fixture
def connect_ogmios(
    server: LocalChainServer, ogmios_description: OgmiosDescription
) -> Iterator[Callable[[], CheckedOgmios]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(connected(server, ogmios_description))


@pytest.fixture
def ogmios_client(connect_ogmios: Callable[[], CheckedOgmios]) -> CheckedOgmios:
    return connect_ogmios()

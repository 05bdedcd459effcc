"""``eraswitch status`` over several providers that must agree, over ``cardano-cli``, and over one that has stopped."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain_reader.local_chain import Genesis, LocalChain, LocalChainServer
from release_tools import PaymentKey
from tests.chain_reader.fake_cardano_cli import answering
from tests.era_service.cli.test_status import Network, payload
from tests.era_service.conftest import invoke

SCHEDULE = (("pythagoras", 0),)


@pytest.fixture
def network(own_folders: Path) -> Iterator[Network]:
    owner = PaymentKey.generate()
    with LocalChain.create(own_folders / "chain.sqlite3", genesis=Genesis(epoch_length=10)) as chain:
        chain.fund(owner.address(0), 1_000_000_000)
        network = Network(chain, owner, owner.address(0))
        network.publish(payload(*SCHEDULE))
        yield network


@pytest.fixture
def server(network: Network) -> Iterator[LocalChainServer]:
    with LocalChainServer(network.chain.path) as running:
        yield running


def status(network: Network, *providers: str, **environ: str) -> tuple[int, dict[str, Any]]:
    given = {"ERASWITCH_READER__PROVIDERS": ",".join(providers), **network.environ(), **environ}
    result = invoke("status", "--json", env=given)
    return result.exit_code, json.loads(result.stdout)


def test_providers_that_agree_are_believed(network: Network, server: LocalChainServer):
    code, document = status(
        network, "local:chain.sqlite3", server.blockfrost_url, server.ogmios_url, ERASWITCH_READER__AGREEMENT="2"
    )
    assert (code, document["current_era"]) == (0, "pythagoras")
    assert document["trusted"]["source"].startswith("2 of 3 (")


def test_providers_that_do_not_agree_are_an_error_that_names_them(network: Network, own_folders: Path):
    LocalChain.create(own_folders / "other.sqlite3").close()
    code, document = status(network, "local:chain.sqlite3", "local:other.sqlite3", ERASWITCH_READER__AGREEMENT="2")
    assert code == 5
    assert document["error"]["code"] == "Agreement"
    assert "local chain chain.sqlite3: 1 signed payload ['pythagoras' 0]" in document["error"]["message"]
    assert "local chain other.sqlite3: 0 signed payloads" in document["error"]["message"]


def test_too_few_providers_cannot_agree(network: Network):
    result = invoke(
        "status", "--provider", "local:chain.sqlite3", env={**network.environ(), "ERASWITCH_READER__AGREEMENT": "2"}
    )
    assert result.exit_code == 2
    assert "at most 1 of 1" in result.stderr


def test_cardano_cli_is_read(network: Network, own_folders: Path, monkeypatch: pytest.MonkeyPatch):
    answering(own_folders / "cardano-cli")
    monkeypatch.setenv("PATH", str(own_folders), prepend=":")
    code, document = status(network, "cardano-cli:chain.sqlite3", ERASWITCH_NETWORK__MAGIC="42")
    assert (code, document["current_era"]) == (0, "pythagoras")
    assert document["trusted"]["source"].startswith("cardano-cli chain.sqlite3")


def test_a_tip_that_has_stopped_is_told(network: Network):
    devnet = {
        "ERASWITCH_NETWORK__MAGIC": "42",
        "ERASWITCH_NETWORK__SYSTEM_START_S": "1700000000",
        "ERASWITCH_NETWORK__SLOT_LENGTH_S": "1",
        "ERASWITCH_NETWORK__EPOCH_LENGTH": "1000000000",
    }
    code, document = status(network, "local:chain.sqlite3", **devnet)
    assert (code, document["current_era"]) == (0, "pythagoras")  # what is trusted is in force all the same
    assert "behind the clock: the provider has stopped or lags" in document["stale"]
    assert any("is not confirmed" in warning for warning in document["warnings"])
    code, document = status(network, "local:chain.sqlite3", **devnet | {"ERASWITCH_NETWORK__EPOCH_LENGTH": "10"})
    assert (code, document["current_era"]) == (5, None), "an epoch far from the clock's is not believed"
    assert "the epoch is not that of the clock" in document["error"]["what"]


def test_a_local_chain_that_is_not_there_is_told(network: Network):
    code, document = status(network, "local:missing.sqlite3")
    assert (code, document["current_era"]) == (5, None)
    assert document["error"]["code"] == "Store"


def test_a_provider_of_another_network_is_told(network: Network):
    code, document = status(network, "local:chain.sqlite3", ERASWITCH_NETWORK__MAGIC="1")
    assert code == 5
    assert document["error"]["code"] == "ProviderOfOtherNetwork"

"""An observer from one line of configuration."""

from pathlib import Path

import pytest

from chain_reader import BlockfrostObserver, LocalObserver, OgmiosObserver, ReadLimits, observer_from_url
from chain_reader.local_chain import LocalChainServer
from chain_reader.providers.cardano_cli import CardanoCliObserver
from chain_reader.providers.from_url import GATEWAY_KINDS, PROVIDERS, NoGatewayError, gateway_from_url, names_provider
from eras import ConfigurationError, Epoch, StoreError
from tests.chain_reader.conftest import Network
from tests.chain_reader.fake_cardano_cli import answering
from tests.errors import raising


def test_each_kind_reads_the_same_chain(network: Network, server: LocalChainServer):
    for text, kind in (
        (f"blockfrost:{server.blockfrost_url}", BlockfrostObserver),
        (server.blockfrost_url, BlockfrostObserver),
        (f"ogmios:{server.ogmios_url}", OgmiosObserver),
        (server.ogmios_url, OgmiosObserver),
        (f"local:{network.chain.path}", LocalObserver),
    ):
        observer = observer_from_url(text, project_id="any")
        assert isinstance(observer, kind)
        assert observer.epoch() == Epoch(5)
        observer.close()


@pytest.mark.parametrize("kind", PROVIDERS)
def test_every_kind_has_a_form_and_opens_what_is_in_its_folder(kind: str, network: Network):
    places = {
        "cardano-cli": "node.socket",
        "kupo": "http://h+ws://h",
        "local": str(network.chain.path),
        "ogmios": "ws://h",
    }
    text = f"{kind}:{places.get(kind, 'http://h/api')}"
    assert names_provider(text)
    assert not names_provider(f"{kind}:")
    observer = observer_from_url(text, network_magic=42)
    opened = [observer]
    if kind in GATEWAY_KINDS:
        opened.append(gateway_from_url(text))
    else:
        with pytest.raises(NoGatewayError):
            gateway_from_url(text)
    for one in opened:
        assert type(one).__module__.startswith(f"chain_reader.providers.{kind.replace('-', '_')}")
        one.close()


def test_cardano_cli_needs_the_network_and_may_be_told_its_program(network: Network, tmp_path: Path):
    program = answering(tmp_path / "cardano-cli")
    observer = observer_from_url(f"cardano-cli:{network.chain.path}", network_magic=42, program=program)
    assert isinstance(observer, CardanoCliObserver)
    assert observer.epoch() == Epoch(5)
    assert observer_from_url("cardano-cli:node.socket", network_magic=42).name == "cardano-cli node.socket"


@pytest.mark.parametrize("network", ["mainnet", "preprod", "preview"])
def test_the_public_networks_go_by_name(network: str):
    observer = observer_from_url(f"blockfrost:{network}", project_id="any")
    assert observer.name == f"blockfrost https://cardano-{network}.blockfrost.io"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "",
            "blockfrost:<url>, koios:<url>, ogmios:<url>, kupo:<url>+<url of an Ogmios>, cardano-cli:<path",
        ),
        ("blockfrost", "Did you mean blockfrost"),
        ("blokfrost:https://host/api/v0", "Did you mean blockfrost:"),
        ("ogmio:ws://host", "Did you mean ogmios:"),
        ("cardano_cli:x", "Did you mean cardano-cli:"),
        ("zzz:x", "Correct the chain observer"),
    ],
)
def test_an_unknown_kind_names_the_known_and_the_nearest(text: str, says: str):
    with raising("UnknownObserver") as caught:
        observer_from_url(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("blockfrost:", "blockfrost:<url>"),
        ("local:", "local:<path>"),
        ("cardano-cli:", "cardano-cli:<path of the socket>"),
        ("kupo:", "kupo:<url>+<url of an Ogmios>"),
        ("cardano-cli:node.socket", "the magic of the node's network"),
        ("blockfrost:sanchonet", "one of mainnet, preprod, preview"),
        ("blockfrost:ws://host/x", "http://host or https://host"),
        ("ogmios:http://host", "ws://host or wss://host"),
    ],
)
def test_what_follows_the_kind_is_checked(text: str, says: str):
    with pytest.raises(ConfigurationError) as caught:
        observer_from_url(text)
    assert says in str(caught.value)


def test_a_local_chain_that_is_not_there(tmp_path):
    with pytest.raises(StoreError):
        observer_from_url(f"local:{tmp_path / 'nothing.sqlite'}")


@pytest.mark.parametrize("limit", ["connect_timeout_s", "read_deadline_s", "max_pages", "max_message_bytes"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_is_above_zero(limit: str, value: float):
    with pytest.raises(ConfigurationError, match=limit):
        ReadLimits(**{limit: value})

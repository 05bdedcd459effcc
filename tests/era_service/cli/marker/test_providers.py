"""A change of markers through providers that fail."""

import json
from typing import Any

import pytest

from chain_reader.providers.from_url import NoGatewayError
from release_tools import TransactionGateway
from tests.era_service.conftest import invoke
from tests.era_service.release_world import World


def test_the_next_provider_is_asked_when_one_fails(world: World) -> None:
    world.configure()
    text = (world.folder / "eraswitch.toml").read_text()
    broken = text.replace('["local:', '["http://127.0.0.1:1/api/v0", "local:gone.sqlite3", "local:')
    (world.folder / "eraswitch.toml").write_text(broken)
    result = world.change("activate", "thales", "--at", "5")
    assert result.exit_code == 0, result.output
    assert "trying the next" in result.stderr


@pytest.mark.parametrize(
    ("provider", "code", "error"),
    [
        ("http://127.0.0.1:1/api/v0", 5, "ProviderUnreachable"),
        ("ws://127.0.0.1:1", 5, "ProviderUnreachable"),
        ("local:gone.sqlite3", 1, "Store"),
    ],
)
def test_no_provider_answers(world: World, provider: str, code: int, error: str) -> None:
    result = world.change("activate", "thales", "--at", "5", "--provider", provider, "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (code, error)


def test_no_provider_at_all(world: World) -> None:
    text = (world.folder / "eraswitch.toml").read_text().replace('["local:chain.sqlite3"]', "[]")
    (world.folder / "eraswitch.toml").write_text(text)
    result = invoke("marker", "show", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "ProviderNeeded"


def test_a_provider_that_takes_no_transactions_is_passed_over_when_publishing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading there is fine; what is to be submitted goes to the next one."""
    from era_service.wiring import providers as config_reader

    text = (world.folder / "eraswitch.toml").read_text()
    (world.folder / "eraswitch.toml").write_text(text.replace('["local:', '["local:./chain.sqlite3", "local:'))
    real = config_reader.open_gateway

    def open_gateway(provider: Any, settings: Any) -> TransactionGateway:
        if provider.url == "local:./chain.sqlite3":
            raise NoGatewayError("The provider takes no transactions")
        return real(provider, settings)

    monkeypatch.setattr(config_reader, "open_gateway", open_gateway)
    shown = invoke("marker", "show")
    assert (shown.exit_code, shown.stderr) == (0, "")
    result = world.change("activate", "thales", "--at", "5")
    assert result.exit_code == 0, result.output
    assert "takes no transactions" not in result.stderr  # it need not be mended
    code = invoke("marker", "announce", "pythagoras", "--provider", "local:./chain.sqlite3").exit_code
    assert code == 2


def test_nothing_is_published_over_what_is_not_confirmed(world: World) -> None:
    """Nodes here wait for two blocks: until then a second change would undo the first unseen."""
    world.configure("[trust]\nconfirmations = 2")
    short = world.change("activate", "thales", "--at", "5", "--timeout", "0.3")
    assert "a node does not trust it (Unconfirmed" in short.stderr
    elsewhere = ("--journal", "elsewhere")
    result = world.change("activate", "thales", "--at", "5", "--json", *elsewhere)
    assert json.loads(result.stdout)["error"]["code"] == "UnconfirmedMarkers"
    world.chain.advance_slots(1)
    world.chain.advance_slots(1)
    assert world.changed("activate", "thales", "--at", "5")["status"] == "published"
    assert len(world.transactions()) == 1

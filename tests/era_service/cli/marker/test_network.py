"""A change of markers names its network, and is refused for another one."""

import json
from pathlib import Path

import pytest

from release_tools import PaymentKey
from tests.era_service.conftest import invoke
from tests.era_service.release_world import ERA_KEY, World


def test_the_network_is_always_named(own_folders: Path) -> None:
    for arguments in (["marker", "show"], ["marker", "announce", "thales", "--dry-run"]):
        result = invoke(*arguments, "--provider", "local:x", "--json")
        assert json.loads(result.stdout)["error"]["code"] == "NetworkNeeded"
        assert result.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--network-magic", "7"), "NetworkContradiction", "expected network magic 42 of rehearsal, got 7"),
        (("--mainnet",), "NetworkContradiction", "got 764824073 by --mainnet"),
        (("--mainnet", "--network-magic", "42"), "Usage", "name different networks"),
        (("--network", "preprod"), "WrongNetwork", "is on another network: expected network magic 1, got 42"),
        (("--network", "mainnet"), "WrongNetwork", "expected network magic 764824073, got 42"),
    ],
)
def test_another_network_is_refused(world: World, arguments: tuple[str, ...], code: str, words: str) -> None:
    result = world.change("activate", "thales", "--at", "5", "--json", *arguments)
    error = json.loads(result.stdout)["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert world.transactions() == []


def test_network_by_magic_alone(world: World) -> None:
    (world.folder / "eraswitch.toml").unlink()
    environ = {
        "ERASWITCH_NETWORK__ERA_ADDRESS": world.address,
        "ERASWITCH_NETWORK__VERIFICATION_KEY": ERA_KEY.verification_key.hex,
        "ERASWITCH_NETWORK__SUPPORTED_ERAS": "thales,pythagoras",
    }
    place = ("--provider", "local:chain.sqlite3", "--network-magic", "42")
    result = world.change("activate", "thales", "--at", "5", *place, env=environ)
    assert result.exit_code == 0, result.output
    assert world.change("activate", "thales", "--at", "5", *place[:2], env=environ).exit_code == 2


@pytest.mark.parametrize("which", ["era_address", "payment_address"])
def test_address_of_another_network_is_refused(world: World, which: str) -> None:
    mainnet = PaymentKey(bytes(range(32))).address(1)
    extra: tuple[str, ...] = ("--payment-address", mainnet)
    if which == "era_address":
        world.address, extra = mainnet, ()
        world.configure()
    result = world.change("activate", "thales", "--at", "5", *extra)
    assert result.exit_code == 1
    assert "belongs to another network: expected network id 0, got network id 1" in result.stderr

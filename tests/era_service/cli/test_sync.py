"""``eraswitch sync`` and ``serve --follow`` against a real leader, and what each refusal tells a shell."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from datum import encode_datum
from era_service.service.client import ServiceClient
from era_store import Registration, open_store
from era_store.networks import NetworkKey
from eras import Epoch
from tests.era_service.cli.test_status import KEY, Network, funded_network, payload
from tests.era_service.conftest import invoke
from tests.era_service.follower.test_follower import lie_gap
from tests.era_service.leader_stub import Leader, configurations, running
from tests.era_service.served import Served, served, within

MAGIC = 42


@pytest.fixture
def network(own_folders: Path) -> Iterator[Network]:
    with funded_network(own_folders, slot_length_s=86_400) as made:  # its first epoch outlasts every test
        made.publish(payload(("thales", 0)), thread=True)
        made.publish(payload(("thales", 0), ("pythagoras", None)), thread=True)
        yield made


def environment(network: Network) -> dict[str, str]:
    return {
        "ERASWITCH_NETWORK__ERA_ADDRESS": network.address,
        "ERASWITCH_NETWORK__VERIFICATION_KEY": KEY.verification_key.hex,
        "ERASWITCH_NETWORK__MAGIC": str(MAGIC),
        "ERASWITCH_PROTOCOL_CONFIGURATION__ENABLED": "true",
    }


@pytest.fixture
def leader(network: Network, own_folders: Path) -> Iterator[Served]:
    """A leader that reads the chain, and has three registrations."""
    with open_store("leader.sqlite3", network=NetworkKey(MAGIC, network.address)) as store:
        rows = [Registration(f"pool{n}", Epoch(0), "0.3.0", n, 1.0, "test") for n in range(3)]
        store.registrations.ingest(rows, source="test", time_s=1.0)
    options = ("--store", "leader.sqlite3", "--provider", "local:chain.sqlite3", "--poll", "0.2")
    with served(own_folders, *options, env=environment(network)) as made:
        within(60, lambda: len(made.eras()) == 2)
        yield made


def sync(network: Network, *arguments: str) -> tuple[int, dict[str, Any], str]:
    result = invoke("sync", "--json", "--store", "follower.sqlite3", *arguments, env=environment(network))
    return result.exit_code, json.loads(result.stdout), result.stderr


def test_the_real_leader_is_followed_and_then_served_without_it(
    network: Network, leader: Served, own_folders: Path
) -> None:
    code, report, _ = sync(network, "--from", leader.url + "/", "--with-registrations")
    assert (code, report["reason"], report["payloads"], report["registrations"]["accepted"]) == (0, "empty", 2, 3)
    network.publish(payload(("thales", 0), ("pythagoras", 9)), thread=True)
    within(60, lambda: leader.get("/era/status")["eras"][-1]["epoch"] == 9)
    assert sync(network, "--from", leader.url)[1]["taken"] == 1
    assert sync(network, "--from", leader.url)[1]["reason"] == "nothing-new"
    with closing(ServiceClient(leader.url, KEY.verification_key, era_address=network.address)) as client:
        proved = client.publications()
    env = environment(network) | {"ERASWITCH_STORE__URL": "sqlite:///follower.sqlite3"}
    verified = json.loads(invoke("marker", "history", "--verify", "--json", env=env).stdout)
    assert (verified["verified"], verified["payloads"]) == (True, [link.to_dict() for link in proved])
    assert proved[0].transaction == network.last
    told = leader.get("/era/status")
    leader.kill()
    code, report, said = sync(network, "--from", leader.url)
    assert (code, report["error"]["code"]) == (5, "ProviderUnreachable"), said
    options = ("--store", "follower.sqlite3", "--follow", leader.url, "--poll", "0.3")
    with served(own_folders, *options, env=environment(network)) as follower:
        within(60, lambda: follower.eras() == ["thales", "pythagoras"])
        found = follower.get("/era/status")
        assert found["trusted"]["transaction"] == told["trusted"]["transaction"]
        assert found["stale"] is not None
        assert follower.get("/era/history?in_force=true")["stale"] is not None


def test_a_service_that_follows(network: Network, leader: Served, own_folders: Path, postgres_url: str) -> None:
    options = ("--store", postgres_url, "--follow", leader.url, "--poll", "0.2", "--with-registrations")
    with served(own_folders, *options, env=environment(network)) as follower:
        within(60, lambda: follower.eras() == ["thales", "pythagoras"])
        network.publish(payload(("thales", 0), ("pythagoras", 9)), thread=True)
        within(60, lambda: follower.get("/era/status")["eras"][-1]["epoch"] == 9)
        within(60, lambda: len(follower.get("/registrations?epoch=0")["registrations"]) == 3)
        network.publish(encode_datum(configurations({0: 5, 9: 6}, KEY)))
        within(60, lambda: follower.get("/configuration")["next"] is not None)
        within(60, lambda: _as_its_leader(leader.get("/configuration"), follower.get("/configuration")))
        told, found = leader.get("/era/markers"), follower.get("/era/markers")
        assert found["payload"] == told["payload"]
        assert follower.get("/era/status")["stale"] is None
        again = follower.get("/era/history?in_force=true")
        assert len(again["payloads"]) == 3, "who follows can be followed"
        with served(
            own_folders, "--store", "third.sqlite3", "--follow", follower.url, "--poll", "0.2", env=environment(network)
        ) as third:
            within(60, lambda: third.get("/era/status").get("payload") == told["payload"])
            within(60, lambda: third.get("/configuration/9") == leader.get("/configuration/9"))


def _as_its_leader(told: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether a follower's configurations are its leader's; an epoch may begin between the two answers."""
    own = {"trusted": told["trusted"] | {"source": found["trusted"]["source"]}, "verdicts": {"Accepted": 1}}
    return found == told | own


def test_pages_of_what_was_in_force(network: Network, leader: Served) -> None:
    first = leader.get("/era/history?in_force=true&limit=1")
    (newest,) = first["payloads"]
    assert (first["not_listed"], first["next"]) == (1, newest["digest"])
    second = leader.get(f"/era/history?in_force=true&limit=1&before={newest['digest']}")
    (oldest,) = second["payloads"]
    assert (newest["previous"], oldest["previous"], second["next"]) == (oldest["digest"], None, None)
    assert leader.get(f"/era/history?in_force=true&before={'ab' * 32}")["payloads"] == []
    assert leader.get("/era/history?in_force=true&before=x")["status"] == 422


def test_in_words(network: Network, leader: Served) -> None:
    result = invoke("sync", "--from", leader.url, "--with-registrations", env=environment(network))
    assert result.exit_code == 0, result.output
    assert "its whole history was taken (2 of 2 payloads); 3 registrations" in result.stdout


def test_what_is_refused(network: Network) -> None:
    with running(Leader()) as stub:
        assert sync(network)[:1] == (2,), "nobody to follow"
        code, found, _ = sync(network, "--from", stub.url)
        assert (code, found["error"]["code"]) == (5, "ProviderOfOtherNetwork")
        stub.network |= {"era_address": network.address, "verification_key": KEY.verification_key.hex}
        lie_gap(stub)
        code, found, said = sync(network, "--from", stub.url)
        assert (code, found["error"]["code"]) == (5, "LeaderHistory")
        assert "Traceback" not in said
        provider = {"ERASWITCH_READER__PROVIDERS": "local:chain.sqlite3"}
        result = invoke("sync", "--json", "--from", stub.url, env=environment(network) | provider)
        assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (2, "LeaderCannotFollow")
        result = invoke("serve", "--json", "--follow", stub.url, "--provider", "local:x", env=environment(network))
        assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (2, "LeaderCannotFollow")
        result = invoke("serve", "--json", "--follow", stub.url)
        assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (2, "EraPlaceNeeded")

"""The API version: what is answered, what is refused, and how a client is told."""

import pytest

from datum import SignatureMismatchError, SigningKey
from era_service.service import client as client_module
from era_service.service.client import ServiceClient, ServiceRolledBackError, ServiceVersionError
from eras import ApiVersion, ChainReadError, Epoch, EraMarker
from tests.web.world import FIRST, LAGRANGE, PYTHAGORAS, SCHEDULED

ASKED_UNDER = ("/era/status", "/era/markers?x=1", "/switches", "/adoption/summary", "/registrations?epoch=1", "/events")


@pytest.mark.parametrize("version", ["0.1.0", "0.1.99"])
def test_a_compatible_version_is_answered(still_world, version):
    for path in ASKED_UNDER:
        answer = still_world.client.get(path, headers={"mithril-api-version": version})
        assert answer.status_code in (200, 404), path
        assert answer.headers["mithril-api-version"] == "0.1.0"


@pytest.mark.parametrize("version", ["0.2.0", "0.0.9", "1.1.0"])
def test_another_version_is_refused_with_what_is_spoken(still_world, version):
    for path in ASKED_UNDER:
        answer = still_world.client.get(path, headers={"mithril-api-version": version})
        found = answer.json()
        assert (answer.status_code, found["code"]) == (412, "ApiVersionMismatch"), path
        assert found["facts"]["spoken"] == "0.1.0"
        assert answer.headers["mithril-api-version"] == "0.1.0"


def test_every_path_that_documents_the_header_refuses_another_version(still_world):
    paths = still_world.client.get("/openapi.json").json()["paths"]
    asked = {
        path.replace("{epoch}", "1")
        for path, methods in paths.items()
        for one in methods.get("get", {}).get("parameters", ())
        if one["name"] == "mithril-api-version"
    }
    assert len(asked) > 10
    for path in asked:
        assert still_world.client.get(path, headers={"mithril-api-version": "9.9.9"}).status_code == 412, path


@pytest.mark.parametrize("path", ["/health/live", "/version", "/openapi.json"])
def test_whoever_is_no_node_is_answered_whatever_it_says(still_world, path):
    assert still_world.client.get(path, headers={"mithril-api-version": "9.9.9"}).status_code == 200


@pytest.mark.parametrize("version", ["", "1", "0.1", "0.1.0-beta", "x" * 100])
def test_what_is_no_version_is_a_bad_request(still_world, version):
    answer = still_world.client.get("/era/status", headers={"mithril-api-version": version})
    assert (answer.status_code, answer.json()["code"]) == (400, "MalformedRequest")


def test_a_switch_does_not_change_what_the_service_speaks(any_world):
    any_world.publish(SCHEDULED)
    spoken = {"mithril-api-version": "0.1.7"}
    before = any_world.client.get("/era/status", headers=spoken).json()
    any_world.enter(4)
    after = any_world.client.get("/era/status", headers=spoken)
    assert after.headers["mithril-api-version"] == "0.1.0"
    assert (before["current_era"], after.json()["current_era"]) == (PYTHAGORAS, LAGRANGE)
    assert before.keys() == after.json().keys()
    assert any_world.client.get("/openapi.json").json()["info"]["version"] == "0.1.0"
    assert any_world.client.get("/switches").json()["switches"] == [], "no program embeds it"


# --- the client


@pytest.fixture
def client(world):
    made = ServiceClient(
        world.client.url + "/",
        world.stage.era_key.verification_key,
        network_magic=42,
        era_address=world.stage.era_address,
        node_version="0.3.12",
    )
    yield made
    made.close()


def test_the_client_verifies_the_markers_itself(world, client):
    world.publish(SCHEDULED)
    reading = client.read()
    assert reading.markers == SCHEDULED
    assert reading.provenance.transaction == world.posted[-1].transaction
    assert reading.provenance.key == world.stage.era_key.verification_key.hex
    assert (client.current_era(), client.epoch()) == (PYTHAGORAS, Epoch(1))
    assert world.service.peers.versions == {"0.3.12": 3}
    assert world.service.peers.schedules == {}, "its era-id was ours"


def test_the_client_believes_no_service_that_another_key_signs_for(world):
    stranger = ServiceClient(world.client.url, SigningKey.generate().verification_key)
    with pytest.raises(SignatureMismatchError):
        stranger.read()
    stranger.close()


def test_the_client_refuses_an_older_payload(world, client):
    world.publish(SCHEDULED)
    older = world.service.snapshot
    world.enter(4)
    client.read()
    world.service.answers = {}  # from here on the service lies: it hands out what it had before
    older_markers = older.markers.model_copy(
        update={"payload": world.service.snapshot.history.payloads[-1].payload, "epoch": 4}
    )
    assert LAGRANGE not in older_markers.payload
    world.service._snapshot = older.model_copy(update={"markers": older_markers})
    with pytest.raises(ServiceRolledBackError, match="older than the previous one"):
        client.read()


def test_the_client_sees_a_switch(world, client):
    world.publish(SCHEDULED)
    assert client.current_era() == PYTHAGORAS
    world.enter(4)
    assert client.current_era() == LAGRANGE
    assert client.read().markers == SCHEDULED


def test_a_client_of_another_version_says_so(world, client, monkeypatch):
    monkeypatch.setattr(client_module, "API_VERSION", ApiVersion(0, 9, 0))
    with pytest.raises(ServiceVersionError, match=r"expected one that is compatible with 0\.9\.0") as refused:
        client.read()
    assert refused.value.facts["spoken"] == "0.1.0"


def test_a_service_that_is_down_is_a_read_error(world):
    gone = ServiceClient("http://127.0.0.1:1", world.stage.era_key.verification_key)
    with pytest.raises(ChainReadError):
        gone.read()
    gone.close()


def test_what_the_client_hands_on_is_no_secret(world):
    client = ServiceClient(world.client.url, world.stage.era_key.verification_key, token="eraswitch_hush")
    assert "hush" not in repr(client)
    client.close()


def test_a_retired_era_is_a_successor(world, client):
    world.publish(SCHEDULED)
    world.enter(4)
    assert client.read().markers == SCHEDULED
    world.publish((EraMarker(LAGRANGE, Epoch(4)),))
    assert client.read().markers == SCHEDULED[1:]
    assert FIRST[0] not in client.read().markers

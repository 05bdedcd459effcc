"""The API version of each era: what is answered, what is refused, and how a client goes along."""

import pytest

from datum import SignatureMismatchError, SigningKey
from era_service.service.client import ServiceClient, ServiceRolledBackError, ServiceVersionError
from era_service.service.shapes import FLAT_FIELDS, api_versions
from eras import ApiVersion, ApiVersionTable, ChainReadError, Epoch, EraMarker, SupportedEras
from tests.web.world import ANNOUNCED, FIRST, LAGRANGE, PYTHAGORAS, SCHEDULED

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
        assert (found["facts"]["spoken"], found["facts"]["era"]) == ("0.1.0", PYTHAGORAS)
        assert found["facts"]["versions"] == {PYTHAGORAS: "0.1.0", LAGRANGE: "0.2.0"}
        assert answer.headers["mithril-api-version"] == "0.1.0"


@pytest.mark.parametrize("path", ["/health/live", "/version", "/openapi.json"])
def test_whoever_is_no_node_is_answered_whatever_it_says(still_world, path):
    assert still_world.client.get(path, headers={"mithril-api-version": "9.9.9"}).status_code == 200


@pytest.mark.parametrize("version", ["", "1", "0.1", "0.1.0-beta", "x" * 100])
def test_what_is_no_version_is_a_bad_request(still_world, version):
    answer = still_world.client.get("/era/status", headers={"mithril-api-version": version})
    assert (answer.status_code, answer.json()["code"]) == (400, "MalformedRequest")


def test_the_switch_changes_what_is_spoken_and_its_shape(any_world):
    any_world.publish(ANNOUNCED)
    any_world.publish(SCHEDULED)
    old, new = {"mithril-api-version": "0.1.7"}, {"mithril-api-version": "0.2.0"}
    before = any_world.client.get("/era/status", headers=old).json()
    assert before.keys() >= FLAT_FIELDS
    assert any_world.client.get("/era/status", headers=new).status_code == 412
    any_world.enter(4)
    assert any_world.client.get("/era/status", headers=old).json()["facts"]["spoken"] == "0.2.0"
    for path in ("/era/status", "/era/status?x=1"):
        answer = any_world.client.get(path, headers=new)
        assert answer.headers["mithril-api-version"] == "0.2.0"
        assert (answer.json()["current"]["name"], answer.json().keys() & FLAT_FIELDS) == (LAGRANGE, set()), path
    switch = any_world.client.get("/switches").json()["switches"][0]
    assert (switch["name"], switch["value"], switch["by_era"]) == (
        "status_document",
        "nested_status",
        {PYTHAGORAS: "flat_status", LAGRANGE: "nested_status"},
    )


def test_each_era_has_its_description(still_world):
    first, second = (still_world.client.get(f"/openapi/{era}.json").json() for era in (PYTHAGORAS, LAGRANGE))
    assert (first["info"]["version"], second["info"]["version"]) == ("0.1.0", "0.2.0")
    assert still_world.client.get("/openapi.json").json() == first
    shapes = [found["components"]["schemas"]["EraStatus"] for found in (first, second)]
    assert shapes[0]["properties"].keys() - shapes[1]["properties"].keys() == FLAT_FIELDS
    assert set(shapes[0]["required"]) - set(shapes[1]["required"]) == FLAT_FIELDS
    del first["info"], second["info"], first["components"]["schemas"], second["components"]["schemas"]
    assert first == second


def test_an_era_of_another_name_speaks_as_the_one_before_it():
    versions = api_versions(SupportedEras(("thales", "euclid")))
    assert [str(versions.for_era(era)) for era in ("thales", "euclid")] == ["0.1.0", "0.1.0"]
    later = api_versions(SupportedEras(("pythagoras", "lagrange", "euler")))
    assert str(later.for_era("euler")) == "0.2.0"


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
    with pytest.raises(ServiceRolledBackError, match="older than the one before"):
        client.read()


def test_the_client_goes_along_when_the_service_has_switched(world, client):
    world.publish(SCHEDULED)
    assert client.current_era() == PYTHAGORAS
    world.enter(4)
    assert client.era == PYTHAGORAS
    assert client.current_era() == LAGRANGE, "asked again as lagrange demands"
    assert client.era == LAGRANGE
    assert client.read().markers == SCHEDULED


def test_a_client_that_knows_no_such_version_says_so(world):
    table = ApiVersionTable({"thales": ApiVersion(0, 9, 0)}, SupportedEras(("thales",)))
    old = ServiceClient(world.client.url, world.stage.era_key.verification_key, versions=table, era="thales")
    with pytest.raises(ServiceVersionError, match="expected 0.9.0") as refused:
        old.read()
    assert refused.value.facts["spoken"] == "0.1.0"
    old.close()


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

"""What every answer carries, how long it may be kept, and how it is said that something is wrong."""

import re
import time

import pytest

from era_service.service.answers import Answer, cache_control
from era_service.web.front import SECURITY_HEADERS
from eras import Epoch
from eras.era_id import EraId
from eras.errors import known_codes
from tests.web.world import SCHEDULED, World, client_of, registration

CACHED = ("/era/config", "/era/status", "/era/markers", "/era/history", "/switches", "/version")
OTHERS = ("/adoption/summary?epoch=1", "/registrations?epoch=1", "/events", "/health/live", "/openapi.json", "/nothing")


@pytest.mark.parametrize("path", [*CACHED, *OTHERS])
def test_every_answer_says_who_answers_and_keeps_browsers_safe(still_world, path):
    headers = still_world.client.get(path).headers
    assert headers["era-id"] == str(still_world.service.known_identity[0].at(Epoch(1)))
    assert headers["mithril-api-version"] == "0.1.0"
    assert headers["aggregator-node-version"]
    for name, value in SECURITY_HEADERS:
        assert headers[name.decode()] == value.decode()
    assert (
        "access-control-allow-origin" not in still_world.client.get(path, headers={"origin": "https://x.org"}).headers
    )


@pytest.mark.parametrize("path", ["/era/status", "/era/history?in_force=true", "/adoption/summary", "/events"])
def test_caches_keep_an_answer_for_those_that_speak_the_same_version(still_world, path):
    answer = still_world.client.get(path)
    assert "mithril-api-version" in answer.headers["vary"]
    known = still_world.client.get(path, headers={"if-none-match": answer.headers.get("etag", "")})
    assert "mithril-api-version" in known.headers["vary"], "a 304 says it too"
    refused = still_world.client.get(path, headers={"mithril-api-version": "0.9.0"})
    assert (refused.status_code, refused.headers["vary"]) == (412, "mithril-api-version")
    assert "vary" not in still_world.client.get("/version").headers, "whoever asks for that is answered anyway"


def test_who_has_it_is_not_sent_it_again(any_world):
    any_world.client.post("/registrations", json=registration(), headers=any_world.headers())
    any_world.client.headers["accept-encoding"] = "identity"  # what is compressed has a weak tag
    for path in (*CACHED, "/adoption/summary", "/registrations?epoch=1", "/events"):
        first = any_world.client.get(path)
        assert first.status_code == 200, path
        tag = first.headers["etag"]
        assert re.fullmatch('"[0-9a-f]{32}"', tag), "a strong tag"
        for value in (tag, f'"other", {tag}', "*", f"W/{tag}"):
            again = any_world.client.get(path, headers={"if-none-match": value})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), (path, value)
            assert again.headers["cache-control"] == first.headers["cache-control"]
            assert again.headers["era-id"] == first.headers["era-id"]
        other = any_world.client.get(path, headers={"if-none-match": '"other"'})
        assert (other.status_code, other.content) == (200, first.content), path


def test_a_reading_that_changes_nothing_changes_no_tag(world):
    before = {path: world.client.get(path).headers["etag"] for path in CACHED if path != "/era/config"}
    world.read()
    assert before == {path: world.client.get(path).headers["etag"] for path in before}
    world.publish(SCHEDULED)
    after = {path: world.client.get(path).headers["etag"] for path in before}
    assert {path for path in before if before[path] != after[path]} == {
        "/era/status",
        "/era/markers",
        "/era/history",
    } | {
        "/switches"  # it names the transaction in force
    }


def test_head_is_get_without_the_body(still_world):
    for path in ("/era/status", "/health/live", "/openapi.json"):
        answer = still_world.client.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path
        assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("ends_at_s", "expected"), [(None, 60), (1_000.0, 60), (130.4, 29), (101.5, 0), (100.5, 0), (99.0, 0)]
)
def test_no_cache_keeps_an_answer_beyond_the_epoch_though_it_takes_a_second_to_get_there(ends_at_s, expected):
    name, value = cache_control(60, ends_at_s, 100.0)
    assert (name, value) == (b"cache-control", b"public, max-age=%d, must-revalidate" % expected)


def test_answers_are_kept_up_to_the_next_epoch(tmp_path):
    with World(tmp_path, network={"system_start_s": 1.0, "slot_length_s": 1.0, "epoch_length": 100}) as world:
        world.now_s = 1.0 + 200 - 7
        world.service.epoch_ends_at_s = world.now_s + 7
        paths = ("/era/status", "/era/status?x=1", "/version", "/openapi.json")
        answers = [world.client.get(path) for path in paths]
        assert [answer.headers["cache-control"] for answer in answers] == ["public, max-age=6, must-revalidate"] * 4


def test_what_is_said_before_the_first_reading_is_not_for_caches(world):
    service = world.new_service()
    try:
        with client_of(service) as client:
            for path in ("/version", "/openapi.json"):
                answer = client.get(path)
                assert (answer.status_code, answer.headers["cache-control"]) == (
                    200,
                    "public, max-age=0, must-revalidate",
                )
                again = client.get(
                    path, headers={"if-none-match": f'"x", W/{answer.headers["etag"].removeprefix("W/")}'}
                )
                assert (again.status_code, again.content) == (304, b"")
    finally:
        service.close()


def test_the_end_of_the_epoch_follows_from_the_genesis(tmp_path):
    began_s = int(time.time()) - 3_000.0  # by the clock it is epoch 1, as it is on the chain
    with World(tmp_path, network={"system_start_s": began_s, "slot_length_s": 2.0, "epoch_length": 1_000}) as world:
        found = world.client.get("/era/config").json()
        assert found["freshness"]["epoch_ends_at_s"] == began_s + 2 * 1_000 * 2.0


def test_without_a_configured_genesis_the_providers_counts_where_its_clock_is_the_chains(world):
    assert world.service.genesis is None, "the chain of the test keeps a time of its own"
    chain = world.stage.chain
    world.now_s = chain.slot_time_s(chain.current_slot()) - 1
    world.read()
    genesis = world.service.genesis
    assert genesis.epoch_of(genesis.slot_at(world.now_s)) == 1
    assert world.service.epoch_ends_at_s == genesis.time_of(genesis.first_slot_of(Epoch(2)))
    replica = world.new_service()
    replica.load_snapshot()
    assert replica.genesis == genesis, "a replica that asks no provider has it from the snapshot"
    replica.close()
    world.now_s = world.service.epoch_ends_at_s + 1
    world.service.enter_epoch()
    assert world.service.snapshot.status.epoch == 1, "no epoch begins by it, which the chain would then be behind"
    world.read()
    assert world.service.snapshot.status.stale is None
    world.stage.begin_epoch(Epoch(3))
    world.read()
    assert world.service.genesis is None, "by hand the chain has left the clock behind"


def test_tags_are_told_apart():
    answer = Answer.of(b"{}")
    assert answer.matches(answer.etag)
    assert not answer.matches(None)
    assert not answer.matches(b"")
    assert not answer.matches(b'"x"')
    assert Answer.of(b"{} ").etag != answer.etag


# --- problems


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "PathNotFound"),
        ("GET", "/era/status/", 404, "PathNotFound"),
        ("DELETE", "/era/status", 405, "MethodNotAllowed"),
        ("POST", "/events", 405, "MethodNotAllowed"),
        ("GET", "/registrations", 422, "RequestInvalid"),
        ("GET", "/registrations?epoch=-1", 422, "RequestInvalid"),
        ("GET", "/registrations?epoch=99999999999999999999999", 422, "RequestInvalid"),
        ("GET", "/events?limit=0", 422, "RequestInvalid"),
        ("GET", "/adoption/summary", 404, "NoRegistrations"),
        ("GET", "/adoption/gate", 404, "NoUpcomingEra"),
        ("GET", "/adoption/gate?era=nobodys", 404, "AdoptionNotConfigured"),
        ("GET", "/adoption/forecast?era=lagrange", 404, "NotScheduled"),
        ("GET", "/openapi/nobodys.json", 404, "PathNotFound"),
        ("POST", "/registrations", 415, "MediaType"),
    ],
)
def test_a_problem_says_what_is_wrong(still_world, method, path, status, code):
    answer = still_world.client.request(method, path)
    found = answer.json()
    assert (answer.status_code, found["status"], found["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert found["type"] == f"urn:eraswitch:error:{code}"
    assert found["instance"] == path.partition("?")[0]
    assert found["title"]
    assert found["detail"].startswith(found["title"])
    assert found["expected"]
    assert found["got"]
    assert found["next_step"], "docs/errors.md says that the message ends with it"


def test_a_bug_tells_no_more_than_that(world, monkeypatch):
    def broken(*_):
        raise RuntimeError("the secret is hush-hush")

    monkeypatch.setattr("era_service.service.adoption.summary", broken)
    answer = world.client.get("/adoption/summary")
    assert (answer.status_code, answer.json()["code"]) == (500, "EraSwitch")
    assert "hush-hush" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_codes_and_statuses_are_those_of_the_error_table(still_world):
    statuses = {one.code: one.http_status for one in known_codes()}
    for path in ("/nothing", "/adoption/summary", "/registrations", "/openapi/x.json"):
        found = still_world.client.get(path).json()
        assert statuses[found["code"]] == found["status"]


# --- peers


def test_a_peer_on_another_schedule_is_noticed_and_served(any_world):
    for _ in range(3):
        answer = any_world.client.get("/era/status", headers={"era-id": "00000001/7"})
        assert answer.status_code == 200
    _wait_for(lambda: "peer-differs" in any_world.kinds())
    events = [event for event in any_world.service.store.events.read() if event.kind == "peer-differs"]
    assert [event.facts["schedule"] for event in events] == ["foreign"], "told once"
    assert events[0].facts["peer"] == "00000001/7"
    assert any_world.service.peers.schedules["foreign"] == 3


def test_the_same_schedule_and_malformed_era_ids_tell_nothing(world):
    own = world.client.get("/version").headers["era-id"]
    world.client.get("/version", headers={"era-id": own})
    world.client.get("/version", headers={"era-id": "junk"})
    assert world.client.get("/version", headers={"era-id": "x" * 9_000}).status_code == 200
    assert world.service.peers.schedules == {"malformed": 2}
    assert "peer-differs" not in world.kinds()


def test_what_is_told_of_peers_is_bounded(world):
    identity, epoch = world.service.known_identity
    new = [world.service.peers.judge(str(EraId(number, None)), identity, epoch)[1] for number in range(1_000)]
    assert sum(new) == 256
    for number in range(2_000):
        world.service.peers.note_version(f"1.0.{number}")
    assert len(world.service.peers.versions) == 513
    assert world.service.peers.versions["others"] == 2_000 - 512


def test_versions_of_nodes_are_counted(world):
    for _ in range(2):
        world.client.get("/era/status", headers={"signer-node-version": "0.3.12"})
    assert world.service.peers.versions == {"0.3.12": 2}


def test_cors_is_for_those_that_are_named(tmp_path):
    with World(tmp_path, service={"cors_origins": ("https://a.org",)}) as world:
        named = world.client.get("/adoption/summary", headers={"origin": "https://a.org"})
        assert named.headers["access-control-allow-origin"] == "https://a.org"
        assert (
            world.client.get("/era/status", headers={"origin": "https://a.org"}).headers["access-control-allow-origin"]
            == "https://a.org"
        )
        other = world.client.get("/adoption/summary", headers={"origin": "https://b.org"})
        assert "access-control-allow-origin" not in other.headers


def test_tls_is_told_to_browsers_only_where_it_is_spoken(world):
    from era_service.web import create_app
    from tests.web.world import Client, serving

    with serving(create_app(world.service, tls=True)) as url, Client(url) as client:
        assert client.get("/version").headers["strict-transport-security"] == "max-age=31536000"
    with client_of(world.service) as client:
        assert "strict-transport-security" not in client.get("/version").headers


def _wait_for(holds, seconds=60.0):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)

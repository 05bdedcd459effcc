"""What the API tells of the eras."""

import json
from dataclasses import replace

import pytest

from chain_reader import DatumOutput, ScreenedOutput
from datum import EraMarkersPayload, SigningKey, Unreadable, decode_datum, encode_datum
from era_service.service.snapshot import Snapshot
from era_service.status.reader import StatusReader
from era_service.web import Service
from era_store import open_store
from eras import Epoch, EraMarker
from tests.web.world import ANNOUNCED, FIRST, LAGRANGE, PYTHAGORAS, SCHEDULED, World, client_of

OTHER_ADDRESS = "addr_test1vzpwq95z3xyum8vqndgdd9mdnmafh3djcxnc6jemlgdmswcve6tkw"


def test_config_tells_now_next_and_last(any_world):
    any_world.publish((*FIRST, EraMarker(LAGRANGE, Epoch(4)), EraMarker("euler", Epoch(9))))
    found = any_world.client.get("/era/config").json()
    assert (found["epoch"], found["current"]["name"], found["current"]["state"]) == (1, PYTHAGORAS, "active")
    assert (found["next"]["name"], found["next"]["epochs_left"], found["next"]["supported"]) == (LAGRANGE, 3, True)
    assert (found["last"]["name"], found["last"]["supported"]) == ("euler", False)
    assert found["supported_eras"] == [PYTHAGORAS, LAGRANGE]
    assert found["source"]["transaction"] == any_world.posted[-1].transaction
    assert found["source"]["slot"] is not None
    assert found["freshness"]["stale"] is None
    assert found["freshness"]["tip_slot"] >= found["source"]["slot"]
    assert found["network"]["magic"] == 42
    assert found["network"]["verification_key"] == any_world.stage.era_key.verification_key.hex


def test_an_announced_era_is_next_and_has_no_epoch(world):
    world.publish(ANNOUNCED)
    found = world.client.get("/era/config").json()
    assert (found["next"]["name"], found["next"]["epoch"], found["last"]) == (LAGRANGE, None, None)


def test_the_signed_payload_is_handed_on_byte_for_byte(any_world):
    any_world.publish(SCHEDULED)
    for path in ("/era/status", "/era/markers"):
        payload = any_world.client.get(path).json()["payload"]
        verified = EraMarkersPayload.from_bytes(payload.encode()).verify(any_world.stage.era_key.verification_key)
        assert verified.markers == SCHEDULED, path


def test_an_output_that_the_provider_could_not_show_has_its_verdict_and_no_payload(world, monkeypatch):
    read, hidden = StatusReader.read, DatumOutput("ab" * 32, 0, "", 0, unreadable="the answer is too long")

    def listed(*asked):
        found = read(*asked)
        screened = (ScreenedOutput(hidden, Unreadable("the answer is too long")),)
        return replace(found, reading=replace(found.reading, history=(), screened=screened))

    monkeypatch.setattr(StatusReader, "read", listed)
    world.read()
    (shown,) = [
        entry for entry in world.client.get("/era/history").json()["payloads"] if entry["output"] == hidden.reference
    ]
    assert (shown["verdict"], shown["payload"]) == ("Unreadable", None)


def test_a_copy_with_bytes_beside_it_that_are_no_text_is_told_as_any_other(world):
    """Deployed readers take it, so it has a verdict; and what shows payloads must not stumble over it."""
    posted = world.posted[0]
    content = b'{"x":"\xff",' + decode_datum(posted.datum).content[1:]
    copy = world.stage.replay(replace(posted, datum=encode_datum(content)))
    world.read()
    for path in ("/era/status", "/era/history"):
        answer = world.client.get(path)
        assert answer.status_code == 200
        assert copy.reference in answer.text
    (shown,) = [
        entry for entry in world.client.get("/era/history").json()["payloads"] if entry["output"] == copy.reference
    ]
    assert EraMarkersPayload.from_bytes(shown["payload"].encode()).markers == posted.markers


def test_status_tells_what_was_refused_and_why(any_world):
    forged = any_world.stage.forge([EraMarker(PYTHAGORAS, Epoch(1)), EraMarker(LAGRANGE, Epoch(2))])
    replayed = any_world.stage.replay(any_world.posted[0])
    any_world.read()
    found = any_world.client.get("/era/status").json()
    assert (found["current_era"], found["current"]["name"], found["upcoming"]) == (PYTHAGORAS, PYTHAGORAS, None)
    refused = {entry["output"]: entry["verdict"] for entry in found["refused"]}
    assert refused == {forged.reference: "WrongSigner", replayed.reference: "Impostor"}
    assert found["verdicts"] == {"Accepted": 1, "Impostor": 1, "WrongSigner": 1}
    assert found["trusted"]["why"].startswith("signed by")
    assert {"refused", "trusted"} <= set(any_world.kinds())


def test_history_has_every_payload_with_its_verdict(any_world):
    any_world.publish(ANNOUNCED)
    forged = any_world.stage.forge(list(SCHEDULED))
    any_world.read()
    payloads = any_world.client.get("/era/history").json()["payloads"]
    verdicts = {entry["output"]: entry["verdict"] for entry in payloads}
    assert verdicts[forged.reference] == "WrongSigner"
    assert verdicts[any_world.posted[1].reference] == "Accepted"
    assert any_world.posted[0].reference in verdicts
    by_output = {entry["output"]: entry for entry in payloads}
    assert by_output[forged.reference]["payload"] is None, "what is forged is not handed on as a payload"
    assert json.loads(by_output[any_world.posted[1].reference]["payload"])["markers"][1]["name"] == LAGRANGE


def test_a_switch_is_told_when_its_epoch_begins(any_world):
    any_world.publish(ANNOUNCED)
    any_world.publish(SCHEDULED)
    any_world.enter(4)
    found = any_world.client.get("/era/config").json()
    assert (found["current"]["name"], found["next"]) == (LAGRANGE, None)
    events = [(e.kind, e.facts.get("era")) for e in any_world.service.store.events.read() if "era" in e.facts]
    assert events == [
        ("era-known", PYTHAGORAS),
        ("announced", LAGRANGE),
        ("scheduled", LAGRANGE),
        ("activated", LAGRANGE),
    ]


def test_an_upcoming_era_that_is_not_supported_is_told_once(world):
    world.publish((*FIRST, EraMarker("euler", Epoch(7))))
    world.read()
    assert world.kinds().count("unsupported-upcoming") == 1
    assert world.client.get("/era/status").json()["upcoming"]["supported"] is False


def test_an_unsupported_current_era_is_told_and_still_served(world):
    world.publish((*FIRST, EraMarker("euler", Epoch(3))))
    world.enter(3)
    answer = world.client.get("/era/status")
    assert (answer.status_code, answer.json()["current"]["name"]) == (200, "euler")
    assert answer.json()["error"]["code"] == "UnsupportedEra"
    assert world.client.get("/era/config").json()["current"]["supported"] is False
    assert world.client.get("/switches").json()["era"] is None
    assert "unsupported-current" in world.kinds()


def test_before_the_first_reading_the_eras_are_not_ready(world):
    fresh = world.new_service()
    try:
        with client_of(fresh) as client:
            answer = client.get("/era/status")
            assert (answer.status_code, answer.json()["code"]) == (503, "EraNotReady")
            assert client.get("/health/ready").status_code == 503
            assert client.get("/health/startup").status_code == 503
            assert client.get("/health/live").status_code == 200
            fresh.load_snapshot()
            assert client.get("/era/status").status_code == 200, "a restart answers with what is remembered"
            assert client.get("/health/ready").status_code == 200
    finally:
        fresh.close()


def test_without_trusted_markers_config_and_markers_say_why(tmp_path, world):
    other = SigningKey.generate().verification_key.hex
    settings = world.settings.model_copy(
        update={"network": world.settings.network.model_copy(update={"verification_key": other})}
    )
    service = Service(settings, open_store(str(tmp_path / "other.sqlite3")))
    try:
        service.read_chain()
        with client_of(service) as client:
            status = client.get("/era/status").json()
            assert (status["current"], status["error"]["code"]) == (None, "CurrentEraNotFound")
            for path in ("/era/config", "/era/markers"):
                answer = client.get(path)
                assert (answer.status_code, answer.json()["code"]) == (503, "EraNotReady"), path
            assert client.get("/health/ready").status_code == 503
    finally:
        service.close()


def test_providers_that_fail_leave_the_schedule_in_force(world):
    world.publish(SCHEDULED)
    (world.stage.folder / "chain.sqlite3").rename(world.stage.folder / "gone")
    broken = world.new_service()
    try:
        broken.load_snapshot()
        world.now_s += 1
        broken.read_chain()
        assert "local chain" in broken.era_status().stale
        assert broken.provider_health().providers[0].ok is False
        assert [era.name for era in broken.era_status().eras] == [PYTHAGORAS, LAGRANGE]
    finally:
        broken.close()


def test_a_reading_that_goes_back_changes_nothing(world):
    world.publish(SCHEDULED)
    world.enter(4)
    blocks = world.stage.chain.tip().height
    world.stage.chain.rollback(1)
    assert world.stage.chain.tip().height < blocks
    assert world.stage.chain.epoch() < 4
    world.read()
    world.read()
    found = world.service.era_status()
    assert (found.epoch, found.current.name) == (4, LAGRANGE)
    assert found.stale is None, "a chain may be some slots back; the epoch that was read does not end by it"
    world.enter(4)
    assert (world.service.era_status().epoch, world.service.era_status().stale) == (4, None)
    assert world.kinds().count("activated") == 1


def test_what_was_not_read_for_long_is_stale(world):
    before = world.client.get("/era/status")
    world.now_s += 3_600
    after = world.client.get("/era/status")
    assert "not been read for" in after.json()["stale"]
    assert before.headers["etag"] != after.headers["etag"]


def test_a_snapshot_of_another_version_of_this_software_is_left_alone():
    assert Snapshot.from_bytes(b'{"of": "another version"}') is None


def test_a_replica_serves_what_the_poller_left(any_world):
    replica = any_world.new_service(leads=lambda: False)
    try:
        replica.poller.turn()
        assert replica.era_status().current.name == PYTHAGORAS
        any_world.publish(SCHEDULED)
        replica.poller.turn()
        assert replica.era_status().upcoming.name == LAGRANGE
        assert replica.answers.keys() == any_world.service.answers.keys()
        assert replica.answers["/era/markers"].etag == any_world.service.answers["/era/markers"].etag
    finally:
        replica.close()


def test_a_poller_whose_clock_was_ahead_keeps_no_replica_from_the_next(world):
    replica = world.new_service(leads=lambda: False)
    try:
        world.now_s += 3_600
        world.read()
        replica.poller.turn()
        world.now_s -= 3_600
        world.publish(SCHEDULED)
        replica.poller.turn()
        assert replica.era_status().upcoming.name == LAGRANGE
    finally:
        replica.close()


@pytest.mark.parametrize("path", ["/era/config", "/era/status", "/era/history", "/era/markers"])
def test_a_public_service_names_no_provider(tmp_path, path):
    with World(tmp_path, service={"public": True}) as public:
        assert public.client.get(path).status_code == 200
        assert "local chain" not in public.client.get(path).text
        assert "chain.sqlite3" not in public.client.get(f"{path}?again=1").text
        assert public.service.provider_health().providers == []


def test_a_public_service_names_no_leader(tmp_path):
    from era_store import Registration

    with World(tmp_path, service={"public": True}) as public:
        row = Registration("pool1a", Epoch(1), "1.0.0", 7, 1.0, "https://leader.example")
        public.service.store.registrations.ingest([row], source=row.source, time_s=1.0)
        facts = {"leader": row.source, "words": f"{row.source} lies", "code": "LeaderHistory"}
        public.service.store.events.append("follow-refused", facts, time_s=1.0)
        public.service.store.events.append("followed", {"leader": row.source, "taken": 1}, time_s=1.0)
        (handed_on,) = public.client.get("/registrations?epoch=1").json()["registrations"]
        assert (handed_on["party_id"], handed_on["stake"]) == ("pool1a", 7)
        told = public.client.get("/events").text
        assert "LeaderHistory" in told
        for text in (told, json.dumps(handed_on)):
            assert "leader.example" not in text


def test_a_public_service_names_no_provider_where_no_era_is_known(tmp_path):
    with World(tmp_path, service={"public": True}, network={"era_address": OTHER_ADDRESS}) as public:
        status = public.client.get("/era/status").json()
        assert (status["current"], status["error"]["code"]) == (None, "CurrentEraNotFound")
        assert public.client.get("/era/config").status_code == 503
        for path in ("/era/status", "/era/config", "/era/markers", "/events", "/dashboard/views"):
            told = public.client.get(path).text
            assert "chain.sqlite3" not in told, path

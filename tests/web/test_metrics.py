"""The metrics: what a running service tells at ``/metrics``, read back with Prometheus' own parser."""

import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from chain_reader.node.kinds import DecisionKind
from era_service.service import adoption
from era_service.service.documents import ProviderDocument
from era_service.telemetry.collector import Sheet
from era_service.telemetry.declared import METRICS, metric_table
from era_store import NewEvent
from eras import EraMarker, StoreError
from tests.web.world import LAGRANGE, PYTHAGORAS, SCHEDULED, World, registration

ROOT = Path(__file__).resolve().parents[2]


def scrape(world: World) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Name → labels → value."""
    answer = world.client.get("/metrics")
    assert answer.status_code == 200
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            series = found.setdefault(sample.name.removeprefix("eraswitch_"), {})
            assert tuple(sample.labels.items()) not in series, "a sample is told twice"
            series[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def value(world: World, name: str, **labels: str) -> float | None:
    return scrape(world).get(name, {}).get(tuple(sorted(labels.items())))


def register(world: World, *rows: dict[str, object]) -> None:
    answer = world.client.post("/registrations", json={"registrations": rows}, headers=world.headers())
    assert answer.json()["accepted"] == len(rows)
    world.now_s += 16  # what was counted last is old by then


def test_the_eras_as_they_are_announced_and_begin(world: World) -> None:
    first = scrape(world)
    assert first["epoch"] == {(): 1}
    assert first["era_info"] == {(("era", PYTHAGORAS), ("role", "current"), ("state", "active")): 1}
    assert "epochs_to_activation" not in first
    world.publish(SCHEDULED)
    scheduled = scrape(world)
    assert scheduled["epochs_to_activation"] == {(("era", LAGRANGE),): 3}
    assert (("era", LAGRANGE), ("role", "upcoming"), ("state", "scheduled")) in scheduled["era_info"]
    world.enter(4)
    assert list(scrape(world)["era_info"]) == [(("era", LAGRANGE), ("role", "current"), ("state", "active"))]


def test_an_era_that_is_not_supported_is_told_before_and_after_it_begins(world: World) -> None:
    world.publish((*SCHEDULED[:1], EraMarker("unheard-of", SCHEDULED[1].epoch)))
    assert (value(world, "upcoming_era_unsupported"), value(world, "current_era_unsupported")) == (1, 0)
    world.enter(4)
    assert (value(world, "upcoming_era_unsupported"), value(world, "current_era_unsupported")) == (0, 1)


def test_before_the_first_reading_nothing_is_trusted_and_the_scrape_succeeds(world: World) -> None:
    world.service._snapshot = None
    found = scrape(world)
    assert found["era_trusted"] == {(): 0}
    assert "epoch" not in found
    assert set(found["scrape_part_failed"].values()) == {0}


def test_what_is_stale_and_which_provider_failed(world: World) -> None:
    assert value(world, "stale") == 0
    (name,) = (dict(labels)["provider"] for labels in scrape(world)["provider_up"])
    answered_at_s = world.now_s
    chain = world.stage.folder / "chain.sqlite3"
    chain.rename(chain.with_suffix(".away"))
    world.service._reader.close()
    world.service._reader = None
    world.read()
    found = scrape(world)
    assert found["stale"] == {(): 1}
    assert set(found["provider_up"].values()) == {0}
    assert found["provider_answered_timestamp_seconds"][(("provider", name),)] == pytest.approx(answered_at_s)
    assert found["last_reading_timestamp_seconds"][()] == pytest.approx(world.now_s)


def test_refused_outputs_by_verdict(world: World) -> None:
    known = world.service.snapshot
    routine = known.status.model_copy(update={"verdicts": {"Accepted": 1, "Superseded": 2, "Unconfirmed": 3}})
    world.service.take(known.model_copy(update={"status": routine}))
    assert "refused_datums" not in scrape(world)
    world.stage.forge(SCHEDULED)
    world.stage.replay(world.posted[0])
    world.read()
    refused = scrape(world)["refused_datums"]
    assert refused == {(("verdict", "Impostor"),): 1, (("verdict", "WrongSigner"),): 1}
    assert {one.verdict for one in world.service.era_status().refused} == {"Impostor", "WrongSigner"}


def test_adoption_on_both_bases_the_gate_and_the_forecast(world: World) -> None:
    world.publish(SCHEDULED)
    assert "adoption_epoch" not in scrape(world)
    for epoch in range(4):
        world.service.store.registrations.set_network_stake(epoch, 4_000_000, source="test", time_s=1)
    register(world, registration("pool1a"), registration("pool1b", version="2.0.0+build"))
    found = scrape(world)
    assert found["adoption_version_stake_lovelace"] == {(("version", "1.0.0"),): 1e6, (("version", "2.0.0"),): 1e6}
    assert found["adoption_era_share"][(("base", "registered"), ("era", LAGRANGE))] == 0.5
    assert found["adoption_era_share"][(("base", "network"), ("era", LAGRANGE))] == 0.25
    assert found["adoption_version_share"][(("base", "network"), ("version", "2.0.0"))] == 0.25
    assert found["adoption_gate_threshold"] == {(("era", LAGRANGE),): 0.8}
    assert found["adoption_gate_met"] == {(("era", LAGRANGE),): 0}
    assert 0 <= found["forecast_quorum_probability"][(("era", LAGRANGE),)] <= 1


def test_versions_that_anybody_can_make_up_fill_no_store_of_series(world: World) -> None:
    rows = [registration(f"pool{n}", version=f"1.0.{n}", stake=1_000 + n) for n in range(120)]
    register(world, *rows)
    versions = scrape(world)["adoption_version_stake_lovelace"]
    assert len(versions) == 51
    assert sum(versions.values()) == sum(row["stake"] for row in rows)
    assert (("version", "1.0.119"),) in versions


def test_adoption_is_not_counted_at_every_scrape(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    summary = adoption.summary
    monkeypatch.setattr(adoption, "summary", lambda service, **of: counted.append(of) or summary(service, **of))
    scrape(world)
    scrape(world)
    assert counted == [{"details": False}]
    world.now_s += 16
    scrape(world)
    assert len(counted) == 2


def test_the_event_log_and_what_was_shed(world: World) -> None:
    before = scrape(world)
    assert before["events_total"][(("kind", "inputs-shed"),)] == 0
    assert before["event_log_size_bytes"][()] > 0
    shed = NewEvent(DecisionKind.INPUTS_SHED.value, {"counts": {"registration": 7}}, None)
    (last,) = world.service.store.events.record([shed], time_s=world.now_s)
    after = scrape(world)
    assert after["event_log_last_id"] == {(): last}
    assert after["events_total"][(("kind", "inputs-shed"),)] == 1
    assert after["shed_inputs_total"] == {(("input", "registration"),): 7}


def test_requests_are_told_by_their_route_and_never_by_their_path(still_world: World) -> None:
    ask = still_world.client.get
    for path in (
        "/era/status",
        "/era/status",
        "/dashboard/static/icon.svg",
        "/no/such/1",
        "/no/such/2",
        "/events?after=1",
    ):
        ask(path)
    found = scrape(still_world)
    counts = {
        tuple(dict(labels)[name] for name in ("route", "method", "status")): count
        for labels, count in found["http_requests_total"].items()
    }
    assert counts["/era/status", "GET", "200"] == 2
    assert counts["/dashboard/static/{name}", "GET", "200"] == 1
    assert counts["other", "GET", "404"] == 2
    assert counts["/events", "GET", "200"] == 1
    assert found["http_request_duration_seconds_count"][(("route", "/era/status"),)] == 2
    assert 0 < found["http_request_duration_seconds_sum"][(("route", "/era/status"),)] < 10


def test_an_odd_method_makes_no_series_of_its_own(still_world: World) -> None:
    for method in ("BREW", "PROPFIND"):
        still_world.client.request(method, "/era/status")
    methods = {dict(labels)["method"] for labels in scrape(still_world)["http_requests_total"]}
    assert "other" in methods
    assert methods <= {"GET", "HEAD", "POST", "OPTIONS", "other"}


def test_peers_of_another_schedule_and_versions_of_nodes(world: World) -> None:
    headers = {"era-id": "00000000/-", "signer-node-version": "0.2.209"}
    world.client.get("/era/status", headers=headers)
    found = scrape(world)
    assert sum(found["peer_requests_total"].values()) == 1
    assert found["node_requests_total"] == {(("version", "0.2.209"),): 1}


def test_a_part_that_fails_takes_no_other_with_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> object:
        raise StoreError("The store does not answer")

    monkeypatch.setattr(world.service.store.events, "head", broken)
    found = scrape(world)
    assert found["scrape_part_failed"][(("part", "events"),)] == 1
    assert found["scrape_part_failed"][(("part", "eras"),)] == 0
    assert found["epoch"] == {(): 1}


def test_names_of_providers_carry_no_secret_and_none_is_told_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = world.service.provider_health()
    one = ProviderDocument(name="http://me:hush@node", ok=True, asked_at_s=1, latency_s=1, error=None)
    monkeypatch.setattr(world.service, "provider_health", lambda: health.model_copy(update={"providers": [one, one]}))
    found = scrape(world)
    assert [dict(labels)["provider"] for labels in found["provider_up"]] == [
        "http://********@node",
        "http://********@node #2",
    ]
    assert "hush" not in world.client.get("/metrics").text


def test_a_public_service_names_no_provider(tmp_path: Path) -> None:
    with World(tmp_path, service={"public": True}) as world:
        found = scrape(world)
        assert not [name for name in found if name.startswith("provider_")]
        assert found["epoch"] == {(): 1}


def test_openmetrics_where_the_scraper_asks_for_it(still_world: World) -> None:
    answer = still_world.client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.headers["cache-control"] == "no-store"
    names = {family.name for family in openmetrics_families(answer.text)}
    assert {"eraswitch_epoch", "eraswitch_http_requests", "process_cpu_seconds"} <= names


def test_each_service_has_metrics_of_its_own(world: World, tmp_path: Path) -> None:
    with World(tmp_path / "other") as other:
        other.client.get("/era/history")
        routes = {dict(labels)["route"] for labels in scrape(world).get("http_requests_total", {})}
        assert "/era/history" not in routes


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric) -> None:
    assert re.fullmatch(r"eraswitch(_[a-z]+)+", metric.full_name)
    assert metric.name.endswith("_total") is (metric.kind == "counter")
    assert metric.help.endswith(".")
    assert all(re.fullmatch("[a-z_]+", label) for label in metric.labels)


def test_nothing_is_told_that_is_not_declared() -> None:
    sheet = Sheet()
    with pytest.raises(KeyError, match="nonsense"):
        sheet.put("nonsense", 1)
    with pytest.raises(KeyError, match="labels"):
        sheet.put("epoch", 1, era="x")
    sheet.put("epoch", None)
    assert list(sheet.families()) == []


def test_the_page_lists_every_metric() -> None:
    assert metric_table() in (ROOT / "docs" / "metrics.md").read_text()

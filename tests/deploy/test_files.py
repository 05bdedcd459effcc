"""What is under ``deploy/``: the alerts fire where they should and nowhere else, on what a service really tells."""

import configparser
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from datum import SigningKey
from era_service.telemetry.declared import METRICS
from era_service.webhooks.message import new_secret
from tests.deploy.promql import Scrapes, Selector, parse, selectors
from tests.web.test_configuration import ENABLED, posted
from tests.web.world import SCHEDULED, World, registration

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
DASHBOARD = json.loads((DEPLOY / "grafana" / "eraswitch.json").read_text())
WHERE = {"job": "eraswitch", "instance": "one"}
STEP_S, STEPS = 60, 70

Samples = dict[str, list[tuple[dict[str, str], float]]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """A scrape of a service that is well, with two changes to come, everybody ready, and something refused: junk."""
    genesis = {"system_start_s": time.time() - 100, "slot_length_s": 1.0, "epoch_length": 100}
    hook = {
        "name": "ops", "url": "http://127.0.0.1:9/", "secret": new_secret(bytes(32)), "allow_private": True,
        "events": ["overridden"],
    }  # fmt: skip
    sections = {"network": genesis, "service": {"webhooks": [hook]}, **ENABLED}
    with World(tmp_path_factory.mktemp("told"), **sections) as world:
        world.publish(SCHEDULED)
        world.stage.forge(SCHEDULED)
        posted(world, {1: 1944, 4: 2422})
        posted(world, {0: 5}, SigningKey(bytes(32)))
        for epoch in range(4):
            world.service.store.registrations.set_network_stake(epoch, 1_000_000, source="test", time_s=1)
        row = registration(version="2.0.0")
        assert world.client.post("/registrations", json=row, headers=world.headers()).status_code == 200
        for era_id in ("00000000/-", "nonsense"):
            world.client.get("/era/status", headers={"era-id": era_id, "signer-node-version": "2.0.0"})
        world.client.get("/events")
        world.service.store.events.append("inputs-shed", {"counts": {"registration": 1}}, time_s=world.now_s)
        text = until(lambda: world.client.get("/metrics").text, lambda text: "eraswitch_webhook_waiting{" in text)
        now_s = world.now_s
    samples: Samples = {"up": [(dict(WHERE), 1.0)]}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            # times are told as they are when the scrapes below begin, at 0
            value = sample.value - now_s if sample.name.endswith("timestamp_seconds") else sample.value
            samples.setdefault(sample.name, []).append((WHERE | sample.labels, value))
    return samples


def until(ask: Callable[[], str], is_it: Callable[[str], bool]) -> str:
    """The answer, once it is the one that is waited for."""
    ends_s = time.monotonic() + 30
    while not is_it(found := ask()):
        assert time.monotonic() < ends_s
        time.sleep(0.02)
    return found


def scraped(told: Samples, change: Callable[[Samples, int], None] = lambda _samples, _step: None) -> Scrapes:
    """Scrapes minute by minute; ``change`` says what is otherwise in each."""
    made = {}
    for step in range(STEPS):
        samples = {name: list(values) for name, values in told.items()}
        for name in ("last_reading", "provider_asked", "provider_answered"):
            full = f"eraswitch_{name}_timestamp_seconds"
            samples[full] = [(labels, float(step * STEP_S)) for labels, _ in samples[full]]
        change(samples, step)
        made[float(step * STEP_S)] = samples
    return Scrapes(made)


def firing(scrapes: Scrapes) -> set[str]:
    """The alerts that fire at the end: their expression gave something for as long as they ask."""
    end_s, found = (STEPS - 1) * STEP_S, set()
    for name, rule in ALERTS.items():
        for_s = int(rule.get("for", "0m").removesuffix("m")) * 60
        times = [float(at_s) for at_s in range(end_s - for_s, end_s + 1, STEP_S)]
        if all(scrapes.evaluate(rule["expr"], at_s) for at_s in times):
            found.add(name)
    return found


def put(name: str, value: float | Callable[[int], float], **labels: str) -> Callable[[Samples, int], None]:
    """A change: every sample of a metric that has these labels has another value; without any, one is added."""

    def change(samples: Samples, step: int) -> None:
        series = samples.setdefault(name, [])
        new = value(step) if callable(value) else float(value)
        here = [known for known, _ in series if labels.items() <= known.items()] or [WHERE | labels]
        samples[name] = [(known, old) for known, old in series if known not in here] + [(known, new) for known in here]

    return change


def both(*changes: Callable[[Samples, int], None]) -> Callable[[Samples, int], None]:
    def change(samples: Samples, step: int) -> None:
        for one in changes:
            one(samples, step)

    return change


def requests(step: int) -> float:
    return 100.0 * step


def slow(samples: Samples, step: int) -> None:
    """Half of the requests take between a quarter and half a second."""
    for bound in ("0.25", "0.5", "+Inf"):
        count = step * (50.0 if bound == "0.25" else 100.0)
        put("eraswitch_http_request_duration_seconds_bucket", count, route="/era/status", le=bound)(samples, step)


REQUESTS = "eraswitch_http_requests_total"
FAILING = {"route": "/adoption/gate", "method": "GET", "status": "500"}
CASES: dict[str, tuple[Callable[[Samples, int], None], set[str]]] = {
    "the current era is unsupported": (put("eraswitch_current_era_unsupported", 1), {"EraswitchCurrentEraUnsupported"}),
    "the upcoming era is": (put("eraswitch_upcoming_era_unsupported", 1), {"EraswitchUpcomingEraUnsupported"}),
    "and it is near": (
        both(put("eraswitch_upcoming_era_unsupported", 1), put("eraswitch_epochs_to_activation", 2)),
        {"EraswitchUpcomingEraUnsupported", "EraswitchActivationNearUnsupported"},
    ),
    "a supported one is near": (put("eraswitch_epochs_to_activation", 1), set()),
    "nothing is trusted": (put("eraswitch_era_trusted", 0), {"EraswitchNothingTrusted"}),
    "stale": (put("eraswitch_stale", 1), {"EraswitchStale"}),
    "configurations are stale": (put("eraswitch_configuration_stale", 1), {"EraswitchStale"}),
    "a replay of configurations": (
        put("eraswitch_configuration_refused_datums", 1, verdict="Replayed"),
        {"EraswitchPayloadsRefused"},
    ),
    "two views of configurations": (
        put("eraswitch_configuration_legacy_view_differs", 1),
        {"EraswitchLegacyViewDiffers"},
    ),
    "stale for a moment": (put("eraswitch_stale", lambda step: step > STEPS - 5), set()),
    "not reading": (put("eraswitch_last_reading_timestamp_seconds", 60), {"EraswitchNotReading"}),
    "a replay": (put("eraswitch_refused_datums", 1, verdict="Replayed"), {"EraswitchPayloadsRefused"}),
    "a flood of junk": (put("eraswitch_refused_datums", 20_000, verdict="Malformed"), set()),
    "a conflict": (put("eraswitch_conflicting_payloads", 2), {"EraswitchPayloadConflict"}),
    "two views": (put("eraswitch_legacy_view_differs", 1), {"EraswitchLegacyViewDiffers"}),
    "one provider of two is down": (
        both(put("eraswitch_provider_up", 1), put("eraswitch_provider_up", 0, provider="another")),
        {"EraswitchProviderDown"},
    ),
    "every provider is down": (
        put("eraswitch_provider_up", 0),
        {"EraswitchProviderDown", "EraswitchNoProviderAnswers"},
    ),
    "a slow provider": (put("eraswitch_provider_latency_seconds", 11), {"EraswitchProviderSlow"}),
    "nobody reads": (put("eraswitch_reads_chain", 0), {"EraswitchNobodyReads"}),
    "another replica reads": (
        both(put("eraswitch_reads_chain", 0), put("eraswitch_reads_chain", 1, instance="two")),
        set(),
    ),
    "the gate is not met, in time": (put("eraswitch_adoption_gate_met", 0), set()),
    "the gate is not met, and the era is near": (
        both(put("eraswitch_adoption_gate_met", 0), put("eraswitch_epochs_to_activation", 2)),
        {"EraswitchGateNotMet"},
    ),
    "the quorum is at risk": (put("eraswitch_forecast_quorum_probability", 0.97), {"EraswitchQuorumAtRisk"}),
    "down": (put("up", 0), {"EraswitchDown"}),
    "the stream lags": (put("eraswitch_event_log_lag", 101), {"EraswitchEventStreamLags"}),
    "inputs were shed": (
        put("eraswitch_events_total", lambda step: step // 65, kind="inputs-shed"),
        {"EraswitchInputsShed"},
    ),
    "inputs were shed long ago": (put("eraswitch_events_total", lambda step: step > 20, kind="inputs-shed"), set()),
    "a foreign peer": (
        put("eraswitch_peer_requests_total", lambda step: step // 50, schedule="foreign"),
        {"EraswitchPeersElsewhere"},
    ),
    "a peer that is behind": (put("eraswitch_peer_requests_total", requests, schedule="behind"), set()),
    "a webhook is down": (put("eraswitch_webhook_waiting", 3), {"EraswitchWebhookFails"}),
    "a webhook is given up": (
        put("eraswitch_webhook_given_up_total", lambda step: step // 50),
        {"EraswitchWebhookGivenUp"},
    ),
    "a hundredth of the answers fail": (
        both(
            put(REQUESTS, requests, route="/era/status", method="GET", status="200"),
            put(REQUESTS, lambda step: 2.0 * step, **FAILING),
        ),
        {"EraswitchServerErrors"},
    ),
    "few of them do": (
        both(
            put(REQUESTS, requests, route="/era/status", method="GET", status="200"),
            put(REQUESTS, lambda step: 0.5 * step, **FAILING),
        ),
        set(),
    ),
    "it is not ready": (put(REQUESTS, requests, **{**FAILING, "route": "/health/ready", "status": "503"}), set()),
    "slow answers": (slow, {"EraswitchSlowAnswers"}),
    "a part of the metrics fails": (
        put("eraswitch_scrape_part_failed", 1, part="events"),
        {"EraswitchMetricsIncomplete"},
    ),
}


def test_a_service_that_is_well_raises_no_alarm(told: Samples) -> None:
    assert firing(scraped(told)) == set()


@pytest.mark.parametrize("case", CASES)
def test_each_alert_fires_where_it_should_and_no_other(told: Samples, case: str) -> None:
    change, expected = CASES[case]
    assert firing(scraped(told, change)) == expected


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    assert set().union(*(expected for _, expected in CASES.values())) == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_means_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert all(len(rule["annotations"][text]) > 15 for text in ("summary", "description", "runbook"))


def expressions() -> Iterator[tuple[str, str]]:
    for name, rule in ALERTS.items():
        yield name, rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield f"panel {panel['title']}", target["expr"].replace("$instance", ".*")
    for annotation in DASHBOARD["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]


@pytest.mark.parametrize(("place", "expression"), list(expressions()))
def test_every_metric_and_label_that_is_named_is_told(told: Samples, place: str, expression: str) -> None:
    found: list[Selector] = list(selectors(parse(expression)))
    assert found
    for selector in found:
        assert selector.name in told, f"{place}: no {selector.name} is told"
        labels = set().union(*(labels for labels, _ in told[selector.name]))
        assert {label for label, _, _ in selector.matchers} <= labels


def test_every_metric_is_shown_or_judged() -> None:
    """What nobody looks at need not be told; those that only explain another are named here."""
    explain = {
        "build_info", "adoption_epoch", "adoption_parties", "adoption_registered_stake_lovelace",
        "adoption_network_stake_lovelace", "adoption_version_share", "trusted_payload_slot",
        "provider_asked_timestamp_seconds", "event_log_last_id", "event_log_size_bytes", "shed_inputs_total",
        "node_requests_total", "webhook_attempts_total",
    }  # fmt: skip
    named = {selector.name for _, expression in expressions() for selector in selectors(parse(expression))}
    told = {name.removesuffix("_bucket").removeprefix("eraswitch_") for name in named}
    assert {metric.name for metric in METRICS} - told == explain


def test_the_dashboard_is_whole() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["description"] for panel in panels if panel["type"] != "row")
    cells = [(x, y) for panel in panels for x, y in _cells(panel["gridPos"])]
    assert len(set(cells)) == len(cells), "two panels lie on each other"
    assert max(x for x, _ in cells) < 24
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "instance"}


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


def test_the_example_scrapes_the_job_that_the_alerts_name() -> None:
    settings: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (job,) = settings["scrape_configs"]
    assert settings["rule_files"] == ["alerts.yml"]
    assert (job["job_name"], job["metrics_path"]) == ("eraswitch", "/metrics")
    assert 'job="eraswitch"' in ALERTS["EraswitchDown"]["expr"]


def test_the_unit_of_the_service_is_hardened_and_valid() -> None:
    path = DEPLOY / "systemd" / "eraswitch-serve.service"
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text())
    service = unit["Service"]
    for name in ("NoNewPrivileges", "ProtectSystem", "PrivateTmp", "DynamicUser", "RestrictNamespaces"):
        assert service[name] in ("yes", "strict"), name
    assert service["ExecStart"].split()[1:] == ["eraswitch", "--config", "/etc/eraswitch/eraswitch.toml", "serve"]
    assert int(service["LimitNOFILE"]) > 10_000
    assert service["Environment"] == "XDG_STATE_HOME=%S/" + service["StateDirectory"]
    assert "ERASWITCH_" not in path.read_text(), "the environment would win over the configuration file"
    if (analyze := shutil.which("systemd-analyze")) is not None:
        done = subprocess.run([analyze, "verify", str(path)], capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")

"""The metrics of a scrape: the service's documents as samples.

In: a ``Service``. Out: the families of a scrape. Each part is collected separately, so that one that fails (because the
store does not answer) is reported as failed and the others continue. Expensive figures are counted at intervals.
"""

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from chain_reader.node.kinds import DecisionKind
from chain_reader.trust.verdicts import NOT_REFUSED
from era_service.service import adoption
from era_service.service import changes as kinds
from era_service.service.documents import EraStatus, ProviderDocument
from era_service.service.service import Service
from era_service.telemetry.declared import BY_NAME, METRICS
from era_service.web.stream import TOLD, EventStream
from era_service.webhooks.deliverer import Deliverer
from era_store.redaction import mask_text
from eras import EraSwitchError, Slot, StoreError
from release_tools.adoption.documents import AdoptionSummary

_log = logging.getLogger(__name__)

Found = TypeVar("Found")
MAX_VERSIONS = 50
"""The largest number of versions with a sample of their own: anybody can register any text as a version."""
OTHERS, UNKNOWN = "others", "unknown"
ADOPTION_EVERY_S = 15.0
EVENTS_AT_ONCE = 5_000
SHED = DecisionKind.INPUTS_SHED.value


class Sheet:
    """The values of one scrape. Nothing that is not declared can be reported."""

    def __init__(self) -> None:
        self._values: dict[str, dict[tuple[str, ...], float]] = {}

    def put(self, name: str, value: float | bool | None, **labels: str) -> None:
        """Put a value; ``None`` is left out.

        Raises:
            KeyError: the metric, or a label of it, is not declared.
        """
        if value is None:
            return
        metric = BY_NAME[name]
        if set(labels) != set(metric.labels):
            raise KeyError(f"{name} has the labels {metric.labels}, not {tuple(labels)}")
        of_metric = self._values.setdefault(name, {})
        of_metric[tuple(labels[label] for label in metric.labels)] = float(value)

    def families(self) -> Iterator[Family]:
        """The values, in the order in which the metrics are declared."""
        for name, values in sorted(self._values.items(), key=lambda item: METRICS.index(BY_NAME[item[0]])):
            metric = BY_NAME[name]
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.full_name, metric.help, labels=metric.labels)
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family


class ServiceCollector:
    """A Prometheus collector of one service. Several threads may scrape it.

    Args:
        service: the service.
        stream: its event stream.
        deliverers: the deliverers of its webhooks.
    """

    def __init__(self, service: Service, stream: EventStream, deliverers: Iterable[Deliverer]) -> None:
        self._deliverers = deliverers
        self._service = service
        self._stream = stream
        self._lock = threading.Lock()
        self._answered_at_s: dict[str, float] = {}
        self._events: Counter[str] = Counter({kind.value: 0 for kind in DecisionKind})
        self._shed: Counter[str] = Counter()
        self._counted_to: int | None = None
        self._adoption: tuple[float, Callable[[Sheet], None]] | None = None
        service.changes.listen(self._note)
        self._note(kinds.SNAPSHOT)

    def describe(self) -> Iterable[Family]:
        """Nothing: the metrics depend on what is known, and collecting them is expensive."""
        return ()

    def collect(self) -> Iterator[Family]:
        """The families of a scrape."""
        sheet = Sheet()
        parts: tuple[tuple[str, Callable[[Sheet], None]], ...] = (
            ("build", self._build),
            ("eras", self._eras),
            ("configuration", self._configuration),
            ("providers", self._providers),
            ("adoption", self._adopted),
            ("events", self._logged),
            ("webhooks", self._webhooks),
            ("peers", self._peers),
        )
        with self._lock:
            for name, collect in parts:
                failed = False
                try:
                    collect(sheet)
                except EraSwitchError as error:
                    failed = True
                    _log.warning("The metrics of the %s could not be collected: %s", name, error)
                sheet.put("scrape_part_failed", failed, part=name)
        return sheet.families()

    # --- the parts

    def _build(self, sheet: Sheet) -> None:
        found = self._service.version()
        labels = {"version": found.version, "api_version": found.api_version, "schema_revision": found.schema_revision}
        sheet.put("build_info", 1, **labels)
        sheet.put("reads_chain", self._service.reads_chain)
        sheet.put("event_stream_listeners", self._stream.listeners)

    def _eras(self, sheet: Sheet) -> None:
        known = self._service.has_read
        status = self._service.era_status() if known else None
        sheet.put("era_trusted", status is not None and status.current is not None)
        if status is None:
            return
        sheet.put("epoch", status.epoch)
        sheet.put("epoch_end_timestamp_seconds", self._service.epoch_ends_at_s)
        for role, era in (("current", status.current), ("upcoming", status.upcoming)):
            sheet.put(f"{role}_era_unsupported", era is not None and not era.supported)
            if era is not None:
                sheet.put("era_info", 1, role=role, era=era.name, state=era.state)
        for era in status.eras:
            sheet.put("epochs_to_activation", era.epochs_left, era=era.name)
        self._trust(sheet, status)

    def _trust(self, sheet: Sheet, status: EraStatus) -> None:
        sheet.put("stale", status.stale is not None)
        sheet.put("last_reading_timestamp_seconds", self._service.snapshot.read_at_s)
        slot = None if status.trusted is None else status.trusted.slot
        sheet.put("trusted_payload_slot", slot)
        genesis = self._service.genesis
        if genesis is not None and slot is not None:
            sheet.put("trusted_payload_timestamp_seconds", genesis.time_of(Slot(slot)))
        _put_refused(sheet, "refused_datums", status.verdicts)
        sheet.put("conflicting_payloads", len(status.conflicts))
        sheet.put("legacy_view_differs", status.legacy is not None and status.legacy.differs)

    def _configuration(self, sheet: Sheet) -> None:
        found = self._service.snapshot.configuration if self._service.has_read else None
        if found is None:
            return
        if found.current is not None:
            lottery = found.current.protocol_parameters
            sheet.put("configuration_epoch", found.current.epoch)
            sheet.put("configuration_k", lottery.k)
            sheet.put("configuration_m", lottery.m)
            sheet.put("configuration_phi_f", lottery.phi_f)
        sheet.put("epochs_to_configuration", None if found.next is None else found.next.epochs_left)
        sheet.put("configuration_stale", found.stale is not None)
        _put_refused(sheet, "configuration_refused_datums", found.verdicts)
        sheet.put("configuration_legacy_view_differs", bool(found.legacy_differs))

    def _providers(self, sheet: Sheet) -> None:
        for name, provider in _named(self._service.provider_health().providers):
            sheet.put("provider_up", provider.ok, provider=name)
            sheet.put("provider_latency_seconds", provider.latency_s, provider=name)
            sheet.put("provider_asked_timestamp_seconds", provider.asked_at_s, provider=name)
        if not self._service.settings.service.public:
            for name, answered_at_s in self._answered_at_s.items():
                sheet.put("provider_answered_timestamp_seconds", answered_at_s, provider=name)

    def _adopted(self, sheet: Sheet) -> None:
        """Adoption, counted again if the last count is old."""
        now_s = self._service.clock()
        if self._adoption is None or not 0 <= now_s - self._adoption[0] < ADOPTION_EVERY_S:
            self._adoption = (now_s, self._count_adoption())
        self._adoption[1](sheet)

    def _count_adoption(self) -> Callable[[Sheet], None]:
        """Count the summary, the gate and the forecast, and return what puts those that are known on a sheet.

        Raises:
            StoreError: the registrations could not be read.
        """
        summary = _known(lambda: adoption.summary(self._service, details=False))
        gate = _known(lambda: adoption.gate(self._service))
        forecast = _known(lambda: adoption.forecast(self._service))

        def put(sheet: Sheet) -> None:
            if summary is not None:
                _put_adoption(sheet, summary)
            if gate is not None:
                sheet.put("adoption_gate_met", gate.met, era=gate.era)
                sheet.put("adoption_gate_threshold", gate.threshold, era=gate.era)
            if forecast is not None:
                least = min(outlook.quorum_probability.value for outlook in forecast.epochs)
                sheet.put("forecast_quorum_probability", least, era=forecast.era)

        return put

    def _logged(self, sheet: Sheet) -> None:
        events = self._service.store.events
        head, newest = events.head(), events.last(TOLD)
        sheet.put("event_log_last_id", head.last_id)
        sheet.put("event_log_size_bytes", head.size_bytes)
        sheet.put("event_log_lag", 0 if newest is None else max(0, newest.id - self._stream.last_id))
        if self._counted_to is None:
            self._counted_to = head.last_id
        found = events.read(after=self._counted_to, limit=EVENTS_AT_ONCE, only=TOLD)
        for event in found:
            self._events[event.kind] += 1
            if event.kind == SHED:
                self._shed.update(event.facts.get("counts", {}))
        self._counted_to = found[-1].id if found else head.last_id
        for kind, count in self._events.items():
            sheet.put("events_total", count, kind=kind)
        for kind, count in self._shed.items():
            sheet.put("shed_inputs_total", count, input=kind)

    def _webhooks(self, sheet: Sheet) -> None:
        for one in self._deliverers:
            outbox = one.outbox
            sheet.put("webhook_waiting", None if outbox is None else len(outbox.waiting), webhook=one.name)
            for outcome in ("accepted", "failed"):
                sheet.put("webhook_attempts_total", one.outcomes[outcome], webhook=one.name, outcome=outcome)
            sheet.put("webhook_given_up_total", one.outcomes["given up"], webhook=one.name)

    def _peers(self, sheet: Sheet) -> None:
        peers = self._service.peers
        for schedule, count in list(peers.schedules.items()):
            sheet.put("peer_requests_total", count, schedule=schedule)
        for version, count in list(peers.versions.items()):
            sheet.put("node_requests_total", count, version=version)

    def _note(self, kind: str) -> None:
        """Remember which providers answered: the next snapshot knows only those that it asked."""
        if kind == kinds.SNAPSHOT:
            for name, provider in _named(self._service.provider_health().providers):
                if provider.ok:
                    self._answered_at_s[name] = provider.asked_at_s


def _put_refused(sheet: Sheet, name: str, verdicts: dict[str, int]) -> None:
    for verdict, outputs in verdicts.items():
        if verdict not in NOT_REFUSED:
            sheet.put(name, outputs, verdict=verdict)


def _named(providers: Iterable[ProviderDocument]) -> Iterator[tuple[str, ProviderDocument]]:
    """The providers by names without secrets; a repeated name is numbered, so that each provider has its sample."""
    seen: Counter[str] = Counter()
    for provider in providers:
        name = mask_text(provider.name)
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} #{seen[name]}", provider


def _known(ask: Callable[[], Found]) -> Found | None:
    """The document, or ``None`` if there is nothing to report: no registration, no gate, no upcoming era.

    Raises:
        StoreError: the store did not answer.
    """
    try:
        return ask()
    except StoreError:
        raise
    except EraSwitchError as error:
        _log.debug("There is nothing to report: %s", error)
        return None


def _put_adoption(sheet: Sheet, summary: AdoptionSummary) -> None:
    sheet.put("adoption_epoch", summary.epoch)
    sheet.put("adoption_parties", summary.registered.parties)
    sheet.put("adoption_registered_stake_lovelace", summary.registered.stake)
    sheet.put("adoption_network_stake_lovelace", summary.network.stake)
    stakes: Counter[str] = Counter()
    shares: defaultdict[tuple[str, str], float] = defaultdict(float)
    largest = sorted(summary.versions, key=lambda row: row.stake, reverse=True)
    for index, row in enumerate(largest):
        name = (row.version or UNKNOWN) if index < MAX_VERSIONS else OTHERS
        stakes[name] += row.stake
        for base, share in (("registered", row.share), ("network", row.network_share)):
            if share is not None:
                shares[name, base] += share
    for name, stake in stakes.items():
        sheet.put("adoption_version_stake_lovelace", stake, version=name)
    for (name, base), share in shares.items():
        sheet.put("adoption_version_share", share, version=name, base=base)
    for era in summary.eras:
        for base, ready in (("registered", era.registered), ("network", era.network)):
            sheet.put("adoption_era_share", None if ready is None else ready.share, era=era.era, base=base)

"""Every metric, declared once: its name, kind, labels and help. Pure.

Out: ``METRICS``, from which a scrape (``collector``) and the table in docs/metrics.md are made.
"""

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "eraswitch_"
Kind = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        name: without the prefix; that of a counter ends in ``_total``.
        kind: ``gauge``, ``counter`` or ``histogram``.
        help: its meaning.
        labels: the labels of its samples.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The name in Prometheus."""
        return PREFIX + self.name


METRICS: Final = (
    Metric(
        "build_info", "gauge", "Always 1: the version of the software.", ("version", "api_version", "schema_revision")
    ),
    # the eras
    Metric("epoch", "gauge", "The epoch at the last reading."),
    Metric("epoch_end_timestamp_seconds", "gauge", "When the epoch ends, where the network's genesis is known."),
    Metric("era_info", "gauge", "Always 1: the current and the upcoming era.", ("role", "era", "state")),
    Metric("era_trusted", "gauge", "1 where a current era is known from what is trusted, else 0."),
    Metric("current_era_unsupported", "gauge", "1 where this software does not know the current era, else 0."),
    Metric("upcoming_era_unsupported", "gauge", "1 where this software does not know the upcoming era, else 0."),
    Metric("epochs_to_activation", "gauge", "Epochs until an era begins that has an epoch and waits.", ("era",)),
    # what is trusted
    Metric("stale", "gauge", "1 where what is known is not confirmed now, else 0."),
    Metric("last_reading_timestamp_seconds", "gauge", "When the chain was last read, with or without success."),
    Metric("trusted_payload_slot", "gauge", "Slot of the transaction that published what is trusted."),
    Metric(
        "trusted_payload_timestamp_seconds",
        "gauge",
        "When what is trusted was published, where the network's genesis is known; its age is time() minus this.",
    ),
    Metric(
        "refused_datums", "gauge", "Outputs at the era address that were refused at the last reading.", ("verdict",)
    ),
    Metric("conflicting_payloads", "gauge", "Payloads that contradict what is trusted, at the last reading."),
    Metric("legacy_view_differs", "gauge", "1 where a deployed Mithril reader could see other markers, else 0."),
    # protocol configurations, where they are read
    Metric("configuration_epoch", "gauge", "From which epoch on the protocol configuration in force holds."),
    Metric("configuration_k", "gauge", "Its k: the indices that must be won."),
    Metric("configuration_m", "gauge", "Its m: the indices that are drawn."),
    Metric("configuration_phi_f", "gauge", "Its phi_f: the chance that the whole stake wins an index."),
    Metric("epochs_to_configuration", "gauge", "Epochs until another protocol configuration holds."),
    Metric("configuration_stale", "gauge", "1 where protocol configurations are not confirmed now, else 0."),
    Metric("configuration_refused_datums", "gauge", "Outputs of this kind that were refused.", ("verdict",)),
    Metric("configuration_legacy_view_differs", "gauge", "1 where a deployed reader could see others, else 0."),
    # the providers
    Metric("provider_up", "gauge", "1 where a provider answered when last asked, else 0.", ("provider",)),
    Metric("provider_latency_seconds", "gauge", "Seconds until it answered, or failed.", ("provider",)),
    Metric("provider_asked_timestamp_seconds", "gauge", "When it was last asked.", ("provider",)),
    Metric("provider_answered_timestamp_seconds", "gauge", "When it was last asked and answered.", ("provider",)),
    Metric("reads_chain", "gauge", "1 where this replica reads the chain, else 0."),
    # adoption
    Metric("adoption_epoch", "gauge", "The epoch of the registrations that are counted."),
    Metric("adoption_parties", "gauge", "Parties that registered for it."),
    Metric("adoption_registered_stake_lovelace", "gauge", "Their stake."),
    Metric("adoption_network_stake_lovelace", "gauge", "The stake of the whole network, where known."),
    Metric("adoption_version_stake_lovelace", "gauge", "Stake of a version; the smallest are others.", ("version",)),
    Metric("adoption_version_share", "gauge", "Share of a version, 0 to 1, of a base.", ("version", "base")),
    Metric("adoption_era_share", "gauge", "Share that is ready for an era, 0 to 1, of a base.", ("era", "base")),
    Metric("adoption_gate_threshold", "gauge", "The share that the gate requires, 0 to 1, where one is set.", ("era",)),
    Metric("adoption_gate_met", "gauge", "1 where the gate of the upcoming era is met, else 0.", ("era",)),
    Metric(
        "forecast_quorum_probability",
        "gauge",
        "The least chance, 0 to 1, that the network keeps its quorum in an epoch around the switch.",
        ("era",),
    ),
    # the event log
    Metric("event_log_last_id", "gauge", "Id of the newest entry of the event log."),
    Metric("event_log_size_bytes", "gauge", "Bytes of the event log."),
    Metric("event_log_lag", "gauge", "How many ids the event stream is behind the newest entry that it serves."),
    Metric("event_stream_listeners", "gauge", "Listeners to the event stream."),
    Metric("events_total", "counter", "Decisions in the event log, since the first scrape.", ("kind",)),
    Metric("shed_inputs_total", "counter", "Inputs that were shed, by the event log, since then.", ("input",)),
    # webhooks
    Metric("webhook_waiting", "gauge", "Messages waiting to be sent, on the replica that sends.", ("webhook",)),
    Metric("webhook_attempts_total", "counter", "Attempts to send a message.", ("webhook", "outcome")),
    Metric("webhook_given_up_total", "counter", "Messages that were given up.", ("webhook",)),
    # requests
    Metric("peer_requests_total", "counter", "Requests by the peer's schedule, from its era-id.", ("schedule",)),
    Metric("node_requests_total", "counter", "Requests by the version of the node; the rest are others.", ("version",)),
    Metric("http_requests_total", "counter", "Requests that were answered.", ("route", "method", "status")),
    Metric("http_request_duration_seconds", "histogram", "How long until an answer began.", ("route",)),
    # the metrics themselves
    Metric("scrape_part_failed", "gauge", "1 where some of these metrics could not be collected, else 0.", ("part",)),
)

BY_NAME: Final = {metric.name: metric for metric in METRICS}


def metric_table() -> str:
    """Every metric as a table, for the documentation."""
    rows = []
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.full_name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |", *rows])

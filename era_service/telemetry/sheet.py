"""The values of one scrape. Nothing that is not declared can be reported."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from era_service.telemetry.declared import BY_NAME, METRICS


class Sheet:
    """The values of one scrape."""

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

    def families(self) -> Iterator[Metric]:
        """The values, in the order in which the metrics are declared."""
        for name, values in sorted(self._values.items(), key=lambda item: METRICS.index(BY_NAME[item[0]])):
            metric = BY_NAME[name]
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.full_name, metric.help, labels=metric.labels)
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family

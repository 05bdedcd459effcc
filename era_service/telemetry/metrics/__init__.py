"""The metrics of the service, as Prometheus reads them at ``/metrics`` (docs/metrics.md lists them all)."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_service.telemetry.metrics.declared import METRICS, Metric
    from era_service.telemetry.metrics.routes import mount

__all__ = ["METRICS", "Metric", "mount"]

__getattr__ = front_door(
    __name__,
    {
        "era_service.telemetry.metrics.declared": ("METRICS", "Metric"),
        "era_service.telemetry.metrics.routes": ("mount",),
    },
)

"""The metrics of the service, as Prometheus reads them at ``/metrics`` (docs/metrics.md lists them all)."""

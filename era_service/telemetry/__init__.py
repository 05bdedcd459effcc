"""Traces and metrics of the service; docs/metrics.md lists the metrics."""

"""OpenTelemetry traces, if enabled: readings of the chain, calls of providers, and HTTP requests.

In: ``[service] tracing``, or the environment variable ``OTEL_TRACES_EXPORTER``; the other ``OTEL_…`` variables are
OpenTelemetry's own settings. Out: spans (``traces``), for which OpenTelemetry is imported only if traces are enabled.
"""

import os
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from era_service.service.service import Service
from era_store.installation import install_command
from eras import ConfigurationError

if TYPE_CHECKING:
    from fastapi import FastAPI

EXPORTER_VARIABLE: Final = "OTEL_TRACES_EXPORTER"
EXPORTERS: Final = "opentelemetry_traces_exporter"
DEFAULT_EXPORTER: Final = "otlp"


def mount(app: "FastAPI", service: Service) -> None:
    """Trace a service and its application, if tracing is enabled.

    Raises:
        ConfigurationError: it is enabled, but traces cannot be sent.
    """
    chosen = os.environ.get(EXPORTER_VARIABLE, "").strip().lower()
    if chosen == "none" or not (chosen or service.settings.service.tracing):
        return
    exporter = _exporter(chosen or DEFAULT_EXPORTER)
    from era_service.telemetry.traces import provider_of, trace

    trace(app, service, provider_of(exporter))


def _exporter(name: str) -> Any:
    """The exporter of that name, of those that are installed.

    Raises:
        ConfigurationError: there is none of that name, or OpenTelemetry itself is not installed.
    """
    if find_spec("opentelemetry") is None:
        raise _missing_library("OpenTelemetry", "nothing of it")
    found = [entry for entry in entry_points(group=EXPORTERS) if entry.name == name]
    if not found:
        known = sorted({entry.name for entry in entry_points(group=EXPORTERS)})
        raise _missing_library(f"the exporter {name[:40]!r}", f"only {', '.join(known) or 'none'}")
    return found[0].load()()


def _missing_library(what: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "Tracing is enabled, but traces cannot be sent",
        code="Tracing",
        expected=what,
        got=got,
        next_step=f"Install it ({install_command('opentelemetry-sdk')} opentelemetry-exporter-otlp-proto-http), name "
        f"another with {EXPORTER_VARIABLE}, or set service.tracing = false",
    )

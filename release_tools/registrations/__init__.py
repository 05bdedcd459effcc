"""The sources of registrations: an aggregator's event store or its HTTP API, JSON lines, CSV."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from release_tools.registrations.aggregator_http import AggregatorHttp, Signer
    from release_tools.registrations.csv_rows import CsvRows
    from release_tools.registrations.ingesting import BATCH_ROWS, IngestSummary, ingest
    from release_tools.registrations.judging import EPOCHS_AHEAD, FIELDS, Judge
    from release_tools.registrations.lines import JsonLines
    from release_tools.registrations.mithril_events import MithrilEvents
    from release_tools.registrations.opening import SOURCE_KINDS, kind_of, open_source
    from release_tools.registrations.source import (
        Batch,
        RegistrationSource,
        RegistrationSourceError,
        SourceDamagedError,
        SourceFormatError,
        SourceLockedError,
        SourceMissingError,
    )

__all__ = [
    "BATCH_ROWS",
    "EPOCHS_AHEAD",
    "FIELDS",
    "SOURCE_KINDS",
    "AggregatorHttp",
    "Batch",
    "CsvRows",
    "IngestSummary",
    "JsonLines",
    "Judge",
    "MithrilEvents",
    "RegistrationSource",
    "RegistrationSourceError",
    "Signer",
    "SourceDamagedError",
    "SourceFormatError",
    "SourceLockedError",
    "SourceMissingError",
    "ingest",
    "kind_of",
    "open_source",
]

__getattr__ = front_door(
    __name__,
    {
        "release_tools.registrations.ingesting": ("BATCH_ROWS", "IngestSummary", "ingest"),
        "release_tools.registrations.aggregator_http": ("AggregatorHttp", "Signer"),
        "release_tools.registrations.csv_rows": ("CsvRows",),
        "release_tools.registrations.judging": ("EPOCHS_AHEAD", "FIELDS", "Judge"),
        "release_tools.registrations.lines": ("JsonLines",),
        "release_tools.registrations.mithril_events": ("MithrilEvents",),
        "release_tools.registrations.opening": ("SOURCE_KINDS", "kind_of", "open_source"),
        "release_tools.registrations.source": (
            "Batch",
            "RegistrationSource",
            "RegistrationSourceError",
            "SourceDamagedError",
            "SourceFormatError",
            "SourceLockedError",
            "SourceMissingError",
        ),
    },
)

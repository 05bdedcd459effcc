"""Memory between readings and restarts: the trusted markers, verdicts, the event log."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_store.capability import Capability
    from era_store.errors import StoreDamagedError, StoreFullError, StoreMissingError, StoreUnavailableError
    from era_store.event_log import EventFilter, EventLogNewerError, LogLine, verified
    from era_store.memory import MemoryStore
    from era_store.ports import Store
    from era_store.records import (
        CachedVerdict,
        NewEvent,
        SeenPayload,
        Sighting,
        StoredEvent,
        StoredOutput,
        StoredTrust,
        TrustKey,
    )
    from era_store.registrations import (
        Registration,
        Reject,
        VersionTally,
        Withdrawal,
        release_of,
    )
    from era_store.sql.maintenance import check_store
    from era_store.sql.registrations import SqlRegistrations
    from era_store.sql.store import SqlStore, open_store, temporary_registrations

__all__ = [
    "CachedVerdict",
    "Capability",
    "EventFilter",
    "EventLogNewerError",
    "LogLine",
    "MemoryStore",
    "NewEvent",
    "Registration",
    "Reject",
    "SeenPayload",
    "Sighting",
    "SqlRegistrations",
    "SqlStore",
    "Store",
    "StoreDamagedError",
    "StoreFullError",
    "StoreMissingError",
    "StoreUnavailableError",
    "StoredEvent",
    "StoredOutput",
    "StoredTrust",
    "TrustKey",
    "VersionTally",
    "Withdrawal",
    "check_store",
    "open_store",
    "release_of",
    "temporary_registrations",
    "verified",
]

__getattr__ = front_door(
    __name__,
    {
        "era_store.capability": ("Capability",),
        "era_store.errors": ("StoreDamagedError", "StoreFullError", "StoreMissingError", "StoreUnavailableError"),
        "era_store.event_log": ("EventFilter", "EventLogNewerError", "LogLine", "verified"),
        "era_store.memory": ("MemoryStore",),
        "era_store.ports": ("Store",),
        "era_store.records": (
            "CachedVerdict",
            "NewEvent",
            "SeenPayload",
            "Sighting",
            "StoredEvent",
            "StoredOutput",
            "StoredTrust",
            "TrustKey",
        ),
        "era_store.registrations": (
            "Registration",
            "Reject",
            "VersionTally",
            "Withdrawal",
            "release_of",
        ),
        "era_store.sql.maintenance": ("check_store",),
        "era_store.sql.registrations": ("SqlRegistrations",),
        "era_store.sql.store": ("SqlStore", "open_store", "temporary_registrations"),
    },
)

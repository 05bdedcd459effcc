"""What is remembered between readings and restarts: what is trusted, verdicts, the event log."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_store.errors import (
        StoreChangedError,
        StoreDamagedError,
        StoreForeignError,
        StoreFullError,
        StoreLockedError,
        StoreMissingError,
        StoreNewerError,
        StoreOutdatedError,
        StoreReadOnlyError,
        StoreUnavailableError,
    )
    from era_store.maintenance import StoreExistsError, StoreReport, backup_store, check_store, restore_store
    from era_store.memory import MemoryStore
    from era_store.ports import EventRepository, Store, TrustRepository, VerdictRepository
    from era_store.records import (
        CachedVerdict,
        NewEvent,
        SeenPayload,
        StoredEvent,
        StoredOutput,
        StoredTrust,
        TrustKey,
    )
    from era_store.store import SqlStore, open_store

__all__ = [
    "CachedVerdict",
    "EventRepository",
    "MemoryStore",
    "NewEvent",
    "SeenPayload",
    "SqlStore",
    "Store",
    "StoreChangedError",
    "StoreDamagedError",
    "StoreExistsError",
    "StoreForeignError",
    "StoreFullError",
    "StoreLockedError",
    "StoreMissingError",
    "StoreNewerError",
    "StoreOutdatedError",
    "StoreReadOnlyError",
    "StoreReport",
    "StoreUnavailableError",
    "StoredEvent",
    "StoredOutput",
    "StoredTrust",
    "TrustKey",
    "TrustRepository",
    "VerdictRepository",
    "backup_store",
    "check_store",
    "open_store",
    "restore_store",
]

__getattr__ = front_door(
    __name__,
    {
        "era_store.errors": (
            "StoreChangedError",
            "StoreDamagedError",
            "StoreForeignError",
            "StoreFullError",
            "StoreLockedError",
            "StoreMissingError",
            "StoreNewerError",
            "StoreOutdatedError",
            "StoreReadOnlyError",
            "StoreUnavailableError",
        ),
        "era_store.maintenance": (
            "StoreExistsError",
            "StoreReport",
            "backup_store",
            "check_store",
            "restore_store",
        ),
        "era_store.memory": ("MemoryStore",),
        "era_store.ports": ("EventRepository", "Store", "TrustRepository", "VerdictRepository"),
        "era_store.records": (
            "CachedVerdict",
            "NewEvent",
            "SeenPayload",
            "StoredEvent",
            "StoredOutput",
            "StoredTrust",
            "TrustKey",
        ),
        "era_store.store": ("SqlStore", "open_store"),
    },
)

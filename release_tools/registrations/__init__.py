"""The sources of registrations: an aggregator's event store or its HTTP API, JSON lines, CSV."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from release_tools.registrations.ingesting import ingest
    from release_tools.registrations.opening import open_source

__all__ = [
    "ingest",
    "open_source",
]

__getattr__ = front_door(
    __name__,
    {
        "release_tools.registrations.ingesting": ("ingest",),
        "release_tools.registrations.opening": ("open_source",),
    },
)

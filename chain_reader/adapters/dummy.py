"""The adapter ``dummy``: markers given outright, for tests and first steps.

In: markers. Out: the same markers.
"""

from collections.abc import Iterable

from chain_reader.ports import EraReading
from eras import EraMarker, Provenance


class DummyAdapter:
    """Answers with the markers it was given."""

    def __init__(self, markers: Iterable[EraMarker]) -> None:
        self.markers = tuple(markers)

    def __repr__(self) -> str:
        return f"DummyAdapter({self.markers!r})"

    def read(self) -> EraReading:
        """The markers it was given."""
        return EraReading(self.markers, Provenance("dummy"))

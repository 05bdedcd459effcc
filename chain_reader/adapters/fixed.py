"""The adapters that read nothing: ``bootstrap`` and ``bootstrap-latest`` for a new network, ``dummy`` for tests.

In: the eras that this software supports, or markers. Out: one era at epoch 0, or the same markers.
"""

from collections.abc import Iterable

from chain_reader.ports import EraReading
from eras import Epoch, EraMarker, Provenance, SupportedEras


class BootstrapAdapter:
    """Answers with one supported era at epoch 0: the first, or the last where ``latest``."""

    def __init__(self, supported: SupportedEras = SupportedEras.DEFAULT, *, latest: bool = False) -> None:
        self.supported = supported
        self.latest = latest

    def __repr__(self) -> str:
        return f"BootstrapAdapter({self.supported!r}, latest={self.latest})"

    def read(self) -> EraReading:
        """The marker of that era."""
        name = self.supported[-1 if self.latest else 0]
        source = "bootstrap-latest" if self.latest else "bootstrap"
        return EraReading((EraMarker(name, Epoch(0)),), Provenance(source))


class DummyAdapter:
    """Answers with the markers it was given."""

    def __init__(self, markers: Iterable[EraMarker]) -> None:
        self.markers = tuple(markers)

    def __repr__(self) -> str:
        return f"DummyAdapter({self.markers!r})"

    def read(self) -> EraReading:
        """The markers it was given."""
        return EraReading(self.markers, Provenance("dummy"))

"""The adapters ``bootstrap`` and ``bootstrap-latest``: one supported era, active from epoch 0, for a new network.

In: the eras that this software supports. Out: one marker, of the first or of the last of them.
"""

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

"""The era reader: from a source of markers to the current and the upcoming era at an epoch.

In: an adapter and an epoch. Out: an ``EraEpochToken``, or an error that names the cause.
"""

from collections import Counter

from chain_reader.ports import EraReaderAdapter, EraReading
from eras import CurrentEraNotFoundError, Epoch, EraEpochToken, SupportedEras, select_eras


class EraReader:
    """Reads the eras of a network.

    Args:
        adapter: the source of markers.
        supported: the eras that this software knows.
    """

    def __init__(self, adapter: EraReaderAdapter, supported: SupportedEras = SupportedEras.DEFAULT) -> None:
        self.adapter = adapter
        self.supported = supported

    def read_era_epoch_token(self, epoch: Epoch) -> EraEpochToken:
        """The current and the upcoming era at ``epoch``, by the markers in force now.

        Raises:
            ChainReadError: the source could not be read.
            CurrentEraNotFoundError: it was read, and no era is active at ``epoch``.
            MarkerError: it was read, and what it holds is no list of markers.
        """
        reading = self.adapter.read()
        if not reading.markers:
            raise _no_marker(reading, epoch)
        return select_eras(reading.markers, epoch, self.supported, provenance=reading.provenance)


def _no_marker(reading: EraReading, epoch: Epoch) -> CurrentEraNotFoundError:
    """Nothing is in force: tell an empty source from one that holds only what was refused."""
    counts = Counter(item.verdict.name for item in reading.screened)
    source = "the source" if reading.provenance is None else reading.provenance.source
    if counts:
        listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        got = f"{counts.total()} datums, none of them in force: {listed}"
        next_step = "Check the verification key and the era address; each refused datum has its reason"
    else:
        got = "no marker at all"
        next_step = "Check the source; for a chain the era address, the network, and that the provider has caught up"
    return CurrentEraNotFoundError(
        f"No era is active at epoch {epoch} by {source}",
        expected=f"a marker with an epoch of at most {epoch}",
        got=got,
        next_step=next_step,
        epoch=epoch,
        source=source,
        verdicts=dict(counts),
    )

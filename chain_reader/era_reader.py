"""The era reader: from a source of markers to the current and the upcoming era at an epoch.

In: an adapter and an epoch. Out: an ``EraEpochToken``, or an error that names the cause.
"""

from chain_reader.ports import EraReaderAdapter, EraReading
from chain_reader.trust.verdicts import CHECK_REFUSED, tally
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
            MarkerError: it was read, and does not hold a list of markers.
        """
        return eras_of(self.adapter.read(), epoch, self.supported)


def eras_of(reading: EraReading, epoch: Epoch, supported: SupportedEras) -> EraEpochToken:
    """The current and the upcoming era at ``epoch``, by what was read.

    Raises:
        CurrentEraNotFoundError: no era is active at ``epoch``.
    """
    if not reading.markers:
        raise _no_marker(reading, epoch)
    return select_eras(reading.markers, epoch, supported, provenance=reading.provenance)


def _no_marker(reading: EraReading, epoch: Epoch) -> CurrentEraNotFoundError:
    """The error where nothing is in force; it distinguishes an empty source from one where everything was refused."""
    verdicts, none_in_force = tally(reading.screened)
    source = "the source" if reading.provenance is None else reading.provenance.source
    check_source = "Check the source; for a chain the era address, the network, and that the provider has caught up"
    return CurrentEraNotFoundError(
        f"No era is active at epoch {epoch} by {source}",
        expected=f"a marker with an epoch of at most {epoch}",
        got=none_in_force if verdicts else "no marker at all",
        next_step=CHECK_REFUSED if verdicts else check_source,
        epoch=epoch,
        source=source,
        verdicts=verdicts,
    )

"""The reader of protocol configurations: which ones are in force at an address, by the same rules of trust as eras.

In: what a ``TrustedReader`` takes, with a policy whose kind is ``CONFIGURATIONS``. Out: a ``ConfigurationReading``: the
configuration that holds at an epoch, and the three that a node needs. What was trusted stays in force, stale, while the
chain cannot be read, and is stored apart from what is trusted of eras.
"""

from dataclasses import dataclass
from typing import cast

from chain_reader.trust.kinds import CONFIGURATIONS
from chain_reader.trust.reading import TrustedReading
from chain_reader.trusted_reader import TrustedReader
from datum.configuration.markers import ConfigurationMarker, decoded
from datum.configuration.values import (
    ConfigurationWindow,
    EpochConfiguration,
    ProtocolConfiguration,
    configuration_at,
    schedule,
    window_at,
)
from eras import ChainReadError, Epoch, StoreError
from eras.errors import kept


@dataclass(frozen=True, slots=True)
class ConfigurationReading:
    """The configurations in force.

    Attributes:
        trusted: what was read and decided: provenance, verdicts, alarms, staleness and the legacy view.
        configurations: those in force, by epoch; none where nothing is trusted.
        error: why the chain could not be read; ``None`` where it was.
    """

    trusted: TrustedReading
    configurations: tuple[EpochConfiguration, ...]
    error: ChainReadError | StoreError | None = None

    @property
    def epoch(self) -> Epoch | None:
        """The current epoch, where known."""
        return self.trusted.epoch

    def configuration_at(self, epoch: Epoch) -> ProtocolConfiguration | None:
        """The configuration that holds at ``epoch``; ``None`` where none does."""
        return configuration_at(self.configurations, epoch)

    def window_at(self, epoch: Epoch) -> ConfigurationWindow | None:
        """The three that a node at ``epoch`` needs; ``None`` where one of them is missing."""
        return window_at(self.configurations, epoch)

    def upcoming_after(self, epoch: Epoch) -> EpochConfiguration | None:
        """The next configuration that is another than that of ``epoch``; ``None`` where none is to come."""
        before = self.configuration_at(epoch)
        later = (item for item in self.configurations if item.epoch > epoch)
        return next((item for item in later if before is None or before.differences(item.configuration)), None)


class ConfigurationReader:
    """Reads the protocol configurations in force. Several threads may use it.

    Args:
        reader: reads their payloads; its policy has the kind ``CONFIGURATIONS``.
    """

    def __init__(self, reader: TrustedReader) -> None:
        assert reader.policy.kind is CONFIGURATIONS  # noqa: S101 - the caller's mistake, found by every test
        self._reader = reader

    def read(self, epoch: Epoch | None = None) -> ConfigurationReading:
        """The configurations in force now; what is remembered, stale, where the chain cannot be read.

        Args:
            epoch: the current epoch by the local clock; a provider that is more than one off is not believed.

        Raises:
            StoreError: the memory cannot be read, and this process has read nothing yet.
        """
        failed: ChainReadError | StoreError | None = None
        try:
            reading = self._reader.refresh(epoch)
        except (ChainReadError, StoreError) as error:
            failed, reading = kept(error), self._reader.remembered(error, epoch)
        markers = cast("tuple[ConfigurationMarker, ...]", reading.markers)
        return ConfigurationReading(reading, schedule(decoded(markers)), failed)

"""Reads the status of a network: which era it is, which is next, what is trusted and why, and what was refused.

In: settings, and an epoch unless a provider gives it. Out: a ``Reading``, which ``describing`` makes a document of.
"""

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property

from chain_reader import EraReading, NetworkGenesis, TrustedReader, TrustedReading, TrustPolicy
from chain_reader.adapters.builder import ObserverNeededError
from chain_reader.configuration_reader import ConfigurationReader, ConfigurationReading
from chain_reader.era_reader import eras_of
from chain_reader.providers.failover import ProviderCall
from era_service.config.schema import Settings
from era_service.wiring.deciding import open_configuration_reader, open_reader, openings_of, providers_in_order
from era_service.wiring.genesis import agreeing, configured_genesis
from era_service.wiring.providers import open_adapter
from era_service.wiring.trust import open_memory
from era_store import Store, StoredTrust
from eras import ChainReadError, ConfigurationError, Epoch, EraEpochToken, EraSwitchError, StoreError, SupportedEras
from eras.errors import kept


def require_source(settings: Settings) -> None:
    """Check that the chain, if it is to be read, can be read somewhere.

    Raises:
        ConfigurationError: no source is configured.
        ConfigurationError: the leader that is named cannot be followed.
    """
    if settings.reader.adapter_type == "cardano-chain" and not openings_of(settings):
        raise provider_needed()


def provider_needed(also: str = "") -> ConfigurationError:
    """The error for a chain that nothing is configured to read; ``also`` is added to the next step."""
    return ConfigurationError(
        "There is no provider to read the chain from",
        code="ProviderNeeded",
        expected="a Blockfrost API, an Ogmios server or a local chain",
        got="none",
        next_step="Give --provider, or set reader.providers; koios:mainnet, koios:preprod and koios:preview need no "
        "account. To follow a service instead, set follower.leader" + also,
    )


@dataclass(slots=True)
class Reading:
    """The result of one reading, as far as it got.

    Attributes:
        epoch: the epoch that was asked about, once it is known.
        reading: what the adapter read.
        token: the eras at the epoch.
        error: why there is no token.
        configuration: the protocol configurations in force, where they are read.
        genesis: gives epochs their dates: the configured one, else the provider's where the clock agrees.
        stored: what is remembered of the era address, where a chain is read.
        answered: whether a provider answered, so that it is of now.
    """

    epoch: Epoch | None = None
    reading: EraReading | None = None
    token: EraEpochToken | None = None
    error: EraSwitchError | None = None
    configuration: ConfigurationReading | None = None
    genesis: NetworkGenesis | None = None
    stored: StoredTrust | None = None
    answered: bool = False

    @property
    def trusted(self) -> TrustedReading | None:
        """The reading, where it was made by the rules of trust."""
        return self.reading if isinstance(self.reading, TrustedReading) else None


def read_status(settings: Settings, epoch: Epoch | None) -> Reading:
    """Read the eras through the configured source, by the first provider that answers.

    Where none answers, the remembered state is reported, stale (rule T9).

    Raises:
        ConfigurationError: what is configured cannot be used.
        StoreError: the store in which trust is remembered cannot be opened.
    """
    with closing(open_memory(settings)) as memory, closing(StatusReader(settings, memory)) as reader:
        return reader.read(epoch)


class StatusReader:
    """Reads the eras as often as it is asked; what it opens stays open between two readings. For one thread.

    Args:
        settings: what to read.
        memory: where trust is remembered; the caller closes it.
        clock: POSIX time in seconds.
        name: of the node that keeps the event log of ``memory``: what comes in is put into it, with what is decided
            upon it about trust and eras. ``None`` keeps no log.
        policy: the policy of trust of ``settings``, if the caller has it already.
    """

    def __init__(
        self,
        settings: Settings,
        memory: Store,
        *,
        clock: Callable[[], float] = time.time,
        name: str | None = None,
        policy: TrustPolicy | None = None,
    ) -> None:
        self._settings = settings
        self._memory = memory
        self._clock = clock
        self._name = name
        self._policy = policy
        self._supported = SupportedEras(settings.network.supported_eras)
        self._reads_chain = settings.reader.adapter_type == "cardano-chain"
        self._told_genesis: NetworkGenesis | None = None
        self._providers = providers_in_order(settings, clock, self._hear_genesis)
        self._reader: TrustedReader | None = None
        self._configurations: ConfigurationReader | None = None
        self.calls: tuple[ProviderCall, ...] = ()
        """The providers that the last reading of eras asked, in that order."""
        self.records = name is not None and self._reads_chain

    def _hear_genesis(self, genesis: NetworkGenesis) -> None:
        self._told_genesis = genesis

    def close(self) -> None:
        """Close every observer. Calling it twice is fine."""
        self._providers.close()

    def read(self, epoch: Epoch | None = None) -> Reading:
        """The eras at ``epoch``, or at the current one; that they could not be read is part of the result.

        Where no provider answers, what is remembered is in force, stale (rule T9).

        Args:
            epoch: the epoch to ask about.

        Raises:
            ConfigurationError: what is configured cannot be used.
            StoreError: what is remembered cannot be read.
        """
        found = self._read_chain() if self._reads_chain else self._read_source(epoch)
        self.calls = self._providers.calls
        if self._configurations is not None:
            found.configuration = self._configurations.read(self._clock_epoch())
        found.genesis, told = self._genesis, self._told_genesis
        if found.genesis is None and told is not None and found.answered:
            found.genesis = agreeing(told, found.epoch, self._clock())
        found.epoch = found.epoch if epoch is None else epoch
        if found.reading is not None and found.epoch is not None:
            found.error = None
            try:
                found.token = eras_of(found.reading, found.epoch, self._supported)
                found.token.require_supported()
            except EraSwitchError as error:
                found.error = kept(error)
        return found

    def _read_chain(self) -> Reading:
        """The markers in force at the era address: by a provider's answer, or else as remembered."""
        if self._reader is None:
            if self._providers.is_empty:
                raise provider_needed()
            check_adapter(self._settings)
            self._reader = open_reader(
                self._settings, self._memory, self._providers, self._policy, name=self._name, clock=self._clock
            )
            self._configurations = open_configuration_reader(
                self._settings, self._memory, self._providers, name=self._name, clock=self._clock
            )
        by_clock = self._clock_epoch()
        try:
            reading = self._reader.refresh(by_clock)
        except (ChainReadError, StoreError) as error:
            reading = self._reader.remembered(error, by_clock)
            found = Reading(reading.epoch, reading if reading.markers else None, error=kept(error))
        else:
            found = Reading(reading.epoch, reading, answered=True)
        found.stored = self._reader.trust
        return found

    @cached_property
    def _genesis(self) -> NetworkGenesis | None:
        """The configured genesis, whose file is read once."""
        return configured_genesis(self._settings)

    def _clock_epoch(self) -> Epoch | None:
        genesis = self._genesis
        return None if genesis is None else genesis.epoch_of(genesis.slot_at(self._clock()))

    def _read_source(self, epoch: Epoch | None) -> Reading:
        """The markers of a source that is no chain, at the epoch that is asked about or that a provider reports."""
        found, adapter = Reading(epoch), open_adapter(self._settings, None)
        try:
            if epoch is None:
                if self._providers.is_empty:
                    raise _epoch_needed(self._settings)
                found.epoch = self._providers.ask(lambda observer: observer.epoch())
                found.answered = True
            found.reading = adapter.read()
        except ConfigurationError:
            raise
        except EraSwitchError as error:
            found.error = kept(error)
        return found


def check_adapter(settings: Settings) -> None:
    """Check the parameters of the source that reads a chain, without one; those of the network are checked already.

    Raises:
        ConfigurationError: they cannot be used.
    """
    network = settings.network
    if settings.reader.adapter_params is None and network.era_address is not None and network.verification_key:
        return
    with suppress(ObserverNeededError):
        open_adapter(settings, None)


def _epoch_needed(settings: Settings) -> ConfigurationError:
    return ConfigurationError(
        f"The source {settings.reader.adapter_type} does not know the current epoch",
        code="EpochNeeded",
        expected="an epoch, or a provider that reports it",
        got="neither",
        next_step="Give --epoch, or --provider; to follow a network, --network too",
    )

"""From settings to the genesis of the network, and to slots, epochs and dates by it."""

import logging
import time
from fractions import Fraction

from chain_reader import PUBLIC_GENESES, ChainObserver, NetworkGenesis, genesis_of
from chain_reader.genesis import EpochCalendar, read_genesis_file
from era_service.config.schema import Settings
from eras import ChainReadError, ConfigurationError, Epoch


def configured_genesis(settings: Settings) -> NetworkGenesis | None:
    """The genesis of the network, if it is configured or that of a public network.

    Raises:
        ConfigurationError: it is only partly configured, or is not possible.
    """
    network = settings.network
    if network.magic is not None and network.magic in PUBLIC_GENESES:
        return PUBLIC_GENESES[network.magic]
    start, slot, epoch = network.system_start_s, network.slot_length_s, network.epoch_length
    if network.genesis_file is not None:
        genesis = read_genesis_file(network.genesis_file)
        if (start, slot, epoch) != (None, None, None) or network.magic not in (None, genesis.network_magic):
            raise ConfigurationError(
                "The genesis of the network is configured twice",
                expected=f"genesis_file alone, and no magic but its {genesis.network_magic}",
                got=f"magic {network.magic}" if (start, slot, epoch) == (None, None, None) else "other values too",
                next_step="Remove genesis_file, or the other values, from [network]",
            )
        return genesis
    if (start, slot, epoch) == (None, None, None):
        return None
    if start is None or slot is None or epoch is None or network.magic is None:
        raise ConfigurationError(
            "The genesis of the network is only partly configured",
            expected="magic, system_start_s, slot_length_s and epoch_length",
            got="some of them",
            next_step="Complete them under [network], or remove all of them",
        )
    coefficient = Fraction(str(network.active_slots_coefficient))
    return NetworkGenesis(network.magic, start, slot, epoch, coefficient)


def clock_epoch(settings: Settings, now_s: float | None = None) -> Epoch | None:
    """The epoch by the clock, now or at ``now_s``; ``None`` if the genesis of the network is not configured.

    Raises:
        ConfigurationError: as ``configured_genesis``.
    """
    genesis = configured_genesis(settings)
    return None if genesis is None else genesis.epoch_of(genesis.slot_at(time.time() if now_s is None else now_s))


def agreeing(reported: NetworkGenesis, epoch: Epoch | None, now_s: float) -> NetworkGenesis | None:
    """The genesis that a provider reports, if the clock agrees with the ``epoch`` of the chain.

    A rehearsal chain may have a clock of its own: by its genesis an era in force could begin in the future.
    """
    return reported if reported.epoch_of(reported.slot_at(now_s)) == epoch else None


def calendar_of(settings: Settings, observer: ChainObserver | None = None) -> EpochCalendar:
    """The dates of epochs, as of now, by the configured genesis or an ``agreeing`` one; else without dates.

    Args:
        settings: the settings.
        observer: is asked for a genesis that is not configured, if it can be.

    Raises:
        ConfigurationError: as ``genesis_of_network``.
    """
    now_s, genesis = time.time(), configured_genesis(settings)
    try:
        if genesis is None and observer is not None:
            reported = genesis_of(observer, settings.network.magic)
            if reported is not None:
                genesis = agreeing(reported, observer.epoch(), now_s)
    except ChainReadError as error:
        logging.getLogger(__name__).warning("When epochs begin is not known: %s", error)
    return EpochCalendar(genesis, now_s)


def genesis_of_network(settings: Settings, observer: ChainObserver) -> NetworkGenesis | None:
    """The genesis that slots and epochs are computed from: the configured one, else the provider's.

    Raises:
        ConfigurationError: as ``configured_genesis``.
        ProviderOfOtherNetworkError: the provider is of another network.
        ChainReadError: the provider had to be asked, and could not be.
    """
    return configured_genesis(settings) or genesis_of(observer, settings.network.magic)

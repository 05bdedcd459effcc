"""The genesis of the configured network, from which slots, epochs and dates are computed."""

import time
from fractions import Fraction
from typing import TYPE_CHECKING

from eras import ConfigurationError

if TYPE_CHECKING:
    from chain_reader import ChainObserver, NetworkGenesis
    from chain_reader.calendar import EpochCalendar
    from era_service.config.schema import Settings


def configured_genesis(settings: "Settings") -> "NetworkGenesis | None":
    """The genesis of the network, where it is configured or a public one's.

    Raises:
        ConfigurationError: it is configured by half, or cannot be.
    """
    from chain_reader import PUBLIC_GENESES, NetworkGenesis
    from chain_reader.genesis import read_genesis_file

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
                next_step="Take genesis_file, or the other values, out of [network]",
            )
        return genesis
    if (start, slot, epoch) == (None, None, None):
        return None
    if start is None or slot is None or epoch is None or network.magic is None:
        raise ConfigurationError(
            "The genesis of the network is configured by half",
            expected="magic, system_start_s, slot_length_s and epoch_length",
            got="some of them",
            next_step="Complete them under [network], or take all of them out",
        )
    coefficient = Fraction(str(network.active_slots_coefficient))
    return NetworkGenesis(network.magic, start, slot, epoch, coefficient)


def configured_calendar(settings: "Settings") -> "EpochCalendar":
    """When epochs begin, where the genesis is configured or a public one's, as of now.

    Raises:
        ConfigurationError: as ``configured_genesis``.
    """
    from chain_reader.calendar import EpochCalendar

    return EpochCalendar(configured_genesis(settings), time.time())


def genesis_of_network(settings: "Settings", observer: "ChainObserver") -> "NetworkGenesis | None":
    """The genesis that slots and epochs are computed from: the configured one, else the provider's.

    Raises:
        ConfigurationError: as ``configured_genesis``.
        ProviderOfOtherNetworkError: the provider is of another network.
        ChainReadError: the provider had to be asked, and could not be.
    """
    from chain_reader import genesis_of

    return configured_genesis(settings) or genesis_of(observer, settings.network.magic)

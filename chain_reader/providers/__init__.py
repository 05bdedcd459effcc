"""Chain observers: what reads a chain, and the errors it ends in when it cannot."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.genesis import PUBLIC_GENESES, NetworkGenesis, read_genesis_file
    from chain_reader.providers.agreement.observer import AgreementError, AgreementObserver, Dissent
    from chain_reader.providers.blockfrost.observer import BlockfrostObserver
    from chain_reader.providers.cardano_cli.observer import CardanoCliObserver
    from chain_reader.providers.from_url import OBSERVER_KINDS, UnknownObserverError, observer_from_url
    from chain_reader.providers.local.observer import LocalObserver
    from chain_reader.providers.ogmios.observer import OgmiosObserver
    from chain_reader.providers.tip_check import TipCheck, TipState, TipWatch, check_tip, genesis_of
    from chain_reader.providers.transport.clock import SYSTEM_CLOCK, Clock
    from chain_reader.providers.transport.errors import (
        ProviderBannedError,
        ProviderBusyError,
        ProviderFailedError,
        ProviderKeyRefusedError,
        ProviderNotFoundError,
        ProviderOfOtherNetworkError,
        ProviderQuotaExceededError,
        ProviderRateLimitedError,
        ProviderRefusedError,
        ProviderSyncingError,
        ProviderTimeoutError,
        ProviderUnreachableError,
        ReadLimitExceededError,
        TruncatedAnswerError,
        UnexpectedAnswerError,
        UnsteadyAnswerError,
    )
    from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits

__all__ = [
    "DEFAULT_LIMITS",
    "OBSERVER_KINDS",
    "PUBLIC_GENESES",
    "SYSTEM_CLOCK",
    "AgreementError",
    "AgreementObserver",
    "BlockfrostObserver",
    "CardanoCliObserver",
    "Clock",
    "Dissent",
    "LocalObserver",
    "NetworkGenesis",
    "OgmiosObserver",
    "ProviderBannedError",
    "ProviderBusyError",
    "ProviderFailedError",
    "ProviderKeyRefusedError",
    "ProviderNotFoundError",
    "ProviderOfOtherNetworkError",
    "ProviderQuotaExceededError",
    "ProviderRateLimitedError",
    "ProviderRefusedError",
    "ProviderSyncingError",
    "ProviderTimeoutError",
    "ProviderUnreachableError",
    "ReadLimitExceededError",
    "ReadLimits",
    "TipCheck",
    "TipState",
    "TipWatch",
    "TruncatedAnswerError",
    "UnexpectedAnswerError",
    "UnknownObserverError",
    "UnsteadyAnswerError",
    "check_tip",
    "genesis_of",
    "observer_from_url",
    "read_genesis_file",
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.providers.agreement.observer": (
            "AgreementError",
            "AgreementObserver",
            "Dissent",
        ),
        "chain_reader.providers.cardano_cli.observer": ("CardanoCliObserver",),
        "chain_reader.providers.transport.clock": (
            "SYSTEM_CLOCK",
            "Clock",
        ),
        "chain_reader.genesis": (
            "PUBLIC_GENESES",
            "NetworkGenesis",
            "read_genesis_file",
        ),
        "chain_reader.providers.tip_check": (
            "TipCheck",
            "TipState",
            "TipWatch",
            "check_tip",
            "genesis_of",
        ),
        "chain_reader.providers.blockfrost.observer": ("BlockfrostObserver",),
        "chain_reader.providers.transport.errors": (
            "ProviderBannedError",
            "ProviderBusyError",
            "ProviderFailedError",
            "ProviderKeyRefusedError",
            "ProviderNotFoundError",
            "ProviderOfOtherNetworkError",
            "ProviderQuotaExceededError",
            "ProviderRateLimitedError",
            "ProviderRefusedError",
            "ProviderSyncingError",
            "ProviderTimeoutError",
            "ProviderUnreachableError",
            "ReadLimitExceededError",
            "TruncatedAnswerError",
            "UnexpectedAnswerError",
            "UnsteadyAnswerError",
        ),
        "chain_reader.providers.from_url": ("OBSERVER_KINDS", "UnknownObserverError", "observer_from_url"),
        "chain_reader.providers.transport.limits": ("DEFAULT_LIMITS", "ReadLimits"),
        "chain_reader.providers.local.observer": ("LocalObserver",),
        "chain_reader.providers.ogmios.observer": ("OgmiosObserver",),
    },
)

"""Chain observers: what reads a chain, and the errors it ends in when it cannot."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.observers.agreement import AgreementError, AgreementObserver, Dissent
    from chain_reader.observers.blockfrost import BlockfrostObserver
    from chain_reader.observers.cardano_cli import CardanoCliObserver
    from chain_reader.observers.clock import SYSTEM_CLOCK, Clock
    from chain_reader.observers.errors import (
        ProviderBannedError,
        ProviderBusyError,
        ProviderFailedError,
        ProviderKeyRefusedError,
        ProviderNotFoundError,
        ProviderOfOtherNetworkError,
        ProviderQuotaExceededError,
        ProviderRateLimitedError,
        ProviderRefusedError,
        ProviderTimeoutError,
        ProviderUnreachableError,
        ReadLimitExceededError,
        TruncatedAnswerError,
        UnexpectedAnswerError,
        UnsteadyAnswerError,
    )
    from chain_reader.observers.from_url import OBSERVER_KINDS, UnknownObserverError, observer_from_url
    from chain_reader.observers.limits import DEFAULT_LIMITS, ReadLimits
    from chain_reader.observers.local import LocalObserver
    from chain_reader.observers.network_genesis import PUBLIC_GENESES, NetworkGenesis
    from chain_reader.observers.ogmios import OgmiosObserver
    from chain_reader.observers.tip_check import TipCheck, TipState, TipWatch, check_tip, genesis_of

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
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.observers.agreement": (
            "AgreementError",
            "AgreementObserver",
            "Dissent",
        ),
        "chain_reader.observers.cardano_cli": ("CardanoCliObserver",),
        "chain_reader.observers.clock": (
            "SYSTEM_CLOCK",
            "Clock",
        ),
        "chain_reader.observers.network_genesis": (
            "PUBLIC_GENESES",
            "NetworkGenesis",
        ),
        "chain_reader.observers.tip_check": (
            "TipCheck",
            "TipState",
            "TipWatch",
            "check_tip",
            "genesis_of",
        ),
        "chain_reader.observers.blockfrost": ("BlockfrostObserver",),
        "chain_reader.observers.errors": (
            "ProviderBannedError",
            "ProviderBusyError",
            "ProviderFailedError",
            "ProviderKeyRefusedError",
            "ProviderNotFoundError",
            "ProviderOfOtherNetworkError",
            "ProviderQuotaExceededError",
            "ProviderRateLimitedError",
            "ProviderRefusedError",
            "ProviderTimeoutError",
            "ProviderUnreachableError",
            "ReadLimitExceededError",
            "TruncatedAnswerError",
            "UnexpectedAnswerError",
            "UnsteadyAnswerError",
        ),
        "chain_reader.observers.from_url": ("OBSERVER_KINDS", "UnknownObserverError", "observer_from_url"),
        "chain_reader.observers.limits": ("DEFAULT_LIMITS", "ReadLimits"),
        "chain_reader.observers.local": ("LocalObserver",),
        "chain_reader.observers.ogmios": ("OgmiosObserver",),
    },
)

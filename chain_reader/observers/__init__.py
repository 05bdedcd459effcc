"""Chain observers: what reads a chain, and the errors it ends in when it cannot."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.observers.blockfrost import BlockfrostObserver
    from chain_reader.observers.errors import (
        ProviderBannedError,
        ProviderBusyError,
        ProviderFailedError,
        ProviderKeyRefusedError,
        ProviderNotFoundError,
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
    from chain_reader.observers.ogmios import OgmiosObserver

__all__ = [
    "DEFAULT_LIMITS",
    "OBSERVER_KINDS",
    "BlockfrostObserver",
    "LocalObserver",
    "OgmiosObserver",
    "ProviderBannedError",
    "ProviderBusyError",
    "ProviderFailedError",
    "ProviderKeyRefusedError",
    "ProviderNotFoundError",
    "ProviderQuotaExceededError",
    "ProviderRateLimitedError",
    "ProviderRefusedError",
    "ProviderTimeoutError",
    "ProviderUnreachableError",
    "ReadLimitExceededError",
    "ReadLimits",
    "TruncatedAnswerError",
    "UnexpectedAnswerError",
    "UnknownObserverError",
    "UnsteadyAnswerError",
    "observer_from_url",
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.observers.blockfrost": ("BlockfrostObserver",),
        "chain_reader.observers.errors": (
            "ProviderBannedError",
            "ProviderBusyError",
            "ProviderFailedError",
            "ProviderKeyRefusedError",
            "ProviderNotFoundError",
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

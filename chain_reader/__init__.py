"""Reads a chain and decides what to trust: observers, adapters, trust, the era reader."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.adapters.bootstrap import BootstrapAdapter
    from chain_reader.adapters.builder import (
        ADAPTER_TYPES,
        DEFAULT_ADAPTER_TYPE,
        AdapterParamsError,
        UnknownAdapterError,
        adapter_from_environment,
        build_adapter,
    )
    from chain_reader.adapters.cardano_chain import CardanoChainAdapter
    from chain_reader.adapters.dummy import DummyAdapter
    from chain_reader.adapters.file import FileAdapter, MarkersFileInvalidError, MarkersFileUnreadableError
    from chain_reader.era_reader import EraReader
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
    from chain_reader.ports import (
        ChainObserver,
        ChainTip,
        DatumOutput,
        EraReaderAdapter,
        EraReading,
        ObserverCapabilities,
        ScreenedOutput,
    )
    from chain_reader.trust import (
        Conflict,
        Impostor,
        Replayed,
        Superseded,
        TrustState,
        Untrusted,
        choose,
        is_successor,
        legacy_choice,
        only_adds,
    )

__all__ = [
    "ADAPTER_TYPES",
    "DEFAULT_ADAPTER_TYPE",
    "DEFAULT_LIMITS",
    "OBSERVER_KINDS",
    "AdapterParamsError",
    "BlockfrostObserver",
    "BootstrapAdapter",
    "CardanoChainAdapter",
    "ChainObserver",
    "ChainTip",
    "Conflict",
    "DatumOutput",
    "DummyAdapter",
    "EraReader",
    "EraReaderAdapter",
    "EraReading",
    "FileAdapter",
    "Impostor",
    "LocalObserver",
    "MarkersFileInvalidError",
    "MarkersFileUnreadableError",
    "ObserverCapabilities",
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
    "Replayed",
    "ScreenedOutput",
    "Superseded",
    "TruncatedAnswerError",
    "TrustState",
    "UnexpectedAnswerError",
    "UnknownAdapterError",
    "UnknownObserverError",
    "UnsteadyAnswerError",
    "Untrusted",
    "adapter_from_environment",
    "build_adapter",
    "choose",
    "is_successor",
    "legacy_choice",
    "observer_from_url",
    "only_adds",
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.adapters.bootstrap": ("BootstrapAdapter",),
        "chain_reader.adapters.builder": (
            "ADAPTER_TYPES",
            "DEFAULT_ADAPTER_TYPE",
            "AdapterParamsError",
            "UnknownAdapterError",
            "adapter_from_environment",
            "build_adapter",
        ),
        "chain_reader.adapters.cardano_chain": ("CardanoChainAdapter",),
        "chain_reader.adapters.dummy": ("DummyAdapter",),
        "chain_reader.adapters.file": ("FileAdapter", "MarkersFileInvalidError", "MarkersFileUnreadableError"),
        "chain_reader.era_reader": ("EraReader",),
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
        "chain_reader.ports": (
            "ChainObserver",
            "ChainTip",
            "DatumOutput",
            "EraReaderAdapter",
            "EraReading",
            "ObserverCapabilities",
            "ScreenedOutput",
        ),
        "chain_reader.trust": (
            "Conflict",
            "Impostor",
            "Replayed",
            "Superseded",
            "TrustState",
            "Untrusted",
            "choose",
            "is_successor",
            "legacy_choice",
            "only_adds",
        ),
    },
)

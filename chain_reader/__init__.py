"""Reads a chain and decides what to trust: observers, adapters, trust, the era reader."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.adapters.builder import build_adapter
    from chain_reader.adapters.cardano_chain import CardanoChainAdapter
    from chain_reader.era_reader import EraReader
    from chain_reader.genesis import PUBLIC_GENESES, NetworkGenesis
    from chain_reader.log.recorder import LogLimits, NodeCore
    from chain_reader.log.replay import Replay
    from chain_reader.node.core import NodeSettings
    from chain_reader.node.inputs import ClockTicked, ObserverAnswered, ObserverFailed
    from chain_reader.node.source import EvidenceSource
    from chain_reader.ports import (
        ChainObserver,
        ChainTip,
        DatumOutput,
        EraReaderAdapter,
        EraReading,
        ObserverCapabilities,
        ScreenedOutput,
    )
    from chain_reader.providers.agreement.observer import AgreementObserver
    from chain_reader.providers.blockfrost.observer import BlockfrostObserver
    from chain_reader.providers.from_url import observer_from_url
    from chain_reader.providers.local.observer import LocalObserver
    from chain_reader.providers.ogmios.observer import OgmiosObserver
    from chain_reader.providers.tip_check import genesis_of
    from chain_reader.providers.transport.errors import (
        ProviderFailedError,
        ProviderKeyRefusedError,
        ProviderNotFoundError,
        ProviderRateLimitedError,
        ProviderRefusedError,
        ProviderTimeoutError,
        ProviderUnreachableError,
        ReadLimitExceededError,
        TruncatedAnswerError,
        UnexpectedAnswerError,
    )
    from chain_reader.providers.transport.limits import ReadLimits
    from chain_reader.trust.policy import Checkpoint, TrustPolicy
    from chain_reader.trust.ratchet import is_successor
    from chain_reader.trust.reading import TrustedReading
    from chain_reader.trust.state import ChainFacts
    from chain_reader.trusted_reader import TrustedReader

__all__ = [
    "PUBLIC_GENESES",
    "AgreementObserver",
    "BlockfrostObserver",
    "CardanoChainAdapter",
    "ChainFacts",
    "ChainObserver",
    "ChainTip",
    "Checkpoint",
    "ClockTicked",
    "DatumOutput",
    "EraReader",
    "EraReaderAdapter",
    "EraReading",
    "EvidenceSource",
    "LocalObserver",
    "LogLimits",
    "NetworkGenesis",
    "NodeCore",
    "NodeSettings",
    "ObserverAnswered",
    "ObserverCapabilities",
    "ObserverFailed",
    "OgmiosObserver",
    "ProviderFailedError",
    "ProviderKeyRefusedError",
    "ProviderNotFoundError",
    "ProviderRateLimitedError",
    "ProviderRefusedError",
    "ProviderTimeoutError",
    "ProviderUnreachableError",
    "ReadLimitExceededError",
    "ReadLimits",
    "Replay",
    "ScreenedOutput",
    "TruncatedAnswerError",
    "TrustPolicy",
    "TrustedReader",
    "TrustedReading",
    "UnexpectedAnswerError",
    "build_adapter",
    "genesis_of",
    "is_successor",
    "observer_from_url",
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.adapters.builder": ("build_adapter",),
        "chain_reader.adapters.cardano_chain": ("CardanoChainAdapter",),
        "chain_reader.era_reader": ("EraReader",),
        "chain_reader.genesis": ("PUBLIC_GENESES", "NetworkGenesis"),
        "chain_reader.log.recorder": ("LogLimits", "NodeCore"),
        "chain_reader.log.replay": ("Replay",),
        "chain_reader.node.core": ("NodeSettings",),
        "chain_reader.node.inputs": ("ClockTicked", "ObserverAnswered", "ObserverFailed"),
        "chain_reader.node.source": ("EvidenceSource",),
        "chain_reader.ports": (
            "ChainObserver",
            "ChainTip",
            "DatumOutput",
            "EraReaderAdapter",
            "EraReading",
            "ObserverCapabilities",
            "ScreenedOutput",
        ),
        "chain_reader.providers.agreement.observer": ("AgreementObserver",),
        "chain_reader.providers.blockfrost.observer": ("BlockfrostObserver",),
        "chain_reader.providers.from_url": ("observer_from_url",),
        "chain_reader.providers.local.observer": ("LocalObserver",),
        "chain_reader.providers.ogmios.observer": ("OgmiosObserver",),
        "chain_reader.providers.tip_check": ("genesis_of",),
        "chain_reader.providers.transport.errors": (
            "ProviderFailedError",
            "ProviderKeyRefusedError",
            "ProviderNotFoundError",
            "ProviderRateLimitedError",
            "ProviderRefusedError",
            "ProviderTimeoutError",
            "ProviderUnreachableError",
            "ReadLimitExceededError",
            "TruncatedAnswerError",
            "UnexpectedAnswerError",
        ),
        "chain_reader.providers.transport.limits": ("ReadLimits",),
        "chain_reader.trust.policy": ("Checkpoint", "TrustPolicy"),
        "chain_reader.trust.ratchet": ("is_successor",),
        "chain_reader.trust.reading": ("TrustedReading",),
        "chain_reader.trust.state": ("ChainFacts",),
        "chain_reader.trusted_reader": ("TrustedReader",),
    },
)

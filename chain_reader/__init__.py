"""Reads a chain and decides what to trust: observers, adapters, trust, the era reader."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.adapters.bootstrap import BootstrapAdapter
    from chain_reader.adapters.builder import (
        ADAPTER_TYPES,
        DEFAULT_ADAPTER_TYPE,
        AdapterParamsError,
        ObserverNeededError,
        UnknownAdapterError,
        adapter_from_environment,
        build_adapter,
    )
    from chain_reader.adapters.cardano_chain import CardanoChainAdapter
    from chain_reader.adapters.dummy import DummyAdapter
    from chain_reader.adapters.file import FileAdapter, MarkersFileInvalidError, MarkersFileUnreadableError
    from chain_reader.deciding import NodeSettings, NodeState, decide
    from chain_reader.deciding_events import (
        ClockTicked,
        CommandGiven,
        InputEvent,
        InputsShed,
        MemoryRead,
        ObserverAnswered,
        ObserverFailed,
        RegistrationReceived,
    )
    from chain_reader.deciding_kinds import Decision, DecisionKind
    from chain_reader.deciding_shared import SharedDeciding
    from chain_reader.era_reader import EraReader
    from chain_reader.evidence_source import EvidenceSource
    from chain_reader.intake import Intake, IntakeLimits
    from chain_reader.node_core import LogLimits, NodeCore
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
    from chain_reader.ports import (
        ChainObserver,
        ChainTip,
        DatumOutput,
        EraReaderAdapter,
        EraReading,
        GenesisObserver,
        LocatingObserver,
        ObserverCapabilities,
        PagedObserver,
        ScreenedOutput,
        read_datums,
    )
    from chain_reader.recorded_reader import RecordedReader
    from chain_reader.replay import Difference, Replay
    from chain_reader.trust import choose, legacy_choice
    from chain_reader.trust_legacy import LegacyView
    from chain_reader.trust_policy import Checkpoint, CheckpointInvalidError, TrustPolicy
    from chain_reader.trust_ratchet import is_successor, only_adds
    from chain_reader.trust_reading import NothingTrustedError, TrustedReading
    from chain_reader.trust_state import ChainFacts, TrustState
    from chain_reader.trust_verdicts import Conflict, Impostor, Replayed, Superseded, Unconfirmed, Untrusted
    from chain_reader.trusted_reader import TrustedReader

__all__ = [
    "ADAPTER_TYPES",
    "DEFAULT_ADAPTER_TYPE",
    "DEFAULT_LIMITS",
    "OBSERVER_KINDS",
    "PUBLIC_GENESES",
    "SYSTEM_CLOCK",
    "AdapterParamsError",
    "AgreementError",
    "AgreementObserver",
    "BlockfrostObserver",
    "BootstrapAdapter",
    "CardanoChainAdapter",
    "CardanoCliObserver",
    "ChainFacts",
    "ChainObserver",
    "ChainTip",
    "Checkpoint",
    "CheckpointInvalidError",
    "Clock",
    "ClockTicked",
    "CommandGiven",
    "Conflict",
    "DatumOutput",
    "Decision",
    "DecisionKind",
    "Difference",
    "Dissent",
    "DummyAdapter",
    "EraReader",
    "EraReaderAdapter",
    "EraReading",
    "EvidenceSource",
    "FileAdapter",
    "GenesisObserver",
    "Impostor",
    "InputEvent",
    "InputsShed",
    "Intake",
    "IntakeLimits",
    "LegacyView",
    "LocalObserver",
    "LocatingObserver",
    "LogLimits",
    "MarkersFileInvalidError",
    "MarkersFileUnreadableError",
    "MemoryRead",
    "NetworkGenesis",
    "NodeCore",
    "NodeSettings",
    "NodeState",
    "NothingTrustedError",
    "ObserverAnswered",
    "ObserverCapabilities",
    "ObserverFailed",
    "ObserverNeededError",
    "OgmiosObserver",
    "PagedObserver",
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
    "RecordedReader",
    "RegistrationReceived",
    "Replay",
    "Replayed",
    "ScreenedOutput",
    "SharedDeciding",
    "Superseded",
    "TipCheck",
    "TipState",
    "TipWatch",
    "TruncatedAnswerError",
    "TrustPolicy",
    "TrustState",
    "TrustedReader",
    "TrustedReading",
    "Unconfirmed",
    "UnexpectedAnswerError",
    "UnknownAdapterError",
    "UnknownObserverError",
    "UnsteadyAnswerError",
    "Untrusted",
    "adapter_from_environment",
    "build_adapter",
    "check_tip",
    "choose",
    "decide",
    "genesis_of",
    "is_successor",
    "legacy_choice",
    "observer_from_url",
    "only_adds",
    "read_datums",
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.adapters.bootstrap": ("BootstrapAdapter",),
        "chain_reader.adapters.builder": (
            "ADAPTER_TYPES",
            "DEFAULT_ADAPTER_TYPE",
            "AdapterParamsError",
            "ObserverNeededError",
            "UnknownAdapterError",
            "adapter_from_environment",
            "build_adapter",
        ),
        "chain_reader.adapters.cardano_chain": ("CardanoChainAdapter",),
        "chain_reader.adapters.dummy": ("DummyAdapter",),
        "chain_reader.adapters.file": ("FileAdapter", "MarkersFileInvalidError", "MarkersFileUnreadableError"),
        "chain_reader.deciding": ("NodeSettings", "NodeState", "decide"),
        "chain_reader.deciding_events": (
            "ClockTicked",
            "CommandGiven",
            "InputEvent",
            "InputsShed",
            "MemoryRead",
            "ObserverAnswered",
            "ObserverFailed",
            "RegistrationReceived",
        ),
        "chain_reader.deciding_kinds": ("Decision", "DecisionKind"),
        "chain_reader.deciding_shared": ("SharedDeciding",),
        "chain_reader.era_reader": ("EraReader",),
        "chain_reader.evidence_source": ("EvidenceSource",),
        "chain_reader.intake": ("Intake", "IntakeLimits"),
        "chain_reader.node_core": ("LogLimits", "NodeCore"),
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
        "chain_reader.ports": (
            "ChainObserver",
            "ChainTip",
            "DatumOutput",
            "EraReaderAdapter",
            "EraReading",
            "GenesisObserver",
            "LocatingObserver",
            "ObserverCapabilities",
            "PagedObserver",
            "ScreenedOutput",
            "read_datums",
        ),
        "chain_reader.recorded_reader": ("RecordedReader",),
        "chain_reader.replay": ("Difference", "Replay"),
        "chain_reader.trust": ("choose", "legacy_choice"),
        "chain_reader.trust_legacy": ("LegacyView",),
        "chain_reader.trust_policy": ("Checkpoint", "CheckpointInvalidError", "TrustPolicy"),
        "chain_reader.trust_ratchet": ("is_successor", "only_adds"),
        "chain_reader.trust_reading": ("NothingTrustedError", "TrustedReading"),
        "chain_reader.trust_state": ("ChainFacts", "TrustState"),
        "chain_reader.trust_verdicts": (
            "Conflict",
            "Impostor",
            "Replayed",
            "Superseded",
            "Unconfirmed",
            "Untrusted",
        ),
        "chain_reader.trusted_reader": ("TrustedReader",),
    },
)

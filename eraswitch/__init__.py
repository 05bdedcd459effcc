"""The eras in a node: what a program imports that embeds eraswitch. Its tests import ``eraswitch.testing``."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.adapters.builder import adapter_from_environment
    from chain_reader.era_reader import EraReader
    from chain_reader.providers.from_url import observer_from_url
    from chain_reader.providers.tip_check import genesis_of
    from chain_reader.trust.policy import TrustPolicy
    from datum.keys import VerificationKey
    from era_service.node.call_schedule import CallOptions
    from era_service.node.errand import Errand
    from era_service.node.hooks import Hook, HookEvent, Hooks
    from era_service.node.opening import embed_watcher
    from era_service.node.service_works import Registering, SupportRule
    from era_service.node.watch_options import WatchOptions
    from era_service.node.watcher import NodeWatcher
    from era_store.sql.store import open_store
    from eras.api_version import (
        AGGREGATOR_NODE_VERSION_HEADER,
        API_VERSION_HEADER,
        SIGNER_NODE_VERSION_HEADER,
        ApiVersion,
        ApiVersionTable,
    )
    from eras.checker import EraChecker
    from eras.errors import EraNotReadyError, EraSwitchError, MarkerError, UnsupportedEraError
    from eras.events import EraEvent, EraStatus
    from eras.supported import SupportedEras
    from eras.switches import BehaviourSwitches, TypedSwitch

__all__ = [
    "AGGREGATOR_NODE_VERSION_HEADER",
    "API_VERSION_HEADER",
    "SIGNER_NODE_VERSION_HEADER",
    "ApiVersion",
    "ApiVersionTable",
    "BehaviourSwitches",
    "CallOptions",
    "EraChecker",
    "EraEvent",
    "EraNotReadyError",
    "EraReader",
    "EraStatus",
    "EraSwitchError",
    "Errand",
    "Hook",
    "HookEvent",
    "Hooks",
    "MarkerError",
    "NodeWatcher",
    "Registering",
    "SupportRule",
    "SupportedEras",
    "TrustPolicy",
    "TypedSwitch",
    "UnsupportedEraError",
    "VerificationKey",
    "WatchOptions",
    "adapter_from_environment",
    "embed_watcher",
    "genesis_of",
    "observer_from_url",
    "open_store",
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.adapters.builder": ("adapter_from_environment",),
        "chain_reader.era_reader": ("EraReader",),
        "chain_reader.providers.from_url": ("observer_from_url",),
        "chain_reader.providers.tip_check": ("genesis_of",),
        "chain_reader.trust.policy": ("TrustPolicy",),
        "datum.keys": ("VerificationKey",),
        "era_service.node.call_schedule": ("CallOptions",),
        "era_service.node.errand": ("Errand",),
        "era_service.node.hooks": ("Hook", "HookEvent", "Hooks"),
        "era_service.node.opening": ("embed_watcher",),
        "era_service.node.service_works": ("Registering", "SupportRule"),
        "era_service.node.watch_options": ("WatchOptions",),
        "era_service.node.watcher": ("NodeWatcher",),
        "era_store.sql.store": ("open_store",),
        "eras.api_version": (
            "AGGREGATOR_NODE_VERSION_HEADER",
            "API_VERSION_HEADER",
            "SIGNER_NODE_VERSION_HEADER",
            "ApiVersion",
            "ApiVersionTable",
        ),
        "eras.checker": ("EraChecker",),
        "eras.errors": ("EraNotReadyError", "EraSwitchError", "MarkerError", "UnsupportedEraError"),
        "eras.events": ("EraEvent", "EraStatus"),
        "eras.supported": ("SupportedEras",),
        "eras.switches": ("BehaviourSwitches", "TypedSwitch"),
    },
)

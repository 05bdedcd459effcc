"""Sources of era markers, under the names that Mithril's configuration gives them."""

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

__all__ = [
    "ADAPTER_TYPES",
    "DEFAULT_ADAPTER_TYPE",
    "AdapterParamsError",
    "BootstrapAdapter",
    "CardanoChainAdapter",
    "DummyAdapter",
    "FileAdapter",
    "MarkersFileInvalidError",
    "MarkersFileUnreadableError",
    "ObserverNeededError",
    "UnknownAdapterError",
    "adapter_from_environment",
    "build_adapter",
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
    },
)

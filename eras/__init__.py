"""Which era is active, and what that switches. Pure: no I/O, no clock, no cryptography."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eras.api_version import (
        AGGREGATOR_NODE_VERSION_HEADER,
        API_VERSION_HEADER,
        SIGNER_NODE_VERSION_HEADER,
        ApiVersion,
    )
    from eras.checker import EraChecker
    from eras.errors import (
        ChainReadError,
        ConfigurationError,
        CurrentEraNotFoundError,
        EraNotReadyError,
        EraRegressionError,
        EraSwitchError,
        MarkerError,
        StoreError,
        TransactionError,
        UnsupportedEraError,
    )
    from eras.events import EraEvent, EraStatus
    from eras.marker import MAX_EPOCH, Epoch, EraMarker, Slot, require_epoch
    from eras.provenance import Provenance
    from eras.selection import EraEpochToken, select_eras
    from eras.supported import SupportedEras
    from eras.switches import BehaviourSwitches
    from eras.version import __version__
    from eras.view import EraView

__all__ = [
    "AGGREGATOR_NODE_VERSION_HEADER",
    "API_VERSION_HEADER",
    "MAX_EPOCH",
    "SIGNER_NODE_VERSION_HEADER",
    "ApiVersion",
    "BehaviourSwitches",
    "ChainReadError",
    "ConfigurationError",
    "CurrentEraNotFoundError",
    "Epoch",
    "EraChecker",
    "EraEpochToken",
    "EraEvent",
    "EraMarker",
    "EraNotReadyError",
    "EraRegressionError",
    "EraStatus",
    "EraSwitchError",
    "EraView",
    "MarkerError",
    "Provenance",
    "Slot",
    "StoreError",
    "SupportedEras",
    "TransactionError",
    "UnsupportedEraError",
    "__version__",
    "require_epoch",
    "select_eras",
]

__getattr__ = front_door(
    __name__,
    {
        "eras.api_version": (
            "AGGREGATOR_NODE_VERSION_HEADER",
            "API_VERSION_HEADER",
            "SIGNER_NODE_VERSION_HEADER",
            "ApiVersion",
        ),
        "eras.checker": ("EraChecker",),
        "eras.errors": (
            "ChainReadError",
            "ConfigurationError",
            "CurrentEraNotFoundError",
            "EraNotReadyError",
            "EraRegressionError",
            "EraSwitchError",
            "MarkerError",
            "StoreError",
            "TransactionError",
            "UnsupportedEraError",
        ),
        "eras.events": ("EraEvent", "EraStatus"),
        "eras.marker": ("MAX_EPOCH", "Epoch", "EraMarker", "Slot", "require_epoch"),
        "eras.provenance": ("Provenance",),
        "eras.selection": ("EraEpochToken", "select_eras"),
        "eras.supported": ("SupportedEras",),
        "eras.switches": ("BehaviourSwitches",),
        "eras.version": ("__version__",),
        "eras.view": ("EraView",),
    },
)

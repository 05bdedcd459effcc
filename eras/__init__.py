"""Which era is active, and what that switches. Pure: no I/O, no clock, no cryptography."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eras.api_version import (
        AGGREGATOR_NODE_VERSION_HEADER,
        API_VERSION_HEADER,
        SIGNER_NODE_VERSION_HEADER,
        ApiVersion,
        ApiVersionTable,
    )
    from eras.checker import EraChecker
    from eras.era_id import ERA_ID_HEADER, EraId, EraIdentity, PeerSchedule
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
        error_table,
    )
    from eras.events import EraEvent, EraEventDetails, EraStatus
    from eras.marker import MAX_EPOCH, Epoch, EraMarker, Slot, require_epoch
    from eras.provenance import Provenance
    from eras.selection import DEFAULT_NOTICE_EPOCHS, EraEpochToken, EraState, select_eras
    from eras.supported import SupportedEras
    from eras.switches import BehaviourSwitches, Evaluation, Reason, SwitchDescription, SwitchError, TypedSwitch
    from eras.version import __version__
    from eras.view import EraView

__all__ = [
    "AGGREGATOR_NODE_VERSION_HEADER",
    "API_VERSION_HEADER",
    "DEFAULT_NOTICE_EPOCHS",
    "ERA_ID_HEADER",
    "MAX_EPOCH",
    "SIGNER_NODE_VERSION_HEADER",
    "ApiVersion",
    "ApiVersionTable",
    "BehaviourSwitches",
    "ChainReadError",
    "ConfigurationError",
    "CurrentEraNotFoundError",
    "Epoch",
    "EraChecker",
    "EraEpochToken",
    "EraEvent",
    "EraEventDetails",
    "EraId",
    "EraIdentity",
    "EraMarker",
    "EraNotReadyError",
    "EraRegressionError",
    "EraState",
    "EraStatus",
    "EraSwitchError",
    "EraView",
    "Evaluation",
    "MarkerError",
    "PeerSchedule",
    "Provenance",
    "Reason",
    "Slot",
    "StoreError",
    "SupportedEras",
    "SwitchDescription",
    "SwitchError",
    "TransactionError",
    "TypedSwitch",
    "UnsupportedEraError",
    "__version__",
    "error_table",
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
            "ApiVersionTable",
        ),
        "eras.checker": ("EraChecker",),
        "eras.era_id": ("ERA_ID_HEADER", "EraId", "EraIdentity", "PeerSchedule"),
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
            "error_table",
        ),
        "eras.events": ("EraEvent", "EraEventDetails", "EraStatus"),
        "eras.marker": ("MAX_EPOCH", "Epoch", "EraMarker", "Slot", "require_epoch"),
        "eras.provenance": ("Provenance",),
        "eras.selection": ("DEFAULT_NOTICE_EPOCHS", "EraEpochToken", "EraState", "select_eras"),
        "eras.supported": ("SupportedEras",),
        "eras.switches": (
            "BehaviourSwitches",
            "Evaluation",
            "Reason",
            "SwitchDescription",
            "SwitchError",
            "TypedSwitch",
        ),
        "eras.version": ("__version__",),
        "eras.view": ("EraView",),
    },
)

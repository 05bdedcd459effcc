"""The second kind of marker: the protocol configuration of a Mithril network by epoch. Pure.

1. A marker is ``{"epoch":N,"configuration":"<hex of CBOR>"}``; it is signed, carried and chunked as era markers are.
2. A configuration holds from its epoch on, until the next one. Of two for one epoch the later in the list holds.
3. Reading takes what deployed Mithril readers take, in CBOR and in JSON; but a payload with a configuration that cannot
   be read, or whose parameters no lottery can have, is refused as a whole (``fault_of``).
4. A node at epoch E needs three: of E-1 to aggregate, of E for the next aggregation, of E+1 to register for.
"""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datum.configuration.choice import ConfigurationChoice, choose_configurations
    from datum.configuration.imports import check_against, read_import, require_size
    from datum.configuration.markers import ConfigurationMarker, ConfigurationMarkersPayload, fault_of
    from datum.configuration.readable import configuration_document, to_readable
    from datum.configuration.values import (
        DEFAULT_CONFIGURATIONS,
        ConfigurationWindow,
        EpochConfiguration,
        ProtocolConfiguration,
        ProtocolConfigurationError,
        ProtocolParameters,
        SigningConfig,
        configuration_at,
        schedule,
        window_at,
    )

__all__ = [
    "DEFAULT_CONFIGURATIONS",
    "ConfigurationChoice",
    "ConfigurationMarker",
    "ConfigurationMarkersPayload",
    "ConfigurationWindow",
    "EpochConfiguration",
    "ProtocolConfiguration",
    "ProtocolConfigurationError",
    "ProtocolParameters",
    "SigningConfig",
    "check_against",
    "choose_configurations",
    "configuration_at",
    "configuration_document",
    "fault_of",
    "read_import",
    "require_size",
    "schedule",
    "to_readable",
    "window_at",
]

__getattr__ = front_door(
    __name__,
    {
        "datum.configuration.choice": ("ConfigurationChoice", "choose_configurations"),
        "datum.configuration.imports": ("check_against", "read_import", "require_size"),
        "datum.configuration.markers": ("ConfigurationMarker", "ConfigurationMarkersPayload", "fault_of"),
        "datum.configuration.readable": ("configuration_document", "to_readable"),
        "datum.configuration.values": (
            "DEFAULT_CONFIGURATIONS",
            "ProtocolConfigurationError",
            "ConfigurationWindow",
            "EpochConfiguration",
            "ProtocolConfiguration",
            "ProtocolParameters",
            "SigningConfig",
            "configuration_at",
            "schedule",
            "window_at",
        ),
    },
)

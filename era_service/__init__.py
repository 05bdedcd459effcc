"""What runs: the command line, the HTTP API and dashboard, the node watcher, the follower."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_service.client import ServiceClient
    from era_service.config import LoadedSettings, load_settings
    from era_service.config_mistakes import ConfigMistake, InvalidConfigurationError
    from era_service.config_schema import Settings
    from era_service.logs import bind_era, configure_logging
    from era_service.networks import NETWORKS, NetworkPreset

__all__ = [
    "NETWORKS",
    "ConfigMistake",
    "InvalidConfigurationError",
    "LoadedSettings",
    "NetworkPreset",
    "ServiceClient",
    "Settings",
    "bind_era",
    "configure_logging",
    "load_settings",
]

__getattr__ = front_door(
    __name__,
    {
        "era_service.client": ("ServiceClient",),
        "era_service.config": ("LoadedSettings", "load_settings"),
        "era_service.config_mistakes": ("ConfigMistake", "InvalidConfigurationError"),
        "era_service.config_schema": ("Settings",),
        "era_service.logs": ("bind_era", "configure_logging"),
        "era_service.networks": ("NETWORKS", "NetworkPreset"),
    },
)

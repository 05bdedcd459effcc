"""What runs: the command line, the HTTP API and dashboard, the node watcher, the follower."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_service.config.load import load_settings
    from era_service.config.loaded import LoadedSettings
    from era_service.config.mistakes import ConfigMistake, InvalidConfigurationError
    from era_service.config.networks import NETWORKS, NetworkPreset
    from era_service.config.schema import Settings
    from era_service.logs import bind_era, configure_logging
    from era_service.service.client import ServiceClient

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
        "era_service.service.client": ("ServiceClient",),
        "era_service.config.load": ("load_settings",),
        "era_service.config.loaded": ("LoadedSettings",),
        "era_service.config.mistakes": ("ConfigMistake", "InvalidConfigurationError"),
        "era_service.config.schema": ("Settings",),
        "era_service.logs": ("bind_era", "configure_logging"),
        "era_service.config.networks": ("NETWORKS", "NetworkPreset"),
    },
)

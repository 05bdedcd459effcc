"""The place of the service's store: as it is configured, else in the user's state folder.

In: settings. Out: a URL for ``open_store``. The commands that make tokens ask the same.
"""

from era_service.config.load import user_state_folder
from era_service.config.schema import Settings
from eras import ConfigurationError, StoreError

SERVICE_FILE = "service.sqlite3"


def is_embedded(settings: Settings) -> bool:
    """Whether no network is configured, so that the service shows a rehearsal."""
    return settings.reader.adapter_type.startswith("bootstrap")


def store_url(settings: Settings) -> str:
    """The place of the store.

    Raises:
        ConfigurationError: neither a network nor a store is configured, and a rehearsal keeps nothing.
        StoreError: the user's state folder cannot be made.
    """
    if settings.store.url is not None:
        return settings.store.url
    if is_embedded(settings) and settings.follower.leader is None:
        raise ConfigurationError(
            "No network is configured, and a rehearsal stores nothing",
            expected="--network NAME, or the setting network.name",
            got="neither",
            next_step="Name the network that the service serves, or its store: --store FILE",
            code="NetworkNeeded",
        )
    folder = user_state_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be created",
            code="StateFolder",
            expected="a folder for the service's state",
            got=error.strerror or type(error).__name__,
            next_step="Name a store: --store FILE, or the setting store.url",
        ) from error
    return str(folder / SERVICE_FILE)

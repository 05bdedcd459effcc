"""The service's store: as it is configured, else a file in the user's state folder.

In: settings. Out: the open store. Commands that look into it, or write tokens into it, open the same.
"""

import era_store
from era_service.config.load import user_state_folder
from era_service.config.schema import Settings
from era_store.drafts import new_folder
from era_store.networks import NetworkKey
from eras import ConfigurationError, StoreError

SERVICE_FILE = "service.sqlite3"


def is_embedded(settings: Settings) -> bool:
    """Whether no network is configured, so that the service shows a rehearsal."""
    return settings.reader.adapter_type.startswith("bootstrap")


def open_service_store(settings: Settings, network: NetworkKey, *, patience_s: float = 0.0) -> "era_store.SqlStore":
    """Open the store of the service; the caller closes it.

    Args:
        settings: name the store.
        network: the network whose registrations and tokens it shows.
        patience_s: seconds to wait for a database server that does not answer.

    Raises:
        ConfigurationError: neither a network nor a store is configured, and a rehearsal keeps nothing.
        StoreError: it cannot be opened, or the user's state folder cannot be made.
    """
    if settings.store.url is not None:
        return era_store.open_store(settings.store.url, network=network, patience_s=patience_s)
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
        with new_folder(folder):
            return era_store.open_store(str(folder / SERVICE_FILE), network=network, patience_s=patience_s)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be created",
            code="StateFolder",
            expected="a folder for the service's state",
            got=error.strerror or type(error).__name__,
            next_step="Name a store: --store FILE, or the setting store.url",
        ) from error

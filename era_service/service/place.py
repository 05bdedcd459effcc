"""Where the service keeps its store: as it is configured, else in the user's state folder.

In: settings. Out: a URL for ``open_store``. The commands that make tokens ask the same.
"""

from typing import TYPE_CHECKING

from era_service.config.paths import user_state_folder
from eras import StoreError

if TYPE_CHECKING:
    from era_service.config.schema import Settings

SERVICE_FILE, EMBEDDED_FILE = "service.sqlite3", "embedded.sqlite3"


def is_embedded(settings: "Settings") -> bool:
    """Whether no network is configured, so that the service follows its embedded one."""
    return settings.reader.adapter_type.startswith("bootstrap")


def store_url(settings: "Settings", *, embedded: bool | None = None) -> str:
    """The place of the store.

    Args:
        settings: what is configured.
        embedded: whether the network is the embedded one; by default as ``settings`` say.

    Raises:
        StoreError: the user's state folder cannot be made.
    """
    if settings.store.url is not None:
        return settings.store.url
    folder = user_state_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be made",
            code="StateFolder",
            expected="a place to remember things",
            got=error.strerror or type(error).__name__,
            next_step="Name a store: --store FILE, or the setting store.url",
        ) from error
    own = is_embedded(settings) if embedded is None else embedded
    return str(folder / (EMBEDDED_FILE if own else SERVICE_FILE))

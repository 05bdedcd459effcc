"""The store of the service, for commands that look into it, and secrets that commands write."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from era_service.cli.shared.context import AppContext
from era_service.service.place import open_service_store
from era_service.wiring.trust import network_key
from era_store.drafts import write_new
from eras import EraSwitchError

if TYPE_CHECKING:
    from era_store import SqlStore

store_option = click.option("--store", metavar="URL", help="The store of the service; by default the configured one.")


@contextmanager
def service_store(app: AppContext, url: str | None) -> "Iterator[SqlStore]":
    """The store that ``eraswitch serve`` would use with the same configuration.

    Raises:
        StoreError: it cannot be opened.
        ConfigurationError: the settings cannot be used.
    """
    settings = app.load({"store.url": (url, "--store")} if url else None).settings
    with closing(open_service_store(settings, network_key(settings))) as opened:
        yield opened


def write_secret(path: Path, text: str) -> None:
    """Write a new file for its owner alone.

    Raises:
        EraSwitchError: it is there already, or cannot be written.
    """
    try:
        write_new(path, text + "\n")
    except OSError as error:
        raise EraSwitchError(
            "The secret could not be written",
            expected=f"to make the file {path}",
            got=error.strerror or type(error).__name__,
            next_step="Name a file that is not there yet, in a folder that exists",
            code="Output",
        ) from error

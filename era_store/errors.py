"""Errors of a store: one class for each thing an operator would do differently.

In: facts by keyword (``store``, the URL without its password). Out: subclasses of ``StoreError``, each with what was
expected, what was there, and what to do next.
"""

from eras import StoreError


class StoreMissingError(StoreError):
    """The place of a store is missing, or is not a file."""

    advice = "Correct the path or the URL."


class StoreForeignError(StoreError):
    """The file or database is not a store of this project: not a database, or another program's."""

    advice = "Name the store of eraswitch: `--store`, `store.url`."


class StoreDamagedError(StoreError):
    """The store is one of ours, but what is in it is damaged or contradicts itself."""


class StoreNewerError(StoreError):
    """The store was written by a newer version of this software."""

    advice = "Use the newer version, or another store."


class StoreLockedError(StoreError):
    """Another process holds the store for longer than this one waits."""

    advice = "Wait until the other process has ended, then run the command again."
    http_status = 503


class StoreReadOnlyError(StoreError):
    """The store, or its folder, may not be written to."""

    advice = "Correct who may write to it."


class StoreFullError(StoreError):
    """The disk, or the quota, has no room for what should be written."""

    advice = "Make room on the disk, or raise the quota."
    http_status = 507


class StoreChangedError(StoreError):
    """Another process wrote what this one was about to write: read and decide again."""

    advice = "Run the command again."
    http_status = 409


class StoreRefusedError(StoreError):
    """The database server does not let this user in; it will not without a change of its settings or of the URL."""

    advice = "Correct the URL, or the settings of the server."
    http_status = 503


class StoreUnavailableError(StoreError):
    """The database did not answer, or its driver is not installed."""

    advice = "Check the server and its address."
    http_status = 503

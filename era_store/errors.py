"""Errors of a store: one class for each thing an operator would do differently.

In: facts by keyword (``store``, the URL without its password). Out: subclasses of ``StoreError``, each with what was
expected, what was there, and what to do next.
"""

from pathlib import Path

from eras import StoreError


class StoreMissingError(StoreError):
    """The place of a store is missing, or is not a file."""

    advice = "Correct the path or the URL."


class StoreDamagedError(StoreError):
    """The store is one of ours, but what is in it is damaged or contradicts itself."""


class StoreLockedError(StoreError):
    """Another process holds the store for longer than this one waits."""

    advice = "Wait until the other process has ended, then run the command again."
    http_status = 503


class StoreFullError(StoreError):
    """The disk, or the quota, has no room for what should be written."""

    advice = "Make room on the disk, or raise the quota."
    http_status = 507


class StoreChangedError(StoreError):
    """Another process wrote what this one was about to write: read and decide again."""

    advice = "Run the command again."
    http_status = 409


class StoreUnavailableError(StoreError):
    """The database did not answer, or its driver is not installed."""

    advice = "Check the server and its address."
    http_status = 503


def read_only(
    what: str, error: OSError, *, expected: str, next_step: str = "Choose another place", store: Path | None = None
) -> StoreError:
    """Return the error for a file that could not be written, or made."""
    facts = {} if store is None else {"store": str(store)}
    got = error.strerror or type(error).__name__
    return StoreError(what, expected=expected, got=got, next_step=next_step, code="StoreReadOnly", **facts)

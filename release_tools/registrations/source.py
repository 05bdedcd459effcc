"""The interface of a source of registrations: batches with a cursor, and the errors a source ends in.

In: how far it was read before, and how much to hold at a time. Out: ``Batch``es, each of which is added to a store
whole. A cursor identifies what was read by its content too, so that a source that is another one by now is read from
its beginning: that repeats nothing, because registrations are idempotent.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from era_store.registrations import Registration, Reject
from eras import ChainReadError


class RegistrationSourceError(ChainReadError):
    """A source of registrations cannot be read."""

    exit_code = 1


class SourceMissingError(RegistrationSourceError):
    """There is no such source, or this user may not read it."""

    http_status = 404


class SourceLockedError(RegistrationSourceError):
    """Another process holds the source for longer than this one waits."""


class SourceDamagedError(RegistrationSourceError):
    """The source is truncated or damaged."""

    http_status = 422


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of a source.

    Attributes:
        rows: the registrations, in the order they arrived.
        rejects: what else was there.
        cursor: how far the source is read when this is added; ``None`` where a source has no such thing.
        position: how much of the source's ``total`` that is.
    """

    rows: list[Registration]
    rejects: list[Reject]
    cursor: str | None
    position: int


class RegistrationSource(Protocol):
    """A source of registrations."""

    @property
    def name(self) -> str:
        """Its name in a store."""
        ...

    @property
    def notes(self) -> Counter[str]:
        """Fault of rows that count all the same → how many they are, so far."""
        ...

    @property
    def total(self) -> int | None:
        """How much there is to read, in the source's own unit; ``None`` when it cannot know."""
        ...

    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        """The entries after ``cursor``, at most ``size`` at a time.

        Raises:
            RegistrationSourceError: it cannot be read on; what came before stands.
        """
        ...

    def close(self) -> None:
        """Let go of what is held open. Calling it twice is fine."""
        ...

"""The interface of a source of registrations: batches with a cursor, and the errors of a source.

In: the cursor of the last run, and the size of a batch. Out: ``Batch``es, each of which is added to a store as a whole.
A cursor also identifies the content before it, so that a replaced source is read from its beginning, which is harmless
because registrations are idempotent.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from era_store.registrations import Registration, Reject
from release_tools.registrations.judging import Judge


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of a source.

    Attributes:
        rows: the registrations, in the order of their arrival.
        rejects: the refused rows.
        cursor: the place in the source after this batch; ``None`` for a source without cursors.
        position: the part of the source's ``total`` that is read after this batch.
    """

    rows: list[Registration]
    rejects: list[Reject]
    cursor: str | None
    position: int


class RegistrationSource(ABC):
    """A source of registrations, with the judge of its rows; nothing is held open between batches."""

    name: str
    """Its name in a store."""
    _judge: Judge

    @property
    def notes(self) -> Counter[str]:
        """The faults of rows that count nevertheless, and how many rows had each so far."""
        return self._judge.notes

    @property
    @abstractmethod
    def total(self) -> int | None:
        """The size of the source in its own unit; ``None`` if it is unknown."""

    @abstractmethod
    def batches(self, cursor: str | None, size: int) -> Iterator[Batch]:
        """The entries after ``cursor``, at most ``size`` at a time.

        Raises:
            ChainReadError: it cannot be read further; earlier batches are valid.
        """

    def close(self) -> None:  # noqa: B027 - a batch is read whole
        """Release open resources. Calling it twice is fine."""

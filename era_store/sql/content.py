"""Turns the contents of a database into values again: what cannot be read is damage, not a bug of the reader.

In: values of a row. Out: the same, or a ``ContentError``, which ``Database`` turns into a ``StoreDamagedError``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Value = TypeVar("Value")


NOT_DECODED = (ValueError, TypeError, KeyError, AttributeError)
"""Errors of Python's which mean that what is stored is damaged."""


class ContentError(ValueError):
    """The stored value is not one that this project writes there."""

    @classmethod
    def of(cls, error: Exception) -> "ContentError":
        """The error for what Python could not make a value of."""
        return cls(f"what cannot be read back ({type(error).__name__})")


@contextmanager
def decoding() -> Iterator[None]:
    """Within the block, values are made from what is stored: an error of Python's means that it is damaged.

    Raises:
        ContentError: it is; ``Database.errors`` makes it a ``StoreDamagedError``.
    """
    try:
        yield
    except ContentError:
        raise
    except NOT_DECODED as error:
        raise ContentError.of(error) from error


def typed(value: Any, *kinds: type[Value]) -> Value:
    """A stored value, which SQLite may hold with any type.

    Raises:
        ContentError: it is of another type.
    """
    if not isinstance(value, kinds):
        raise ContentError(f"a value of the type {type(value).__name__}, not {kinds[0].__name__}")
    return value


def number_of(digits: Any) -> int:
    """The number that is stored as decimal digits.

    Raises:
        ContentError: it is something else.
    """
    try:
        return int(digits)
    except NOT_DECODED as error:
        raise ContentError.of(error) from error

"""What the service tells of what it does, to whoever traces it; by itself, nothing.

In: the beginning and the end of what takes time. Out: nothing here; ``era_service.tracing`` makes spans of it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from era_service.status import ProviderCall


class Spans:
    """Nobody traces."""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A reading of the chain."""
        yield

    def asked(self, calls: "Iterable[ProviderCall]") -> None:
        """The providers that a reading has asked."""

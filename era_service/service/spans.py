"""The service's reports of its work, for traces and counts; without tracing they go nowhere.

In: the beginning and the end of what takes time. Out: nothing here; ``era_service.telemetry.tracing`` makes spans
of it.
"""

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager

from starlette.types import Scope

from chain_reader.providers.failover import ProviderCall


def route_of(answers: Container[str], scope: Scope) -> str | None:
    """The route of a request that was answered, or ``None``; never its path, of which there is no end."""
    path: str = scope["path"]
    if path in answers:  # it was sent from memory, and no route saw it
        return path
    found: str | None = getattr(scope.get("route"), "path", None)
    return found


class Spans:
    """Nobody traces."""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A reading of the chain."""
        yield

    def asked(self, calls: Iterable[ProviderCall]) -> None:
        """The providers that a reading has asked."""

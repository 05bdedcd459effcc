"""A ``NodeWatcher`` over a fake provider, driven by the test itself: no thread, no sleep.

In: a ``FakeProvider``. Out: a watcher that has read it; ``read_again`` after something happened there.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from era_service.node.embedding import embed_watcher
from era_service.node.provider_calls import Answer
from era_service.node.watcher import NodeWatcher
from eras import SupportedEras
from eras.supported import Name, name_of
from eraswitch.testing.provider import FakeProvider


def at_once(work: Callable[[], Answer], then: Callable[[], object]) -> Future[Answer]:
    """Runs a call of the provider at once, in the calling thread."""
    future: Future[Answer] = Future()
    future.set_result(work())
    then()
    return future


def watcher_of(provider: FakeProvider, supported: Iterable[Name], **more: Any) -> NodeWatcher:
    """A watcher that has read ``provider`` once, or has tried to.

    Args:
        provider: what it reads.
        supported: the eras that the software knows.
        more: what else ``embed_watcher`` takes: ``store``, ``hooks``, ….
    """
    eras = SupportedEras(map(name_of, supported))
    watcher = embed_watcher([provider], provider.policy, eras, **{"begin": at_once, **more})
    watcher.step()
    return watcher


def read_again(watcher: NodeWatcher) -> None:
    """Makes the watcher read now, and waits for its hooks."""
    watcher.command("check")
    watcher.step()
    watcher.hooks.wait()

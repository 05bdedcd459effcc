"""A lane of hooks: a queue whose items run in order, in a thread of its own, independent of other lanes.

In: hooks with their facts, from any thread. Out: calls of ``run``, one after the other. A forked process begins with an
empty lane: the items of its parent run there.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)
Item = TypeVar("Item")


class Lane(Generic[Item]):
    """Runs items one after the other.

    Args:
        name: the name of its thread.
        run: runs an item; an exception is logged.
        limit: the number of items that may wait; more are dropped and counted. ``None``: any number.
    """

    def __init__(self, name: str, run: Callable[[Item], object], *, limit: int | None = None) -> None:
        self.dropped = 0
        self._name = name
        self._run = run
        self._limit = limit
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._waiting: deque[Item] = deque()
        self._running = False
        self._worker: threading.Thread | None = None

    def __len__(self) -> int:
        """The number of waiting items."""
        return len(self._waiting)

    def put(self, item: Item) -> bool:
        """Add an item, and return whether it was accepted: the lane may be closed, or full."""
        if os.getpid() != self._pid:
            self._begin()
        with self._changed:
            if self._closed:
                return False
            if self._limit is not None and len(self._waiting) >= self._limit:
                self.dropped += 1
                return False
            self._waiting.append(item)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._worker.start()
            self._changed.notify_all()
            return True

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing runs or waits, and return whether that was in time."""
        if os.getpid() != self._pid:
            self._begin()
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout_s)

    def close(self, timeout_s: Callable[[int], float]) -> int:
        """Wait for what runs or waits, and end the thread. Calling it twice is fine.

        Args:
            timeout_s: number of items → seconds to wait for them.

        Returns:
            The number of items that were left.
        """
        with self._changed:
            if self._closed:
                return 0
            self._closed = True
            self._changed.wait_for(self._is_idle, timeout_s(len(self._waiting) + self._running))
            left = len(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
            worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            worker.join(1.0)
        return left

    def _is_idle(self) -> bool:
        return not self._waiting and not self._running

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                item, self._running = self._waiting.popleft(), True
            try:
                self._run(item)
            except Exception:
                _log.exception("The result of a hook could not be reported")
            finally:
                with self._changed:
                    self._running = False
                    self._changed.notify_all()

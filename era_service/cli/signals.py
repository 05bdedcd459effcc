"""Signals to a process: handlers for a block, and the signals that a long-running process survives.

SIGUSR1 switches the log to debug and back, SIGUSR2 between text and JSON. The command decides the effect of SIGHUP. A
thread does the work, because a signal handler may have interrupted the very code that it would call.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from era_service.logs import toggle_debug, toggle_format

_log = logging.getLogger(__name__)


@contextmanager
def handled(handler: Callable[[int, object], object], *numbers: signal.Signals) -> Iterator[None]:
    """Within the block ``handler`` is called for these signals; afterwards the earlier handlers are back.

    For the main thread only.
    """
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def surviving_signals(hang_up: Callable[[], None]) -> Iterator[None]:
    """Within the block SIGHUP calls ``hang_up``, and SIGUSR1 and SIGUSR2 change the log; one signal at a time.

    Args:
        hang_up: called in a thread of its own; what it raises is logged.
    """
    tasks = {signal.SIGHUP: hang_up, signal.SIGUSR1: toggle_debug, signal.SIGUSR2: toggle_format}
    came: SimpleQueue[signal.Signals | None] = SimpleQueue()

    def work() -> None:
        while (number := came.get()) is not None:
            try:
                tasks[number]()
            except Exception:
                _log.exception("%s could not be followed", number.name)

    worker = threading.Thread(target=work, name="signals", daemon=True)
    worker.start()
    try:
        with handled(lambda number, _frame: came.put(signal.Signals(number)), *tasks):
            yield
    finally:
        came.put(None)
        worker.join()

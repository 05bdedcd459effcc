"""Statuses of an ``EraChecker``, the events it emits, and how handlers are run.

The model is OpenFeature's provider status and events: the status has changed before a handler runs, a handler added
late runs at once when the status already holds, and one that raises does not stop the others and is reported.
Handlers run outside any lock, in the order in which the events happened.
"""

import enum
import inspect
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from eras.errors import ConfigurationError
from eras.marker import Epoch, EraMarker


class EraStatus(enum.Enum):
    """The status of an ``EraChecker``: whether its era may be used, and whether it is confirmed."""

    NOT_READY = "not ready"
    """Nothing has been read yet."""
    UNATTENDED = "unattended"
    """The watcher that kept the era up to date has stopped: a switch would go unnoticed."""
    READY = "ready"
    """The current era is known and supported."""
    STALE = "stale"
    """Still running on the remembered schedule, which could not be refreshed."""
    ERROR = "error"
    """Still running on the remembered schedule; the last reading had to be refused."""
    FATAL = "fatal"
    """The current era is not supported: this software must stop."""


class EraEvent(enum.Enum):
    """The kinds of events. The first four carry the status of the same name."""

    READY = "ready"
    STALE = "stale"
    ERROR = "error"
    FATAL = "fatal"
    ERA_CHANGED = "era changed"
    UPCOMING_CHANGED = "upcoming changed"
    UPCOMING_UNSUPPORTED = "upcoming unsupported"


EVENT_OF_STATUS = {
    EraStatus.READY: EraEvent.READY,
    EraStatus.STALE: EraEvent.STALE,
    EraStatus.ERROR: EraEvent.ERROR,
    EraStatus.FATAL: EraEvent.FATAL,
}


@dataclass(frozen=True, slots=True)
class EraEventDetails:
    """The facts that a handler receives.

    Attributes:
        event: what happened.
        epoch: the epoch it happened at; ``None`` before the first reading.
        current: the marker of the current era.
        previous: the marker of the era before, for ``ERA_CHANGED``.
        upcoming: the marker of the upcoming era.
        message: why, in words for an operator.
    """

    event: EraEvent
    epoch: Epoch | None
    current: EraMarker | None
    previous: EraMarker | None
    upcoming: EraMarker | None
    message: str


EraEventHandler = Callable[[EraEventDetails], None]
HandlerErrorReporter = Callable[[EraEventDetails, Exception], None]


def log_handler_error(details: EraEventDetails, error: Exception) -> None:
    """Report a handler that raised to the log ``eras``, with its traceback."""
    import logging

    logging.getLogger("eras").error(
        "A handler of the event %r raised %s: it was skipped, the others ran",
        details.event.value,
        type(error).__name__,
        exc_info=error,
    )


def refuse_unawaited(handler: Callable[..., object], what: str, *, awaits: bool = False) -> None:
    """Check that a call of ``handler`` runs it, which a call of a coroutine or generator function does not.

    Args:
        handler: what is registered.
        what: what it is registered as.
        awaits: whether the caller awaits what it returns.

    Raises:
        ConfigurationError: it would not run.
    """
    for called in (handler, getattr(handler, "__call__", handler)):  # noqa: B004 - the function behind an object
        generates = inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called)
        if generates or (not awaits and inspect.iscoroutinefunction(called)):
            name = getattr(handler, "__qualname__", None) or type(handler).__name__
            raise ConfigurationError(
                f"{name} cannot be registered as {what}: a call would not run it",
                expected="a function that does its work when it is called",
                got="a generator function" if generates else "a coroutine function",
                next_step="Register a plain function; it may hand the work over to an event loop",
            )


class EventDispatcher:
    """Runs handlers in order, one event after the other, outside any lock.

    An event emitted while handlers run (by one of them, or by another thread) is delivered after them, by the thread
    that is already delivering, so a handler may itself change the era.
    """

    def __init__(self, report: HandlerErrorReporter = log_handler_error) -> None:
        self.report = report
        self._lock = threading.Lock()
        self._handlers: dict[EraEvent, tuple[EraEventHandler, ...]] = {}
        self._pending: deque[tuple[EraEventDetails, tuple[EraEventHandler, ...]]] = deque()
        self._delivering = False

    def add(self, event: EraEvent, handler: EraEventHandler, late: EraEventDetails | None) -> None:
        """Register ``handler``; with ``late``, what it missed is noted for it, and ``deliver`` runs it."""
        with self._lock:
            self._handlers[event] = (*self._handlers.get(event, ()), handler)
            if late is not None:
                self._pending.append((late, (handler,)))

    def remove(self, event: EraEvent, handler: EraEventHandler) -> None:
        """Forget ``handler``; one that is not registered is left alone."""
        with self._lock:
            self._handlers[event] = tuple(known for known in self._handlers.get(event, ()) if known != handler)

    def enqueue(self, details: EraEventDetails) -> None:
        """Note an event for the handlers of now; ``deliver`` runs them."""
        with self._lock:
            self._pending.append((details, self._handlers.get(details.event, ())))

    def deliver(self) -> None:
        """Run the handlers of every noted event, unless a thread is doing so already."""
        while True:
            with self._lock:
                if self._delivering or not self._pending:
                    return
                self._delivering = True
                details, handlers = self._pending.popleft()
            try:
                for handler in handlers:
                    self._run(handler, details)
            finally:
                with self._lock:
                    self._delivering = False

    def _run(self, handler: EraEventHandler, details: EraEventDetails) -> None:
        try:
            handler(details)
        except Exception as error:
            self.report(details, error)

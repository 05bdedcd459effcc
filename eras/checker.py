"""The ``EraChecker``: what a node asks, at any moment and from any thread, about the era it is in.

What goes in: a token at start-up and at every epoch (``change_era``), or, when no provider is in reach, the epoch
alone (``advance_epoch``): the checker remembers the schedule, so a switch it knows happens at its epoch (rule T9).
What comes out: the current era, for as long as it is known and supported; otherwise an error. There is no default
era to fall back to, because in a protocol a default branch is a fork.

Everything a reader sees hangs on one immutable view that a writer replaces in one assignment, so readers take no lock
and never see half a change.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from eras.errors import EraRegressionError, EraSwitchError, kept
from eras.events import (
    EVENT_OF_STATUS,
    EraEvent,
    EraEventDetails,
    EraEventHandler,
    EraStatus,
    EventDispatcher,
    HandlerErrorReporter,
    log_handler_error,
    refuse_unawaited,
)
from eras.marker import Epoch, EraMarker
from eras.selection import DEFAULT_NOTICE_EPOCHS, EraEpochToken, EraState
from eras.supported import Name, SupportedEras, name_of
from eras.view import NO_VIEW, EraView, advanced, marked, not_ready, refuse_earlier, taken_over, unattended


class _Pin:
    """A pinned view, and whether it still holds.

    A task that was started inside the block keeps a copy of the context, and with it the pin, after the block has
    ended: a holder of a pin reports nothing.
    """

    __slots__ = ("held", "outer", "view")

    def __init__(self, view: EraView, outer: "_Pin | None") -> None:
        self.view = view
        self.outer = outer
        self.held = True


class EraChecker:
    """The current and the upcoming era of a node.

    Args:
        supported: the eras this software knows.
        notice_epochs: with fewer epochs than this left, a scheduled era counts as locked.
        report_handler_error: called when an event handler raises; the log ``eras`` by default.
    """

    def __init__(
        self,
        supported: SupportedEras = SupportedEras.DEFAULT,
        *,
        notice_epochs: int = DEFAULT_NOTICE_EPOCHS,
        report_handler_error: HandlerErrorReporter = log_handler_error,
    ) -> None:
        self._supported = supported
        self._notice_epochs = notice_epochs
        self._view = NO_VIEW
        self._writers = threading.Lock()
        self._dispatcher = EventDispatcher(report_handler_error)
        # Reading a context variable costs as much as the rest of a look-up: it is read only while somebody pins.
        self._pins = 0
        self._pin: ContextVar[_Pin | None] = ContextVar("eras.pin", default=None)

    # -- what readers ask -------------------------------------------------------------------------------------------

    @property
    def current_era(self) -> str:
        """The name of the current era.

        Raises:
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        view = self._pinned_view() if self._pins else self._view
        if view.era is None:
            raise self._no_era(view)
        return view.era

    def is_active(self, era: Name) -> bool:
        """Whether ``era`` is the current era.

        Raises:
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era, or does not know ``era`` itself:
                a misspelt name must not read as "not active".
        """
        view = self._pinned_view() if self._pins else self._view
        try:
            return view.active[era]  # type: ignore[index]
        except KeyError:
            if view.era is None:
                raise self._no_era(view) from None
        era = name_of(era)  # a member of an enumeration that is no string itself
        if era in view.active:
            return view.active[era]
        raise self._supported.unsupported(era, what="The requested era is not known")

    @property
    def current_epoch(self) -> Epoch:
        """The epoch of the last reading or advance.

        Raises:
            EraNotReadyError: nothing was read yet.
        """
        return self.token.epoch

    @property
    def upcoming_era(self) -> EraMarker | None:
        """The marker of the upcoming era, if any.

        Raises:
            EraNotReadyError: nothing was read yet.
        """
        return self.token.upcoming

    @property
    def upcoming_state(self) -> EraState | None:
        """Whether the upcoming era is announced, scheduled or locked; ``None`` when there is none.

        Raises:
            EraNotReadyError: nothing was read yet.
        """
        token = self.token
        if token.upcoming is None:
            return None
        return token.state_of(token.upcoming, notice_epochs=self._notice_epochs)

    @property
    def token(self) -> EraEpochToken:
        """The selection in force, whether or not its current era is supported.

        Raises:
            EraNotReadyError: nothing was read yet.
        """
        view = self._pinned_view() if self._pins else self._view
        if view.token is None:
            raise not_ready(self._view)
        return view.token

    @property
    def view(self) -> EraView:
        """All that is known now, in one consistent piece; it never raises."""
        return self._pinned_view() if self._pins else self._view

    @property
    def status(self) -> EraStatus:
        """How far the checker can be relied upon."""
        return self._view.status

    @property
    def supported(self) -> SupportedEras:
        """The eras this software knows."""
        return self._supported

    def states(self) -> tuple[tuple[EraMarker, EraState], ...]:
        """Every marker of the schedule with its state, once each, then the cancelled ones.

        Raises:
            EraNotReadyError: nothing was read yet.
        """
        view = self.view
        if view.token is None:
            raise not_ready(self._view)
        known = dict.fromkeys((*view.token.markers, *view.cancelled))
        return tuple((marker, view.token.state_of(marker, notice_epochs=self._notice_epochs)) for marker in known)

    @contextmanager
    def pinned(self) -> Iterator[str]:
        """Pin the current era for a unit of work: within the block it cannot flip, whatever epoch begins meanwhile.

        The pin holds for this thread (or asyncio task and those it starts); a block inside another keeps the outer era.
        It ends with the block: a task that was started inside and lives on sees the current era from then on.

        Raises:
            EraNotReadyError: nothing was read yet.
            UnsupportedEraError: this software does not know the current era.
        """
        view = self.view
        if view.era is None:
            raise self._no_era(view)
        pin = _Pin(view, self._held_pin())  # not those that have ended, or tasks that start tasks would chain them
        mark = self._pin.set(pin)
        with self._writers:
            self._pins += 1
        try:
            yield view.era
        finally:
            pin.held = False
            with self._writers:
                self._pins -= 1
            self._pin.reset(mark)

    @property
    def is_pinned(self) -> bool:
        """Whether this thread or task is inside ``pinned()``."""
        return self._held_pin() is not None

    # -- reports from the reader of markers ---------------------------------------------------------------------------

    def change_era(self, token: EraEpochToken) -> None:
        """Take over a fresh selection, at start-up and at every epoch.

        The current era may turn out to be unsupported: the status is then ``FATAL`` and every question about the
        current era raises.

        Raises:
            EraRegressionError: the token is of an earlier epoch, or would undo an activation that has happened.
                The schedule in force stays and the status becomes ``ERROR``.
        """
        with self._writers:
            before = self._view
            try:
                self._replace(taken_over(before, token, self._supported))
            except EraRegressionError as error:
                self._replace(marked(before, EraStatus.ERROR, str(error)))
                refused: EraRegressionError | None = kept(error)
            else:
                refused = None
        self._dispatcher.deliver()
        if refused is not None:
            raise refused

    def advance_epoch(self, epoch: Epoch) -> None:
        """A new epoch has begun and nothing fresh could be read: the remembered schedule decides (rule T9).

        The status keeps what it was, unless the current era at ``epoch`` is not supported. One that is supported again
        is stale until something is read.

        Raises:
            EraNotReadyError: nothing was ever read.
            EraRegressionError: ``epoch`` is before the current one, or the schedule would go back to an earlier era.
            MarkerError: ``epoch`` is not an unsigned 64-bit integer.
        """
        with self._writers:
            self._replace(advanced(self._view, epoch, self._supported))
        self._dispatcher.deliver()

    def mark_stale(self, message: str) -> None:
        """Note that the schedule could not be refreshed: it stays in force, and the status shows that it may be old.

        Before the first reading, and where the current era is unsupported, the status stays what it is.
        """
        with self._writers:
            self._replace(marked(self._view, EraStatus.STALE, message))
        self._dispatcher.deliver()

    def mark_unattended(self, message: str) -> None:
        """Nothing keeps the era up to date any more: every question about it raises until something is read again.

        Work that pinned its era stays in it. An unsupported current era stays what it is.
        """
        with self._writers:
            self._replace(unattended(self._view, message))
        self._dispatcher.deliver()

    def forked(self, message: str) -> None:
        """``mark_unattended`` in a process that was forked off: locks and pins are those of threads that are gone.

        Call it while the child has one thread, in ``os.register_at_fork``.
        """
        self._writers = threading.Lock()
        self._dispatcher = EventDispatcher(self._dispatcher.report)
        pin = self._pin.get()
        while pin is not None:
            pin.held, pin = False, pin.outer
        self.mark_unattended(message)

    def adopt(self, view: EraView) -> None:
        """Take over a view that the functions of ``eras.view`` made from this one: whoever decides has decided.

        Raises:
            EraRegressionError: it is of an earlier epoch than the view in force.
        """
        if view is self._view:
            return
        with self._writers:
            refuse_earlier(self._view, view)
            self._replace(view)
        self._dispatcher.deliver()

    # -- events -----------------------------------------------------------------------------------------------------

    def on(self, event: EraEvent, handler: EraEventHandler) -> None:
        """Call ``handler`` with an ``EraEventDetails`` whenever ``event`` happens, at once if its state holds.

        Raises:
            ConfigurationError: it is a coroutine or generator function, which a call would not run.
        """
        refuse_unawaited(handler, f"a handler of the event {event.value!r}")
        with self._writers:
            self._dispatcher.add(event, handler, self._late(event))
        self._dispatcher.deliver()

    def off(self, event: EraEvent, handler: EraEventHandler) -> None:
        """Stop calling ``handler`` for ``event``."""
        self._dispatcher.remove(event, handler)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _pinned_view(self) -> EraView:
        pin = self._held_pin()
        return self._view if pin is None else pin.view

    def _held_pin(self) -> "_Pin | None":
        """The innermost pin of this thread or task whose block has not ended."""
        pin = self._pin.get()
        while pin is not None and not pin.held:
            pin = pin.outer
        return pin

    def _replace(self, after: EraView) -> None:
        """Put ``after`` in force and note the events that this makes."""
        before, self._view = self._view, after
        event = EVENT_OF_STATUS.get(after.status)
        if after.status is not before.status and event is not None:
            self._dispatcher.enqueue(self._details(event, before))
        if after.token is None or after.token is before.token:
            return
        if before.token is not None and before.token.current.name != after.token.current.name:
            self._dispatcher.enqueue(self._details(EraEvent.ERA_CHANGED, before))
        if after.token.upcoming == (before.token.upcoming if before.token else None):
            return
        self._dispatcher.enqueue(self._details(EraEvent.UPCOMING_CHANGED, before))
        if after.token.upcoming_supported is False:
            self._dispatcher.enqueue(self._details(EraEvent.UPCOMING_UNSUPPORTED, before))

    def _late(self, event: EraEvent) -> EraEventDetails | None:
        token = self._view.token
        holds = EVENT_OF_STATUS.get(self._view.status) is event or (
            event is EraEvent.UPCOMING_UNSUPPORTED and token is not None and token.upcoming_supported is False
        )
        return self._details(event, self._view) if holds else None

    def _details(self, event: EraEvent, before: EraView) -> EraEventDetails:
        token, previous = self._view.token, before.token
        message = self._view.message
        if event is EraEvent.UPCOMING_UNSUPPORTED and token is not None and token.upcoming is not None:
            message = str(self._supported.unsupported(token.upcoming.name, what="The upcoming era is not supported"))
        return EraEventDetails(
            event,
            token.epoch if token else None,
            token.current if token else None,
            previous.current if previous and event is EraEvent.ERA_CHANGED else None,
            token.upcoming if token else None,
            message,
        )

    def _no_era(self, view: EraView) -> EraSwitchError:
        if view.token is None:
            return not_ready(self._view)
        return self._supported.unsupported(view.token.current.name, what="The current era is not supported")

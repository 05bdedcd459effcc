"""The event stream: the event log as server-sent events, to any number of listeners.

In: the event log, and notices that it has grown. Out: frames. One task reads each new entry once and writes its frame
once; listeners share both. A listener that comes back with ``Last-Event-ID`` first gets what it has missed, from the
log; one that falls further behind than the frames that are kept gets it the same way. The log is read every second
even without a notice, because another process may have written into it.

Besides the log there are hints for screens: an epoch began, or registrations came in. They are not entries and have no
id, so a listener that was away misses them; their subject can be requested at any time.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from era_service.service.changes import COUNTED, EVENTS, REGISTRATIONS
from era_service.service.documents import EventDocument, EventPage
from era_service.service.refusals import RequestError
from era_service.service.service import Service
from era_store.event_log import EventFilter
from eras import EraNotReadyError, StoreError

_log = logging.getLogger(__name__)

TOLD = EventFilter(roles=("decision",))
"""Decisions, not the inputs that they are based on."""

LOOK_EVERY_S = 1.0
REGISTRATIONS_EVERY_S = 5.0
"""The interval between hints while registrations keep coming in."""

KEPT_FRAMES = 1_000
PAGE = 500
HEARTBEAT = b": still here\n\n"
RETRY = b"retry: 2000\n\n"
EPOCH_HINT, REGISTRATIONS_HINT = "epoch", "registrations"


class EventStream:
    """The stream of one service. ``start`` and ``stop`` run on the event loop of its listeners."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=KEPT_FRAMES)
        self._last = 0
        self._first_kept = 0
        self._hints: dict[str, tuple[int, bytes]] = {}
        self._hinted = 0
        self._epoch: int | None = None
        self._came_in = False
        self._hinted_at_registrations_s = -REGISTRATIONS_EVERY_S
        self._grown = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self.listeners = 0

    @property
    def last_id(self) -> int:
        """The id of the newest entry that was read."""
        return self._last

    async def start(self) -> None:
        """Begin after the newest entry of the log."""
        self._last = self._first_kept = (await asyncio.to_thread(self._service.store.events.head)).last_id
        self._epoch = self._epoch_now()
        self._task = asyncio.create_task(self._follow())

    def end(self) -> None:
        """End every listener's stream; each reconnects by itself, to whichever process serves then."""
        self._ended = True
        self._wake_listeners()

    async def stop(self) -> None:
        """End, and every listener with it."""
        self.end()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def admit(self) -> None:
        """Count a listener in.

        Raises:
            RequestError: the maximum is reached.
        """
        most = self._service.settings.service.max_streams
        if self.listeners >= most:
            raise RequestError(
                "All places for listeners are taken",
                expected=f"at most {most}",
                got="one more",
                next_step="Try again in 30 s, or read /events",
                retry_after_s=30,
                code="TooManyListeners",
            )
        self.listeners += 1

    async def listen(self, after: int | None) -> AsyncIterator[bytes]:
        """Frames after the entry ``after``, or from now on if that is ``None``; the listener was admitted before."""
        try:
            yield RETRY
            at, hinted = self._last if after is None else after, self._hinted
            heartbeat_s = self._service.settings.service.heartbeat_s
            while not self._ended:
                grown = self._grown
                async for frame_id, frame in self._since(at):
                    yield frame
                    at = frame_id
                if hinted != self._hinted:
                    hints = b"".join(frame for number, frame in sorted(self._hints.values()) if number > hinted)
                    hinted = self._hinted
                    yield hints
                if grown is not self._grown:
                    continue
                try:
                    await asyncio.wait_for(grown.wait(), heartbeat_s)
                except TimeoutError:
                    yield HEARTBEAT
        finally:
            self.listeners -= 1

    async def page(self, after: int, limit: int) -> EventPage:
        """The entries after an id, oldest first, once listeners have them: then the reading they are of is in force.

        Whoever learns of an entry requests the documents at once, and must find what it states.

        Raises:
            StoreError: the event log could not be read.
        """
        found = await run_in_threadpool(self._service.events, after, limit, TOLD)
        while found.events and found.next > self._last and self._task is not None and not self._ended:
            await self._grown.wait()
        return found

    async def _since(self, at: int) -> AsyncIterator[tuple[int, bytes]]:
        """The frames after ``at``: those that are kept, preceded by older ones from the log if necessary."""
        while at < self._first_kept:
            events = (await asyncio.to_thread(self._service.events, at, PAGE, TOLD)).events
            missed = [event for event in events if event.id <= self._last]
            if not missed:
                break
            joined = b"".join(map(frame_of, missed))
            at = missed[-1].id
            yield at, joined
        kept = [(frame_id, frame) for frame_id, frame in self._frames if frame_id > at]
        if kept:
            yield kept[-1][0], b"".join(frame for _, frame in kept)

    async def _follow(self) -> None:
        async with self._service.changes.subscribe() as kinds:
            while not self._ended:  # before Python 3.12 wait_for may lose a cancellation once it has an answer
                try:
                    await self._read_new()
                except StoreError as error:
                    _log.warning("The event log could not be read: %s", error)
                except Exception:  # otherwise listeners would wait for ever, as if nothing happened
                    _log.exception("The event log could not be read")
                self._hint_at_news()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._until_events(kinds), LOOK_EVERY_S)

    async def _read_new(self) -> None:
        while events := (await asyncio.to_thread(self._service.events, self._last, PAGE, TOLD)).events:
            await asyncio.to_thread(self._service.settle)
            for event in events:
                if len(self._frames) == KEPT_FRAMES:
                    self._first_kept = self._frames[0][0]
                self._frames.append((event.id, frame_of(event)))
            self._last = events[-1].id
            self._wake_listeners()

    def _hint_at_news(self) -> None:
        epoch = self._epoch_now()
        if epoch is not None and epoch != self._epoch:
            self._epoch = epoch
            self._hint(EPOCH_HINT, {"epoch": epoch})
        now_s = time.monotonic()
        if self._came_in and now_s - self._hinted_at_registrations_s >= REGISTRATIONS_EVERY_S:
            self._came_in, self._hinted_at_registrations_s = False, now_s
            self._hint(REGISTRATIONS_HINT, {})

    def _hint(self, kind: str, document: dict[str, int]) -> None:
        self._hinted += 1
        self._hints[kind] = (self._hinted, b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps(document).encode()))
        self._wake_listeners()

    def _epoch_now(self) -> int | None:
        try:
            return self._service.era_status().epoch
        except EraNotReadyError:
            return None

    async def _until_events(self, kinds: AsyncIterator[str]) -> None:
        async for kind in kinds:
            if kind == EVENTS:
                return
            self._came_in = self._came_in or kind in (REGISTRATIONS, COUNTED)

    def _wake_listeners(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


def frame_of(event: EventDocument) -> bytes:
    """An entry as a server-sent event; JSON has no line breaks."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), event.model_dump_json().encode())

"""Sends the messages of one webhook, in a thread of its own: from the event log into the outbox, and from there.

In: a ``Service``, whose store has the event log and the outbox. Out: requests, and what became of them in the store.
Only the replica that reads the chain sends; another one that takes its place goes on with the outbox that it left.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chain_reader.calendar import EpochCalendar
from era_service.dashboard.activity import KINDS, REFUSALS, activity_of
from era_service.webhooks.message import Message, message_of, type_of
from era_service.webhooks.outbox import Outbox, load_outbox, outbox_key
from era_service.webhooks.sending import post
from era_service.webhooks.settings import Webhook, network_facts, webhooks_of
from era_service.wiring.trust import network_key
from era_store import NewEvent
from era_store.event_log import EventFilter
from eras import StoreError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from era_service.service.service import Service

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
AT_ONCE = 200
"""Events of which messages are made at once, and earlier ones that are looked at for what was told already."""

TOLD = EventFilter(kinds=KINDS)
TOLD_ONCE = EventFilter(kinds=tuple(kind for kind in KINDS if kind not in REFUSALS))


class Deliverer:
    """Sends the messages of a webhook. One thread uses it, others may look at ``outbox`` and ``outcomes``.

    Args:
        service: the source of the events.
        hook: where to.
        send: makes one attempt.
    """

    def __init__(self, service: "Service", hook: Webhook, send: Callable[..., Any] = post) -> None:
        self._service = service
        self._hook = hook
        self._send = send
        self._network = network_facts(service.settings)
        self._key = outbox_key(network_key(service.settings), hook.name)
        self.name = hook.name
        self.outbox: Outbox | None = None
        """``None`` while another replica sends."""
        self.outcomes: Counter[str] = Counter({"accepted": 0, "failed": 0, "given up": 0})

    def turn(self) -> float:
        """Send all that is due; returns the seconds until something is.

        Raises:
            StoreError: the store cannot be read or written; what was not saved is done again.
        """
        if not self._service.reads_chain:
            self.outbox = None
            return LOOK_EVERY_S
        try:
            outbox = self._with_news(self.outbox or self._load())
            for one in outbox.waiting:
                now_s = self._service.clock()
                if one.due_s > now_s:
                    continue
                headers = self._hook.secrets.headers(one.message, time_s=now_s)
                body = one.message.body.encode()
                answer = self._send(self._hook.url, headers, body, allow_private=self._hook.allow_private)
                if answer.is_accepted:
                    outbox = self._save(outbox.accepted(one, now_s), ())
                    self.outcomes["accepted"] += 1
                    continue
                outbox = self._save(*outbox.refused(one, answer.words, now_s, is_final=answer.is_final))
                self.outcomes["failed"] += 1
                _log.warning("The webhook %s did not take a message: %s", self.name, answer.words)
        except StoreError:
            self.outbox = None
            raise
        left_s = LOOK_EVERY_S if outbox.due_s is None else outbox.due_s - self._service.clock()
        return max(0.0, min(LOOK_EVERY_S, left_s))

    def _load(self) -> Outbox:
        found = load_outbox(self._service.store.snapshots, self._key)
        if found is None:  # what happened before it was configured is not told
            return self._save(Outbox(self._service.store.events.head().last_id), ())
        self.outbox = found
        return found

    def _with_news(self, outbox: Outbox) -> Outbox:
        events = self._service.store.events
        news = events.read(after=outbox.cursor, limit=AT_ONCE, only=TOLD)
        if not news:
            return outbox
        earlier = events.newest(AT_ONCE, TOLD_ONCE, before=outbox.cursor + 1)
        calendar = EpochCalendar(self._service.genesis, self._service.clock())
        by_id = {event.id: event for event in news}
        told = reversed(activity_of([*reversed(earlier), *news], calendar))
        messages: list[Message] = [
            message_of(entry, by_id[entry.id], self._network)
            for entry in told
            if entry.id in by_id and self._hook.wants(type_of(entry.kind))
        ]
        return self._save(*outbox.taken(messages, news[-1].id, self._service.clock()))

    def _save(self, outbox: Outbox, given_up: Iterable[NewEvent]) -> Outbox:
        """Write the outbox, and the events of what was given up, in one transaction."""
        events = tuple(given_up)
        named = [NewEvent(event.kind, {"webhook": self.name, **event.facts}, event.epoch) for event in events]
        self._service.store.snapshots.save(self._key, outbox.to_bytes(), named, time_s=self._service.clock())
        self.outbox = outbox
        self.outcomes["given up"] += len(events)
        for event in events:
            _log.error("A message to the webhook %s is given up: %s", self.name, event.facts["reason"])
        return outbox


class Deliveries:
    """The deliverers of a service, each in its thread while the service runs."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self.deliverers = tuple(Deliverer(service, hook) for hook in webhooks_of(service.settings))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within the block, messages are sent."""
        ended, wakes = threading.Event(), [threading.Event() for _ in self.deliverers]

        def hear(_kind: str) -> None:
            for wake in wakes:
                wake.set()

        threads = [
            threading.Thread(target=_run, args=(one, wake, ended), name=f"webhook {one.name}", daemon=True)
            for one, wake in zip(self.deliverers, wakes, strict=True)
        ]
        end = self._service.changes.listen(hear)
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            end()
            ended.set()
            hear("")
            for thread in threads:
                thread.join(timeout=1.0)  # an attempt that takes longer is made again by whoever starts next


def _run(deliverer: Deliverer, wake: threading.Event, ended: threading.Event) -> None:
    while not ended.is_set():
        wake.clear()
        pause_s = LOOK_EVERY_S
        try:
            pause_s = deliverer.turn()
        except StoreError as error:
            _log.warning("The webhook %s waits for the store: %s", deliverer.name, error)
        except Exception:
            _log.exception("The webhook %s failed", deliverer.name)
        if wake.wait(pause_s) and deliverer.outbox is None:
            ended.wait(0.2)  # another replica sends: a wave of changes need not be followed one by one


def mount(app: "FastAPI", service: "Service") -> None:
    """Add the webhooks of a service to its application.

    Raises:
        ConfigurationError: the secret of one cannot be used.
    """
    deliveries = Deliveries(service)
    app.state.deliverers = deliveries.deliverers
    if deliveries.deliverers:
        app.state.meanwhile.append(deliveries.running)

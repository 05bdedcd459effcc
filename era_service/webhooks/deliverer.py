"""Sends the messages of one webhook, in a thread of its own: from the event log to the outbox, and to the URL.

In: a ``Service``, whose store has the event log and the outbox. Out: requests, and their results in the store. Only the
replica that reads the chain sends; another one that takes over continues with the same outbox.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from chain_reader.genesis import EpochCalendar
from era_service.config.schema import Settings
from era_service.config.webhooks import TYPES
from era_service.dashboard.activity import KINDS, REFUSALS, activity_of
from era_service.service.service import Service
from era_service.webhooks.message import Message, message_of
from era_service.webhooks.outbox import Outbox, load_outbox, outbox_key
from era_service.webhooks.sending import Answer, post
from era_service.webhooks.settings import Webhook, network_facts, webhooks_of
from era_service.wiring.trust import network_key
from era_store import NewEvent
from era_store.event_log import EventFilter
from eras import StoreError

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
AT_ONCE = 200
"""The number of events that become messages at once, and of earlier ones that show what was sent already."""

TOLD = EventFilter(kinds=KINDS)
TOLD_ONCE = EventFilter(kinds=tuple(kind for kind in KINDS if kind not in REFUSALS))


class Deliverer:
    """Sends the messages of a webhook. One thread uses it; others may read ``outbox`` and ``outcomes``.

    Args:
        service: the source of the events.
        hook: the webhook.
        send: makes one attempt.
    """

    def __init__(self, service: Service, hook: Webhook, send: Callable[..., Answer] = post) -> None:
        self._service = service
        self.hook = hook
        """The webhook, from the next attempt on."""
        self._send = send
        self.ended = threading.Event()
        """Set when sending has to end."""
        self._network = network_facts(service.settings)
        self._key = outbox_key(network_key(service.settings), hook.settings.name)
        self.name = hook.settings.name
        self.outbox: Outbox | None = None
        """``None`` while another replica sends."""
        self.outcomes: Counter[str] = Counter({"accepted": 0, "failed": 0, "given up": 0})

    def turn(self) -> float:
        """Send every message that is due, and return the seconds until the next is.

        Raises:
            StoreError: the store cannot be read or written; unsaved steps are repeated.
        """
        if not self._service.reads_chain:
            self.outbox = None
            return LOOK_EVERY_S
        try:
            outbox = self._with_news(self.outbox or self._load())
            for one in outbox.waiting:
                now_s, (hook, secrets) = self._service.clock(), self.hook
                if self.ended.is_set():
                    break
                if one.due_s > now_s:
                    continue
                headers = secrets.headers(one.message, time_s=now_s)
                answer = self._send(hook.url, headers, one.message.body.encode(), allow_private=hook.allow_private)
                if answer.is_accepted:
                    outbox = self._save(outbox.accepted(one, now_s), ())
                    self.outcomes["accepted"] += 1
                    continue
                outbox = self._save(
                    *outbox.refused(one, answer.words, now_s, answer.retry_after_s, is_final=answer.is_final)
                )
                self.outcomes["failed"] += 1
                _log.warning("The webhook %s did not accept a message: %s", self.name, answer.words)
        except StoreError:
            self.outbox = None
            raise
        left_s = LOOK_EVERY_S if outbox.due_s is None else outbox.due_s - self._service.clock()
        return max(0.0, min(LOOK_EVERY_S, left_s))

    def _load(self) -> Outbox:
        found = load_outbox(self._service.store.snapshots, self._key)
        if found is None:  # earlier events are not sent
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
        entries = reversed(activity_of([*reversed(earlier), *news], calendar))
        messages: list[Message] = [
            message_of(entry, by_id[entry.id], self._network)
            for entry in entries
            if entry.id in by_id and entry.kind in (self.hook.settings.events or TYPES)
        ]
        return self._save(*outbox.taken(messages, news[-1].id, self._service.clock()))

    def _save(self, outbox: Outbox, given_up: Iterable[NewEvent]) -> Outbox:
        """Save the outbox, and the events of messages that were given up, in one transaction."""
        events = tuple(given_up)
        named = [NewEvent(event.kind, {"webhook": self.name, **event.facts}, event.epoch) for event in events]
        self._service.store.snapshots.save(self._key, outbox.to_bytes(), named, time_s=self._service.clock())
        self.outbox = outbox
        self.outcomes["given up"] += len(events)
        for event in events:
            _log.error("A message to the webhook %s is given up: %s", self.name, event.facts["reason"])
        return outbox


class Deliveries:
    """The deliverers of a service, each in its thread while the service runs; they follow its settings."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._is_running = False
        self._senders = {
            name: _Sender(Deliverer(service, hook)) for name, hook in webhooks_of(service.settings).items()
        }
        service.renewals.append(self.renewed)

    def __iter__(self) -> Iterator[Deliverer]:
        return iter([one.deliverer for one in list(self._senders.values())])

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send messages within the block."""

        def hear(_kind: str) -> None:
            for one in list(self._senders.values()):
                one.wake.set()

        end = self._service.changes.listen(hear)
        with self._lock:
            self._is_running = True
            for one in self._senders.values():
                one.start()
        try:
            yield
        finally:
            end()
            with self._lock:
                self._is_running = False
                _stop(self._senders.values())

    def renewed(self, settings: Settings) -> Callable[[], None]:
        """Read the webhooks of new settings, with their secrets, and return a function that puts them in force.

        Raises:
            ConfigurationError: the secret of one cannot be used.
        """
        hooks = webhooks_of(settings)

        def apply() -> None:
            with self._lock:
                gone = [self._senders.pop(name) for name in self._senders.keys() - hooks.keys()]
                for name, hook in hooks.items():
                    known = self._senders.get(name)
                    if known is not None:
                        known.deliverer.hook = hook  # its thread continues with the same outbox
                        continue
                    self._senders[name] = made = _Sender(Deliverer(self._service, hook))
                    if self._is_running:
                        made.start()
                _stop(gone)

        return apply


class _Sender:
    """A deliverer and its thread."""

    def __init__(self, deliverer: Deliverer) -> None:
        self.deliverer = deliverer
        self.wake = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"webhook {deliverer.name}", daemon=True)

    def start(self) -> None:
        """Send from now on."""
        self.thread.start()

    def _run(self) -> None:
        deliverer = self.deliverer
        while not deliverer.ended.is_set():
            self.wake.clear()
            pause_s = LOOK_EVERY_S
            try:
                pause_s = deliverer.turn()
            except StoreError as error:
                _log.warning("The webhook %s waits for the store: %s", deliverer.name, error)
            except Exception:
                _log.exception("The webhook %s failed", deliverer.name)
            if self.wake.wait(pause_s) and deliverer.outbox is None:
                deliverer.ended.wait(0.2)  # another replica sends: not every change matters here


def _stop(senders: Iterable[_Sender]) -> None:
    senders = [one for one in senders if one.thread.is_alive()]
    for one in senders:
        one.deliverer.ended.set()
        one.wake.set()
    for one in senders:
        one.thread.join(timeout=1.0)  # a longer attempt is repeated after the next start


def mount(app: FastAPI, service: Service) -> None:
    """Add the webhooks of a service to its application.

    Raises:
        ConfigurationError: the secret of one cannot be used.
    """
    app.state.deliverers = deliveries = Deliveries(service)
    app.state.meanwhile.append(deliveries.running)

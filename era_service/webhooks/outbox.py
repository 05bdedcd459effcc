"""The outbox of one webhook: what waits to be sent, and what became of it. Pure, but for its bytes in a store.

In: messages, and answers. Out: the next outbox. After a failure a message waits, longer each time, and is given up
after the last of ``RETRIES_S``.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol, Self

from era_service.webhooks.message import Message
from era_store import NewEvent
from era_store.networks import NetworkKey
from era_store.records import StoredSnapshot, adapter_of
from eras import StoreError

RETRIES_S = (5.0, 60.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0)
"""Seconds between two attempts at the same message: 27 hours and a half in all."""

MOST_WAITING = 1_000
"""Messages that wait at most; beyond that the oldest are given up."""

GIVEN_UP = "webhook-given-up"
"""The event that a message was not accepted and will not be sent again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is to be sent.

    Attributes:
        message: the message.
        due_s: POSIX time of the next attempt.
        attempts: how often it was tried.
    """

    message: Message
    due_s: float
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Outbox:
    """The state of a webhook.

    Attributes:
        cursor: the last entry of the event log that messages were made of.
        waiting: what is to be sent, oldest first.
        delivered: how many messages were accepted.
        given_up: how many were given up.
        delivered_s: when one was accepted last, POSIX seconds.
        failed_s: when an attempt failed last.
        failure: why.
    """

    cursor: int
    waiting: tuple[Waiting, ...] = ()
    delivered: int = 0
    given_up: int = 0
    delivered_s: float | None = None
    failed_s: float | None = None
    failure: str | None = None

    @property
    def due_s(self) -> float | None:
        """When something is to be sent next, POSIX seconds."""
        return min((one.due_s for one in self.waiting), default=None)

    def taken(self, messages: Iterable[Message], cursor: int, now_s: float) -> tuple[Self, tuple[NewEvent, ...]]:
        """With new messages, and the events of those that there is no more room for."""
        waiting = (*self.waiting, *(Waiting(message, now_s) for message in messages))
        over, kept = waiting[:-MOST_WAITING], waiting[-MOST_WAITING:]
        made = replace(self, cursor=cursor, waiting=kept, given_up=self.given_up + len(over))
        return made, tuple(_given_up(one, f"more than {MOST_WAITING} messages wait") for one in over)

    def accepted(self, one: Waiting, now_s: float) -> Self:
        """Without a message that was accepted."""
        return replace(self, waiting=self._without(one), delivered=self.delivered + 1, delivered_s=now_s)

    def refused(
        self, one: Waiting, why: str, now_s: float, retry_after_s: float = 0.0, *, is_final: bool = False
    ) -> tuple[Self, tuple[NewEvent, ...]]:
        """After an attempt that failed: with the message to be tried later, or given up, and the event of that.

        It waits for as long as the receiver asks, but never shorter than otherwise, nor longer than at most.
        """
        made = replace(self, failed_s=now_s, failure=why)
        if is_final or one.attempts >= len(RETRIES_S):
            return replace(made, waiting=self._without(one), given_up=self.given_up + 1), (_given_up(one, why),)
        pause_s = max(RETRIES_S[one.attempts], min(retry_after_s, max(RETRIES_S)))
        later = replace(one, due_s=now_s + pause_s, attempts=one.attempts + 1)
        return replace(made, waiting=tuple(later if other is one else other for other in self.waiting)), ()

    def to_bytes(self) -> bytes:
        """As the store keeps it."""
        return adapter_of(Outbox).dump_json(self)

    @staticmethod
    def from_bytes(content: bytes) -> "Outbox":
        """From what the store kept.

        Raises:
            StoreError: it is something else.
        """
        try:
            kept: Outbox = adapter_of(Outbox).validate_json(content)
        except ValueError as error:
            raise StoreError(
                "The outbox of a webhook cannot be read",
                expected="data that this software wrote",
                got=type(error).__name__,
                next_step="Restore the store from a backup, or give the webhook another name",
            ) from error
        return kept

    def _without(self, one: Waiting) -> tuple[Waiting, ...]:
        return tuple(other for other in self.waiting if other is not one)


class Shelf(Protocol):
    """A place that keeps bytes under a key, as ``SqlStore.snapshots`` does."""

    def load(self, key_id: str) -> StoredSnapshot | None:
        """The newest bytes, or ``None``."""
        ...


def outbox_key(network: NetworkKey, name: str) -> str:
    """The key under which the outbox of a webhook is kept."""
    return hashlib.sha256(f"webhook {network.magic} {network.address} {name}".encode()).hexdigest()


def load_outbox(shelf: Shelf, key: str) -> Outbox | None:
    """The outbox in a store; ``None`` where there is none yet.

    Raises:
        StoreError: it cannot be read.
    """
    found = shelf.load(key)
    return None if found is None else Outbox.from_bytes(found.content)


def _given_up(one: Waiting, why: str) -> NewEvent:
    return NewEvent(GIVEN_UP, {"message": one.message.id, "type": one.message.type, "reason": why})

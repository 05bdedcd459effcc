"""The outbox of one webhook: the messages that wait to be sent, and the results. Pure, except that a store keeps it.

In: messages, and answers. Out: the next outbox. After a failure a message waits, longer each time, and is given up
after the last of ``RETRIES_S``.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from era_service.webhooks.message import Message
from era_store import NewEvent
from era_store.networks import NetworkKey
from era_store.records import adapter_of
from era_store.sql.service import SqlSnapshots
from eras import StoreError

RETRIES_S = (5.0, 60.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0)
"""Seconds between two attempts at the same message: 27.5 hours in all."""

MOST_WAITING = 1_000
"""The largest number of waiting messages; beyond it the oldest are given up."""

GIVEN_UP = "webhook-given-up"
"""The event that a message was not accepted and will not be sent again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is to be sent.

    Attributes:
        message: the message.
        due_s: POSIX time of the next attempt.
        attempts: the number of attempts so far.
    """

    message: Message
    due_s: float
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Outbox:
    """The state of a webhook.

    Attributes:
        cursor: the last entry of the event log that is covered by messages.
        waiting: the messages to send, oldest first.
        delivered: the number of accepted messages.
        given_up: the number of messages that were given up.
        delivered_s: the time of the last acceptance, POSIX seconds.
        failed_s: the time of the last failed attempt, POSIX seconds.
        failure: the reason of that failure.
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
        """The time of the next attempt, POSIX seconds."""
        return min((one.due_s for one in self.waiting), default=None)

    def taken(self, messages: Iterable[Message], cursor: int, now_s: float) -> tuple[Self, tuple[NewEvent, ...]]:
        """The outbox with new messages, and the events of those that are given up for lack of room."""
        waiting = (*self.waiting, *(Waiting(message, now_s) for message in messages))
        over, kept = waiting[:-MOST_WAITING], waiting[-MOST_WAITING:]
        made = replace(self, cursor=cursor, waiting=kept, given_up=self.given_up + len(over))
        return made, tuple(_given_up(one, f"more than {MOST_WAITING} messages wait") for one in over)

    def accepted(self, one: Waiting, now_s: float) -> Self:
        """The outbox without a message that was accepted."""
        return replace(self, waiting=self._without(one), delivered=self.delivered + 1, delivered_s=now_s)

    def refused(
        self, one: Waiting, why: str, now_s: float, retry_after_s: float = 0.0, *, is_final: bool = False
    ) -> tuple[Self, tuple[NewEvent, ...]]:
        """The outbox after a failed attempt: the message waits, or is given up, which is an event.

        It waits as long as the receiver asks, within the usual wait for this attempt and the longest one.
        """
        made = replace(self, failed_s=now_s, failure=why)
        if is_final or one.attempts >= len(RETRIES_S):
            return replace(made, waiting=self._without(one), given_up=self.given_up + 1), (_given_up(one, why),)
        pause_s = max(RETRIES_S[one.attempts], min(retry_after_s, max(RETRIES_S)))
        later = replace(one, due_s=now_s + pause_s, attempts=one.attempts + 1)
        return replace(made, waiting=tuple(later if other is one else other for other in self.waiting)), ()

    def to_bytes(self) -> bytes:
        """The form in which the store keeps it."""
        return adapter_of(Outbox).dump_json(self)

    @staticmethod
    def from_bytes(content: bytes) -> "Outbox":
        """The outbox in the form in which the store keeps it.

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


def outbox_key(network: NetworkKey, name: str) -> str:
    """The key under which the outbox of a webhook is kept."""
    return hashlib.sha256(f"webhook {network.magic} {network.address} {name}".encode()).hexdigest()


def load_outbox(snapshots: SqlSnapshots, key: str) -> Outbox | None:
    """The outbox in a store; ``None`` if there is none yet.

    Raises:
        StoreError: it cannot be read.
    """
    found = snapshots.load(key)
    return None if found is None else Outbox.from_bytes(found.content)


def _given_up(one: Waiting, why: str) -> NewEvent:
    return NewEvent(GIVEN_UP, {"message": one.message.id, "type": one.message.type, "reason": why})

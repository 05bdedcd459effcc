"""The event log as values: lines, the chain of their hashes, what is asked of it, and what is wrong with it. Pure.

In: events. Out: ``LogLine``, an event with its canonical text and its hash. A hash is that of the hash before it and of
the text, so that a line that was changed, taken out or put in shows from there on. ``docs/events.md`` has the format.

1. Ids are strictly increasing. They may have gaps: an id that was given to a transaction that failed is not used again.
2. A line is the canonical encoding of all that an event has. Its hash is SHA-256 of the hash before it (32 bytes; zeros
   before the first) and the line in UTF-8.
3. What is secret is masked before anything is encoded.

The canonical encoding of a JSON-ready value is the same on every machine and in every version:

1. Objects have their keys in the order of their code points; there is no white space.
2. Characters stand for themselves, in UTF-8. Escaped are quotes, backslashes, control characters, and halves of
   surrogate pairs, which UTF-8 cannot hold.
3. Integers are decimal digits. Floats are the shortest digits that give the same float back (Python's ``repr``); they
   are finite.
4. Tuples are arrays. Keys are strings.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from era_store.records import NewEvent, StoredEvent
from era_store.redaction import redacted
from eras import Epoch, StoreError, __version__

NO_HASH = "0" * 64
"""The value in place of a hash before the first event."""


class EventLogDamagedError(StoreError):
    """The event log is not what was written: a line was changed, removed or inserted."""


class EventLogNewerError(StoreError):
    """The event log was written by a newer version of this software."""

    advice = "Use the newer version, or another store."


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A selection of events; a field that is empty or ``None`` selects all.

    Attributes:
        kinds: of these kinds.
        roles: of these roles.
        verdicts: events with one of these verdicts.
        first_epoch: of this epoch or a later one.
        last_epoch: of this epoch or an earlier one.
        since_s: written at this POSIX time, in seconds, or later.
        until_s: written before this time.
        stream: of the node that started with this event; that event too.
    """

    kinds: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    first_epoch: Epoch | None = None
    last_epoch: Epoch | None = None
    since_s: float | None = None
    until_s: float | None = None
    stream: int | None = None

    def passes(self, event: StoredEvent) -> bool:
        """Whether an event is one that is asked for."""
        epoch = event.epoch
        return (
            (not self.kinds or event.kind in self.kinds)
            and (not self.roles or event.role in self.roles)
            and (not self.verdicts or event.verdict in self.verdicts)
            and (self.first_epoch is None or (epoch is not None and epoch >= self.first_epoch))
            and (self.last_epoch is None or (epoch is not None and epoch <= self.last_epoch))
            and (self.since_s is None or event.time_s >= self.since_s)
            and (self.until_s is None or event.time_s < self.until_s)
            and (self.stream is None or self.stream in (event.stream, event.id))
        )


ALL_EVENTS = EventFilter()


@dataclass(frozen=True, slots=True)
class LogHead:
    """The range of the log.

    Attributes:
        first_id: the first event that is kept; those before it were taken out by compaction.
        base_hash: the hash of the one before that.
        last_id: the last event; 0 when there never was one.
        last_hash: its hash.
        size_bytes: bytes of all lines together.
    """

    first_id: int = 1
    base_hash: str = NO_HASH
    last_id: int = 0
    last_hash: str = NO_HASH
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LogLine:
    """An event as it is hashed.

    Attributes:
        event: the event.
        facts: its facts, as canonical text.
        hash: the hash of the chain at this line; ``None`` where an older version wrote none.
    """

    event: StoredEvent
    facts: str
    hash: str | None

    @property
    def text(self) -> str:
        """The line: all that the event has, canonical."""
        return line_text(self.event, self.facts)


def line_text(event: StoredEvent, facts: str) -> str:
    """The canonical text of an event, from the text of its facts."""
    kind, role, version = _name(event.kind), _name(event.role), _name(event.version)
    cause = "null" if event.cause is None else event.cause
    epoch = "null" if event.epoch is None else event.epoch
    stream = "null" if event.stream is None else event.stream
    return (
        f'{{"cause":{cause},"epoch":{epoch},"facts":{facts},"id":{event.id},"kind":{kind},"role":{role},'
        f'"stream":{stream},"time_s":{event.time_s!r},"version":{version}}}'
    )


class Written(str):
    """A value as the canonical text that was written for it, so that it is not written twice."""

    __slots__ = ()


def canonical(value: Any) -> str:
    """The canonical text of a value; it holds no half of a surrogate pair, so that it can be encoded.

    Raises:
        ValueError: a float is not finite, a key is no string, or the value refers to itself.
        TypeError: it holds something that JSON has not.
    """
    if isinstance(value, Written):
        return value
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text if text.isascii() else _encodable(text)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        # Two halves beside each other are the character that they make: it would be read back as one.
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return whole.encode("utf-8", "backslashreplace").decode()
    return text


_name = lru_cache(maxsize=1024)(canonical)
"""The few names that every line repeats."""


def next_hash(before: str, text: str) -> str:
    """The hash of a line, from the hash before it."""
    return hashlib.sha256(bytes.fromhex(before) + text.encode()).hexdigest()


def added(
    events: Sequence[NewEvent], ids: Sequence[int], head: LogHead, time_s: float
) -> tuple[list[LogLine], LogHead]:
    """New events as lines, and the head of the log with them.

    Secrets are masked, and each decision has its cause, the input before it in the same batch.

    Args:
        events: in the order in which they are written.
        ids: their ids.
        head: of the log before them.
        time_s: when they are written.
    """
    lines: list[LogLine] = []
    cause: int | None = None
    before, size = head.last_hash, head.size_bytes
    for new, key in zip(events, ids, strict=True):
        facts = redacted(new.facts)
        cause = key if new.role == "input" else cause
        event = StoredEvent(
            key,
            new.kind,
            new.epoch,
            facts,
            __version__,
            float(time_s),
            new.role,
            new.stream,
            cause if new.role == "decision" else None,
        )
        written = canonical(facts)
        line = line_text(event, written).encode()
        before, size = hashlib.sha256(bytes.fromhex(before) + line).hexdigest(), size + len(line)
        lines.append(LogLine(event, written, before))
    if not lines:
        return lines, head
    return lines, LogHead(head.first_id, head.base_hash, ids[-1], before, size)


def grown(head: LogHead, lines: Sequence[LogLine]) -> LogHead:
    """The head of a log with lines that were written before."""
    size = sum([len(line.text.encode()) for line in lines])
    last = lines[-1]
    return replace(head, last_id=last.event.id, last_hash=last.hash or NO_HASH, size_bytes=head.size_bytes + size)


def verified(lines: Iterable[LogLine], before: str) -> Iterator[LogLine]:
    """Yields the lines after checking each against its hash.

    Args:
        lines: one after the other.
        before: the hash of the line before the first of them.

    Raises:
        EventLogDamagedError: a line is not what was written; the id is named.
    """
    last = 0
    for line in lines:
        if line.event.id <= last:
            raise damaged(line.event.id, f"an id greater than {last}", "a line out of order")
        last = line.event.id
        if line.hash is None:
            raise damaged(last, "a hash", "none: it was written by an older version beside a newer one, or by hand")
        found = next_hash(before, line.text)
        if found != line.hash:
            raise damaged(last, f"the hash {line.hash[:16]}…", f"{found[:16]}…")
        before = found
        yield line


def require_end(head: LogHead, last_id: int) -> None:
    """Check that the last line is the one in the head of the log.

    Raises:
        EventLogDamagedError: it is another one: lines are missing at the end.
    """
    if last_id < head.last_id:
        raise damaged(head.last_id, f"event {head.last_id}", f"event {last_id} as the last one")


def verify(head: LogHead, lines: Iterable[LogLine]) -> int:
    """Check every hash of a log, and that none is missing at its end. Returns how many events it has.

    Args:
        head: of the log, read before the lines.
        lines: all of them, oldest first.

    Raises:
        EventLogDamagedError: it is not what was written; the first event that is not is named.
    """
    count, last_id = 0, 0
    for line in verified(lines, head.base_hash):
        count, last_id = count + 1, line.event.id
    require_end(head, last_id)
    return count


def continuing(
    lines: Iterable[LogLine], base_hash: str, known: Mapping[int, str | None], head: LogHead, name: str
) -> Iterator[LogLine]:
    """Of the lines of another log those that are to be added to a log, which is empty or how the other one begins.

    Args:
        lines: of the other log.
        base_hash: the hash before the first of them.
        known: id → hash of what the log holds.
        head: its head.
        name: what errors call it.

    Raises:
        StoreError: what it holds is not how the other one begins.
    """
    before, empty = base_hash, not known
    for line in lines:
        key = line.event.id
        if key in known:
            if known[key] != line.hash:
                raise _foreign(name, key)
        elif not empty and key <= head.last_id:
            raise _foreign(name, key)
        else:
            if not empty and before != head.last_hash:
                raise _foreign(name, key)
            empty = True  # the first one that is new was held against the head
            yield line
        before = line.hash or NO_HASH


def _foreign(name: str, event_id: int) -> StoreError:
    return StoreError(
        f"The events belong to another log than the one in {name}",
        expected="an empty log, or one that these events continue",
        got=f"another event {event_id}",
        next_step="Import into a new store: --store FILE",
        event=event_id,
        code="EventLogForeign",
    )


def damaged(event_id: int, expected: str, got: str) -> EventLogDamagedError:
    """The error that names the event from which on the log is not what was written."""
    return EventLogDamagedError(
        f"The event log is not what was written, from event {event_id} on: a line was changed, removed or inserted",
        expected=expected,
        got=got,
        next_step="The events before it are intact: eraswitch events replay --until shows it. Restore the rest from a "
        "backup or an export",
        event=event_id,
    )


def parsed_facts(text: str, event_id: int) -> dict[str, object]:
    """The facts of a line.

    Raises:
        EventLogDamagedError: they are no JSON object.
    """
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(event_id, "facts in JSON", str(error)[:80]) from error
    if not isinstance(facts, dict):
        raise damaged(event_id, "facts in a JSON object", type(facts).__name__)
    return facts

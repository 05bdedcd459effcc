"""Between sources and the deciding core: bounded queues with back-pressure, that count what they shed.

In: inputs from any thread. Out: one input after the other, for the one thread that decides.

1. Commands come first, then clock ticks, answers of observers, registrations: a flood of the last delays no other.
2. A tick takes the place of one that waits, and an answer that of one of the same source: the newest suffices.
   Nothing is lost by that, and nothing counted.
3. Where a queue is full, ``put`` waits (back-pressure), at most ``patience_s``. Then the input is shed and counted,
   and the core learns of it next (``InputsShed``).
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chain_reader.node.inputs import (
    KIND_OF_INPUT,
    ClockTicked,
    InputEvent,
    InputsShed,
    ObserverAnswered,
    ObserverFailed,
    RegistrationReceived,
)


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """How much may wait.

    Attributes:
        commands: commands, and what else is never the newest of its kind.
        observers: answers, one for each source.
        registrations: registrations.
        patience_s: seconds that a put waits for room.
    """

    commands: int = 64
    observers: int = 16
    registrations: int = 10_000
    patience_s: float = 5.0


class Intake:
    """The queues before a core. Any thread may put; one thread gets.

    Args:
        limits: how much may wait.
        clock: POSIX time in seconds, for reports of shed inputs.
    """

    def __init__(self, limits: IntakeLimits | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._limits = IntakeLimits() if limits is None else limits
        self._clock = clock
        self._changed = threading.Condition()
        self._commands: deque[InputEvent] = deque()
        self._tick: ClockTicked | None = None
        self._answers: dict[str, InputEvent] = {}
        self._registrations: deque[InputEvent] = deque()
        self._shed: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._closed = False

    @property
    def shed(self) -> Mapping[str, int]:
        """Kind of input → how many were shed since the beginning."""
        with self._changed:
            return dict(self._shed)

    def __len__(self) -> int:
        with self._changed:
            return self._waiting()

    def put(self, event: InputEvent, *, patience_s: float | None = None) -> bool:
        """Hand over an input; whether it was taken. One that was not is counted.

        Args:
            event: the input.
            patience_s: seconds to wait for room; by default those of the limits. 0 does not wait.
        """
        wait_s = self._limits.patience_s if patience_s is None else patience_s
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._has_room(event), wait_s) or self._closed:
                kind = KIND_OF_INPUT[type(event)]
                self._shed[kind] += 1
                self._untold[kind] += 1
                self._changed.notify_all()
                return False
            self._keep(event)
            self._changed.notify_all()
            return True

    def get(self, timeout_s: float | None = None) -> InputEvent | None:
        """The next input; ``None`` when none came in time, or when the intake is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting() or self._untold, timeout_s)
            event = self._take()
            self._changed.notify_all()
            return event

    def close(self) -> None:
        """Take nothing more, and wake up who waits; what is there can still be got. Calling it twice is fine."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _waiting(self) -> int:
        ticks = 0 if self._tick is None else 1
        return len(self._commands) + ticks + len(self._answers) + len(self._registrations)

    def _has_room(self, event: InputEvent) -> bool:
        match event:
            case ClockTicked():
                return True
            case ObserverAnswered() | ObserverFailed():
                return _source(event) in self._answers or len(self._answers) < self._limits.observers
            case RegistrationReceived():
                return len(self._registrations) < self._limits.registrations
            case _:
                return len(self._commands) < self._limits.commands

    def _keep(self, event: InputEvent) -> None:
        match event:
            case ClockTicked():
                self._tick = event
            case ObserverAnswered() | ObserverFailed():
                self._answers.pop(_source(event), None)
                self._answers[_source(event)] = event
            case RegistrationReceived():
                self._registrations.append(event)
            case _:
                self._commands.append(event)

    def _take(self) -> InputEvent | None:
        if self._untold:
            counts, self._untold = dict(sorted(self._untold.items())), Counter()
            return InputsShed(counts, self._clock())
        if self._commands:
            return self._commands.popleft()
        if self._tick is not None:
            tick, self._tick = self._tick, None
            return tick
        if self._answers:
            return self._answers.pop(next(iter(self._answers)))
        return self._registrations.popleft() if self._registrations else None


def _source(event: ObserverAnswered | ObserverFailed) -> str:
    return event.source if isinstance(event, ObserverFailed) else event.evidence.source

"""The events of the demo, and the presenters that need no terminal: JSON lines for machines, plain ones for logs.

An event carries its words and its facts: presenters for people print the words, the one for machines prints the facts,
and none of them knows the story. Each line is flushed, so that a pipe shows events as they happen.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TextIO


@dataclass(frozen=True, slots=True)
class DemoEvent:
    """Something the demo did or saw.

    Attributes:
        event: its kind, one of ``KINDS``.
        step: the step of the story, from 1; 0 before the first.
        epoch: the epoch of the chain.
        text: what happened, in words.
        facts: the same for machines, JSON-ready.
    """

    event: str
    step: int
    epoch: int
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """The event as one JSON object; the first four keys are in every event."""
        return {"event": self.event, "step": self.step, "epoch": self.epoch, "text": self.text, **self.facts}


KINDS = {
    "started": "the chain, its HTTP face and the nodes are there",
    "step": "a step begins",
    "published": "the release team put markers on the chain",
    "posted": "the attacker put something on the chain",
    "epoch": "the chain entered an epoch",
    "node": "a node started, stopped, warned, switched or was upgraded",
    "network": "how every node stands, and the adoption",
    "refused": "an output at the era address was refused, with its verdict",
    "verified": "an assertion about what the nodes report held",
    "failed": "an assertion did not hold, or something broke",
    "finished": "the end, with the counts",
}


class Presenter(ABC):
    """Shows events; a context manager, so that a live display always ends."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:  # noqa: B027 - most have nothing to end
        """Show nothing more."""

    @abstractmethod
    def show(self, event: DemoEvent) -> None:
        """Show one event."""


_MARKS = {
    "published": "+ ",
    "posted": "! ",
    "epoch": "~ ",
    "node": "  ",
    "network": "= ",
    "refused": "x ",
    "verified": "✓ ",
}


class _LinePresenter(Presenter):
    """Writes lines to a stream, each at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class JsonPresenter(_LinePresenter):
    """Writes each event as one JSON object on a line of its own."""

    def show(self, event: DemoEvent) -> None:
        """Write the event's facts."""
        self._write(json.dumps(event.to_dict(), separators=(",", ":")))


class PlainPresenter(_LinePresenter):
    """Writes each event as a line of words, with nothing that only a terminal understands."""

    def show(self, event: DemoEvent) -> None:
        """Write the event's words."""
        if event.event == "step":
            self._write(f"\n{event.step}/{event.facts['steps']} {event.facts['title']}\n    {event.text}")
        elif event.event == "failed":
            self._write(f"\nFAILED: {event.text}")
        elif event.event in ("started", "finished"):
            self._write(f"\n{event.text}" if event.step else event.text)
        else:
            self._write(f"    {_MARKS[event.event]}{event.text}")

"""The presenters that need no terminal: one JSON object a line for machines, plain lines for logs and pipes.

What is in: events. What comes out: lines, each flushed, so that whoever reads a pipe sees them as they happen.
"""

import json
from typing import Self, TextIO

from era_service.demo.events import DemoEvent

_MARKS = {
    "published": "+ ",
    "posted": "! ",
    "epoch": "~ ",
    "node": "  ",
    "network": "= ",
    "refused": "x ",
    "verified": "✓ ",
}


class JsonPresenter:
    """Writes each event as one JSON object on a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._stream.flush()

    def show(self, event: DemoEvent) -> None:
        """Write the event's facts."""
        self._stream.write(json.dumps(event.to_dict(), separators=(",", ":")) + "\n")
        self._stream.flush()


class PlainPresenter:
    """Writes each event as a line of words, with nothing that only a terminal understands."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._stream.flush()

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

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()

"""The events of the demo while it runs, and the port of those who show them.

An event carries its words and its facts: presenters for people print the words, the one for machines prints the facts,
and none of them knows the story.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


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


class Presenter(Protocol):
    """Shows events to somebody; a context manager, so that a live display ends whatever happens."""

    def __enter__(self) -> "Presenter":
        """Begin to show."""
        ...

    def __exit__(self, *reason: object) -> None:
        """Show nothing more."""
        ...

    def show(self, event: DemoEvent) -> None:
        """Show one event."""
        ...

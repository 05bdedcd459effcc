"""The inputs of the deciding core: one frozen record for each kind.

Each has the time when it came (``time_s``, POSIX time in seconds): the core has no clock. Evidence is shared, never
copied: a thousand nodes that read the same answer hold the same object. How inputs are written into the event log, and
read back, is ``log.records``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chain_reader.trust.evidence import Evidence
from era_store import StoredTrust
from eras import Epoch, Slot

BEFORE_SWITCH = "before-switch"
"""The command by which a node reports the result of the hooks that run before a switch."""

REPORTED = "reported"
"""The command by which a node reports the result of a request to a service."""


@dataclass(frozen=True, slots=True)
class ClockTicked:
    """The node's own epoch clock gives the epoch of the network.

    Attributes:
        epoch: the epoch by the clock.
        time_s: when.
        slot: the slot, where the clock knows it.
    """

    epoch: Epoch
    time_s: float
    slot: Slot | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ObserverAnswered:
    """A chain observer answered.

    Attributes:
        evidence: all that it knows, at one point of the chain.
        time_s: when.
        tip_stale: why its tip is late by the node's own clock, or ``None`` (T7).
    """

    evidence: Evidence
    time_s: float
    tip_stale: str | None = None


@dataclass(frozen=True, slots=True)
class ObserverFailed:
    """No chain observer answered.

    Attributes:
        source: what operators call it.
        code: the code of the error.
        reason: the error, in words, with no secret in it.
        time_s: when.
    """

    source: str
    code: str
    reason: str
    time_s: float


@dataclass(frozen=True, slots=True)
class MemoryRead:
    """The store holds what another process trusted meanwhile: it is taken over, and the era is decided again.

    Attributes:
        trust: what the store holds.
        time_s: when it was read.
    """

    trust: StoredTrust
    time_s: float


@dataclass(frozen=True, slots=True)
class RegistrationReceived:
    """A node reported its version and stake for an epoch.

    Attributes:
        party_id: who.
        epoch: the epoch that it registered for.
        version: its version; ``None`` if it reported none.
        stake: in lovelace.
        source: where it came from.
        time_s: when.
    """

    party_id: str
    epoch: Epoch
    version: str | None
    stake: int
    source: str
    time_s: float


@dataclass(frozen=True, slots=True)
class CommandGiven:
    """An operator, or a program on their behalf, gave the node a command.

    Attributes:
        name: ``acknowledge`` (an unsupported upcoming era is known: warn only when it changes), ``check`` (read the
            chain now), ``stop``.
        time_s: when.
        arguments: what belongs to it, JSON-ready; ``era`` of ``acknowledge``.
    """

    name: str
    time_s: float
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InputsShed:
    """The queues before the core were full, and inputs were lost.

    Attributes:
        counts: kind of input → how many were shed since this was last reported.
        time_s: when.
    """

    counts: Mapping[str, int]
    time_s: float


InputEvent = (
    ClockTicked | ObserverAnswered | ObserverFailed | MemoryRead | RegistrationReceived | CommandGiven | InputsShed
)

KIND_OF_INPUT: dict[type[InputEvent], str] = {
    ClockTicked: "clock-ticked",
    ObserverAnswered: "observer-answered",
    ObserverFailed: "observer-failed",
    MemoryRead: "memory-read",
    RegistrationReceived: "registration-received",
    CommandGiven: "command-given",
    InputsShed: "inputs-shed",
}
"""The kind under which each input stands in the event log."""

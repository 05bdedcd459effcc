"""The rows of a rehearsal's outcome: epochs, decisions, happenings and checked expectations, each JSON-ready."""

from dataclasses import dataclass

from eras import Epoch
from release_tools.forecasting.lottery import QuorumModel
from release_tools.markers.change import Change


@dataclass(frozen=True, slots=True)
class EpochRow:
    """An epoch, at its end.

    Attributes:
        epoch: the epoch.
        era: the current era, by what the team published.
        up: nodes that run.
        stopped: nodes that stopped because they do not know the current era.
        in_era: nodes that run, in that era.
        ready: share of the registered stake whose version knows the era to come; ``None`` where none is announced.
        registered: lovelace registered for the signatures of this epoch.
        signing: share of it that signs, half-way through the epoch.
        quorum_probability: the chance of a quorum with that share.
        quorum: whether the lottery, drawn, reached it.
        lottery: what decided it: the parameters that the network signs with in this epoch.
        forecast: the chance of a quorum that was forecast before the switch, if one was.
        behind: share of the whole network's stake that signs.
        by_version: lovelace that registered in this epoch, by version.
    """

    epoch: Epoch
    era: str
    up: int
    stopped: int
    in_era: int
    ready: float | None
    registered: int
    signing: float
    quorum_probability: float
    quorum: bool
    lottery: QuorumModel
    forecast: float | None
    behind: float
    by_version: dict[str, int]

    def to_dict(self) -> dict[str, object]:
        """The row, JSON-ready."""
        return {name: getattr(self, name) for name in self.__slots__} | {"lottery": self.lottery.to_dict()}


@dataclass(frozen=True, slots=True)
class Told:
    """A kind of decision that nodes made.

    Attributes:
        kind: which.
        first: the epoch in which a node made it first.
        nodes: how many made it.
        times: how often, all together.
    """

    kind: str
    first: Epoch
    nodes: int
    times: int


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was done, or that happened.

    Attributes:
        at: the epoch, in parts.
        words: what it was.
        published: the change that the team published; ``None`` where it published none.
        refused: the change that the team did not publish, because of the gate.
    """

    at: float
    words: str
    published: Change | None = None
    refused: Change | None = None

    def to_dict(self) -> dict[str, object]:
        """The happening, JSON-ready."""
        return {"at": self.at, "words": self.words}


@dataclass(frozen=True, slots=True)
class Checked:
    """An expectation, and whether it was met."""

    expected: str
    got: str
    met: bool

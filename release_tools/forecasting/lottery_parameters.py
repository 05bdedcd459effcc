"""What decides the quorum of a network, and where that was said: published parameters of the lottery, by network.

Nothing comes in. A forecast never assumes parameters: they are given, configured, or taken from this table by the name
of a network, and then the answer says which, from where and of when. Networks change them: the table says what was
published, not what runs today. docs/forecast.md has the history, and how to ask a network itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from release_tools.forecasting.lottery import Lottery, QuorumModel


@dataclass(frozen=True, slots=True)
class SourcedQuorum:
    """A quorum model, and where its parameters come from.

    Attributes:
        model: the model.
        source: who said so, in words; printed with every answer.
    """

    model: QuorumModel
    source: str

    def to_dict(self) -> dict[str, Any]:
        """The model with its source, JSON-ready."""
        return {**self.model.to_dict(), "source": self.source}


_FULL = Lottery(1944, 16948, 0.2)

PUBLISHED: Mapping[str, SourcedQuorum] = MappingProxyType(
    {
        "release-mainnet": SourcedQuorum(
            _FULL, "published for release-mainnet in February 2026 (IntersectMBO/mithril, issue 2969)"
        ),
        "testing-preview": SourcedQuorum(
            _FULL, "published for testing-preview in January 2026 (IntersectMBO/mithril, pull request 2937)"
        ),
    }
)
"""The newest published parameters of each network that publishes them, by the network's full name."""

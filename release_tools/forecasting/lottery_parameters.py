"""The quorum parameters of a network and their origin: protocol configurations, or a table of published values.

A forecast never assumes parameters: they are given, configured, or taken from this table by the name of a network, and
the result names their origin and date. Networks change them, so the table may be out of date. docs/forecast.md has the
history, and how to query a network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from datum.configuration import EpochConfiguration, configuration_at, schedule
from eras import ConfigurationError, Epoch
from eras.words import percent
from release_tools.forecasting.lottery import Lottery, QuorumModel, chance_words


@dataclass(frozen=True, slots=True)
class SourcedQuorum:
    """A quorum model with the origin of its parameters.

    Attributes:
        model: the model.
        source: the origin in words, printed with every result.
    """

    model: QuorumModel
    source: str

    def to_dict(self) -> dict[str, object]:
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


def change_words(before: QuorumModel | None, after: QuorumModel, epoch: Epoch, ready: float) -> tuple[str, ...]:
    """Describe the effect of a change of the parameters on the chance of a quorum.

    Args:
        before: the parameters without the change; ``None`` if they are unknown.
        after: the parameters with the change.
        epoch: the epoch of the configuration.
        ready: the share of the registered stake that is ready today.
    """
    was = {} if before is None else before.to_dict()
    parts = []
    for name, value in after.to_dict().items():
        old = was.get(name)
        if name != "model" and old != value:
            parts.append(f"{name} {value}" if old is None else f"{name} {value} instead of {old}")
    chance = chance_words(after.quorum_probability(ready))
    with_it = f"with {', '.join(parts) or 'the same k, m and phi_f'} at epoch {epoch}"
    words = f"{with_it} the chance of a quorum with today's ready stake ({percent(ready)}) is {chance}"
    if before is None or not parts:
        return (words,)
    return words, f"without the change it is {chance_words(before.quorum_probability(ready))}"


def quorum_signed_with(
    configurations: tuple[EpochConfiguration, ...], epoch: Epoch | None, where: str
) -> SourcedQuorum:
    """Return the parameters that the network signs with in ``epoch``: those configured for the epoch before.

    Args:
        configurations: the configurations.
        epoch: the epoch; ``None`` for the last configuration.
        where: their place, for the source.

    Raises:
        ConfigurationError: none of them applies then.
    """
    known = schedule(configurations)
    at = known[-1].epoch if epoch is None and known else Epoch(max(0, (epoch or 0) - 1))
    found = configuration_at(known, at)
    if found is None:
        raise ConfigurationError(
            "The quorum is not configured",
            code="QuorumNeeded",
            expected=f"a configuration that holds at epoch {at}",
            got=f"none in {where}" if not known else f"the first one from epoch {known[0].epoch} on, in {where}",
            next_step="Name a file with it: eraswitch marker configuration export writes those on the chain",
        )
    lottery = found.parameters
    return SourcedQuorum(
        Lottery(lottery.k, lottery.m, lottery.phi_f), f"the protocol configuration of epoch {at} in {where}"
    )

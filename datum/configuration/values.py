"""The protocol configuration of a network, what holds at an epoch, and which parameters no lottery can have."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from eras import MAX_EPOCH, Epoch, MarkerError

TRANSACTIONS = "CardanoTransactions"
BLOCKS = "CardanoBlocksTransactions"
ENTITY_TYPES = ("MithrilStakeDistribution", "CardanoStakeDistribution", "CardanoDatabase", TRANSACTIONS, BLOCKS)
"""The signed entity types, in the order in which a configuration lists them."""

_PHI_BITS = 24
_PHI_LIMIT = 256.0
"""Mithril compares ``phi_f`` as a fixed-point number of 8 and 24 bits."""


class ProtocolConfigurationError(MarkerError):
    """A protocol configuration, or a list of them, cannot be used."""

    advice = "Correct the configurations as the message states."


@dataclass(frozen=True, slots=True)
class ProtocolParameters:
    """Parameters of the lottery: quorum ``k`` of ``m`` lotteries, each won with a chance that grows with ``phi_f``."""

    k: int
    m: int
    phi_f: float

    def problems(self) -> tuple[str, ...]:
        """Values that no lottery can have, as Mithril's own check judges it."""
        found = []
        if self.k < 1:
            found.append(f"k is {self.k}, expected at least 1")
        if self.m < 1:
            found.append(f"m is {self.m}, expected at least 1")
        elif self.k > self.m:
            found.append(f"k is {self.k}, expected at most m, {self.m}")
        if not 0 < self.phi_f <= 1:
            found.append(f"phi_f is {self.phi_f!r}, expected more than 0 and at most 1")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class SigningConfig:
    """How transactions, or blocks with them, are signed: how far behind the tip, and in which steps."""

    security_parameter: int
    step: int


@dataclass(frozen=True, slots=True)
class ProtocolConfiguration:
    """The configuration of a network from an epoch on.

    Attributes:
        parameters: of the lottery.
        enabled: names of the signed entity types, each once and in the order of ``ENTITY_TYPES``.
        transactions: how Cardano transactions are signed, where that is configured.
        blocks: how blocks with their transactions are signed, where that is configured.
    """

    parameters: ProtocolParameters
    enabled: tuple[str, ...] = ENTITY_TYPES
    transactions: SigningConfig | None = None
    blocks: SigningConfig | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "enabled", tuple(name for name in ENTITY_TYPES if name in self.enabled))

    def problems(self) -> tuple[str, ...]:
        """Values that Mithril's tool refuses to publish."""
        found = list(self.parameters.problems())
        for name, config in ((TRANSACTIONS, self.transactions), (BLOCKS, self.blocks)):
            if name in self.enabled and config is None:
                found.append(f"{name} is enabled without its signing configuration")
        return tuple(found)

    def usable(self) -> "ProtocolConfiguration":
        """The same without the types whose signing configuration is missing, as nodes drop them."""
        missing = {TRANSACTIONS} - {TRANSACTIONS if self.transactions else ""} | {BLOCKS} - {
            BLOCKS if self.blocks else ""
        }
        enabled = tuple(name for name in self.enabled if name not in missing)
        return ProtocolConfiguration(self.parameters, enabled, self.transactions, self.blocks)

    def differences(self, other: "ProtocolConfiguration") -> tuple[str, ...]:
        """The differences between this one and ``other``, in words; empty where Mithril takes them for equal."""
        ours, theirs = self.parameters, other.parameters
        pairs = [("k", ours.k, theirs.k), ("m", ours.m, theirs.m)]
        found = [f"{name} {mine} → {other}" for name, mine, other in pairs if mine != other]
        if _fixed(ours.phi_f) != _fixed(theirs.phi_f):
            found.append(f"phi_f {ours.phi_f} → {theirs.phi_f}")
        found += [f"{name} no longer signed" for name in self.enabled if name not in other.enabled]
        found += [f"{name} signed" for name in other.enabled if name not in self.enabled]
        for name, mine, new in (
            (TRANSACTIONS, self.transactions, other.transactions),
            (BLOCKS, self.blocks, other.blocks),
        ):
            if mine != new:
                found.append(f"{name}: {_in_words(mine)} → {_in_words(new)}")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class EpochConfiguration:
    """A configuration, and the epoch from which on it holds."""

    epoch: Epoch
    configuration: ProtocolConfiguration


@dataclass(frozen=True, slots=True)
class ConfigurationWindow:
    """The three configurations that a node at an epoch needs."""

    aggregation: ProtocolConfiguration
    next_aggregation: ProtocolConfiguration
    registration: ProtocolConfiguration


DEFAULT_CONFIGURATIONS: tuple[EpochConfiguration, ...] = (
    EpochConfiguration(
        Epoch(0),
        ProtocolConfiguration(
            ProtocolParameters(2422, 20_973, 0.2), ENTITY_TYPES, SigningConfig(100, 30), SigningConfig(100, 30)
        ),
    ),
)
"""The configuration that Mithril's tool exports where nothing is on the chain."""


def schedule(configurations: Iterable[EpochConfiguration]) -> tuple[EpochConfiguration, ...]:
    """The configurations by epoch; of several for one epoch the last."""
    last = {item.epoch: item for item in configurations}
    return tuple(last[epoch] for epoch in sorted(last))


def configuration_at(configurations: Iterable[EpochConfiguration], epoch: Epoch) -> ProtocolConfiguration | None:
    """The configuration that holds at ``epoch``; ``None`` before the first."""
    begun = [item for item in schedule(configurations) if item.epoch <= epoch]
    return begun[-1].configuration if begun else None


def window_at(configurations: Iterable[EpochConfiguration], epoch: Epoch) -> ConfigurationWindow | None:
    """The configurations that a node needs at ``epoch``, without types it cannot sign; ``None`` if one is missing."""
    known = schedule(configurations)
    epochs = (max(0, epoch - 1), epoch, min(MAX_EPOCH, epoch + 1))
    found = [configuration_at(known, Epoch(at)) for at in epochs]
    usable = [one.usable() for one in found if one is not None]
    return ConfigurationWindow(*usable) if len(usable) == len(epochs) else None


def _fixed(phi_f: float) -> int | str:
    """``phi_f`` as Mithril compares it; where it does not fit, Mithril's comparison ends in a panic."""
    return round(phi_f * 2**_PHI_BITS) if isfinite(phi_f) and 0 <= phi_f < _PHI_LIMIT else repr(phi_f)


def _in_words(config: SigningConfig | None) -> str:
    return "none" if config is None else f"{config.security_parameter} blocks behind, steps of {config.step}"

"""The quorum parameters and their origin: options, the configuration, or the network's publication.

In: settings, and what the command line gives. Out: a ``SourcedQuorum``, which names its source. Nothing is assumed:
with no source there is an error.
"""

from dataclasses import dataclass

from datum.configuration import EpochConfiguration, configuration_at
from era_service.config.schema import Settings
from eras import ConfigurationError, Epoch
from release_tools.forecasting.lottery import FIXED_QUORUMS, Lottery
from release_tools.forecasting.lottery_parameters import PUBLISHED, SourcedQuorum, quorum_signed_with

QUORUM_MODELS = ("lottery", "cosmos", "ethereum")


@dataclass(frozen=True, slots=True)
class GivenQuorum:
    """The parameters from a command line, or a plan; ``None`` where they are not given.

    Attributes:
        model: one of ``QUORUM_MODELS``.
        k: the number of indices that must be won.
        m: the number of indices that are drawn.
        phi_f: the chance that the whole stake wins an index.
        source: the origin of the parameters.
    """

    model: str | None = None
    k: int | None = None
    m: int | None = None
    phi_f: float | None = None
    source: str = "given on the command line"

    @property
    def parameters(self) -> dict[str, int | float | None]:
        """The parameters of the lottery, by name."""
        return {"k": self.k, "m": self.m, "phi_f": self.phi_f}

    @property
    def is_complete(self) -> bool:
        """Whether nothing else is needed."""
        return self.model in ("cosmos", "ethereum") or None not in self.parameters.values()


def quorum_of(settings: Settings, given: GivenQuorum | None = None) -> SourcedQuorum:
    """The quorum parameters: given, else configured, else last published by the network.

    Raises:
        ConfigurationError: there are none, or only a part of them.
        ConfigurationError: they are not usable.
    """
    configured = settings.quorum
    asked = (
        (given, "--k, --m and --phi-f"),
        (
            GivenQuorum(
                configured.model,
                configured.k,
                configured.m,
                configured.phi_f,
                configured.source or "configured in [quorum]",
            ),
            "quorum.k, quorum.m and quorum.phi_f",
        ),
    )
    for one, names in asked:
        if one is not None and (found := given_quorum(one, names)) is not None:
            return found
    published = PUBLISHED.get(settings.network.name or "")
    if published is not None:
        return published
    name = settings.network.name
    raise ConfigurationError(
        "The quorum is not configured",
        code="QuorumNeeded",
        expected="--k, --m and --phi-f, or the settings of [quorum], or a network that published them "
        f"({', '.join(PUBLISHED)})",
        got="neither, and no network" if name is None else f"neither, and {name} published none",
        next_step="Ask the network: an aggregator reports its protocol parameters (docs/forecast.md)",
    )


def quorum_in_force(
    settings: Settings, configurations: tuple[EpochConfiguration, ...], epoch: Epoch, where: str
) -> SourcedQuorum:
    """The quorum parameters at an epoch: the configuration on the chain that it signs with, or as configured.

    Args:
        settings: the settings.
        configurations: the trusted configurations; empty if none are read.
        epoch: the epoch.
        where: their place, which the source names.

    Raises:
        ConfigurationError: there are none.
    """
    if configuration_at(configurations, Epoch(max(0, epoch - 1))) is not None:
        return quorum_signed_with(configurations, epoch, where)
    return quorum_of(settings)


def given_quorum(given: GivenQuorum, names: str = "k, m and phi_f") -> SourcedQuorum | None:
    """The given parameters as a model; ``None`` if there are none.

    Args:
        given: the parameters.
        names: the names of the three parameters, for the error.

    Raises:
        ConfigurationError: only a part of the parameters is given, or some with a model that has none.
        ConfigurationError: they are not usable.
    """
    there = [name for name, value in given.parameters.items() if value is not None]
    if given.model in FIXED_QUORUMS:
        if there:
            raise _contradiction("no parameters of the lottery", f"{', '.join(there)} with the model {given.model}")
        return SourcedQuorum(FIXED_QUORUMS[given.model], given.source)
    if given.k is not None and given.m is not None and given.phi_f is not None:
        return SourcedQuorum(Lottery(given.k, given.m, given.phi_f), given.source)
    if there:
        raise _contradiction(f"all of {names}", f"only {', '.join(there)}")
    return None


def _contradiction(expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "The quorum is only partly configured",
        code="QuorumNeeded",
        expected=expected,
        got=got,
        next_step="Give all, or none",
    )

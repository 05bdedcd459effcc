"""The documents of ``/configuration`` and ``/configuration/{epoch}``: the protocol configurations in force."""

from pydantic import Field

from datum.configuration import EpochConfiguration, ProtocolConfiguration, ProtocolParameters
from era_service.config.schema import Settings
from era_service.wiring.quorum import quorum_in_force
from eras import Epoch
from release_tools.documents import Document, EpochNumber
from release_tools.forecasting.lottery_parameters import SourcedQuorum


class LotteryDocument(Document):
    """The parameters of the lottery."""

    k: int = Field(description="Indices that must be won.")
    m: int = Field(description="Indices that are drawn.")
    phi_f: float | None = Field(description="The chance that the whole stake wins an index.")


class SigningConfigDocument(Document):
    """How transactions, or blocks with them, are signed."""

    security_parameter: int = Field(description="Blocks behind the tip.")
    step: int


class NodeConfiguration(Document):
    """The configuration of an epoch, with the field names of Mithril's ``/protocol-configuration/{epoch}``."""

    protocol_parameters: LotteryDocument
    cardano_transactions_signing_config: SigningConfigDocument | None
    cardano_blocks_transactions_signing_config: SigningConfigDocument | None
    available_signed_entity_types: list[str]


class ConfigurationFrom(NodeConfiguration):
    """A configuration and the epoch from which on it holds."""

    epoch: EpochNumber


class ConfigurationNext(ConfigurationFrom):
    """The next change."""

    epochs_left: int
    changes: list[str] = Field(description="What differs from the current one, in words.")


class ConfigurationWindow(Document):
    """The three configurations that a node needs now."""

    aggregation: NodeConfiguration
    next_aggregation: NodeConfiguration
    registration: NodeConfiguration


class ConfigurationSource(Document):
    """The origin of what is trusted."""

    source: str
    transaction: str | None
    slot: int | None
    why: str | None


class RefusedConfiguration(Document):
    """An output whose payload of configurations was refused."""

    output: str
    verdict: str
    reason: str


class ConfigurationStatus(Document):
    """The protocol configurations in force; ``current`` is null where none holds."""

    epoch: EpochNumber | None
    current: ConfigurationFrom | None
    next: ConfigurationNext | None = Field(description="The next change; null where none is announced.")
    window: ConfigurationWindow | None = Field(description="What a node needs; null where one of the three is missing.")
    configurations: list[ConfigurationFrom] = Field(description="All that are in force, by epoch.")
    trusted: ConfigurationSource | None
    stale: str | None = Field(description="Why what is trusted is not confirmed; null when it is.")
    legacy_differs: bool | None = Field(description="Whether a deployed Mithril reader could read something else.")
    verdicts: dict[str, int]
    refused: list[RefusedConfiguration]
    warnings: list[str]

    def at(self, epoch: int) -> NodeConfiguration | None:
        """The configuration that holds at an epoch; ``None`` before the first."""
        begun = [one for one in self.configurations if one.epoch <= epoch]
        return NodeConfiguration(**begun[-1].model_dump(exclude={"epoch"})) if begun else None

    def schedule(self) -> tuple[EpochConfiguration, ...]:
        """The configurations by epoch, with their parameters; one whose ``phi_f`` is not a number is left out."""
        known = []
        for one in self.configurations:
            lottery = one.protocol_parameters
            if lottery.phi_f is not None:
                parameters = ProtocolParameters(lottery.k, lottery.m, lottery.phi_f)
                known.append(EpochConfiguration(Epoch(one.epoch), ProtocolConfiguration(parameters)))
        return tuple(known)

    def for_the_public(self) -> "ConfigurationStatus":
        """The same without a word on who was asked."""
        source = self.trusted and self.trusted.model_copy(update={"source": "the chain"})
        stale = None if self.stale is None else "it could not be confirmed"
        return self.model_copy(update={"trusted": source, "stale": stale, "warnings": []})


def known_quorum(settings: Settings, found: ConfigurationStatus | None, epoch: int) -> SourcedQuorum:
    """The quorum parameters at an epoch: by the chain where a configuration is read that holds, or as configured.

    Raises:
        ConfigurationError: nothing gives them.
    """
    stale = "" if found is None or found.stale is None else ", stale"
    known = () if found is None else found.schedule()
    return quorum_in_force(settings, known, Epoch(epoch), f"the chain, as it is trusted{stale}")

"""The models of the status of a network: eras, what is trusted, what is refused, and protocol configurations.

``eraswitch status`` prints them, the service, its clients and its dashboard read them; ``describing`` makes them.
"""

from typing import Generic, TypeVar

from pydantic import Field

from chain_reader.providers.transport.calls import Hash
from datum.configuration import EpochConfiguration, ProtocolConfiguration, ProtocolParameters
from eras import Epoch
from release_tools.documents import Document, EpochNumber

UNCONFIRMED = "it could not be confirmed"
"""The only reason that the public sees for something stale."""


class MarkerDocument(Document):
    """An era and the epoch it begins at; without one while it is only announced."""

    name: str
    epoch: EpochNumber | None


class SourceDocument(Document):
    """The origin of what is trusted."""

    source: str
    transaction: Hash | None = None
    slot: int | None = Field(default=None, ge=0, description="Slot of the transaction that published it.")
    key: str | None = Field(default=None, description="The verification key of its signature, 64 hex digits.")
    why: str | None = Field(default=None, description="Why this payload is in force.")


class RefusedOutput(Document):
    """An output whose payload was refused."""

    output: str
    slot: int | None
    verdict: str
    reason: str


class LegacyDocument(Document):
    """The schedules that a deployed Mithril reader could take from the same outputs."""

    differs: bool
    words: str | None
    possible: list[list[MarkerDocument]]


class ErrorDocument(Document):
    """An error; the public gets its code and what happened."""

    code: str
    message: str | None = Field(default=None, description="All of it as one text.")
    what: str
    expected: str | None = None
    got: str | None = None
    next_step: str | None = None
    facts: dict[str, object] = Field(default={})


# --- protocol configurations, with the field names of Mithril's ``/protocol-configuration/{epoch}``


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
    """A configuration, with the field names of Mithril's ``/protocol-configuration/{epoch}``."""

    protocol_parameters: LotteryDocument
    cardano_transactions_signing_config: SigningConfigDocument | None
    cardano_blocks_transactions_signing_config: SigningConfigDocument | None
    available_signed_entity_types: list[str]


class _FromEpoch(Document):
    epoch: EpochNumber


class ConfigurationFrom(NodeConfiguration, _FromEpoch):
    """A configuration and the epoch from which on it holds."""


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
        stale = None if self.stale is None else UNCONFIRMED
        return self.model_copy(update={"trusted": source, "stale": stale, "warnings": []})


# --- the whole


class ListedEra(MarkerDocument):
    """A marker in force; ``state`` is null where no current era is known."""

    begins_at: str | None
    state: str | None
    supported: bool


Network = TypeVar("Network")
Era = TypeVar("Era", bound=MarkerDocument)


class Status(Document, Generic[Network, Era]):
    """The status of a network: eras, what is trusted and why, and what was refused."""

    epoch: EpochNumber | None
    network: Network
    adapter: str
    supported_eras: list[str]
    current_era: str | None = Field(description="The name of the current era.")
    upcoming_era: str | None = Field(description="The name of the upcoming era.")
    epochs_to_upcoming: int | None = Field(description="Epochs until the upcoming era begins.")
    eras: list[Era]
    trusted: SourceDocument | None
    stale: str | None
    conflicts: list[RefusedOutput]
    legacy: LegacyDocument | None
    verdicts: dict[str, int]
    refused: list[RefusedOutput]
    refused_not_listed: int
    warnings: list[str]
    error: ErrorDocument | None


class StatusDocument(Status[str | None, ListedEra]):
    """The status as ``eraswitch status --json`` prints it."""

    configuration: ConfigurationStatus | None

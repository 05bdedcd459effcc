"""The JSON documents of adoption: what the service answers, the command line prints, and a client reads.

``EpochAdoption.document`` and ``GateResult.document`` make them. Stake is in lovelace, a share is of 1.
"""

from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field

from release_tools.adoption.shares import Base, Share
from release_tools.documents import Document, EpochNumber, Stake


class ShareDocument(Document):
    """A part of a whole."""

    stake: Stake = Field(description="The part.")
    total: Stake = Field(description="The whole.")
    share: float

    @classmethod
    def of(cls, share: Share) -> "ShareDocument":
        """The document of a share."""
        return ShareDocument(stake=share.part, total=share.total, share=float(share.fraction))


class ReadyShareDocument(ShareDocument):
    """The share that is ready, with its parts by origin."""

    by_capability: Stake = Field(
        description="The part that is ready because its nodes report that they support the era."
    )
    by_version: Stake = Field(description="The part that is ready by the version of its nodes.")

    @classmethod
    def of(cls, share: Share) -> "ReadyShareDocument":
        """The document of a share that is ready."""
        able, by_version = share.parts
        return ReadyShareDocument(
            **ShareDocument.of(share).model_dump(), by_capability=able.part, by_version=by_version.part
        )


def _of_share(value: object) -> object:
    return ReadyShareDocument.of(value) if isinstance(value, Share) else value


def _fraction(value: object) -> object:
    return float(value.fraction) if isinstance(value, Share) else value


ReadyShare = Annotated[ReadyShareDocument, BeforeValidator(_of_share)]
Ratio = Annotated[float, BeforeValidator(_fraction)]


class UnknownShareDocument(ShareDocument):
    """The share whose version is unknown."""

    absent: ShareDocument = Field(description="Of those that reported no version.")
    unreadable: ShareDocument = Field(description="Of those whose version is not a semantic version.")


class NotReadyDocument(Document):
    """A party that is not ready for an era."""

    party_id: str
    stake: Stake
    version: str | None
    epoch: EpochNumber


class NamedNotReadyDocument(NotReadyDocument):
    """A party that is not ready for an era, with the name of its pool."""

    ticker: str


Laggard = NamedNotReadyDocument | NotReadyDocument


class PartyChangeDocument(Document):
    """The change of a party between two epochs."""

    party_id: str
    stake: Stake
    before: str | None = Field(description="Its version before; null if it stated none, or was not registered.")
    after: str | None = Field(description="Its version after; null if it states none, or is not registered.")


class ChangeGroupDocument(Document):
    """All parties with the same kind of change."""

    parties: int
    stake: Stake
    largest: list[PartyChangeDocument]


class PartyChangesDocument(Document):
    """The changes among the parties since an earlier epoch."""

    since: EpochNumber
    new: ChangeGroupDocument
    upgraded: ChangeGroupDocument
    downgraded: ChangeGroupDocument
    gone: ChangeGroupDocument


class AlarmDocument(Document):
    """An anomaly that needs attention."""

    kind: str
    words: str


class VersionRowDocument(Document):
    """The stake and parties of a version."""

    version: str | None = Field(
        validation_alias=AliasChoices("version", "release"),
        description="Without its build; none of those that reported none.",
    )
    known: bool = Field(validation_alias=AliasChoices("known", "is_known"))
    stake: Stake
    share: Ratio = Field(description="Of the registered stake.")
    network_share: Ratio | None = Field(description="Of the whole network's stake, where that is known.")
    parties: int
    supports: list[str] = Field(description="The eras that all its nodes are ready for.")
    in_part: list[str] = Field(description="The eras that some of them are, as they report.")


class EraSharesDocument(Document):
    """The share that is ready for an era; none where it is unknown."""

    era: str
    minimum: str | None = Field(description="The version to install, in words.")
    registered: ReadyShare | None = Field(description="Of the stake registered for the epoch.")
    network: ReadyShare | None = Field(description="Of the whole network's stake.")
    recent: ReadyShare | None = Field(description="Of the newest registration of each party.")
    told: bool = Field(description="Whether it is known who is ready.")
    behind: int = Field(description="How many parties are not ready.")
    not_ready: list[Laggard] = Field(description="The largest of them.")

    def of(self, base: Base) -> ReadyShareDocument | None:
        """The share on a base."""
        return {Base.REGISTERED: self.registered, Base.NETWORK: self.network, Base.RECENT: self.recent}[base]


class RegisteredDocument(Document):
    """All that registered."""

    stake: Stake
    parties: int


class NetworkStakeDocument(Document):
    """The stake of the whole network."""

    epoch: EpochNumber
    stake: Stake | None


class RejectedDocument(Document):
    """Rows of the epoch that were rejected, and count as not ready."""

    rows: int
    stake: Stake
    unknown_stakes: int = Field(
        validation_alias=AliasChoices("unknown_stakes", "unknown"), description="Rows whose stake cannot be read."
    )


class AdoptionSummary(Document):
    """The adoption in an epoch, as ``eraswitch adoption summary --json`` has it."""

    epoch: EpochNumber
    registered: RegisteredDocument
    network: NetworkStakeDocument
    recent_epochs: int = Field(description="Over how many epochs the newest registration of a party is looked for.")
    versions: list[VersionRowDocument] = Field(description="The newest first, unknown ones last.")
    eras: list[EraSharesDocument]
    unknown: UnknownShareDocument
    rejected: RejectedDocument
    changes: PartyChangesDocument | None = Field(description="Since the epoch before.")
    alarms: list[AlarmDocument]


class GateEpochDocument(Document):
    """An epoch before the gate."""

    epoch: EpochNumber
    share: ReadyShare | None
    met: bool
    why: str | None = Field(description="Why it is not met.")


class AdoptionGate(Document):
    """The result of an era's gate, as ``eraswitch adoption gate --json`` has it."""

    era: str
    met: bool
    base: Base
    threshold: float
    epoch: EpochNumber = Field(description="The last epoch that was looked at.")
    share: ReadyShare | None = Field(description="The share in that epoch.")
    epochs: list[GateEpochDocument] = Field(description="Those that were looked at, newest first.")
    minimum: str | None = Field(description="The version to install, in words.")
    missing_stake: Stake | None = Field(description="The stake that must still become ready to reach the share.")
    whom: list[Laggard] = Field(description="The fewest parties whose upgrade would do, the largest first.")
    enough: int | None = Field(description="How many parties that takes; null if not even all of them would suffice.")
    unregistered_stake: Stake | None = Field(description="The part of the network's stake that did not register.")
    alarms: list[AlarmDocument]
    words: str
    lacks: list[str] = Field(description="What is missing and from whom, line by line.")

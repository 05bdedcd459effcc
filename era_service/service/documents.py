"""The documents of the HTTP API, as pydantic has them: what every endpoint takes and answers.

``Service`` fills them, the routes serialise them, the dashboard renders them, and the OpenAPI description is made from
them. Stake is in lovelace, times are POSIX seconds, an epoch is an unsigned 64-bit integer.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from era_service.service.patterns import HEX64, HEX128
from era_service.status.documents import MarkerDocument, SourceDocument, Status
from era_store.registrations import MAX_LOVELACE, MAX_PARTY_ID, MAX_REGISTRATION_EPOCH, MAX_VERSION
from eras import ApiVersion
from release_tools.adoption.documents import AdoptionSummary
from release_tools.documents import Document, EpochNumber

API_VERSION: Final = ApiVersion(0, 1, 0)
"""The API version of the service, in every era. ``examples/`` shows how the API of a node changes with an era."""

MAX_BATCH: Final = 5_000
"""Registrations in one request."""

RegistrationEpoch = Annotated[int, Field(ge=0, le=MAX_REGISTRATION_EPOCH, strict=True)]
Lovelace = Annotated[int, Field(ge=0, le=MAX_LOVELACE, strict=True, description="An amount in lovelace.")]
PartyId = Annotated[str, Field(min_length=1, max_length=MAX_PARTY_ID, description="Who registers.")]
Version = Annotated[str, Field(min_length=1, max_length=MAX_VERSION, description="A node's version.")]
Hex64 = Annotated[str, Field(pattern=HEX64)]
Hex128 = Annotated[str, Field(pattern=HEX128)]


class EraDocument(MarkerDocument):
    """A marker in force, and what this software makes of it."""

    state: str = Field(description="announced, scheduled, locked, active, past or cancelled.")
    supported: bool = Field(description="Whether the software of this service knows the era.")
    epochs_left: int | None = Field(default=None, description="Epochs until it begins; null once it has.")
    begins_at: str | None = Field(default=None, description="When, as ISO 8601, where the genesis is configured.")


class NetworkDocument(Document):
    """Which network it is, and what a node needs to verify its markers."""

    name: str | None
    magic: int | None
    era_address: str | None
    verification_key: str | None = Field(description="64 hex digits.")
    embedded: bool = Field(default=False, description="Whether it is a rehearsal, not a real network.")


class FreshnessDocument(Document):
    """How old the answer is."""

    stale: str | None = Field(description="Why what is trusted is not confirmed; null when it is.")
    read_at_s: float = Field(description="When the chain was read.")
    tip_slot: int | None = Field(description="Slot of the newest block then.")
    epoch_ends_at_s: float | None = Field(description="When the epoch ends, where the network's genesis is known.")


class EraConfig(Document):
    """The versions that a node of this network must run: now, next, and at last."""

    network: NetworkDocument
    epoch: EpochNumber
    current: EraDocument
    next: EraDocument | None = Field(description="The upcoming era.")
    last: EraDocument | None = Field(description="The last era of the schedule, if it has not begun.")
    supported_eras: list[str]
    era_id: str = Field(description="The era-id of this service (docs/service.md).")
    api_version: str = Field(description="The API version that the service speaks.")
    source: SourceDocument
    freshness: FreshnessDocument


class EraStatus(Status[NetworkDocument, EraDocument]):
    """The status of the network. While nothing is trusted ``current`` is null and ``error`` gives the reason."""

    current: EraDocument | None
    upcoming: EraDocument | None
    payload: str | None = Field(
        description="The signed payload in force, byte for byte: verify it instead of trusting the server."
    )
    era_id: str | None


class EraMarkers(Document):
    """The markers in force, with the signed payload that holds them."""

    network: NetworkDocument
    epoch: EpochNumber
    markers: list[MarkerDocument]
    payload: str = Field(description="The signed payload, byte for byte; the markers above are only read from it.")
    source: SourceDocument
    stale: str | None


class ConfigurationMarkerDocument(Document):
    """A protocol configuration from an epoch on, as it is signed."""

    epoch: EpochNumber
    configuration: str = Field(description="The hex of its CBOR.")


class HistoryEntry(Document):
    """A payload that was seen at its address, with the verdict on it."""

    output: str = Field(description="The output that carries it, transaction#index.")
    slot: int | None
    height: int | None
    spent: bool | None
    seen_epoch: EpochNumber | None = Field(description="The epoch in which this service first saw it.")
    verdict: str
    reason: str
    superseded: bool = Field(description="Whether it was in force and another took its place.")
    markers: list[MarkerDocument]
    configurations: list[ConfigurationMarkerDocument] = Field(
        default=[], description="Those of a payload of protocol configurations, which has no markers of eras."
    )
    payload: str | None = Field(description="The payload, byte for byte, where its signature is valid.")
    digest: str | None = Field(
        default=None,
        description="Hash of the signed bytes, which identifies the payload, where the signature is valid.",
    )
    previous: str | None = Field(
        default=None,
        description="Where it is or was in force: the digest of the payload that it replaced; null for the first.",
    )
    publications: list[str] = Field(
        default=[],
        description="With in_force: the bytes (hex) of the transactions that published it. They prove themselves: the "
        "owner of the address signed each, and each spends an output of the one before it.",
    )


class EraHistory(Document):
    """Every payload of eras, or of protocol configurations, that was ever seen, newest first, by pages.

    With ``?in_force=true``, and of configurations always, only those that are or were in force: each one's ``previous``
    is the ``digest`` of the next in the list, which is what a follower walks along
    (``eraswitch.ServiceClient.publications`` verifies them). The network has the address and the key of this kind.
    """

    network: NetworkDocument
    payloads: list[HistoryEntry]
    not_listed: int = Field(description="Payloads older than those listed.")
    stale: str | None = Field(
        default=None, description="With in_force: why what is in force could not be confirmed; null when it was."
    )
    next: str | None = Field(default=None, description="Pass this as ?before= for the older ones; null at the end.")


class SwitchDocument(Document):
    """A behaviour switch: what it does in each era, and now."""

    name: str
    kind: str = Field(description="behaviour or boolean.")
    by_era: dict[str, str | bool]
    value: str | bool | None = Field(description="What it does now; null while there is no era to run.")


class Switches(Document):
    """The behaviour switches of the program that embeds this service, and why they stand where they do."""

    era: str | None
    since: EpochNumber | None
    epoch: EpochNumber | None
    reason: str
    transaction: str | None
    key: str | None
    switches: list[SwitchDocument]


class RegistrationIn(Document):
    """A node's version and its stake for an epoch, optionally signed with its key (docs/service.md).

    The same record as in files (docs/adoption.md): whole numbers may be digits in a string, ``seen_at``, ``seen_at_s``
    and ``signed`` are understood too, and an unknown field is noted and left out.
    """

    model_config = ConfigDict(extra="allow")

    party_id: PartyId
    epoch: RegistrationEpoch
    stake: Lovelace = Field(description="Signed, 0 where it is not known: then the stake that is known here counts.")
    version: Version | None = Field(default=None, description="Without it the header signer-node-version counts.")
    time_s: Annotated[int, Field(ge=0, lt=2**40, strict=True)] | None = Field(
        default=None, description="When it was made; required where it is signed."
    )
    key: Hex64 | None = Field(default=None, description="The party's verification key, where it is signed.")
    signature: Hex128 | None = Field(default=None, description="Its Ed25519 signature, where it is signed.")


class RegistrationBatch(Document):
    """Several registrations, taken in one transaction."""

    model_config = ConfigDict(extra="forbid")

    registrations: list[RegistrationIn] = Field(min_length=1, max_length=MAX_BATCH)


class RejectedRegistration(Document):
    """A registration that was not taken, and why."""

    index: int
    party_id: str
    reason: str


class RegistrationReceipt(Document):
    """The result of registrations; what is counted here is on the disk."""

    accepted: int
    repeated: int = Field(description="Those that were known already.")
    rejected: int
    rejects: list[RejectedRegistration]
    notes: dict[str, int] = Field(
        default_factory=dict, description="What could not be read of those that still count, with how often."
    )


class RegistrationOut(Document):
    """A registration that was taken; with key and signature anyone can verify it."""

    party_id: str
    epoch: EpochNumber
    stake: Lovelace
    version: str | None
    seen_at_s: float
    source: str
    time_s: int | None = None
    key: str | None = None
    signature: str | None = None
    stated_stake: Lovelace | None = Field(
        default=None, description="The signed stake, where another one counts: the one that is known here."
    )
    capability: dict[str, object] | None = Field(
        default=None, description="What the node reports that it supports; part of the signed bytes, where given."
    )


class RegistrationPage(Document):
    """The newest registration of each party for an epoch, largest stake first."""

    epoch: EpochNumber
    registrations: list[RegistrationOut]
    next: str | None = Field(description="Pass this as ?after= for the next page; null at the end.")

    def without_sources(self) -> Self:
        """The same without a word on who sent them, or which leader was followed."""
        rows = [row.model_copy(update={"source": "not public"}) for row in self.registrations]
        return self.model_copy(update={"registrations": rows})


class AdoptionHistory(Document):
    """The adoption of several epochs, oldest first: what the charts of the dashboard show."""

    epochs: list[AdoptionSummary] = Field(description="As /adoption/summary has each, without single parties.")
    gate_threshold: float | None = Field(description="The share that the configured gate requires.")
    earlier: EpochNumber | None = Field(description="Pass this as ?to= for the epochs before; null at the end.")


class EventDocument(Document):
    """An entry of the event log."""

    id: int
    kind: str
    epoch: EpochNumber | None
    facts: dict[str, object]
    version: str = Field(description="The version of the software that wrote it.")
    time_s: float


class EventPage(Document):
    """A page of the event log, oldest first."""

    events: list[EventDocument]
    next: int = Field(description="Pass this as ?after= for what comes next.")


class HealthCheck(Document):
    """A check of the service."""

    name: str
    ok: bool
    detail: str


class Health(Document):
    """Whether the service works, with the checks that were made."""

    status: Literal["ok", "failed"]
    checks: list[HealthCheck]


class ProviderDocument(Document):
    """A provider of chain data, as it was when last asked."""

    name: str
    ok: bool
    asked_at_s: float
    latency_s: float = Field(description="Seconds until it answered, or failed.")
    error: str | None


class ProviderHealth(Document):
    """The providers in the order in which they are asked."""

    providers: list[ProviderDocument]
    agreement: int | None = Field(description="How many must agree; null where the first answer counts.")
    poll_interval_s: float
    last_read_at_s: float | None
    stale: str | None


class VersionDocument(Document):
    """The version of this software, and what it speaks."""

    name: Literal["eraswitch"] = "eraswitch"
    version: str
    api_version: str = Field(description="The API version that the service speaks.")
    schema_revision: str = Field(description="The schema of the store that it expects.")


class Problem(BaseModel):
    """A problem, as RFC 9457 has it; ``code`` is a stable code of docs/errors.md."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    code: str
    expected: str | None = None
    got: str | None = None
    next_step: str | None = None
    facts: dict[str, object] = Field(default_factory=dict)

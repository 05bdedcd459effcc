"""The state of the network at one moment, as the documents that the service answers with.

In: a ``Reading`` and what is remembered. Out: a ``Snapshot``, which the store keeps as JSON so that every replica, and
this one after a restart, answers with it.
"""

from collections.abc import Iterable

from pydantic import Field, ValidationError

from chain_reader import NetworkGenesis, ScreenedOutput, TrustPolicy
from chain_reader.providers.failover import ProviderCall
from chain_reader.trust.reading import NothingTrustedError
from datum import ERA, Malformed, MarkerKind, VerifiedMarkers, WrongSigner, decode_datum
from datum.verdicts import OtherKind
from era_service.config.schema import Settings
from era_service.service.documents import (
    API_VERSION,
    ConfigurationMarkerDocument,
    EraConfig,
    EraDocument,
    EraHistory,
    EraMarkers,
    EraStatus,
    FreshnessDocument,
    HistoryEntry,
    NetworkDocument,
    ProviderDocument,
)
from era_service.status.describing import describe, warnings_of
from era_service.status.documents import (
    UNCONFIRMED,
    ConfigurationStatus,
    ErrorDocument,
    ListedEra,
    MarkerDocument,
    SourceDocument,
)
from era_service.status.reader import Reading
from era_store import SeenPayload, StoredTrust
from eras import Epoch, EraEpochToken, EraMarker
from eras.era_id import EraIdentity
from release_tools.documents import Document

LISTED_REFUSED = 50
LISTED_PAYLOADS = 200


class GenesisDocument(Document):
    """When the epochs of a network begin (``chain_reader.genesis``)."""

    network_magic: int
    anchor_time_s: float
    slot_length_s: float
    epoch_length: int
    anchor_slot: int
    anchor_epoch: int


class Snapshot(Document):
    """All that the service answers about the eras, at one moment."""

    status: EraStatus
    config: EraConfig | None
    markers: EraMarkers | None
    history: EraHistory
    providers: list[ProviderDocument]
    read_at_s: float
    epoch_ends_at_s: float | None
    genesis: GenesisDocument | None = None
    configuration: ConfigurationStatus | None = None
    alarms: list[str] = Field(default=[], description="Warnings that nothing else in the documents states.")
    unconfirmed: list[str] = Field(default=[], description="Why it is stale, each reason once.")
    refused: MarkerDocument | None = Field(
        default=None, description="The era and the epoch of a later reading that was refused: it went back."
    )

    @property
    def network_genesis(self) -> NetworkGenesis | None:
        """The genesis of the network, where it is known."""
        return None if self.genesis is None else NetworkGenesis(**self.genesis.model_dump())

    def to_bytes(self) -> bytes:
        """As the store keeps it."""
        return self.model_dump_json().encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Snapshot | None":
        """The snapshot that ``to_bytes`` wrote; ``None`` where it was another version of this software."""
        try:
            return cls.model_validate_json(content)
        except ValidationError:
            return None

    @property
    def schedule(self) -> tuple[EraMarker, ...]:
        """The markers in force."""
        return tuple([EraMarker(era.name, None if era.epoch is None else Epoch(era.epoch)) for era in self.status.eras])

    def identity(self) -> EraIdentity | None:
        """The parts of the era-id; ``None`` where no markers are in force, or their origin is unknown."""
        return _identity(self.status.network, self.schedule)

    def stale_for(self, reason: str) -> "Snapshot":
        """The same, no longer confirmed."""
        unconfirmed = list(dict.fromkeys((*self.unconfirmed, reason)))
        return self._with_stale("; ".join(unconfirmed)).model_copy(update={"unconfirmed": unconfirmed})

    def for_the_public(self) -> "Snapshot":
        """The same without a word on who was asked: no provider, and of what failed only that it did."""
        known = self._with_stale(None if self.status.stale is None else UNCONFIRMED)
        status, config, markers = known.status, known.config, known.markers
        source = status.trusted and status.trusted.model_copy(update={"source": "the chain"})
        what = "No era follows from what was read"
        if status.current is not None:
            what = "The current era is not one that this software knows"
        error = status.error and ErrorDocument(code=status.error.code, what=what)
        update: dict[str, object] = {
            "status": status.model_copy(update={"trusted": source, "error": error, "warnings": []}),
            "config": config and config.model_copy(update={"source": source}),
            "markers": markers and markers.model_copy(update={"source": source}),
            "configuration": self.configuration and self.configuration.for_the_public(),
            "providers": [],
            "alarms": [],
        }
        return known.model_copy(update=update)

    def _with_stale(self, words: str | None) -> "Snapshot":
        """The same with ``stale`` in each of its documents."""
        stale, config = {"stale": words}, self.config
        freshness = config and config.freshness.model_copy(update=stale)
        update = {
            "status": self.status.model_copy(update=stale),
            "config": config and config.model_copy(update={"freshness": freshness}),
            "markers": self.markers and self.markers.model_copy(update=stale),
            "configuration": self.configuration and self.configuration.model_copy(update=stale),
        }
        return self.model_copy(update=update)


def network_of(settings: Settings, policy: TrustPolicy | None, *, embedded: bool) -> NetworkDocument:
    """The network that is followed, as far as the settings state it; ``policy`` has its place on the chain."""
    return NetworkDocument(
        name=settings.network.name,
        magic=settings.network.magic,
        era_address=None if policy is None else policy.address,
        verification_key=None if policy is None else policy.keys[0].hex,
        embedded=embedded,
    )


def take_snapshot(
    found: Reading,
    settings: Settings,
    network: NetworkDocument,
    *,
    calls: Iterable[ProviderCall],
    genesis: NetworkGenesis | None,
    time_s: float,
) -> Snapshot:
    """The documents of a reading.

    Args:
        found: what was read.
        settings: what is configured.
        network: as ``network_of`` gives it.
        calls: the providers that were asked.
        genesis: of the network, where known.
        time_s: POSIX time of the reading.
    """
    token, stored = found.token, found.stored
    warnings = list(warnings_of(found, settings))
    document = describe(found, settings, LISTED_REFUSED, warnings)
    eras = [era_document(era, era.state, found.epoch) for era in document.eras]
    ends_at_s = None if genesis is None or found.epoch is None else genesis.begins_s(found.epoch + 1)
    source = document.trusted
    payload = _payload(source, stored)
    identity = _identity(network, () if found.reading is None else found.reading.markers)
    era_id = None if identity is None or found.epoch is None else str(identity.at(found.epoch))
    status = EraStatus(
        **dict(document)
        | {
            "network": network,
            "current": None if token is None else era_of(token.current, eras),
            "upcoming": None if token is None else era_of(token.upcoming, eras),
            "eras": eras,
            "payload": payload,
            "era_id": era_id,
        }
    )
    config = markers = None
    if token is not None and source is not None:
        tip_slot = None if stored is None else stored.tip_slot
        freshness = FreshnessDocument(
            stale=status.stale, read_at_s=time_s, tip_slot=tip_slot, epoch_ends_at_s=ends_at_s
        )
        config = config_of(status, token, source, freshness)
        if payload is not None:
            markers = EraMarkers(
                network=network,
                epoch=token.epoch,
                markers=[MarkerDocument.model_validate(marker) for marker in token.markers],
                payload=payload,
                source=source,
                stale=status.stale,
            )
    return Snapshot(
        status=status,
        config=config,
        markers=markers,
        history=_history(network, found),
        providers=[_provider(call) for call in calls],
        read_at_s=time_s,
        epoch_ends_at_s=ends_at_s,
        genesis=None if genesis is None else GenesisDocument.model_validate(genesis),
        configuration=document.configuration,
        alarms=[words for is_stated, words in warnings if not is_stated],
        unconfirmed=[] if status.stale is None else [status.stale],
    )


def config_of(
    status: EraStatus, token: EraEpochToken, source: SourceDocument, freshness: FreshnessDocument
) -> EraConfig | None:
    """The answer of ``/era/config``; ``None`` where no current era is known."""
    if status.current is None or status.epoch is None or status.era_id is None:
        return None
    coming = [era for era in status.eras if era.epoch is not None and era.epoch > token.epoch]
    return EraConfig(
        network=status.network,
        epoch=status.epoch,
        current=status.current,
        next=status.upcoming,
        last=max(coming, key=lambda era: era.epoch or 0, default=None),
        supported_eras=status.supported_eras,
        era_id=status.era_id,
        api_version=str(API_VERSION),
        source=source,
        freshness=freshness,
    )


def _identity(network: NetworkDocument, markers: tuple[EraMarker, ...]) -> EraIdentity | None:
    if network.era_address is None or network.verification_key is None or not markers:
        return None
    return EraIdentity(network.magic, network.era_address, network.verification_key, markers)


def _payload(source: SourceDocument | None, stored: StoredTrust | None) -> str | None:
    """The payload in force, if what is remembered is what was read."""
    trusted = None if stored is None else stored.trusted
    if source is None or trusted is None or trusted.transaction != source.transaction:
        return None
    return trusted.content.decode(errors="replace")


def era_document(era: ListedEra | EraDocument, state: str | None, epoch: Epoch | None) -> EraDocument:
    """An era of a status, in a state and an epoch."""
    begins = era.epoch
    return EraDocument(
        name=era.name,
        epoch=begins,
        state=state or "unknown",
        supported=era.supported,
        epochs_left=begins - epoch if begins is not None and epoch is not None and begins > epoch else None,
        begins_at=era.begins_at,
    )


def era_of(marker: EraMarker | None, eras: list[EraDocument]) -> EraDocument | None:
    """The document of a marker."""
    for era in eras:
        if marker is not None and (era.name, era.epoch) == (marker.name, marker.epoch):
            return era
    return None


def _provider(call: ProviderCall) -> ProviderDocument:
    return ProviderDocument(
        name=call.name,
        ok=call.error is None,
        asked_at_s=call.asked_at_s,
        latency_s=round(call.latency_s, 4),
        error=call.error,
    )


def _history(network: NetworkDocument, found: Reading) -> EraHistory:
    """The outputs on the chain with their verdicts, then those remembered and no longer there."""
    items: tuple[ScreenedOutput, ...] = ()
    if (trusted := found.trusted) is not None:
        items = trusted.history or trusted.screened
    elif isinstance(found.error, NothingTrustedError):
        items = found.error.reading.screened
    seen = {} if found.stored is None else {payload.reference: payload for payload in found.stored.payloads}
    entries = [
        _entry(item, seen.pop(item.output.reference, None)) for item in items if not isinstance(item.verdict, Malformed)
    ]
    entries += [remembered(payload) for payload in seen.values()]
    entries.sort(key=lambda entry: -1 if entry.slot is None else entry.slot, reverse=True)
    return EraHistory(
        network=network, payloads=entries[:LISTED_PAYLOADS], not_listed=max(0, len(entries) - LISTED_PAYLOADS)
    )


def _entry(item: ScreenedOutput, seen: SeenPayload | None) -> HistoryEntry:
    output, verdict = item.output, item.verdict
    markers: tuple[EraMarker, ...] = ()
    content: bytes | None = None
    verified: VerifiedMarkers | None = getattr(verdict, "verified", None)
    if isinstance(verdict, WrongSigner):
        markers = verdict.payload.markers
    elif verified is not None:
        markers, content = verified.markers, verified.content
    elif output.unreadable is None and not isinstance(verdict, OtherKind):
        # What the provider could not show has no datum; of another kind nobody has checked the signature.
        content = decode_datum(output.datum).content
    return HistoryEntry(
        output=output.reference,
        slot=output.slot,
        height=output.height,
        spent=output.spent,
        seen_epoch=None if seen is None else seen.seen_epoch,
        verdict=verdict.name,
        reason=verdict.reason,
        superseded=seen is not None and seen.superseded,
        markers=[MarkerDocument.model_validate(marker) for marker in markers],
        payload=None if content is None else content.decode(errors="replace"),
    )


def remembered(payload: SeenPayload, kind: MarkerKind = ERA) -> HistoryEntry:
    """A payload of a kind that was once seen, as the history has it."""
    markers = [marker.to_dict() for marker in kind.payload.from_bytes(payload.content).markers]
    return HistoryEntry(
        output=payload.reference,
        slot=payload.slot,
        height=payload.height,
        spent=None,
        seen_epoch=payload.seen_epoch,
        verdict=payload.verdict,
        reason=payload.reason,
        superseded=payload.superseded,
        markers=[MarkerDocument(**one) for one in markers] if kind is ERA else [],
        configurations=[] if kind is ERA else [ConfigurationMarkerDocument(**one) for one in markers],
        payload=payload.content.decode(errors="replace"),
    )

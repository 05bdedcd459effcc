"""The status of a network as a document.

In: a ``Reading``. Out: the ``StatusDocument`` of ``eraswitch status`` and of ``/era/status``.
"""

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from chain_reader import EraReading, ScreenedOutput, TrustedReading
from chain_reader.configuration_reader import ConfigurationReading
from chain_reader.genesis import EpochCalendar
from datum.configuration import EpochConfiguration, ProtocolConfiguration
from era_service.config.schema import Settings
from era_service.status.documents import (
    ConfigurationFrom,
    ConfigurationNext,
    ConfigurationSource,
    ConfigurationStatus,
    ConfigurationWindow,
    ErrorDocument,
    LegacyDocument,
    ListedEra,
    LotteryDocument,
    MarkerDocument,
    NodeConfiguration,
    RefusedConfiguration,
    RefusedOutput,
    SigningConfigDocument,
    SourceDocument,
    StatusDocument,
)
from era_service.status.reader import Reading
from eras import Epoch

LISTED = 20
"""Refused payloads of configurations that are listed; ``verdicts`` counts all."""


def describe(found: Reading, settings: Settings, limit: int, warnings: Iterable[tuple[bool, str]]) -> StatusDocument:
    """The document of a reading, with its warnings as ``warnings_of`` gives them.

    ``limit`` bounds the list of refused outputs, not their count.
    """
    token, reading, trusted = found.token, found.reading, found.trusted
    screened = reading.screened if reading is not None else ()
    refused = sorted(
        (item for item in screened if item.verdict.is_refusal),
        key=lambda item: not item.verdict.is_payload,  # whoever floods an address floods it with these
    )
    return StatusDocument(
        epoch=found.epoch,
        network=settings.network.name,
        adapter=settings.reader.adapter_type,
        supported_eras=list(settings.network.supported_eras),
        current_era=None if token is None else token.current.name,
        upcoming_era=None if token is None or token.upcoming is None else token.upcoming.name,
        epochs_to_upcoming=None if token is None else token.epochs_to_upcoming,
        eras=_eras(found, settings),
        trusted=_source(reading, trusted),
        stale=None if trusted is None else trusted.stale,
        conflicts=[] if trusted is None else [_refused_output(item) for item in trusted.conflicts],
        legacy=_legacy(trusted),
        verdicts=dict(sorted(Counter(item.verdict.name for item in screened).items())),
        refused=[_refused_output(item) for item in refused[:limit]],
        refused_not_listed=max(0, len(refused) - limit),
        configuration=None if found.configuration is None else describe_configuration(found.configuration, found.epoch),
        warnings=[words for _, words in warnings],
        error=None if found.error is None else ErrorDocument.model_validate(found.error.to_dict()),
    )


def _eras(found: Reading, settings: Settings) -> list[ListedEra]:
    if found.reading is None:
        return []
    calendar = EpochCalendar(found.genesis, time.time())
    notice, supported = settings.network.notice_epochs, settings.network.supported_eras
    schedule = dict.fromkeys(found.reading.markers)  # a payload that was signed anew holds its first marker twice
    return [
        ListedEra(
            name=marker.name,
            epoch=marker.epoch,
            begins_at=calendar.iso(marker.epoch),
            state=None if found.token is None else found.token.state_of(marker, notice_epochs=notice).value,
            supported=marker.name in supported,
        )
        for marker in schedule
    ]


def _source(reading: EraReading | None, trusted: TrustedReading | None) -> SourceDocument | None:
    if reading is None or reading.provenance is None or not reading.markers:
        return None
    return SourceDocument(**asdict(reading.provenance), why=None if trusted is None else trusted.why)


def _legacy(trusted: TrustedReading | None) -> LegacyDocument | None:
    """The schedules that a Mithril reader could take from the same outputs (rule T11)."""
    if trusted is None or trusted.legacy is None:
        return None
    possible = [
        [MarkerDocument.model_validate(marker) for marker in verified.markers] for verified in trusted.legacy.possible
    ]
    return LegacyDocument(differs=trusted.legacy.differs, words=trusted.legacy.words, possible=possible)


def _refused_output(item: ScreenedOutput) -> RefusedOutput:
    output, verdict = item.output, item.verdict
    return RefusedOutput(output=output.reference, slot=output.slot, verdict=verdict.name, reason=verdict.reason)


def warnings_of(found: Reading, settings: Settings) -> Iterator[tuple[bool, str]]:
    """Every warning, and whether something else in the document states it, too."""
    if settings.reader.adapter_type.startswith("bootstrap"):
        source = f"The source {settings.reader.adapter_type} reads no chain: it reports an era that this software"
        choose = "Choose a network with --network, or set reader.adapter_type"
        yield False, f"{source} supports, whatever the network does. {choose}"
    trusted = found.trusted
    if trusted is not None:
        if trusted.stale is not None:
            yield True, f"What is trusted is not confirmed: {trusted.stale}"
        yield from ((False, words) for words in trusted.odd)
        yield from ((True, words) for words in trusted.contradictions)
    if found.configuration is not None:
        yield from ((False, f"Protocol configuration: {words}") for words in found.configuration.trusted.alarms)
        if found.configuration.trusted.stale is not None:
            is_all_stale = trusted is not None and trusted.stale is not None
            yield is_all_stale, f"The protocol configuration is not confirmed: {found.configuration.trusted.stale}"
    token = found.token
    if token is not None and token.upcoming is not None and not token.upcoming_supported:
        when = "" if token.upcoming.epoch is None else f" at epoch {token.upcoming.epoch}"
        stop = f"which will have to stop{when}. Upgrade before then"
        yield True, f"The upcoming era {token.upcoming.name} is not supported by this software, {stop}"


# --- protocol configurations


def node_document(configuration: ProtocolConfiguration) -> NodeConfiguration:
    """A configuration as a node of Mithril asks for it; JSON has no NaN, so that is null."""
    parameters = configuration.parameters
    phi_f = parameters.phi_f if math.isfinite(parameters.phi_f) else None
    transactions, blocks = (
        None if config is None else SigningConfigDocument.model_validate(config)
        for config in (configuration.transactions, configuration.blocks)
    )
    return NodeConfiguration(
        protocol_parameters=LotteryDocument(k=parameters.k, m=parameters.m, phi_f=phi_f),
        cardano_transactions_signing_config=transactions,
        cardano_blocks_transactions_signing_config=blocks,
        available_signed_entity_types=list(configuration.enabled),
    )


def describe_configuration(found: ConfigurationReading, at: Epoch | None) -> ConfigurationStatus:
    """A reading of configurations at the epoch ``at``, which is the current one by default."""
    trusted = found.trusted
    epoch = found.epoch if at is None else at
    origin = trusted.provenance if trusted.markers else None
    current = None if epoch is None else found.configuration_at(epoch)
    window = None if epoch is None else found.window_at(epoch)
    begun = [item for item in found.configurations if epoch is not None and item.epoch <= epoch]
    return ConfigurationStatus(
        epoch=epoch,
        current=None if current is None else _from_epoch(begun[-1]),
        next=_next(found, epoch),
        window=None
        if window is None
        else ConfigurationWindow(
            **{name: node_document(getattr(window, name)) for name in ConfigurationWindow.model_fields}
        ),
        configurations=[_from_epoch(item) for item in found.configurations],
        trusted=None if origin is None else ConfigurationSource(**asdict(origin), why=trusted.why),
        stale=trusted.stale,
        legacy_differs=None if trusted.legacy is None else trusted.legacy.differs,
        verdicts=dict(sorted(Counter(item.verdict.name for item in trusted.screened).items())),
        refused=[
            RefusedConfiguration(**dict(_refused_output(item)))
            for item in trusted.screened
            if item.verdict.is_refusal and item.verdict.is_payload
        ][:LISTED],
        warnings=list(trusted.alarms),
    )


def _from_epoch(item: EpochConfiguration) -> ConfigurationFrom:
    return ConfigurationFrom(epoch=item.epoch, **dict(node_document(item.configuration)))


def _next(found: ConfigurationReading, epoch: Epoch | None) -> ConfigurationNext | None:
    """The next change after ``epoch``: the configuration, how far it is, and what differs, in words."""
    coming = None if epoch is None else found.upcoming_after(epoch)
    if coming is None or epoch is None:
        return None
    before = found.configuration_at(epoch)
    changes = [] if before is None else list(before.differences(coming.configuration))
    return ConfigurationNext(**dict(_from_epoch(coming)), epochs_left=coming.epoch - epoch, changes=changes)

"""The trust of a node at one moment, as a document: printed by ``marker show``, or carried to an offline machine.

In: a reading, or the document. Out: the document, or a ``TrustedSnapshot`` whose markers were verified again from the
signed payload in it, so that nobody can change them on the way.
"""

import json
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypedDict

from chain_reader.genesis import EpochCalendar
from chain_reader.thread_token import spelled
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.reading import TrustedReading
from chain_reader.trust.state import verified_of
from datum import EraMarkersPayload, markers_from_json
from era_service.config.schema import Settings
from era_service.releasing.session import Release, Sight, nodes_see, output_in_force, published_before, token_in_force
from era_service.status.reader import StatusReader
from era_service.wiring.trust import open_memory, trust_policy
from eras import MAX_EPOCH, Epoch, EraMarker, MarkerError
from eras.marker import MarkerFacts
from release_tools.markers.change import PublishedBefore


class _Place(TypedDict):
    name: str | None
    magic: int | None
    era_address: str
    verification_key: str


class _Origin(TypedDict):
    transaction: str
    slot: int | None
    key: str | None


class _Token(TypedDict):
    token: str
    configured: bool
    words: str


class _Published(TypedDict):
    payloads: list[list[MarkerFacts]]
    complete: bool


class _Legacy(TypedDict):
    differs: bool
    words: str | None
    possible: list[list[MarkerFacts]]


class TrustedDocument(Sight):
    """The trust of a node, as ``marker show --json`` prints it."""

    network: _Place
    trusted: _Origin | None
    payload: str | None
    published_before: _Published
    thread_token: _Token | None
    stale: str | None
    legacy: _Legacy
    alarms: list[str]
    verdicts: dict[str, int]


@dataclass(frozen=True, slots=True)
class TrustedSnapshot:
    """The trust of a node.

    Attributes:
        epoch: the epoch in which it was read.
        markers: the markers in force; none where nothing was trusted.
        payload: the payload that holds them, as JSON bytes.
        published: what was signed before.
    """

    epoch: Epoch
    markers: tuple[EraMarker, ...]
    payload: bytes | None
    published: PublishedBefore = field(default_factory=PublishedBefore)

    @classmethod
    def of(cls, release: Release, reading: TrustedReading) -> "TrustedSnapshot":
        """The snapshot of a reading.

        Raises:
            ChainReadError: a node trusts an output that is not there any more.
        """
        return cls(
            release.epoch_of(reading), reading.markers, _payload_of(reading), published_before(release.known(), reading)
        )


def read_trusted(settings: Settings) -> tuple[TrustedDocument, EpochCalendar]:
    """The markers that nodes trust now, JSON-ready, read as every command reads them, and the calendar of epochs.

    If no provider answers, what the store remembers, marked as stale (rule T9).

    Raises:
        ChainReadError, StoreError: the chain could not be read, and nothing is remembered.
        ConfigurationError: the configuration cannot be used.
    """
    policy = trust_policy(settings)
    with closing(open_memory(settings)) as memory, closing(StatusReader(settings, memory)) as reader:
        found = reader.read()
        stored = memory.trust.load(policy.key)
    reading = found.reading
    if not isinstance(reading, TrustedReading) or found.epoch is None:
        assert found.error is not None  # noqa: S101 - it says why there is no reading
        raise found.error
    document = snapshot_document(settings, policy, reading, found.epoch, published_before(stored, reading))
    return document, EpochCalendar(found.genesis, time.time())


def _payload_of(reading: TrustedReading) -> bytes | None:
    """The payload in force, as JSON bytes.

    Raises:
        ChainReadError: a node trusts an output that is not there any more.
    """
    in_force = output_in_force(reading)
    return None if in_force is None else verified_of(in_force).content


def _token_document(policy: TrustPolicy, reading: TrustedReading) -> _Token | None:
    unit = token_in_force(reading)
    if unit is None:
        return None
    configured = policy.thread_token == unit
    words = "no output without it is trusted" if configured else "not in trust.thread_token yet"
    return {"token": spelled(unit), "configured": configured, "words": words}


def snapshot_document(
    settings: Settings, policy: TrustPolicy, reading: TrustedReading, epoch: Epoch, published: PublishedBefore
) -> TrustedDocument:
    """The document of a reading, JSON-ready."""
    origin, legacy = reading.provenance, reading.legacy
    trusted: _Origin | None = None
    if origin is not None and origin.transaction is not None:
        trusted = {"transaction": origin.transaction, "slot": origin.slot, "key": origin.key}
    payload = None if reading.stale is not None else _payload_of(reading)
    return {
        "network": {
            "name": settings.network.name,
            "magic": settings.network.magic,
            "era_address": policy.address,
            "verification_key": policy.keys[0].hex,
        },
        **nodes_see(reading.markers, epoch, settings),
        "trusted": trusted,
        "payload": None if payload is None else payload.decode(errors="replace"),
        "published_before": _published_document(published),
        "thread_token": None if payload is None else _token_document(policy, reading),
        "stale": reading.stale,
        "legacy": {
            "differs": legacy is not None and legacy.differs,
            "words": None if legacy is None else legacy.words,
            "possible": []
            if legacy is None
            else [[marker.to_dict() for marker in verified.markers] for verified in legacy.possible],
        },
        "alarms": list(reading.alarms),
        "verdicts": dict(sorted(Counter(item.verdict.name for item in reading.screened).items())),
    }


def _published_document(published: PublishedBefore) -> _Published:
    payloads = [[marker.to_dict() for marker in markers] for markers in published.payloads]
    return {"payloads": sorted(payloads, key=json.dumps), "complete": published.complete}


def _published(listed: Any, trusted: tuple[EraMarker, ...]) -> PublishedBefore:
    """The payloads that a document lists as signed before, unverified: they only prevent signing one twice."""
    if not listed:
        return PublishedBefore(frozenset({trusted}), complete=False)
    payloads = frozenset(markers_from_json(json.dumps(markers)) for markers in listed["payloads"])
    return PublishedBefore(payloads | {trusted}, bool(listed["complete"]))


def read_snapshot(text: str, policy: TrustPolicy) -> TrustedSnapshot:
    """The snapshot in a document, verified with the key of the policy.

    Raises:
        MarkerError: it is not such a document, is of another network, or its payload does not match it.
    """
    try:
        found = json.loads(text)
        network, epoch, content = found["network"], found["epoch"], found["payload"]
        place = (network["magic"], network["era_address"])
        has_markers = bool(found["markers"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _snapshot_error("what eraswitch marker show --json prints", "something else") from error
    if policy.network_magic is not None and place != (policy.network_magic, policy.address):
        raise _snapshot_error(
            f"one of {policy.address}, magic {policy.network_magic}", f"one of {place[1]}, magic {place[0]}"
        )
    if type(epoch) is not int or not 0 <= epoch <= MAX_EPOCH:
        raise _snapshot_error("an epoch", f"{epoch!r}"[:60])
    if content is None:
        if has_markers:
            raise _snapshot_error("the signed payload of its markers", "none: what is trusted was not confirmed")
        return TrustedSnapshot(Epoch(epoch), (), None)
    if not isinstance(content, str):
        raise _snapshot_error("a payload as text", f"{content!r}"[:60])
    payload = content.encode(errors="replace")  # what UTF-8 cannot encode is in no payload
    try:
        verified = EraMarkersPayload.from_bytes(payload).verify(policy.keys[0])
    except MarkerError as error:
        raise _snapshot_error(f"a payload signed by {policy.keys[0].hex}", error.got or error.what) from error
    try:
        published = _published(found.get("published_before"), verified.markers)
    except (MarkerError, TypeError, KeyError) as error:
        raise _snapshot_error("lists of markers in published_before", "something else") from error
    return TrustedSnapshot(Epoch(epoch), verified.markers, payload, published)


def _snapshot_error(expected: str, got: str) -> MarkerError:
    return MarkerError(
        "The snapshot is not usable",
        code="Snapshot",
        expected=expected,
        got=got,
        next_step="Create it on a machine with a network: eraswitch marker show --json",
    )

"""What a node trusts at a moment, as a document: printed by ``marker show``, carried to a machine without a network.

In: a reading, or the document. Out: the document, or a ``TrustedSnapshot`` whose markers were verified again from the
signed payload that the document carries: whoever carries it cannot change them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eras import MAX_EPOCH, CurrentEraNotFoundError, Epoch, EraMarker, MarkerError, SupportedEras, select_eras
from release_tools.markers.change import PublishedBefore, said_once

if TYPE_CHECKING:
    from chain_reader.trust.policy import TrustPolicy
    from chain_reader.trust.reading import TrustedReading
    from era_service.releasing.session import Release


class SnapshotError(MarkerError):
    """A file is not what ``marker show --json`` prints, or is of another network."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class TrustedSnapshot:
    """What a node trusted.

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
    def of(cls, release: "Release", reading: "TrustedReading") -> "TrustedSnapshot":
        """The snapshot of a reading.

        Raises:
            ChainReadError: a node trusts an output that is not there any more.
        """
        from datum import decode_datum
        from era_service.releasing.session import output_in_force

        in_force = output_in_force(reading)
        content = None if in_force is None else decode_datum(in_force.output.datum).content
        return cls(release.epoch_of(reading), reading.markers, content, release.published_before())


def snapshot_document(release: "Release", reading: "TrustedReading") -> dict[str, Any]:
    """The document of a reading, JSON-ready."""
    origin, legacy = reading.provenance, reading.legacy
    trusted = None
    if origin is not None and origin.transaction is not None:
        trusted = {"transaction": origin.transaction, "slot": origin.slot, "key": origin.key}
    payload = None if reading.stale is not None else TrustedSnapshot.of(release, reading).payload
    return {
        "network": {
            "name": release.settings.network.name,
            "magic": release.network.magic,
            "era_address": release.policy.address,
            "verification_key": release.policy.keys[0].hex,
        },
        **nodes_see(reading.markers, release.epoch_of(reading), release.settings.network.supported_eras),
        "trusted": trusted,
        "payload": None if payload is None else payload.decode(errors="replace"),
        "published_before": _published_document(release.published_before()),
        "stale": reading.stale,
        "legacy": {
            "differs": legacy is not None and legacy.differs,
            "words": None if legacy is None else legacy.words,
            "possible": []
            if legacy is None
            else [[marker.to_dict() for marker in verified.markers] for verified in legacy.possible],
        },
        "alarms": list(reading.alarms),
    }


def nodes_see(markers: Sequence[EraMarker], epoch: Epoch, supported: Sequence[str]) -> dict[str, Any]:
    """What nodes make of markers at an epoch, JSON-ready."""
    document: dict[str, Any] = {
        "epoch": epoch,
        "markers": [marker.to_dict() for marker in said_once(markers)],
        "current_era": None,
        "upcoming_era": None,
        "epochs_to_upcoming": None,
    }
    try:
        token = select_eras(markers, epoch, SupportedEras(supported))
    except CurrentEraNotFoundError:
        return document
    upcoming = None if token.upcoming is None else token.upcoming.name
    return document | {
        "current_era": token.current.name,
        "upcoming_era": upcoming,
        "epochs_to_upcoming": token.epochs_to_upcoming,
    }


def _published_document(published: PublishedBefore) -> dict[str, Any]:
    payloads = [[marker.to_dict() for marker in markers] for markers in published.payloads]
    return {"payloads": sorted(payloads, key=json.dumps), "complete": published.complete}


def _published(found: dict[str, Any], trusted: tuple[EraMarker, ...]) -> PublishedBefore:
    """What a document says was signed before: it only keeps a payload from being signed twice, and is not verified."""
    from datum import markers_from_json

    document = found.get("published_before") or {"payloads": [], "complete": False}
    payloads = frozenset(markers_from_json(json.dumps(markers)) for markers in document["payloads"])
    return PublishedBefore(payloads | {trusted}, bool(document["complete"]))


def read_snapshot(text: str, policy: "TrustPolicy") -> TrustedSnapshot:
    """The snapshot in a document, verified with the key of the policy.

    Raises:
        SnapshotError: it is no such document, is of another network, or its payload is not what it says.
    """
    from datum import EraMarkersPayload

    try:
        found = json.loads(text)
        network, epoch, content = found["network"], found["epoch"], found["payload"]
        place = (network["magic"], network["era_address"])
        has_markers = bool(found["markers"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _unusable("what eraswitch marker show --json prints", "something else") from error
    if policy.network_magic is not None and place != (policy.network_magic, policy.address):
        raise _unusable(
            f"one of {policy.address}, magic {policy.network_magic}", f"one of {place[1]}, magic {place[0]}"
        )
    if type(epoch) is not int or not 0 <= epoch <= MAX_EPOCH:
        raise _unusable("an epoch", f"{epoch!r}"[:60])
    if content is None:
        if has_markers:
            raise _unusable("the signed payload of its markers", "none: what is trusted was not confirmed")
        return TrustedSnapshot(Epoch(epoch), (), None)
    if not isinstance(content, str):
        raise _unusable("a payload as text", f"{content!r}"[:60])
    try:
        verified = EraMarkersPayload.from_bytes(content.encode()).verify(policy.keys[0])
    except MarkerError as error:
        raise _unusable(f"a payload signed by {policy.keys[0].hex}", error.got or error.what) from error
    try:
        published = _published(found, verified.markers)
    except (MarkerError, TypeError, KeyError) as error:
        raise _unusable("lists of markers in published_before", "something else") from error
    return TrustedSnapshot(Epoch(epoch), verified.markers, content.encode(), published)


def _unusable(expected: str, got: str) -> SnapshotError:
    return SnapshotError(
        "The snapshot is not usable",
        expected=expected,
        got=got,
        next_step="Make it on a machine with a network: eraswitch marker show --json",
    )

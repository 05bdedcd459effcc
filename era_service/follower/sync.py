"""A follower: takes the verified marker history, and optionally the registrations, from a leader.

In: settings, a store, the leader's URL. Out: a ``SyncReport``; the store is unchanged, or holds all of it, ready to
serve. The rules are those of Mithril's follower aggregators for certificates:

0. Each kind of marker has a history of its own, eras first: the eras that were taken stay, even if the protocol
   configurations cannot be taken.
1. The whole history is taken if that is forced, if nothing is followed yet, or if the genesis (era address, network,
   keys) has changed since the last time. Otherwise only the new part is taken.
2. Everything is verified first: each signature and each link by the bytes of the publications (``leader``), then the
   whole by the rules of trust, against what is remembered here. If one does not fit, nothing is written.
3. The verified part is written in one transaction, by version: a concurrent writer wins, and this one reports it.
4. A leader reads the chain itself: if a chain provider is configured, nothing is followed.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from chain_reader import TrustedReader, TrustedReading, TrustPolicy
from chain_reader.providers.leader.observer import LeaderObserver
from chain_reader.providers.leader.walk import LeaderHistoryError, followed
from chain_reader.providers.transport.errors import (
    ProviderOfOtherNetworkError,
    ReadLimitExceededError,
    UnexpectedAnswerError,
)
from chain_reader.trust.publications import kept_publications
from chain_reader.trust.verdicts import Replayed, Superseded
from datum import ERA
from datum.extension_rules import RolledBack
from datum.verdicts import Accepted, Verdict
from era_service.config.schema import Settings
from era_service.follower.registrations import fetch_registrations
from era_service.wiring.genesis import clock_epoch
from era_service.wiring.leader import open_leader
from era_service.wiring.trust import policies
from era_store import CachedVerdict, MemoryStore, NewEvent, Registration, SqlStore, StoredTrust
from era_store.records import StoredSnapshot
from era_store.registrations import IngestResult
from eras import ChainReadError, Epoch, EraSwitchError

GOOD_VERDICTS: tuple[type[Verdict], ...] = (Accepted, Superseded, Replayed)
GOOD_EXTENDED: tuple[type[Verdict], ...] = (*GOOD_VERDICTS, RolledBack)
MEMORY_KEY = "follower"


class SyncReason(StrEnum):
    """The reason for which a follower took the whole history, the new part, or nothing."""

    FORCED = "forced"
    EMPTY = "empty"
    GENESIS_CHANGED = "genesis-changed"
    NEW = "new"
    NOTHING_NEW = "nothing-new"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The result of a sync.

    Attributes:
        leader: the name of the leader.
        reason: the reason for taking all, the new part, or nothing.
        payloads: the number of payloads in the chain that is followed now.
        taken: the number of those that are new here.
        trusted: the output in force.
        epoch: the leader's epoch.
        registrations: the result for registrations, if they were requested.
        configurations: the report on the protocol configurations, if they are read.
    """

    leader: str
    reason: SyncReason
    payloads: int
    taken: int
    trusted: str | None
    epoch: int | None
    registrations: IngestResult | None = None
    configurations: "SyncReport | None" = None

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        facts = asdict(self)
        if facts["registrations"] is not None:
            del facts["registrations"]["rejected"]
        return facts


def sync(
    settings: Settings,
    store: SqlStore,
    *,
    force: bool = False,
    with_registrations: bool = False,
    clock: Callable[[], float] = time.time,
) -> SyncReport:
    """Follow the configured leader once.

    Args:
        settings: the settings; ``follower.leader`` names the leader.
        store: the store of the follower.
        force: take the whole history again, even if it is followed already.
        with_registrations: whether to take registrations too.
        clock: POSIX time in seconds.

    Raises:
        ConfigurationError: there is no leader to follow, or this is one.
        LeaderHistoryError: the leader's report is not true; nothing is taken, and the event log records it.
        ChainReadError: the leader could not be read, or is of another genesis; nothing is taken.
        StoreError: what was taken could not be written; nothing is.
    """
    eras, *others = policies(settings)
    report = _sync_kind(settings, store, eras, force=force, with_registrations=with_registrations, clock=clock)
    for policy in others:
        found = _sync_kind(settings, store, policy, force=force, with_registrations=False, clock=clock)
        report = replace(report, configurations=found)
    return report


def _sync_kind(
    settings: Settings,
    store: SqlStore,
    policy: TrustPolicy,
    *,
    force: bool,
    with_registrations: bool,
    clock: Callable[[], float],
) -> SyncReport:
    """Follow the leader once, for the markers of one policy."""
    by_clock, kind = clock_epoch(settings, clock()), policy.kind.markers
    stored, memory_key = store.trust.load(policy.key), MEMORY_KEY if kind is ERA else f"{MEMORY_KEY} {kind}"
    reason = _reason(policy, stored, store.snapshots.load(memory_key), force=force)
    known = followed(stored) if reason is None else ()
    kept = kept_publications(store, policy) if reason is None else {}
    is_new = reason is not None
    with closing(open_leader(settings, known=known, kept=kept, accept_stale=is_new, policy=policy)) as leader:
        with _reported(store, leader.name, clock):
            after, events, known_now = _judge(leader, policy, stored if reason is None else None, by_clock, clock)
            chain = leader.chain
            epoch = leader.epoch()
            rows = _fetch_registrations(leader, settings, store, epoch, clock()) if with_registrations else None
        digests = {payload.digest for payload in known}
        taken = sum(payload.digest not in digests for payload in chain)
        if not chain:
            reason = SyncReason.NOTHING_NEW
        elif reason is None:
            behind = known and chain[0].digest != known[0].digest and chain[0].digest in digests
            is_new = taken > 0 or chain[0].content != known[0].content
            reason = SyncReason.BEHIND if behind else SyncReason.NEW if is_new else SyncReason.NOTHING_NEW
        if reason not in (SyncReason.BEHIND, SyncReason.NOTHING_NEW):
            facts = {"leader": leader.name, "reason": reason.value, "payloads": len(chain), "taken": taken}
            facts["kind"] = kind.name
            version = 0 if stored is None else stored.version
            store.verdicts.save(policy.key, known_now)  # each proves itself, so they may be saved before the rest
            recorded = [*events, NewEvent("followed", facts, epoch)]
            store.trust.save(policy.key, replace(after, version=version), recorded, time_s=clock())
            memory = {"leader": leader.name, "genesis": _genesis_of(policy)}
            store.snapshots.save(memory_key, json.dumps(memory).encode(), time_s=clock())
        ingested = None if rows is None else _ingest(store, leader.name, rows, epoch, clock)
    trusted = after.trusted if reason is not SyncReason.BEHIND or stored is None else stored.trusted
    reference = None if trusted is None else f"{trusted.transaction}#{trusted.index}"
    return SyncReport(leader.name, reason, len(chain), taken, reference, epoch, ingested)


def _reason(
    policy: TrustPolicy, stored: StoredTrust | None, kept: StoredSnapshot | None, *, force: bool
) -> SyncReason | None:
    """The reason for taking the whole history; ``None`` if only the new part is taken (rule 1)."""
    if force:
        return SyncReason.FORCED
    before = None if kept is None else json.loads(kept.content).get("genesis")
    if before is not None and before != _genesis_of(policy):
        return SyncReason.GENESIS_CHANGED
    return SyncReason.EMPTY if stored is None or stored.trusted is None else None


def _genesis_of(policy: TrustPolicy) -> dict[str, object]:
    keys = [key.hex for key in policy.keys]
    return {"magic": policy.network_magic, "address": policy.address, "keys": sorted(keys)}


def _judge(
    leader: LeaderObserver,
    policy: TrustPolicy,
    stored: StoredTrust | None,
    by_clock: Epoch | None,
    clock: Callable[[], float],
) -> tuple[StoredTrust, list[NewEvent], list[CachedVerdict]]:
    """The rules of trust applied to the history, after what is remembered, in a memory of its own (rule 2)."""
    memory = MemoryStore()
    if stored is not None:
        memory.trust.save(policy.key, replace(stored, version=0), time_s=clock())
    reading = TrustedReader(leader, policy, memory, clock=clock).refresh(by_clock)
    after = memory.trust.load(policy.key)
    _require_whole(reading, policy, leader)
    events = [NewEvent(event.kind, event.facts, event.epoch) for event in memory.events.read()]
    if policy.kind.markers is not ERA and after is not None and stored is None and not leader.chain:
        return after, events, []  # a network may have none
    if not leader.chain or after is None or after.trusted is None:
        raise LeaderHistoryError(
            f"{leader.name} has no payload to follow",
            expected=f"markers signed by the {policy.kind.markers} key",
            got="an empty history",
            next_step="Wait until the leader has read the chain, or follow another one",
            leader=leader.name,
        )
    return after, events, list(memory.verdicts.load(policy.key).values())


def _require_whole(reading: TrustedReading, policy: TrustPolicy, leader: LeaderObserver) -> None:
    good = GOOD_VERDICTS if policy.extension is None else GOOD_EXTENDED
    bad = [item for item in reading.history if not isinstance(item.verdict, good)]
    if bad:
        raise LeaderHistoryError(
            f"{leader.name} reports a history that the rules of trust refuse",
            expected="payloads of which each may follow the one before it",
            got=f"{bad[0].verdict.name} at {bad[0].output.reference}: {bad[0].verdict.reason}"[:300],
            next_step="Ask the release team which is true; nothing was taken from this leader",
            leader=leader.name,
            verdicts=sorted({item.verdict.name for item in bad}),
        )


def follow_registrations(settings: Settings, store: SqlStore, *, clock: Callable[[], float]) -> IngestResult:
    """Take the registrations of the configured leader alone: those since the last time, each signature verified.

    Raises:
        ConfigurationError: there is no leader to follow, or this is one.
        LeaderHistoryError: one is not true; none is taken, and the event log records it.
        ChainReadError: the leader could not be read, or is of another genesis.
        StoreError: they could not be written.
    """
    with closing(open_leader(settings, accept_stale=True)) as leader:
        with _reported(store, leader.name, clock):
            epoch = leader.epoch()
            rows = _fetch_registrations(leader, settings, store, epoch, clock())
        return _ingest(store, leader.name, rows, epoch, clock)


def _fetch_registrations(
    leader: LeaderObserver, settings: Settings, store: SqlStore, epoch: int, now_s: float
) -> list[Registration]:
    source = _source(leader.name)
    cursor = store.registrations.cursor(source)
    since = None if cursor is None else int(cursor)
    return fetch_registrations(leader.client, settings.network.magic, source, epoch, since, now_s=now_s)


def _ingest(
    store: SqlStore, leader: str, rows: list[Registration], epoch: int, clock: Callable[[], float]
) -> IngestResult:
    return store.registrations.ingest(
        rows, source=_source(leader), cursor=str(epoch), time_s=clock(), refuse=lambda _: None
    )


def _source(leader: str) -> str:
    """The source name of registrations; the same leader is the same source."""
    return leader if len(leader) <= 80 else f"leader {hashlib.sha256(leader.encode()).hexdigest()[:16]}"


@contextmanager
def _reported(store: SqlStore, leader: str, clock: Callable[[], float]) -> Iterator[None]:
    """Record in the event log that a leader lied; an unreachable leader is not recorded."""
    try:
        yield
    except EraSwitchError as error:
        if isinstance(error, UnexpectedAnswerError | ProviderOfOtherNetworkError | ReadLimitExceededError):
            facts = {"leader": leader, "code": error.code, "words": str(error)[:500]}
            store.events.append("follow-refused", facts, time_s=clock())
        elif not isinstance(error, ChainReadError):
            raise LeaderHistoryError(
                f"{leader} reports an impossible history",
                expected="authentic payloads and registrations",
                got=str(error)[:300],
                next_step="Follow another leader; nothing was taken from this one",
                leader=leader,
            ) from error
        raise

"""The registrations that a leader hands on, epoch by epoch, with every signature verified.

In: a ``LeaderClient``, or the URL of a service, and the epoch up to which they were taken before. Out: registrations,
newest epoch first; nothing is written here. If one has a false signature, none is taken. The newest of a party is found
by time, so the time of a signed one is what its party signed, and no other is of the future: it would never be outdone.
"""

import time
from contextlib import closing
from dataclasses import dataclass

from chain_reader.providers.leader.client import LeaderClient, LeaderRegistration
from chain_reader.providers.leader.walk import LeaderHistoryError
from chain_reader.providers.transport.limits import MEBIBYTE
from era_store import Registration, SqlRegistrations, temporary_registrations
from era_store.capability import Capability
from era_store.registrations import MAX_LOVELACE, MAX_REGISTRATION_EPOCH
from eras import Epoch
from eras.words import counted
from release_tools.registrations.judging import AHEAD_S
from release_tools.registrations.signed import Signed, sort_by_signature

EMPTY_EPOCHS = 10
"""After this many epochs without a registration, going back, there are no older ones."""

MAX_REGISTRATIONS = MEBIBYTE
"""Registrations taken at once; a leader with more is followed from a newer epoch on."""


def fetch_registrations(
    client: LeaderClient, network_magic: int | None, source: str, epoch: int, since: int | None, *, now_s: float
) -> list[Registration]:
    """The registrations of the epochs up to ``epoch``.

    Args:
        client: the client of the leader.
        network_magic: the magic of their network.
        source: their source, as they are stored.
        epoch: the newest epoch.
        since: the oldest epoch, of which some were taken before; ``None`` for all epochs.
        now_s: POSIX time.

    Raises:
        LeaderHistoryError: one is of another epoch, a duplicate, not signed by its party, or of the future.
        ChainReadError: they could not be read.
    """
    found: list[Registration] = []
    empty = 0
    if epoch > MAX_REGISTRATION_EPOCH:
        raise _untrue(client, f"an epoch up to {MAX_REGISTRATION_EPOCH}", str(epoch))
    for at in range(epoch, -1 if since is None else min(since, epoch) - 1, -1):
        rows = _of_epoch(client, at, source, MAX_REGISTRATIONS - len(found), now_s)
        refused = sort_by_signature(rows, network_magic).refused
        if refused:
            raise _untrue(client, f"registrations signed by their parties in epoch {at}", refused[0][1])
        found += rows
        empty = 0 if rows else empty + 1
        if empty == EMPTY_EPOCHS:  # with ``since`` too: a leader may name any epoch
            break
    return found


def _of_epoch(client: LeaderClient, epoch: int, source: str, room: int, now_s: float) -> list[Registration]:
    rows: dict[str, Registration] = {}
    after: str | None = None
    until = client.until()
    while True:
        page = client.registrations(epoch, after, until)
        for one in page.registrations:
            if one.epoch != epoch or one.party_id in rows:
                raise _untrue(client, f"each party of epoch {epoch} once", f"{one.party_id} of epoch {one.epoch}")
            rows[one.party_id] = _registration(one, source, client, now_s)
        if len(rows) > room:
            raise client.beyond("/registrations", f"at most {MAX_REGISTRATIONS} registrations", "registrations")
        if page.next is None:
            return list(rows.values())
        if not page.registrations:
            raise _untrue(client, "a next page with registrations", "an empty one")
        after = page.next


def _registration(one: LeaderRegistration, source: str, client: LeaderClient, now_s: float) -> Registration:
    if one.stake > MAX_LOVELACE:
        raise _untrue(client, "a possible stake", f"{one.stake} lovelace of {one.party_id}")
    capability = Capability.of(one.capability)
    if capability is None and one.capability is not None:
        raise _untrue(client, f"a capability of {one.party_id} that can be read", f"{one.capability}")
    seen_at_s, signed = one.seen_at_s, None
    if one.key is not None or one.signature is not None:
        if one.key is None or one.signature is None or one.time_s is None:
            raise _untrue(client, f"a complete signature of {one.party_id}", "a partial one")
        seen_at_s, signed = float(one.time_s), Signed(one.key, one.signature, one.time_s, one.stated_stake).to_bytes()
    if seen_at_s > now_s + AHEAD_S:
        raise _untrue(client, f"a registration of {one.party_id} up to {int(now_s)}", f"one of {int(seen_at_s)}")
    return Registration(one.party_id, Epoch(one.epoch), one.version, one.stake, seen_at_s, source, signed, capability)


def _untrue(client: LeaderClient, expected: str, got: str) -> LeaderHistoryError:
    return LeaderHistoryError(
        f"{client.name} serves registrations that are not authentic",
        expected=expected,
        got=got[:300],
        next_step="Follow another leader; nothing was taken from this one",
        leader=client.name,
    )


@dataclass(frozen=True, slots=True)
class HandedOn:
    """The documents taken from a service.

    Attributes:
        repository: the registrations.
        words: their number, and how many are signed, in words.
    """

    repository: SqlRegistrations
    words: str


def handed_on_by(url: str, network_magic: int | None, *, verify: bool) -> HandedOn:
    """The registrations of a service, in memory, to be counted without trusting the service that collected them.

    Every signature is verified; if one is false, no registration is taken. Only the chain knows a party's stake.

    Args:
        url: the base URL of the service.
        network_magic: the magic of the network that signatures must be for; ``None`` for the service's own.
        verify: whether unsigned ones are left out.

    Raises:
        LeaderHistoryError: one is not signed by its party.
        ChainReadError: they could not be read.
        ConfigurationError: the URL cannot be used.
    """
    with closing(LeaderClient(url)) as client:
        config = client.config(client.until())
        magic = config.network.magic if network_magic is None else network_magic
        # A registration may be for the epoch after this one.
        rows = fetch_registrations(client, magic, client.name, config.epoch + 1, None, now_s=time.time())
        name = client.name
    found = sort_by_signature(rows, magic)
    kept = found.verified if verify else (*found.verified, *found.unsigned)
    repository = temporary_registrations()
    repository.ingest(kept, source=name, time_s=time.time())
    words = f"{name} serves {counted(len(rows), 'registration')}, {len(found.verified)} of them signed by their parties"
    altered = sum(b'"stake"' in (row.signed or b"") for row in kept)
    if altered:
        words += f"; of {altered} the stake is the service's figure, not the one that was signed"
    if verify:
        words += f"; the {len(found.unsigned)} that nobody signed are not counted"
    if network_magic is None:
        words += f". The network is the one that the service names (magic {magic}): confirm it with --network"
    return HandedOn(repository, words)

"""Registrations that a service hands on, to be counted here: adoption worked out without trusting who collected it.

In: the URL of a service. Out: the registrations in memory, and in words what is known of them. Every signature that is
there is verified; a false one, and none is taken. With ``verify`` those without a signature are left out too, so that
what is counted is what the parties themselves have said. What a party's stake is, only the chain can say.
"""

import time
from contextlib import closing
from dataclasses import dataclass

from chain_reader.providers.leader.client import LeaderClient
from era_service.follower.registrations import fetch_registrations
from era_store import SqlRegistrations, temporary_registrations
from release_tools.registrations.signed import sort_by_signature


@dataclass(frozen=True, slots=True)
class HandedOn:
    """The documents taken from a service.

    Attributes:
        repository: the registrations.
        words: how many, and how many of them are signed.
    """

    repository: SqlRegistrations
    words: str


def handed_on_by(url: str, network_magic: int | None, *, verify: bool) -> HandedOn:
    """The registrations of a service.

    Args:
        url: where it begins.
        network_magic: of the network that what is signed must be of; ``None`` takes the service's word for it.
        verify: whether those that nobody signed are left out.

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
    counted = found.verified if verify else (*found.verified, *found.unsigned)
    repository = temporary_registrations()
    repository.ingest(counted, source=name, time_s=time.time())
    words = f"{name} serves {len(rows)} registrations, {len(found.verified)} of them signed by their parties"
    altered = sum(b'"stake"' in (row.signed or b"") for row in counted)
    if altered:
        words += f"; of {altered} the stake is the service's figure, not the one that was signed"
    if verify:
        words += f"; the {len(found.unsigned)} that nobody signed are not counted"
    if network_magic is None:
        words += f". The network is the one that the service names (magic {magic}): confirm it with --network"
    return HandedOn(repository, words)

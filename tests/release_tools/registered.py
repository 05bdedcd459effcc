"""Registrations for tests, told in a few words, in a database in memory."""

import pytest

from era_store import Registration, SqlRegistrations, temporary_registrations
from eras import Epoch

ADA = 1_000_000


def registration(
    party_id: str, version: str | None, stake: int, epoch: int = 5, *, seen_at_s: float = 0.0
) -> Registration:
    return Registration(party_id, Epoch(epoch), version, stake, seen_at_s, "test")


def register(repository: SqlRegistrations, *rows: Registration) -> None:
    repository.ingest(rows, source="test", time_s=0.0)


def told(repository: SqlRegistrations, epoch: int, words: str) -> None:
    """Register ``a 0.2.0 70, b - 30``: party, version (``-`` for none) and stake, one after the other."""
    entries = (entry.split() for entry in words.split(","))
    register(
        repository,
        *(
            registration(party_id, None if version == "-" else version, int(stake), epoch)
            for party_id, version, stake in entries
        ),
    )


@pytest.fixture
def repository() -> SqlRegistrations:
    return temporary_registrations()

"""A store of each kind, and what can be put into one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from era_store import (
    MemoryStore,
    SeenPayload,
    Sighting,
    SqlStore,
    Store,
    StoredOutput,
    StoredTrust,
    TrustKey,
    open_store,
)
from eras import MAX_EPOCH, Epoch, EraMarker, Slot

KEY = TrustKey(("bb" * 32, "aa" * 32), 42, "addr_test1era")
OTHER_NETWORK = TrustKey(KEY.keys, 1, KEY.address)


def output(number: int = 1) -> StoredOutput:
    return StoredOutput(
        transaction=f"{number:064x}",
        index=number,
        datum="d87980",
        content=b'{"markers":[]}',
        markers=(EraMarker("thales", Epoch(1)), EraMarker("é", None), EraMarker("far", MAX_EPOCH)),
        lovelace=2**63,
        slot=Slot(2**64 - 1),
        height=7,
    )


def seen(digest: str = "dd" * 32, **changed: object) -> SeenPayload:
    facts: dict[str, object] = {
        "digest": digest, "content": b"\x00content", "reference": f"{1:064x}#0", "slot": Slot(5), "height": None,
        "seen_epoch": Epoch(3), "seen_height": 8, "verdict": "Impostor", "reason": "why not",
    }  # fmt: skip
    return SeenPayload(**(facts | changed))  # type: ignore[arg-type]


def trust(**changed: object) -> StoredTrust:
    facts: dict[str, object] = {
        "trusted": output(), "epoch": Epoch(5), "tip_slot": Slot(500), "activation": EraMarker("th\0ales", MAX_EPOCH),
        "sequence": 2**64 - 1, "payloads": (seen(), seen("ee" * 32, superseded=True)),
        "superseded_outputs": frozenset({"aa#0", "bb#1"}), "stale": "the provider is silent", "legacy_differs": True,
        "malformed": 7, "complete": True, "proven": True,
        "sighting": Sighting(Epoch(5), Slot(500), 1.5, (Epoch(6), Slot(600))),
    }  # fmt: skip
    return StoredTrust(**(facts | changed))  # type: ignore[arg-type]


@pytest.fixture
def sql_store(sql_url: str) -> Iterator[SqlStore]:
    """A store on each engine in turn."""
    with open_store(sql_url) as store:
        yield store


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[SqlStore]:
    """A store in a SQLite file."""
    with open_store(str(tmp_path / "file.sqlite3")) as store:
        yield store


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each kind of store in turn."""
    if request.param == "memory":
        yield MemoryStore()
        return
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else str(tmp_path / "store.sqlite3")
    with open_store(url) as made:
        yield made

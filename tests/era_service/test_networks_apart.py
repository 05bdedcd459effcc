"""Networks that share a store share no registration, token or backup."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.era_service.conftest import invoke

TABLE = 'lagrange = ">=0.3.12"\n'
ROWS = '{"party_id":"pool1a","epoch":740,"stake":10,"version":"0.3.12"}\n'
GATE = ("adoption", "gate", "lagrange", "--threshold", "95%", "--epoch", "740", "--compatibility", "table.toml")


@pytest.fixture
def rehearsed(own_folders: Path) -> Path:
    """A store into which registrations of a network named ``testing-preview`` were ingested."""
    (own_folders / "table.toml").write_text(TABLE)
    (own_folders / "rows.jsonl").write_text(ROWS)
    ingest = ("adoption", "ingest", "rows.jsonl", "--store", "store.sqlite3", "--current-epoch", "740")
    assert invoke("--network", "testing-preview", *ingest).exit_code == 0
    return own_folders


@pytest.mark.parametrize("network", ["release-mainnet", "pre-release-preview"])
def test_registrations_of_one_network_meet_no_gate_of_another(rehearsed: Path, network: str) -> None:
    assert invoke("--network", "testing-preview", *GATE, "--store", "store.sqlite3").exit_code == 0
    found = invoke("--network", network, *GATE, "--store", "store.sqlite3")
    assert found.exit_code == 6, found.output


def test_a_token_of_one_network_is_not_one_of_another(rehearsed: Path) -> None:
    made = ("token", "new", "nodes", "--scope", "registrations:write", "--store", "store.sqlite3", "--out", "token")
    assert invoke("--network", "testing-preview", *made).exit_code == 0
    listed = ("token", "list", "--store", "store.sqlite3", "--json")
    assert len(json.loads(invoke("--network", "testing-preview", *listed).stdout)["tokens"]) == 1
    assert json.loads(invoke("--network", "pre-release-preview", *listed).stdout)["tokens"] == []


@pytest.mark.parametrize("network", ["release-mainnet", "pre-release-preview"])
def test_a_backup_of_another_network_is_refused(rehearsed: Path, network: str) -> None:
    assert invoke("db", "backup", "backup.sqlite3", "--store", "store.sqlite3").exit_code == 0
    restore = ("db", "restore", "backup.sqlite3", "--yes", "--json")
    found = invoke("--network", network, *restore, "--store", "new.sqlite3")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["error"]["code"] == "StoreOfOtherNetwork"
    assert not Path("new.sqlite3").exists()
    ingest = ("adoption", "ingest", "rows.jsonl", "--store", "mine.sqlite3", "--current-epoch", "740")
    assert invoke("--network", network, *ingest).exit_code == 0
    assert invoke(*restore, "--store", "mine.sqlite3").exit_code == 1, "by what the store holds"
    with closing(sqlite3.connect("mine.sqlite3")) as mine:
        assert mine.execute("SELECT count(*) FROM registration").fetchone() == (1,)
    assert invoke("--network", "testing-preview", *restore, "--store", "new.sqlite3").exit_code == 0

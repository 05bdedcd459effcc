"""A damaged store is an error of the store with a next step, in every command that opens it, and never a bug."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chain_reader.local_chain import Genesis, LocalChain
from era_store import Registration, open_store
from era_store.sql.maintenance import backup_store
from eras import Epoch, StoreError
from tests.era_service.conftest import invoke
from tests.era_store.conftest import KEY, trust
from tests.local_chain.test_chain import ADDRESS

STORE, CHAIN = "store.sqlite3", "chain.sqlite3"
COMMANDS = (
    ("db", "check"), ("db", "backup", "copy"), ("db", "upgrade"), ("events", "cat"), ("events", "verify"),
    ("events", "replay"), ("events", "export", "events"), ("events", "compact"), ("adoption", "summary"),
    ("adoption", "rejects"), ("adoption", "rebuild"), ("adoption", "export"), ("adoption", "ingest", "rows.csv"),
    ("token", "list"), ("token", "new", "node"), ("doctor",), ("status",), ("watch", "--once"),
)  # fmt: skip
CHAIN_COMMANDS = (
    ("local-chain", "show", CHAIN), ("local-chain", "advance", CHAIN, "--epochs", "1"), ("status",), ("doctor",),
)  # fmt: skip
FAMILY = ("StoreDamaged", "StoreForeign", "StoreUnavailable", "EventLogDamaged", "StoreNewer")


def overwrite(start: int, filling: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[start:] = filling * (len(content) - start)
        path.write_bytes(content)

    return damage


def cut(share: float) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)]) and None


def sql(*statements: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            for statement in statements:
                db.execute(statement)

    return damage


FILES = {
    "cut": cut(0.5),
    "cut within its first page": cut(0.001),
    "not a database": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" * 512) and None,
    "pages overwritten": overwrite(4096, b"\xff"),
    "schema overwritten": overwrite(100, b"\xfe"),
}
STORES = FILES | {
    "a missing table": sql(*(f"DROP TABLE {name}" for name in ("event", "registration_tally", "trust", "api_token"))),
    "facts that are not JSON": sql("UPDATE event SET facts = 'x'", "UPDATE event_head SET last_hash = 'zz'"),
    "numbers that are text": sql(
        "UPDATE registration SET stake = 'x'", "UPDATE registration_tally SET stake = 'x'",
        "UPDATE event SET time_s = 'x'", "UPDATE api_token SET made_at_s = 'x'",
        "UPDATE trust SET trusted_markers = 'x'",
    ),
    "text that is not UTF-8": sql(
        "UPDATE event SET facts = CAST(x'ff' AS TEXT)", "UPDATE registration SET version = x'ff'",
    ),
}  # fmt: skip
CHAINS = FILES | {
    "a missing table": sql("DROP TABLE block"),
    "a genesis that is not JSON": sql("UPDATE chain SET genesis = 'x'"),
    "no genesis": sql("DELETE FROM chain"),
    "no block": sql("PRAGMA foreign_keys = OFF", "DELETE FROM block"),
}


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("intact")
    with open_store(str(folder / "made")) as store:
        store.trust.save(KEY, trust(), time_s=1.0)
        rows = [Registration(f"pool{number}", Epoch(5), "1.2.3", 100, 1.0, "file") for number in range(200)]
        store.registrations.ingest(rows, source="file", time_s=1.0)
        for _ in range(20):
            store.events.append("kind", {"text": "x" * 500}, time_s=1.0)
    assert invoke("token", "new", "node", "--store", str(folder / "made")).exit_code == 0
    backup_store(str(folder / "made"), folder / STORE)
    LocalChain.create(folder / "chain", genesis=Genesis(clock_mode="manual")).close()
    with closing(sqlite3.connect(folder / "chain")) as chain, closing(sqlite3.connect(folder / CHAIN)) as copy:
        chain.backup(copy)
    return folder


def damaged_copy(intact: Path, name: str, damage: Callable[[Path], None]) -> Path:
    path = Path(name).absolute()
    for beside in ("-wal", "-shm"):
        Path(f"{path}{beside}").unlink(missing_ok=True)
    path.write_bytes((intact / name).read_bytes())
    damage(path)
    return path


@pytest.mark.parametrize("kind", STORES)
def test_of_a_damaged_store_every_command_says_what_to_do(own_folders: Path, intact: Path, kind: str) -> None:
    Path("rows.csv").write_text("party_id,epoch,version,stake\npool1,5,1.2.4,100\n")
    codes = set()
    for command in COMMANDS:
        path = damaged_copy(intact, STORE, STORES[kind])
        result = invoke(*command, "--json", env={"ERASWITCH_STORE__URL": str(path)})
        assert "A bug in eraswitch" not in result.output, (command, result.output)
        codes |= {code for code in FAMILY if f'"code":"{code}"' in result.stdout}
        if result.exit_code == 1 and command[0] != "doctor" and "faults" not in result.stdout:
            assert STORE in result.stderr or "event log" in result.stderr, (command, result.stderr)
    assert codes, "at least those that read what is damaged refuse it"


@pytest.mark.parametrize("kind", CHAINS)
def test_of_a_damaged_local_chain_every_command_says_what_to_do(own_folders: Path, intact: Path, kind: str) -> None:
    for command in CHAIN_COMMANDS:
        path = damaged_copy(intact, CHAIN, CHAINS[kind])
        environ = {
            "ERASWITCH_READER__PROVIDERS": f"local:{path}",
            "ERASWITCH_NETWORK__ERA_ADDRESS": KEY.address,
            "ERASWITCH_NETWORK__VERIFICATION_KEY": KEY.keys[0],
            "ERASWITCH_NETWORK__MAGIC": "42",
        }
        result = invoke(*command, "--json", env=environ)
        assert "A bug in eraswitch" not in result.output, (command, result.output)
        assert result.exit_code != 0, command


@pytest.mark.parametrize("change", ["assets = 'x'", "lovelace = 'x'"])
def test_an_output_of_a_local_chain_that_cannot_be_read_back(tmp_path: Path, change: str) -> None:
    with LocalChain.create(tmp_path / CHAIN, genesis=Genesis(clock_mode="manual")) as chain:
        chain.fund(ADDRESS, 5_000_000)
        sql(f"UPDATE output SET {change}")(tmp_path / CHAIN)
        with pytest.raises(StoreError, match=CHAIN):
            chain.outputs(ADDRESS)

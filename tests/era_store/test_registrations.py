"""Registrations: what every store makes of them, in SQLite and in PostgreSQL alike."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from era_store import (
    Capability,
    Registration,
    Reject,
    SqlStore,
    StoreDamagedError,
    VersionTally,
    Withdrawal,
    check_store,
    open_store,
    release_of,
    temporary_registrations,
)
from era_store.errors import StoreError
from era_store.networks import NetworkKey
from era_store.registrations import MAX_LOVELACE, MAX_REGISTRATION_EPOCH, IngestResult, Uncounted
from eras import Epoch
from tests.forked import Forked


@pytest.fixture
def store(sql_store: SqlStore) -> SqlStore:
    """A store that keeps registrations, on each engine in turn."""
    return sql_store


def said(party: str = "pool1a", epoch: int = 5, version: str | None = "1.2.3", stake: int = 10, **facts: object):
    given: dict[str, object] = {"seen_at_s": 1.0, "source": "test"} | facts
    return Registration(party, Epoch(epoch), version, stake, **given)  # type: ignore[arg-type]


def add(
    store: SqlStore, *rows: Registration, rejects: Iterable[Reject] = (), cursor: str | None = None
) -> IngestResult:
    return store.registrations.ingest(rows, tuple(rejects), source="test", cursor=cursor, time_s=7.0)


def test_before_anything_was_said(store: SqlStore) -> None:
    found = store.registrations
    assert found.epochs() == ()
    assert found.tally(Epoch(5)) == ()
    assert list(found.newest(Epoch(5))) == []
    assert list(found.newest_within(Epoch(5), 3)) == []
    assert found.cursor("test") is None
    assert found.rejects() == ()
    assert found.network_stake(Epoch(5)) is None
    assert found.rebuild() == 0


def test_unsigned_rows_of_parties_that_have_signed_for_the_epoch_are_refused_on_demand(store: SqlStore) -> None:
    add(store, said("a", 5, signed=b"x"), said("b", 5), said("c", 6, signed=b"x"), said("a", 5, seen_at_s=2.0))
    unsigned = [said("b", 5, seen_at_s=3.0), said("a", 5, seen_at_s=3.0), said("c", 5), said("a", 6), said("c", 6)]
    rows, of_signer = [*unsigned, said("a", 5, seen_at_s=4.0, signed=b"y")], Reject("row 1", "not signed")
    given = {"source": "test", "time_s": 8.0, "refuse": {1: of_signer, 4: None}.__getitem__}
    assert store.registrations.ingest(rows, **given) == IngestResult(accepted=4, repeated=0, rejected=1)
    assert [one.reject for one in store.registrations.rejects()] == [of_signer]
    newest = {(row.party_id, row.epoch): row.seen_at_s for row in store.registrations.newest_within(Epoch(5), 1)}
    assert newest == {("a", 5): 4.0, ("b", 5): 3.0, ("c", 5): 1.0}
    assert [row.signed for row in store.registrations.newest(Epoch(6))] == [None, b"x"]
    assert store.registrations.rebuild() == 0


def test_the_number_of_a_party_is_remembered_only_where_it_is_committed_and_in_this_database(store: SqlStore) -> None:
    def fail(_index: int) -> None:
        raise RuntimeError("the transaction is undone")

    add(store, said("a", 5, signed=b"x"))
    with pytest.raises(RuntimeError, match="is undone"):
        store.registrations.ingest([said("b"), said("a")], source="test", time_s=8.0, refuse=fail)
    add(store, said("c", stake=9), said("b", stake=8))
    assert [row.party_id for row in store.registrations.newest(Epoch(5))] == ["a", "c", "b"]
    with store.registrations._database.write() as connection:  # as if another database were in its place
        for table in ("registration", "registration_tally", "party"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("INSERT INTO party (id, network, party_id) SELECT 3, min(id), 'other' FROM network"))
    add(store, said("c", stake=9), said("b", stake=8))
    assert [row.party_id for row in store.registrations.newest(Epoch(5))] == ["c", "b"]


def test_the_stake_of_a_party_is_known_by_what_other_sources_said_last(store: SqlStore) -> None:
    add(store, said("a", 4, stake=1), said("a", 5, stake=2), said("a", 6, stake=3, source="own"), said("b", 3, stake=4))
    add(store, said("c", 7, stake=5), said("c", 5, stake=6, seen_at_s=2.0), said("c", 5, stake=7))
    asked = {"party_ids": ["a", "b", "c", "nobody"], "last": Epoch(6), "apart_from": "own"}
    assert store.registrations.stakes(**asked, epochs=3) == {"a": 2, "c": 6}
    assert store.registrations.stakes(**asked, epochs=10) == {"a": 2, "b": 4, "c": 6}
    assert store.registrations.stakes(**asked | {"apart_from": "nobody"}, epochs=3) == {"a": 3, "c": 6}


def test_a_registration_comes_back_as_it_was_said(store: SqlStore) -> None:
    rows = [
        said("pool1é", 0, None, 0, seen_at_s=0.0, source="elsewhere"),
        said("p" * 300, MAX_REGISTRATION_EPOCH, "not semver \U0001f600", MAX_LOVELACE, seen_at_s=1.7e9 + 0.123456),
        said("pool1s", 5, "1.2.3+abc", 2**40, signed=b"\x00signed"),
    ]
    assert add(store, *rows) == IngestResult(accepted=3)
    for row in rows:
        assert list(store.registrations.newest(row.epoch)) == [row]


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("0.2.209+abc", "0.2.209"),
        ("0.2.209", "0.2.209"),
        ("1.0.0-rc.1+x+y", "1.0.0-rc.1"),
        ("+abc", None),
        (" 0.3.12\t", "0.3.12"),
        ("v0.3.12-rc.1+abc", "0.3.12-rc.1"),
        ("V1", "1"),
        ("vanilla", "vanilla"),
        (" v ", "v"),
        ("  ", None),
        (None, None),
    ],
)
def test_a_release_is_a_version_without_its_build_metadata(store: SqlStore, version: str | None, release: str | None):
    add(store, said(version=version))
    assert release_of(version) == said(version=version).release == release
    assert store.registrations.tally(Epoch(5)) == (VersionTally(release, 10, 1),)


def test_the_same_content_again_changes_nothing_whatever_its_source(store: SqlStore) -> None:
    row = said(version=None)
    assert add(store, row, row) == IngestResult(accepted=1, repeated=1)
    assert add(store, row, row._replace(source="copy")) == IngestResult(repeated=2)
    assert store.registrations.tally(Epoch(5)) == (VersionTally(None, 10, 1),)


@pytest.mark.parametrize("at_once", [True, False])
def test_the_newest_counts_by_time_seen_then_by_arrival(store: SqlStore, at_once: bool) -> None:
    rows = [
        said(version="2", stake=3, seen_at_s=2.0),
        said(version="1", stake=9, seen_at_s=1.0),  # arrived later, but seen before
        said(version="9", stake=1, seen_at_s=2.0),
        said(version="3", stake=2, seen_at_s=2.0),  # seen at the same time as two, arrived after both
        said(version="9", stake=1, seen_at_s=2.0),  # a repetition arrives for the first time once only
        said(version="2", stake=3, seen_at_s=2.0),
    ]
    for some in [rows] if at_once else [[row] for row in rows]:
        add(store, *some)
    assert list(store.registrations.newest(Epoch(5))) == [rows[3]]
    assert store.registrations.tally(Epoch(5)) == (VersionTally("3", 2, 1),)
    assert store.registrations.rebuild() == 0


def test_a_party_that_upgrades_leaves_its_old_release(store: SqlStore) -> None:
    add(store, said("a", version="1"), said("b", version="1", stake=5))
    add(store, said("a", version="2+x", stake=11, seen_at_s=2.0))
    assert store.registrations.tally(Epoch(5)) == (VersionTally("2", 11, 1), VersionTally("1", 5, 1))
    add(store, said("b", version="2", stake=5, seen_at_s=3.0))
    assert store.registrations.tally(Epoch(5)) == (VersionTally("2", 16, 2),)


def test_a_change_of_the_build_alone_changes_no_tally(store: SqlStore) -> None:
    add(store, said(version="1+a"))
    add(store, said(version="1+b", seen_at_s=2.0))
    assert store.registrations.tally(Epoch(5)) == (VersionTally("1", 10, 1),)


def test_epochs_stand_apart(store: SqlStore) -> None:
    add(store, said(epoch=5), said(epoch=7, stake=20), said(epoch=6, version="2"))
    assert store.registrations.epochs() == (7, 6, 5)
    assert store.registrations.tally(Epoch(7)) == (VersionTally("1.2.3", 20, 1),)
    assert store.registrations.tally(Epoch(8)) == ()


def test_the_largest_come_first_and_pages_miss_none(store: SqlStore) -> None:
    rows = [said(f"p{number}", stake=stake) for number, stake in enumerate((5, 9, 5, 1, 9))]
    add(store, *rows)
    order = ["p1", "p4", "p0", "p2", "p3"]
    found = store.registrations
    assert [row.party_id for row in found.newest(Epoch(5))] == order
    assert [row.party_id for row in found.newest(Epoch(5), limit=2)] == order[:2]
    pages = []
    after = None
    while page := list(found.newest(Epoch(5), after=after, limit=2)):
        after = page[-1].party_id
        pages += [row.party_id for row in page]
    assert pages == order
    assert list(found.newest(Epoch(5), after="unknown")) == []


def test_the_newest_of_each_party_over_some_epochs(store: SqlStore) -> None:
    add(
        store,
        said("a", 5, "1", seen_at_s=9.0),
        said("a", 6, "2", seen_at_s=3.0),
        said("a", 6, "3", seen_at_s=4.0),
        said("b", 4),
        said("c", 7),
        said("d", 3),
    )
    found = {row.party_id: (row.epoch, row.version) for row in store.registrations.newest_within(Epoch(6), 3)}
    assert found == {"a": (6, "3"), "b": (4, "1.2.3")}
    tallied = store.registrations.tally(Epoch(6), epochs=3)
    assert {(tally.release, tally.parties) for tally in tallied} == {("3", 1), ("1.2.3", 1)}


def test_numbers_that_cannot_be_are_refused_and_nothing_of_the_batch_is_added(store: SqlStore) -> None:
    for bad in (said(stake=-1), said(stake=MAX_LOVELACE + 1), said(epoch=-1), said(epoch=MAX_REGISTRATION_EPOCH + 1)):
        with pytest.raises(ValueError, match="from 0 to"):
            add(store, said("pool1b"), bad, cursor="read")
    assert store.registrations.epochs() == ()
    assert store.registrations.cursor("test") is None


def test_stakes_whose_sum_no_database_can_hold(store: SqlStore) -> None:
    rows = [said(f"p{number}", stake=MAX_LOVELACE) for number in range(300)]
    add(store, *rows[:1])
    add(store, *rows)
    assert store.registrations.tally(Epoch(5)) == (VersionTally("1.2.3", 300 * MAX_LOVELACE, 300),)
    assert store.registrations.rebuild() == 0


def test_cursors_belong_to_their_sources(store: SqlStore) -> None:
    add(store, cursor="one")
    assert store.registrations.cursor("test") == "one"
    assert store.registrations.cursor("other") is None
    add(store, said())
    assert store.registrations.cursor("test") == "one", "a batch without one leaves what is kept"
    add(store, cursor="two")
    assert store.registrations.cursor("test") == "two"


def test_rejects_are_kept_once_with_their_reasons(store: SqlStore) -> None:
    first, second = Reject("line 1", "negative stake", "x\0y"), Reject("line 2", "no epoch")
    assert add(store, rejects=[first, second, second]) == IngestResult(rejected=3)
    assert add(store, rejects=[first]) == IngestResult(rejected=1)
    kept = store.registrations.rejects()
    assert [(entry.source, entry.reject.place, entry.reject.reason, entry.time_s) for entry in kept] == [
        ("test", "line 1", "negative stake", 7.0),
        ("test", "line 2", "no epoch", 7.0),
    ]
    assert store.registrations.rejects(limit=1) == kept[:1]
    assert store.registrations.rejects(after=kept[0].id) == kept[1:]
    assert store.registrations.rejects(source="other") == ()


def test_the_stake_of_the_network(store: SqlStore) -> None:
    found = store.registrations
    found.set_network_stake(Epoch(5), 10, source="chain", time_s=1.0)
    found.set_network_stake(Epoch(5), MAX_LOVELACE, source="file", time_s=2.0)
    assert (found.network_stake(Epoch(5)), found.network_stake(Epoch(6))) == (MAX_LOVELACE, None)
    with pytest.raises(ValueError, match="stake"):
        found.set_network_stake(Epoch(5), MAX_LOVELACE + 1, source="file", time_s=3.0)


def test_the_rollup_is_what_a_recount_says_after_any_history(store: SqlStore) -> None:
    chance = random.Random(5)
    known: list[Registration] = []
    for _ in range(60):
        rows = [
            said(
                f"p{chance.randrange(12)}",
                chance.randrange(4),
                chance.choice([None, "1", "1+a", "2", "2+b", "x"]),
                chance.randrange(3),
                seen_at_s=float(chance.randrange(4)),
            )
            for _ in range(chance.randrange(1, 12))
        ]
        new = [row for place, row in enumerate(rows) if row not in known and row not in rows[:place]]
        assert add(store, *rows) == IngestResult(len(new), len(rows) - len(new))
        known += new
        for epoch in {row.epoch for row in known}:
            newest = newest_of(row for row in known if row.epoch == epoch)
            assert list(store.registrations.newest(epoch)) == sorted(newest, key=lambda row: (-row.stake, row.party_id))
            assert set(store.registrations.tally(epoch)) == tallies_of(newest)
            assert store.registrations.stakes_of(epoch) == {row.party_id: row.stake for row in newest}
    assert store.registrations.epochs() == (3, 2, 1, 0)
    for epochs in (4, 2):
        some = sorted((row for row in known if row.epoch > 3 - epochs), key=lambda row: row.epoch)
        newest = newest_of(some, key=lambda row: (row.epoch, row.seen_at_s))
        assert list(store.registrations.newest_within(Epoch(3), epochs)) == newest
        assert set(store.registrations.tally(Epoch(3), epochs=epochs)) == tallies_of(newest)
    assert store.registrations.rebuild() == 0


def newest_of(
    rows: Iterable[Registration], key: Callable[[Registration], object] = lambda row: row.seen_at_s
) -> list[Registration]:
    """Rule 2 of registrations, row by row: of each party the one seen last, and of those the one that arrived last."""
    parties: dict[str, Registration] = {}
    for row in sorted(rows, key=key):  # type: ignore[arg-type]
        parties[row.party_id] = row
    return [parties[party_id] for party_id in sorted(parties)]


def tallies_of(newest: Iterable[Registration]) -> set[VersionTally]:
    """Rule 3: what each release has, by adding it up."""
    stakes: dict[str | None, list[int]] = {}
    for row in newest:
        stakes.setdefault(row.release, []).append(row.stake)
    return {VersionTally(release, sum(some), len(some)) for release, some in stakes.items()}


def test_those_in_memory_stand_apart_and_are_of_every_thread() -> None:
    registrations, other = temporary_registrations(), temporary_registrations()
    with ThreadPoolExecutor(4) as pool:
        given = [[said(f"p{number}", stake=number + 1)] for number in range(8)]
        list(pool.map(lambda rows: registrations.ingest(rows, source="test", time_s=1.0), given))
    assert registrations.tally(Epoch(5)) == (VersionTally("1.2.3", 36, 8),)
    assert other.epochs() == ()


def test_a_rollup_that_was_tampered_with_is_repaired(sql_store: SqlStore) -> None:
    add(sql_store, said("a", 5, "1"), said("b", 5, "2"), said("c", 6, "1"), said("d", 250, "1"))
    true = [sql_store.registrations.tally(epoch) for epoch in sql_store.registrations.epochs()]
    with sql_store.database.write() as connection:
        connection.execute(text("UPDATE registration_tally SET stake = '11' WHERE epoch = 5 AND release = '1'"))
        connection.execute(text("DELETE FROM registration_tally WHERE epoch = 6"))
        connection.execute(text("INSERT INTO registration_tally VALUES (1, 5, '7', 0, '1', 1), (1, 9, '', 0, '2', 2)"))
    seen: list[int] = []
    assert sql_store.registrations.rebuild(progress=seen.append) == 4
    assert seen == [5, 6, 9, 250]
    assert [sql_store.registrations.tally(epoch) for epoch in sql_store.registrations.epochs()] == true
    assert sql_store.registrations.rebuild() == 0


def test_a_batch_of_many_epochs_and_parties(sql_store: SqlStore) -> None:
    rows = [said(f"p{number % 700}", number % 1300, stake=number) for number in range(5000)]
    rejects = [Reject(f"line {number}", "bad") for number in range(1200)]
    assert add(sql_store, *rows, rejects=rejects).accepted == 5000
    assert add(sql_store, *rows, rejects=rejects).repeated == 5000
    assert sql_store.registrations.epochs() == tuple(range(1299, -1, -1))
    for epoch in map(Epoch, (0, 99, 100, 1299)):
        assert set(sql_store.registrations.tally(epoch)) == tallies_of(row for row in rows if row.epoch == epoch)
    assert len(sql_store.registrations.rejects()) == 1200


def test_an_ingest_that_fails_leaves_nothing(sql_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add(sql_store, said(), cursor="before")

    def broken(*_: object) -> None:
        raise RuntimeError("the process broke")

    monkeypatch.setattr("era_store.sql.registrations._keep_rejects", broken)
    with pytest.raises(RuntimeError):
        add(sql_store, said("b"), said("c", 300), cursor="after")
    monkeypatch.undo()
    assert sql_store.registrations.cursor("test") == "before"
    assert sql_store.registrations.epochs() == (5,)
    assert sql_store.registrations.tally(Epoch(5)) == (VersionTally("1.2.3", 10, 1),)
    assert add(sql_store, said("b"), said("c", 300), cursor="after").accepted == 2


def test_writers_of_the_same_epoch_take_turns(sql_url: str) -> None:
    def write(name: str) -> None:
        with open_store(sql_url) as store:
            for number in range(10):
                add(
                    store,
                    *(said(f"{name}{n}", seen_at_s=float(number)) for n in range(5)),
                    said("shared", stake=number),
                )

    open_store(sql_url).close()
    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_store(sql_url) as store:
        (tally,) = store.registrations.tally(Epoch(5))
        assert tally.parties == 16
        assert store.registrations.rebuild() == 0


def test_readers_do_not_wait_for_an_ingest(sql_store: SqlStore) -> None:
    add(sql_store, *(said(f"p{number}", stake=number) for number in range(5)))
    rows = sql_store.registrations.newest(Epoch(5))
    first = next(rows)
    assert add(sql_store, said("late", stake=100), said("far", 900)).accepted == 2
    assert [first.party_id, *(row.party_id for row in rows)] == ["p4", "p3", "p2", "p1", "p0"]


@pytest.mark.parametrize(
    ("column", "value"), [("stake", "'x'"), ("precedence", "'x'"), ("version", "x'00'"), ("epoch", "5.5")]
)
def test_a_registration_with_a_value_of_another_type_is_damage(file_store: SqlStore, column: str, value: str) -> None:
    found = file_store.registrations
    add(file_store, said("a"), said("b"))
    with file_store.database.write() as connection:
        connection.execute(text(f"UPDATE registration SET {column} = {value} WHERE party = 2"))
    with pytest.raises(StoreDamagedError, match="a value of the type"):
        list(found.newest_within(Epoch(6), 2))
    if column in ("stake", "version"):
        with pytest.raises(StoreDamagedError):
            found.tally(Epoch(6), epochs=2)
    if column == "stake":
        with pytest.raises(StoreDamagedError):
            found.stakes_of(Epoch(5))


WRITER = """
import sys
from era_store import Registration, open_store
store = open_store(sys.argv[1])
read = int(store.registrations.cursor("test") or 0)
while True:
    rows = [Registration(f"p{n % 50}", n // 100, "1", n, float(n), "test") for n in range(read, read + 20)]
    read += 20
    store.registrations.ingest(rows, source="test", cursor=str(read), time_s=1.0)
    print(read, flush=True)
"""


def test_kill_at_any_moment(sql_url: str, tmp_path: Path) -> None:
    chance = random.Random(6)
    url = sql_url
    for _ in range(5):
        with Forked(WRITER, url) as writer:
            writer.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.1))
            writer.kill()
            told = [int(line) for line in writer.stdout.read().split()]
        with open_store(url) as store:
            read = int(store.registrations.cursor("test") or 0)
            assert not told or told[-1] <= read <= told[-1] + 20
            parties = sum(
                tally.parties for epoch in store.registrations.epochs() for tally in store.registrations.tally(epoch)
            )
            assert parties == read // 100 * 50 + min(50, read % 100), "the rows are those up to the cursor"
            assert store.registrations.rebuild() == 0
    if url.startswith("sqlite"):
        assert check_store(url).faults == ()


def withdrawal(source: str = "api 1", from_epoch: int = 0, **more: bool) -> Withdrawal:
    return Withdrawal(source, "its token was stolen", Epoch(from_epoch), **more)


def told(store: SqlStore) -> list[Registration]:
    return [row for epoch in store.registrations.epochs() for row in store.registrations.newest(epoch)]


def test_what_a_source_said_can_be_withdrawn_and_is_kept_whole(store: SqlStore) -> None:
    honest = [said("a", 5), said("b", 6, stake=7)]
    false = [
        said("a", 5, "9.9.9", 2**50, seen_at_s=2.0, source="api 1"),
        said("pool1é", 5, None, 3, source="api 1"),
        said("a", 7, source="api 1"),
    ]
    assert add(store, *honest, *false) == IngestResult(accepted=5)
    found = store.registrations
    before = told(store)
    assert found.withdraw(withdrawal(dry_run=True), time_s=9.0) == {5: 2, 7: 1}
    assert (told(store), found.rejects()) == (before, ())
    assert found.withdraw(withdrawal(), time_s=9.0) == {5: 2, 7: 1}
    assert told(store) == honest[::-1]
    assert found.epochs() == (6, 5)
    assert found.tally(Epoch(5)) == (VersionTally("1.2.3", 10, 1),)
    assert found.rebuild() == 0
    kept = found.rejects(source="api 1")
    assert [json.loads(one.reject.content) for one in kept] == [row.to_dict() for row in false]
    assert {(one.reject.reason, one.time_s) for one in kept} == {("withdrawn: its token was stolen", 9.0)}
    assert [one.reject.place for one in kept] == ["epoch 5", "epoch 5", "epoch 7"]
    assert found.withdraw(withdrawal(), time_s=10.0) == {}
    assert add(store, *false) == IngestResult(accepted=3), "they can come back"
    assert told(store) == before


def test_only_what_is_meant_is_withdrawn(store: SqlStore) -> None:
    rows = [said("a", epoch, source="api 1", signed=b"x" if epoch == 6 else None) for epoch in (4, 5, 6)]
    add(store, *rows)
    found = store.registrations
    assert found.sources() == ("api 1", "test")
    assert found.withdraw(withdrawal("nobody"), time_s=9.0) == {}
    assert found.withdraw(withdrawal(from_epoch=2**63), time_s=9.0) == {}
    assert found.withdraw(withdrawal(from_epoch=5), time_s=9.0) == {5: 1}
    assert told(store) == [rows[2], rows[0]]
    assert found.withdraw(withdrawal(from_epoch=5, signed_too=True), time_s=9.0) == {6: 1}
    assert told(store) == [rows[0]]
    assert json.loads(found.rejects(after=1)[0].reject.content)["signed"] == b"x".hex()


def test_a_withdrawal_that_fails_changes_nothing(sql_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add(sql_store, said("a", 5, source="api 1"), said("b", 6, source="api 1"))
    before, counted = told(sql_store), [5]

    def failing(connection: object, network: int, epoch: Epoch) -> int:
        if epoch not in counted:
            raise StoreError("The disk is full")
        return 0

    monkeypatch.setattr("era_store.sql.registrations.recount", failing)
    with pytest.raises(StoreError):
        sql_store.registrations.withdraw(withdrawal(), time_s=9.0)
    assert told(sql_store) == before
    assert sql_store.registrations.rejects() == ()


PREVIEW = (NetworkKey(2, "addr_test1testing"), NetworkKey(2, "addr_test1prerelease"), NetworkKey())


def test_networks_of_one_magic_share_a_store_and_nothing_else(sql_url: str) -> None:
    opened = [open_store(sql_url, network=key) for key in PREVIEW]
    found = [store.registrations for store in opened]
    for place, store in enumerate(opened):
        version, signed = f"{place}.0.0", b"x" if place == 0 else None
        rows = [said("a", version=version, signed=signed), said("b", 6, stake=place)]
        add(store, *rows, rejects=[Reject("line 3", "bad", str(place), Epoch(5), "c", place)], cursor=f"{place}")
        store.registrations.set_network_stake(Epoch(5), place, source="x", time_s=1.0)
    for place, one in enumerate(found):
        (tally,) = one.tally(Epoch(5))
        assert tally == VersionTally(f"{place}.0.0", 10, 1)
        assert [row.version for row in one.newest(Epoch(5))] == [f"{place}.0.0"]
        assert [row.stake for row in one.newest_within(Epoch(6), 1)] == [place]
        assert [row.stake for row in one.newest(Epoch(6), after="b")] == []
        assert (one.cursor("test"), one.network_stake(Epoch(5))) == (str(place), place)
        assert [kept.reject.content for kept in one.rejects()] == [str(place)]
        assert one.uncounted(Epoch(5)) == Uncounted(1, place)
        older = one.ingest([said("a", seen_at_s=0.5)], source="test", time_s=1.0, refuse=lambda _: None)
        assert older.accepted == (0 if place == 0 else 1)  # the party has signed in the first network alone
        assert one.rebuild() == 0
    assert found[0].withdraw(Withdrawal("test", "why", Epoch(0), signed_too=True), time_s=2.0) == {5: 1, 6: 1}
    assert (found[0].epochs(), found[1].epochs(), found[2].epochs()) == ((), (6, 5), (6, 5))
    for store in opened:
        store.close()


def test_of_a_network_of_which_nothing_is_stored_there_is_nothing(sql_url: str) -> None:
    with open_store(sql_url, network=PREVIEW[0]) as store, open_store(sql_url, network=PREVIEW[1]) as other:
        add(store, said())
        unknown = other.registrations
        assert (unknown.epochs(), unknown.tally(Epoch(5)), unknown.sources()) == ((), (), ())
        assert list(unknown.newest(Epoch(5))) == []
        assert unknown.rejects() == ()


def test_what_a_party_signed_is_never_displaced_by_what_it_did_not(store: SqlStore) -> None:
    signed = said(version="1", seen_at_s=5.0, signed=b"x")
    add(store, said(version="0", seen_at_s=9.0))
    add(store, signed)
    add(store, said(version="9", seen_at_s=10.0), said(version="8", seen_at_s=2.0**39))
    assert list(store.registrations.newest(Epoch(5))) == [signed]
    assert list(store.registrations.newest_within(Epoch(5), 1)) == [signed]
    assert store.registrations.tally(Epoch(5)) == (VersionTally("1", 10, 1),)
    later = said(version="2", seen_at_s=6.0, signed=b"y")
    add(store, later)
    assert list(store.registrations.newest(Epoch(5))) == [later]
    assert store.registrations.rebuild() == 0


def test_what_nodes_can_do_is_tallied_apart(store: SqlStore) -> None:
    able = Capability(("lagrange", "pythagoras"), "ab" * 32, ("pythagoras",))
    rows = [said("a", capability=able), said("b", stake=3), said("c", stake=2, capability=able)]
    add(store, *rows)
    assert store.registrations.tally(Epoch(5)) == (VersionTally("1.2.3", 12, 2, able), VersionTally("1.2.3", 3, 1))
    assert list(store.registrations.newest(Epoch(5))) == rows[:1] + rows[1:]
    loaded = rows[0]._replace(capability=replace(able, loaded=able.eras))
    assert add(store, loaded) == IngestResult(accepted=1), "another capability is another registration"
    assert store.registrations.rebuild() == 0


def test_what_was_rejected_of_an_epoch_is_missing_until_its_party_registers(store: SqlStore) -> None:
    at = Epoch(5)
    rejects = [
        Reject("line 1", "bad", "1", at, "a", 7),
        Reject("line 2", "bad", "2", at, "a", 9),
        Reject("line 3", "bad", "3", at, "b", None),
        Reject("line 4", "bad", "4", at, None, 4),
        Reject("line 5", "bad", "5", Epoch(6), "c", 1),
        Reject("line 6", "bad", "6"),
    ]
    add(store, said("z"), rejects=rejects)
    found = store.registrations
    assert found.uncounted(at) == Uncounted(rows=3, stake=13, unknown=1)
    assert found.uncounted(Epoch(6)) == Uncounted(1, 1)
    assert found.uncounted(Epoch(7)) == Uncounted()
    add(store, said("a"), said("b", 6))
    assert found.uncounted(at) == Uncounted(rows=2, stake=4, unknown=1)
    assert [one.reject for one in found.rejects()] == rejects

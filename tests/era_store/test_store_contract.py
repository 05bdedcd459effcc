"""What every store does: the one in a database and the one in memory alike."""

from dataclasses import replace

import pytest

from era_store import CachedVerdict, MemoryStore, NewEvent, Store, StoredEvent, TrustKey
from era_store.errors import StoreChangedError
from eras import MAX_EPOCH, Epoch, __version__
from tests.era_store.conftest import KEY, OTHER_NETWORK, output, seen, trust


def test_nothing_is_trusted_before_something_was_saved(store: Store) -> None:
    assert store.trust.load(KEY) is None
    assert store.verdicts.load(KEY) == {}
    assert store.events.read() == ()


def test_trust_comes_back_as_it_was_saved(store: Store) -> None:
    saved = store.trust.save(KEY, trust(), time_s=1.0)
    assert saved == trust(version=1)
    assert store.trust.load(KEY) == saved


def test_words_with_a_character_that_a_database_cannot_hold(sql_store: Store) -> None:
    sql_store.trust.save(KEY, trust(stale="a\0b", payloads=(seen(reason="c\0d"),)), time_s=1.0)
    found = sql_store.trust.load(KEY)
    assert found is not None
    assert (found.stale, found.payloads[0].reason) == ("a\ufffdb", "c\ufffdd")


def test_trust_without_anything_in_force(store: Store) -> None:
    bare = trust(
        trusted=None, activation=None, sequence=None, payloads=(), superseded_outputs=frozenset(), stale=None,
        legacy_differs=False, complete=False, proven=False,
    )  # fmt: skip
    store.trust.save(KEY, bare, time_s=1.0)
    assert store.trust.load(KEY) == replace(bare, version=1)


def test_a_later_save_takes_the_place_of_all_of_the_earlier(store: Store) -> None:
    first = store.trust.save(KEY, trust(), time_s=1.0)
    changed = replace(
        first,
        trusted=output(2),
        payloads=(seen(verdict="Replayed", superseded=True), seen("ff" * 32)),
        superseded_outputs=frozenset({"cc#2"}),
        stale=None,
    )
    saved = store.trust.save(KEY, changed, time_s=2.0)
    assert store.trust.load(KEY) == saved == replace(changed, version=2)


def test_trust_belongs_to_keys_network_and_address(store: Store) -> None:
    store.trust.save(KEY, trust(), time_s=1.0)
    others = [
        OTHER_NETWORK,
        TrustKey(KEY.keys, None, KEY.address),
        TrustKey(KEY.keys[:1], 42, KEY.address),
        TrustKey(KEY.keys, 42, "addr_test1other"),
    ]
    assert [store.trust.load(key) for key in others] == [None] * 4
    assert len({key.id for key in (KEY, *others)}) == 5
    assert TrustKey(KEY.keys[::-1], 42, KEY.address).id == KEY.id
    assert store.trust.load(TrustKey(KEY.keys[::-1], 42, KEY.address)) is not None


def test_of_two_writers_of_the_same_version_one_is_refused_and_writes_nothing(store: Store) -> None:
    read = store.trust.save(KEY, trust(), time_s=1.0)
    winner = store.trust.save(KEY, replace(read, trusted=output(2)), time_s=2.0)
    with pytest.raises(StoreChangedError, match="Read again"):
        store.trust.save(KEY, replace(read, trusted=output(3)), [NewEvent("trusted", {})], time_s=3.0)
    assert store.trust.load(KEY) == winner
    assert store.events.read() == ()
    with pytest.raises(StoreChangedError):
        store.trust.save(KEY, trust(), time_s=4.0)
    with pytest.raises(StoreChangedError):
        store.trust.save(OTHER_NETWORK, trust(version=3), time_s=5.0)
    assert store.trust.load(OTHER_NETWORK) is None


def test_trust_and_its_events_are_saved_together(store: Store) -> None:
    events = [NewEvent("trusted", {"output": "aa#0"}, Epoch(5)), NewEvent("stale", {"reason": "é"})]
    store.trust.save(KEY, trust(), events, time_s=12.5)
    assert store.events.read() == (
        StoredEvent(1, "trusted", Epoch(5), {"output": "aa#0"}, __version__, 12.5),
        StoredEvent(2, "stale", None, {"reason": "é"}, __version__, 12.5),
    )


def test_events_have_increasing_ids_and_are_read_from_any_of_them(store: Store) -> None:
    ids = [store.events.append("kind", {"n": n}, time_s=float(n), epoch=MAX_EPOCH) for n in range(5)]
    assert ids == sorted(set(ids))
    assert [event.facts["n"] for event in store.events.read()] == [0, 1, 2, 3, 4]
    assert [event.id for event in store.events.read(after=ids[2])] == ids[3:]
    assert [event.id for event in store.events.read(after=ids[0], limit=2)] == ids[1:3]
    assert store.events.read(after=ids[-1]) == ()
    assert {event.epoch for event in store.events.read()} == {MAX_EPOCH}


def verdict(number: int, kind: str = "Malformed", content: bytes | None = None) -> CachedVerdict:
    return CachedVerdict(f"{number:064x}#0", 2**62 + number, kind, "not a payload", content)


def test_verdicts_come_back_by_reference(store: Store) -> None:
    store.verdicts.save(KEY, [verdict(1), verdict(2, "WrongSigner", b"\x00{}")])
    store.verdicts.save(KEY, [])
    store.verdicts.save(KEY, [verdict(3), verdict(1, "Impostor")])
    kept = [verdict(1, "Impostor"), verdict(2, "WrongSigner", b"\x00{}"), verdict(3)]
    assert store.verdicts.load(KEY) == {entry.reference: entry for entry in kept}
    assert store.verdicts.load(TrustKey(KEY.keys[:1], 42, KEY.address)) == {}
    assert store.verdicts.load(OTHER_NETWORK) == {}, "what is gone from one address says nothing of another"


def test_the_oldest_verdicts_go_beyond_the_capacity(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("era_store.memory", "era_store.sql.trust"):
        monkeypatch.setattr(f"{module}.VERDICT_CAPACITY", 3)
    store.verdicts.save(KEY, [verdict(n) for n in (1, 2, 3)])
    store.verdicts.save(KEY, [verdict(1), verdict(4), verdict(5)])
    assert sorted(store.verdicts.load(KEY)) == [verdict(n).reference for n in (1, 4, 5)]


def test_closing_twice_is_fine(store: Store) -> None:
    store.close()
    store.close()


def test_a_memory_that_does_not_log_trust_keeps_it_all_the_same_and_logs_whatever_else_is_recorded():
    memory = MemoryStore(logs_trust=False)
    saved = memory.trust.save(KEY, trust(), [NewEvent("trusted", {}, Epoch(1))], time_s=1.0)
    assert memory.trust.load(KEY) == saved == replace(trust(), version=1)
    assert memory.events.read() == ()
    assert memory.events.append("kind", {}, time_s=2.0) == 1
    with pytest.raises(StoreChangedError):
        memory.trust.save(KEY, trust(), time_s=3.0)

"""The event log: one encoding, one chain, whoever writes; files of it; what is wrong with one is named."""

import json
import math
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

from era_store import EventFilter, EventLogNewerError, MemoryStore, NewEvent, SqlStore, Store, open_store, verified
from era_store.event_files import EventFile, write_events
from era_store.event_log import (
    NO_HASH,
    EventLogDamagedError,
    LogHead,
    Written,
    canonical,
    next_hash,
    require_end,
)
from era_store.redaction import MASK, redacted, register_secret
from era_store.sql import tables
from eras import MAX_EPOCH, Epoch
from tests.errors import raising
from tests.forked import Forked, ended

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class TestCanonical:
    @given(JSON_VALUES)
    def test_the_same_value_gives_the_same_bytes_whatever_the_order_of_its_keys(self, value: Any):
        def turned(part: Any) -> Any:
            if isinstance(part, dict):
                return {key: turned(item) for key, item in reversed(part.items())}
            return [turned(item) for item in part] if isinstance(part, list) else part

        assert canonical(turned(value)) == canonical(value)

    @given(JSON_VALUES)
    def test_what_is_read_back_is_what_was_written_and_encodes_the_same(self, value: Any):
        text = canonical(value)
        assert json.loads(text) == value
        assert canonical(json.loads(text)) == text
        assert text.encode().decode() == text

    @given(st.text(st.characters(categories=["Cs", "Ll"])))
    def test_halves_of_surrogate_pairs_are_escaped(self, value: str):
        text = canonical(value)
        assert canonical(json.loads(text)) == text

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
            ({"é": '\n"\\\x00/', "z": "\U0001f600"}, '{"z":"\U0001f600","é":"\\n\\"\\\\\\u0000/"}'),
            ([0.1, 1e22, -0.0, 1.0, 2**70], "[0.1,1e+22,-0.0,1.0,1180591620717411303424]"),
            ((1, (2,)), "[1,[2]]"),
            ("\ud800", '"\\ud800"'),
        ],
    )
    def test_the_rules(self, value: Any, text: str):
        assert canonical(value) == text

    @pytest.mark.parametrize("value", [math.nan, math.inf, {"a": -math.inf}])
    def test_numbers_that_json_has_not(self, value: Any):
        with pytest.raises(ValueError, match="JSON compliant"):
            canonical(value)

    def test_what_json_has_not(self):
        with pytest.raises(TypeError):
            canonical({"a": {1, 2}})

    def test_what_is_written_already_is_not_written_again(self):
        text = canonical({"facts": 'a "word"'})
        assert canonical(Written(text)) == text
        assert canonical(text) != text


class TestRedaction:
    @pytest.mark.parametrize(
        ("facts", "shown"),
        [
            ({"project_id": "x", "Authorization": "y"}, {"project_id": MASK, "Authorization": MASK}),
            ({"token": None, "keys": 3}, {"token": None, "keys": 3}),
            ({"url": "http://me:pw@host:1/p"}, {"url": f"http://{MASK}@host:1/p"}),
            ({"text": ["Bearer abcdefghij.k"]}, {"text": [f"Bearer {MASK}"]}),
            ({"text": "key mainnet" + "a" * 32 + "."}, {"text": f"key {MASK}."}),
            ({"text": "ed25519_sk1" + "q" * 50}, {"text": MASK}),
            ({"datum": "d8799f" + "00" * 40, "hash": "ab" * 32}, {"datum": "d8799f" + "00" * 40, "hash": "ab" * 32}),
        ],
    )  # fmt: skip
    def test_what_is_masked(self, facts: dict[str, Any], shown: dict[str, Any]):
        assert redacted(facts) == shown

    @given(JSON_VALUES)
    def test_masking_twice_changes_nothing(self, value: Any):
        assert redacted(redacted(value)) == redacted(value)

    def test_no_secret_reaches_the_store(self, store: Store, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("era_store.redaction._registered", ())
        register_secret("correct horse")
        store.events.append("kind", {"words": "it is correct horse", "api_key": "k"}, time_s=1.0)
        (event,) = store.events.read()
        assert event.facts == {"words": f"it is {MASK}", "api_key": MASK}
        (line,) = store.events.lines()
        assert "horse" not in line.text


def fill(store: Store) -> None:
    """Events of every role, kind and epoch."""
    store.events.record(
        [
            NewEvent("started", {"state": {}}, None, "snapshot"),
            NewEvent("clock-ticked", {"epoch": 5}, Epoch(5), "input", 1),
            NewEvent("activated", {"era": "é\0"}, Epoch(5), "decision", 1),
            NewEvent("refused", {"verdict": "Impostor"}, Epoch(5), "decision", 1),
        ],
        time_s=10.0,
    )
    store.events.record(
        [
            NewEvent("clock-ticked", {"epoch": MAX_EPOCH}, MAX_EPOCH, "input", 1),
            NewEvent("refused", {"verdict": "Replayed"}, MAX_EPOCH, "decision", 1),
        ],
        time_s=20.5,
    )
    store.events.append("gate-overridden", {"reason": "we know"}, time_s=30.0)


class TestChain:
    def test_a_decision_names_the_input_before_it(self, store: Store):
        fill(store)
        assert [(event.id, event.role, event.cause) for event in store.events.read()] == [
            (1, "snapshot", None), (2, "input", None), (3, "decision", 2), (4, "decision", 2),
            (5, "input", None), (6, "decision", 5), (7, "decision", None),
        ]  # fmt: skip

    def test_every_store_has_the_same_lines_and_hashes(self, store: Store):
        memory = MemoryStore()
        fill(store)
        fill(memory)
        lines, others = list(store.events.lines()), list(memory.events.lines())
        assert [(line.text, line.hash) for line in lines] == [(line.text, line.hash) for line in others]
        assert store.events.head() == memory.events.head()
        assert store.events.head().size_bytes == sum(len(line.text.encode()) for line in lines)
        assert [line.event for line in lines] == list(store.events.read())

    def test_a_line_holds_all_that_an_event_has_and_a_hash_that_of_the_line_before(self, store: Store):
        fill(store)
        before = NO_HASH
        for line in store.events.lines():
            facts = json.loads(line.text)
            assert facts == {name: getattr(line.event, name) for name in line.event.__slots__}
            assert canonical(facts) == line.text
            assert line.hash == next_hash(before, line.text)
            before = line.hash

    def test_two_stores_that_are_told_the_same_have_the_same_chain_and_others_another(self, store: Store):
        fill(store)
        last = store.events.head().last_hash
        other = MemoryStore()
        fill(other)
        assert other.events.head().last_hash == last
        other.events.append("kind", {}, time_s=1.0)
        store.events.append("kind", {"n": 1}, time_s=1.0)
        assert other.events.head().last_hash != store.events.head().last_hash

    @pytest.mark.parametrize(
        ("only", "ids"),
        [
            (EventFilter(), [1, 2, 3, 4, 5, 6, 7]),
            (EventFilter(kinds=("refused", "activated")), [3, 4, 6]),
            (EventFilter(roles=("input",)), [2, 5]),
            (EventFilter(roles=("decision",), kinds=("refused",)), [4, 6]),
            (EventFilter(verdicts=("Replayed",)), [6]),
            (EventFilter(first_epoch=Epoch(6)), [5, 6]),
            (EventFilter(last_epoch=Epoch(5)), [2, 3, 4]),
            (EventFilter(since_s=20.5), [5, 6, 7]),
            (EventFilter(until_s=20.5), [1, 2, 3, 4]),
            (EventFilter(stream=1), [1, 2, 3, 4, 5, 6]),
        ],
    )
    def test_filters(self, store: Store, only: EventFilter, ids: list[int]):
        fill(store)
        assert [event.id for event in store.events.read(only=only)] == ids
        assert [event.id for event in store.events.read(only=only, after=2, limit=2)] == [n for n in ids if n > 2][:2]
        assert [line.event.id for line in store.events.lines(only=only, after=2)] == [n for n in ids if n > 2]
        last = store.events.last(only)
        assert last is not None
        assert last.id == ids[-1]
        earlier = store.events.last(only, before=ids[-1])
        assert (None if earlier is None else earlier.id) == (ids[-2] if len(ids) > 1 else None)

    def test_more_events_than_a_page(self, store: Store, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("era_store.sql.events.PAGE", 3)
        for n in range(7):
            store.events.append("kind", {"n": n}, time_s=float(n))
        assert [line.event.facts["n"] for line in store.events.lines(after=1)] == list(range(1, 7))

    def test_nothing_recorded_is_nothing_written(self, store: Store):
        assert store.events.record([], time_s=1.0) == ()
        assert store.events.head() == LogHead()


class TestWriters:
    def test_threads_and_stores_write_one_chain(self, sql_url: str):
        with open_store(sql_url) as store, open_store(sql_url) as other:

            def write(target: SqlStore, name: str) -> None:
                for n in range(15):
                    target.events.record([NewEvent("in", {name: n}, role="input"), NewEvent("out", {})], time_s=1.0)

            threads = [
                threading.Thread(target=write, args=(target, name))
                for target, name in ((store, "a"), (store, "b"), (other, "c"))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            lines = list(verified(store.events.lines(), NO_HASH))
            assert len(lines) == 90
            assert [line.event.cause for line in lines[1::2]] == [line.event.id for line in lines[::2]]
            assert store.events.head().last_hash == lines[-1].hash

    def test_processes_write_one_chain(self, sql_url: str):
        code = """
import sys
from era_store import open_store
with open_store(sys.argv[1]) as store:
    for n in range(20):
        store.events.append("kind", {"n": n}, time_s=1.0)
"""
        with open_store(sql_url):
            writers = [Forked(code, sql_url) for _ in range(3)]
        assert ended(writers) == [0, 0, 0]
        with open_store(sql_url) as store:
            assert len(list(verified(store.events.lines(), NO_HASH))) == 60

    def test_what_an_older_version_wrote_is_chained_by_the_next_writer(self, sql_store: SqlStore):
        def old(kind: str) -> None:
            with sql_store.database.write() as connection:
                values = {"kind": kind, "facts": {"verdict": "Conflict"}, "version": "0.1.0", "time_s": 1.0}
                connection.execute(insert(tables.event).values(values))

        old("before")
        sql_store.events.append("new", {}, time_s=2.0)
        old("beside")
        with pytest.raises(EventLogDamagedError, match="from event 3 on.*older version"):
            list(verified(sql_store.events.lines(), NO_HASH))
        sql_store.events.append("new", {}, time_s=3.0)
        lines = list(verified(sql_store.events.lines(), NO_HASH))
        assert [line.event.kind for line in lines] == ["before", "new", "beside", "new"]
        assert [event.id for event in sql_store.events.read(only=EventFilter(verdicts=("Conflict",)))] == [1, 3]
        assert sql_store.events.head().first_id == 1

    def test_an_id_is_not_used_again_after_a_write_that_failed(self, sql_store: SqlStore):
        first = sql_store.events.append("kind", {}, time_s=1.0)
        with pytest.raises(TypeError):
            sql_store.events.record([NewEvent("kind", {}), NewEvent("kind", {("a",): 1})], time_s=1.0)  # type: ignore[dict-item]
        assert [event.id for event in sql_store.events.read()] == [first]
        assert sql_store.events.append("kind", {}, time_s=1.0) > first
        list(verified(sql_store.events.lines(), NO_HASH))


def edit(store: SqlStore, event_id: int, **values: Any) -> None:
    with store.database.write() as connection:
        connection.execute(update(tables.event).where(tables.event.c.id == event_id).values(**values))


class TestVerify:
    @pytest.mark.parametrize(
        "values",
        [
            {"facts": {"era": "other"}}, {"kind": "other"}, {"epoch": 6}, {"time_s": 11.0}, {"version": "9"},
            {"role": "input"}, {"cause": 1}, {"stream": 9}, {"hash": "ab" * 32}, {"hash": None},
        ],
    )  # fmt: skip
    def test_an_edit_shows_at_its_line(self, sql_store: SqlStore, values: dict[str, Any]):
        fill(sql_store)
        edit(sql_store, 3, **values)
        with pytest.raises(EventLogDamagedError, match="from event 3 on") as caught:
            list(verified(sql_store.events.lines(), NO_HASH))
        assert caught.value.facts["event"] == 3

    def test_a_line_that_was_taken_out_shows_at_the_next(self, sql_store: SqlStore):
        fill(sql_store)
        with sql_store.database.write() as connection:
            connection.execute(tables.event.delete().where(tables.event.c.id == 3))
        with pytest.raises(EventLogDamagedError, match="from event 4 on"):
            list(verified(sql_store.events.lines(), NO_HASH))

    def test_lines_that_were_taken_from_the_end_show(self, sql_store: SqlStore):
        fill(sql_store)
        with sql_store.database.write() as connection:
            connection.execute(tables.event.delete().where(tables.event.c.id > 5))
        lines = list(verified(sql_store.events.lines(), NO_HASH))
        with pytest.raises(EventLogDamagedError, match="event 5 as the last one"):
            require_end(sql_store.events.head(), lines[-1].event.id)

    def test_lines_in_another_order(self, store: Store):
        fill(store)
        one, two, *_ = store.events.lines()
        with pytest.raises(EventLogDamagedError, match="out of order"):
            list(verified([one, replace(one, hash=next_hash(one.hash or "", one.text)), two], NO_HASH))

    @pytest.mark.parametrize("facts", ["{", "[1]"])
    def test_facts_that_are_no_object(self, file_store: SqlStore, facts: str):
        fill(file_store)
        path = file_store.database.path
        with sqlite3.connect(str(path)) as connection:
            connection.execute("UPDATE event SET facts = ? WHERE id = 3", (facts,))
        connection.close()
        with pytest.raises(EventLogDamagedError, match="from event 3 on"):
            list(file_store.events.lines())


class TestCompaction:
    def test_the_rest_is_still_a_chain(self, store: Store):
        fill(store)
        size = store.events.head().size_bytes
        assert store.events.compact(5) == 4
        head = store.events.head()
        assert (head.first_id, head.last_id) == (5, 7)
        assert 0 < head.size_bytes < size
        assert [line.event.id for line in verified(store.events.lines(), head.base_hash)] == [5, 6, 7]
        assert head.size_bytes == sum(len(line.text.encode()) for line in store.events.lines())
        assert store.events.append("kind", {}, time_s=1.0) == 8
        list(verified(store.events.lines(), head.base_hash))

    def test_nothing_before_is_nothing_done(self, store: Store):
        fill(store)
        head = store.events.head()
        assert store.events.compact(1) == 0
        assert store.events.head() == head

    def test_an_id_is_never_given_twice_though_all_are_gone(self, store: Store):
        fill(store)
        store.events.compact(99)
        assert store.events.read() == ()
        assert store.events.append("kind", {}, time_s=1.0) == 8
        list(verified(store.events.lines(), store.events.head().base_hash))


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A file of events."""
    memory = MemoryStore()
    fill(memory)
    path = tmp_path / "events"
    assert write_events(path, memory.events.lines(), NO_HASH) == 7
    return path


class TestFiles:
    def test_there_and_back(self, exported: Path, store: Store):
        memory = MemoryStore()
        fill(memory)
        file = EventFile.open(exported)
        assert list(file.lines()) == list(memory.events.lines())
        assert file.head() == memory.events.head()
        assert [line.event.id for line in file.lines(after=2, only=EventFilter(roles=("input",)))] == [5]
        assert store.events.restore(file.lines(), file.base_hash) == 7
        assert list(store.events.lines()) == list(memory.events.lines())
        assert store.events.head() == memory.events.head()
        assert store.events.append("kind", {}, time_s=1.0) == 8
        list(verified(store.events.lines(), NO_HASH))

    def test_a_part_of_a_log_and_its_end_after_it(self, store: Store, tmp_path: Path):
        memory = MemoryStore()
        fill(memory)
        fill(memory)
        memory.events.compact(5)
        path = tmp_path / "events"
        write_events(path, memory.events.lines(), memory.events.head().base_hash)
        file = EventFile.open(path)
        assert store.events.restore(file.lines(), file.base_hash) == 10
        assert store.events.restore(file.lines(), file.base_hash) == 0
        assert store.events.head() == memory.events.head()
        memory.events.append("later", {}, time_s=1.0)
        base = memory.events.head().base_hash
        assert store.events.restore(memory.events.lines(), base) == 1
        assert [line.hash for line in verified(store.events.lines(), base)] == [
            line.hash for line in memory.events.lines()
        ]

    def test_another_log_is_refused_and_nothing_is_added(self, store: Store, exported: Path):
        store.events.append("mine", {}, time_s=1.0)
        file = EventFile.open(exported)
        with raising("EventLogForeign", match="another event 1"):
            store.events.restore(file.lines(), file.base_hash)
        assert [event.kind for event in store.events.read()] == ["mine"]

    def test_a_log_that_went_on_in_another_way_is_refused(self, store: Store):
        memory = MemoryStore()
        for target in (store, memory):
            fill(target)
        store.events.append("mine", {}, time_s=1.0)
        memory.events.append("theirs", {}, time_s=1.0)
        memory.events.append("theirs", {}, time_s=1.0)
        with raising("EventLogForeign", match="another event 8"):
            store.events.restore(memory.events.lines(), NO_HASH)
        assert len(store.events.read()) == 8

    def test_one_that_does_not_continue_is_refused(self, store: Store):
        memory = MemoryStore()
        fill(store)
        for _ in range(3):
            fill(memory)
        memory.events.compact(10)
        with raising("EventLogForeign", match="another event 10"):
            store.events.restore(memory.events.lines(), memory.events.head().base_hash)

    def test_the_file_is_for_its_owner_alone_and_whole_or_not_there(self, exported: Path, tmp_path: Path):
        assert exported.stat().st_mode & 0o777 == 0o600

        def broken() -> Any:
            yield from EventFile.open(exported).lines()
            raise OSError(28, "No space left on device")

        with raising("EventFileUnwritable", match="No space"):
            write_events(tmp_path / "other", broken(), NO_HASH)
        with raising("EventFileUnwritable"):
            write_events(tmp_path / "no" / "folder", [], NO_HASH)
        assert [path.name for path in tmp_path.iterdir()] == ["events"]

    @pytest.mark.parametrize("cut", [1, 40, 2_000])
    def test_a_file_that_was_cut_in_the_middle_of_a_line_says_which(self, exported: Path, cut: int):
        content = exported.read_bytes()
        exported.write_bytes(content[:-cut] if cut < len(content) else content[:700])
        lines = exported.read_text().count("\n")
        with raising("EventFileInvalid", match=f"^Line {lines + 1} .*cut") as caught:
            list(EventFile.open(exported).lines())
        assert caught.value.facts["line"] == lines + 1

    def test_a_file_that_was_cut_between_lines_is_found_too(self, exported: Path):
        lines = exported.read_text().splitlines(keepends=True)
        exported.write_text("".join(lines[:-1]))
        with raising("EventFileInvalid", match="it was truncated"):
            list(EventFile.open(exported).lines())
        exported.write_text("".join([*lines[:-2], lines[-1]]))
        with raising("EventFileInvalid", match="^Line 8 "):
            list(EventFile.open(exported).lines())

    @pytest.mark.parametrize(
        ("change", "number"),
        [
            (lambda lines: [*lines[:3], lines[3].replace("activated", "postponed"), *lines[4:]], 4),
            (lambda lines: [*lines[:3], lines[3].replace('"epoch":5', '"epoch": 5'), *lines[4:]], 4),
            (lambda lines: lines[:3] + lines[4:], 4),
            (lambda lines: lines[:4] + lines[3:], 5),
            (lambda lines: [*lines, lines[-1]], 10),
            (lambda lines: [*lines[:3], "what\n", *lines[3:]], 4),
            (lambda lines: [*lines[:3], lines[3][:65] + "{}\n", *lines[4:]], 4),
            (lambda lines: [*lines[:3], lines[3].replace('"id":3', '"id":"3"'), *lines[4:]], 4),
            (lambda lines: ["{}\n", *lines[1:]], 1),
            (lambda _: [], 1),
        ],
    )
    def test_a_file_that_somebody_edited_says_where(
        self, exported: Path, change: Callable[[list[str]], list[str]], number: int
    ):
        exported.write_text("".join(change(exported.read_text().splitlines(keepends=True))))
        with raising("EventFileInvalid", match=f"^Line {number} of"):
            list(EventFile.open(exported).lines())

    def test_a_file_of_a_newer_version(self, exported: Path):
        exported.write_text(exported.read_text().replace('"format_version":1', '"format_version":2', 1))
        with pytest.raises(EventLogNewerError, match="format 2"):
            EventFile.open(exported)

    def test_what_is_no_file_of_events(self, tmp_path: Path):
        with raising("EventFileInvalid", match="No such file"):
            EventFile.open(tmp_path / "none")
        (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
        with raising("EventFileInvalid", match="0xff"):
            EventFile.open(tmp_path / "binary")

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_no_change_of_a_byte_goes_unnoticed(self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
        path = tmp_path_factory.mktemp("events") / "events"
        memory = MemoryStore()
        fill(memory)
        write_events(path, memory.events.lines(), NO_HASH)
        content = bytearray(path.read_bytes())
        head = content.index(b"\n")
        place = data.draw(st.integers(head, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with raising("EventFileInvalid", "EventLogNewer"):
            list(EventFile.open(path).lines())

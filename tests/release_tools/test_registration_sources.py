"""Sources of registrations: what is a row, what is not, how they break, and that reading goes on where it stopped."""

import io
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chain_reader import ReadLimits
from chain_reader.providers.transport.errors import (
    ProviderFailedError,
    ProviderNotFoundError,
    ProviderTimeoutError,
    ReadLimitExceededError,
    UnexpectedAnswerError,
    UnsteadyAnswerError,
)
from datum import SigningKey
from era_store import Capability, Registration, Reject, temporary_registrations
from era_store.registrations import MAX_LOVELACE
from eras import Epoch
from release_tools.registrations import ingest, open_source
from release_tools.registrations.aggregator_http import AggregatorHttp
from release_tools.registrations.judging import (
    FALSE_SIGNATURE,
    FUTURE_SIGNATURE,
    UNCHECKED_SIGNATURE,
    Judge,
    Refusal,
)
from release_tools.registrations.mithril_events import MithrilEvents
from release_tools.registrations.opening import kind_of
from release_tools.registrations.signed import Statement
from release_tools.registrations.source import RegistrationSource
from release_tools.registrations.text_files import FOREIGN_LINES, MAX_LINE_BYTES, CsvRows, JsonLines
from tests.chain_reader.hostile import HostileHttp, error, reply
from tests.conftest import MithrilFile
from tests.errors import raising

QUICK = ReadLimits(
    connect_timeout_s=2.0, read_timeout_s=1.5, call_deadline_s=2.0, read_deadline_s=8.0, max_attempts=2, max_pages=3
)


def read(source: RegistrationSource, cursor: str | None = None, size: int = 1000) -> tuple[Any, ...]:
    """Everything after a cursor: rows, rejects, and the cursor behind them."""
    rows: list[Registration] = []
    rejects: list[Reject] = []
    for batch in source.batches(cursor, size):
        beginning = FOREIGN_LINES if cursor is None else 0  # read on until a line is of the kind
        assert len(batch.rows) + len(batch.rejects) <= size + beginning
        rows += batch.rows
        rejects += batch.rejects
        cursor = batch.cursor
    return rows, rejects, cursor


# What is a file of the kind ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), "among the first 3: line 1 is not JSON in UTF-8"),
        (b"\x89PNG\n" * 5000, "among the first 1000: line 1 is not JSON in UTF-8"),
        (b'[{"party_id":"p1","epoch":5,"stake":10}]', "among the first 1: line 1 is not a JSON object"),
        ('{"party_id":"p1","epoch":5,"stake":10}\n'.encode("utf-16"), "is not JSON in UTF-8"),
        (b"# Title\n\nSome words\n", "among the first 2"),
        (bytes(1_000_000), "line 1 the line is longer"),
    ],
)
@pytest.mark.parametrize("piped", [False, True])
def test_a_file_of_another_kind_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, got: str, piped: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with raising("SourceFormat", match="does not hold registrations") as caught:
        read(JsonLines("-" if piped else str(path)))
    assert got in str(caught.value)
    assert ("standard input" if piped else str(path)) in str(caught.value)


def test_bad_lines_of_a_file_of_the_kind_are_rejected_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("junk\n" * (FOREIGN_LINES - 1) + '{"party_id":"p1","epoch":5,"stake":10}\n')
    rows, rejects, cursor = read(JsonLines(str(path)), size=10)
    assert (len(rows), len(rejects)) == (1, FOREIGN_LINES - 1)
    with path.open("a") as file:
        file.write("junk\n" * 3)
    assert len(read(JsonLines(str(path)), cursor)[1]) == 3, "a file that was read before is of the kind"
    path.write_text('{"party_id":""}\n')
    assert len(read(JsonLines(str(path)))[1]) == 1, "an object that is no registration is one of the kind"


# What is a row -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "party_id is missing"),
        ({"party_id": ""}, "party_id is missing"),
        ({"party_id": 7}, "party_id is missing"),
        ({"party_id": "a\0b"}, "party_id cannot be printed, or is too long"),
        ({"party_id": "\ud800"}, "party_id cannot be printed, or is too long"),
        ({"party_id": "p" * 201}, "party_id cannot be printed, or is too long"),
        ({"epoch": None}, "epoch is missing"),
        ({"epoch": ""}, "epoch is missing"),
        ({"epoch": "x"}, "epoch is not a whole number of at least 0"),
        ({"epoch": 4.0}, "epoch is not a whole number of at least 0"),
        ({"epoch": True}, "epoch is not a whole number of at least 0"),
        ({"epoch": -1}, "epoch is not a whole number of at least 0"),
        ({"epoch": "٥"}, "epoch is not a whole number of at least 0"),
        ({"epoch": 16}, "epoch is in the far future"),
        ({"epoch": 10**25}, "epoch is in the far future"),
        ({"stake": None}, "stake is missing"),
        ({"stake": "1e3"}, "stake is not a whole number"),
        ({"stake": 1.5}, "stake is not a whole number"),
        ({"stake": [1]}, "stake is not a whole number"),
        ({"stake": "9" * 10_000}, "stake is not a whole number"),
        ({"stake": -1}, "stake is negative"),
        ({"stake": "-1"}, "stake is negative"),
        ({"stake": MAX_LOVELACE + 1}, "stake is more ada than exists"),
    ],
)
def test_what_is_no_registration(fields: dict[str, Any], reason: str) -> None:
    whole = {"party_id": "pool1a", "epoch": 5, "stake": 1}
    given = {} if not fields else whole | fields
    found = Judge("test", Epoch(10)).fields(given)
    assert isinstance(found, Refusal)
    assert found.reason == reason
    assert found.stake == (1 if given and "stake" not in reason else None)
    named = given.get("epoch")
    assert found.epoch == (min(named, 1_000_000) if type(named) is int and named >= 0 else None)
    assert found.party_id == (None if "party_id" in reason else "pool1a")


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        *(
            ({"seen_at": time}, "seen_at cannot be read: counted as the oldest of its party")
            for time in ("yesterday", "2024-13-01", "nan", -1, 1e300, [1])
        ),
        *(({"signed": signed}, "signed is not in hex, or too long: counted as unsigned") for signed in ("xyz", 7)),
        ({"key": "ab" * 32}, "key, signature and time_s are not all given: counted as unsigned"),
        ({"capability": {"eras": "all"}}, "capability cannot be read: counted by its version"),
        ({"vesion": "1"}, "'vesion' is not a field of registrations: counted without it"),
    ],
)
def test_what_is_wrong_with_anything_else_is_noted_and_the_row_counts(fields: dict[str, Any], note: str) -> None:
    judge = Judge("test", Epoch(10))
    found = judge.fields({"party_id": "pool1a", "epoch": 5, "stake": 1} | fields)
    assert found == Registration("pool1a", Epoch(5), None, 1, 0.0, "test")
    assert judge.notes == {note: 1}


def test_times_in_milliseconds_and_what_nodes_sign_and_can_do_are_read() -> None:
    judge = Judge("test", Epoch(10), 42)
    able = {"eras": ["b", "a"], "switches": "ab", "loaded": None}
    key = SigningKey.generate()
    party = key.verification_key.hex
    signed = Statement(42, party, Epoch(5), None, 1, 7, Capability.of(able)).sign(key)
    sent = {"party_id": party, "epoch": 5, "stake": 1}
    sent |= {"key": signed.key, "signature": signed.signature, "time_s": 7}
    for capability in (able, json.dumps(able)):
        found = judge.fields(sent | {"capability": capability})
        assert isinstance(found, Registration)
        assert (found.seen_at_s, found.signed) == (7.0, signed.to_bytes())
        assert found.capability == Capability(("a", "b"), "ab")
    late = judge.fields({"party_id": "a", "epoch": 5, "stake": 1, "seen_at": 1763719211123})
    assert isinstance(late, Registration)
    assert late.seen_at_s == 1763719211.123
    assert not judge.notes


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, 1, 0.0)),
        ({"version": "not semver"}, ("not semver", 1, 0.0)),
        ({"version": ""}, (None, 1, 0.0)),
        ({"version": 3}, ("3", 1, 0.0)),
        ({"version": "1\n\ud800"}, ("1\ufffd\ufffd", 1, 0.0)),
        ({"version": "v" * 500}, ("v" * 100, 1, 0.0)),
        ({"stake": "0", "epoch": "15"}, (None, 0, 0.0)),
        ({"stake": MAX_LOVELACE}, (None, MAX_LOVELACE, 0.0)),
        ({"seen_at": "2024-09-01T00:00:07.000000000+00:00"}, (None, 1, 1725148807.0)),
        ({"seen_at": "2024-09-01 02:00:07.5+02:00"}, (None, 1, 1725148807.5)),
        ({"seen_at": "2024-09-01T00:00:07"}, (None, 1, 1725148807.0)),
        ({"seen_at": 1725148807}, (None, 1, 1725148807.0)),
        ({"seen_at": "1725148807.25"}, (None, 1, 1725148807.25)),
        ({"seen_at": "", "seen_at_s": 3.5}, (None, 1, 3.5)),
    ],
)
def test_what_is_one(fields: dict[str, Any], expected: tuple[str | None, int, float]) -> None:
    found = Judge("test", Epoch(10)).fields({"party_id": "pool1a", "epoch": 5, "stake": 1} | fields)
    assert isinstance(found, Registration)
    assert (found.version, found.stake, found.seen_at_s) == expected


def test_without_a_current_epoch_only_what_no_network_will_see_is_the_far_future() -> None:
    judge = Judge("test")
    assert isinstance(judge.row("a", 1_000_000, None, 1, None), Registration)
    found = judge.row("a", 1_000_001, None, 1, None)
    assert isinstance(found, Refusal)
    assert found.reason == "epoch is in the far future"


# Files of lines ------------------------------------------------------------------------------------------------------


def line(party: str = "pool1a", **fields: Any) -> str:
    return json.dumps({"party_id": party, "epoch": 5, "version": "1.2.3", "stake": 10} | fields) + "\n"


def csv_line(party: str = "pool1a") -> str:
    return f"{party},5,1.2.3,10\n"


Kind = tuple[Callable[[str], RegistrationSource], str, Callable[[str], str]]
KINDS: dict[str, Kind] = {
    "lines": (JsonLines, "", line),
    "csv": (CsvRows, "party_id,epoch,version,stake\n", csv_line),
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def parties(rows: list[Registration]) -> list[str]:
    return [row.party_id for row in rows]


def test_a_file_that_grows_is_read_on_where_it_was_left(kind: Kind, tmp_path: Path) -> None:
    make, header, row = kind
    path = tmp_path / "file"
    path.write_text(header + row("a") + row("b") + "\n")
    source = make(str(path))
    rows, rejects, cursor = read(source)
    assert (parties(rows), rejects) == (["a", "b"], [])
    assert read(source, cursor) == ([], [], cursor)
    with path.open("a") as file:
        file.write("nonsense\n" + row("c"))
    rows, rejects, _ = read(source, cursor)
    assert parties(rows) == ["c"]
    first = len(header.splitlines()) + 4
    assert [reject.place for reject in rejects] == [f"line {first}"]


def test_any_size_of_batch_reads_the_same(kind: Kind, tmp_path: Path) -> None:
    make, header, row = kind
    path = tmp_path / "file"
    path.write_text(header + "".join(row(f"p{n}") if n % 3 else "nonsense\n" for n in range(20)))
    whole = read(make(str(path)))
    for size in (1, 2, 7, 20):
        assert read(make(str(path)), size=size) == whole
        after_two = [batch.cursor for batch in make(str(path)).batches(None, size)][: 2 if size < 10 else 1][-1]
        rest, _, _ = read(make(str(path)), after_two)
        assert rest == whole[0][len(whole[0]) - len(rest) :]


def test_a_file_whose_beginning_changed_is_read_anew(kind: Kind, tmp_path: Path) -> None:
    make, header, row = kind
    path = tmp_path / "file"
    path.write_text(header + row("a") + row("b"))
    _, _, cursor = read(make(str(path)))
    path.write_text(header + row("x") + row("y") + row("z"))
    assert parties(read(make(str(path)), cursor)[0]) == ["x", "y", "z"]
    path.write_text(header + row("s"))
    assert parties(read(make(str(path)), cursor)[0]) == ["s"]
    assert parties(read(make(str(path)), "no cursor of ours")[0]) == ["s"]


def test_a_last_line_without_its_end_is_read_again_next_time(kind: Kind, tmp_path: Path) -> None:
    make, header, row = kind
    path = tmp_path / "file"
    whole = row("b")
    path.write_text(header + row("a") + whole[:4])
    rows, rejects, cursor = read(make(str(path)))
    assert parties(rows) == ["a"]
    assert len(rejects) == 1
    path.write_text(header + row("a") + whole)
    rows, rejects, _ = read(make(str(path)), cursor)
    assert (parties(rows), rejects) == (["b"], [])


def test_a_last_line_without_a_line_break_counts(kind: Kind, tmp_path: Path) -> None:
    make, header, row = kind
    path = tmp_path / "file"
    path.write_text(header + row("a") + row("b").rstrip("\n"))
    assert parties(read(make(str(path)))[0]) == ["a", "b"]


def test_a_line_beyond_all_bounds_is_rejected_and_the_rest_is_read(kind: Kind, tmp_path: Path) -> None:
    make, header, row = kind
    path = tmp_path / "file"
    path.write_text(header + row("a") + "x" * (3 * MAX_LINE_BYTES) + "\n" + row("b"))
    rows, rejects, cursor = read(make(str(path)))
    assert parties(rows) == ["a", "b"]
    assert [reject.reason for reject in rejects] == [f"the line is longer than {MAX_LINE_BYTES} bytes"]
    assert len(rejects[0].content) < 300
    assert read(make(str(path)), cursor) == ([], [], cursor)


def test_bytes_that_are_no_text_are_rejected(kind: Kind, tmp_path: Path) -> None:
    make, header, row = kind
    path = tmp_path / "file"
    path.write_bytes(header.encode() + b"\xff\xfe\x00\n" + row("b").encode())
    rows, rejects, _ = read(make(str(path)))
    assert parties(rows) == ["b"]
    assert "UTF-8" in rejects[0].reason
    temporary_registrations().ingest([], rejects, source="x", time_s=1.0)


@pytest.mark.parametrize("missing", ["nothing", "folder"])
def test_a_file_that_is_not_there(kind: Kind, tmp_path: Path, missing: str) -> None:
    path = tmp_path if missing == "folder" else tmp_path / "nothing"
    with raising("SourceMissing", match="Check the path"):
        read(kind[0](str(path)))


def test_json_lines_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    bad = ['{"party_id"', "[1]", "null", "[" * 20_000, '{"party_id": "a", "epoch": 5, "stake": "x"}']
    bad += [
        '{"party_id": "a", "epoch": 5, "stake": 1, "stake": 2}',
        '{"party_id": "a", "epoch": 5, "stake": %s}' % ("9" * 5_000),
    ]
    bad += ['{"party_id": "a", "epoch": 5, "stake": 1, "capability": {"eras": [], "eras": []}}']
    path.write_text("\n".join(bad) + "\n" + line("good"))
    rows, rejects, _ = read(JsonLines(str(path)))
    assert parties(rows) == ["good"]
    assert [reject.reason for reject in rejects] == [
        "is not JSON in UTF-8",
        "is not a JSON object",
        "is not a JSON object",
        "is not JSON in UTF-8",
        "stake is not a whole number",
        "the field 'stake' appears twice",
        "stake is not a whole number",
        "the field 'eras' appears twice",
    ]
    assert [(reject.epoch, reject.party_id, reject.stake) for reject in rejects[-3:]] == [(5, "a", None)] * 3


PARTY = SigningKey.generate()


def signed_fields(time_s: int = 7, **changes: Any) -> dict[str, Any]:
    """A row that its party has signed for the network 42, as ``adoption export`` writes it."""
    party = PARTY.verification_key.hex
    signed = Statement(42, party, Epoch(5), "1.2.3", 10, time_s).sign(PARTY)
    row = {"party_id": party, "epoch": 5, "version": "1.2.3", "stake": 10, "signed": signed.to_bytes().hex()}
    return row | changes


@pytest.mark.parametrize("suffix", ["csv", "lines"])
@pytest.mark.parametrize(
    ("row", "magic", "reasons", "notes"),
    [
        (signed_fields(), 42, [], []),
        (signed_fields(stake=11), 42, [FALSE_SIGNATURE], []),
        (signed_fields(signed="00ff"), 42, [FALSE_SIGNATURE], []),
        (signed_fields(), 43, [FALSE_SIGNATURE], []),
        (signed_fields(2**39), 42, [FUTURE_SIGNATURE], []),
        (signed_fields(), None, [], [UNCHECKED_SIGNATURE]),
        (signed_fields(signed=None), 42, [], []),
    ],
)
def test_a_signature_in_a_file_is_checked(
    tmp_path: Path, suffix: str, row: dict[str, Any], magic: int | None, reasons: list[str], notes: list[str]
) -> None:
    path, named = tmp_path / f"file.{suffix}", {name: value for name, value in row.items() if value is not None}
    csv_text = "".join(",".join(map(str, one)) + "\n" for one in (named.keys(), named.values()))
    path.write_text(csv_text if suffix == "csv" else json.dumps(named) + "\n")
    source = open_source(str(path), network_magic=magic)
    rows, rejects, _ = read(source)
    assert [reject.reason for reject in rejects] == reasons
    assert list(source.notes) == notes
    is_signed = magic == 42 and not reasons and "signed" in named
    assert [row.signed is not None for row in rows] == [is_signed] * (1 - len(reasons))


def test_what_a_party_signed_stands_however_it_came_and_whatever_is_said_of_it(tmp_path: Path) -> None:
    path, store = tmp_path / "file", temporary_registrations()
    lines = [
        signed_fields(7),
        signed_fields(6, seen_at=2_000_000_000),  # an older one, sent again as if it were new
        signed_fields(signed=None, version="9.9.9", seen_at=2_000_000_000),
        signed_fields(signed="00ff", version="9.9.9", seen_at=2_000_000_000),
    ]
    for rows in (lines, lines[::-1]):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        ingest(open_source(str(path), network_magic=42), store)
        (found,) = store.newest(Epoch(5))
        assert (found.seen_at_s, found.version, found.signed is not None) == (7.0, "1.2.3", True)


@pytest.mark.parametrize(
    ("header", "got"),
    [
        ("party_id,epoch,version", "the columns party_id, epoch, version"),
        ("party_id,epoch,stake,stake", "the columns party_id, epoch, stake, stake"),
        ("pool1a,5,1.2.3,10", "the columns pool1a, 5, 1.2.3, 10"),
        ("", "the columns none"),
        ('"party_id', "the columns none"),
    ],
)
def test_a_csv_with_another_header_is_refused_whole(tmp_path: Path, header: str, got: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"{header}\n{csv_line()}")
    with raising("SourceFormat") as caught:
        read(CsvRows(str(path)))
    assert got in str(caught.value)
    assert "nothing was read" in str(caught.value)


def test_csv_json_lines_and_a_column_of_no_meaning(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("party_id,epoch,stake,vesion\npool1a,5,1,9.9.9\n")
    source = CsvRows(str(path))
    rows, rejects, _ = read(source)
    assert ([row.version for row in rows], rejects) == ([None], [])
    assert source.notes == {"'vesion' is not a field of registrations: counted without it": 1}


def test_csv_rows_that_are_none_do_not_swallow_their_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(
        b'\xef\xbb\xbfepoch, stake ,party_id\r\n5,1,a\r\n5,1\r\n5,1,"b\r\n5,1,"c"x\r\n5,1,d,e\r\n\r\n5,1,"f,g"\r\n'
    )
    rows, rejects, _ = read(CsvRows(str(path)))
    assert parties(rows) == ["a", "f,g"]
    assert [(reject.place, reject.reason) for reject in rejects] == [
        ("line 3", "has more or fewer fields than the header"),
        ("line 4", "is not CSV"),
        ("line 5", "is not CSV"),
        ("line 6", "has more or fewer fields than the header"),
    ]


# An aggregator's event store -----------------------------------------------------------------------------------------


def event(party: Any = "pool1a", epoch: Any = "5", version: Any = "1.2.3", stake: Any = 10) -> str:
    headers = {"signer-node-version": version, "epoch": epoch}
    return json.dumps({"headers": headers, "content": {"party_id": party, "stake": stake}})


@pytest.fixture
def events(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An aggregator's connection to its event store."""
    with closing(sqlite3.connect(tmp_path / "events.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE event (event_id INTEGER PRIMARY KEY AUTOINCREMENT, created_at TEXT NOT NULL, "
            "source TEXT NOT NULL, action TEXT NOT NULL, content TEXT)"
        )
        yield connection


def add(events: sqlite3.Connection, *contents: Any, action: str = "register_signer") -> None:
    for content in contents:
        events.execute(
            "INSERT INTO event (created_at, source, action, content) VALUES ('2024-09-01T00:00:07+00:00', 's', ?, ?)",
            (action, content),
        )


@pytest.fixture
def store_path(events: sqlite3.Connection, tmp_path: Path) -> str:
    return str(tmp_path / "events.sqlite3")


def test_events_are_read_while_the_aggregator_writes(events: sqlite3.Connection, store_path: str) -> None:
    add(events, event("a"), event("b", epoch=6, version=None, stake="7"))
    add(events, "{}", action="metrics")
    rows, rejects, cursor = read(MithrilEvents(store_path))
    assert [(row.party_id, row.epoch, row.version, row.stake, row.seen_at_s) for row in rows] == [
        ("a", 5, "1.2.3", 10, 1725148807.0),
        ("b", 6, None, 7, 1725148807.0),
    ]
    assert rejects == []
    events.execute("BEGIN IMMEDIATE")
    add(events, event("c"))
    assert read(MithrilEvents(store_path), cursor) == ([], [], cursor), "what is not committed is not there"
    events.execute("COMMIT")
    assert parties(read(MithrilEvents(store_path), cursor)[0]) == ["c"]


def test_nothing_can_be_written_through_it(events: sqlite3.Connection, store_path: str) -> None:
    add(events, event())
    with (
        MithrilEvents(store_path)._connected() as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM event")


def test_events_that_are_no_registrations(events: sqlite3.Connection, store_path: str) -> None:
    contents = [
        None, "", "{", "[]", "{}", '{"headers": 1, "content": {}}', '{"headers": {}, "content": []}', 7, b"\xff",
        event(party=None), event(epoch=""), event(stake=-5), event(epoch="999999999"), "x" * 70_000,
    ]  # fmt: skip
    add(events, *contents, event("good"))
    rows, rejects, _ = read(MithrilEvents(store_path))
    assert parties(rows) == ["good"]
    assert [reject.reason for reject in rejects] == [
        "is not JSON", "is not JSON", "is not JSON", "is not an event with headers and content",
        "is not an event with headers and content", "is not an event with headers and content",
        "is not an event with headers and content", "is not an event with headers and content", "is not JSON",
        "party_id is missing", "epoch is missing", "stake is negative", "epoch is in the far future",
        "the event is longer than 65536 characters",
    ]  # fmt: skip
    assert rejects[-1].place == "event 14"


def test_an_event_store_that_was_made_anew_is_read_from_its_beginning(
    events: sqlite3.Connection, store_path: str
) -> None:
    add(events, event("a"), event("b"))
    _, _, cursor = read(MithrilEvents(store_path))
    events.execute("DELETE FROM event")
    events.execute("DELETE FROM sqlite_sequence")
    add(events, event("x"), event("y"), event("z"))
    assert parties(read(MithrilEvents(store_path), cursor)[0]) == ["x", "y", "z"]
    assert parties(read(MithrilEvents(store_path), "nonsense")[0]) == ["x", "y", "z"]


def test_an_event_store_that_is_locked(tmp_path: Path, mithril: MithrilFile) -> None:
    path = tmp_path / "copy.sqlite3"
    shutil.copyfile(mithril("monitoring.sqlite3"), path)
    source = MithrilEvents(str(path), wait_s=0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with raising("SourceLocked", match=r"is locked: expected to read it within 0.1 s"):
            read(source)
    assert len(read(source)[0]) == 847


def test_an_event_store_that_is_truncated(tmp_path: Path, mithril: MithrilFile) -> None:
    whole = mithril("monitoring.sqlite3").read_bytes()
    path = tmp_path / "part.sqlite3"
    for length in (50, 5_000, len(whole) // 2, len(whole) - 4096):
        path.write_bytes(whole[:length])
        with raising("SourceDamaged", match="truncated or damaged"):
            read(MithrilEvents(str(path)))
    path.write_bytes(whole)
    assert len(read(MithrilEvents(str(path)))[0]) == 847


def test_a_file_that_is_no_event_store(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but long enough to look at" * 100)
    with raising("SourceDamaged", match="not a database"):
        read(MithrilEvents(str(tmp_path / "text")))
    with raising("SourceMissing", match="got nothing"):
        read(MithrilEvents(str(tmp_path / "missing")))
    with raising("SourceMissing", match="got a folder"):
        read(MithrilEvents(str(tmp_path)))
    for schema, got in (("CREATE TABLE other (a)", "no table event"), ("CREATE TABLE event (event_id)", "created_at")):
        path = tmp_path / f"other{len(schema)}"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(schema)
        with raising("SourceFormat", match=got):
            read(MithrilEvents(str(path)))
    (tmp_path / "empty").touch()
    with raising("SourceFormat", match="no table event"):
        read(MithrilEvents(str(tmp_path / "empty")))


def test_columns_that_a_newer_aggregator_has_do_not_matter(events: sqlite3.Connection, store_path: str) -> None:
    events.execute("ALTER TABLE event ADD COLUMN more TEXT")
    add(events, event("a"))
    assert parties(read(MithrilEvents(store_path))[0]) == ["a"]


# An aggregator's HTTP API --------------------------------------------------------------------------------------------


def registered(epoch: int = 5, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"registered_at": epoch, "signing_at": epoch + 2, "registrations": list(entries), **more}


def entry(party: str = "pool1a", stake: Any = 10, **more: Any) -> dict[str, Any]:
    return {"party_id": party, "stake": stake, **more}


def ask(server: HostileHttp, *epochs: int, known: list[Registration] | None = None) -> tuple[Any, ...]:
    source = AggregatorHttp(
        f"{server.url}/aggregator", tuple(map(Epoch, epochs)), known=lambda _: known or [], limits=QUICK
    )
    return read(source)


def test_an_aggregator_is_asked_for_the_epochs_that_are_wanted() -> None:
    answers = {
        "/aggregator/signers/registered/5": registered(5, entry("a", 7), entry("b", -1), {"stake": 2}),
        "/aggregator/signers/registered/6": registered(6, entry("a", 8, signer_node_version="1.2.3+x")),
    }
    with HostileHttp(lambda path: reply(answers[path])) as server:
        rows, rejects, cursor = ask(server, 5, 6)
    assert [(row.party_id, row.epoch, row.version, row.stake) for row in rows] == [
        ("a", 5, None, 7),
        ("a", 6, "1.2.3+x", 8),
    ]
    assert [(reject.place, reject.reason) for reject in rejects] == [
        ("epoch 5, entry 2", "stake is negative"),
        ("epoch 5, entry 3", "party_id is missing"),
    ]
    assert cursor is None


@pytest.mark.parametrize("old", [False, True])
def test_by_default_it_is_the_epoch_that_the_aggregator_is_in(old: bool) -> None:
    def answer(path: str) -> Any:
        if path.endswith("/status"):
            return error(404) if old else reply({"epoch": 9, "aggregator_node_version": "1"})
        if path.endswith("/epoch-settings"):
            return reply({"epoch": 9})
        return reply(registered(9, entry()))

    with HostileHttp(answer) as server:
        assert [row.epoch for row in ask(server)[0]] == [9]


def test_what_is_known_is_told_as_it_is_known() -> None:
    known = [
        Registration("same", Epoch(5), "1.2.3", 10, 4.0, "events"),
        Registration("moved", Epoch(5), "1.2.3", 10, 4.0, "events"),
        Registration("upgraded", Epoch(5), "1.2.3", 10, 4.0, "events"),
    ]
    entries = [entry("same"), entry("moved", 11), entry("upgraded", version="1.3.0"), entry("new")]
    with HostileHttp(lambda _: reply(registered(5, *entries))) as server:
        rows, _, _ = ask(server, 5, known=known)
    assert rows[0] == known[0]
    assert [(row.version, row.stake) for row in rows[1:]] == [("1.2.3", 11), ("1.3.0", 10), (None, 10)]
    assert all(row.seen_at_s > 1.7e9 for row in rows[1:])


def test_pages_are_read_to_the_end() -> None:
    def answer(path: str) -> Any:
        if "page=2" in path:
            return reply(registered(5, entry("b")))
        return reply(registered(5, entry("a"), next="/signers/registered/5?page=2"))

    with HostileHttp(answer) as server:
        assert parties(ask(server, 5)[0]) == ["a", "b"]
        assert [path.rpartition("/")[2] for path in server.paths] == ["5", "5?page=2"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda _: reply(registered(5, entry("a"), next="/again")), ReadLimitExceededError),
        (lambda _: reply(registered(5, entry("a"), next="https://elsewhere/")), UnexpectedAnswerError),
        (lambda _: reply(registered(6, entry("a"))), UnexpectedAnswerError),
        (lambda _: reply(registered(5, entry("a", 1), entry("a", 2))), UnsteadyAnswerError),
        (lambda _: reply({"registrations": []}), UnexpectedAnswerError),
        (lambda _: reply(b"<html>"), UnexpectedAnswerError),
        (lambda _: error(404), ProviderNotFoundError),
        (lambda _: error(500), ProviderFailedError),
    ],
)
def test_an_aggregator_that_cannot_be_believed_adds_nothing(answer: Any, expected: type[Exception]) -> None:
    with HostileHttp(answer) as server:
        source = AggregatorHttp(server.url, [Epoch(5)], limits=QUICK)
        batches: list[object] = []
        with pytest.raises(expected, match="Mithril aggregator"):
            batches.extend(source.batches(None, 10))
    assert batches == []


def test_an_aggregator_that_hangs_ends_in_time() -> None:
    with HostileHttp(lambda _: []) as server:
        server.answer = server.silence
        with pytest.raises(ProviderTimeoutError):
            ask(server, 5)


def test_an_aggregator_that_fails_once_is_asked_again() -> None:
    answers = iter([error(503), reply(registered(5, entry("a")))])
    with HostileHttp(lambda _: next(answers)) as server:
        assert parties(ask(server, 5)[0]) == ["a"]


def test_the_tickers_that_an_aggregator_knows() -> None:
    told = [{"party_id": "a", "pool_ticker": "[A]", "has_registered": True}, {"party_id": "b"}, {"nobody": 1}]
    told += [{"party_id": "c", "pool_ticker": 5, "has_registered": "maybe"}]
    with HostileHttp(lambda _: reply({"network": "mainnet", "signers": told})) as server:
        source = AggregatorHttp(server.url, limits=QUICK)
        found = source.tickers()
        source.close()
    assert found == {"a": "[A]"}


# Which kind ----------------------------------------------------------------------------------------------------------


def test_what_a_text_names(tmp_path: Path, mithril: MithrilFile) -> None:
    unnamed = tmp_path / "unnamed"
    shutil.copyfile(mithril("monitoring.sqlite3"), unnamed)
    assert [
        kind_of(text)
        for text in ("http://x", "https://x/y.csv", str(unnamed), "gone.db", "x.CSV", "x.jsonl", "-", str(tmp_path))
    ] == ["aggregator", "aggregator", "mithril", "mithril", "csv", "lines", "lines", "lines"]
    source = open_source(str(unnamed))
    assert isinstance(source, MithrilEvents)
    assert source.total == 847
    source.close()


def test_names_of_sources_hold_no_secret() -> None:
    source = AggregatorHttp("http://user:secret@example.org:8080/path?key=secret", [Epoch(1)])
    source.close()
    assert source.name == "aggregator:http://example.org:8080"

"""Mithril's summary, to the letter: against its published figures, and against its own view on hard cases."""

import csv
import json
import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from era_store import SqlRegistrations, temporary_registrations
from release_tools.adoption.text import MITHRIL_COLUMNS, csv_text, mithril_rows
from release_tools.registrations import ingest, open_source
from tests.conftest import MithrilFile
from tests.release_tools.registered import register, registration

FILES = [("monitoring.sqlite3", "adoption_expected.csv"), ("runbook_monitoring.sqlite3", "runbook_published.csv")]


def read(path: Path) -> SqlRegistrations:
    repository = temporary_registrations()
    with closing(open_source(str(path))) as source:
        ingest(source, repository)
    return repository


def as_csv(repository: SqlRegistrations) -> bytes:
    rows = [list(row.values()) for row in mithril_rows(repository)]
    return csv_text(MITHRIL_COLUMNS, rows).encode()


@pytest.mark.parametrize(("store", "published"), FILES)
def test_equal_to_what_was_published_to_the_letter(mithril: MithrilFile, store: str, published: str) -> None:
    assert as_csv(read(mithril(store))) == mithril(published).read_bytes()


def test_some_epochs_only(mithril: MithrilFile) -> None:
    repository = read(mithril(FILES[0][0]))
    last = list(mithril_rows(repository, repository.epochs()[:1]))
    every = list(mithril_rows(repository))
    assert last == every[: len(last)]
    assert {row["epoch"] for row in last} == {485}


Parties = dict[str, tuple[str | None, int]]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        st.tuples(
            st.sampled_from(["0.2.9", "0.2.10", "0.2.10+f", "1.0.0-rc.1", "1.0.0", "nightly", "é", "V", None]),
            st.one_of(st.integers(0, 400), st.integers(0, 10**15)),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_equal_to_the_view_itself(mithril: MithrilFile, parties: Parties) -> None:
    """The view comes with the vectors' file and judges any registrations; each party registers once, as it asks."""
    with closing(sqlite3.connect(f"file:{mithril(FILES[0][0])}?mode=ro", uri=True)) as source:
        schema = [
            sql
            for (sql,) in source.execute(
                "select sql from sqlite_master where name in ('event', 'signer_registration_summary') order by type"
            )
        ]
    with closing(sqlite3.connect(":memory:")) as judge:
        for statement in schema:
            judge.execute(statement)
        for party_id, (version, stake) in parties.items():
            content = {
                "headers": {"signer-node-version": version, "epoch": "7"},
                "content": {"party_id": party_id, "stake": stake},
            }
            judge.execute(
                "insert into event (created_at, source, action, content) values ('2024', 's', 'register_signer', ?)",
                (json.dumps(content),),
            )
        expected = judge.execute("select * from signer_registration_summary").fetchall()
    repository = temporary_registrations()
    register(repository, *(registration(party, version, stake, 7) for party, (version, stake) in parties.items()))
    assert [tuple(row.values()) for row in mithril_rows(repository)] == expected


def test_csv_is_read_back_by_any_reader(mithril: MithrilFile) -> None:
    text = as_csv(read(mithril(FILES[1][0]))).decode()
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert rows[0] == {
        "epoch": "744",
        "version": "0.2.209",
        "total_epoch_stakes": "52450437146164",
        "stakes_version": "3812327831838",
        "stakes_ratio": "07 %",
        "pool_count": "4",
    }

"""The page of benchmarks is made of a run of the benchmarks that there are, with the targets that they have."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as suite
from benchmarks.measure import Benchmark

ONLY_WITH_POSTGRESQL = {"adoption.ingest_postgres"}


def measured() -> float:
    """What a test measures."""
    return 1.23456


def test_a_run_is_kept_with_its_place_and_what_it_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    some = (Benchmark("a.met", 2, "a baseline", measured), Benchmark("a.missed", 1, "a baseline", measured))
    monkeypatch.setattr(suite, "ALL", (*some, Benchmark("b.other", 1, "nothing", measured)))
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "a.", "--out", str(tmp_path / "results.json")])
    assert suite.main() == 1
    kept = json.loads((tmp_path / "results.json").read_text())
    assert [(one["name"], one["ratio"], one["ok"]) for one in kept["results"]] == [
        ("a.met", 1.2346, True),
        ("a.missed", 1.2346, False),
    ]
    assert kept["results"][0]["what"] == "What a test measures."
    assert kept["left out"] == ["b.other"]
    assert {"date", "processor", "processors", "Python"} <= set(kept["where"])
    assert capsys.readouterr().out.count("MISSED") == 1


def test_the_run_that_the_docs_show_is_of_these_benchmarks() -> None:
    kept = json.loads(suite.RESULTS.read_text(encoding="utf-8"))
    targets = {one.name: round(one.target, 4) for one in suite.ALL if one.name not in ONLY_WITH_POSTGRESQL}
    shown = {one["name"]: one["target"] for one in kept["results"] if one["name"] not in ONLY_WITH_POSTGRESQL}
    assert shown
    assert {name: targets.get(name) for name in shown} == shown
    assert {*shown, *kept["left out"]} - ONLY_WITH_POSTGRESQL == {*targets}, "run make bench anew"

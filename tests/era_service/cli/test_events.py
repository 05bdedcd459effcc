"""``eraswitch events``: what the log says, whether it follows, where nodes parted, and how it is kept."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from chain_reader import LogLimits
from era_store import open_store
from era_store.event_files import EventFile
from era_store.sql import tables
from tests import forked
from tests.chain_reader.test_node_core import core_of, story
from tests.era_service.conftest import Shell, invoke


@pytest.fixture
def store(own_folders: Path) -> str:
    """The store of a node that lived through everything."""
    path = str(own_folders / "store")
    with open_store(path) as made:
        core = core_of(made, limits=LogLimits(snapshot_every=6))
        for event in story():
            core.apply(event)
    return path


def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    result = invoke("events", *arguments, env=env)
    return result.exit_code, result.stdout, result.stderr


def documents(*arguments: str) -> list[dict[str, Any]]:
    code, out, errors = run(*arguments, "--json")
    assert (code, errors) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def edit(store: str, of: str, /, **values: Any) -> int:
    with open_store(store) as opened:
        found = next(event.id for event in opened.events.read() if event.kind == of)
        with opened.database.write() as connection:
            connection.execute(update(tables.event).where(tables.event.c.id == found).values(**values))
    return found


class TestCat:
    def test_every_event_as_json_and_for_people(self, store: str):
        events = documents("cat", store)
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        assert set(events[0]) == {
            "id", "time_s", "role", "kind", "epoch", "stream", "cause", "version", "facts", "hash"
        }  # fmt: skip
        code, out, _ = run("cat", store)
        assert code == 0
        lines = out.splitlines()
        assert len(lines) == len(events)
        assert "started" in lines[0]
        assert any("> clock-ticked" in line for line in lines)
        assert any("announced" in line and "era pythagoras" in line and "(on " in line for line in lines)

    @pytest.mark.parametrize(
        ("options", "right"),
        [
            (["--kind", "refused", "--kind", "activated"], lambda e: e["kind"] in ("refused", "activated")),
            (["--role", "input"], lambda e: e["role"] == "input"),
            (["--verdict", "Impostor"], lambda e: e["facts"].get("verdict") == "Impostor"),
            (["--epoch", "5"], lambda e: e["epoch"] == 5),
            (["--epoch", "6..7"], lambda e: e["epoch"] in (6, 7)),
            (["--epoch", "7.."], lambda e: e["epoch"] is not None and e["epoch"] >= 7),
            (["--epoch", "..5"], lambda e: e["epoch"] is not None and e["epoch"] <= 5),
            (["--since", "9", "--until", "1970-01-01T00:00:11"], lambda e: 9 <= e["time_s"] < 11),
            (["--after", "20"], lambda e: e["id"] > 20),
        ],
    )
    def test_filters(self, store: str, options: list[str], right: Any):
        wanted = [event for event in documents("cat", store) if right(event)]
        assert wanted
        assert documents("cat", store, *options) == wanted
        assert documents("cat", store, *options, "--limit", "1") == wanted[:1]
        assert documents("cat", store, *options, "--last", "2") == wanted[-2:]

    def test_the_configured_store_is_the_default(self, store: str):
        assert run("cat", "--limit", "1", env={"ERASWITCH_STORE__URL": store})[0] == 0
        assert documents("cat", "--store", store, "--limit", "1")[0]["kind"] == "started"
        code, _, errors = run("cat")
        assert code == 2
        assert "--store" in errors

    @pytest.mark.parametrize(
        "options",
        [["--epoch", "five"], ["--epoch", "-1"], ["--epoch", str(2**64)], ["--since", "noon"], ["--role", "other"]],
    )
    def test_mistakes(self, store: str, options: list[str]):
        assert run("cat", store, *options)[0] == 2

    def test_a_misspelt_kind_is_warned_of(self, store: str):
        code, out, errors = run("cat", store, "--kind", "actvated")
        assert (code, out) == (0, "")
        assert "did you mean 'activated'?" in errors
        assert "did you mean" not in run("cat", store, "--kind", "activated", "--kind", "gate-overridden")[2]

    def test_the_verdict_stands_before_what_may_be_cut_off(self, store: str):
        out = run("cat", store, "--kind", "refused", "--last", "1")[1]
        assert "refused                verdict " in out

    def test_a_store_that_is_not_there_is_not_made(self, own_folders: Path):
        code, _, errors = run("cat", "gone")
        assert code == 1
        assert "There is no store at" in errors
        assert not (own_folders / "gone").exists()

    def test_what_is_no_log_is_said(self, own_folders: Path):
        (own_folders / "notes").write_text("hello\n")
        code, _, errors = run("cat", "notes")
        assert code == 1
        assert "Line 1 of notes" in errors

    def test_it_follows_what_comes(self, store: str, own_folders: Path):
        asked = ("events", "cat", store, "--last", "1", "--follow", "--json")
        with forked.Forked(forked.COMMAND, *asked, cwd=own_folders) as following:
            last = json.loads(following.stdout.readline())
            with open_store(store) as opened:
                began = time.monotonic()
                for number in range(3):
                    written = opened.events.append("kind", {"n": number}, time_s=1.0)
                    assert json.loads(following.stdout.readline())["id"] == written == last["id"] + number + 1
            assert time.monotonic() - began < 40
            following.send_signal(signal.SIGINT)
            assert following.wait(30) == 130

    def test_a_file_does_not_grow(self, store: str):
        run("export", "log", "--store", store)
        assert run("cat", "log", "--follow")[0] == 2
        assert documents("cat", "log") == documents("cat", store)


class TestReplay:
    def test_every_decision_follows(self, store: str):
        code, out, errors = run("replay", store)
        assert (code, errors) == (0, "")
        assert "Every decision follows from the inputs" in out
        assert "era None, fatal" in out
        (document,) = documents("replay", store)
        assert document["same"] is True
        assert document["inputs"] == len(story())

    def test_the_first_that_differs_is_named(self, store: str):
        run("export", "log", "--store", store)
        changed = edit(store, "announced", kind="scheduled")
        code, _, errors = run("replay", store)
        assert code == 1
        assert f"from event {changed} on" in errors, "the hashes say so first"
        text = Path("log").read_text()
        Path("log").write_text(text.replace('"kind":"announced"', '"kind":"scheduled"'))
        code, _, errors = run("replay", "log")
        assert code == 1
        assert "Line " in errors

    def test_a_decision_that_was_made_otherwise_is_named_with_both(self, store: str):
        from era_store import NewEvent
        from eras import Epoch

        with open_store(store) as opened:
            tick = NewEvent("clock-ticked", {"epoch": 20, "slot": None}, Epoch(20), "input", 1)
            opened.events.record([tick, NewEvent("activated", {"era": "x"}, Epoch(20), "decision", 1)], time_s=50.0)
            last = opened.events.head().last_id
        code, out, _ = run("replay", store)
        assert code == 1
        assert f"DIFFERS at event {last} (on input {last - 1})" in out
        assert "recorded:   {'kind': 'activated'" in out
        result = invoke("events", "replay", store, "--json")
        assert result.exit_code == 1
        difference = json.loads(result.stdout)["difference"]
        assert difference["event"] == last
        assert difference["recomputed"] is None
        assert run("replay", store, "--until", str(last - 2))[0] == 0

    def test_until_and_break_at(self, store: str):
        (until,) = documents("replay", store, "--until", "9")
        assert until["last_id"] == 9
        events = documents("cat", store)
        tick = next(event for event in events if event["facts"].get("epoch") == 9 and event["role"] == "input")
        (stopped,) = documents("replay", store, "--break-at", str(tick["id"]))
        assert stopped["break_at"]["id"] == tick["id"]
        assert stopped["state"]["epoch"] == 7
        assert [told["kind"] for told in stopped["decides"]] == ["activated", "unsupported-current"]
        code, out, _ = run("replay", store, "--break-at", str(tick["id"]))
        assert code == 0
        assert "decides: activated" in out
        assert run("replay", store, "--break-at", "9999")[0] == 2

    def test_a_log_of_a_newer_version(self, store: str):
        edit(store, "clock-ticked", kind="clock-turned", version="99.0.0", hash=None)
        with open_store(store) as opened, opened.database.write() as connection:
            connection.execute(update(tables.event).values(hash=None))
            connection.execute(tables.event_head.delete())
        with open_store(store) as opened:
            opened.events.append("kind", {}, time_s=1.0)  # chains them all anew
        code, _, errors = run("replay", store)
        assert code == 1
        assert "newer version of eraswitch, 99.0.0" in errors


class TestDiff:
    def test_the_same_log(self, store: str):
        run("export", "log", "--store", store)
        code, out, _ = run("diff", store, "log")
        assert code == 0
        assert "The same eras and schedules" in out

    def test_nodes_that_parted(self, store: str, own_folders: Path):
        other = str(own_folders / "other")
        with open_store(other) as made:
            core = core_of(made)
            for event in story()[:12]:
                core.apply(event)
            from chain_reader import ClockTicked, ObserverAnswered
            from eras import Epoch
            from tests.chain_reader.deciding_world import SCHEDULED, Address

            address = Address()
            address.publish(SCHEDULED, epoch=4)
            core.apply(ObserverAnswered(address.evidence(8), 20.0))
            core.apply(ClockTicked(Epoch(10), 21.0))
        code, out, _ = run("diff", store, other)
        assert code == 1
        assert "One log until event" in out
        assert "PARTED at epoch" in out
        result = invoke("events", "diff", store, other, "--json")
        document = json.loads(result.stdout)
        assert (result.exit_code, document["logs"]) == (1, [store, other])
        assert document["matter"] in ("era", "schedule")
        assert document["sides"][0]["value"] != document["sides"][1]["value"]


class TestKeeping:
    def test_verify(self, store: str):
        (facts,) = documents("verify", store)
        assert facts["events"] == facts["last_id"] == len(documents("cat", store))
        assert "events are unchanged" in run("verify", store)[1]
        changed = edit(store, "trusted", facts={"output": "another"})
        code, _, errors = run("verify", store)
        assert code == 1
        assert f"from event {changed} on" in errors

    def test_lines_that_are_missing_at_the_end(self, store: str):
        with open_store(store) as opened, opened.database.write() as connection:
            connection.execute(tables.event.delete().where(tables.event.c.id > 10))
        code, _, errors = run("verify", store)
        assert code == 1
        assert "event 10 as the last one" in errors

    def test_export_and_import(self, store: str, own_folders: Path):
        code, out, _ = run("export", "log", "--store", store)
        assert code == 0
        assert "events in log" in out
        code, _, errors = run("export", "log", "--store", store)
        assert code == 1
        assert "--yes" in errors
        assert run("export", "log", "--yes", "--store", store)[0] == 0
        assert not (own_folders / "new").exists(), "it is made"
        (facts,) = documents("import", "log", "--store", "new")
        assert facts["added"] == len(documents("cat", store))
        assert documents("import", "log", "--store", "new")[0]["added"] == 0
        assert documents("cat", "new") == documents("cat", store)
        assert documents("verify", "new")[0]["last_hash"] == documents("verify", "log")[0]["last_hash"]
        with open_store("new") as other:
            other.events.append("own", {}, time_s=1.0)
        with open_store(store) as opened:
            opened.events.append("theirs", {}, time_s=1.0)
        run("export", "log", "--yes", "--store", store)
        code, _, errors = run("import", "log", "--store", "new")
        assert code == 1
        assert "another log" in errors

    def test_a_file_that_was_cut_is_not_imported(self, store: str, own_folders: Path):
        run("export", "log", "--store", store)
        content = Path("log").read_bytes()
        Path("log").write_bytes(content[: len(content) // 2])
        open_store(str(own_folders / "new")).close()
        code, _, errors = run("import", "log", "--store", "new")
        assert code == 1
        assert "it was truncated" in errors
        assert documents("cat", "new") == []

    def test_compact(self, store: str):
        before = len(documents("cat", store))
        (kept,) = documents("compact", "--store", store, "--keep-from", "7")
        assert 0 < kept["removed"] < before
        assert documents("cat", store, "--role", "input", "--epoch", "7")[0]["kind"] == "clock-ticked"
        code, out, _ = run("compact", "--store", store)
        assert code == 0
        assert "events were removed" in out
        assert documents("replay", store)[0]["same"] is True
        assert documents("verify", store)[0]["first_id"] > 1
        run("export", "log", "--store", store)
        assert EventFile.open(Path("log")).head().first_id == documents("verify", store)[0]["first_id"]

    def test_a_damaged_log_is_not_compacted(self, store: str):
        edit(store, "trusted", facts={})
        count = len(documents("cat", store))
        code, _, errors = run("compact", "--store", store)
        assert code == 1
        assert "from event" in errors
        assert len(documents("cat", store)) == count


def test_the_real_command(store: str, shell: Shell):
    done = shell("events", "replay", store)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Every decision follows" in done.stdout

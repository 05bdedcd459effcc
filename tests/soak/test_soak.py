"""What a soak judges, and the proxy that it breaks connections with. The soak itself is ``make soak``."""

import json
import os
import socket
import threading
import time
import urllib.request
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.soak import upgrade, verdict
from benchmarks.soak.actors import answer_to
from benchmarks.soak.proxy import Proxy
from benchmarks.soak.watchers import Diary
from eras import Epoch, EraMarker

OLD, NEW, NEXT = EraMarker("old", Epoch(0)), EraMarker("new", Epoch(3)), EraMarker("next", Epoch(6))
PUBLISHED = [(0.0, (OLD,)), (10.0, (OLD, NEW)), (31.0, (OLD, NEW, EraMarker("next", Epoch(5)))), (32.0, (NEW, NEXT))]
TRUTH = verdict.reigns(PUBLISHED, start_s=0.0, epoch_s=10.0)
"""``old`` until 30 s, ``new`` until 60 s, then ``next``."""


def line(node: str, at_s: float, era: str | None, what: str = "activated", process: int = 1) -> dict[str, object]:
    return {"node": node, "at_s": at_s, "era": era, "what": what, "process": process}


def test_what_was_published_says_which_era_was_in_force_when():
    assert [(one.era, one.begins_s, one.ends_s) for one in TRUTH] == [
        ("old", 0.0, 30.0), ("new", 30.0, 60.0), ("next", 60.0, float("inf")),
    ]  # fmt: skip
    assert verdict.allowed(TRUTH, 20.0) == {"old"}
    assert verdict.allowed(TRUTH, 29.0) == {"old", "new"}
    assert verdict.allowed(TRUTH, 33.0) == {"old", "new"}
    assert verdict.allowed(TRUTH, 35.0) == {"new"}


def test_a_publication_that_says_the_same_again_is_doubled():
    assert verdict.doubled(PUBLISHED) == []
    assert len(verdict.doubled([*PUBLISHED, (40.0, (NEW, NEXT))])) == 1
    assert all(earlier[1] != later[1] for earlier, later in pairwise(PUBLISHED))


def test_a_node_whose_clock_is_stepped_is_noted_at_the_true_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "diary").touch()
    began_s = time.time()
    monkeypatch.setattr(time, "time", lambda: began_s - 30)
    Diary(tmp_path / "diary").write("a", "activated", "new")
    noted = json.loads((tmp_path / "diary").read_text())
    assert noted == line("a", noted["at_s"], "new", process=os.getpid())
    assert noted["at_s"] >= began_s


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line("a", 1.0, "old", "ready"), line("a", 30.2, "new"), line("a", 61.0, "next")], []),
        ([line("a", 1.0, "old", "ready"), line("a", 61.0, "next")], ["a missed the switch to new: never made"]),
        ([line("a", 31.0, "new", "ready"), line("a", 66.0, "next")], ["a missed the switch to next: late"]),
        ([line("a", 1.0, "old", "ready"), line("a", 20.0, "new"), line("a", 60.0, "next")], ["a was in new at 20.0"]),
        ([line("a", 40.0, None, "not ready"), line("a", 61.0, "next")], ["a was in None at 40.0"]),
        ([line("a", 1.0, "old", "ready", 7), line("a", 40.0, "new", "ready"), line("a", 60.5, "next")], []),  # killed
    ],
)
def test_switches_that_are_missed_late_or_early_are_found(lines: list[dict[str, object]], expected: list[str]):
    wrong, late = verdict.missed_switches(TRUTH, lines, {7: 25.0}, until_s=80.0)
    assert len(wrong) == len(expected)
    assert all(found.startswith(words) for found, words in zip(wrong, expected, strict=True))
    assert expected or max(late) == pytest.approx(
        max(line["at_s"] % 10 for line in lines if line["what"] == "activated")
    )


def test_answers_of_another_era_are_found():
    right = [(20.0, "replica-1", "old"), (33.0, "replica-1", "old"), (35.0, "replica-1", "new")]
    assert verdict.wrong_answers(TRUTH, right) == []
    assert len(verdict.wrong_answers(TRUTH, [*right, (36.0, "replica-2", "old")])) == 1


def test_growth_of_memory_and_files_is_found_and_a_start_is_none():
    flat = [(float(at), "flat", 1, min(100.0, 10.0 * at), min(30, at)) for at in range(120)]
    short = [(float(at), "short", 2, 50.0 * at, at) for at in range(30)]
    leaking = [(float(at), "leaking", 3, 100.0 + at, 10 + at) for at in range(120)]
    assert verdict.growth([*flat, *short])[0] == []
    wrong, figures = verdict.growth([*flat, *leaking])
    assert len(wrong) == 2
    assert all("leaking" in words for words in wrong)
    assert set(figures) == {"flat", "leaking"}


def test_the_proxy_carries_bytes_and_resets_connections():
    with socket.create_server(("127.0.0.1", 0)) as behind, Proxy(behind.getsockname()[1]) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as client:
            server, _ = behind.accept()
            with server:
                echo = threading.Thread(target=lambda: server.sendall(server.recv(5)))
                echo.start()
                client.sendall(b"hello")
                assert client.recv(5) == b"hello"
                echo.join()
                assert proxy.reset(closed_s=60) == 1
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
        with (
            pytest.raises(ConnectionResetError),
            socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as refused,
        ):
            refused.recv(1)


@pytest.mark.parametrize(
    "written", [b"", b"HTTP", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n{}"]
)
def test_an_answer_that_a_killed_service_leaves_unfinished_is_none(written: bytes):
    def answers() -> None:
        client, _ = server.accept()
        with client:
            client.recv(4096)
            client.sendall(written)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answers)
        thread.start()
        assert answer_to(urllib.request.Request(f"http://127.0.0.1:{server.getsockname()[1]}")) is None
        thread.join()


def test_ports_behind_the_proxy_take_turns_and_one_that_is_closed_is_left_out():
    with ExitStack() as opened:
        servers = [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        one, other, closed = (*(server.getsockname()[1] for server in servers), 1)
        proxy = opened.enter_context(Proxy(one, closed, other))
        for _ in range(3):
            client = opened.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=60))
            client.sendall(b"?")
        for server, turns in zip(servers, (1, 2), strict=False):  # the turn of the one that is closed goes to the next
            server.settimeout(60)
            for _ in range(turns):
                behind = opened.enter_context(server.accept()[0])
                assert behind.recv(1) == b"?"
        assert [proxy.connections(port) for port in (one, other, closed)] == [1, 2, 0]


def test_the_release_before_is_the_last_tag_else_the_last_commit_of_another_version(monkeypatch: pytest.MonkeyPatch):
    versions = {"HEAD": "2", "bump": "2", "bump^": "1", "first": "1"}
    answers = {
        ("log", "--format=%H", "HEAD", "--", upgrade.VERSION_FILE): "bump\nfirst",
        ("rev-parse", "bump^"): "before",
        **{("show", f"{revision}:{upgrade.VERSION_FILE}"): version for revision, version in versions.items()},
    }
    monkeypatch.setattr(upgrade, "git", lambda *asked: answers.get(asked, ""))
    assert upgrade.previous("HEAD") == "before"
    answers[("describe", "--tags", "--abbrev=0", "HEAD^")] = "v1"
    assert upgrade.previous("HEAD") == "v1"
    with pytest.raises(LookupError, match="name a revision with --from"):
        upgrade.previous("first")

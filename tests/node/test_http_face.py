"""The watcher over HTTP, and the programs of ``docs/languages.md`` that ask it, run where their toolchains are."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from era_service.node.http_face import era_face
from era_service.node.watcher import NodeWatcher
from tests.conftest import ROOT, require
from tests.errors import raising
from tests.node.world import LAGRANGE, PYTHAGORAS, THALES, Watched, publish

PAGE = (ROOT / "docs" / "languages.md").read_text()


@contextmanager
def served(node: Watched) -> Iterator[tuple[NodeWatcher, str]]:
    watcher = node.watcher()
    node.until(watcher, 0)
    with era_face(watcher, "0") as url:
        yield watcher, url


def ask(url: str, **headers: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            status, body = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read().decode()
    return status, json.loads(body) if body.startswith("{") else body


def test_the_era_what_is_coming_and_whether_to_work(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (LAGRANGE, 7))
    with served(node) as (watcher, url):
        status, document = ask(f"{url}/era")
        assert (status, document) == (
            200,
            {
                "ready": True,
                "reason": None,
                "epoch": 5,
                "current_era": THALES,
                "current_supported": True,
                "upcoming_era": {"name": LAGRANGE, "epoch": 7, "epochs_left": 2, "supported": False},
                "supported_eras": [THALES, PYTHAGORAS],
                "fresh": True,
                "status": "ready",
                "message": "read",
            },
        )
        assert set(document) == set(json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0]))
        assert ask(f"{url}/era", Accept="text/plain") == (200, f"{THALES}\n")
        node.to_epoch(watcher, 7)
        status, document = ask(f"{url}/era")
        assert (status, document["ready"], document["current_era"]) == (503, False, LAGRANGE)
        assert "not supported" in ask(f"{url}/era", Accept="text/plain")[1]


def test_before_anything_was_read_there_is_no_era(node: Watched) -> None:
    with era_face(node.watcher(), "localhost:0") as url:
        status, document = ask(f"{url}/era")
    assert (status, document["current_era"], document["epoch"]) == (503, None, None)


def test_a_stale_schedule_is_worked_by_and_said_to_be_stale(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    with served(node) as (watcher, url):
        node.down = True
        node.until(watcher, 700)
        status, document = ask(f"{url}/era")
    assert (status, document["ready"], document["fresh"], document["status"]) == (200, True, False, "stale")


def test_waiting_for_an_epoch(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    with served(node) as (watcher, url):
        assert ask(f"{url}/wait?epoch=5")[1]["epoch"] == 5
        assert ask(f"{url}/wait?epoch=6&timeout=0") == (204, "")
        answers: list[Any] = []
        waiting = threading.Thread(target=lambda: answers.append(ask(f"{url}/wait?epoch=6")))
        waiting.start()
        node.to_epoch(watcher, 6)
        waiting.join(60)
    assert answers[0][0] == 200
    assert answers[0][1]["current_era"] == PYTHAGORAS


def test_who_waits_is_told_when_the_watcher_has_ended(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    with served(node) as (watcher, url):
        watcher.stop()
        watcher.run()
        status, document = ask(f"{url}/wait?epoch=99")
    assert status == 503
    assert "a stop was requested" in document["reason"]


def test_what_makes_no_sense_is_refused(node: Watched) -> None:
    with served(node) as (_watcher, url):
        assert ask(f"{url}/")[0] == 404
        for query in ("", "?epoch=soon", "?epoch=5&timeout=long"):
            assert ask(f"{url}/wait{query}")[0] == 400
        assert ask(f"{url}/era", Host="rebound.example.org")[0] == 403, "a page led here by its own name"
        assert ask(f"{url}/era", Host="localhost:1")[0] == 503


@pytest.mark.parametrize("where", ["0.0.0.0:0", "192.0.2.1:80", "example.org:80", "", "127.0.0.1:", "127.0.0.1:70000"])
def test_it_listens_on_this_machine_alone(node: Watched, where: str) -> None:
    with raising("WatchAddress", match="listens on this machine only"), era_face(node.watcher(), where):
        pass


def test_a_port_that_is_taken(node: Watched) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with raising("WatchAddress", match="Address already in use"), era_face(node.watcher(), where):
            pass


def commands(language: str, folder: Path) -> list[list[str]]:
    """How a program of the page is built, if it is, and run."""
    source = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[0]
    name, tool = {"rust": ("main.rs", "rustc"), "go": ("main.go", "go"), "typescript": ("main.mjs", "node")}[language]
    require(shutil.which(tool) is not None, tool)
    (folder / name).write_text(source)
    return {
        "rust": [["rustc", "-o", "main", name], ["./main"]],
        # Without optimization: where Go has built nothing yet, it builds its library first, and that takes longest.
        "go": [["go", "build", "-gcflags=all=-N -l", "-ldflags=-s -w", "-o", "main", name], ["./main"]],
        "typescript": [["node", name]],
    }[language]


@pytest.mark.parametrize("language", ["rust", "go", "typescript"])
def test_the_programs_of_the_page(node: Watched, language: str, tmp_path: Path) -> None:
    *build, run = commands(language, tmp_path)
    environment = os.environ | {"GO111MODULE": "off", "CGO_ENABLED": "0"}
    for command in build:
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)

    def asks(url: str) -> subprocess.CompletedProcess[str]:
        given = environment | {"ERASWITCH": url.removeprefix("http://")}
        return subprocess.run(run, cwd=tmp_path, env=given, capture_output=True, text=True, check=False)

    publish(node.chain, (THALES, 0), (LAGRANGE, 6))
    with served(node) as (watcher, url):
        done = asks(url)
        assert (done.returncode, done.stdout) == (0, f"{THALES}\n"), done.stderr
        node.to_epoch(watcher, 6)
        done = asks(url)
        assert (done.returncode, done.stdout) == (4, "")
        assert "not supported" in done.stderr
    done = asks(url)
    assert (done.returncode, done.stdout) == (4, ""), "nobody is there"
    assert "no era to run" in done.stderr

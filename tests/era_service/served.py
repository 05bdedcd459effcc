"""The real ``eraswitch serve`` as a process of its own."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.forked import Forked, eraswitch

_numbers = count()
"""Services may start at the same time, in threads: each has a log of its own."""


@dataclass
class Served:
    """A service that runs."""

    process: Forked | subprocess.Popen[str]
    url: str
    log: Path

    def get(self, path: str) -> dict[str, Any]:
        """The document at ``path``; that of a problem too."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                found = json.load(error)
        return found

    def eras(self) -> list[str]:
        """The names of the eras in force, as it tells them."""
        return [era["name"] for era in self.get("/era/status").get("eras", [])]

    def leads(self) -> bool:
        """Whether it has said that it reads the chain."""
        return "This replica reads the chain from now on" in self.log.read_text()

    def kill(self) -> None:
        """End it without any warning."""
        self.process.kill()
        self.process.wait(10)


@contextmanager
def served(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> Iterator[Served]:
    """A service on a free port, until the end of the block."""
    log = folder / f"serve{next(_numbers)}.log"
    log.touch()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = ["serve", "--port", "0", "--json", *arguments]
    with eraswitch(*command, cwd=folder, env=kept | (env or {}), stderr=log) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text()
            yield Served(process, json.loads(line)["url"], log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def within(seconds: float, met: Callable[[], bool]) -> float:
    """Wait until ``met``; the seconds that it took."""
    began = time.monotonic()
    while not met():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began

"""Small programs for the tests, written where a test says."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path


def program(path: Path, body: str) -> Path:
    """A shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def install(folder: Path, era: str, body: str, name: str = "node") -> Path:
    """The program of an era, with its hash file."""
    made = program(folder / "eras" / era / "bin" / name, body)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    (folder / "eras" / era / "SHA256SUMS").write_text(f"{'0' * 64}  bin/other\n{digest}  bin/{name}\n")
    return made


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pids: Iterable[int]) -> bool:
    """Whether they all end soon."""
    left, until = set(pids), time.monotonic() + 30
    while left and time.monotonic() < until:
        left = {pid for pid in left if alive(pid)}
        time.sleep(0.02)
    return not left


def in_child(work: Callable[[], object]) -> object:
    """What ``work`` returns in a process that is forked off; the words of what it raises."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            found = work()
        except BaseException as error:
            found = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        answer = told.read()
    os.waitpid(child, 0)
    return json.loads(answer)

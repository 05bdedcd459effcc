"""The runbook is run: every block in its order, on a rehearsal chain, and what it promises to print is printed."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.era_service.conftest import invoke

RUNBOOK = ROOT / "docs" / "runbook.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROLOGUE = "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n"


@dataclass
class Block:
    """Commands, and lines that they must print; ``…`` stands for anything."""

    commands: str
    expected: list[str]


def blocks() -> list[Block]:
    found: list[Block] = []
    for kind, text in BLOCK.findall(RUNBOOK.read_text(encoding="utf-8")):
        if kind == "sh":
            found.append(Block(text, []))
        else:
            found[-1].expected += text.splitlines()
    return found


@pytest.mark.timeout(1_800)
def test_every_block_runs_and_prints_what_it_says(own_folders: Path) -> None:
    script = PROLOGUE + "".join(f"echo '=== {number}'\n{block.commands}" for number, block in enumerate(blocks()))
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=own_folders,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": os.environ["HOME"],
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            text, _ = running.communicate()
        finally:  # whatever a block leaves in the background ends with the test, out of time or not
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 0, text[-3000:]
    printed = re.split(r"^=== \d+\n", text, flags=re.MULTILINE)[1:]
    for block, output in zip(blocks(), printed, strict=True):
        for line in block.expected:
            pattern = "^" + re.escape(line).replace("…", ".*") + "$"
            assert re.search(pattern, output, re.MULTILINE), f"{block.commands}\nprinted\n{output}\nnot\n{line}"
    last = printed[-1].rpartition("At addr_test1")[2]
    assert "Legacy view" not in last, "the sweep left readers without rules one choice"
    shown = json.loads(invoke("marker", "show", "--json", "--provider", "local:chain.sqlite3").stdout)
    assert [marker["name"] for marker in shown["markers"]] == ["pythagoras", "lagrange"]


def test_the_runbook_tells_of_every_change() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    for command in ("announce", "activate", "postpone", "cancel", "retire", "show", "history", "cosign", "sweep"):
        assert f"eraswitch marker {command}" in text
    for command in ("tx build", "tx sign", "tx submit", "doctor"):
        assert f"eraswitch {command}" in text

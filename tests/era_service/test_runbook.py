"""Pages whose blocks are run, in their order, on a rehearsal chain; what they promise to print is printed."""

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

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROLOGUE = "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n"


@dataclass
class Block:
    """Commands, and lines that they must print; ``…`` stands for anything."""

    commands: str
    expected: list[str]


def blocks(page: str) -> list[Block]:
    found: list[Block] = []
    for kind, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        if kind == "sh":
            found.append(Block(text, []))
        else:
            found[-1].expected += text.splitlines()
    return found


def run_page(page: str, folder: Path) -> list[str]:
    """What each block of a page has printed, which is what the page promises."""
    run = blocks(page)
    script = PROLOGUE + "".join(f"echo '=== {number}'\n{block.commands}" for number, block in enumerate(run))
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
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
    missing = [
        f"{block.commands}\nprinted\n{output}\nnot\n{line}\n"
        for block, output in zip(run, printed, strict=True)
        for line in block.expected
        if not re.search("^" + re.escape(line).replace("…", ".*") + "$", output, re.MULTILINE)
    ]
    assert missing == [], "\n".join(missing)
    return printed


@pytest.mark.timeout(1_800)
def test_every_block_of_the_runbook_runs_and_prints_what_it_says(own_folders: Path) -> None:
    printed = run_page("runbook.md", own_folders)
    last = printed[-1].rpartition("At addr_test1")[2]
    assert "Legacy view" not in last, "the sweep left readers without rules one choice"
    shown = json.loads(invoke("marker", "show", "--json", "--provider", "local:chain.sqlite3").stdout)
    assert [marker["name"] for marker in shown["markers"]] == ["pythagoras", "lagrange"]


@pytest.mark.timeout(1_800)
def test_every_block_of_the_contingencies_runs_and_prints_what_it_says(own_folders: Path) -> None:
    run_page("contingency.md", own_folders)


def test_the_runbook_tells_of_every_change() -> None:
    text = (DOCS / "runbook.md").read_text(encoding="utf-8")
    for command in ("announce", "activate", "postpone", "cancel", "retire", "show", "history", "cosign", "sweep"):
        assert f"eraswitch marker {command}" in text
    for command in ("tx build", "tx sign", "tx submit", "doctor"):
        assert f"eraswitch {command}" in text

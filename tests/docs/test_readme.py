"""What the README and CONTRIBUTING promise: the code runs, the commands run, the targets exist."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from chain_reader.local_chain import LocalChain, LocalChainServer

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
URL = "http://127.0.0.1:3000/api/v0"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_example_of_a_node_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("ERA_READER_ADAPTER_TYPE", "dummy")
    monkeypatch.setenv("ERA_READER_ADAPTER_PARAMS", '{"markers":[{"name":"pythagoras","epoch":0}]}')
    LocalChain.create(tmp_path / "chain.sqlite").close()
    (code,) = blocks("python")
    assert URL in code
    with LocalChainServer(tmp_path / "chain.sqlite") as server:
        names = {}
        exec(compile(code.replace(URL, server.blockfrost_url), "README.md", "exec"), names)
        names["at_start_up_and_at_every_epoch"]()
        assert names["checker"].current_era == "pythagoras"
        assert names["sign"](b"message") == hashlib.sha256(b"message").digest()
        names["observer"].close()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_target_that_is_named_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z-]+)", (ROOT / page).read_text()))
    assert named
    assert named - targets == set()


def test_every_page_that_is_linked_exists():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_the_version_stands_in_the_changelog():
    from eras import __version__

    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_nothing_names_a_path_of_this_machine():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    texts = {name: (ROOT / name).read_bytes() for name in listed if (ROOT / name).is_file()}
    assert [name for name, data in texts.items() if re.search(rb"/(?:home|root)/[a-z]", data)] == []

"""Every block of commands and Python in the README and the docs runs, and prints what the page promises.

A page is one story: its blocks run from top to bottom in one folder. A page that starts a chain of its own begins in an
empty folder, every other one in that of a team whose network runs on a local chain (``STAGE``). A ``text`` block holds
lines that the block before it must print; ``…`` stands for anything. What cannot run has a comment with one of the
``REASONS`` on the line before it. What a page names elsewhere is replaced with what there is here (``Stage.here``).
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.commands import commands
from tests.postgres import free_port

PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^(?:<!-- not run: (?P<reason>[^\n]*) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
REASONS = {
    "needs root": "it installs system services, or needs a container engine",
    "needs a package index": "it installs Python packages",
    "needs PostgreSQL": "it changes a database server; tests/era_store and tests/web run on one of their own",
    "runs the tests": "a target of make, of which this test is a part, or which a test of its own runs",
}
OWN_CHAIN = "eraswitch local-chain start chain.sqlite3"
SLOW, QUICK = "--slot-length 0.02", "--slot-length 0.01"
"""The slots of the pages, whose transactions stay valid while a reader types; and those of the tests."""
CHAIN = f"""{OWN_CHAIN} --clock wall {QUICK} --epoch-length 1000000 --json > chain.json &
until grep -q blockfrost chain.json; do sleep 0.02; done
"""
STAGE = (
    CHAIN
    + """
eraswitch init --provider local:chain.sqlite3 --era pythagoras --era lagrange
eraswitch local-chain fund chain.sqlite3 $(grep -o 'addr_test1[a-z0-9]*' eraswitch.toml) 1000 ada
eraswitch marker activate pythagoras --at 0 --yes --confirmations 10
sed -n '/networks.rehearsal/,$p' eraswitch.toml | cat <(echo 'network = "rehearsal"') - > network.toml
cp keys/era.sk party.sk
for name in ann ben eva new; do
    eraswitch era generate-keypair --target-path $name
    mv $name/era.sk $name.sk
    mv $name/era.vk $name.vk
done
mkdir -p eras/pythagoras/bin others
for program in eras/pythagoras/bin/signer others/curl others/pg_dump others/node-migrate; do
    printf '#!/bin/sh\nexec sleep "$SECONDS_TO_RUN"\n' > $program
    chmod +x $program
done
(cd eras/pythagoras && sha256sum bin/signer > SHA256SUMS)
"""
)
"""What every page may use: the folder of a team whose network has its first era, and the programs of others."""
NAMES = """
import os, time
from chain_reader import TrustPolicy, observer_from_url
from datum import VerificationKey
from eras import SupportedEras
provider, address, verification_key = "local:chain.sqlite3", "ADDRESS", open("keys/era.vk").read()
policy, supported = TrustPolicy(address, (VerificationKey.parse(verification_key),)), SupportedEras(("pythagoras",))
observer, time_s = observer_from_url(provider), time.time()
epoch = observer.epoch()
"""
"""What a Python block may use unsaid; the page explains it in words."""


@dataclass
class Block:
    """A block of a page, and the lines that it must print."""

    kind: str
    text: str
    line: int
    reason: str | None
    expected: list[str] = field(default_factory=list)


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in their order; a ``text`` block belongs to the one before it."""
    found: list[Block] = []
    page_text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(page_text):
        if match["kind"] == "text" and found and found[-1].kind == "sh":
            found[-1].expected += match["text"].splitlines()
        else:
            line = page_text.count("\n", 0, match.start()) + 1
            found.append(Block(match["kind"], match["text"], line, match["reason"]))
    return found


@dataclass
class Stage:
    """A network on a local chain that has its first era, the folder of its team, and a service that reads it."""

    programs: Path
    folder: Path
    service_url: str = ""

    def shell(self, script: str, folder: Path) -> str:
        """Run a script that agrees to whatever is asked. Returns what it printed.

        Raises:
            AssertionError: it failed.
        """
        (folder / ".yes").write_text("y\n" * 50_000)
        script = f"set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{script}"
        with (folder / ".yes").open() as agreed, subprocess.Popen(
            ["bash", "-c", script], cwd=folder, env=self.environment(folder), stdin=agreed, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        ) as running:  # fmt: skip
            try:
                printed, _ = running.communicate()
            finally:  # whatever a block leaves in the background ends with the test, out of time or not
                with suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)
        assert running.returncode == 0, printed[-9000:]
        return printed

    def environment(self, folder: Path) -> dict[str, str]:
        """What a shell in a folder sees."""
        return {
            "PATH": f"{self.programs}:{folder / 'others'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "UNTIL_READY": "1",
            "ERASWITCH_SERVICE__PORT": str(free_port()),
            "SECONDS_TO_RUN": "600",
        }

    @property
    def address(self) -> str:
        """The era address of the network."""
        found = re.search(r'era_address = "(\w+)"', (self.folder / "network.toml").read_text())
        assert found is not None
        return found[1]

    def here(self, text: str) -> str:
        """The text of a block with what stands here for the public network and for machines of others."""
        for there, here in (
            (r"eraswitch --network \w+ (?=watch|serve(?!.*--follow))", "eraswitch "),
            (r"eraswitch --network \w+", "eraswitch --config network.toml"),
            (
                r"https://cardano-\w+\.blockfrost\.io/api/v0|http://127\.0\.0\.1:3000/api/v0|ws://localhost:1337",
                "local:chain.sqlite3",
            ),
            (r"https://eras?\.example(?:\.org)?", self.service_url),
            (r"\b4000\b", str(free_port())),
            (r"/opt/node|/etc/eraswitch/hooks|/var/backups", "."),
            (r"addr(?:_test)?1…", self.address),
            (r"5b…5d", (self.folder / "keys/era.vk").read_text()),
        ):
            text = re.sub(there, here, text)
        return text


pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with commands() as programs:
        made = Stage(programs, tmp_path_factory.mktemp("stage"))
        made.shell(STAGE, made.folder)
        port = free_port()
        made.service_url = f"http://127.0.0.1:{port}"
        server = f"UNTIL_READY= exec eraswitch serve --port {port} --store service.sqlite3 > serve.log 2>&1"
        with subprocess.Popen(["bash", "-c", server], cwd=made.folder, env=made.environment(made.folder)) as service:
            yield made
            service.terminate()


def script_of(page: list[Block], address: str) -> str:
    """The blocks of a page as one script, each after a line with its number."""
    parts = []
    for number, block in enumerate(page):
        text, name = block.text, re.match(r"#!.*\n# \S*/(\w+):", block.text)
        if name is not None:  # an executable that the page shows, such as a hook
            text = f"cat > {name[1]} <<'END'\n{text}END\nchmod +x {name[1]}\n"
            text += f"""SECONDS_TO_RUN=0 ./{name[1]} <<< '{{"phase":"ahead"}}'\n"""
        elif block.kind == "python" and text.startswith("pytest_plugins"):
            text = f"cat > conftest.py <<'END'\n{text}END\n"
        elif block.kind == "python" and "\ndef test_" in text:
            text = f"cat > test_page.py <<'END'\n{text}END\npython -m pytest -q -p no:cacheprovider test_page.py\n"
        elif block.kind == "python":
            text = f"python - <<'END'\n{NAMES.replace('ADDRESS', address)}{text}\nEND\n"
        elif block.kind == "toml":  # a file that the page shows, by the name in its first line
            text = f"cat > {block.text.split()[1]} <<'END'\n{text}END\n"
        parts.append(f"echo '=== {number}'\n{text}")
    return "".join(parts)


def runnable(page: Path) -> list[Block]:
    """The blocks of a page that have to run."""
    found = [block for block in blocks(page) if block.reason is None]
    files = [block for block in found if block.kind == "toml" and re.match(r"# [\w-]+\.toml\n", block.text)]
    return [*files, *(block for block in found if block.kind in ("sh", "python"))]


@pytest.mark.parametrize("page", list(filter(runnable, PAGES)), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_runs_and_prints_what_the_page_promises(page: Path, stage: Stage, tmp_path: Path) -> None:
    run = runnable(page)
    folder = tmp_path / "here"
    if OWN_CHAIN in page.read_text(encoding="utf-8"):
        folder.mkdir()
        script = script_of(run, stage.address).replace(SLOW, QUICK)
    else:
        shutil.copytree(stage.folder, folder)
        shutil.copytree(ROOT / "examples", folder, dirs_exist_ok=True)  # what examples/README.md runs
        script = script_of(run, stage.address)
        if "eraswitch init" in script:  # a team that begins
            script = script.replace("eraswitch init", "rm -r eraswitch.toml keys\neraswitch init")
            script = script.replace("addr_test1…", "$(grep -o 'addr_test1[a-z0-9]*' eraswitch.toml)")
        script = stage.here(script)
    printed = re.split(r"^=== \d+\n", stage.shell(script, folder), flags=re.MULTILINE)[1:]
    missing = [
        f"{page.name}:{block.line} printed\n{output}\nnot\n{line}\n"
        for block, output in zip(run, printed, strict=True)
        for line in block.expected
        if not re.search("^" + re.escape(line).replace("…", ".*") + "$", output, re.MULTILINE)
    ]
    assert missing == [], "\n".join(missing)


def test_what_does_not_run_has_a_reason_of_the_list() -> None:
    given = [(page.name, block.line, block.reason) for page in PAGES for block in blocks(page) if block.reason]
    assert [one for one in given if one[2] not in REASONS] == []
    assert len(given) < 12


def test_the_runbook_leads_through_every_change() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    for command in ("announce", "activate", "postpone", "cancel", "retire", "show", "history", "cosign", "sweep"):
        assert f"eraswitch marker {command}" in text
    for command in ("tx build", "tx sign", "tx submit", "doctor"):
        assert f"eraswitch {command}" in text

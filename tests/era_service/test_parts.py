"""The parts that can be installed: what each command does without, and what it names when it misses its part."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from chain_reader.local_chain import Genesis, LocalChain
from era_service.cli.app import COMMANDS, PARTS
from tests.conftest import ROOT
from tests.era_service.conftest import Shell
from tests.node.world import ADDRESS, KEY, publish

PROBE = """
import sys
blocked = frozenset(sys.argv.pop(1).split(","))

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from era_service.cli import main
code = main()
tried = blocked & set(sys.modules)
assert not tried, tried
sys.exit(code)
"""
"""The command line in a process where some packages are not installed."""

LIGHT = ("pydantic", "pycardano", "structlog", "sqlalchemy", "rich", "requests", "websockets", "nacl", "logging")
"""What a command does without that only lists names."""

NOT_IN_WATCH = (
    "cbor2", "fastapi", "jinja2", "mnemonic", "numpy", "openfeature", "opentelemetry", "prometheus_client", "psycopg",
    "pycardano", "rich", "scipy", "starlette", "uvicorn", "uvloop",
)  # fmt: skip
"""What is installed by other parts only."""

NOT_IN_BASE = ("alembic", "pydantic_settings", "semver", "sqlalchemy", "structlog", *NOT_IN_WATCH)

PUBLISHED = f"--verification-key {KEY.verification_key.hex} --epoch 5"

WITHOUT = [
    ("era list", LIGHT, "Pythagoras"),
    ("--help", (*LIGHT[:-1], *NOT_IN_BASE), "status"),
    ("era --help", (*LIGHT[:-1], *NOT_IN_BASE), "generate-keypair"),
    ("rollout --help", (*LIGHT[:-1], *NOT_IN_BASE), "announcement"),
    ("status", NOT_IN_WATCH, "pythagoras, in 4 epochs"),
    ("status --json", NOT_IN_WATCH, '"upcoming_era":"pythagoras"'),
    ("watch --once", NOT_IN_WATCH, "pythagoras at epoch 9"),
    ("era generate-keypair --target-path new", NOT_IN_WATCH, "new"),
    ("datum decode datum.json", NOT_IN_WATCH, "pythagoras: from epoch 9"),
    (f"datum verify datum.json {PUBLISHED}", NOT_IN_WATCH, "pythagoras"),
    ("config check", NOT_IN_WATCH, "The configuration is valid"),
    ("config show", NOT_IN_WATCH, "networks.own"),
    ("config schema", NOT_IN_WATCH, "network.name"),
]
"""Command, packages that are not there, and a part of what it prints nevertheless."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node's folder: a chain with a publication, a configuration that reads it, and a datum in a file."""
    folder = tmp_path_factory.mktemp("node")
    with LocalChain.create(folder / "chain.sqlite3", genesis=Genesis(epoch_length=100)) as chain:
        chain.advance_to_epoch(5)
        publish(chain, ("thales", 1), ("pythagoras", 9))
        [output] = [one for one in chain.outputs(ADDRESS) if one.datum is not None]
    (folder / "datum.json").write_text(str(output.datum))
    (folder / "eraswitch.toml").write_text(
        f"""network = "own"
        [reader]
        providers = ["local:chain.sqlite3"]
        [store]
        url = "store.sqlite3"
        [networks.own]
        magic = 42
        era_address = "{ADDRESS}"
        verification_key = "{KEY.verification_key.hex}"
        supported_eras = ["thales", "pythagoras"]
        """
    )
    return folder


def without(packages: tuple[str, ...], command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command where some packages cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", PROBE, ",".join(packages), *command.split()],
        cwd=folder,
        env=Shell(folder).environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("command", "packages", "printed"), WITHOUT, ids=[row[0] for row in WITHOUT])
def test_a_command_works_without_what_its_part_does_not_hold(
    node: Path, command: str, packages: tuple[str, ...], printed: str
) -> None:
    if command == "era list":  # without a configuration, which would have to be read for the eras of the network
        node = node / "empty"
        node.mkdir()
    done = without(packages, command, node)
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout


@pytest.mark.parametrize(
    ("command", "packages", "part"),
    [
        ("status", NOT_IN_BASE, "watch"),
        ("watch --once", NOT_IN_BASE, "watch"),
        ("config check", NOT_IN_BASE, "watch"),
        ("marker show", NOT_IN_BASE, "tools"),
        ("doctor", NOT_IN_BASE, "tools"),
        ("keys new payment new.skey", NOT_IN_WATCH, "tools"),
        ("serve", NOT_IN_BASE, "service"),
        ("serve --port 0", NOT_IN_WATCH, "service"),
    ],
)
def test_a_command_that_misses_its_part_names_it_at_once(
    node: Path, command: str, packages: tuple[str, ...], part: str
) -> None:
    done = without(packages, command, node)
    assert done.returncode == 2, done.stdout
    assert f"[{part}]" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_has_a_part_and_every_part_is_one() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert PARTS.keys() <= COMMANDS.keys()
    assert {*PARTS.values(), "tools"} <= extras.keys()

"""Mypy and pyright, both strict, accept right code of an embedding program and refuse every wrong line of it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.node_packages import install

HERE = Path(__file__).resolve().parent
FILES = ("right.py", "wrong.py")
NODE = "node.py"
"""The example of the README."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an embedding program."""
    folder = tmp_path_factory.mktemp("program")
    for name in FILES:
        (folder / name).write_text(source(name).read_text())
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (folder / NODE).write_text(example)
    return folder


@pytest.fixture(scope="module")
def mypy(program: Path) -> dict[str, set[int]]:
    """File → the lines that mypy refuses."""
    cache = ROOT / ".mypy_cache" / "embedding"
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent"]
    done = subprocess.run(
        [*command, "--cache-dir", str(cache), *FILES, NODE],
        cwd=program,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return {
        name: {int(line) for line in re.findall(rf"^{name}:(\d+): error", done.stdout, re.M)} for name in (*FILES, NODE)
    }


@pytest.fixture(scope="module")
def pyright(program: Path) -> dict[str, set[int]]:
    """File → the lines that pyright refuses."""
    install(HERE)
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)], "include": FILES}
    (program / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [str(HERE / "node_modules" / ".bin" / "pyright"), "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, "--project", str(program)], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] == len(FILES)
    lines: dict[str, set[int]] = {name: set() for name in FILES}
    for told in found["generalDiagnostics"]:
        if told["severity"] == "error":
            lines[Path(told["file"]).name].add(told["range"]["start"]["line"] + 1)
    return lines


def source(name: str) -> Path:
    """Where a file of the program is kept."""
    return HERE / (f"{name}.txt" if name == "wrong.py" else name)


def refused(file: Path) -> set[int]:
    """The lines that say of themselves that they are refused."""
    return {number for number, line in enumerate(file.read_text().splitlines(), 1) if "# refused" in line}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
@pytest.mark.parametrize("name", FILES)
def test_what_is_right_is_accepted_and_each_wrong_line_refused(
    checker: str, name: str, request: pytest.FixtureRequest
) -> None:
    assert request.getfixturevalue(checker)[name] == refused(source(name))


def test_the_example_of_a_node_passes_mypy_strict(mypy: dict[str, set[int]]) -> None:
    assert mypy[NODE] == set()

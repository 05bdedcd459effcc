"""Mypy and pyright, both strict, accept right code of an embedding program and refuse every wrong line of it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.node_packages import install

HERE = Path(__file__).resolve().parent


def mypy(file: Path, folder: Path) -> set[int]:
    """The lines that mypy refuses."""
    cache = ROOT / ".mypy_cache" / "embedding"
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent"]
    done = subprocess.run(
        [*command, "--cache-dir", str(cache), str(file)],
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return {int(line) for line in re.findall(rf"{file.name}:(\d+): error", done.stdout)}


def pyright(file: Path, folder: Path) -> set[int]:
    """The lines that pyright refuses."""
    install(HERE)
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)], "include": [file.name]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [str(HERE / "node_modules" / ".bin" / "pyright"), "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, "--project", str(folder)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] == 1
    return {told["range"]["start"]["line"] + 1 for told in found["generalDiagnostics"] if told["severity"] == "error"}


def refused(file: Path) -> set[int]:
    """The lines that say of themselves that they are refused."""
    return {number for number, line in enumerate(file.read_text().splitlines(), 1) if "# refused" in line}


@pytest.mark.parametrize("checker", [mypy, pyright], ids=["mypy", "pyright"])
@pytest.mark.parametrize("name", ["right.py", "wrong.py.txt"])
def test_what_is_right_is_accepted_and_each_wrong_line_refused(
    checker: Callable[[Path, Path], set[int]], name: str, tmp_path: Path
) -> None:
    file = tmp_path / name.removesuffix(".txt")
    file.write_text((HERE / name).read_text())
    assert checker(file, tmp_path) == refused(HERE / name)

"""Installs each part of eraswitch into fresh environments and prints its size and what its imports cost, as a table.

In: this checkout, and a package index for what it requires. Out: the table of ``docs/node.md``; exit code 1 where the
part for a node is too large. Parts that hold one another are measured in one environment, smallest first. Packages are
installed without bytecode, as ``docs/node.md`` has it, and Python writes that of the modules that are imported.
"""

import os
import resource
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAX_WATCH_MB = 60
ROUNDS = 5
HEADER = "| part | beyond Python | imports | CPU time |\n| --- | ---: | --- | ---: |"
NESTED = {
    "": "era_service.node.embedding",
    "watch": "era_service.cli.watch, era_service.config.schema, era_store.sql.schema, alembic.command, structlog",
    "tools": "era_service.cli.marker.change, release_tools.transactions.balancing, scipy.special",
    "service": "era_service.cli.serve, era_service.web.app",
}
"""Part → what its commands import, each part in the environment of the one before."""

ALONE = {"openfeature": "eraswitch.openfeature"}
"""Parts that hold the base only, each in an environment of its own."""

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def installed_mb(folder: Path) -> float:
    """The size of all files in an environment, in MB of 10⁶ bytes."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink()) / 1e6


def cpu_ms(python: Path, code: str) -> float:
    """The least CPU time of a process that runs ``code``, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([python, "-c", code], check=True, capture_output=True, env=ENVIRONMENT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times) * 1000


def measured(folder: Path, parts: dict[str, str]) -> dict[str, float]:
    """Install ``parts`` one after the other, and print a row for each; the sizes by part."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    empty, nothing = installed_mb(folder), cpu_ms(python, "pass")
    sizes = {}
    for part, modules in parts.items():
        source = f"{ROOT}[{part}]" if part else str(ROOT)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--no-compile", "--disable-pip-version-check", source], check=True
        )
        cost = cpu_ms(python, f"import {modules}") - nothing
        sizes[part] = installed_mb(folder) - empty  # with the bytecode of what was imported
        command = f"'.[{part}]'" if part else "."
        imported = ", ".join(f"`{module}`" for module in modules.split(", "))
        print(f"| `pip install {command}` | {sizes[part]:.0f} MB | {imported} | {cost:.0f} ms |", flush=True)
    return sizes


def main() -> int:
    """Print the table."""
    print(HEADER, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sizes = measured(Path(folder, "nested"), NESTED)
        for part, modules in ALONE.items():
            measured(Path(folder, part), {part: modules})
    return 0 if sizes["watch"] <= MAX_WATCH_MB else 1


if __name__ == "__main__":
    sys.exit(main())

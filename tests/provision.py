"""Find what the tests need beyond Python, and name what is missing; with ``INSTALL=1``, install it.

Run by ``make test``. Nothing is installed unasked. A missing piece is not an error here: the tests that need it skip
with a line, and fail with ``CI=true``.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

DEBIAN_PACKAGE = {"node": "nodejs", "npm": "npm", "chromium": "chromium", "initdb": "postgresql"}
OLDEST_POSTGRES = 15


def postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL's server programs; Debian keeps them out of the PATH."""
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found = sorted((folder for folder in versions if folder.parent.name.isdigit()), key=lambda f: int(f.parent.name))
    if found and int(found[-1].parent.name) >= OLDEST_POSTGRES:
        return found[-1]
    elsewhere = shutil.which("initdb")
    return None if elsewhere is None else Path(elsewhere).resolve().parent


def is_present(program: str) -> bool:
    """Whether a program is installed."""
    return postgres_programs() is not None if program == "initdb" else shutil.which(program) is not None


def install(packages: list[str]) -> None:
    """Install Debian packages; print why not where this user or machine cannot."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print("provision: INSTALL=1 needs root and apt-get, so nothing is installed", file=sys.stderr)
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"apt-get {' '.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return


def main() -> None:
    missing = [program for program in DEBIAN_PACKAGE if not is_present(program)]
    packages = [DEBIAN_PACKAGE[program] for program in missing]
    if packages and os.environ.get("INSTALL") == "1":
        install(packages)
    elif packages:
        print(f"provision: INSTALL=1 would install the Debian packages {', '.join(packages)}", file=sys.stderr)
    missing = [program for program in missing if not is_present(program)]
    vectors = Path(os.environ.get("ERASWITCH_VECTORS", Path(__file__).resolve().parents[2] / "shared" / "vectors"))
    if not vectors.is_dir():
        missing.append(f"the vectors folder {vectors}")
    for what in missing:
        print(f"provision: {what} is missing; the tests that need it will be skipped", file=sys.stderr)


if __name__ == "__main__":
    main()

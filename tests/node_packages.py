"""Packages of Node that a test runs, installed as the lock file beside them pins them."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.conftest import require


def install(folder: Path) -> None:
    """Install what ``folder/package-lock.json`` pins, once; skip the test where Node is missing."""
    for command in ("node", "npm"):
        require(shutil.which(command) is not None, command)
    stamp = folder / "node_modules" / ".installed"
    with (folder / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes install into one folder
        wanted = hashlib.sha256(lock.read()).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        require(done.returncode == 0, f"{folder.name}/package-lock.json (npm ci says {done.stderr.strip()[-300:]})")
        stamp.write_text(wanted)

"""Looks for known vulnerabilities of what a lock file pins: ``python tools/audit.py LOCK``.

Exits with 1 if there are any. Packages that could not be looked up are listed, and never taken for sound: if none could
be, the advisory database is out of reach, and the tool reports that and exits with 0.
"""

import json
import subprocess
import sys
from typing import Any


def main(lock: str) -> int:
    """Audit ``lock``; the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--disable-pip", "--require-hashes"]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"NOT AUDITED: the advisory database cannot be asked\n{done.stderr.strip()[-500:]}")
        return 0
    print(verdict(found))
    return 1 if any(one.get("vulns") for one in found) else 0


def verdict(found: list[dict[str, Any]]) -> str:
    """A report of what pip-audit found about the packages."""
    skipped = [one["name"] for one in found if "skip_reason" in one]
    if len(skipped) == len(found):
        return f"NOT AUDITED: the advisory database has no answer on any of {len(found)} packages; is it reachable?"
    lines = [
        f"{one['name']} {one['version']}: {vulnerability['id']}, mended in {', '.join(vulnerability['fix_versions'])}"
        for one in found
        for vulnerability in one.get("vulns", ())
    ]
    lines.append(f"{len(found) - len(skipped)} packages audited, {len(lines)} known to be vulnerable")
    if skipped:
        lines.append(f"NOT AUDITED: {', '.join(skipped)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

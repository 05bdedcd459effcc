"""The command as a process of its own, in its three modes."""

import json
import os
import pty
import re
import resource
import signal
import stat
import struct
import subprocess
import sys
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest

from chain_reader.local_chain import LocalChain
from tests import forked

COMMAND = [sys.executable, "-c", "from era_service.cli import main; raise SystemExit(main())", "demo"]
LIMIT_S = 120
"""After this it hangs."""

CPU_LIMIT_S = 30
"""What the demo may take of a processor; how long a busy machine makes it wait is not its own doing."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forked.run(forked.COMMAND, "demo", *arguments, env=dict(os.environ))


def test_plain_lines_when_stdout_is_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    result = run()
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    assert re.search(r"\nVerified: \d+ assertions in 8 steps, 6 nodes, 6 transactions, [\d.]+ s\n", result.stdout)
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_nothing_is_left_behind_when_it_is_terminated(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        assert list(tmp_path.iterdir()) != []
        process.terminate()
        assert process.wait(LIMIT_S) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_json_events_and_what_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "new folder" / "demo"
    result = run("--json", "--keep", str(folder))
    assert result.returncode == 0
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events].count("step") == 8
    assert {"event": "finished", "verified": True, "steps": 8}.items() <= events[-1].items()
    assert [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in sorted(folder.glob("*sk*"))] == [0, 0, 0]

    # the commands it ends with work as they stand
    look, ask = (line.partition(": ")[2] for line in result.stderr.splitlines())
    assert look.startswith("eraswitch local-chain show '")
    shown = _typed(look)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "epoch 8" in shown.stdout
    assert shown.stdout.count("inline datum") == 3
    assert ask.startswith("eraswitch --config '")
    status = _typed(f"{ask} --json")
    document = json.loads(status.stdout)
    assert (status.returncode, document["current_era"], document["epoch"]) == (0, "pythagoras", 8)
    assert document["verdicts"] == {"Accepted": 1, "Impostor": 1, "WrongSigner": 1}
    with LocalChain.open(folder / "chain.sqlite3") as chain:
        assert chain.epoch() == 8

    again = run("--keep", str(folder))
    assert again.returncode == 2
    assert "is not empty" in again.stderr


def _typed(line: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of a line that calls eraswitch, wherever that is installed, in another folder."""
    program = f'{sys.executable} -c "from era_service.cli import main; raise SystemExit(main())"'
    line = line.replace("eraswitch", program, 1)
    return subprocess.run(line, shell=True, capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd="/")


def test_live_table_on_a_terminal_in_time() -> None:
    """On a real (pseudo) terminal of 80 by 24, from the first byte to the exit code."""
    leader, follower = pty.openpty()
    ioctl(follower, TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    before_s = _cpu_of_children_s()
    process = subprocess.Popen(
        COMMAND, stdin=follower, stdout=follower, stderr=follower, env={**environ, "TERM": "xterm-256color"}
    )
    os.close(follower)
    written = b""
    try:
        while chunk := _read(leader):
            written += chunk
        code = process.wait(timeout=LIMIT_S)
    finally:
        process.kill()
        os.close(leader)
    assert code == 0
    assert _cpu_of_children_s() - before_s < CPU_LIMIT_S
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    assert "6/8 The switch" in text
    assert text.count("adoption of pythagoras") > 20, "the table lives"
    assert "Verified: " in text
    assert written.rfind(b"\x1b[?25h") > written.rfind(b"\x1b[?25l"), "the cursor is back"


def _cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 1 << 16)
    except OSError:  # how Linux says that the other end is closed
        return b""

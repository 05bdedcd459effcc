"""Runs a program in a process of its own without starting Python anew: a server with the heavy imports forks for each.

In: a program's text and its arguments. Out: its exit code and what it printed, as ``subprocess.run`` gives them, or the
process itself, much as ``subprocess.Popen`` gives it. For tests that start or kill many processes, where starting
Python takes most of the time.
"""

import atexit
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "chain_reader.local_chain",
        "era_service.cli.app",
        "era_service.cli.serve",
        "era_service.dashboard.routes",
        "era_service.service.follower_loop",
        "era_service.telemetry.collector",
        "era_service.web.app",
        "era_store.sql.store",
        "psycopg",
        "pycardano",
        "tests.forked",
        "tests.chain_reader.test_node_core",  # whose story the programs play
        "tests.era_store.conftest",
        "tests.ledger.wallet",
        "tests.release_tools.publishing",
        "uvicorn.lifespan.on",
        "uvicorn.loops.uvloop",
        "uvicorn.protocols.http.h11_impl",
    ]
)
ERASWITCH = Path(sys.executable).with_name("eraswitch")
COMMAND = """
import sys
from era_service.cli import main
sys.argv[0] = "eraswitch"
sys.exit(main())
"""


SCRIPT = """
import runpy, sys
from pathlib import Path
sys.argv = sys.argv[1:]
sys.path.insert(0, str(Path(sys.argv[0]).parent))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs the file that its first argument names, as ``python FILE`` does."""


class Forked:
    """A process that runs ``program`` as ``python -c`` would, in the folder of the tests unless another is given.

    Args:
        program: its text.
        arguments: ``sys.argv`` from the second on.
        cwd: its folder.
        env: its environment; that of the server by default.
        stdin: the file that it reads, in a session of its own; nothing by default. A terminal does not become that of
            the session.
        stderr: the file that it appends its errors to; by default they go where those of the tests go.
    """

    def __init__(
        self,
        program: str,
        *arguments: str,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        stdin: Path | None = None,
        stderr: Path | None = None,
    ) -> None:
        self.args = [program, *arguments]
        mine, its = _CONTEXT.Pipe(duplex=False)
        with its:
            self._process = _CONTEXT.Process(target=_play, args=(self.args, its, cwd, env, stdin, stderr), daemon=True)
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        self.returncode: int | None = None
        with mine:
            self.stdout = os.fdopen(os.dup(mine.fileno()), encoding="utf-8")

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        if self.returncode is None:
            self.returncode = self._process.exitcode
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Returns its exit code.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it without any warning."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind is not None:  # a test that failed waits for nothing
            self.kill()
        self.wait()
        self.stdout.close()


def run(
    program: str, *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run ``program`` as ``python -c`` would, and wait for its end."""
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder) / "err"
        errors.touch()
        with Forked(program, *arguments, cwd=cwd, env=env, stderr=errors) as process:
            printed = process.stdout.read()
            code = process.wait()
        return subprocess.CompletedProcess(process.args, code, printed, errors.read_text())


def eraswitch(
    *arguments: str, cwd: Path, env: dict[str, str], stderr: Path, installed: bool = False
) -> "Forked | subprocess.Popen[str]":
    """A process that runs ``eraswitch``; where ``installed``, as a shell would start it."""
    if not installed:
        return Forked(COMMAND, *arguments, cwd=cwd, env=env, stderr=stderr)
    with stderr.open("w") as errors:
        return subprocess.Popen(
            [ERASWITCH, *arguments], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=errors, text=True
        )


def ended(processes: list[Forked]) -> list[int]:
    """Wait for the end of all. Returns their exit codes."""
    codes = []
    for process in processes:
        with process:
            codes.append(process.wait())
    return codes


def _play(
    command: list[str],
    out: Connection,
    cwd: Path | None,
    env: dict[str, str] | None,
    stdin: Path | None,
    stderr: Path | None,
) -> None:
    gc.freeze()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests under nohup ignore it
    if stdin is not None:
        os.setsid()
        file = os.open(stdin, os.O_RDONLY | os.O_NOCTTY)
        os.dup2(file, 0)
        os.close(file)
        sys.stdin = os.fdopen(0, encoding="utf-8")
    os.dup2(out.fileno(), 1)
    out.close()
    if stderr is not None:
        file = os.open(stderr, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
        os.dup2(file, 2)
        os.close(file)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    if cwd is not None:
        os.chdir(cwd)
    if env is not None:
        os.environ.clear()
        os.environ.update(env)
        tempfile.tempdir = None
    program, *arguments = command
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})
    except SystemExit:
        raise  # its code is that of the process
    except BaseException:
        traceback.print_exc()
        raise SystemExit(1) from None
    finally:
        atexit._run_exitfuncs()

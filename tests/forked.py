"""Runs a program in a process of its own without starting Python anew: a server with the heavy imports forks for each.

In: a program's text and its arguments. Out: its exit code and what it printed, as ``subprocess.run`` gives them. For
tests that kill a process at each of its steps, where starting Python takes most of the time.
"""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "chain_reader.local_chain",
        "era_store.sql.store",
        "pycardano",
        "tests.forked",
        "tests.chain_reader.test_node_core",  # whose story the programs play
        "tests.release_tools.publishing",
    ]
)


def run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run ``program`` as ``python -c`` would, and wait for its end."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _CONTEXT.Process(target=_play, args=(program, arguments, out, err))
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        assert code is not None
        printed = [path.read_text() if path.exists() else "" for path in (out, err)]
    return subprocess.CompletedProcess([program, *arguments], code, *printed)


def _play(program: str, arguments: tuple[str, ...], out: Path, err: Path) -> None:
    for path, descriptor in ((out, 1), (err, 2)):
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    sys.argv = ["-c", *arguments]
    exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})

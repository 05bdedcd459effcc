"""One run of a hook that is a program: no shell, bounded time, bounded output, and an environment of its own.

In: the program, its stdin, its environment. Out: a ``ProcessEnd``; nothing that a program does raises an exception. A
late program is killed with its process group. Output beyond the limit is read and discarded, so that the program can
continue. After the program has ended, nothing is waited for, even if a process that it started holds its output open.
"""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_TICK_S = 0.05
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """The end of a program.

    Attributes:
        code: its exit code; below 0 the signal that killed it; ``None`` if it could not be started.
        timed_out: whether it was killed because its time was over.
        seconds: how long it ran.
        output: the beginning of its output, stdout and stderr.
        printed_bytes: the size of its whole output.
        error: the reason why it could not be started.
    """

    code: int | None
    timed_out: bool
    seconds: float
    output: str
    printed_bytes: int
    error: str | None = None


def run_program(
    command: Sequence[str],
    stdin: bytes,
    environment: Mapping[str, str],
    *,
    timeout_s: float,
    max_output_bytes: int,
) -> ProcessEnd:
    """Run ``command`` to its end.

    Args:
        command: the program and its arguments.
        stdin: its whole input.
        environment: its whole environment.
        timeout_s: how long it may run.
        max_output_bytes: how much of its output is kept.
    """
    began = time.monotonic()
    try:
        with tempfile.TemporaryFile() as given:  # not a pipe: a program may never read
            given.write(stdin)
            given.seek(0)
            process = subprocess.Popen(  # noqa: S603 - the operator configured it, and there is no shell
                list(command),
                env=dict(environment),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        return ProcessEnd(None, timed_out=False, seconds=0.0, output="", printed_bytes=0, error=words)
    kept, printed, timed_out = bytearray(), 0, False
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    with process.stdout as pipe, selectors.DefaultSelector() as selector:
        os.set_blocking(pipe.fileno(), False)
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None  # before reading: then all its output is there
            left_s = began + timeout_s - time.monotonic()
            if not ended and left_s <= 0:
                timed_out = True
                os.killpg(process.pid, signal.SIGKILL)  # not waited for yet, so its id is not reused
                process.wait()
                break
            chunk = _read(selector, 0 if ended else min(_TICK_S, left_s))
            printed += len(chunk)
            kept += chunk[: max_output_bytes - len(kept)]
            if ended and (not chunk or time.monotonic() > began + timeout_s):
                break
    output = kept.decode(errors="replace")
    return ProcessEnd(process.returncode, timed_out, time.monotonic() - began, output, printed)


def _read(selector: selectors.BaseSelector, wait_s: float) -> bytes:
    """The bytes that can be read within ``wait_s``; a closed pipe is not read again."""
    if not selector.get_map():
        time.sleep(wait_s)
        return b""
    for key, _ in selector.select(wait_s):
        chunk = os.read(key.fd, _CHUNK_BYTES)
        if not chunk:
            selector.unregister(key.fileobj)
        return chunk
    return b""

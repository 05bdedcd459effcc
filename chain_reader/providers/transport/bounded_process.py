"""Another program that always comes back: run without a shell, within its time and the size of what it prints.

In: a command. Out: how it ended and what it printed, or an error when it was stopped. It is stopped with all that it
started, which a session of its own makes possible.
"""

import os
import selectors
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chain_reader.providers.transport.limits import Clock

_CHUNK_BYTES = 1 << 16
_STDERR_BYTES = 1 << 16
"""More of it is read, so that the program can continue, and is discarded."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a program; a negative ``code`` is the signal that killed it."""

    code: int
    stdout: bytes
    stderr: str


class TooLateError(Exception):
    """The program was stopped because its time was over."""


class TooMuchError(Exception):
    """The program was stopped because it printed too much."""


def run_bounded(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    seconds: float,
    max_bytes: int,
    clock: Clock,
    stdin: bytes | None = None,
) -> Finished:
    """Run ``command`` to its end.

    Args:
        command: the program and its arguments; no shell looks at them.
        environment: its whole environment.
        seconds: how long it may take.
        max_bytes: how much it may print on stdout.
        clock: time.
        stdin: what it can read on standard input; it need not.

    Raises:
        OSError: it could not be started.
        TooLateError: it was stopped after ``seconds``.
        TooMuchError: it was stopped after ``max_bytes``.
    """
    until = clock.monotonic() + seconds
    process = subprocess.Popen(  # noqa: S603 - the command is the operator's, and its arguments are checked
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            stdout, stderr = _read(process, stdin or b"", until, max_bytes, clock)
            process.wait(max(0.0, until - clock.monotonic()))
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # its number is still its own: nobody has waited for it
            if isinstance(error, subprocess.TimeoutExpired):
                raise TooLateError from error
            raise
    return Finished(process.returncode, stdout, stderr.decode(errors="replace"))


def _read(
    process: subprocess.Popen[bytes], given: bytes, until: float, max_bytes: int, clock: Clock
) -> tuple[bytes, bytes]:
    """All of stdout and the beginning of stderr, while it takes what it is ``given``."""
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    stdout, stderr = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            left = until - clock.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise TooLateError
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    given = _hand_over(key.fd, given)
                    if not given:
                        selector.unregister(key.fileobj)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    stdout += chunk
                else:
                    stderr += chunk[: _STDERR_BYTES - len(stderr)]
            if len(stdout) > max_bytes:
                raise TooMuchError
    return bytes(stdout), bytes(stderr)


def _hand_over(descriptor: int, given: bytes) -> bytes:
    """The bytes left to be written; none once the program does not read any more."""
    try:
        return given[os.write(descriptor, given[:_CHUNK_BYTES]) :]
    except BrokenPipeError:
        return b""

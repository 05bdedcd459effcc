"""A child process that does not outlive the process that started it, even if that is killed.

In: a program with its arguments and environment. Out: the running program, in a process group of its own. On Linux the
child first runs a few lines of Python, which ask the kernel for SIGTERM when the parent dies, and then execute the
program. (A ``preexec_fn`` could ask too, but is not safe in a process with threads.) Elsewhere it is started directly.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

_BECOME = """
import os, signal, sys
parent, failing, locale, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
try:
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
except Exception:
    pass  # a sandbox may not allow it: the program runs without
if os.getppid() != parent:
    sys.exit(1)
os.set_inheritable(failing, False)
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
os.environ.pop("LC_CTYPE", None)
if locale:
    os.environ["LC_CTYPE"] = locale
try:
    os.execv(command[0], command)
except OSError as error:
    os.write(failing, str(error.errno).encode())
"""
"""1 is ``PR_SET_PDEATHSIG``. Python ignores two signals and may set LC_CTYPE; the program must not inherit either."""


def start(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a program without stdin. It gets SIGTERM when the calling *thread* ends, which therefore has to stay.

    Args:
        command: the path of the program, and its arguments.
        environment: its whole environment.

    Raises:
        OSError: this machine cannot run it.
    """
    if sys.platform != "linux" or not sys.executable:
        return _started(command, environment)
    reading, writing = os.pipe()
    try:
        become = [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), str(writing)]
        become += [environment.get("LC_CTYPE", ""), *command]
        child = _started(become, environment, writing)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as failing:  # it ends when the child has become the program
        failed = failing.read()
    if failed:
        child.wait()
        raise OSError(int(failed), os.strerror(int(failed)), command[0])
    return child


def _started(command: Sequence[str], environment: Mapping[str, str], *passed: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - what the operator configured
        list(command), env=dict(environment), stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=passed
    )

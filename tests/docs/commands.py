"""Runs ``eraswitch`` and ``python`` for a shell without starting Python anew: a server with all imports forks for each.

In: a shell that has the folder ``Commands.folder`` first on its path. What is called there hands its arguments, folder,
environment and open files to the server; the fork runs with them as the real command would, exit code included. A
command that would run for ever is ended by SIGTERM as soon as it is ready, where ``UNTIL_READY`` is in its environment.
"""

import atexit
import gc
import marshal
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from release_tools.keys import encrypted
from release_tools.publishing.publication import Publisher
from release_tools.publishing.submission import Submission

ROOT = Path(__file__).resolve().parents[2]
CLIENT = """#!{python} -IS
import _socket, marshal, os, sys
server = _socket.socket(_socket.AF_UNIX)
server.connect(os.path.dirname(__file__) + "/socket")
facts = marshal.dumps((os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ)))
files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
server.sendmsg([len(facts).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
sent = 0
while sent < len(facts):
    sent += server.send(facts[sent:])
os._exit(server.recv(1)[0])
"""


@contextmanager
def commands() -> Iterator[Path]:
    """The folder with the commands, for as long as the block lasts; every command ends with it."""
    with tempfile.TemporaryDirectory(prefix="eraswitch-") as folder:
        for name in ("eraswitch", "python", "python3"):
            client = Path(folder, name)
            client.write_text(CLIENT.format(python=sys.executable))
            client.chmod(0o755)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.docs.commands", folder],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            try:
                assert server.stdout.readline() == b"ready\n"
                yield Path(folder)
            finally:
                server.stdin.close()


def serve(folder: Path) -> int:
    """Fork for every client until stdin ends. Returns, in a fork, the exit code of its command."""
    running: dict[int, tuple[int, socket.socket]] = {}  # a process's file → its pid, and its client
    with socket.socket(socket.AF_UNIX) as door, selectors.DefaultSelector() as waiting:
        door.bind(str(folder / "socket"))
        door.listen(64)
        for file in (door, sys.stdin):
            waiting.register(file, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is sys.stdin:
                    for pid, _ in running.values():
                        os.kill(pid, signal.SIGKILL)
                    return 0
                if key.fileobj is door:
                    client, _ = door.accept()
                    head, files, _, _ = socket.recv_fds(client, 4, 3)
                    request = client.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
                    pid = os.fork()
                    if pid == 0:
                        for number, file_number in enumerate(files):
                            os.dup2(file_number, number)
                        os.closerange(3, 4096)
                        os._exit(run(*marshal.loads(request)))
                    for file_number in files:
                        os.close(file_number)
                    watched = os.pidfd_open(pid)
                    running[watched] = (pid, client)
                    waiting.register(watched, selectors.EVENT_READ)
                    waiting.register(client, selectors.EVENT_READ, watched)
                elif isinstance(key.fileobj, int):
                    pid, client = running.pop(key.fileobj)
                    waiting.unregister(key.fileobj)
                    os.close(key.fileobj)
                    _, status = os.waitpid(pid, 0)
                    code = os.waitstatus_to_exitcode(status)
                    with suppress(BrokenPipeError):
                        client.send(bytes([code if code >= 0 else 128 - code]))
                    with suppress(KeyError):
                        waiting.unregister(client)
                    client.close()
                else:  # the client was killed, and so is what it runs
                    waiting.unregister(key.fileobj)
                    os.kill(running[key.data][0], signal.SIGTERM)


def run(name: str, arguments: list[str], folder: str, environment: dict[str, str]) -> int:
    """Run a command as the shell gave it, in this process; returns its exit code."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    if environment.get("UNTIL_READY"):
        end_when_ready(arguments)
    try:
        if name == "eraswitch":
            sys.argv = [name, *arguments]
            from era_service.cli import main

            code: object = main()
        else:
            code = python(arguments)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return code if isinstance(code, int) else int(code is not None)


def python(arguments: list[str]) -> int:
    """Run a program as ``python`` does: ``-c TEXT``, ``-`` for stdin, ``-m MODULE`` or a file."""
    first, *rest = arguments
    if first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        return 0
    sys.path.insert(0, "" if first in ("-", "-c") else str(Path(first).parent))
    text = rest.pop(0) if first == "-c" else sys.stdin.read() if first == "-" else Path(first).read_text()
    sys.argv = [first, *rest]
    exec(compile(text, first, "exec"), {"__name__": "__main__"})
    return 0


def end_when_ready(arguments: list[str]) -> None:
    """Have SIGTERM sent to this process when the service answers or the watcher tells systemd that it is ready."""
    waits: Callable[[], object]
    if "serve" in arguments:
        url = f"http://127.0.0.1:{os.environ['ERASWITCH_SERVICE__PORT']}/health/ready"

        def waits() -> None:
            while True:
                with suppress(OSError), urllib.request.urlopen(url, timeout=60):
                    return
                time.sleep(0.05)

    elif "watch" in arguments and "--once" not in arguments:
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind("")  # Linux chooses a name
        os.environ["NOTIFY_SOCKET"] = "@" + told.getsockname()[1:].decode()

        def waits() -> None:
            while b"READY=1" not in told.recv(4096):
                pass

    else:
        return
    threading.Thread(target=lambda: (waits(), os.kill(os.getpid(), signal.SIGTERM)), daemon=True).start()


def preload() -> None:
    """Import everything that a command may need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            if "pytest_plugin" not in module.name:
                import_module(module.name)
    for name in ("scipy.special", "pycardano", "uvicorn"):
        import_module(name)
    encrypted.COST = encrypted.Cost(1, 8192)  # what a passphrase costs, a test of its own holds
    for publishing in (Publisher, Submission):  # the chain of the pages makes five blocks a second
        (publishing.__init__.__kwdefaults__ or {})["sleep"] = lambda seconds: time.sleep(seconds / 20)
    gc.freeze()


if __name__ == "__main__":
    preload()
    sys.exit(serve(Path(sys.argv[1])))

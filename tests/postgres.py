"""A real PostgreSQL for the tests: a cluster of their own in a temporary folder, a fresh database for each test.

One cluster serves a whole run, however many pytest processes it has. A small keeper process owns it: it stops the
server, by its pid, when the last process of the run has let go of a lock, even by being killed. PostgreSQL refuses to
run as root, so the keeper starts it as another user where need be.
"""

import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from tests.provision import postgres_programs

ROOT = Path(__file__).resolve().parents[1]
USER = "era"
START_WITHIN_S = 60.0
SETTINGS = {
    "fsync": "off",  # the machine does not lose its power in a test
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
    "timezone": "UTC",
    "log_min_messages": "fatal",
    "lc_messages": "C",
}


@dataclass(slots=True)
class Cluster:
    """A PostgreSQL server in a folder of its own."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def make(cls) -> "Cluster":
        """Make a cluster in a new folder; it does not run yet."""
        folder = Path(tempfile.mkdtemp(prefix="era-pg-"))
        if os.geteuid() == 0:
            user = _server_user()
            os.chown(folder, user.pw_uid, user.pw_gid)
        command = ["--username", USER, "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        subprocess.run(
            [_program("initdb"), "-D", folder / "data", *command], **_as_server_user(), check=True, capture_output=True
        )
        return cls(folder)

    def url(self, database: str) -> str:
        """The URL of a database, as ``open_store`` takes it."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement outside any transaction, as the superuser."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the server, on the port it had or a free one, and wait until it answers."""
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            port = self.port or free_port()
            options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
            log = (self.folder / "log").open("ab")
            with log:
                self.process = subprocess.Popen(
                    [_program("postgres"), "-D", self.folder / "data", "-k", self.folder, "-p", str(port), *options],
                    **_as_server_user(),
                    stdout=log,
                    stderr=log,
                )
            while self.process.poll() is None:
                if self._answers(port):
                    self.port = port
                    return
                if time.monotonic() > deadline:
                    self.kill()
                    break
                time.sleep(0.02)
            if time.monotonic() > deadline:  # else another process took the port: try the next
                raise TimeoutError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-500:]}")
            time.sleep(0.1)

    def _answers(self, port: int) -> bool:
        import psycopg

        try:
            psycopg.connect(host="127.0.0.1", port=port, user=USER, dbname="postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop the server, and its connections with it."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Stop it without any care: connections break, and it recovers at the next start."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def remove(self) -> None:
        """Stop the server, and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The name of a fresh, empty database, gone at the end."""
        name = f"test_{secrets.token_hex(8)}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _program(name: str) -> Path:
    folder = postgres_programs()
    assert folder is not None, "the fixtures ask for it first"
    return folder / name


def _server_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _as_server_user() -> dict[str, Any]:
    base: dict[str, Any] = {"cwd": "/", "stdin": subprocess.DEVNULL}
    if os.geteuid() != 0:
        return base
    user = _server_user()
    return base | {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def free_port() -> int:
    """A port that is free now, and that the system gives to nobody who leaves the choice to it."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first, last = map(int, given.read_text().split()) if given.exists() else (49_152, 65_535)
    ports = [*range(10_000, first), *range(last + 1, 65_536)] or range(10_000, 65_536)
    while True:
        port = secrets.choice(ports)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def keep(folder: Path) -> None:
    """Run a cluster for as long as another process shares the lock ``users`` in ``folder``; facts are in ``state``."""
    cluster = Cluster.make()
    try:
        cluster.start()
        state = folder / "state"
        written = state.with_suffix(".new")
        written.write_text(json.dumps({"folder": str(cluster.folder), "port": cluster.port}))
        written.replace(state)
        with (folder / "users").open() as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            state.unlink()
            cluster.remove()
    finally:
        cluster.remove()


@contextmanager
def shared_cluster(folder: Path) -> Iterator[Cluster]:
    """The cluster that all users of ``folder`` share; the first one starts it, the keeper stops it after the last."""
    folder.mkdir(exist_ok=True)
    keeper: subprocess.Popen[bytes] | None = None
    with (folder / "users").open("a") as users:
        with (folder / "starting").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a keeper that is stopping its cluster
            state = folder / "state"
            if not state.exists():
                keeper = _start_keeper(folder, users)
            facts = json.loads(state.read_text())
        yield Cluster(Path(facts["folder"]), facts["port"])
        fcntl.flock(users, fcntl.LOCK_UN)
    if keeper is not None:
        keeper.wait(300)  # for the other processes of this run, which end now too


def _start_keeper(folder: Path, users: IO[str]) -> subprocess.Popen[bytes]:
    code = "import pathlib, sys; from tests.postgres import keep; keep(pathlib.Path(sys.argv[1]))"
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-c", code, folder], cwd=ROOT, start_new_session=True, stdout=log, stderr=log
        )
    deadline = time.monotonic() + START_WITHIN_S + 5
    while not (folder / "state").exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            fcntl.flock(users, fcntl.LOCK_UN)
            pytest.fail(f"PostgreSQL does not start: {(folder / 'keeper.log').read_text()[-2_000:]}")
        time.sleep(0.02)
    return keeper


def _require_postgres() -> None:
    from tests.conftest import require

    require(postgres_programs() is not None, "PostgreSQL (15 or newer)")


@pytest.fixture(scope="session")
def postgres_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of this run: for what is asked of it as its superuser. Never stop it; ``own_cluster`` is for that."""
    _require_postgres()
    base = tmp_path_factory.getbasetemp()
    with shared_cluster((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "postgres") as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    with postgres_cluster.database() as name:
        yield postgres_cluster.url(name)


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A running cluster for one test alone, which may stop, kill and start it."""
    _require_postgres()
    cluster = Cluster.make()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def sql_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store on each engine in turn."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"

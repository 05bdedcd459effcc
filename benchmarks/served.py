"""What is put under load: ``eraswitch serve`` over a local chain, and a bare Starlette route; each is a process.

In: nothing. Out: their addresses, and the stage on which the chain's story is told.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from era_service.demo.stage import CHAIN_FILE, Stage
from era_store import open_store
from era_store.networks import NetworkKey
from era_store.tokens import new_token
from eras import Epoch, EraMarker

ROOT = Path(__file__).resolve().parents[1]
FIRST = EraMarker("pythagoras", Epoch(1))
SWITCH_EPOCH = Epoch(4)
SCHEDULE = (FIRST, EraMarker("lagrange", SWITCH_EPOCH))
SERVE = "from era_service.cli import main; main()"
BARE = """
import json, socket, sqlite3, sys, threading, uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route
%s
listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(json.dumps({"url": "http://127.0.0.1:%%d" %% listener.getsockname()[1]}), flush=True)
app = Starlette(routes=[Route("/", bare, methods=["GET", "POST"])])
config = uvicorn.Config(app, ws="none", log_config=None, access_log=False, server_header=False)
uvicorn.Server(config).run(sockets=[listener])
"""
DOCUMENT = """
document = json.loads(sys.argv[1])
async def bare(request): return JSONResponse(document)
"""
INTAKE = """
from era_service.service.documents import RegistrationBatch
store, turn = sqlite3.connect(sys.argv[1], isolation_level=None, check_same_thread=False), threading.Lock()
store.execute("PRAGMA journal_mode = WAL")
store.execute("PRAGMA synchronous = FULL")  # as the store: a commit reaches the disk
columns = "party_id TEXT, epoch INTEGER, version TEXT, stake INTEGER, seen_at_s REAL, source TEXT"
store.execute(f"CREATE TABLE registration (id INTEGER PRIMARY KEY, {columns})")
def take(body):
    rows = RegistrationBatch.model_validate_json(body).registrations
    values = [(row.party_id, row.epoch, row.version, row.stake, row.time_s, "bare") for row in rows]
    with turn:
        store.execute("BEGIN IMMEDIATE")
        store.executemany("INSERT INTO registration VALUES (NULL, ?, ?, ?, ?, ?, ?)", values)
        store.execute("COMMIT")
    return {"accepted": len(values)}
async def bare(request): return JSONResponse(await run_in_threadpool(take, await request.body()))
"""


@dataclass(frozen=True, slots=True)
class Served:
    """The service and what it stands on.

    Attributes:
        url: where it answers.
        process: its id.
        stage: the chain.
        token: with which registrations may be sent.
        folder: for what else is needed.
    """

    url: str
    process: int
    stage: Stage
    token: str
    folder: Path


@contextmanager
def service(poll_s: float, *, epoch: int = 1) -> Iterator[Served]:
    """``eraswitch serve`` on SQLite, following a chain on which a switch is scheduled, which it reads that often.

    Args:
        poll_s: seconds between two readings.
        epoch: in which the chain is.
    """
    raise_limit()
    with TemporaryDirectory(prefix="eraswitch-bench-") as name, Stage(Path(name) / "chain") as stage:
        folder = Path(name)
        stage.begin_epoch(Epoch(1))
        first = stage.publish((FIRST,), replacing=None)
        stage.publish(SCHEDULE, replacing=first)
        if epoch > 1:
            stage.begin_epoch(Epoch(epoch))
        store = folder / "store.sqlite3"
        text, record = new_token("benchmark", ["registrations:write"], time_s=0.0)
        network = NetworkKey(stage.chain.genesis.network_magic, stage.era_address)
        with open_store(str(store), network=network) as opened:
            opened.tokens.add(record)
        settings = folder / "eraswitch.toml"
        settings.write_text(
            f'[network]\nmagic = 42\nera_address = "{stage.era_address}"\n'
            f'verification_key = "{stage.era_key.verification_key.hex}"\n'
            f'[reader]\nadapter_type = "cardano-chain"\nproviders = ["local:{stage.folder / CHAIN_FILE}"]\n'
            f'[store]\nurl = "{store}"\n'
            f"[service]\nport = 0\npoll_interval_s = {poll_s}\nwrites_per_s = 100000\nwrite_burst = 100000\n"
        )
        with _process(SERVE, "--config", str(settings), "serve", "--json") as (url, process):
            _await_first_reading(url)
            yield Served(url, process, stage, text, folder)


@contextmanager
def bare_route(document: object) -> Iterator[tuple[str, int]]:
    """A Starlette application with one route, which answers with that document as JSON: its address and process."""
    with _process(BARE % DOCUMENT, json.dumps(document)) as served:
        yield served


@contextmanager
def bare_intake(path: Path) -> Iterator[tuple[str, int]]:
    """The same with a route that parses, validates and inserts a batch, by one ``executemany`` into a SQLite file."""
    with _process(BARE % INTAKE, str(path)) as (url, process):
        yield url, process


def processor_seconds(process: int) -> float:
    """The processor time that a process has had, over all its threads; of the waiting for a processor it has none."""
    tasks = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _await_first_reading(url: str) -> None:
    deadline_s = time.monotonic() + 60
    while requests.get(f"{url}/health/ready", timeout=30).status_code != 200:
        if time.monotonic() > deadline_s:
            raise RuntimeError("the service has read nothing in a minute")
        time.sleep(0.05)


def raise_limit() -> None:
    """Let this process, and those that it starts, have as many connections as they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _process(program: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """A program that serves, until the block ends: its address, which its first line tells, and its process."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as running:
        try:
            assert running.stdout is not None
            told = json.loads(running.stdout.readline() or "{}")
            if "url" not in told:
                raise RuntimeError(f"the server did not start: {told}")
            yield told["url"], running.pid
        finally:
            running.terminate()
            try:
                running.wait(timeout=30)
            except subprocess.TimeoutExpired:
                running.kill()

"""What runs in a soak: a chain, its proxies, a database server, three services and two processes of watchers.

In: a folder. Out: named processes that can be killed and started again where they were, on the same ports.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Self

from benchmarks.soak.proxy import Proxy
from chain_reader.local_chain import Genesis, LocalChain
from datum import SigningKey
from release_tools import PaymentKey
from release_tools.keys.files import write_key_pair
from tests.postgres import Cluster, free_port

ROOT = Path(__file__).resolve().parents[2]
SLOT_S = 0.2
EPOCH_SLOTS = 60
EPOCH_S = SLOT_S * EPOCH_SLOTS
ERAS = tuple(f"era-{number:04}" for number in range(1_000))
WATCHERS = {
    "watchers-1": tuple(f"node-{n:02}" for n in range(10)),
    "watchers-2": tuple(f"node-{n}" for n in range(10, 20)),
}
SERVICES = ("replica-1", "replica-2", "single")
LIMITS = {"max_attempts": 3, "retry_budget_s": 5.0}
"""Of what is asked: shorter than usual, as epochs are."""
DISK_MB = 64
_FUNDS_LOVELACE = 10_000_000_000


@dataclass(slots=True)
class Program:
    """A process that can be ended without any warning and started again."""

    name: str
    command: list[str]
    folder: Path
    running: "subprocess.Popen[bytes] | None" = None
    ended: dict[int, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Start it, and wait until its first line says that it runs."""
        with self.lock, (self.folder / f"{self.name}.log").open("ab") as log:
            self.running = subprocess.Popen(
                self.command, stdout=subprocess.PIPE, stderr=log, cwd=self.folder, env=_environment(self.folder)
            )
            assert self.running.stdout is not None
            if not self.running.stdout.readline():
                raise RuntimeError(f"{self.name} did not start: see {log.name}")

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it by a signal, and wait for that."""
        with self.lock:
            if self.running is None:
                return
            self.running.send_signal(how)
            self.ended[self.running.pid] = time.time()
            try:
                self.running.wait(30)
            except subprocess.TimeoutExpired:
                self.running.kill()
                raise
            finally:
                if self.running.stdout is not None:
                    self.running.stdout.close()
                self.running = None

    @property
    def process(self) -> int | None:
        """Its process id, while it runs."""
        return None if self.running is None or self.running.poll() is not None else self.running.pid


class Stage:
    """Everything that runs. A context manager; on entering it all is up.

    Args:
        folder: an empty folder; what is left in it afterwards is what there is to look at.
        services: those of ``SERVICES`` that run.
        watchers: those of ``WATCHERS`` that run.
        release: the program ``eraswitch`` of the release team; by default this checkout's.
    """

    def __init__(
        self,
        folder: Path,
        services: Sequence[str] = SERVICES,
        watchers: Sequence[str] = tuple(WATCHERS),
        release: Path | None = None,
    ) -> None:
        self.folder = folder
        self.chain_file = folder / "chain.sqlite3"
        self.clock_file = folder / "clock"
        self.diary = folder / "diary.jsonl"
        self.disk = folder / "disk"
        self.disk_is_small = False
        self.era_key, self.wallet = SigningKey.generate(), PaymentKey.generate()
        self.attacker_key, self.attacker_wallet = SigningKey.generate(), PaymentKey.generate()
        self.programs: dict[str, Program] = {}
        self.tokens: dict[str, str] = {}
        self._services, self._watchers, self._release = services, watchers, release
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self.clock_file.write_text("0")
            self._make_disk(opening)
            self._make_chain()
            self.cluster = Cluster.make()
            opening.callback(self.cluster.remove)
            self.cluster.start()
            self.cluster.execute("CREATE DATABASE soak")
            self.chain_port = free_port()
            self.to_chain = opening.enter_context(Proxy(self.chain_port))
            self.to_database = opening.enter_context(Proxy(self.cluster.port))
            opening.callback(self._end_all)
            serve_chain = (
                "local-chain",
                "start",
                "--path",
                str(self.chain_file),
                "--port",
                str(self.chain_port),
                "--json",
            )
            self._add("chain", "era_service.cli:main", *serve_chain)
            self.provider = f"blockfrost:http://127.0.0.1:{self.to_chain.port}/api/v0"
            database = f"postgresql+psycopg://era@127.0.0.1:{self.to_database.port}/soak"
            self.stores = dict.fromkeys(SERVICES[:2], database) | {SERVICES[2]: str(self.disk / "store.sqlite3")}
            self.urls = {name: f"http://127.0.0.1:{free_port()}" for name in SERVICES}
            for name in self._services:
                self._configure(name)
                self._add(name, "era_service.cli:main", "--config", str(self.settings(name)), "serve", "--json")
            for name in self._watchers:
                self._add(name, "benchmarks.soak.watchers:main", self._world(name, WATCHERS[name]))
            self._open = opening.pop_all()
        return self

    def __exit__(self, *reason: object) -> None:
        self._open.close()

    def settings(self, name: str) -> Path:
        """The configuration file of a service."""
        return self.folder / f"{name}.toml"

    def epoch(self) -> int:
        """The epoch of now."""
        return int((time.time() - self.start_s) // EPOCH_S)

    def begins_s(self, epoch: int) -> float:
        """When an epoch begins."""
        return self.start_s + epoch * EPOCH_S

    def start(self) -> None:
        """Start everything; the first era is published before the nodes look."""
        programs = dict(self.programs)
        programs.pop("chain").start()
        if self.marker("activate", ERAS[0], "--at", "0").wait() != 0:
            raise RuntimeError("the first era could not be published: see commands.log")
        for program in programs.values():
            program.start()

    def marker(self, *change: str) -> "subprocess.Popen[bytes]":
        """Begin a change of the markers."""
        how = ("--yes", "--confirmations", "0", "--poll", "0.2", "--timeout", "30")
        return self.eraswitch("--config", str(self.settings(SERVICES[0])), "marker", *change, *how)

    def _end_all(self) -> None:
        for program in reversed(self.programs.values()):
            program.end(signal.SIGTERM)

    def eraswitch(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Begin a command of the release team."""
        with (self.folder / "commands.log").open("ab") as log:
            program = self._release or Path(sys.executable).with_name("eraswitch")
            return subprocess.Popen(
                [str(program), *arguments], cwd=self.folder, env=_environment(self.folder), stdout=log, stderr=log
            )

    def _add(self, name: str, entry: str, *arguments: str) -> None:
        """A program of the stage; the chain's clock is never stepped, for it is the time itself."""
        clock = os.devnull if name == "chain" else str(self.clock_file)
        python = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "benchmarks.soak.stepped"]
        self.programs[name] = Program(name, [*python, clock, entry, *arguments], self.folder)

    def _make_disk(self, opening: ExitStack) -> None:
        """A disk of its own for the store in a file, where this process may mount one."""
        self.disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "eraswitch-soak", str(self.disk)]
        if shutil.which("mount") and subprocess.run(command, capture_output=True, check=False).returncode == 0:
            self.disk_is_small = True
            opening.callback(subprocess.run, ["umount", "-l", str(self.disk)], check=True)

    def _make_chain(self) -> None:
        genesis = Genesis(
            slot_length_s=SLOT_S, epoch_length=EPOCH_SLOTS, active_slots_coeff=Fraction(1), clock_mode="wall",
            system_start_s=int(time.time()),
        )  # fmt: skip
        self.start_s, self.magic = float(genesis.system_start_s), genesis.network_magic
        self.era_address = self.wallet.address(genesis.network_id)
        self.attacker_address = self.attacker_wallet.address(genesis.network_id)
        with LocalChain.create(self.chain_file, genesis=genesis) as chain:
            for address in (self.era_address, self.attacker_address):
                chain.fund(address, _FUNDS_LOVELACE)
        self.wallet.save(self.folder / "wallet.skey")
        write_key_pair(self.folder, self.era_key)

    def _configure(self, name: str) -> None:
        text = f"""\
[network]
magic = {self.magic}
era_address = "{self.era_address}"
verification_key = "{self.era_key.verification_key.hex}"
supported_eras = {json.dumps(ERAS)}
notice_epochs = 1
system_start_s = {self.start_s}
slot_length_s = {SLOT_S}
epoch_length = {EPOCH_SLOTS}
active_slots_coefficient = 1

[reader]
adapter_type = "cardano-chain"
providers = [{json.dumps(self.provider)}]

[keys]
era_key_file = {json.dumps(str(self.folder / "era.sk"))}
payment_key_files = [{json.dumps(str(self.folder / "wallet.skey"))}]

[store]
url = {json.dumps(self.stores[name])}

[limits]
max_attempts = {LIMITS["max_attempts"]}
retry_budget_s = {LIMITS["retry_budget_s"]}

[service]
port = {self.urls[name].rpartition(":")[2]}
poll_interval_s = 1
writes_per_s = 1000
write_burst = 1000
"""
        path = self.settings(name)
        path.write_text(text)
        made = self.folder / f"{name}.token"
        self.eraswitch("--config", str(path), "token", "new", f"soak-{name}", "--out", str(made)).wait()
        self.tokens[name] = made.read_text().strip()

    def _world(self, name: str, nodes: tuple[str, ...]) -> str:
        path = self.folder / f"{name}.json"
        world = {
            "provider": self.provider, "era_address": self.era_address, "key": self.era_key.verification_key.hex,
            "magic": self.magic, "start_s": self.start_s, "slot_s": SLOT_S, "epoch_slots": EPOCH_SLOTS, "eras": ERAS,
            "folder": str(self.folder), "nodes": nodes, "diary": str(self.diary),
            "limits": LIMITS,
        }  # fmt: skip
        path.write_text(json.dumps(world))
        return str(path)


def _environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {"HOME": str(home)}

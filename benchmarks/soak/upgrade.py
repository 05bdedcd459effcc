"""``python -m benchmarks.soak.upgrade [--from REV] [--to REV]``: two replicas from one release to another and back.

Wheels of both revisions, each in an environment of its own; two replicas on one PostgreSQL behind a balancer that asks
``/health/ready``; readers and registrations all the time; the replicas are replaced one by one, up and back, and an era
begins meanwhile. Exit 1 when a request had no answer, a wrong one, or a registration that was taken is gone.
"""

import argparse
import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from benchmarks.soak.proxy import Proxy
from benchmarks.soak.stage import ERAS, ROOT, SERVICES, Program, Stage
from eras import AGGREGATOR_NODE_VERSION_HEADER
from tests.provision import postgres_programs

REPLICAS = SERVICES[:2]
VERSION_FILE = "eras/version.py"
READERS, WRITERS = 4, 2
REQUESTS_OF_A_CONNECTION = 20
BATCH = 10
LOOK_EVERY_S, SHUTDOWN_DELAY_S, DWELL_S = 0.25, 2.0, 5.0
READY_WITHIN_S = 120.0
FIRST_ERAS = frozenset(ERAS[:2])


def git(*arguments: str) -> str:
    """What git answers, or nothing where it has no answer."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def previous(revision: str) -> str:
    """The release before a revision: the last tag before it, else the last commit of another version.

    Raises:
        LookupError: the history that is here has neither.
    """
    if tag := git("describe", "--tags", "--abbrev=0", f"{revision}^"):
        return tag
    version = git("show", f"{revision}:{VERSION_FILE}")
    for changed in git("log", "--format=%H", revision, "--", VERSION_FILE).split():
        if git("show", f"{changed}^:{VERSION_FILE}") not in ("", version):
            return git("rev-parse", f"{changed}^")
    raise LookupError(f"No tag and no other version before {revision} in this clone: name a revision with --from")


def installed(revision: str, folder: Path) -> Path:
    """The program of a revision, built as a wheel and installed with what it needs; once for each commit."""
    commit = git("rev-parse", "--verify", f"{revision}^{{commit}}")
    if not commit:
        raise LookupError(f"There is no revision {revision} in this clone")
    place = folder / commit[:12]
    program = place / "bin" / "eraswitch"
    if not (place / "done").exists():
        shutil.rmtree(place, ignore_errors=True)
        with tempfile.TemporaryDirectory() as sources:
            archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
            subprocess.run(["tar", "-x", "-C", sources], input=archive, check=True)
            subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
            pip = [str(place / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(place), sources], check=True)
            (wheel,) = place.glob("eraswitch-*.whl")
            subprocess.run([*pip, "install", f"{wheel}[service]"], check=True)
        (place / "done").touch()
    return program


class Balancer(threading.Thread):
    """Sends new connections to the replicas that are ready, in turns. A context manager.

    Args:
        ports: where the replicas are.
    """

    def __init__(self, ports: tuple[int, ...]) -> None:
        super().__init__(daemon=True)
        self._ports = ports
        self._over = threading.Event()
        self.out: set[int] = set()
        self.proxy = Proxy()

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        self.look()
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        self.join()
        self.proxy.__exit__(*reason)

    def run(self) -> None:
        """Look who is ready until it is over."""
        while not self._over.wait(LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """Ask each replica whether it is ready."""
        self.proxy.targets = tuple(port for port in self._ports if port not in self.out and _is_ready(port))

    def replace(self, program: Program, port: int, old: Path, new: Path) -> None:
        """End a replica as an operator does, and start the other release in its place.

        A release that does not announce its end is taken out of the balancer first.
        """
        if not _announces(old):
            self.take_out(port)
        program.end(signal.SIGTERM)
        serve_by(program, new)
        program.start()
        self.put_back(port)

    def take_out(self, port: int) -> None:
        """Send nothing there any more, and wait until the connections that are open have ended."""
        self.out.add(port)
        self.look()
        _until(lambda: self.proxy.connections(port) == 0, "its connections end")

    def put_back(self, port: int) -> None:
        """Send there again, once it is ready."""
        self.out.discard(port)
        _until(lambda: port in self.proxy.targets, "a replica is ready")


class Load:
    """Readers and registrations through the balancer. A context manager; on leaving it they have ended.

    Args:
        port: of the balancer.
        token: for registrations.
        epoch: tells the epoch of now.
    """

    def __init__(self, port: int, token: str, epoch: Callable[[], int]) -> None:
        self._port, self._token, self._epoch = port, token, epoch
        self._over = threading.Event()
        self.answers: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self.eras: Counter[str] = Counter()
        self.lost: list[str] = []
        self.registered: set[str] = set()
        self._threads = [threading.Thread(target=self._read, args=(number,)) for number in range(READERS)]
        self._threads += [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _read(self, number: int) -> None:
        """Odd readers keep their connections for a while, even ones do not."""
        with _Client(self._port, REQUESTS_OF_A_CONNECTION if number % 2 else 1) as client:
            while not self._over.wait(0.02):
                found = self._asked(client, "GET", "/era/status")
                if found is not None:
                    self.eras[str((found["current"] or {}).get("name"))] += 1
                self._asked(client, "GET", f"/registrations?epoch={self._epoch()}&limit=10")

    def _write(self, number: int) -> None:
        """Each batch once: one that was not answered is lost, though it may be stored."""
        made = 0
        with _Client(self._port, REQUESTS_OF_A_CONNECTION if number % 2 else 1) as client:
            while not self._over.wait(0.1):
                parties = [f"party-{number}-{made + one}" for one in range(BATCH)]
                now_s, epoch = int(time.time()), self._epoch()
                rows = [
                    {"party_id": party, "epoch": epoch, "stake": 9, "version": "1", "time_s": now_s}
                    for party in parties
                ]
                receipt = self._asked(client, "POST", "/registrations", {"registrations": rows})
                if receipt is not None:
                    if receipt.get("rejected"):
                        self.lost.append(f"POST /registrations refused: {json.dumps(receipt)[:200]}")
                    self.registered.update(parties)
                made += BATCH

    def _asked(self, client: "_Client", method: str, path: str, body: object = None) -> dict[str, Any] | None:
        headers = {} if body is None else {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        try:
            version, content = client.ask(method, path, body, headers)
            found: dict[str, Any] = json.loads(content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.lost.append(f"{time.strftime('%H:%M:%S')} {method} {path}: {error!r}")
            return None
        self.answers[f"{method} {path.partition('?')[0]}"] += 1
        self.versions[version] += 1
        return found


class _Client:
    """A client that keeps a connection for so many requests, and never asks twice."""

    def __init__(self, port: int, most: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._most, self._asked = most, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._connection.close()

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[str, bytes]:
        """The version of who answered, and the content.

        Raises:
            OSError: there was no answer.
            HTTPException: there was none that is whole, or an error.
        """
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers or {})
            answer = self._connection.getresponse()
            found = answer.headers.get(AGGREGATOR_NODE_VERSION_HEADER, "?"), answer.read()
        except BaseException:
            self._connection.close()
            raise
        if answer.status >= http.client.MULTIPLE_CHOICES:
            raise http.client.HTTPException(f"{answer.status}: {found[1][:200]!r}")
        self._asked += 1
        if self._asked % self._most == 0:
            self._connection.close()
        return found


def upgrade(folder: Path, old: Path, new: Path, narrate: Callable[[str], None]) -> dict[str, Any]:
    """Let two replicas of the old release answer, replace them by the new one and back; what came of it."""
    with ExitStack() as opened:
        stage = opened.enter_context(Stage(folder, REPLICAS, (), old))
        for name in REPLICAS:
            serve_by(stage.programs[name], old)
        stage.start()
        ports = {name: int(stage.urls[name].rpartition(":")[2]) for name in REPLICAS}
        _until(lambda: all(map(_is_ready, ports.values())), "the first replicas are ready")
        balancer = opened.enter_context(Balancer(tuple(ports.values())))
        began_s = time.monotonic()
        with Load(balancer.proxy.port, stage.tokens[REPLICAS[0]], stage.epoch) as load:
            time.sleep(DWELL_S)
            steps = [(name, *releases) for releases in ((old, new), (new, old)) for name in REPLICAS]
            for number, (name, before, after) in enumerate(steps):
                narrate(f"{time.monotonic() - began_s:5.0f} s  {name} becomes {_version(after)}")
                balancer.replace(stage.programs[name], ports[name], before, after)
                if number == 0:  # an era begins while two releases answer
                    at = str(stage.epoch() + 2)
                    if stage.marker("activate", ERAS[1], "--at", at, "--lead-epochs", "1").wait() != 0:
                        load.lost.append("an era could not be published while two releases answer")
                time.sleep(DWELL_S)
        held = _held(balancer.proxy.port, stage.epoch())
    lost = [*load.lost, *(f"registration of {party}" for party in sorted(load.registered - held))]
    lost += [f"{number} answers named {era}" for era, number in load.eras.items() if era not in FIRST_ERAS]
    return {
        "from": _version(old), "to": _version(new), "lost": lost, "answers": dict(load.answers),
        "versions": dict(load.versions), "eras": dict(load.eras), "registrations": len(load.registered),
        "seconds": round(time.monotonic() - began_s),
    }  # fmt: skip


def serve_by(program: Program, release: Path) -> None:
    """Have a replica start as a release, whatever it was before; one that can announces its end from then on."""
    delay = [f"ERASWITCH_SERVICE__SHUTDOWN_DELAY_S={SHUTDOWN_DELAY_S}"] if _announces(release) else []
    arguments = program.command[program.command.index("--config") :]
    program.command = ["env", *delay, str(release), *arguments]


def _announces(release: Path) -> bool:
    done = subprocess.run([str(release), "config", "schema"], capture_output=True, text=True, check=True)
    return "shutdown_delay_s" in done.stdout


def _version(release: Path) -> str:
    done = subprocess.run([str(release), "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+\.\d+\.\d+\S*", done.stdout)
    return f"{found[0] if found else done.stdout.strip()} ({release.parent.parent.name})"


def _is_ready(port: int) -> bool:
    try:
        with _Client(port, 1) as client:
            client.ask("GET", "/health/ready")
    except (OSError, http.client.HTTPException):
        return False
    return True


def _held(port: int, last: int) -> set[str]:
    found: set[str] = set()
    with _Client(port, 1) as client:
        for epoch in range(last + 1):
            after: str | None = ""
            while after is not None:
                path = f"/registrations?epoch={epoch}&limit=1000" + (f"&after={after}" if after else "")
                page = json.loads(client.ask("GET", path)[1])
                found.update(row["party_id"] for row in page["registrations"])
                after = page["next"]
    return found


def _until(holds: Callable[[], bool], words: str) -> None:
    until_s = time.monotonic() + READY_WITHIN_S
    while not holds():
        if time.monotonic() > until_s:
            raise TimeoutError(f"It took more than {READY_WITHIN_S:.0f} s until {words}")
        time.sleep(0.05)


def text(report: dict[str, Any]) -> str:
    """The report, for people."""
    return "\n".join(
        [
            f"{report['from']} → {report['to']} → {report['from']}, {report['seconds']} s under load",
            *(f"{count:,} answers of {what}" for what, count in sorted(report["answers"].items())),
            *(f"{count:,} of them by {version}" for version, count in sorted(report["versions"].items())),
            *(f"{count:,} answers named {era}" for era, count in sorted(report["eras"].items())),
            f"{report['registrations']:,} registrations taken",
            *report["lost"][:20],
            f"lost answers: {len(report['lost']) or 'none'}",
        ]
    )


def main() -> int:
    """Upgrade as the command line says, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak.upgrade", description=__doc__)
    parser.add_argument("--from", dest="old", default="", help="a revision; by default the release before TO")
    parser.add_argument("--to", dest="new", default="HEAD", help="a revision; by default HEAD")
    parser.add_argument("--builds", type=Path, default=ROOT / "artifacts" / "upgrade", help="keep what is built here")
    arguments = parser.parse_args()
    if postgres_programs() is None:
        parser.error("PostgreSQL is missing; `make test INSTALL=1` installs it")
    try:
        old = installed(arguments.old or previous(arguments.new), arguments.builds)
        new = installed(arguments.new, arguments.builds)
    except LookupError as error:
        parser.error(str(error))
    for number in (signal.SIGTERM, signal.SIGINT):  # whatever ends it, everything that it started ends with it
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="eraswitch-upgrade-"))
    report = upgrade(folder, old, new, lambda line: print(line, file=sys.stderr, flush=True))
    print(text(report))
    if report["lost"]:
        print(f"logs: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return 1 if report["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())

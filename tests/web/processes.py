"""The service as a process of its own, as ``eraswitch serve`` starts it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.forked import Forked, eraswitch
from tests.web.world import Client, World

START_WITHIN_S = 60.0


class Served:
    """A running ``eraswitch serve``.

    Args:
        process: it.
        place: what it said of where it serves.
        log: what it writes to stderr.
    """

    def __init__(self, process: Forked | subprocess.Popen[str], place: dict[str, Any], log: Path) -> None:
        self.process = process
        self.place = place
        self.url: str = place["url"]
        self._log = log

    @property
    def log(self) -> str:
        """What it has written to stderr so far."""
        return self._log.read_text()

    def wait_for_log(self, words: str) -> None:
        """Wait until it has written ``words`` to stderr."""
        until = time.monotonic() + START_WITHIN_S
        while words not in self.log:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, and wait for its end."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)

    def wait_until_ready(self, client: Client) -> None:
        """Wait until it knows an era."""
        until = time.monotonic() + START_WITHIN_S
        while True:
            try:
                if client.get("/health/ready").status_code == 200:
                    return
            except OSError:
                assert self.process.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.05)


@contextmanager
def serve(folder: Path, *arguments: str, installed: bool = False, **environ: str) -> Iterator[Served]:
    """Run ``eraswitch serve --json --port 0`` with ``arguments``; where ``installed``, by the command as it is."""
    log = folder / f"serve-{time.monotonic_ns()}.log"
    log.touch()
    command = ["serve", "--json", "--port", "0", *arguments]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ERASWITCH_", "XDG_"))}
    own |= {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), **environ}
    with eraswitch(*command, env=own, cwd=folder, stderr=log, installed=installed) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text()
            yield Served(process, json.loads(line), log)
        finally:
            process.kill()


def environment_of(world: World) -> dict[str, str]:
    """The settings of a world, as environment variables."""
    return {
        "ERASWITCH_NETWORK__MAGIC": "42",
        "ERASWITCH_NETWORK__ERA_ADDRESS": world.stage.era_address,
        "ERASWITCH_NETWORK__VERIFICATION_KEY": world.stage.era_key.verification_key.hex,
        "ERASWITCH_READER__PROVIDERS": f"local:{world.stage.chain.path}",
        "ERASWITCH_SERVICE__POLL_INTERVAL_S": "0.2",
        "ERASWITCH_SERVICE__WRITES_PER_S": "100000",
        "ERASWITCH_STORE__URL": world.store_url,
    }

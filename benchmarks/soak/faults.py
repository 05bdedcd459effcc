"""What goes wrong in a soak, one thing after the other, each undone before the next.

In: the stage and the actors. Out: how often each happened. Processes are killed in the first part of a soak only, so
that those which stand at its end have lived long enough to see whether they grow.
"""

import errno
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

from benchmarks.soak.actors import Actors
from benchmarks.soak.stage import SERVICES, WATCHERS, Stage

KILLING_SHARE = 0.4
"""The part of the time in which processes are killed."""
STEPS_S = (-30.0, 1.0)
"""Clock steps: more backwards than an epoch lasts, and forwards within what the verdict allows a switch to be early."""
_DOWN_S = 3.0
_BETWEEN_S = 3.0


class Faults:
    """All faults on a stage.

    Args:
        stage: where things break.
        actors: who acts there.
        seed: of the order.
    """

    def __init__(self, stage: Stage, actors: Actors, seed: int) -> None:
        self._stage = stage
        self._actors = actors
        self._random = random.Random(seed)
        self._over = threading.Event()
        self.done: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}
        self._lasting: dict[str, Callable[[], None]] = {
            "provider killed": self._kill_provider,
            "database restarted": self._restart_database,
            "connections reset": self._reset_connections,
            "clock stepped": self._step_clock,
        }
        if stage.disk_is_small:
            self._lasting["disk filled"] = self._fill_disk
        else:
            self.skipped["disk filled"] = "no tmpfs can be mounted here, which takes root"
        self._killing: dict[str, Callable[[], None]] = {"publisher killed": self._kill_publisher} | {
            f"{name} killed": lambda name=name: self._kill(name) for name in (*SERVICES, *WATCHERS)
        }

    def play(self, seconds: float, narrate: Callable[[str], None]) -> None:
        """Break one thing after the other for so long; each of them comes before any comes again."""
        began_s, waiting = time.monotonic(), list[str]()
        while (passed_s := time.monotonic() - began_s) < seconds:
            known = self._lasting | (self._killing if passed_s < seconds * KILLING_SHARE else {})
            waiting = [name for name in waiting if name in known] or self._random.sample(sorted(known), len(known))
            name = waiting.pop()
            narrate(f"{passed_s:5.0f} s  {name}")
            known[name]()
            self.done[name] += 1
            self._over.wait(_BETWEEN_S)

    def _kill(self, name: str) -> None:
        program = self._stage.programs[name]
        program.end(signal.SIGKILL)
        program.start()

    def _kill_provider(self) -> None:
        program = self._stage.programs["chain"]
        program.end(signal.SIGKILL)
        time.sleep(_DOWN_S)
        program.start()

    def _kill_publisher(self) -> None:
        """In the middle of a command, at whatever it does then; the release team gives the same command again."""
        until_s = time.monotonic() + 45
        while time.monotonic() < until_s:
            publisher = self._actors.publisher
            if publisher is not None and publisher.poll() is None:
                time.sleep(self._random.uniform(0.5, 4.0))
                publisher.kill()
                return
            time.sleep(0.05)

    def _restart_database(self) -> None:
        self._stage.cluster.kill()
        time.sleep(_DOWN_S)
        self._stage.cluster.start()

    def _reset_connections(self) -> None:
        for _ in range(3):
            for proxy in (self._stage.to_chain, self._stage.to_database):
                proxy.reset(closed_s=0.5)
            time.sleep(1)

    def _step_clock(self) -> None:
        clock = self._stage.clock_file
        for step_s in (*STEPS_S, 0.0):
            after = clock.with_suffix(".new")
            after.write_text(str(step_s))
            after.replace(clock)  # whoever reads meanwhile reads a whole number
            if step_s:
                time.sleep(_DOWN_S)

    def _fill_disk(self) -> None:
        filling = self._stage.disk / "filling"
        try:
            with filling.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(1 << 16))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
            time.sleep(2 * _DOWN_S)
        finally:
            filling.unlink()

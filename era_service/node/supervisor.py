"""Runs the node itself on the binary of the era, and restarts it on the next binary at a switch.

In: an ``EraFolder`` and the arguments of its program. Out: one child process, in a process group of its own, that does
not outlive this process (``child``). The hash of a binary is checked before it is started; if it does not match, the
old binary continues.
"""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from era_service.node.child import start
from era_service.node.swap import EraFolder, SwapError

_TICK_S = 0.02
_log = logging.getLogger(__name__)


class LinkSwitcher:
    """Switches only the link, for a node that runs elsewhere; a hook may restart it."""

    needs_looking_after = False
    """Whether it runs something that may end by itself, so that ``ended`` must be called often."""

    def __init__(self, folder: EraFolder) -> None:
        self.folder = folder

    def run(self, era: str) -> bool:
        """Point the link to ``era``, and return whether it pointed elsewhere.

        Raises:
            SwapError: the binary cannot be run, or the link cannot be switched.
        """
        switched = self.folder.current() != era and self.folder.switch(era)
        if switched:
            _log.info("The link %s leads to the binary of the era %s", self.folder.path / "current", era)
        return switched

    def ended(self) -> int | None:
        """Nothing runs here."""
        return None

    def stop(self, grace_s: float | None = None, *, hurry: Callable[[], bool] = lambda: False) -> int | None:
        """Nothing runs here."""
        return None


class NodeSupervisor:
    """One child process, and the era whose binary it runs. Several threads may use it; a context manager.

    Args:
        folder: the binaries.
        arguments: the arguments of the program, the same for every era.
        grace_s: seconds from SIGTERM until a child that has not ended is killed with its group.
        environ: the child's environment; ``ERASWITCH_ERA`` is added to it.
        waiting: called often while a child is ending, so that the caller can give signs of life.
    """

    needs_looking_after = True

    def __init__(
        self,
        folder: EraFolder,
        arguments: Sequence[str] = (),
        *,
        grace_s: float = 30.0,
        environ: Mapping[str, str] | None = None,
        waiting: Callable[[], object] = lambda: None,
    ) -> None:
        self.folder = folder
        self.era: str | None = None
        self._arguments = tuple(arguments)
        self._grace_s = grace_s
        self._environ = dict(os.environ if environ is None else environ)
        self._waiting = waiting
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "NodeSupervisor":
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id of the child, while it runs."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def ended(self) -> int | None:
        """The exit code of a child that ended by itself, below 0 the signal; ``None`` if none did."""
        with self._lock:
            return None if self._child is None else self._child.poll()

    def run(self, era: str) -> bool:
        """Start the binary of ``era`` unless it was started already, and return whether there was anything to do.

        The node ends with the calling thread, which therefore has to stay.

        Raises:
            SwapError: the binary cannot be run. The one before continues.
        """
        with self._lock:
            if self._child is not None and self.era == era:
                return False  # one that ended by itself is not restarted: ``ended`` reports it
            program = self.folder.verified(era)
            running = self._child is not None
            if running:
                self._stop(self._grace_s)
            self.folder.switch(era)
            try:
                self._child = start([str(program), *self._arguments], {**self._environ, "ERASWITCH_ERA": era})
            except OSError as error:
                raise SwapError(
                    f"The program {program} could not be started",
                    expected="a program that this machine can run",
                    got=error.strerror or type(error).__name__,
                    next_step="Install one that does",
                    era=era,
                ) from error
            self.era = era
            _log.info("The node %s on the binary of the era %s: %s", "continues" if running else "runs", era, program)
            return True

    def stop(self, grace_s: float | None = None, *, hurry: Callable[[], bool] = lambda: False) -> int | None:
        """Stop the child and its process group, and return its exit code. Calling it twice is fine.

        Args:
            grace_s: seconds until it is killed; by default the usual grace.
            hurry: whether, from now on, only the usual grace is left.
        """
        with self._lock:
            return self._stop(self._grace_s if grace_s is None else grace_s, hurry)

    def _stop(self, grace_s: float, hurry: Callable[[], bool] = lambda: False) -> int | None:
        child, self._child = self._child, None
        if child is None:
            return None
        if child.poll() is None:
            child.terminate()
            if not self._ends(child, grace_s, hurry):
                _log.warning("The node did not end in time, so it is killed")
            os.killpg(child.pid, signal.SIGKILL)  # and its group; not waited for yet, so the id is its own
            child.wait()
        return child.returncode

    def _ends(self, child: "subprocess.Popen[bytes]", grace_s: float, hurry: Callable[[], bool]) -> bool:
        """Whether the child ends within its grace; it is not waited for, so its id is not reused."""
        until = time.monotonic() + grace_s
        while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            now_s = time.monotonic()
            if hurry():
                until = min(until, now_s + self._grace_s)
            if now_s >= until:
                return False
            self._waiting()
            time.sleep(_TICK_S)
        return True


NodeRunner = LinkSwitcher | NodeSupervisor
"""Follows the era with the binary of the node."""

"""Hooks: what an operator or an embedding program wants to be run when something happens to the eras.

In: hooks, which are executables or Python callables, and what happened, as facts. Out: every hook of that event is run,
one after the other in a thread of its own, and a log line says how each ended. The rules:

1. An executable gets the facts as one JSON object on stdin and the event as its only argument. No shell looks at it.
2. Its environment is ``ENVIRONMENT`` and what was allowed beside; keys and passwords of this process do not reach it.
3. It has a time limit; its process group is killed then. Its output is kept up to a limit, and logged.
4. A callable gets the event and the facts. It cannot be killed: one that is late is left behind, and said so.
5. Nothing that a hook does stops whoever fires it. With ``QUEUE_LENGTH`` runs waiting, further ones are counted and
   dropped, loudly.
"""

import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from era_service.node.hook_process import run_program

ENVIRONMENT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
QUEUE_LENGTH = 256
_LOGGED_CHARS = 2_000
_log = logging.getLogger(__name__)


class HookEvent(StrEnum):
    """What hooks can be told."""

    ANNOUNCED = "announced"
    """An upcoming era appeared, or its epoch changed."""
    ACTIVATING_IN = "activating-in"
    """An epoch began, and an era with an epoch is coming."""
    ACTIVATED = "activated"
    """Another era is the current one; at start-up, the first one that is read."""
    UNSUPPORTED_UPCOMING = "unsupported-upcoming"
    """The upcoming era is not supported: upgrade."""
    UNSUPPORTED_CURRENT = "unsupported-current"
    """The current era is not supported: the node has to stop."""
    REFUSED = "refused"
    """Something at the era address was refused."""


Facts = Mapping[str, Any]
HookCallable = Callable[[HookEvent, Facts], object]


@dataclass(frozen=True, slots=True)
class Hook:
    """What is to be run when ``event`` happens: the path of an executable, or a callable."""

    event: HookEvent
    run: Path | HookCallable

    @property
    def name(self) -> str:
        """What log lines call it."""
        if isinstance(self.run, Path):
            return str(self.run)
        return getattr(self.run, "__qualname__", None) or type(self.run).__name__

    def problem(self) -> str | None:
        """Why it cannot be run, as far as can be told before."""
        if not isinstance(self.run, Path):
            return None if callable(self.run) else "not callable"
        if not self.run.exists():
            return "no such file"
        if not self.run.is_file():
            return "not a file"
        return None if os.access(self.run, os.X_OK) else "not executable"


@dataclass(frozen=True, slots=True)
class HookEnd:
    """How one run of a hook ended.

    Attributes:
        event: what had happened.
        hook: the hook's name.
        outcome: ``ended``, ``failed``, ``killed`` (by a signal), ``timed out``, ``not started`` or ``raised``.
        code: the exit code of an executable that ended by itself.
        seconds: how long it took.
        output: the beginning of what it printed.
    """

    event: HookEvent
    hook: str
    outcome: str
    code: int | None
    seconds: float
    output: str = ""

    @property
    def ok(self) -> bool:
        """Whether it did what it was there for."""
        return self.outcome == "ended"


class Hooks:
    """Runs hooks in a thread of its own. A context manager; ``close`` waits for what is under way.

    Args:
        hooks: what to run.
        timeout_s: how long one hook may take.
        max_output_bytes: how much of what it prints is kept.
        pass_environment: names of variables that reach executables beside ``ENVIRONMENT``.
        environ: where variables are taken from.
        on_end: told of every end, in the hooks' thread.
    """

    def __init__(
        self,
        hooks: Iterable[Hook] = (),
        *,
        timeout_s: float = 30.0,
        max_output_bytes: int = 16_384,
        pass_environment: Iterable[str] = (),
        environ: Mapping[str, str] = os.environ,
        on_end: Callable[[HookEnd], object] | None = None,
    ) -> None:
        self.hooks = tuple(hooks)
        self.timeout_s = timeout_s
        self.dropped = 0
        self._max_output_bytes = max_output_bytes
        allowed = (*ENVIRONMENT, *pass_environment)
        self._environment = {name: environ[name] for name in allowed if name in environ}
        self._on_end = on_end
        self._waiting: queue.Queue[tuple[Hook, dict[str, Any]] | None] = queue.Queue(QUEUE_LENGTH)
        self._worker: threading.Thread | None = None
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._pending = 0
        self._closed = False

    def __enter__(self) -> "Hooks":
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def problems(self) -> tuple[str, ...]:
        """Every hook that could not be run if its event happened now, in words; each is logged too."""
        found = [(hook, hook.problem()) for hook in self.hooks]
        words = tuple(f"The hook {hook.event} {hook.name} cannot be run: {why}" for hook, why in found if why)
        for line in words:
            _log.error("%s", line)
        return words

    def fire(self, event: HookEvent, facts: Facts) -> int:
        """Run the hooks of ``event``, soon and elsewhere. Returns how many were taken on."""
        taken = 0
        for hook in self.hooks:
            if hook.event is event:
                taken += self._take_on(hook, {"event": str(event), **facts})
        return taken

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until no hook runs or waits; whether that came about in time."""
        with self._idle:
            return self._idle.wait_for(lambda: self._pending == 0, timeout_s)

    def close(self, timeout_s: float | None = None) -> None:
        """Wait for what runs or waits, at most the time it has, and end the thread. Calling it twice is fine."""
        with self._lock:
            first, self._closed = not self._closed, True
            pending, worker = self._pending, self._worker
        if not first or worker is None:
            return
        self.wait(timeout_s if timeout_s is not None else self.timeout_s * max(1, pending) + 1)
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            _log.warning("Hooks were still waiting at the end, and are left")
            return
        worker.join(1.0)

    def _take_on(self, hook: Hook, facts: dict[str, Any]) -> bool:
        with self._lock:
            if self._closed:
                return False
            try:
                self._waiting.put_nowait((hook, facts))
            except queue.Full:
                self.dropped += 1
                _log.error("The hook %s %s is not run: %d wait already", hook.event, hook.name, QUEUE_LENGTH)
                return False
            self._pending += 1
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="eraswitch-hooks", daemon=True)
                self._worker.start()
            return True

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            hook, facts = item
            try:
                end = self.run(hook, facts)
                if self._on_end is not None:
                    self._on_end(end)
            except Exception:
                _log.exception("The hook %s %s could not be told of", hook.event, hook.name)
            finally:
                with self._idle:
                    self._pending -= 1
                    self._idle.notify_all()

    def run(self, hook: Hook, facts: Facts) -> HookEnd:
        """Run one hook here and now, and log how it ended."""
        end = self._run_program(hook, hook.run, facts) if isinstance(hook.run, Path) else self._call(hook, facts)
        words = "" if end.code is None else f" with exit code {end.code}"
        printed = f": {end.output[:_LOGGED_CHARS].strip()}" if end.output.strip() else ""
        level = logging.INFO if end.ok else logging.ERROR
        _log.log(
            level, "The hook %s %s %s%s in %.2f s%s", end.event, end.hook, end.outcome, words, end.seconds, printed
        )
        return end

    def _run_program(self, hook: Hook, program: Path, facts: Facts) -> HookEnd:
        end = run_program(
            [str(program.absolute()), str(hook.event)],  # a bare name would be looked for on the PATH
            json.dumps(facts, separators=(",", ":"), default=str).encode(),
            self._environment,
            timeout_s=self.timeout_s,
            max_output_bytes=self._max_output_bytes,
        )
        output = end.output if end.error is None else end.error
        if end.printed_bytes > self._max_output_bytes:
            output += f" … ({end.printed_bytes} bytes in all, cut)"
        if end.code is None:
            return HookEnd(hook.event, hook.name, "not started", None, end.seconds, output)
        if end.timed_out:
            return HookEnd(hook.event, hook.name, "timed out", None, end.seconds, output)
        if end.code < 0:
            return HookEnd(hook.event, hook.name, "killed", end.code, end.seconds, output)
        return HookEnd(hook.event, hook.name, "failed" if end.code else "ended", end.code, end.seconds, output)

    def _call(self, hook: Hook, facts: Facts) -> HookEnd:
        """Call a callable in a thread of its own, for it may never return."""
        assert not isinstance(hook.run, Path)  # noqa: S101 - the caller looked
        call, raised = hook.run, list[BaseException]()

        def guarded() -> None:
            try:
                call(hook.event, facts)
            except BaseException as error:  # SystemExit too: it would end the thread without a word
                raised.append(error)

        began = time.monotonic()
        thread = threading.Thread(target=guarded, name=f"eraswitch-hook-{hook.event}", daemon=True)
        thread.start()
        thread.join(self.timeout_s)
        took_s = time.monotonic() - began
        if thread.is_alive():
            return HookEnd(hook.event, hook.name, "timed out", None, took_s, "it is left behind")
        if raised:
            return HookEnd(hook.event, hook.name, "raised", None, took_s, f"{type(raised[0]).__name__}: {raised[0]}")
        return HookEnd(hook.event, hook.name, "ended", None, took_s)

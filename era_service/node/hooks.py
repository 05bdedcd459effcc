"""Hooks: executables and callables that run when something happens to the eras.

In: hooks, and events with their facts. Out: every hook of an event runs in the background, and a log line reports how
it ended. The rules:

1. An executable gets the facts as one JSON object on stdin and the event as its only argument. There is no shell.
2. Its environment is ``ENVIRONMENT`` and the variables that are allowed besides, so that keys and passwords of this
   process do not reach it.
3. It has a time limit, after which its process group is killed. Its output is kept up to a limit, and logged.
4. A callable gets the event and the facts. It cannot be killed: a late one is abandoned, and the log reports that. An
   ``async`` one is awaited, in an event loop of its own, and cancelled if it is late.
5. A hook never stops the watcher. Hooks run one after the other in two lanes: anyone can cause ``refused``, and that
   must delay no other hook. At most ``QUEUE_LENGTH`` runs of ``refused`` wait; more are counted, dropped and logged.
   Runs of other hooks are never dropped.
"""

import asyncio
import inspect
import json
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from era_service.node.hook_lanes import Lane
from era_service.node.hook_process import run_program
from eras.errors import kept
from eras.events import refuse_unawaited

ENVIRONMENT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
QUEUE_LENGTH = 256
_LOGGED_CHARS = 2_000
_log = logging.getLogger(__name__)


class HookEvent(StrEnum):
    """The events of hooks."""

    ANNOUNCED = "announced"
    """An upcoming era appeared, or its epoch changed."""
    ACTIVATING_IN = "activating-in"
    """An epoch began, and an era with an epoch is coming."""
    BEFORE_SWITCH = "before-switch"
    """An era begins with the next epoch, or has begun: prepare the node for it, or veto it (``preparation``)."""
    ACTIVATED = "activated"
    """The current era changed; also at start-up, for the first one that is read."""
    UNSUPPORTED_UPCOMING = "unsupported-upcoming"
    """The upcoming era is not supported: upgrade."""
    UNSUPPORTED_CURRENT = "unsupported-current"
    """The current era is not supported: the node must stop."""
    REFUSED = "refused"
    """Something at the era address was refused."""
    CONFIGURATION_ANNOUNCED = "configuration-announced"
    """The protocol configuration of a later epoch appeared, changed or vanished."""
    CONFIGURATION_CHANGED = "configuration-changed"
    """The protocol configuration in force changed; also at start-up, for the first one that is read."""


Facts = Mapping[str, Any]
HookCallable = Callable[[HookEvent, Facts], object]


@dataclass(frozen=True, slots=True)
class Hook:
    """A program to run when ``event`` happens: the path of an executable, or a callable, ``async`` or not.

    Raises:
        ConfigurationError: the callable is a generator, which a call does not run.
    """

    event: HookEvent
    run: Path | HookCallable

    def __post_init__(self) -> None:
        if not isinstance(self.run, Path):
            refuse_unawaited(self.run, f"the hook {self.event}", awaits=True)

    @property
    def name(self) -> str:
        """Its name in log lines."""
        if isinstance(self.run, Path):
            return str(self.run)
        return getattr(self.run, "__qualname__", None) or type(self.run).__name__

    def problem(self) -> str | None:
        """The reason why it cannot be run, as far as that is known beforehand."""
        if not isinstance(self.run, Path):
            return None if callable(self.run) else "not callable"
        if not self.run.exists():
            return "no such file"
        if not self.run.is_file():
            return "not a file"
        return None if os.access(self.run, os.X_OK) else "not executable"


@dataclass(frozen=True, slots=True)
class HookEnd:
    """The end of one run of a hook.

    Attributes:
        event: the event.
        hook: the hook's name.
        outcome: ``ended``, ``failed``, ``killed`` (by a signal), ``timed out``, ``not started`` or ``raised``.
        code: the exit code of an executable that ended by itself.
        seconds: how long it took.
        output: the beginning of its output.
    """

    event: HookEvent
    hook: str
    outcome: str
    code: int | None
    seconds: float
    output: str = ""

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.outcome == "ended"


class Hooks:
    """Runs hooks in threads of its own. A context manager; ``close`` waits for running hooks.

    Args:
        hooks: the hooks.
        timeout_s: how long a hook may take.
        before_switch_timeout_s: how long a hook of ``before-switch`` may take.
        max_output_bytes: how much of the output of a hook is kept.
        pass_environment: names of variables that executables get besides ``ENVIRONMENT``.
        environ: the source of these variables; by default the environment of this process.
        on_end: called after every run, in the hooks' thread.

    Raises:
        ConfigurationError: ``on_end`` is a coroutine function, which would never be awaited.
    """

    def __init__(
        self,
        hooks: Iterable[Hook] = (),
        *,
        timeout_s: float = 30.0,
        before_switch_timeout_s: float = 300.0,
        max_output_bytes: int = 16_384,
        pass_environment: Iterable[str] = (),
        environ: Mapping[str, str] | None = None,
        on_end: Callable[[HookEnd], object] | None = None,
    ) -> None:
        self.hooks = tuple(hooks)
        self.timeout_s = timeout_s
        self._before_switch_timeout_s = before_switch_timeout_s
        self._max_output_bytes = max_output_bytes
        allowed = (*ENVIRONMENT, *pass_environment)
        given = os.environ if environ is None else environ
        self._environment = {name: given[name] for name in allowed if name in given}
        if on_end is not None:
            refuse_unawaited(on_end, "on_end")
        self._on_end = on_end
        self._lane = Lane("eraswitch-hooks", self._run_next)
        self._refused = Lane("eraswitch-hooks-refused", self._run_next, limit=QUEUE_LENGTH)

    def __enter__(self) -> "Hooks":
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def take_over(self, other: "Hooks") -> None:
        """Run the hooks of ``other``, with its limits, from the next event on; waiting ones are finished."""
        self.hooks, self.timeout_s = other.hooks, other.timeout_s
        self._before_switch_timeout_s, self._max_output_bytes = other._before_switch_timeout_s, other._max_output_bytes
        self._environment = other._environment

    @property
    def dropped(self) -> int:
        """The number of runs of ``refused`` that were dropped because too many waited."""
        return self._refused.dropped

    def problems(self) -> tuple[str, ...]:
        """The hooks that could not be run now, each with the reason in words; they are logged too."""
        found = [(hook, hook.problem()) for hook in self.hooks]
        words = tuple(f"The hook {hook.event} {hook.name} cannot be run: {why}" for hook, why in found if why)
        for line in words:
            _log.error("%s", line)
        return words

    def fire(self, event: HookEvent, facts: Facts) -> int:
        """Run the hooks of ``event`` in the background, and return how many were accepted."""
        return sum(self._accept(hook, {"event": str(event), **facts}) for hook in self.hooks if hook.event is event)

    def wait(self, timeout_s: float | None = None, *, refused: bool = True) -> bool:
        """Wait until no hook runs or waits, and return whether that was in time.

        Args:
            timeout_s: how long to wait.
            refused: whether to wait for hooks of ``refused`` too, of which anyone can cause many.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        lanes = (self._lane, self._refused) if refused else (self._lane,)
        return all(lane.wait(None if until is None else max(0.0, until - time.monotonic())) for lane in lanes)

    def close(self, timeout_s: float | None = None) -> None:
        """Wait for running and waiting hooks, and end the threads. Calling it twice is fine.

        Args:
            timeout_s: how long to wait; by default the time limits of all of them together, and for hooks of
                ``refused`` the time limit of one.
        """
        left = self._lane.close(lambda count: self.timeout_s * max(1, count) + 1 if timeout_s is None else timeout_s)
        left += self._refused.close(lambda _count: self.timeout_s + 1 if timeout_s is None else timeout_s)
        if left:
            _log.warning("%d hook%s still waiting at the end, not run", left, " was" if left == 1 else "s were")

    def _accept(self, hook: Hook, facts: dict[str, object]) -> bool:
        lane = self._refused if hook.event is HookEvent.REFUSED else self._lane
        dropped = lane.dropped
        taken = lane.put((hook, facts))
        if lane.dropped > dropped:
            _log.error("The hook %s %s is not run: %d are waiting already", hook.event, hook.name, QUEUE_LENGTH)
        return taken

    def _timeout_of(self, hook: Hook) -> float:
        return self._before_switch_timeout_s if hook.event is HookEvent.BEFORE_SWITCH else self.timeout_s

    def _run_next(self, item: tuple[Hook, dict[str, object]]) -> None:
        end = self.run(*item)
        if self._on_end is not None:
            self._on_end(end)

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
            [str(program.absolute()), str(hook.event)],  # a bare name would be searched on the PATH
            json.dumps(facts, separators=(",", ":"), default=str).encode(),
            self._environment,
            timeout_s=self._timeout_of(hook),
            max_output_bytes=self._max_output_bytes,
        )
        output = end.output if end.error is None else end.error
        if end.printed_bytes > self._max_output_bytes:
            output += f" … ({end.printed_bytes} bytes in all, cut)"
        if end.code is None or end.timed_out:
            outcome = "timed out" if end.timed_out else "not started"
            return HookEnd(hook.event, hook.name, outcome, None, end.seconds, output)
        outcome = "killed" if end.code < 0 else "failed" if end.code else "ended"
        return HookEnd(hook.event, hook.name, outcome, end.code, end.seconds, output)

    def _call(self, hook: Hook, facts: Facts) -> HookEnd:
        """Call a callable in a thread of its own, because it may never return."""
        assert not isinstance(hook.run, Path)  # noqa: S101 - the caller checked
        call, raised, timeout_s = hook.run, list[BaseException](), self._timeout_of(hook)

        def guarded() -> None:
            try:
                result = call(hook.event, facts)
                if inspect.isawaitable(result):
                    asyncio.run(_awaited(result, timeout_s))
            except BaseException as error:  # SystemExit too, which would end the thread silently
                raised.append(kept(error))

        began = time.monotonic()
        thread = threading.Thread(target=guarded, name=f"eraswitch-hook-{hook.event}", daemon=True)
        thread.start()
        thread.join(timeout_s)
        took_s = time.monotonic() - began
        outcome, output = "ended", ""
        if thread.is_alive():
            outcome, output = "timed out", "it is abandoned"
        elif raised and isinstance(raised[0], TimeoutError) and took_s >= timeout_s:
            outcome, output = "timed out", "it is cancelled"
        elif raised:
            outcome, output = "raised", f"{type(raised[0]).__name__}: {raised[0]}"
        return HookEnd(hook.event, hook.name, outcome, None, took_s, output)


async def _awaited(result: Awaitable[object], timeout_s: float) -> None:
    await asyncio.wait_for(result, timeout_s)

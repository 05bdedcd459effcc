"""A program in a process whose wall clock can be stepped: ``python -m benchmarks.soak.stepped FILE MODULE:FUNCTION …``.

In: a file with the seconds by which the clock is wrong, read again five times a second; then an entry point and its
arguments. The clock of the machine, and that of every other process, stays as it is.
"""

import importlib
import sys
import time
from pathlib import Path

_TICK_S = 0.2


class _Stepped:
    """``time.time`` plus what the file says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._true = time.time
        self._step_s = 0.0
        self._look_s = 0.0

    def __call__(self) -> float:
        now_s = time.monotonic()
        if now_s >= self._look_s:
            self._look_s = now_s + _TICK_S
            self._step_s = float(self._path.read_text() or 0)
        return self._true() + self._step_s


if __name__ == "__main__":
    time.time = _Stepped(Path(sys.argv[1]))  # before anything of eraswitch is imported
    module, _, function = sys.argv[2].partition(":")
    sys.argv = sys.argv[2:]
    getattr(importlib.import_module(module), function)()

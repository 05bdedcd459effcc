"""Short pauses: thousands ask at once when an epoch begins, and none should wait for the work of another.

In: a service that is about to be served. Out: a process in which the event loop is held up for little at a time:

- A worker thread that computes lets the event loop go on after a tenth of a millisecond, not after five whole ones: it
  would otherwise lose as much at every packet it sends.
- What is there once the service has read, all the code above all, is no garbage and is not looked through for any. New
  objects are looked through by the 2,000, which takes a millisecond or two, and all of them a hundred times more
  seldom: often enough for cycles that outlived a first look, which would otherwise stay for the life of the process.

``python -m benchmarks --only serving.boundary`` shows what each of them is good for.
"""

import gc
import sys
from typing import Final

from era_service.service.changes import SNAPSHOT
from era_service.service.service import Service

SWITCH_INTERVAL_S: Final = 0.0001
THRESHOLDS: Final = (2_000, 10, 10)
READINGS: Final = 2
"""The snapshot that was remembered, and the first that is read: then all code is loaded."""


def keep_pauses_short(service: Service) -> None:
    """Tune this process, which does nothing but serve ``service``."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*THRESHOLDS)
    left = READINGS

    def freeze(kind: str) -> None:
        nonlocal left
        if kind != SNAPSHOT:
            return
        left -= 1
        gc.collect()
        gc.freeze()
        if left == 0:
            end()

    end = service.changes.listen(freeze)

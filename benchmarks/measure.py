"""Measures a ratio: subject and baseline in turn, several times, and the median of the ratios.

The garbage collector stays on, for what a measured call leaves to it is a cost of that call. What it walks is only what
the benchmark itself has made: neither what others have left, nor the modules that all of them together import.
"""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One figure.

    Attributes:
        name: ``group.what``.
        target: the ratio must not be larger.
        against: the baseline, in words.
        measure: does the work and returns the ratio.
    """

    name: str
    target: float
    against: str
    measure: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one benchmark."""

    benchmark: Benchmark
    ratio: float

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.ratio <= self.benchmark.target

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-ready facts."""
        asked = self.benchmark
        facts = {"name": asked.name, "ratio": round(self.ratio, 4), "target": round(asked.target, 4), "ok": self.ok}
        return facts | {"what": (asked.measure.__doc__ or "").partition("\n")[0], "against": asked.against}


def seconds(work: Work) -> float:
    """Seconds that ``work`` takes, begun without garbage of whatever ran before."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(subject: Work, baseline: Work, *, rounds: int) -> float:
    """The median over ``rounds`` of subject time divided by baseline time, each pair measured one after the other."""
    subject(), baseline()  # warm-up
    return statistics.median(seconds(subject) / seconds(baseline) for _ in range(rounds))


def run(benchmark: Benchmark) -> Result:
    """Measure one benchmark, with all that exists beforehand out of the garbage collector's way."""
    gc.collect()
    gc.freeze()
    return Result(benchmark, benchmark.measure())

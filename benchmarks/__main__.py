"""``python -m benchmarks [--only PREFIX …] [--out FILE]``: print every ratio and its target; exit 1 when one is missed.

With ``--out`` the results are in FILE as well, with machine and date. docs/benchmarks.md is made of ``RESULTS``.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import adoption, core, events, reading, rehearsing, serving, startup, thread, viewing, watching
from benchmarks.measure import Benchmark, Result, run
from benchmarks.place import place

ALL: tuple[Benchmark, ...] = (
    *events.BENCHMARKS,
    *core.BENCHMARKS,
    *startup.BENCHMARKS,
    *reading.BENCHMARKS,
    *thread.BENCHMARKS,
    *adoption.BENCHMARKS,
    *watching.BENCHMARKS,
    *rehearsing.BENCHMARKS,
    *serving.BENCHMARKS,
    *viewing.BENCHMARKS,
)


RESULTS = Path(__file__).with_name("results.json")
"""The last run that was kept."""


def main() -> int:
    """Measure the chosen benchmarks, print each result, and keep them all if ``--out`` names a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="PREFIX", nargs="+", default=[""], help="only those whose name begins so")
    parser.add_argument("--out", metavar="FILE", type=Path, help=f"keep the results; the docs show {RESULTS.name}")
    arguments = parser.parse_args()
    chosen = [benchmark for benchmark in ALL if benchmark.name.startswith(tuple(arguments.only))]
    if not chosen:
        names = ", ".join(benchmark.name for benchmark in ALL)
        parser.error(f"no benchmark begins with {' or '.join(arguments.only)}; there are {names}")
    where = place()
    results: list[Result] = []
    for benchmark in chosen:
        result = run(benchmark)
        results.append(result)
        mark = "ok" if result.ok else "MISSED"
        figures = f"{result.ratio:9.4f}  ≤ {benchmark.target:<6g} {mark:<7}"
        print(f"{benchmark.name:<22}{figures} of {benchmark.against}", flush=True)
        if arguments.out is not None:  # after each: a run that is stopped has kept what it measured
            arguments.out.write_text(json.dumps(document(where, results), indent=1, ensure_ascii=False) + "\n")
    return 0 if all(result.ok for result in results) else 1


def document(where: dict[str, str], results: list[Result]) -> dict[str, object]:
    """The record of a run: where and when it was, each result, and the benchmarks that it left out."""
    measured = {result.benchmark.name for result in results}
    return {
        "where": where,
        "results": [result.to_dict() for result in results],
        "left out": [benchmark.name for benchmark in ALL if benchmark.name not in measured],
    }


if __name__ == "__main__":
    sys.exit(main())

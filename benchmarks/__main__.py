"""``python -m benchmarks [--only PREFIX] [--json]``: print every ratio and its target; exit 1 when one is missed."""

import argparse
import json
import sys

from benchmarks import adoption, core, events, reading, rehearsing, serving, startup, thread, viewing, watching
from benchmarks.measure import Benchmark, run

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


def main() -> int:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="PREFIX", default="", help="only the benchmarks whose name begins so")
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    arguments = parser.parse_args()
    chosen = [benchmark for benchmark in ALL if benchmark.name.startswith(arguments.only)]
    if not chosen:
        names = ", ".join(benchmark.name for benchmark in ALL)
        parser.error(f"no benchmark begins with {arguments.only!r}; there are {names}")
    results = []
    for benchmark in chosen:
        result = run(benchmark)
        results.append(result)
        if not arguments.json:
            mark = "ok" if result.ok else "MISSED"
            figures = f"{result.ratio:9.4f}  ≤ {benchmark.target:<6g} {mark:<7}"
            print(f"{benchmark.name:<22}{figures} of {benchmark.against}", flush=True)
    if arguments.json:
        print(json.dumps([result.to_dict() for result in results]))
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())

"""The price of starting a node or a command, before it does anything, as whole processes."""

import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Benchmark, Work, ratio

ROUNDS = 15


def process(*arguments: str) -> Work:
    """Run a process to its end."""
    return lambda: subprocess.run(arguments, check=True, capture_output=True)


def era_list() -> float:
    """``eraswitch era list``, against importing the library that parses its arguments."""
    command = str(Path(sys.executable).with_name("eraswitch"))
    return ratio(process(command, "era", "list"), process(sys.executable, "-c", "import click"), rounds=ROUNDS)


def import_core() -> float:
    """``import eras, datum``, against an interpreter that does nothing."""
    return ratio(
        process(sys.executable, "-c", "import eras, datum"), process(sys.executable, "-c", "pass"), rounds=ROUNDS
    )


def use_core() -> float:
    """Making a checker and a key, not just importing their packages, against an interpreter that does nothing."""
    code = "from eras import EraChecker; EraChecker(); from datum import screen"
    return ratio(process(sys.executable, "-c", code), process(sys.executable, "-c", "pass"), rounds=ROUNDS)


BENCHMARKS = (
    Benchmark("startup.era_list", 3, 'python -c "import click"', era_list),
    Benchmark("startup.import_core", 4, "python -c pass", import_core),
    Benchmark("startup.use_core", 8, "python -c pass", use_core),
)

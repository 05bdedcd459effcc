"""Changes one operator at a time in the code that decides, and reports the changes that no test notices.

In: a seed and a number. Out: a line for each mutant that survives, and how many were killed. Mutants run in a copy of
the checkout, so that nothing here changes; the same seed over the same code gives the same mutants.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
VECTORS = {"ERASWITCH_VECTORS": os.environ.get("ERASWITCH_VECTORS", str(ROOT.parent / "shared" / "vectors"))}
"""A copy lies elsewhere, and a test that does not find its vectors notices nothing."""

TESTS = {
    "eras": ("tests/eras",),
    "datum": ("tests/datum",),
    "chain_reader/trust": ("tests/chain_reader", "--deselect=tests/chain_reader/test_trust_stateful.py"),
    "release_tools/adoption/gate.py": ("tests/release_tools",),
    "release_tools/forecasting": ("tests/release_tools",),
    "release_tools/transactions/balancing.py": ("tests/release_tools/test_transactions.py", "tests/ledger"),
}
"""The modules in which mutants are made, and the tests that must notice them."""

SWAPPED: dict[Any, Any] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
}  # fmt: skip
OTHER_NAME = {"max": "min", "min": "max", "any": "all", "all": "any"}
TIME_LIMIT_S = 300


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        path: the module, relative to the checkout.
        line: the line of the change.
        change: the change in words.
        source: the module with the change made.
        tests: the arguments of pytest that must notice it.
    """

    path: str
    line: int
    change: str
    source: str
    tests: tuple[str, ...]


def mutants_of(path: Path, tests: tuple[str, ...]) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    text = path.read_text(encoding="utf-8")
    for index, _ in enumerate(ast.walk(ast.parse(text))):
        tree = ast.parse(text)
        node = list(ast.walk(tree))[index]
        change = _change(node)
        if change is not None:
            line = getattr(node, "lineno", 0)
            yield Mutant(str(path.relative_to(ROOT)), line, change, ast.unparse(tree) + "\n", tests)


def _change(node: ast.AST) -> str | None:
    """Change a node in place; returns the change in words, or ``None`` where there is nothing to change."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        old = node.ops[0]
        node.ops[0] = SWAPPED[type(old)]()
        return f"{type(old).__name__} → {type(node.ops[0]).__name__}"
    if isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in SWAPPED:
        old_op = node.op
        node.op = SWAPPED[type(old_op)]()
        return f"{type(old_op).__name__} → {type(node.op).__name__}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OTHER_NAME:
        name, node.func.id = node.func.id, OTHER_NAME[node.func.id]
        return f"{name} → {node.func.id}"
    if isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
        return "branches of a conditional expression swapped"
    return None


def is_noticed(mutant: Mutant, copy: Path) -> bool:
    """Whether a test fails, or hangs, with the change made in the copy."""
    target = copy / mutant.path
    before = target.read_text(encoding="utf-8")
    target.write_text(mutant.source, encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests],
            cwd=copy, capture_output=True, timeout=TIME_LIMIT_S, check=False, env={**os.environ, **VECTORS},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True
    finally:
        target.write_text(before, encoding="utf-8")
    return done.returncode != 0


def main() -> int:
    """Draw mutants and run them; exit code 1 where one survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only modules whose path begins so")
    asked = parser.parse_args()
    everything: list[Mutant] = []
    for place, tests in TESTS.items():
        found = ROOT / place
        for path in sorted(found.rglob("*.py")) if found.is_dir() else [found]:
            if path.name != "__init__.py" and str(path.relative_to(ROOT)).startswith(asked.only):
                everything += mutants_of(path, tests)
    drawn = random.Random(asked.seed).sample(everything, min(asked.number, len(everything)))
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "artifacts")
        shutil.copytree(ROOT, copy, ignore=ignored, symlinks=True)
        for number, mutant in enumerate(sorted(drawn, key=lambda one: (one.path, one.line)), start=1):
            noticed = is_noticed(mutant, copy)
            survivors += not noticed
            if not noticed:
                print(f"survived: {mutant.path}:{mutant.line}: {mutant.change}", flush=True)
            elif number % 20 == 0:
                print(f"{number} of {len(drawn)} mutants run, {survivors} survived", file=sys.stderr, flush=True)
    print(f"{len(drawn) - survivors} of {len(drawn)} mutants killed, of {len(everything)}; seed {asked.seed}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())

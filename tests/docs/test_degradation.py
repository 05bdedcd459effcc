"""The table of what still works when something is gone: each line names a test that looks for what it says."""

import ast
import re

from tests.conftest import ROOT

TEST = re.compile(r"`(tests/[\w/]+\.py)::((?:Test\w+::)?test_\w+)`")
GONE = (
    "the provider", "half of the providers", "the database", "space on", "the right to write", "the right time",
    "the network between", "the leader", "suspended", "memory",
)  # fmt: skip


def test_every_line_of_the_table_is_a_test_that_looks_for_what_is_said():
    part = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("## What still works")[2]
    rows = [line.strip("| ").split(" | ") for line in part.partition("\n## ")[0].splitlines() if line.startswith("|")]
    rows = rows[2:]
    assert [what for what in GONE if not any(what in row[0] for row in rows)] == []
    for gone, _works, said, status, _back, test in rows:
        named = TEST.fullmatch(test)
        assert named is not None, f"{gone}: {test}"
        source = (ROOT / named[1]).read_text(encoding="utf-8")
        assert named[2] in _tests(source), f"{gone}: {test}"
        helpers = re.findall(r"^from (tests[\w.]+) import", source, flags=re.MULTILINE)
        source += "".join((ROOT / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8") for name in helpers)
        words = [part.strip() for text in re.findall(r"`([^`]+)`", said + status) for part in text.split("…")]
        assert [one for one in words if one not in source] == [], f"{gone}: {test} does not look for them"


def _tests(source: str) -> set[str]:
    """The tests of a module by the names that pytest takes."""
    found = set()
    for node in ast.parse(source).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {prefix + one.name for one in inside if isinstance(one, ast.FunctionDef)}
    return found

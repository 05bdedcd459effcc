"""The table of what still works when something is gone: each line names a test that exists."""

import ast
import re

from tests.conftest import ROOT

LINE = re.compile(r"^\|(?:[^|]*\|){5} `(tests/[\w/]+\.py)::(\w+)` \|$")


def test_every_line_of_the_table_names_a_test_that_exists():
    part = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("## What still works")[2]
    rows = [line for line in part.partition("\n## ")[0].splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 10
    for row in rows:
        named = LINE.match(row)
        assert named is not None, row
        path, name = named.groups()
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"

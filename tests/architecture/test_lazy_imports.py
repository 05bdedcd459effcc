"""Imports stand at the top of their modules; where one stands in a function, it is for what it would cost to load.

Commands are loaded when they are called, and front doors load a name when it is used; so a module may import what it
needs. Within functions there are: libraries that a part of eraswitch may lack or that take long to load (pycardano,
scipy, sqlalchemy, uvicorn, prometheus_client, opentelemetry), what loads those, and what ``--help``, ``status``,
``watch``, ``era``, ``datum`` and ``config`` do without. The figures may fall, and not rise.
"""

import ast
from collections import Counter

from tests.architecture.test_imports import PATHS
from tests.architecture.trees import nodes

IN_FUNCTIONS = {
    "chain_reader.local_chain": 1,
    "chain_reader.providers": 12,
    "datum.keys": 6,
    "datum.screening": 1,
    "era_service.cli": 50,
    "era_service.config": 5,
    "era_service.ingest_progress": 2,
    "era_service.logs": 1,
    "era_service.node": 1,
    "era_service.releasing": 1,
    "era_service.telemetry": 1,
    "era_service.wiring": 2,
    "era_store.installation": 1,
    "era_store.records": 2,
    "era_store.sql": 2,
    "eras.events": 1,
    "release_tools.adoption": 1,
    "release_tools.forecasting": 3,
    "release_tools.keys": 5,
    "release_tools.transactions": 12,
}
"""Module, or package → imports within its functions."""

FOR_TYPE_CHECKERS = 50
"""Names that are imported for type checkers only."""


def _inside(module: str) -> int:
    written = nodes(PATHS[module])
    functions = [node for node in written if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return sum(
        any(function.lineno <= node.lineno <= (function.end_lineno or 0) for function in functions)
        for node in written
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def test_imports_within_functions_stand_where_they_are_known_and_do_not_become_more() -> None:
    found: Counter[str] = Counter()
    for module in PATHS:
        found[".".join(module.split(".")[:2])] += _inside(module)
    more = {place: count for place, count in found.items() if count > IN_FUNCTIONS.get(place, 0)}
    assert more == {}, "import at the top of the module, or in the one that loads what is heavy"


def test_imports_for_type_checkers_do_not_become_more() -> None:
    found = sum(
        len(node.names)
        for module in PATHS
        for branch in nodes(PATHS[module])
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in branch.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    assert found <= FOR_TYPE_CHECKERS

"""The pins of dependencies have reasons; when a reason is gone, a test says so."""

import ast
import tomllib
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
DROPPED_BY_CBOR2_6 = {"CBORDecodeValueError", "FrozenDict"}


def pinned() -> set[str]:
    """Every requirement that excludes newer versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = [Requirement(text) for part in project["optional-dependencies"].values() for text in part]
    found += [Requirement(text) for text in project["dependencies"]]
    return {str(one) for one in found if any(bound.operator in ("==", "<", "<=", "~=") for bound in one.specifier)}


def test_every_pin_is_in_the_page_on_dependencies() -> None:
    page = (ROOT / "docs/contributing/dependencies.md").read_text()
    assert pinned() == {"pycardano==0.19.2", "cbor2<6,>=5.6"}
    for pin in ("pycardano==0.19.2", "cbor2<6"):
        assert f"| `{pin}` |" in page


def imported_from_cbor2(package: str) -> set[str]:
    """The names that the modules of an installed package import from ``cbor2``."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return {
        alias.name
        for module in Path(spec.origin).parent.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "cbor2"
        for alias in node.names
    }


def test_cbor2_is_held_back_for_as_long_as_pycardano_needs_it() -> None:
    """If this fails, pycardano no longer needs what ``cbor2`` 6 has dropped: drop the bound in pyproject.toml."""
    needed = imported_from_cbor2("pycardano") | imported_from_cbor2("cbor2pure")
    assert needed & DROPPED_BY_CBOR2_6, "the bound cbor2<6 may go"

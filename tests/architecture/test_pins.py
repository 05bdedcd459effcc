"""The pins of dependencies have reasons; when a reason is gone, a test says so."""

import tomllib
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


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


def test_cbor2_is_held_back_for_as_long_as_pycardano_needs_it() -> None:
    """``cbor2pure`` imports private names of ``cbor2`` 5; if this fails, try to drop the bound in pyproject.toml."""
    spec = find_spec("cbor2pure")
    assert spec is not None
    assert spec.origin is not None
    assert "from cbor2 import" in Path(spec.origin).read_text(), "the bound cbor2<6 may go"

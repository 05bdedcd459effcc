"""How the front door of a package opens: by name, when it is asked."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from eras.front_door import front_door

PACKAGE = "a_package_with_a_front_door"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package of two modules, of which one imports what is not installed."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "light.py").write_text("SHOWN = object()\n")
    (folder / "heavy.py").write_text("import a_package_that_is_not_installed\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = __import__(PACKAGE)
    homes = {f"{PACKAGE}.light": ["SHOWN"], f"{PACKAGE}.heavy": ["Heavy"]}
    made.__getattr__ = front_door(PACKAGE, homes)  # type: ignore[method-assign]
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_a_name_is_loaded_once_when_it_is_first_used(package: ModuleType) -> None:
    assert f"{PACKAGE}.light" not in sys.modules
    first = package.SHOWN
    assert vars(package)["SHOWN"] is first is package.SHOWN
    assert f"{PACKAGE}.heavy" not in sys.modules


def test_all_names_are_listed_before_they_are_loaded(package: ModuleType) -> None:
    assert {"SHOWN", "Heavy"} <= set(dir(package))
    assert "SHOWN" not in vars(package)


def test_an_unknown_name_is_refused_in_pythons_words(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=rf"module '{PACKAGE}' has no attribute 'missing'"):
        _ = package.missing


def test_a_part_that_is_not_installed_is_named_with_what_to_do(package: ModuleType) -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        _ = package.Heavy
    (note,) = caught.value.__notes__
    assert f"{PACKAGE}.Heavy needs more than the base installation" in note
    assert "requires a_package_that_is_not_installed" in note

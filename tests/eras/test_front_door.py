"""How the front door of a package opens: by name, when it is asked."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from shutil import make_archive
from types import ModuleType

import pytest

PACKAGE = "a_package_with_a_front_door"


OPENED = "from eras.front_door import front_door\n__all__, __getattr__, __dir__ = front_door(__name__)\n"
LISTED = (("light", "shown"), ("light", "Shown"), ("light", "SHOWN"), ("heavy", "Heavy"))


@pytest.fixture(params=["folder", "zip file"])
def package(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package of two modules, of which one imports what is not installed."""
    folder = tmp_path / "source" / PACKAGE
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(OPENED)
    (folder / "__init__.pyi").write_text(
        "".join(f"from {PACKAGE}.{module} import {name} as {name}\n" for module, name in LISTED)
    )
    (folder / "light.py").write_text("shown = Shown = SHOWN = object()\n")
    (folder / "heavy.py").write_text("import a_package_that_is_not_installed\n")
    place = str(folder.parent)
    monkeypatch.syspath_prepend(make_archive(place, "zip", place) if request.param == "zip file" else place)
    made = import_module(PACKAGE)
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_a_name_is_loaded_once_when_it_is_first_used(package: ModuleType) -> None:
    assert f"{PACKAGE}.light" not in sys.modules
    first = package.SHOWN
    assert vars(package)["SHOWN"] is first is package.SHOWN
    assert f"{PACKAGE}.heavy" not in sys.modules


def test_all_names_are_listed_before_they_are_loaded(package: ModuleType) -> None:
    assert package.__all__ == ["SHOWN", "Heavy", "Shown", "shown"], "constants, then classes, then functions"
    assert {"__name__", *package.__all__} <= set(dir(package))
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


def test_a_door_without_its_list_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text(OPENED)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError, match="lists its public names, and cannot be read") as caught:
        import_module(PACKAGE)
    assert caught.value.path == str(folder / "__init__.pyi")
    assert "Install eraswitch again; what packs it into one file has to take the .pyi files along" in str(caught.value)
    assert PACKAGE not in sys.modules

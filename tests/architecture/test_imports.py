"""Which way imports point, what the pure packages may not touch, and that every front door is what it says."""

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.trees import nodes, tree

ROOT = Path(__file__).resolve().parents[2]
PICTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
FOLDERS = {
    package: tuple(folder.replace("/", ".") for folder in folders)
    for package, *folders in map(str.split, PICTURE.splitlines())
}
"""The picture of the house: a package imports those below it, and a folder those before it. Other modules are free."""
ORDER = tuple(reversed(FOLDERS))
PACKAGES = ORDER
DOORS = tuple(
    ".".join(path.parent.relative_to(ROOT).parts)
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("__init__.pyi"))
)
PURE = ("eras", "datum")
IMPURE = {
    "aiohttp", "asyncio", "blockfrost", "click", "ctypes", "datetime", "glob", "http", "httpx", "io", "multiprocessing",
    "ogmios", "pathlib", "pycardano", "random", "requests", "secrets", "select", "shutil", "socket", "sqlalchemy",
    "sqlite3", "ssl", "subprocess", "tempfile", "time", "urllib", "uuid", "websockets",
}  # fmt: skip


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def written(path: Path) -> tuple[ast.AST, ...]:
    """What a module consists of; the imports of a front door stand in the file for type checkers."""
    stub = path.with_suffix(".pyi")
    return nodes(path) + (nodes(stub) if stub.exists() else ())


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in written(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) in ("__import__", "import_module"):
            names |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    return {name.split(".")[0] for name in names}


def test_the_picture_has_every_package_that_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert sorted(PACKAGES) == sorted(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package):
    above = set(ORDER[ORDER.index(package) + 1 :])
    back = {str(path.relative_to(ROOT)): sorted(imported(path) & above) for path in modules(package)}
    assert {path: names for path, names in back.items() if names} == {}


PATHS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in modules(package)
}


def imported_names(module: str) -> set[tuple[str, str]]:
    """Every import of a module, within functions and for type checkers too: where from, and which name."""
    found: set[tuple[str, str]] = set()
    for node in written(PATHS[module]):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found |= {(node.module or "", alias.name) for alias in node.names}
    return found


HOMES = {(door, name): home for door in DOORS for home, name in imported_names(door) if home in PATHS}
"""Where a front door has a name from, which may be another front door."""


def home_of(module: str, name: str) -> str:
    """The module that an import really is of: a submodule, or what a front door has the name from."""
    if f"{module}.{name}" in PATHS:
        return f"{module}.{name}"
    while (module, name) in HOMES:
        module = HOMES[module, name]
    return module


def arrows() -> dict[str, set[str]]:
    """Module → the modules that it imports, front doors left out."""
    left = {module: {home_of(*one) for one in imported_names(module)} for module in PATHS.keys() - set(DOORS)}
    return {module: (names & left.keys()) - {module} for module, names in left.items()}


def test_no_modules_import_each_other_in_a_circle():
    left = arrows()
    assert sum(map(len, left.values())) > 1_000, "imports are found"
    while free := [module for module, names in left.items() if not names & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}, "these import each other, or what does"


def folder_of(module: str) -> tuple[str, int | None]:
    """The package of a module, and where its folder stands in the order; ``None`` beside the folders."""
    package, _, place = module.partition(".")
    standing = [one for one in FOLDERS[package] if f"{place}.".startswith(f"{one}.") and place != one]
    return package, FOLDERS[package].index(max(standing, key=len)) if standing else None


def test_folders_import_those_before_them():
    folders = {path.relative_to(ROOT).parts[:2] for path in PATHS.values() if len(path.relative_to(ROOT).parts) > 2}
    assert {(package, one.partition(".")[0]) for package in FOLDERS for one in FOLDERS[package]} == folders
    back = []
    for module, names in arrows().items():
        package, place = folder_of(module)
        for name in names:
            other, its = folder_of(name)
            if package == other and place is not None and its is not None and its > place:
                back.append(f"{module} imports {name}")
    assert sorted(back) == []


@pytest.mark.parametrize("package", PURE)
def test_the_pure_packages_do_no_io_and_read_no_clock(package):
    found = {str(path.relative_to(ROOT)): sorted(imported(path) & IMPURE) for path in modules(package)}
    assert {path: names for path, names in found.items() if names} == {}
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules(package)
        for node in nodes(path)
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in ("open", "print", "input", "exec", "eval")
    ]
    assert calls == []


def test_eras_has_no_cryptography():
    assert all("nacl" not in imported(path) for path in modules("eras"))


def order(name: str) -> tuple[int, str]:
    """Where a public name stands: constants, then classes, then functions, as ruff sorts ``__all__``."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name


@pytest.mark.parametrize("package", DOORS)
def test_the_front_door_is_sorted_and_every_name_opens(package):
    module = importlib.import_module(package)
    names = list(module.__all__)
    assert len(names) == len(set(names))
    assert names == sorted(names, key=order)
    assert set(names) <= set(dir(module)), "a shell completes them"
    for name in names:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError):
        _ = module.no_such_name


def test_a_package_that_is_missing_says_what_brings_it(monkeypatch):
    """On the base installation the store's database is not there."""
    import era_store

    monkeypatch.delitem(vars(era_store), "open_store", raising=False)
    monkeypatch.delitem(sys.modules, "era_store.sql.store", raising=False)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.delitem(sys.modules, "era_store.sql.database", raising=False)
    with pytest.raises(ModuleNotFoundError) as caught:
        _ = era_store.open_store
    (note,) = caught.value.__notes__
    assert note.startswith("era_store.open_store needs more than the base installation: install the part")
    assert "requires sqlalchemy" in note


@pytest.mark.parametrize("package", DOORS)
def test_a_door_is_its_list_and_type_checkers_read_what_runs(package):
    """Beside its words a door has the one line that opens it; each line of the list shows one name."""
    folder = ROOT / package.replace(".", "/")
    _, helper, opened = tree(folder / "__init__.py").body
    assert ast.unparse(helper) == "from eras.front_door import front_door"
    assert ast.unparse(opened) == "__all__, __getattr__, __dir__ = front_door(__name__)"
    module = importlib.import_module(package)
    homes = {}
    for line in tree(folder / "__init__.pyi").body:
        assert isinstance(line, ast.ImportFrom)
        (one,) = line.names
        assert ast.unparse(line) == f"from {line.module} import {one.name} as {one.name}", "type checkers re-export it"
        homes[one.name] = line.module
    assert set(homes) == set(module.__all__)
    for name, home in homes.items():
        assert getattr(importlib.import_module(home), name) is getattr(module, name), name


@pytest.mark.parametrize("package", DOORS)
def test_no_public_name_is_that_of_a_module_too(package):
    """Whoever imports that module first puts it in the place of what the name should be."""
    folder = ROOT / package.replace(".", "/")
    assert not {path.stem for path in folder.iterdir()} & set(importlib.import_module(package).__all__)


def test_no_module_is_a_hall():
    """A module is a room: beyond 500 lines it wants to be two."""
    lines = {
        str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for package in PACKAGES for p in modules(package)
    }
    assert {path: count for path, count in lines.items() if count > 500} == {}


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import eras, datum", ["dataclasses", "json", "nacl", "pydantic"]),
        ("import chain_reader", ["pydantic", "pycardano", "requests", "websockets", "sqlite3", "nacl"]),
        ("from chain_reader import TrustedReader", ["sqlalchemy", "alembic", "pycardano", "sqlite3", "websockets"]),
        ("from era_service.cli import main", ["pydantic", "pycardano", "structlog", "sqlalchemy", "rich", "requests"]),
    ],
)
def test_start_up_loads_nothing_heavy(statement, forbidden):
    code = f"{statement}\nimport sys\nprint(*[name for name in {forbidden} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []


def test_a_command_loads_no_client_that_only_pycardano_would_use():
    code = "import sys\nfrom era_service.cli import main\nmain()\nimport pycardano\npycardano.TransactionBuilder\n"
    code += "print(*{'docker', 'ogmios', 'websocket'} & {*sys.modules})"
    command = [sys.executable, "-c", code, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[1:] == [""]

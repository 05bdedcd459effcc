"""The files of SQLite databases are opened by SQLite only: a raw descriptor of one, once closed, drops SQLite's locks.
Folders are made by ``era_store/drafts.py`` only, which removes them again where what they are for fails.

``era_store/sqlite_files.py`` has the reason. In a module that has to do with databases, each call that may open a file
names in a comment ``# raw: …`` what it opens, so that whoever adds one thinks of it.
"""

import ast
import re
from collections.abc import Iterable

import pytest

from tests.architecture.test_imports import PACKAGES, ROOT, modules
from tests.architecture.trees import nodes

DATABASES = re.compile(r"sqlite|\bStore\b|\bopen_store\b|\bLocalChain\b", re.IGNORECASE)
RAW_METHODS = {
    "chmod", "copy2", "copyfile", "copyfileobj", "copytree", "fdopen", "fchmod", "read_bytes", "read_text", "sendfile",
    "write_bytes", "write_text",
}  # fmt: skip


def is_raw(call: ast.Call) -> bool:
    """Whether a call opens, copies or changes a file past SQLite: ``os.open``, ``path.read_bytes`` and so on."""
    name = call.func
    if isinstance(name, ast.Name):
        return name.id in ("open", "copy2", "copyfile", "copytree")
    if not isinstance(name, ast.Attribute):
        return False
    if name.attr == "copy":
        return isinstance(name.value, ast.Name) and name.value.id == "shutil"
    if name.attr != "open":
        return name.attr in RAW_METHODS
    # ``SomeClass.open(…)`` is a class method of ours; a path, a module or a call that gives a path is not.
    return not (isinstance(name.value, ast.Name) and name.value.id[:1].isupper() and name.value.id != "Path")


def raw_calls(text: str, found: Iterable[ast.AST]) -> list[int]:
    lines = text.splitlines()
    return [
        node.lineno
        for node in found
        if isinstance(node, ast.Call)
        and is_raw(node)
        and not any("# raw: " in line for line in lines[node.lineno - 1 : node.end_lineno])
    ]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("os.close(os.open(path, os.O_RDWR))", 1),
        ("with path.open('rb') as file: pass", 1),
        ("with open(path) as file: pass", 1),
        ("Path(url).read_bytes()", 1),
        ("shutil.copyfile(path, other)", 1),
        ("os.chmod(path, 0o600)", 1),
        ("path.open('rb')  # raw: a lock beside the store", 0),
        ("LocalChain.open(path)", 0),
        ("sqlite3.connect(path)", 0),
        ("path.stat()", 0),
    ],
)
def test_raw_calls_are_recognised(code: str, found: int) -> None:
    assert len(raw_calls(code, ast.walk(ast.parse(code)))) == found


def test_modules_that_know_databases_open_no_file_unseen() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for package in PACKAGES
        for path in modules(package)
        if DATABASES.search(text := path.read_text())
        for line in raw_calls(text, nodes(path))
    }
    assert found == set(), "say with `# raw: …` what is opened there; a database never may be"


def test_folders_are_made_where_a_failure_removes_them_again() -> None:
    making = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in modules(package)
        if re.search(r"\.(mkdir|makedirs)\(", path.read_text())
    }
    assert making == {"era_store/drafts.py"}, "call new_folder, which leaves no empty folder behind"

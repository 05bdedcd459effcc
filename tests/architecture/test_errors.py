"""The errors of all packages together: each code is that of one class."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from importlib import import_module
from pkgutil import walk_packages

import pytest

from eras import ChainReadError, ConfigurationError, EraSwitchError, MarkerError, StoreError
from eras.error_codes import ERROR_CODES
from tests.architecture.test_imports import PACKAGES, ROOT, modules
from tests.architecture.trees import nodes

SHELL_CODES = ("Usage", "Unexpected")
"""What the boundary of the command line gives to errors that have no class of ours."""


def every_error_class() -> list[type[EraSwitchError]]:
    for package in PACKAGES:
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    found: list[type[EraSwitchError]] = []
    waiting = [EraSwitchError]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if cls.__module__.partition(".")[0] in PACKAGES:
            found.append(cls)
    return found


def test_the_code_of_an_error_is_of_one_class_alone():
    homes: dict[str, set[str]] = defaultdict(set)
    for cls in every_error_class():
        homes[cls.code].add(f"{cls.__module__}.{cls.__qualname__}")
    for code in SHELL_CODES:
        homes[code].add("the command line")
    assert {code: sorted(where) for code, where in homes.items() if len(where) > 1} == {}


def registered_uses() -> Counter[str]:
    """How often each code stands at an error that is raised with it."""
    return Counter(
        keyword.value.value
        for package in PACKAGES
        for path in modules(package)
        for node in nodes(path)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    )


def test_the_registry_has_each_code_that_is_used_and_no_other() -> None:
    assert set(registered_uses()) == set(ERROR_CODES)
    assert not set(ERROR_CODES) & {cls.code for cls in every_error_class()}


def test_a_registered_code_brings_its_statuses() -> None:
    for entry in ERROR_CODES.values():
        error = ConfigurationError("What", code=entry.code)
        assert (error.code, error.http_status, error.exit_code) == (entry.code, entry.http_status, entry.exit_code)
        assert error.to_dict()["code"] == entry.code
        assert entry.meaning.endswith(".")
        assert entry.advice.endswith(".")
    with pytest.raises(KeyError):
        ConfigurationError("What", code="NobodyRegisteredThis")


def test_verdicts_are_told_apart_by_their_class_and_never_by_a_text() -> None:
    """A tag in a text is for whoever reads JSON, metrics and the log; the program compares classes."""
    by_text = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in PACKAGES
        for path in modules(package)
        for node in nodes(path)
        if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith("verdict.name")
    ]
    assert by_text == []


def test_what_no_look_at_the_configuration_mends_has_an_advice_of_its_own() -> None:
    advice = {entry.code: entry.advice for entry in ERROR_CODES.values()}
    advice |= {cls.code: cls.advice for cls in every_error_class()}
    about_keys = {code for code in advice if re.search("Passphrase|Encrypted|Signer", code)}
    assert len(about_keys) >= 5
    assert [code for code in about_keys if advice[code] == ConfigurationError.advice] == []


FITTING = {
    ChainReadError: {
        "Agreement",
        "ChainRead",
        "MarkerOutputMissing",
        "TruncatedAnswer",
        "UnexpectedAnswer",
        "UnsteadyAnswer",
    }
    | {f"Provider{how}" for how in ("Banned", "Busy", "Failed", "NotFound", "QuotaExceeded", "RateLimited", "Syncing")}
    | {"ProviderTimeout", "ProviderUnreachable"},
    MarkerError: {
        "CurrentEraNotFound",
        "DatumFormat",
        "Marker",
        "NothingTrusted",
        "PayloadFormat",
        "SignatureMismatch",
    },
    StoreError: {"EventLogDamaged", "Store", "StoreDamaged"},
}
"""The codes that the general advice of their family helps."""


@pytest.mark.parametrize("family", FITTING)
def test_no_advice_is_a_step_that_cannot_help(family: type[EraSwitchError]) -> None:
    advice = {entry.code: entry.advice for entry in ERROR_CODES.values()}
    advice |= {cls.code: cls.advice for cls in every_error_class()}
    assert {code for code, words in advice.items() if words == family.advice} == FITTING[family]


def test_a_private_helper_that_makes_an_error_has_a_name_that_no_other_has() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for package in PACKAGES:
        for path in modules(package):
            for node in nodes(path):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("_") and node.returns is not None:
                    returned = ast.unparse(node.returns)
                    if returned.endswith("Error"):
                        homes[node.name].add(f"{path.relative_to(ROOT)} ({returned})")
    assert homes
    assert {name: sorted(where) for name, where in homes.items() if len(where) > 1} == {}


def kept_whole(found: Iterable[ast.AST]) -> list[int]:
    """The lines that keep a caught error beyond its handling, traceback and all."""
    return sorted(
        name.lineno
        for handler in found
        if isinstance(handler, ast.ExceptHandler) and handler.name
        for parent in ast.walk(handler)
        if keeps(parent)
        for name in ast.iter_child_nodes(parent)
        if isinstance(name, ast.Name) and name.id == handler.name and isinstance(name.ctx, ast.Load)
    )


def keeps(node: ast.AST) -> bool:
    is_appended = isinstance(node, ast.Call) and getattr(node.func, "attr", None) in ("append", "put", "add")
    kinds = (ast.Assign, ast.AnnAssign, ast.Return, ast.Tuple, ast.List, ast.Dict)
    return is_appended or isinstance(node, kinds) or (isinstance(node, ast.keyword) and node.arg == "error")


@pytest.mark.parametrize("package", PACKAGES)
def test_an_error_is_kept_without_its_frames(package: str) -> None:
    """Commands are left out: their process ends, and its own traceback is shown with ``--debug``."""
    lines = {
        path.relative_to(ROOT).as_posix(): kept_whole(nodes(path))
        for path in modules(package)
        if "cli" not in path.parts
    }
    assert {path: found for path, found in lines.items() if found} == {}, "use eras.errors.kept"


@pytest.mark.parametrize(
    ("handling", "is_whole"),
    [
        ("failed = error", True),
        ("failed, reading = error, None", True),
        ("return error", True),
        ("self.calls.append(error)", True),
        ("f(error=error)", True),
        ("failed = kept(error)", False),
        ("f(error=kept(error))", False),
        ("words = str(error)", False),
        ("raise Other(error.what) from error", False),
    ],
)
def test_an_error_that_is_kept_whole_is_found(handling: str, is_whole: bool) -> None:
    code = f"def f():\n  try: ...\n  except OSError as error:\n    {handling}"
    assert kept_whole(ast.walk(ast.parse(code))) == [4] * is_whole

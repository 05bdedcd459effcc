"""The errors of all packages together: each code is that of one class."""

from collections import defaultdict
from importlib import import_module
from pkgutil import walk_packages

from eras import EraSwitchError
from tests.architecture.test_imports import PACKAGES

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

"""An error has a class of its own only where something tells it apart; every other one is in the registry of codes."""

import re
from importlib import import_module

from tests.architecture.test_imports import DOORS, PACKAGES, ROOT, modules

_CLASS = re.compile(r"^class (\w+)\((\w+)\):\n((?:\n| +.*\n)*)", re.MULTILINE)
_OWN = re.compile(r"def __init__|is_permanent|^    \w+: ", re.MULTILINE)
_IMPORT = re.compile(r"^ *from [\w.]+ import (?:\([^)]*\)|.*)", re.MULTILINE)
_CAUGHT = re.compile(r"\b(?:except|isinstance|case)\b(?:[^\n]*?\([^()]*\)|.*)")
_VALUE = re.compile(
    r"(?:[=,(\[{|]|[\d\"')]:|\b(?:if|else|is|return))\s*(\w+Error)\s*(?:[,)\]}|]|\.exit_code|if\b|else\b|$)",
    re.MULTILINE,
)
"""A class that is handed on, compared or chosen, and not only called."""


def test_an_error_has_a_class_of_its_own_only_where_something_tells_it_apart() -> None:
    """Whoever adds a class that nobody catches, inherits, hands on or shows to embedders registers a code instead."""
    texts = [_IMPORT.sub("", path.read_text()) for package in PACKAGES for path in modules(package)]
    classes = [found for text in texts for found in _CLASS.findall(text)]
    errors = {"EraSwitchError"}
    while found := {name for name, base, _ in classes if base in errors} - errors:
        errors |= found
    assert len(errors) > 60
    apart = {name for door in DOORS for name in import_module(door).__all__} | {base for _, base, _ in classes}
    apart |= {word for page in (ROOT / "docs").rglob("*.md") for word in re.findall(r"`(\w+Error)`", page.read_text())}
    for text in texts:
        apart.update(word for caught in _CAUGHT.findall(text) for word in re.findall(r"\w+", caught))
        apart.update(_VALUE.findall(text))
    assert sorted(name for name, _, body in classes if name in errors - apart and not _OWN.search(body)) == []

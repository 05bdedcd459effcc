"""What is wrong in a configuration: pydantic's findings, and our own, in an operator's words."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from era_service.config.records import is_secret, keys_beside
from era_store.redaction import mask_url
from eras import ConfigurationError

if TYPE_CHECKING:
    from era_service.config.loaded import LoadedSettings

EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "missing": "a value",
    "path_type": "the path of a file",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "string_too_short": "a text that is not empty",
}
"""What was expected, by pydantic's type of error; the others say it in their context or message."""

BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


@dataclass(frozen=True, slots=True)
class ConfigMistake:
    """One mistake.

    Attributes:
        key: the setting, file or variable that is wrong.
        expected: what would have been right.
        got: what was there; never a secret.
        nearest: the right name or value that is nearest to what was there, if one is near.
        origin: where it was said (``file PATH``, ``environment NAME``, ``flag --x``).
    """

    key: str
    expected: str
    got: str
    nearest: str | None = None
    origin: str = ""

    def __str__(self) -> str:
        where = f" ({self.origin})" if self.origin else ""
        hint = f". Did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.key}{where}: expected {self.expected}, got {self.got}{hint}"

    def located(self, origins: Mapping[str, str]) -> "ConfigMistake":
        """The mistake with the origin of its value, or of the list or table that the value is in."""
        key = self.key
        while key and key not in origins:
            key = key.rpartition(".")[0]
        return self if self.origin else replace(self, origin=origins.get(key, ""))

    def to_dict(self) -> dict[str, Any]:
        """The mistake as JSON has it."""
        return asdict(self)


class InvalidConfigurationError(ConfigurationError):
    """The configuration has mistakes.

    Attributes:
        mistakes: all that were found.
        rest: what is loaded without the mistaken settings, to look for more mistakes in, where that can be.
    """

    def __init__(
        self,
        mistakes: tuple[ConfigMistake, ...],
        rest: "LoadedSettings | None" = None,
        *,
        config: str | PathLike[str] | None = None,
    ) -> None:
        self.mistakes = mistakes
        self.rest = rest
        listed = "".join(f"\n  {mistake}" for mistake in mistakes)
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(
            f"The configuration has {count}:{listed}\n",
            next_step="Correct it, then run: eraswitch config check"
            + ("" if config is None else f" --config {shlex.quote(str(config))}"),
            mistakes=[mistake.to_dict() for mistake in mistakes],
        )

    def _message(self) -> str:
        return f"{self.what}{self.next_step}"


def mistakes_of(error: ValidationError) -> list[ConfigMistake]:
    """Every finding of pydantic as a mistake, not yet located."""
    return [_mistake_of(finding) for finding in error.errors(include_url=False)]


def _mistake_of(finding: Any) -> ConfigMistake:
    path = tuple(str(part) for part in finding["loc"])
    key, kind, value = ".".join(path), finding["type"], finding["input"]
    nearest = None
    if kind == "extra_forbidden":
        near = get_close_matches(path[-1], keys_beside(path), n=1)
        nearest = ".".join((*path[:-1], *near)) if near else None
    elif kind == "literal_error" and isinstance(value, str):
        allowed = re.findall(r"'([^']*)'", finding["ctx"]["expected"])
        nearest = next(iter(get_close_matches(value, allowed, n=1)), None)
    return ConfigMistake(key, *_expected_and_got(finding, key), nearest)


def _expected_and_got(finding: Any, key: str) -> tuple[str, str]:
    kind, context, value = finding["type"], finding.get("ctx", {}), finding["input"]
    if kind == "extra_forbidden":
        return "a setting", "an unknown name"
    if kind == "missing":
        return EXPECTED[kind], "nothing"
    bounds = [f"{words} {context[name]}" for name, words in BOUNDS.items() if name in context]
    if kind == "value_error":
        expected = str(context["error"])
    elif kind == "literal_error":
        expected = f"one of {context['expected']}"
    else:
        expected = bounds[0] if bounds else EXPECTED.get(kind, finding["msg"])
    if is_secret(key):
        return expected, "something else"
    if isinstance(value, dict | list):
        return expected, "a table" if isinstance(value, dict) else "a list"
    return expected, mask_url(repr(str(value) if isinstance(value, Path) else value))[:80]

"""Translates pydantic's errors into an operator's words, for every file that people write.

In: a ``ValidationError``, and the keys that are allowed at a place. Out: one ``Finding`` for each mistake. Secrets and
passwords in URLs are never shown.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from era_store.redaction import mask_url
from eras.nearest import nearest

MAX_SHOWN = 80

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
"""The expected value, by pydantic's type of error; the others have it in their context or message."""

BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in a document.

    Attributes:
        key: the wrong key; empty for the whole document.
        expected: the expected value.
        got: the value found; never a secret, and empty if ``expected`` contains it.
        nearest: the most similar allowed name or value, if there is one.
    """

    key: str
    expected: str
    got: str
    nearest: str | None = None

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        hint = "" if self.nearest is None else f". Did you mean {self.nearest!r}?"
        got = f", got {self.got}" if self.got else ""
        return f"{key}expected {self.expected}{got}{hint}"


class NearMissError(ValueError):
    """Raised by a validator for a value that is not allowed.

    Args:
        expected: the expected value.
        nearest: the most similar allowed value, if there is one.
    """

    def __init__(self, expected: str, nearest: str | None) -> None:
        super().__init__(expected)
        self.nearest = nearest


class MisfitError(ValueError):
    """Raised by a validator of several keys for one of them.

    Args:
        key: the wrong key.
        expected: the expected value, and the value found.
    """

    def __init__(self, key: str, expected: str) -> None:
        super().__init__(expected)
        self.key = key


def findings_of(
    error: ValidationError,
    known_key: str,
    model: type[BaseModel],
    *,
    place_of: Callable[[Sequence[str]], Sequence[str]] = lambda place: place,
    is_secret: Callable[[str], bool] = lambda _key: False,
) -> list[Finding]:
    """Return a finding for every mistake that pydantic found.

    Args:
        error: the error that it raised.
        known_key: the name for a key, such as ``a setting``.
        model: the document; its fields have the keys that are allowed in place of an unknown one.
        place_of: removes the parts that pydantic adds to a place.
        is_secret: whether the value of a key must not be shown.
    """

    def finding_of(found: Any) -> Finding:
        place = list(place_of([str(part) for part in found["loc"]]))
        key, kind, value = ".".join(place), found["type"], found["input"]
        if kind == "extra_forbidden":
            near = nearest(place[-1], _keys_beside(model, place), cutoff=0.5)
            return Finding(key, known_key, "an unknown name", near and ".".join((*place[:-1], near)))
        if kind == "missing":
            return Finding(key, EXPECTED[kind], "nothing")
        if kind.startswith("union_tag_"):
            return _tag(key, found)
        near = _nearest(value, found["ctx"]["expected"]) if kind == "literal_error" else None
        cause = found["ctx"]["error"] if kind == "value_error" else None
        if isinstance(cause, MisfitError):
            return Finding(cause.key, f"{cause}", "")
        if isinstance(cause, NearMissError):
            near = cause.nearest
        return Finding(key, _expected(found), "something else" if is_secret(key) else _shown(value), near)

    return [finding_of(found) for found in error.errors(include_url=False)]


def _keys_beside(model: type[BaseModel], place: Sequence[str]) -> list[str]:
    """The keys that are allowed in place of the last part of a place."""
    models = [model]
    for part in place[:-1]:
        kinds = [one.model_fields[part].annotation for one in models if part in one.model_fields]
        models = [*_models_in(kinds)] or models
    return [*dict.fromkeys(name for one in models for name in one.model_fields)]


def _models_in(kinds: Iterable[Any]) -> Iterator[type[BaseModel]]:
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
        else:
            yield from _models_in(get_args(kind))


def _tag(key: str, found: Any) -> Finding:
    """The finding for a table whose kind is missing or unknown."""
    context, value = found.get("ctx", {}), found["input"]
    name = context.get("discriminator", "").strip("'")
    there = value.get(name) if isinstance(value, dict) else value
    tags = context.get("expected_tags", "")
    return Finding(f"{key}.{name}", f"one of {tags}" if tags else "a value", _shown(there), _nearest(there, tags))


def _nearest(value: Any, allowed: str) -> str | None:
    return nearest(f"{value}", re.findall(r"'([^']*)'", allowed), cutoff=0.5)


def _expected(found: Any) -> str:
    kind, context = found["type"], found.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        allowed = str(context["expected"])
        return f"one of {allowed}" if " or " in allowed else allowed
    bounds = [f"{words} {context[name]}" for name, words in BOUNDS.items() if name in context]
    message = str(found["msg"]).removeprefix("Input should be ").removeprefix("a valid ")
    return bounds[0] if bounds else EXPECTED.get(kind, message)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple):
        return "a table" if isinstance(value, dict) else "a list"
    return mask_url(repr(str(value) if isinstance(value, Path) else value))[:MAX_SHOWN]

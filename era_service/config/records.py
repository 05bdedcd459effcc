"""The settings as lists: their names, and for each its type, default and help.

In: the schema (``schema``). Out: the content of the documentation and of ``config schema``, and the names that mistakes
are compared with.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from era_service.config.schema import ALIASES, ENVIRONMENT_PREFIX, SECTIONS

HOOKS_BY_OTHER_NAMES = {
    "switch": "activated",
    "switched": "activated",
    "era_changed": "activated",
    "published": "announced",
    "scheduled": "announced",
    "moved": "announced",
    "cancelled": "announced",
    "upcoming_changed": "announced",
    "unsupported": "unsupported_current",
    "veto": "before_switch",
    "prepare": "before_switch",
    "conflict": "refused",
}
"""The hook that is meant by a name that webhooks, the event log or other programs have for its event."""


@dataclass(frozen=True, slots=True)
class SettingRecord:
    """A setting, as the documentation and ``config schema`` show it."""

    key: str
    kind: str
    default: str
    variables: tuple[str, ...]
    help: str


def environment_name(key: str) -> str:
    """The environment variable of a setting: ``log.level`` → ``ERASWITCH_LOG__LEVEL``."""
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "__")


def setting_keys() -> tuple[str, ...]:
    """Every setting, ``section.name``, in the order of the schema."""
    return tuple(f"{section}.{name}" for section, model in SECTIONS.items() for name in model.model_fields)


def setting_records() -> Iterator[SettingRecord]:
    """Every setting with its type, default, environment variables and help."""
    for section, model in SECTIONS.items():
        schema = model.model_json_schema()["properties"]
        for name, field in model.model_fields.items():
            key = f"{section}.{name}"
            aliases = tuple(variable for variable, target in ALIASES.items() if target == key)
            yield SettingRecord(
                key,
                _kind(schema[name]),
                "none" if field.default is None else json.dumps(field.default),
                (environment_name(key), *aliases),
                field.description or "",
            )


def meant_by(key: str) -> str | None:
    """The setting that an unknown key means under another name; ``None`` if that is not known."""
    section, _, name = key.partition(".")
    hook = HOOKS_BY_OTHER_NAMES.get(name.removeprefix("on_")) if section == "hooks" else None
    return hook and f"{section}.{hook}"


def _kind(schema: dict[str, Any]) -> str:
    """A JSON schema's type in an operator's words."""
    if "enum" in schema:
        return " | ".join(schema["enum"])
    if "anyOf" in schema:
        return _kind(next(part for part in schema["anyOf"] if part.get("type") != "null"))
    if schema.get("format") == "password":
        return "secret"
    if schema.get("format") == "path":
        return "path"
    kinds = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "array": "list",
        "boolean": "true | false",
    }
    return kinds[schema["type"]]

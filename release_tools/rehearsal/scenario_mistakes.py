"""Mistakes in a scenario, in words: each names its key, what would be right, and the nearest right key.

In: findings of pydantic. Out: a line for each.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel


def mistake_words(
    finding: dict[str, Any],
    whole: type[BaseModel],
    tables: Mapping[str, type[BaseModel] | None],
    actions: Mapping[str, type[BaseModel]],
) -> str:
    """One finding of pydantic, in words.

    Args:
        finding: as pydantic gives it.
        whole: the scenario.
        tables: key of it → its table; ``None`` for that of the actions.
        actions: what an action does → its table.
    """
    place = [str(part) for part in finding["loc"]]
    kind, got = finding["type"], f"{finding['input']!r}"[:60]
    if len(place) > 2 and place[0] == "actions":
        del place[2]  # the kind of the action, which pydantic adds
    key = ".".join(place)
    if kind == "value_error":
        words = f"{finding['ctx']['error']}"
        if not key:  # what holds for the scenario as a whole names the key itself
            key, _, words = words.partition(": ")
        return f"{key}: expected {words}"
    if kind == "extra_forbidden":
        near = get_close_matches(place[-1], _keys_beside(finding["loc"], whole, tables, actions), n=1)
        return f"{key}: there is no such key" + (f"; did you mean {near[0]!r}?" if near else "")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        kinds = [name.strip(" '") for name in finding.get("ctx", {}).get("expected_tags", "").split(",")]
        asked = finding["input"].get("do") if isinstance(finding["input"], dict) else None
        near = get_close_matches(f"{asked}", kinds, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{key}.do: expected what happens ({', '.join(kinds) or 'announce, activate, …'}), got {asked!r}{hint}"
    if kind == "missing":
        return f"{key}: it is missing"
    return f"{key}: expected {finding['msg'].removeprefix('Input should be ')}, got {got}"


def _keys_beside(
    place: tuple[int | str, ...],
    whole: type[BaseModel],
    tables: Mapping[str, type[BaseModel] | None],
    actions: Mapping[str, type[BaseModel]],
) -> Iterator[str]:
    """The keys that could stand where an unknown one does."""
    names = [part for part in place[:-1] if isinstance(part, str)]
    table = whole if not names else tables.get(names[0]) or actions.get(names[-1])
    if table is not None:
        yield from table.model_fields

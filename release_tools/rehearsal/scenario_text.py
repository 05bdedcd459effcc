"""A scenario as the text of its file, to keep the shortest story that goes wrong and play it again.

In: a ``Scenario``. Out: TOML that gives the same scenario; what has its default is left out.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from release_tools.rehearsal.scenario import Scenario


def scenario_toml(scenario: Scenario) -> str:
    """The text of a file with this scenario."""
    tree = scenario.model_dump(mode="json", exclude_defaults=True)
    if scenario.stake.file is not None:  # it is to be found from wherever the text is put
        tree["stake"]["file"] = str(scenario.stake.file.absolute())
    return "\n".join(_lines(tree)) + "\n"


def _lines(tree: Mapping[str, Any]) -> Iterator[str]:
    tables = {name: value for name, value in tree.items() if _is_table(value)}
    yield from (f"{name} = {_value(value)}" for name, value in tree.items() if name not in tables)
    for name, value in tables.items():
        for table in value if isinstance(value, list) else [value]:
            yield ""
            yield f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            yield from (f"{key} = {_value(item)}" for key, item in table.items() if item is not None)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _value(value: object) -> str:
    """A value as TOML has it: its strings, whole numbers, truths and lists of them are those of JSON."""
    return json.dumps(value, ensure_ascii=True)

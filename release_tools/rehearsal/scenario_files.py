"""Scenarios by name or file, and a scenario as the text of a file, to keep the shortest story that goes wrong."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eras import ConfigurationError
from eras.nearest import nearest
from release_tools.rehearsal.scenario import Scenario

FOLDER = Path(__file__).parent / "scenarios"


def shipped_names() -> tuple[str, ...]:
    """The names of the shipped scenarios, in order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def shipped_scenarios() -> dict[str, Scenario]:
    """Every shipped scenario, by name."""
    return {name: Scenario.load(FOLDER / f"{name}.toml") for name in shipped_names()}


def find_scenario(name_or_file: str) -> Scenario:
    """The shipped scenario of that name, or the one in the file.

    Raises:
        ConfigurationError: there is neither, or it has mistakes.
    """
    names = shipped_names()
    if name_or_file in names:
        return Scenario.load(FOLDER / f"{name_or_file}.toml")
    path = Path(name_or_file)
    if path.exists() or path.suffix or path.parent != Path():
        return Scenario.load(path)
    near = nearest(name_or_file, names)
    raise ConfigurationError(
        f"There is no scenario {name_or_file[:80]!r}",
        expected=f"a file, or one of {', '.join(names)}",
        got="neither",
        next_step=f"Did you mean {near!r}?" if near else "See: eraswitch rehearse --list",
        code="Scenario",
    )


def scenario_toml(scenario: Scenario) -> str:
    """The TOML that gives the same scenario; what has its default is left out."""
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

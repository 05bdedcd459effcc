"""The scenarios that are shipped, and finding one by name or by file."""

from difflib import get_close_matches
from pathlib import Path

from eras import ConfigurationError
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
    near = get_close_matches(name_or_file, names, n=1)
    raise ConfigurationError(
        f"There is no scenario {name_or_file[:80]!r}",
        expected=f"a file, or one of {', '.join(names)}",
        got="neither",
        next_step=f"Did you mean {near[0]!r}?" if near else "See: eraswitch rehearse --list",
        code="Scenario",
    )

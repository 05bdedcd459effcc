"""Advice to install names something that exists: a part that requires the package, where this copy came from."""

import json
import re
import shlex
import tomllib
from importlib.metadata import PackageNotFoundError

import pytest

from era_store.installation import install_command
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = ("eras", "datum", "era_store", "chain_reader", "release_tools", "era_service", "eraswitch")


EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def required_by(extra: str) -> list[str]:
    """What an extra requires, as an installed distribution lists it: extras within extras are written out."""
    found: list[str] = []
    for requirement in EXTRAS[extra]:
        if within := re.fullmatch(r"eraswitch\[(.*)\]", requirement):
            found += [one for name in within[1].split(",") for one in required_by(name)]
        else:
            found.append(requirement)
    return found


class Installed:
    """A distribution as ``importlib.metadata`` shows it."""

    def __init__(self, origin: dict[str, object] | None) -> None:
        self._origin = origin
        self.requires = [f'{one}; extra == "{extra}"' for extra in EXTRAS for one in required_by(extra)]
        self.metadata = self

    def get_all(self, _field: str) -> list[str]:
        return sorted(EXTRAS)

    def read_text(self, _name: str) -> str | None:
        return None if self._origin is None else json.dumps(self._origin)


@pytest.mark.parametrize(
    ("package", "part", "extra"),
    [
        ("sqlalchemy", None, "watch"),
        ("pydantic_settings", None, "watch"),
        ("scipy", None, "tools"),
        ("psycopg", None, "service"),
        ("prometheus_client", None, "service"),
        ("opentelemetry-sdk", None, "tracing"),
        ("openfeature-sdk", None, "openfeature"),
        ("nobody_knows_this", None, "all"),
        ("structlog", "tools", "tools"),
        ("structlog", "service", "service"),
        ("psycopg", "watch", "service"),
        ("opentelemetry-sdk", "watch", "tracing"),
    ],
)
def test_the_smallest_part_that_is_enough_for_the_command(monkeypatch, tmp_path, package, part, extra):
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.setattr("importlib.metadata.distribution", lambda _name: Installed({"url": folder.as_uri()}))
    assert install_command(package, part) == f"pip install '{folder}[{extra}]'"


def test_where_this_copy_came_from(monkeypatch, tmp_path):
    commit = "5" * 40
    for origin, source in (
        ({"url": tmp_path.as_uri(), "dir_info": {"editable": True}}, f"-e '{tmp_path}[service]'"),
        ({"url": "https://host/e.whl"}, "'eraswitch[service] @ https://host/e.whl'"),
        (
            {"url": "https://host/e.git", "vcs_info": {"vcs": "git", "commit_id": commit}},
            f"'eraswitch[service] @ git+https://host/e.git@{commit}'",
        ),
    ):
        monkeypatch.setattr("importlib.metadata.distribution", lambda _name, origin=origin: Installed(origin))
        assert install_command("fastapi") == f"pip install {source}"


@pytest.mark.parametrize("gone", [True, False])
def test_where_there_is_no_source_the_requirements_are_named(monkeypatch, tmp_path, gone):
    origin = {"url": (tmp_path / "gone").as_uri()} if gone else None
    monkeypatch.setattr("importlib.metadata.distribution", lambda _name: Installed(origin))
    command = shlex.split(install_command("sqlalchemy"))
    assert command == ["pip", "install", *required_by("watch")]


def test_where_eraswitch_itself_is_not_installed_the_package_alone_is_named(monkeypatch):
    def none(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.distribution", none)
    assert install_command("scipy") == "pip install scipy"


def test_no_code_writes_such_advice_by_hand():
    by_hand = {
        str(path.relative_to(ROOT)): re.findall(r"pip install '?[\w.\[]+", path.read_text())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "installation.py" and "pip install" in path.read_text()
    }
    assert by_hand == {}

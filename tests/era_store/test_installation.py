"""Advice to install names something that exists: a part that requires the package, where this copy came from."""

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError

import pytest

from era_store.installation import install_command
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = ("eras", "datum", "era_store", "chain_reader", "release_tools", "era_service")


class Installed:
    """A distribution as ``importlib.metadata`` shows it."""

    def __init__(self, origin: dict[str, object] | None) -> None:
        self._origin = origin
        self.requires = [
            f'{requirement}; extra == "{extra}"'
            for extra, requirements in PROJECT["optional-dependencies"].items()
            for requirement in requirements
        ]
        self.metadata = self

    def get_all(self, _field: str) -> list[str]:
        return list(PROJECT["optional-dependencies"])

    def read_text(self, _name: str) -> str | None:
        return None if self._origin is None else json.dumps(self._origin)


@pytest.mark.parametrize(
    ("origin", "package", "command"),
    [
        (None, "sqlalchemy", "pip install 'eraswitch[tools]'"),
        (None, "psycopg", "pip install 'eraswitch[service]'"),
        (None, "prometheus_client", "pip install 'eraswitch[service]'"),
        (None, "nobody_knows_this", "pip install 'eraswitch[all]'"),
        ({"url": "file:///opt/a%20folder"}, "scipy", "pip install '/opt/a folder[tools]'"),
        ({"url": "file:///src", "dir_info": {"editable": True}}, "fastapi", "pip install -e '/src[service]'"),
    ],
)
def test_the_part_and_where_it_comes_from(monkeypatch, origin, package, command):
    monkeypatch.setattr("importlib.metadata.distribution", lambda _name: Installed(origin))
    assert install_command(package) == command


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

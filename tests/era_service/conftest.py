"""Fixtures of the command line's tests."""

import logging
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from tests import forked
from tests.forked import ERASWITCH

if TYPE_CHECKING:
    from tests.era_service.release_world import World


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No configuration file of the machine is found, and nothing is written outside the test's folder."""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(here)
    return here


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """What a command did to the logs is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def invoke(*arguments: str, input: str | bytes | None = None, env: dict[str, str] | None = None) -> Result:  # noqa: A002
    """Run a command line inside this process."""
    from era_service.cli.app import cli

    return CliRunner().invoke(cli, list(arguments), input=input, env=env)


@dataclass(frozen=True)
class Shell:
    """Runs the command in the test's folder, with a clean environment, in a process of its own.

    It is forked; where ``installed``, started as a shell would start it.
    """

    folder: Path
    installed: bool = False

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | extra

    def __call__(
        self, *arguments: str, env: dict[str, str] | None = None, **kwargs: Any
    ) -> subprocess.CompletedProcess[str]:
        given = self.environment(**(env or {}))
        if not self.installed:
            assert not kwargs, "a shell starts what reads"
            return forked.run(forked.COMMAND, *arguments, cwd=self.folder, env=given)
        return subprocess.run(
            [ERASWITCH, *arguments],
            cwd=self.folder,
            env=given,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
            **kwargs,
        )


@pytest.fixture
def shell(own_folders: Path) -> Shell:
    """The command, forked."""
    return Shell(own_folders)


@pytest.fixture
def real_shell(own_folders: Path) -> Shell:
    """The command as a shell starts it."""
    return Shell(own_folders, installed=True)


@pytest.fixture
def world(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[World]":
    """A release team's folder."""
    from tests.era_service.release_world import release_world

    with release_world(own_folders, monkeypatch) as made:
        yield made


@pytest.fixture(params=["local", "blockfrost", "ogmios"])
def any_world(own_folders: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> "Iterator[World]":
    """A release team's folder, with each kind of provider in turn."""
    from tests.era_service.release_world import release_world

    with release_world(own_folders, monkeypatch, request.param) as made:
        yield made

"""Fixtures of the tests of the HTTP API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A service on a SQLite file."""
    with World(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def still_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A service for the tests of a module that change nothing."""
    with World(tmp_path_factory.mktemp("still")) as made:
        yield made


@pytest.fixture
def any_world(tmp_path: Path, sql_url: str) -> Iterator[World]:
    """A service on SQLite, and on PostgreSQL."""
    with World(tmp_path, sql_url) as made:
        yield made

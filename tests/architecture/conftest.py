"""Fixtures of the tests of what is written, not of what it does."""

from collections.abc import Iterator

import pytest

from tests.architecture.trees import nodes, tree


@pytest.fixture(scope="package", autouse=True)
def read_once() -> Iterator[None]:
    """What was read is let go of after the last test of the folder."""
    yield
    nodes.cache_clear()
    tree.cache_clear()

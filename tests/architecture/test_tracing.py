"""With ``--cov=PACKAGE``, only the tests of that package are traced: the whole suite would take half as long again."""

import sys

import pytest

from tests.conftest import is_traced


def test_this_test_is_not_traced_where_only_some_packages_are(request: pytest.FixtureRequest) -> None:
    assert is_traced(request.node) or sys.gettrace() is None

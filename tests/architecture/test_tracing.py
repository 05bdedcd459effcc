"""With ``--cov=PACKAGE``, only the tests of that package are traced: the whole suite would take half as long again."""

import sys

import pytest


def test_this_test_is_not_traced_where_only_some_packages_are(request: pytest.FixtureRequest) -> None:
    packages = request.config.getoption("cov_source", None) or [True]
    assert True in packages or sys.gettrace() is None

"""Versions: their order, their builds, and what is no version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release_tools.adoption.versions import is_known, is_newer, newest_first, parse_release

IN_ORDER = ("0.2.209-alpha.1", "0.2.209-alpha.2", "0.2.209-rc.1", "0.2.209", "0.2.210", "0.3.0-beta", "0.3.0", "1.0.0")


def test_order_has_pre_releases_below_their_release() -> None:
    for index, older in enumerate(IN_ORDER):
        for newer in IN_ORDER[index + 1 :]:
            assert is_newer(newer, older)
            assert not is_newer(older, newer)
        assert not is_newer(older, older)


def test_builds_are_the_same_release() -> None:
    assert parse_release("0.3.12+abc") == parse_release("0.3.12+def.7") == parse_release("0.3.12")
    assert not is_newer("0.3.12+abc", "0.3.12")


@pytest.mark.parametrize("text", ["v1.2.3", "V1.2.3", " 1.2.3", "1.2.3 ", "\tv1.2.3+abc\n", "1.2.3 +abc"])
def test_blanks_around_a_version_and_a_leading_v_are_not_part_of_it(text: str) -> None:
    assert is_known(text)
    assert parse_release(text) == parse_release("1.2.3")
    assert not is_newer(text, "1.2.3")
    assert not is_newer("1.2.3", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2",
        "v",
        "v1.2",
        "vv1.2.3",
        "v 1.2.3",
        "nightly",
        "1.2.3.4",
        "01.2.3",
        "1. 2.3",
        "1.2٢.3",
        "1.2.-3",
        f"1.2.{'9' * 300}",
    ],
)
def test_what_is_no_semantic_version_is_unknown_and_below_all(text: str) -> None:
    assert not is_known(text)
    assert is_newer("0.0.0-0", text)
    assert not is_newer(text, "0.0.0-0")
    assert not is_newer(text, None)


def test_missing_is_unknown() -> None:
    assert not is_known(None)
    assert is_newer("0.0.1", None)


def test_newest_first_with_the_unknown_last() -> None:
    assert newest_first([None, "nightly", "0.2.9", "0.2.10", "0.2.10-rc.1", "dev"]) == (
        "0.2.10",
        "0.2.10-rc.1",
        "0.2.9",
        "dev",
        "nightly",
        None,
    )


@given(st.text(max_size=40))
def test_any_text_is_a_version_or_unknown(text: str) -> None:
    assert is_known(text) in (True, False)

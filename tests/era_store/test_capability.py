"""What nodes report that they can do."""

import pytest

from era_store import Capability


def test_a_capability_comes_back_whatever_the_order() -> None:
    found = Capability.of({"eras": ["b", "a", "b"], "switches": "ab", "loaded": ["b"]})
    assert found == Capability(("a", "b"), "ab", ("b",))
    assert Capability.parse(found.text) == Capability.of(found.to_dict()) == found


@pytest.mark.parametrize(
    "value",
    [
        None, [], {}, {"eras": None}, {"eras": "a"}, {"eras": [""]}, {"eras": ["a\n"]}, {"eras": ["a" * 101]},
        {"eras": ["a"] * 65}, {"eras": [], "loaded": 1}, {"eras": [], "switches": 1}, {"eras": [], "more": 1},
    ],
)  # fmt: skip
def test_what_is_none_is_none(value: object) -> None:
    assert Capability.of(value) is None


@pytest.mark.parametrize("text", ["", "[" * 100_000, "1"])
def test_text_that_is_none_is_none(text: str) -> None:
    assert Capability.parse(text) is None


def test_an_era_that_is_known_and_not_loaded_is_not_supported() -> None:
    assert Capability(("a", "b")).supports("a")
    assert Capability(("a", "b"), loaded=("b",)).supports("b")
    assert not Capability(("a", "b"), loaded=("b",)).supports("a")
    assert not Capability(("a",), loaded=("b",)).supports("b")

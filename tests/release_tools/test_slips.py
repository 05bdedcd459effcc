"""What looks like a slip: an epoch far ahead, a name that looks like another."""

import pytest

from eras import Epoch, EraMarker
from release_tools.markers.slips import looks_like, slips

SUPPORTED = ("thales", "pythagoras", "lagrange")


def found(*names: str, epochs: tuple[int, ...] = ()) -> tuple[str, ...]:
    return slips(
        names,
        map(Epoch, epochs),
        now=Epoch(10),
        max_lead_epochs=146,
        supported=SUPPORTED,
        in_force=[EraMarker("cauchy", Epoch(1))],
    )


@pytest.mark.parametrize(
    "name",
    [
        "pythagors", "pythagorass", "pyhtagoras", "Pythagoras", "pythagor4s", "pythag0ras", "pyth\u0430goras",
        "pythagoras\u200b", "pyth-agoras", "py\u0301thagoras", "Cauchy", "lagrang3",
    ],
)  # fmt: skip
def test_names_that_look_like_another(name: str) -> None:
    (words,) = found(name)
    assert words.isascii(), "what looks alike is written so that the difference shows"
    assert "looks like" in words


@pytest.mark.parametrize("name", [*SUPPORTED, "noether", "euclid", "thalesian", "lagrange2029"])
def test_names_that_do_not(name: str) -> None:
    assert found(name) == ()


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("abcd", "abce", True),
        ("abcd", "acbd", True),
        ("abcd", "acde", False),
        ("abc", "abd", False),
        ("abcd", "", False),
    ],
)
def test_one_character_apart(one: str, other: str, alike: bool) -> None:
    assert (looks_like(one, other), looks_like(other, one)) == (alike, alike)


def test_epochs_far_ahead() -> None:
    assert found(epochs=(156,)) == ()
    assert found(epochs=(157,)) == ("Epoch 157 is 147 epochs from now: nodes raise an alarm beyond 146",)

"""Amounts and counts as people read them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eras.words import about_ada, ada, begins, counted, percent, percents


@pytest.mark.parametrize(
    ("lovelace", "words"),
    [
        (0, "0.0 ADA"),
        (1, "0.000001 ADA"),
        (168_317, "0.168317 ADA"),
        (1_000_000, "1.0 ADA"),
        (1_234_500_000, "1,234.5 ADA"),
        (45_000_000_000_000_000, "45,000,000,000.0 ADA"),
    ],
)
def test_an_amount_is_exact_to_the_lovelace(lovelace: int, words: str) -> None:
    assert ada(lovelace) == words


@pytest.mark.parametrize(
    ("lovelace", "words"),
    [
        (0, "0.0 ADA"),
        (1, "0.000001 ADA"),
        (1_500_000, "1.5 ADA"),
        (7_255_725_242, "7,255.7 ADA"),
        (999_949_000_000, "999,949.0 ADA"),
        (999_951_000_000, "1.0 M ADA"),
        (331_826_003_409_496, "331.8 M ADA"),
        (999_949_999_999_999, "999.9 M ADA"),
        (999_950_000_000_000, "1.00 bn ADA"),
        (22 * 10**15, "22.00 bn ADA"),
    ],
)
def test_of_a_stake_the_size_is_shown(lovelace: int, words: str) -> None:
    assert about_ada(lovelace) == words


def test_a_count_has_the_right_plural() -> None:
    assert [counted(count, "output") for count in (0, 1, 2, 1_000)] == [
        "0 outputs",
        "1 output",
        "2 outputs",
        "1,000 outputs",
    ]
    assert [counted(count, "party", "parties") for count in (1, 2)] == ["1 party", "2 parties"]


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, "unknown"),
        (0.0, "0.0 %"),
        (0.0001, "< 0.1 %"),
        (0.001, "0.1 %"),
        (0.29, "29.0 %"),
        (0.951, "95.1 %"),
        (0.7999, "79.9 %"),
        (Fraction(79_999_999, 100_000_000), "79.9 %"),
        (0.99999, "99.9 %"),
        (1.0, "100.0 %"),
    ],
)
def test_a_share_is_never_shown_as_more_than_it_is_nor_as_nothing_when_it_is_not(share, shown):
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ((Fraction(79_999, 100_000), Fraction(20_001, 100_000)), ("79.9 %", "20.1 %")),
        ((Fraction(1, 3), Fraction(2, 3), Fraction(0)), ("33.3 %", "66.7 %", "0.0 %")),
        ((Fraction(1, 2), Fraction(1, 2)), ("50.0 %", "50.0 %")),
        ((Fraction(99_995, 100_000), Fraction(5, 100_000)), ("99.9 %", "< 0.1 %")),
        ((Fraction(2, 10_000), Fraction(9_998, 10_000)), ("< 0.1 %", "99.9 %")),
        ((0.4506, 0.2498), ("45.0 %", "25.0 %")),
        ((), ()),
    ],
)
def test_parts_of_a_whole_add_up_as_they_are_shown(parts, shown):
    assert percents(parts) == shown


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=9).filter(any))
def test_parts_add_up_to_all_of_it_and_none_is_off_by_a_digit(stakes: list[int]) -> None:
    parts = [Fraction(stake, sum(stakes)) for stake in stakes]
    words = percents(parts)
    shown = {place: round(float(one[:-2]) * 10) for place, one in enumerate(words) if one != "< 0.1 %"}
    assert 0 <= 1000 - sum(shown.values()) <= words.count("< 0.1 %")
    assert all(abs(tenths - parts[place] * 1000) < 1 for place, tenths in shown.items())
    first = next(place for place in shown if stakes[place])
    assert shown[first] <= parts[first] * 1000


def test_an_era_begins_at_its_epoch_or_is_announced() -> None:
    assert [begins(0), begins(748), begins(None)] == ["from epoch 0", "from epoch 748", "announced"]
    assert begins(None, "no epoch yet") == "no epoch yet"

"""Shares of stake: exact, and never rounded into a gate."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from era_store import VersionTally
from eras import Epoch
from release_tools import AdoptionRules, Compatibility
from release_tools.adoption.shares import Share, ShareError, parse_share, share_words, support_share

TABLE = Compatibility.of({"pythagoras": ">=2.0.0"})


def test_share_is_of_stake_not_of_parties() -> None:
    tallies = [VersionTally("1.0.0", 900, 1), VersionTally("2.0.0", 100, 90)]
    assert support_share(tallies, "pythagoras", TABLE) == Share(100, 1000)


def test_unknown_versions_are_in_the_whole_and_not_ready() -> None:
    tallies = [VersionTally("2.0.0", 50, 1), VersionTally(None, 30, 1), VersionTally("nightly", 20, 1)]
    assert support_share(tallies, "pythagoras", TABLE) == Share(50, 100)


def test_fraction_is_exact() -> None:
    third = Share(10**17 + 1, 3 * (10**17 + 1))
    assert third.fraction == Fraction(1, 3)
    assert str(third) == "33.3 %"
    assert Share(0, 0).fraction == 0


def test_not_quite_all_is_not_shown_as_all() -> None:
    assert str(Share(99_999, 100_000)) == "99.9 %"
    assert str(Share(5, 5)) == "100.0 %"
    assert share_words(Fraction(94_999_999, 100_000_000)) == "94.9999 %"
    assert share_words(Fraction(95, 100)) == "95 %"


def test_a_gate_compares_whole_lovelace() -> None:
    whole = 45 * 10**15
    threshold = Fraction(95, 100)
    exactly = whole * 95 // 100
    assert Share(exactly, whole).reaches(threshold)
    assert not Share(exactly - 1, whole).reaches(threshold)
    assert Share(exactly - 1, whole).missing(threshold) == 1
    assert float(Share(exactly - 1, whole).fraction) == 0.95, "which floating point would have let through"


def test_nothing_of_nothing_reaches_no_gate() -> None:
    assert not Share(0, 0).reaches(Fraction(1, 10**9))
    assert not Share(0, 0).reaches(Fraction(0))


@given(st.integers(0, 10**17), st.integers(1, 10**17), st.fractions(min_value="0.001", max_value=1))
def test_what_is_missing_is_just_enough(part: int, total: int, threshold: Fraction) -> None:
    share = Share(min(part, total), total)
    missing = share.missing(threshold)
    assert Share(share.part + missing, total).reaches(threshold)
    assert missing == 0 or not Share(share.part + missing - 1, total).reaches(threshold)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("95%", Fraction(95, 100)),
        (" 66.7 % ", Fraction(667, 1000)),
        ("0.95", Fraction(95, 100)),
        ("100%", Fraction(1)),
        ("1", Fraction(1)),
        ("1%", Fraction(1, 100)),
    ],
)
def test_shares_are_read_exactly(text: str, share: Fraction) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize(
    "text", ["", "95", "0", "0%", "101%", "-5%", "1e-1", "ninety", "95%%", "950%", "٩٥x", "0." + "9" * 99]
)
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ShareError) as caught:
        parse_share(text)
    assert caught.value.exit_code == 2
    assert ("Did you mean" in str(caught.value)) is (text == "95")


def test_the_stake_of_the_right_epoch() -> None:
    assert AdoptionRules().stake_epoch(Epoch(744)) == 745
    assert AdoptionRules(stake_epoch_offset=0).stake_epoch(Epoch(744)) == 744

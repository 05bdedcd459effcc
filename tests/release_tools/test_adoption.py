"""Shares of stake by what a version knows."""

from fractions import Fraction

import pytest

from eras import Epoch
from release_tools import Registration, Share, newest_registrations, support_share

KNOWN = {"1.0": ("thales",), "2.0": ("thales", "pythagoras")}


def registration(party_id: str, version: str, stake: int, epoch: int = 5) -> Registration:
    return Registration(party_id, Epoch(epoch), version, stake)


def share(*registrations: Registration, era: str = "pythagoras") -> Share:
    return support_share(registrations, epoch=Epoch(5), era=era, known_eras=KNOWN)


def test_share_is_of_stake_not_of_parties() -> None:
    assert share(registration("a", "1.0", 900), registration("b", "2.0", 100)) == Share(100, 1000)


def test_newest_registration_of_a_party_counts() -> None:
    upgraded = [registration("a", "1.0", 900), registration("b", "1.0", 100), registration("a", "2.0", 901)]
    assert share(*upgraded) == Share(901, 1001)
    downgraded = [registration("a", "2.0", 900), registration("a", "1.0", 900)]
    assert share(*downgraded) == Share(0, 900)


def test_other_epochs_do_not_count() -> None:
    assert share(registration("a", "2.0", 7, epoch=4), registration("b", "1.0", 3)) == Share(0, 3)


def test_build_suffix_does_not_count() -> None:
    assert share(registration("a", "2.0+f00", 7)) == Share(7, 7)


def test_version_nobody_vouched_for_knows_nothing() -> None:
    assert share(registration("a", "9.9", 7), era="thales") == Share(0, 7)


def test_fraction_is_exact() -> None:
    third = Share(10**17 + 1, 3 * (10**17 + 1))
    assert third.fraction == Fraction(1, 3)
    assert str(third) == "33.3 %"
    assert Share(0, 0).fraction == 0


def test_newest_registrations_are_sorted_by_party() -> None:
    entries = [registration("b", "1.0", 1), registration("a", "1.0", 2), registration("b", "2.0", 3)]
    assert newest_registrations(entries, Epoch(5)) == (entries[1], entries[2])


@pytest.mark.parametrize("version", ["1.0", "1.0+build.7"])
def test_release(version: str) -> None:
    assert registration("a", version, 1).release == "1.0"

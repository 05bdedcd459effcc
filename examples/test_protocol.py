"""Tests of a node in each of its eras, with eraswitch's test kit and without a chain.

In this folder: python -m pytest test_protocol.py
"""

import pytest
from protocol import ERAS, sign_like_pythagoras, sign_like_thales, signing

from eraswitch import UnsupportedEraError
from eraswitch.testing import EraSchedule, FakeProvider, checker_in_era, read_again, watcher_of


def test_each_era_signs_in_its_own_way() -> None:
    """The switch happens at its epoch; the behaviour of the other era stays available."""
    schedule = EraSchedule(("thales", 0), ("pythagoras", 7), epoch=6)
    sign = signing(schedule.checker)
    assert sign("alice", "round 1") == sign_like_thales("alice", "round 1")
    schedule.advance()
    assert sign("alice", "round 1") == sign_like_pythagoras("alice", "round 1")
    assert sign.in_era("thales")("alice", "round 1") == sign_like_thales("alice", "round 1")


def test_an_old_version_signs_nothing_in_an_era_that_it_does_not_know() -> None:
    """There is no default."""
    sign = signing(checker_in_era("pythagoras", ["thales"]))
    with pytest.raises(UnsupportedEraError):
        sign("alice", "round 1")


def test_no_provider_is_needed_at_the_switch() -> None:
    """The schedule that was read before decides."""
    provider = FakeProvider(epoch=5)
    provider.publish(("thales", 0), ("pythagoras", 6))
    watcher = watcher_of(provider, ERAS)
    sign = signing(watcher.checker)
    provider.fail()
    read_again(watcher)
    with watcher.work():
        assert sign("alice", "round 1") == sign_like_thales("alice", "round 1")

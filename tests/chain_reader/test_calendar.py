"""Epochs as dates."""

import pytest

from chain_reader import PUBLIC_GENESES
from chain_reader.genesis import EpochCalendar, NetworkGenesis

MAINNET = PUBLIC_GENESES[764824073]
DAY_S = 86_400


def test_an_epoch_has_the_date_that_mainnet_has() -> None:
    assert EpochCalendar(MAINNET).epoch(500) == "epoch 500 (2024-07-28 21:44 UTC)"


@pytest.mark.parametrize(
    ("before_s", "words"),
    [(14 * DAY_S + 5, ", in 14 d"), (DAY_S, ", in 1 d"), (DAY_S - 1, ", in 23 h"), (60, ", in 1 min"), (0, "")],
)
def test_how_far_ahead_it_is(before_s: float, words: str) -> None:
    begins_s = EpochCalendar(MAINNET).begins_s(500)
    assert begins_s == MAINNET.begins_s(500)
    assert EpochCalendar(MAINNET, begins_s - before_s).coming(500) == f"epoch 500 (2024-07-28 21:44 UTC){words}"


def test_what_has_no_date_is_the_epoch_alone() -> None:
    assert EpochCalendar().coming(7) == "epoch 7"
    assert EpochCalendar(MAINNET).coming(10**15) == "epoch 1000000000000000"
    anchored = NetworkGenesis(1, 0.0, 1.0, 100, anchor_epoch=MAINNET.anchor_epoch)
    assert EpochCalendar(anchored).epoch(MAINNET.anchor_epoch - 1) == f"epoch {MAINNET.anchor_epoch - 1}"


def test_an_axis_has_the_day_of_an_epoch_or_the_time_of_day_where_epochs_are_shorter():
    assert EpochCalendar(MAINNET).label(500) == "500\n2024-07-28"
    minutes = NetworkGenesis(42, 1_700_000_000, 1.0, 60)
    assert EpochCalendar(minutes).label(3) == "3\n22:16 UTC"
    assert EpochCalendar().label(7) == "7"
    assert EpochCalendar(MAINNET).label(0) == "0", "before what is known"

"""The lottery: against an exact sum, against the lottery itself with 3,000 parties, and everything about its shape."""

import math
import subprocess
import sys
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from era_service.config.networks import NETWORKS
from release_tools.forecasting.lottery import (
    FIXED_QUORUMS,
    FixedQuorum,
    Lottery,
    QuorumModel,
)
from release_tools.forecasting.lottery_parameters import PUBLISHED
from tests.errors import raising

MAINNET_2022 = Lottery(2422, 20973, 0.2)
MAINNET_2026 = Lottery(1944, 16948, 0.2)

shares = st.floats(0, 1)
lotteries = st.builds(Lottery, st.integers(1, 400), st.integers(1, 2000), st.floats(0.001, 1))


def summed(lottery: Lottery, share: float) -> tuple[Decimal, Decimal]:
    """The chance of a quorum and of none, by adding up every term with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        p = Decimal(lottery.winning_probability(share))
        term, below, above = (1 - p) ** lottery.m, Decimal(0), Decimal(0)
        for won in range(lottery.m + 1):
            if won < lottery.k:
                below += term
            else:
                above += term
            term *= Decimal(lottery.m - won) / Decimal(won + 1) * p / (1 - p)
        return above, below


@pytest.mark.parametrize("share", [0.2, 0.3, 0.4, 0.5, 0.55, 0.58, 0.6, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("lottery", [MAINNET_2022, MAINNET_2026, Lottery(5, 100, 0.65), Lottery(1, 1, 0.5)])
def test_both_tails_are_exact_to_twelve_digits(lottery: Lottery, share: float) -> None:
    above, below = summed(lottery, share)
    for exact, found in (
        (above, lottery.quorum_probability(share)),
        (below, lottery.failure_probability(share)),
    ):
        if exact > Decimal("1e-290"):
            assert found == pytest.approx(float(exact), rel=1e-12, abs=0)
        else:
            assert found < 1e-280


def test_the_published_question() -> None:
    found = Lottery(2422, 20973, 0.2).quorum_probability(0.58)
    assert found == pytest.approx(float(summed(MAINNET_2022, 0.58)[0]), rel=1e-13, abs=0)
    assert found == pytest.approx(0.995978, abs=1e-6)
    assert Lottery(2422, 20973, 0.2).share_needed(0.999) == pytest.approx(0.5851123, abs=1e-7)


@pytest.mark.parametrize("signing", [0.54, 0.55, 0.56])
def test_it_is_what_a_lottery_of_three_thousand_parties_does(signing: float) -> None:
    """Every party draws every index by itself; only the arithmetic here is by the total share alone.

    A party's wins among those indices still unwon are drawn as such: an index that is won already is not won again.
    """
    import numpy

    rounds, random = 4_000, numpy.random.default_rng(20_973)
    stakes = random.pareto(1.2, 3_000) + 0.01
    stakes /= stakes.sum()
    signers: list[int] = []
    share = 0.0
    for party in random.permutation(3_000):
        if share + stakes[party] <= signing:
            signers.append(party)
            share += float(stakes[party])
    lottery = MAINNET_2022
    unwon = numpy.full(rounds, lottery.m)
    for stake in stakes[signers]:
        unwon -= random.binomial(unwon, 1 - (1 - lottery.phi_f) ** stake)
    reached = float((lottery.m - unwon >= lottery.k).mean())
    expected = lottery.quorum_probability(share)
    assert 0.01 < expected < 0.99, "a share at which the lottery decides"
    assert abs(reached - expected) < 4 * math.sqrt(expected * (1 - expected) / rounds)


def test_index_by_index_too() -> None:
    """The same with every ticket drawn: a set of the indices that anybody won."""
    import numpy

    rounds, random = 300, numpy.random.default_rng(7)
    stakes = numpy.full(3_000, 1 / 3_000)
    lottery = Lottery(24, 209, 0.2)
    signers, wins = 1_680, 1 - (1 - lottery.phi_f) ** (1 / 3_000)
    reached = 0
    for _ in range(rounds):
        tickets = random.random((signers, lottery.m)) < wins
        reached += int(tickets.any(axis=0).sum()) >= lottery.k
    expected = lottery.quorum_probability(float(stakes[:signers].sum()))
    assert abs(reached / rounds - expected) < 4 * math.sqrt(expected * (1 - expected) / rounds)


# --- its shape


@settings(deadline=None)
@given(lotteries, shares, shares)
def test_more_stake_is_never_worse(lottery: Lottery, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert lottery.quorum_probability(low) <= lottery.quorum_probability(high) * (1 + 1e-12)
    assert lottery.failure_probability(low) * (1 + 1e-12) >= lottery.failure_probability(high)


@settings(deadline=None)
@given(lotteries, shares)
def test_quorum_and_failure_are_all_there_is(lottery: Lottery, share: float) -> None:
    assert lottery.quorum_probability(share) + lottery.failure_probability(share) == pytest.approx(1, abs=1e-12)


@settings(deadline=None)
@given(lotteries, st.floats(0.01, 0.999999))
def test_the_share_needed_suffices_and_a_little_less_does_not(lottery: Lottery, probability: float) -> None:
    needed = lottery.share_needed(probability)
    if needed is None:
        assert lottery.quorum_probability(1.0) <= probability * (1 + 1e-12)
        return
    assert lottery.quorum_probability(needed) == pytest.approx(probability, rel=1e-9, abs=0) or needed <= 1e-300
    assert lottery.quorum_probability(needed) >= probability * (1 - 1e-12)
    if needed > 1e-300:
        assert lottery.quorum_probability(needed * (1 - 1e-6)) < probability


@settings(deadline=None)
@given(lotteries, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_more_certainty_takes_more_stake(lottery: Lottery, one: float, other: float) -> None:
    low, high = (lottery.share_needed(probability) for probability in sorted((one, other)))
    assert high is None or (low is not None and low <= high)


@settings(deadline=None)
@given(shares, shares)
def test_splitting_a_stake_changes_nothing(one: float, other: float) -> None:
    whole = min(one + other, 1.0)
    unwon = (1 - MAINNET_2026.winning_probability(one)) * (1 - MAINNET_2026.winning_probability(whole - one))
    assert 1 - unwon == pytest.approx(MAINNET_2026.winning_probability(whole), abs=1e-12)


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.999, 1 - 1e-9, 1 - 1e-15])
def test_near_certainty_is_asked_of_the_failure(probability: float) -> None:
    needed = MAINNET_2026.share_needed(probability)
    assert needed is not None
    assert MAINNET_2026.failure_probability(needed) == pytest.approx(1 - probability, rel=1e-6, abs=0)


# --- edges


def test_nobody_and_everybody() -> None:
    assert MAINNET_2026.quorum_probability(0) == 0
    assert MAINNET_2026.quorum_probability(1) == 1
    assert 0 < MAINNET_2026.failure_probability(1) < 1e-150
    assert MAINNET_2026.quorum_probability(1 + 1e-12) == 1, "a sum of floats may exceed the whole by a rounding"


def test_no_share_may_suffice() -> None:
    assert Lottery(5000, 20973, 0.2).share_needed(0.999) is None
    assert Lottery(30, 20, 0.9).share_needed(0.5) is None
    assert Lottery(30, 20, 1).quorum_probability(1) == 0
    assert MAINNET_2026.share_needed(1.0) is None, "a lottery is never certain"


def test_who_always_wins_needs_nearly_nothing() -> None:
    sure = Lottery(7, 7, 1.0)
    assert sure.quorum_probability(0) == 0
    assert sure.quorum_probability(1e-12) == 1
    needed = sure.share_needed(0.999)
    assert needed is not None
    assert 0 < needed < 1e-300


@pytest.mark.parametrize(
    ("k", "m", "phi_f", "name"),
    [(0, 5, 0.2, "k"), (1, 0, 0.2, "m"), (1, 10**10, 0.2, "m"), (True, 5, 0.2, "k"), (1.5, 5, 0.2, "k"),
     (1, 5, 0.0, "phi_f"), (1, 5, -1, "phi_f"), (1, 5, 1.1, "phi_f"), (1, 5, math.nan, "phi_f")],
)  # fmt: skip
def test_impossible_parameters(k: int, m: int, phi_f: float, name: str) -> None:
    with raising("QuorumParameters", match=f"The parameter {name} of the lottery is not usable") as caught:
        Lottery(k, m, phi_f)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, True])
def test_impossible_shares_and_probabilities(value: float) -> None:
    for model in (MAINNET_2026, FixedQuorum()):
        for ask in (model.quorum_probability, model.failure_probability, model.share_needed):
            with raising("QuorumParameters", match="is not usable"):
                ask(value)
    with raising("QuorumParameters"):
        MAINNET_2026.share_needed(0)


# --- the other model, and where parameters come from


def test_two_thirds() -> None:
    cosmos, ethereum = FIXED_QUORUMS["cosmos"], FIXED_QUORUMS["ethereum"]
    exactly = Fraction(2, 3)
    assert (cosmos.quorum_probability(exactly), ethereum.quorum_probability(exactly)) == (0, 1)
    for model in (cosmos, ethereum):
        assert (model.quorum_probability(0.66), model.quorum_probability(0.67)) == (0, 1)
        assert (model.failure_probability(0.66), model.failure_probability(0.67)) == (1, 0)
        needed = model.share_needed(0.999)
        assert needed == pytest.approx(2 / 3, abs=1e-15)
        assert model.quorum_probability(needed) == 1
        assert isinstance(model, QuorumModel)
    with raising("QuorumParameters"):
        FixedQuorum(Fraction(1))


def test_every_published_set_names_its_source_and_a_network_that_there_is() -> None:
    for network, found in PUBLISHED.items():
        assert network in NETWORKS
        assert "IntersectMBO/mithril" in found.source
        assert found.to_dict() == {"model": "lottery", "k": 1944, "m": 16948, "phi_f": 0.2, "source": found.source}


def test_asking_for_the_package_does_not_load_scipy() -> None:
    code = (
        "import sys, release_tools.forecasting.lottery, release_tools.forecasting.forecast; "
        "sys.exit('scipy' in sys.modules or 'numpy' in "
        "sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

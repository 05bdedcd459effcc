"""The forecast: who counts when, what the trend may come to, whom to call, and what is said when nothing can be."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from era_store import Registration, SqlRegistrations, temporary_registrations
from eras import Epoch
from release_tools import Compatibility
from release_tools.adoption.compatibility import EraNotListedError
from release_tools.adoption.summary import NoRegistrationsError
from release_tools.forecasting.documents import AdoptionForecast, ChanceDocument, Phase
from release_tools.forecasting.forecast import ForecastOrder, forecast
from release_tools.forecasting.lottery import FixedQuorum, Lottery
from release_tools.forecasting.lottery_parameters import SourcedQuorum
from release_tools.forecasting.reliability import Reliability, read_signatures
from release_tools.forecasting.result import Forecast
from release_tools.forecasting.trend import HORIZON_EPOCHS, MIN_POINTS, ReadyPoint, fit_trend
from tests.errors import raising

TABLE = Compatibility.of({"pythagoras": ">=2.0.0"})
LOTTERY = SourcedQuorum(Lottery(1944, 16948, 0.2), "a test")
OLD, NEW = "1.0.0", "2.0.0"


def registrations(*epochs: tuple[int, Mapping[str, tuple[str | None, int]]]) -> SqlRegistrations:
    """Epoch → party → version and stake."""
    repository = temporary_registrations()
    rows = [
        Registration(party, Epoch(epoch), version, stake, float(epoch), "test")
        for epoch, parties in epochs
        for party, (version, stake) in parties.items()
    ]
    repository.ingest(rows, source="test", time_s=0.0)
    return repository


def split(ready: int, other: int) -> dict[str, tuple[str | None, int]]:
    return {"ready": (NEW, ready), "other": (OLD, other)}


def order(at: int, **changes: object) -> ForecastOrder:
    return ForecastOrder("pythagoras", Epoch(at), **{"quorum": LOTTERY, **changes})  # type: ignore[arg-type]


def forecast_of(repository: SqlRegistrations, at: int, **changes: object) -> Forecast:
    return forecast(repository, order(at, **changes), compatibility=TABLE)


def steady_share(epoch: int) -> float:
    """The ready share of a network that upgrades slowly, fast, and slowly again."""
    return math.sin(0.1 + 0.06 * epoch) ** 2


def steady_world(epochs: int = 6) -> SqlRegistrations:
    """A thousand parties' worth of stake that upgrades exactly so, from epoch 1 on."""
    total = 10**15
    ready = {epoch: round(total * steady_share(epoch)) for epoch in range(1, epochs + 1)}
    return registrations(*((epoch, split(stake, total - stake)) for epoch, stake in ready.items()))


# --- who counts when


def test_the_danger_is_right_after_the_switch_and_then_the_denominator_shrinks() -> None:
    """60 of 100 are ready and stay it. Registered two epochs before they sign, the other 40 count until epoch 11."""
    repository = registrations((5, split(60, 40)))
    repository.set_network_stake(Epoch(6), 200, source="test", time_s=0.0)
    found = forecast_of(repository, 10)
    rows = {
        one.epoch: (one.phase, one.registered_at, one.signing_share.value, one.share_behind.value)
        for one in found.epochs
    }
    assert rows == {
        6: (Phase.BEFORE, 4, 1.0, 0.5),
        7: (Phase.BEFORE, 5, 1.0, 0.5),
        8: (Phase.BEFORE, 6, 1.0, 0.5),
        9: (Phase.BEFORE, 7, 1.0, 0.5),
        10: (Phase.DANGER, 8, 0.6, 0.3),
        11: (Phase.DANGER, 9, 0.6, 0.3),
        12: (Phase.AFTER, 10, 1.0, 0.3),
        13: (Phase.AFTER, 11, 1.0, 0.3),
        14: (Phase.AFTER, 12, 1.0, 0.3),
    }
    chances = [one.quorum_probability.value for one in found.epochs]
    assert chances[4] == LOTTERY.model.quorum_probability(0.6) < 1
    assert (chances[:4], chances[6:]) == ([1.0] * 4, [1.0] * 3)
    assert found.danger.epoch == 10


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_the_lag_says_how_long_the_danger_lasts(lag: int) -> None:
    found = forecast_of(registrations((5, split(60, 40))), 10, lag_epochs=lag)
    dangerous = [one.epoch for one in found.epochs if one.phase is Phase.DANGER]
    assert dangerous == list(range(10, 10 + lag))


def test_without_the_networks_stake_what_is_behind_is_of_what_is_registered_today() -> None:
    found = forecast_of(registrations((5, split(60, 40))), 10)
    assert found.network_stake is None
    assert found.danger.share_behind.value == 0.6
    assert any("whole network is not known" in note for note in found.notes)


def test_a_network_stake_below_what_registered_is_not_believed() -> None:
    repository = registrations((5, split(60, 40)))
    repository.set_network_stake(Epoch(6), 99, source="test", time_s=0.0)
    assert forecast_of(repository, 10).network_stake is None


def test_epochs_that_have_not_begun_are_not_looked_at() -> None:
    repository = registrations((1, split(40, 60)), (9, {"stranger": (NEW, 1)}))
    assert forecast_of(repository, 20).now.epoch == 9
    assert forecast_of(repository, 20, current=Epoch(8)).now.epoch == 1
    with pytest.raises(NoRegistrationsError, match="got none up to epoch 0"):
        forecast_of(repository, 20, current=Epoch(0))


def test_a_fixed_quorum_is_forecast_in_the_same_way() -> None:
    two_thirds = SourcedQuorum(FixedQuorum(), "a test")
    for ready, chance in ((66, 0.0), (67, 1.0)):
        found = forecast_of(registrations((5, split(ready, 100 - ready))), 10, quorum=two_thirds)
        assert found.danger.quorum_probability.value == chance


# --- the trend


def test_a_steady_rise_is_found_and_followed() -> None:
    found = forecast_of(steady_world(), 12)
    assert found.trend is not None
    assert found.trend.drift == pytest.approx(0.06, abs=1e-9)
    assert found.trend.deviation == pytest.approx(0, abs=1e-9)
    danger = [one for one in found.epochs if one.phase is Phase.DANGER]
    assert [one.epoch for one in danger] == [12, 13]
    assert [one.signing_share.value for one in danger] == pytest.approx([steady_share(12), steady_share(13)])
    needed = found.ready_share_needed
    assert needed is not None
    assert steady_share(12) < needed < steady_share(13)
    assert found.reached is not None
    assert found.reached.expected == 13


def test_epochs_without_registrations_are_steps_of_more_than_one() -> None:
    whole = 10**15
    seen = {epoch: round(whole * steady_share(epoch)) for epoch in (1, 2, 5, 9)}
    found = forecast_of(registrations(*((at, split(ready, whole - ready)) for at, ready in seen.items())), 12)
    assert found.trend is not None
    assert found.trend.drift == pytest.approx(0.06)
    assert found.trend.deviation == pytest.approx(0, abs=1e-6)
    assert found.trend.share(Epoch(12)).value == pytest.approx(steady_share(12))


def test_the_trend_goes_on_from_what_is_ready_now() -> None:
    trend = fit_trend(points(0.0, 0.0, 0.0, 0.2, 0.21, 0.21))
    assert trend is not None
    now = trend.share(Epoch(5))
    assert now.value == pytest.approx(0.21)
    assert now.low == pytest.approx(0.21)
    assert now.high == pytest.approx(0.21)
    assert trend.share(Epoch(6)).value < 0.35, "it does not follow the jump of one epoch for ever"


def rollout_shares(kind: str, random: numpy.random.Generator) -> list[float]:
    """The ready shares of a rollout: parties of very unequal stake upgrade one after the other."""
    stakes = 1 / numpy.arange(2.0, random.choice([42, 202]))
    span = random.uniform(10, 25)
    when = random.uniform(0, span, len(stakes))
    if kind == "s-shaped":
        when = span / 2 + random.logistic(0, span / 10, len(stakes))
    elif kind == "never":
        when[random.random(len(stakes)) < 0.15] = 1e9
    elif kind == "stalled":
        when = numpy.where(random.random(len(stakes)) < 0.4, 1e9, random.uniform(0, 6, len(stakes)))
    elif kind == "giant":
        stakes[0] = stakes[1:].sum() / 3
        when[0] = random.uniform(0.5, 1.2) * span
    here = random.random((14, len(stakes))) > (0.08 if kind == "absent" else 0)
    return [float((stakes * here[at])[when <= at].sum() / (stakes * here[at]).sum()) for at in range(14)]


@pytest.mark.parametrize(
    ("kind", "off"),
    [("linear", 0.06), ("s-shaped", 0.06), ("never", 0.06), ("giant", 0.06), ("absent", 0.06), ("stalled", 0.13)],
)
def test_rollouts_that_are_simulated_are_not_made_to_look_better_than_they_are(kind: str, off: float) -> None:
    """Six epochs are seen; what is ready two epochs on? These are the figures of docs/forecast.md."""
    random = numpy.random.default_rng(7)
    errors, below, above = [], 0, 0
    for _ in range(500):
        begin = int(random.integers(0, 6))
        shares = rollout_shares(kind, random)[begin : begin + 8]
        trend = fit_trend(points(*shares[:6]))
        if trend is None:
            continue
        estimate = trend.share(Epoch(7))
        assert estimate.low is not None
        assert estimate.high is not None
        errors.append(estimate.value - shares[7])
        below += shares[7] < estimate.low - 1e-9
        above += shares[7] > estimate.high + 1e-9
    assert abs(float(numpy.mean(errors))) < off
    assert below / len(errors) < 0.05
    assert above / len(errors) < 0.14


def test_more_that_is_ready_never_makes_a_quorum_less_likely_than_it_is_today() -> None:
    """A leap upwards is no sign of a fall to come: nobody who was ready has ever gone back."""
    leap = forecast_of(shares_of(0.3, 0.3, 0.3, 0.3, 0.3, 0.9), 8)
    assert leap.trend is not None
    assert leap.trend.falls == 0
    assert leap.danger.quorum_probability.value > 0.9999
    assert leap.danger.signing_share.low == pytest.approx(0.9)
    fallen = forecast_of(shares_of(0.3, 0.6, 0.45, 0.75, 0.65, 0.9), 8)
    assert fallen.trend is not None
    assert 0 < fallen.trend.falls < 1
    assert fallen.danger.quorum_probability.value < 0.9999


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=MIN_POINTS, max_size=12), st.integers(1, 50))
def test_what_has_never_fallen_is_not_forecast_to_fall(shares: list[float], ahead: int) -> None:
    trend = fit_trend(points(*sorted(shares)))
    if trend is None:
        assert len({point.share for point in points(*shares)}) == 1
        return
    low = trend.share(Epoch(trend.last + ahead)).low
    assert low is not None
    assert low >= points(max(shares))[0].share - 1e-9


def test_what_fell_as_much_as_it_rose_strays_both_ways_alike() -> None:
    trend = fit_trend(points(0.5, 0.6, 0.5, 0.6, 0.5, 0.6, 0.5))
    assert trend is not None
    assert trend.falls == 1
    estimate = trend.share(Epoch(7))
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.value - estimate.low == pytest.approx(estimate.high - estimate.value)


def test_where_nothing_moved_no_trend_is_said() -> None:
    """An interval without a width would be a promise that nothing ever moves."""
    for share in (0.0, 0.3, 1.0):
        found = forecast_of(shares_of(*[share] * 6), 8)
        assert (found.trend, found.danger.signing_share.low) == (None, None)
        assert found.danger.signing_share.value == share
        assert any("6 epochs of registrations in which the ready share did not move" in note for note in found.notes)
    assert forecast_of(shares_of(0.0, 0.0, 0.0, 0.001), 6).trend is not None


def test_registrations_that_are_old_are_noted() -> None:
    for current, epoch, noted in ((5, None, False), (6, None, False), (7, None, True), (7, 5, False)):
        found = forecast_of(
            registrations((5, split(60, 40))), 10, current=Epoch(current), epoch=None if epoch is None else Epoch(epoch)
        )
        assert any("newest registrations are of epoch 5" in note for note in found.notes) is noted


def test_the_stake_behind_goes_on_with_those_that_come_back() -> None:
    found = forecast_of(steady_world(), 12)
    after = [one for one in found.epochs if one.phase is Phase.AFTER]
    assert [one.registered_at for one in after] == [12, 13, 14]
    assert after[0].share_behind.value == pytest.approx(steady_share(12), abs=1e-9)
    assert after[0].share_behind.value < after[1].share_behind.value < after[2].share_behind.value
    assert all(one.signing_share.value == 1 for one in after)


def test_few_epochs_say_no_trend_and_it_is_said() -> None:
    for epochs in range(1, MIN_POINTS):
        found = forecast_of(steady_world(epochs), epochs + 5)
        assert (found.trend, found.reached) == (None, None)
        assert any(f"No trend can be derived from {epochs} epoch" in note for note in found.notes)
        assert found.danger.signing_share.value == found.now.share
        assert found.danger.signing_share.low is None
    assert forecast_of(steady_world(MIN_POINTS), MIN_POINTS + 5).trend is not None


def points(*shares: float, parties: int = 100) -> list[ReadyPoint]:
    return [ReadyPoint(Epoch(epoch), round(share * 10**12), 10**12, parties) for epoch, share in enumerate(shares)]


@pytest.mark.parametrize("seen", [range(8), (0, 1, 2, 9, 10, 11)])
def test_the_interval_holds_what_it_promises(seen: Sequence[int]) -> None:
    """Of 2,000 histories that stray some 95 % have what comes three epochs later within the interval."""
    random = numpy.random.default_rng(5)
    inside = 0
    for _ in range(2_000):
        angles = 0.4 + numpy.cumsum(random.normal(0.04, 0.02, seen[-1] + 4))
        history = [float(value) for value in numpy.sin(angles) ** 2]
        of_epoch = points(*history)
        trend = fit_trend([of_epoch[epoch] for epoch in seen])
        assert trend is not None
        estimate = trend.share(of_epoch[-1].epoch)
        assert estimate.low is not None
        assert estimate.high is not None
        inside += estimate.low <= history[-1] <= estimate.high
    assert abs(inside / 2_000 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 2_000)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=MIN_POINTS, max_size=12), st.integers(0, 300))
def test_a_trend_never_leaves_the_possible(shares: list[float], epoch: int) -> None:
    trend = fit_trend(points(*shares))
    if trend is None:
        return
    estimate = trend.share(Epoch(epoch))
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert 0 <= trend.falls <= 1


def test_a_falling_trend_never_arrives() -> None:
    trend = fit_trend(points(0.5, 0.45, 0.41, 0.37, 0.32))
    assert trend is not None
    reached = trend.reached(0.6, Epoch(5))
    assert (reached.expected, reached.latest) == (None, None)
    steady = fit_trend(points(0.3, 0.3, 0.3, 0.3, 0.3 - 1e-9))
    assert steady is not None
    assert steady.reached(0.6, Epoch(5)).earliest is None
    assert HORIZON_EPOCHS >= 200


def test_the_chance_is_the_mean_over_what_the_trend_may_come_to() -> None:
    """Half the time the share needed is there, half the time it is not; the middle alone would say yes or no."""
    shares = (0.10, 0.12, 0.20, 0.22, 0.35, 0.36)
    rows = [(epoch, split(round(share * 10**9), 10**9 - round(share * 10**9))) for epoch, share in enumerate(shares)]
    found = forecast_of(registrations(*rows), 8)
    danger = found.danger
    assert danger.signing_share.low is not None
    assert danger.quorum_probability.at_low == pytest.approx(0, abs=1e-3)
    assert danger.quorum_probability.at_high == pytest.approx(1, abs=1e-3)
    trend, needed = found.trend, found.share_needed
    assert trend is not None
    assert needed is not None
    random_shares = trend.shares(danger.epoch, [(index + 0.5) / 5_000 for index in range(5_000)])
    mean = sum(LOTTERY.model.quorum_probability(share) for share in random_shares) / 5_000
    assert danger.quorum_probability.value == pytest.approx(mean, abs=2e-3)
    assert 0.05 < mean < 0.95
    assert danger.failure_probability.value == pytest.approx(1 - mean, abs=2e-3)
    assert danger.failure_probability.at_low == pytest.approx(1, abs=1e-3)


def shares_of(*shares: float) -> SqlRegistrations:
    """Registrations of which these shares are ready, epoch after epoch."""
    whole = 10**9
    ready = (round(share * whole) for share in shares)
    return registrations(*((epoch, split(stake, whole - stake)) for epoch, stake in enumerate(ready)))


def rising() -> SqlRegistrations:
    """It fell once."""
    return shares_of(0.60, 0.66, 0.64, 0.72, 0.75, 0.77)


def test_the_mean_is_exact_in_the_tail() -> None:
    """Of a quorum that is there or not the mean is the chance that the trend comes to its share."""
    lowest = [(n + 0.5) / 100_000 for n in range(1_000)]
    others = [(n + 0.5) / 100 for n in range(1, 100)]
    for share in (Fraction(56, 100), Fraction(60, 100), Fraction(64, 100)):
        found = forecast_of(rising(), 8, quorum=SourcedQuorum(FixedQuorum(share), "a test"))
        trend, danger = found.trend, found.danger
        assert trend is not None
        below = sum(of < share for of in trend.shares(danger.epoch, lowest))
        assert min(trend.shares(danger.epoch, others)) >= share
        assert 1e-3 <= below / 100_000 < 5e-3
        assert danger.failure_probability.value == pytest.approx(below / 100_000, rel=0.07)
        assert danger.quorum_probability.value + danger.failure_probability.value == pytest.approx(1)


def test_a_mean_below_the_chance_at_the_low_end_is_explained() -> None:
    found = forecast_of(rising(), 8)
    danger = found.danger
    assert danger.quorum_probability.at_low is not None
    assert danger.quorum_probability.value < danger.quorum_probability.at_low
    assert ChanceDocument.model_fields.keys() == {"value", "at_low", "at_high"}
    (note,) = (note for note in found.notes if "1 in 40" in note)
    assert note.startswith(f"The chance of a quorum in epoch {danger.epoch} also counts")
    assert not any("1 in 40" in note for note in forecast_of(steady_world(), 12).notes)


# --- reliability


def test_a_party_that_registers_and_does_not_sign_counts_as_it_did() -> None:
    """Of the ready stake 75 % signed; the largest of those not ready never signs, so calling it gains nothing."""
    parties: dict[str, tuple[str | None, int]] = {
        "a": (NEW, 30), "b": (NEW, 10), "mute": (OLD, 40), "c": (OLD, 15), "d": (OLD, 5)
    }  # fmt: skip
    repository = registrations((4, parties), (5, parties))
    signatures = {Epoch(6): frozenset("abcd"), Epoch(7): frozenset("acd")}
    found = forecast_of(repository, 10, signatures=signatures)
    reliability = found.reliability
    assert reliability.parties == {"a": 1.0, "b": 0.5, "mute": 0.0, "c": 1.0, "d": 1.0}
    assert reliability.average == pytest.approx((30 + 10 + 20 + 30 + 20) / 200)
    assert reliability.words == "measured in epochs 6 to 7, over 5 parties"
    assert found.danger.signing_share.value == pytest.approx(0.40 * 35 / 40)
    assert found.epochs[0].signing_share.value == pytest.approx((30 + 5 + 0 + 15 + 5) / 100)
    assert [call.party_id for call in found.calls] == ["c", "d"]
    assert not found.calls_suffice
    assert found.ready_share_needed == pytest.approx((found.share_needed or 0) / (35 / 40))


def test_reliability_is_assumed_only_in_plain_words() -> None:
    found = forecast_of(registrations((5, split(60, 40))), 10)
    assert found.reliability.average == 1
    assert "Reliability is assumed to be 1: no source states which parties signed" in found.notes
    stated = forecast_of(registrations((5, split(60, 40))), 10, reliability=0.9)
    assert stated.danger.signing_share.value == pytest.approx(0.54)
    assert not any("Reliability" in note for note in stated.notes)


def test_so_unreliable_that_not_even_all_are_enough() -> None:
    found = forecast_of(registrations((5, split(60, 40))), 10, reliability=0.5)
    assert found.share_needed is not None
    assert (found.ready_share_needed, found.reached, found.calls_suffice) == (None, None, False)
    assert [call.party_id for call in found.calls] == ["other"]


def test_signatures_of_other_epochs_say_nothing_and_that_is_an_error() -> None:
    with raising("SignaturesFile", match=r"signatures of epochs 7 to 7, 2 after.* got epochs 99"):
        forecast_of(registrations((5, split(60, 40))), 10, signatures={Epoch(99): frozenset({"ready"})})


@pytest.mark.parametrize(
    "text",
    [
        "epoch,party_id\n7,a\n7,b\n8,a\n",
        '{"epoch":7,"party_id":"a"}\n{"epoch":7,"party_id":"b"}\n\n{"epoch":8,"party_id":"a"}\n',
    ],
)
def test_signatures_are_read_from_csv_and_json_lines(text: str) -> None:
    assert read_signatures(text) == {7: {"a", "b"}, 8: {"a"}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a header with epoch and party_id, got nothing"),
        ("epoch;party_id\n1;a", "got epoch;party_id"),
        ("epoch,party_id\n7,a\nx,b\n", "line 3: an epoch and a party_id"),
        ("epoch,party_id\n7\n", "line 2"),
        ("epoch,party_id\n-7,a\n", "line 2"),
        ('{"epoch":7,"party_id":""}', "line 1"),
        ('{"epoch":7.5,"party_id":"a"}', "line 1"),
        ('{"epoch":7,"party_id":"a"}\n{"epoch"', "line 2: a JSON object"),
        ('{"epoch":7,"party_id":"a"}\n[1]', "line 2: a JSON object"),
        ('epoch,party_id\n7,"' + "x" * 200_000 + '"\n', "CSV, got field larger"),
    ],
)
def test_broken_signature_files(text: str, words: str) -> None:
    with raising("SignaturesFile") as caught:
        read_signatures(text)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_party_never_watched_has_the_average() -> None:
    rows = [Registration("a", Epoch(5), NEW, 3, 0, "t"), Registration("b", Epoch(5), NEW, 1, 0, "t")]
    measured = Reliability.measured(rows, {Epoch(7): frozenset("a")}, lag_epochs=2)
    assert measured is not None
    assert (measured.of("a"), measured.of("b"), measured.of("c")) == (1.0, 0.0, 0.75)


# --- whom to call


def test_the_fewest_calls_largest_first() -> None:
    parties: dict[str, tuple[str | None, int]] = {"ready": (NEW, 40), "e": (None, 5), "d": ("junk", 6)}
    parties |= {"a": (OLD, 25), "b": (OLD, 14), "c": (OLD, 10)}
    found = forecast_of(registrations((5, parties)), 10)
    assert [(call.party_id, call.stake, call.version) for call in found.calls] == [("a", 25, OLD)]
    assert found.calls[0].ready_share_after == pytest.approx(0.65)
    assert found.calls[0].quorum_probability_after == LOTTERY.model.quorum_probability(0.65)
    assert found.calls_suffice
    more = forecast_of(registrations((5, parties)), 10, reliability=0.9)
    assert [call.party_id for call in more.calls] == ["a", "b"][: len(more.calls)]


def test_nobody_is_called_when_enough_are_ready() -> None:
    found = forecast_of(registrations((5, split(90, 10))), 10)
    assert (found.calls, found.calls_suffice) == ((), True)
    assert found.reached is not None
    assert (found.reached.earliest, found.reached.expected, found.reached.latest) == (5, 5, 5)


def test_at_exactly_the_share_that_must_be_exceeded_somebody_is_called() -> None:
    more_than_a_third = SourcedQuorum(FixedQuorum(Fraction(1, 3)), "a test")
    found = forecast_of(registrations((5, split(1, 2))), 10, quorum=more_than_a_third)
    assert (found.danger.quorum_probability.value, found.calls_suffice) == (0, True)
    assert [call.party_id for call in found.calls] == ["other"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 10**15)), min_size=1, max_size=30), st.floats(0.5, 1))
def test_calls_end_where_the_probability_is_reached(parties: list[tuple[bool, int]], reliability: float) -> None:
    entries: dict[str, tuple[str | None, int]] = {
        f"pool{index}": (NEW if ready else OLD, stake) for index, (ready, stake) in enumerate(parties)
    }
    found = forecast_of(registrations((5, entries)), 10, reliability=reliability)
    stakes = [call.stake for call in found.calls]
    assert stakes == sorted(stakes, reverse=True)
    if found.calls and found.calls_suffice:
        assert found.calls[-1].quorum_probability_after >= 0.999
        assert all(call.quorum_probability_after < 0.999 for call in found.calls[:-1])
    else:
        assert found.calls_suffice or len(found.calls) == sum(not ready for ready, _ in parties)


# --- what cannot be asked


def test_what_cannot_be_forecast_is_said() -> None:
    repository = registrations((5, split(60, 40)), (6, {"a": (NEW, 0)}))
    for at in (5, 106):
        with pytest.raises(match=f"A switch at epoch {at} cannot be forecast: expected an epoch from"):
            forecast_of(repository, at, epoch=Epoch(5))
    with raising("ForecastRange", match="The lag from a registration"):
        forecast_of(repository, 10, epoch=Epoch(5), lag_epochs=0)
    with pytest.raises(NoRegistrationsError, match="registrations of epoch 4, got none"):
        forecast_of(repository, 10, epoch=Epoch(4))
    with pytest.raises(NoRegistrationsError, match=r"registrations of epoch 6, got none\."):
        forecast_of(repository, 10, epoch=Epoch(6))
    with pytest.raises(NoRegistrationsError):
        forecast_of(registrations(), 10)
    with raising("QuorumParameters"):
        forecast_of(repository, 10, probability=0)
    with pytest.raises(EraNotListedError, match="Did you mean 'pythagoras'"):
        forecast(repository, ForecastOrder("pythagora", Epoch(10), LOTTERY), compatibility=TABLE)


def test_wild_swings_of_the_registered_stake_are_noted() -> None:
    found = forecast_of(registrations((4, split(60, 40)), (5, split(600, 400))), 10)
    assert any("swings from" in note for note in found.notes)


def test_the_document_is_json() -> None:
    import json

    found = forecast_of(steady_world(), 12).document()
    document = json.loads(json.dumps(found.to_dict()))
    assert AdoptionForecast.model_validate(document) == found
    assert document["quorum"] == {"model": "lottery", "k": 1944, "m": 16948, "phi_f": 0.2, "source": "a test"}
    assert document["danger"] in document["epochs"]
    assert {"share_needed", "ready_share_needed", "reached", "calls", "notes", "observed", "trend"} <= set(document)

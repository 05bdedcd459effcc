"""Which payload wins: the rules of ``chain_reader.trust.rules`` as tables and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_reader import ChainFacts, DatumOutput, ScreenedOutput, is_successor
from chain_reader.trust.kinds import only_adds
from chain_reader.trust.rules import choose, legacy_choice
from chain_reader.trust.state import TrustState
from chain_reader.trust.verdicts import Conflict, Impostor, Replayed, Superseded
from datum import Accepted, EraMarkersPayload, Malformed, WrongSigner, encode_datum, screen
from eras import Epoch, EraMarker
from tests.chain_reader.conftest import KEY, OTHER_KEY, Schedule, datum_of, markers

NOW = Epoch(5)


@pytest.mark.parametrize(
    ("old", "new", "allowed", "adds"),
    [
        ({"t": 1}, {"t": 1}, True, True),
        # append
        ({"t": 1}, {"t": 1, "p": None}, True, True),
        ({"t": 1}, {"t": 1, "p": 9}, True, True),
        ({"t": 1}, {"t": 1, "p": 4}, True, True),  # seen late
        ({}, {"t": 1}, True, True),
        # give an announced one its epoch
        ({"t": 1, "p": None}, {"t": 1, "p": 9}, True, True),
        ({"t": 1, "p": None}, {"t": 1, "p": 5}, True, True),
        # move, cancel, or take back to an announcement, while it is in the future
        ({"t": 1, "p": 9}, {"t": 1, "p": 12}, True, False),
        ({"t": 1, "p": 9}, {"t": 1, "p": 6}, True, False),
        ({"t": 1, "p": 9}, {"t": 1}, True, False),
        ({"t": 1, "p": None}, {"t": 1}, True, False),
        ({"t": 1, "p": 9}, {"t": 1, "p": None}, True, False),
        # drop one that is past
        ({"t": 1, "p": 3}, {"p": 3}, True, True),
        ({"t": 1}, {"p": 4}, True, True),  # seen late
        ({"t": 1, "p": 2, "l": 3}, {"t": 1, "l": 3}, True, True),  # between two that stay
        # never alter or drop what has happened
        ({"t": 1}, {}, False, False),
        ({"t": 1}, {"p": 9}, False, False),
        ({"t": 1}, {"t": 2}, False, False),
        ({"t": 1}, {"t": 9}, False, False),
        ({"t": 1}, {"t": None}, False, False),
        ({"t": 1, "p": 3}, {"t": 1}, False, False),
        ({"t": 1, "p": 3}, {"t": 1, "p": 9}, False, False),
        ({"t": 1, "p": 3}, {"t": 2, "p": 3}, False, False),
        ({"t": 1, "p": 5}, {"t": 1, "p": 6}, False, False),
        # nor put one before the current one
        ({"t": 3}, {"t": 3, "p": 2}, False, False),
        ({"t": 3}, {"t": 3, "p": 3}, False, False),
        ({"t": 3, "p": None}, {"t": 3, "p": 1}, False, False),
    ],
)
def test_what_a_successor_may_do(old: Schedule, new: Schedule, allowed: bool, adds: bool):
    assert is_successor(markers(old), markers(new), NOW) is allowed
    assert only_adds(markers(old), markers(new), NOW) is adds


@pytest.mark.parametrize(
    ("old", "new", "postpones"),
    [
        ({"t": 1, "p": 9}, {"t": 1, "p": 12}, True),
        ({"t": 1, "p": 9}, {"t": 1, "p": 12, "q": None}, True),
        ({"t": 1, "p": 9}, {"t": 1, "p": 6}, False),
        ({"t": 1, "p": 9}, {"t": 1}, False),
        ({"t": 1, "p": 9}, {"t": 1, "p": None}, False),
        ({"t": 1, "p": 9, "q": 11}, {"t": 1, "p": 10}, False),
        ({"t": 1, "p": 5}, {"t": 1, "p": 6}, False),  # it has happened
    ],
)
def test_an_era_is_moved_to_a_later_epoch_rather_than_to_an_earlier_one(old: Schedule, new: Schedule, postpones: bool):
    assert only_adds(markers(old), markers(new), NOW, or_postpones=True) is postpones
    assert not only_adds(markers(new), markers(old), NOW, or_postpones=True) or not postpones


def test_an_era_that_comes_twice_keeps_both_activations():
    twice = (EraMarker("t", Epoch(1)), EraMarker("t", Epoch(4)))
    assert is_successor(twice[:1], twice, NOW)
    assert is_successor(twice, twice[1:], NOW)
    assert not is_successor(twice, twice[:1], NOW)


schedules = st.dictionaries(st.sampled_from("tpl"), st.none() | st.integers(0, 10), max_size=3)


@given(schedules, schedules, st.integers(0, 10))
def test_a_successor_never_changes_the_current_era_of_the_past(old: Schedule, new: Schedule, epoch: int):
    """Whatever is current at an epoch up to the old current era's beginning stays so, or is retired as a whole."""
    if not is_successor(markers(old), markers(new), Epoch(epoch)):
        return
    happened = {name: begin for name, begin in old.items() if begin is not None and begin <= epoch}
    begun_later = max((b for b in new.values() if b is not None and b <= epoch), default=-1)
    for name, begin in happened.items():
        assert new.get(name, "dropped") in (begin, "dropped")
        if name not in new:
            assert begin < begun_later


@given(schedules, schedules, st.integers(0, 10), st.booleans())
def test_two_schedules_never_both_only_add_to_each_other(one: Schedule, other: Schedule, epoch: int, postpones: bool):
    if one != other:
        both = (
            only_adds(markers(one), markers(other), Epoch(epoch), or_postpones=postpones),
            only_adds(markers(other), markers(one), Epoch(epoch), or_postpones=postpones),
        )
        assert not all(both)


def outputs(*schedules: Schedule | str, first: int = 0) -> tuple[ScreenedOutput, ...]:
    """Outputs in the order given, of transactions ``01…``, ``02…``; a text is a datum."""
    datums = [schedule if isinstance(schedule, str) else datum_of(schedule) for schedule in schedules]
    made = [DatumOutput(f"{n:064x}", 0, datum, 1) for n, datum in enumerate(datums, start=first)]
    return tuple(map(ScreenedOutput, made, screen(datums, KEY.verification_key)))


def names(screened: tuple[ScreenedOutput, ...]) -> list[str]:
    return [item.verdict.name for item in screened]


def in_force(state: TrustState) -> Schedule | None:
    if state.trusted is None:
        return None
    assert isinstance(state.trusted.verdict, Accepted)
    return {marker.name: marker.epoch for marker in state.trusted.verdict.verified.markers}


T, TP, TP9 = {"t": 1}, {"t": 1, "p": None}, {"t": 1, "p": 9}


class TestWithoutInputs:
    """A bare set of outputs: the ratchet alone (rule T4)."""

    @pytest.mark.parametrize(
        ("present", "winner"),
        [
            ([T], T),
            ([T, TP9], TP9),
            ([TP9, T], TP9),
            ([T, TP, TP9], TP9),
            ([TP9, TP9], TP9),
            ([TP9, TP, T, {"t": 1, "p": 9, "l": 12}], {"t": 1, "p": 9, "l": 12}),
            ([{"t": 1, "p": 4}, {"p": 4}], {"p": 4}),
            ([{"t": 1, "p": 4}, T], {"t": 1, "p": 4}),
            ([{"t": 1, "p": 4}, {"t": 1, "p": 9}], {"t": 1, "p": 4}),
        ],
    )
    def test_the_successor_of_all_others_wins_in_any_order(self, present: list[Schedule], winner: Schedule):
        for order in (present, present[::-1]):
            screened, state = choose(outputs(*order), TrustState(), NOW)
            assert in_force(state) == winner
            assert names(screened) == ["Accepted" if schedule == winner else "Replayed" for schedule in order]

    def test_a_contradiction_without_anything_trusted_leaves_the_first_valid_one(self):
        other = {"t": 1, "l": 12}
        screened, state = choose(outputs("junk", TP9, other), TrustState(), NOW)
        assert in_force(state) == TP9
        assert names(screened) == ["Malformed", "Accepted", "Conflict"]

    def test_a_postponement_without_anything_trusted_wins_in_any_order(self):
        moved = {"t": 1, "p": 12}
        for order in ((TP9, moved), (moved, TP9)):
            screened, state = choose(outputs(*order), TrustState(), NOW)
            assert in_force(state) == moved
            assert sorted(names(screened)) == ["Accepted", "Replayed"]

    def test_beside_the_output_that_is_trusted_a_later_epoch_wins_nothing(self):
        _, state = choose(outputs(TP9), TrustState(), NOW)
        screened, state = choose(outputs(TP9, {"t": 1, "p": 12}), state, NOW)
        assert in_force(state) == TP9
        assert names(screened) == ["Accepted", "Conflict"]

    def test_a_copy_of_what_is_trusted_is_worth_nothing_once_its_output_is_spent(self):
        moved = {"t": 1, "p": 12}
        for other in (moved, T):
            _, state = choose(outputs(TP9), TrustState(), NOW)
            copy = outputs(TP9, first=3)
            assert in_force(choose(copy, state, NOW)[1]) == TP9
            screened, after = choose((*copy, *outputs(other, first=5)), state, NOW)
            assert in_force(after) == other
            assert names(screened) == ["Replayed", "Accepted"]
            _, behind = choose((*copy, *outputs(other, first=5)), state, NOW, ChainFacts(lagging=True))
            assert in_force(behind) == TP9  # an old tip may not have it yet

    def test_a_contradiction_leaves_what_was_trusted(self):
        moved = {"t": 1, "p": 12}
        _, state = choose(outputs(moved), TrustState(), NOW)
        screened, state = choose(outputs(TP9, moved), state, NOW)
        assert in_force(state) == moved
        assert names(screened) == ["Conflict", "Accepted"]

    def test_what_would_change_the_past_is_a_conflict(self):
        _, state = choose(outputs({"t": 1, "p": 4}), TrustState(), NOW)
        screened, state = choose(outputs({"t": 1, "p": 4}, {"t": 2, "l": 5}), state, NOW)
        assert in_force(state) == {"t": 1, "p": 4}
        assert names(screened) == ["Accepted", "Conflict"]

    def test_a_move_wins_once_the_old_payload_is_spent(self):
        _, state = choose(outputs(TP9), TrustState(), NOW)
        screened, state = choose(outputs({"t": 1, "p": 12}, first=5), state, NOW)
        assert in_force(state) == {"t": 1, "p": 12}
        assert names(screened) == ["Accepted"]

    def test_once_superseded_a_payload_never_wins_again(self):
        _, state = choose(outputs(TP9), TrustState(), NOW)
        _, state = choose(outputs(T, first=1), state, NOW)  # cancelled: the output is spent
        assert in_force(state) == T
        for present in ([TP9], [T, TP9], [TP9, T], []):
            screened, state = choose(outputs(*present, first=7), state, NOW)
            assert in_force(state) == T
            assert names(screened) == ["Replayed" if schedule == TP9 else "Accepted" for schedule in present]

    def test_what_was_trusted_stays_when_it_vanishes(self):
        _, state = choose(outputs(TP9), TrustState(), NOW)
        assert choose((), state, NOW) == ((), state)
        _, state = choose(outputs("junk"), state, NOW)
        assert in_force(state) == TP9

    def test_unknown_inputs_are_not_taken_for_foreign_ones(self):
        screened, _ = choose(outputs(T), TrustState(), NOW, ChainFacts(newest_first=True))
        assert names(screened) == ["Accepted"]


class TestWithInputs:
    """The newest output counts whose transaction spends at the era address (rule T2)."""

    @staticmethod
    def choose(present: list[Schedule | str], team: list[bool], state: TrustState | None = None, first: int = 0):
        screened = outputs(*present, first=first)
        spends = {item.output.transaction: own for item, own in zip(screened, team, strict=True)}
        return choose(screened, state or TrustState(), NOW, ChainFacts(spends, newest_first=True))

    def test_a_replay_is_an_impostor_though_it_is_the_newest(self):
        screened, state = self.choose([T, TP9, T], [False, True, True])
        assert in_force(state) == TP9
        assert names(screened) == ["Impostor", "Accepted", "Superseded"]

    def test_the_newest_of_the_team_wins_even_when_it_cancels(self):
        _, state = self.choose([TP9], [True], first=2)
        screened, state = self.choose([TP9, T, TP9], [False, True, True], state)
        assert in_force(state) == T
        assert names(screened) == ["Impostor", "Accepted", "Superseded"]

    def test_impostors_alone_are_trusted_by_nobody(self):
        screened, state = self.choose([T, TP9], [False, False])
        assert state == TrustState()
        assert names(screened) == ["Impostor", "Impostor"]

    def test_what_would_change_the_past_is_a_conflict_even_by_the_team(self):
        _, state = self.choose([{"t": 1, "p": 4}], [True], first=1)
        screened, state = self.choose([T, {"t": 1, "p": 4}], [True, True], state)
        assert in_force(state) == {"t": 1, "p": 4}
        assert names(screened) == ["Conflict", "Accepted"]

    def test_a_rollback_brings_no_older_output_back(self):
        _, state = self.choose([TP9, T], [True, True])
        screened, state = self.choose([T], [True], state, first=1)
        assert in_force(state) == TP9
        assert names(screened) == ["Superseded"]

    def test_a_rollback_brings_no_output_back_that_the_newest_had_spent(self):
        _, state = self.choose([T], [True], first=1)
        _, state = self.choose([TP9], [True], state)
        screened, state = self.choose([T], [True], state, first=1)
        assert in_force(state) == TP9
        assert names(screened) == ["Superseded"]

    def test_without_an_order_the_ratchet_judges_those_that_count(self):
        screened = outputs(T, TP9, {"t": 1, "p": 9, "l": 12})
        spends = dict(zip((item.output.transaction for item in screened), (True, True, False), strict=True))
        judged, state = choose(screened, TrustState(), NOW, ChainFacts(spends))
        assert in_force(state) == TP9
        assert names(judged) == ["Replayed", "Accepted", "Impostor"]


def test_every_refused_payload_keeps_what_it_says_and_why():
    screened, _ = TestWithInputs.choose([T, TP9, T], [False, True, True])
    for item, kind in zip(screened, (Impostor, Accepted, Superseded), strict=True):
        assert type(item.verdict) is kind
        assert item.verdict.reason
        assert item.verdict.verified.key == KEY.verification_key
    bare, _ = choose(outputs(T, TP9, {"t": 1, "p": 12}), TrustState(), NOW)
    assert {type(item.verdict) for item in bare} <= {Accepted, Replayed, Conflict}


def test_the_legacy_view_is_the_first_true_signature_whatever_we_made_of_it():
    junk, forged = "junk", datum_of({"forged": 1}, OTHER_KEY)
    screened, state = TestWithInputs.choose([junk, forged, T, TP9], [False, False, False, True])
    assert [type(item.verdict) for item in screened] == [Malformed, WrongSigner, Impostor, Accepted]
    assert in_force(state) == TP9
    legacy = legacy_choice(screened)
    assert legacy is not None
    assert legacy.markers == markers(T)
    assert legacy_choice(screened[:2]) is None


def test_a_schedule_in_another_order_is_the_same_schedule():
    swapped = tuple(reversed(markers(TP9)))
    datum = EraMarkersPayload(swapped).sign(KEY).to_bytes()
    screened, state = choose(outputs(TP9, encode_datum(datum).hex()), TrustState(), NOW)
    assert names(screened) == ["Accepted", "Accepted"]
    assert in_force(state) == TP9

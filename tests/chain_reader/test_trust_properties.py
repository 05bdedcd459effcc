"""Fresh nodes and nodes with memory reach the same answer, whatever was published, replayed and read in between.

Pure: the chain is a list, a reading is a call of ``choose``. The rules are those of ``docs/trust.md``.
"""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chain_reader import ChainFacts, DatumOutput, ScreenedOutput, is_successor
from chain_reader.trust.rules import choose
from chain_reader.trust.state import TrustState, digest_of
from datum import (
    EraMarkersPayload,
    ExtendedPayload,
    Extension,
    ExtensionPolicy,
    SigningKey,
    Verdict,
    encode_datum,
    screen,
)
from eras import Epoch
from tests.chain_reader.conftest import KEY, OTHER_KEY, Schedule, datum_of, markers

SCHEDULES: list[Schedule] = [
    {"t": begins, **rest}
    for begins in (0, 2)
    for rest in ({}, {"p": None}, {"p": 3}, {"p": 5}, {"p": 9}, {"p": 5, "q": None}, {"p": 5, "q": 9}, {"q": 4})
]
SCREENED = {
    (place, key): screen([datum_of(schedule, signer)], KEY.verification_key)[0]
    for place, schedule in enumerate(SCHEDULES)
    for key, signer in ((True, KEY), (False, OTHER_KEY))
}


@dataclass
class Chain:
    """Outputs in the order of the chain, and who made them in which epoch."""

    outputs: list[ScreenedOutput] = field(default_factory=list)
    spends: dict[str, bool] = field(default_factory=dict)
    published: dict[str, Epoch] = field(default_factory=dict)
    epoch: Epoch = field(default_factory=lambda: Epoch(0))
    honest: list[Schedule] = field(default_factory=list)

    def post(self, place: int, *, team: bool, signed: bool = True) -> None:
        self._add("", SCREENED[place, signed], team)

    def post_datum(self, datum: str, *, team: bool) -> None:
        self._add(datum, screen([datum], KEY.verification_key)[0], team)

    def _add(self, datum: str, verdict: Verdict, team: bool) -> None:
        transaction = f"{len(self.outputs):064x}"
        output = DatumOutput(transaction, 0, datum, 1, height=len(self.outputs))
        self.outputs.append(ScreenedOutput(output, verdict))
        self.spends[transaction] = team
        self.published[transaction] = self.epoch

    def publish(self, place: int, *, again: bool) -> None:
        """The team publishes what the rules allow, and only that."""
        new = SCHEDULES[place]
        fits = not self.honest or is_successor(markers(self.honest[-1]), markers(new), self.epoch)
        if fits and (again or new not in self.honest):
            self.honest.append(new)
            self.post(place, team=True)

    def read(self, state: TrustState, *, inputs: bool, extension: ExtensionPolicy | None = None) -> TrustState:
        facts = ChainFacts(self.spends if inputs else None, published=self.published, newest_first=True, history=True)
        return choose(self.outputs[::-1], state, self.epoch, facts, extension=extension)[1]


places = st.integers(0, len(SCHEDULES) - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), places),
        st.tuples(st.just("replay"), st.integers(0, 30)),
        st.tuples(st.just("break the rules"), places),
        st.tuples(st.just("forge"), places),
        st.tuples(st.just("leak"), places),
        st.tuples(st.just("advance"), st.integers(1, 3)),
        st.tuples(st.just("read"), st.just(0)),
    ),
    max_size=25,
)


def play(story: list[tuple[str, int]], *, inputs: bool, allowed: tuple[str, ...]) -> tuple[Chain, TrustState]:
    """The chain after the story, and a node that read it whenever the story says so."""
    chain, state = Chain(), TrustState()
    for step, number in story:
        if step == "read":
            state = chain.read(state, inputs=inputs)
        elif step == "advance":
            chain.epoch = Epoch(chain.epoch + number)
        elif step == "publish":
            chain.publish(number, again=inputs)
        elif step == "forge":
            chain.post(number, team=False, signed=False)
        elif step == "replay" and chain.honest:
            chain.post(SCHEDULES.index(chain.honest[number % len(chain.honest)]), team=False)
        elif step in allowed:
            chain.post(number, team=step == "break the rules")
    return chain, state


def in_force(state: TrustState) -> Schedule | None:
    if state.trusted is None:
        return None
    verified = state.trusted.verdict.verified  # type: ignore[attr-defined]
    return {marker.name: marker.epoch for marker in verified.markers}


@settings(max_examples=400, deadline=None)
@given(steps)
def test_rule_t2_every_node_is_on_what_the_honest_history_implies(story: list[tuple[str, int]]):
    chain, state = play(story, inputs=True, allowed=("leak",))
    expected = chain.honest[-1] if chain.honest else None
    assert in_force(chain.read(state, inputs=True)) == in_force(chain.read(TrustState(), inputs=True)) == expected


@settings(max_examples=400, deadline=None)
@given(steps)
def test_rule_t3_every_node_is_on_what_the_honest_history_implies(story: list[tuple[str, int]]):
    chain, state = play(story, inputs=False, allowed=())
    expected = chain.honest[-1] if chain.honest else None
    assert in_force(chain.read(state, inputs=False)) == in_force(chain.read(TrustState(), inputs=False)) == expected


@settings(max_examples=400, deadline=None)
@given(steps, st.booleans())
def test_rule_t4_fresh_nodes_and_old_ones_agree_whoever_breaks_the_rules(story: list[tuple[str, int]], inputs: bool):
    chain, state = play(story, inputs=inputs, allowed=("leak", "break the rules"))
    with_memory, without = chain.read(state, inputs=inputs), chain.read(TrustState(), inputs=inputs)
    assert (with_memory.trusted, with_memory.activation) == (without.trusted, without.activation)


@settings(max_examples=400, deadline=None)
@given(steps, st.booleans())
def test_rule_t4_what_has_happened_is_never_taken_back(story: list[tuple[str, int]], inputs: bool):
    """The eras that were current at the readings of one node are those that its last schedule has, or they are past."""
    chain, state = Chain(), TrustState()
    for step, number in [*story, ("read", 0)]:
        if step == "read":
            before, state = state, chain.read(state, inputs=inputs)
            if before.trusted is not None and before.activation is not None:
                assert state.activation is not None
                assert (state.activation.epoch or 0) >= (before.activation.epoch or 0)
        elif step == "advance":
            chain.epoch = Epoch(chain.epoch + number)
        else:
            chain.post(number % len(SCHEDULES), team=step in ("publish", "break the rules"), signed=step != "forge")


COSIGNERS = [SigningKey(bytes([n]) * 32) for n in range(1, 6)]
KEY_SETS = [tuple(key.verification_key for key in COSIGNERS[start : start + 3]) for start in (0, 1, 2)]
POLICY = ExtensionPolicy(42, "addr_test1era", KEY_SETS[0], 2)
BIG_STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.integers(1, 5),  # sequence
            st.none() | st.integers(0, 8),  # which earlier one it names as the one before
            places,
            st.integers(0, 2),  # key set
            st.sets(st.integers(0, 4), min_size=1),  # signers
        ),
        st.sampled_from(["advance", "read"]),
    ),
    max_size=14,
)


def extended(sequence: int, previous: str | None, place: int, keys: int, signers: set[int]) -> ExtendedPayload:
    extension = Extension(42, POLICY.address, sequence, previous, None, 2, KEY_SETS[keys])
    made = ExtendedPayload(EraMarkersPayload(markers(SCHEDULES[place])).sign(KEY), extension)
    for signer in sorted(signers):
        made = made.sign(COSIGNERS[signer])
    return made


@settings(max_examples=200, deadline=None)
@given(BIG_STEPS, st.booleans())
def test_rule_t6_fresh_nodes_and_old_ones_agree_whatever_the_signers_do(story: list[Any], inputs: bool):
    chain, state = Chain(), TrustState()
    published: list[ExtendedPayload] = []
    for step in story:
        if step == "advance":
            chain.epoch = Epoch(chain.epoch + 2)
        elif step == "read":
            state = chain.read(state, inputs=inputs, extension=POLICY)
        else:
            sequence, before, place, keys, signers = step
            previous = published[before % len(published)].hash if before is not None and published else None
            published.append(extended(sequence, previous, place, keys, signers))
            chain.post_datum(encode_datum(published[-1].to_bytes()).hex(), team=True)
    with_memory = chain.read(state, inputs=inputs, extension=POLICY)
    without = chain.read(TrustState(), inputs=inputs, extension=POLICY)
    assert (with_memory.trusted, with_memory.sequence) == (without.trusted, without.sequence)
    assert with_memory.sequence is None or state.sequence is None or with_memory.sequence >= state.sequence


@settings(max_examples=300, deadline=None)
@given(steps, st.randoms(use_true_random=False))
def test_rule_t4_a_bare_node_never_falls_back_to_what_it_saw_superseded(story: list[tuple[str, int]], chance):
    """Over a bare set, in any order, with any of the outputs missing: what once lost its place never has it again."""
    chain, state = play(story, inputs=True, allowed=("leak",))
    lost: set[str] = set()
    before: str | None = None
    for _ in range(6):
        shown = [item for item in chain.outputs if chance.random() < 0.7]
        chance.shuffle(shown)
        _, state = choose(shown, state, chain.epoch, ChainFacts())
        if state.trusted is not None:
            now = digest_of(state.trusted)
            assert now not in lost
            if before not in (None, now):
                lost.add(str(before))
            before = now

"""Several observers of one chain: what they agree on, who differs, and that nobody holds the others up."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_reader import (
    BlockfrostObserver,
    ChainTip,
    DatumOutput,
    LocalObserver,
    ObserverCapabilities,
    OgmiosObserver,
    build_adapter,
)
from chain_reader.local_chain import LocalChainServer
from chain_reader.providers.agreement.observer import AgreementObserver
from chain_reader.providers.agreement.votes import OutputVotes, agreed_epoch, agreed_tip
from eras import ChainReadError, ConfigurationError, Epoch, Slot
from tests.chain_reader.conftest import KEY, OTHER_KEY, Network, Schedule, datum_of, markers
from tests.errors import raising

ADDRESS = "addr_test1era"
T: Schedule = {"t": 1}
TP: Schedule = {"t": 1, "p": None}
TP9: Schedule = {"t": 1, "p": 9}
ALL = ObserverCapabilities(order=True, inputs=True, history=True)
KEYS = (KEY.verification_key,)
AT = ChainTip(Slot(100), 10, "ab" * 32, Epoch(5))


@dataclass
class Scripted:
    """An observer with what it answers; an exception is raised, an event is waited for."""

    name: str
    now: int | Exception = 5
    outputs: Sequence[DatumOutput] | Exception = ()
    at: ChainTip | Exception = AT
    inputs: tuple[str, ...] | Exception = ("a",)
    block: ChainTip | Exception | None = None
    capabilities: ObserverCapabilities = ALL
    hangs: threading.Event | None = None
    asked: list[str] = field(default_factory=list)
    closed: int = 0

    def epoch(self) -> Epoch:
        return self._tell("epoch", self.now)

    def tip(self) -> ChainTip:
        return self._tell("tip", self.at)

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        assert address == ADDRESS
        return self._tell("datums", self.outputs)

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        return self._tell("history", self.outputs)

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        return self._tell("inputs", self.inputs)

    def block_of(self, transaction: str) -> ChainTip | None:
        return self._tell("block", self.block)

    def close(self) -> None:
        self.closed += 1

    def _tell(self, question: str, answer: Any) -> Any:
        self.asked.append(question)
        if self.hangs is not None:
            self.hangs.wait(20)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Hangs until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def out(number: int, schedule: Schedule | str, **changes: Any) -> DatumOutput:
    datum = schedule if isinstance(schedule, str) else datum_of(schedule)
    return replace(DatumOutput(f"{number:064x}", 0, datum, 1), **changes)


def panel(*observers: Scripted, needed: int = 2, keys: Any = KEYS, **kwargs: Any) -> AgreementObserver:
    return AgreementObserver(observers, needed, keys=keys, **{"deadline_s": 60.0, "grace_s": 20.0, **kwargs})


def three(**answers: Sequence[Any]) -> list[Scripted]:
    """Three observers A, B, C; each keyword has an answer for each of them."""
    return [
        Scripted(name, **{kind: given[place] for kind, given in answers.items()}) for place, name in enumerate("ABC")
    ]


def named(observer: AgreementObserver) -> list[str]:
    return [dissent.observer for dissent in observer.dissents]


DOWN = ChainReadError("no connection")


class TestEpoch:
    @pytest.mark.parametrize(
        ("epochs", "needed", "agreed"),
        [
            ([5, 5, 5], 2, 5),
            ([5, 5, 6], 2, 5),
            ([5, 6, 6], 2, 6),
            ([5, 6], 2, 5),
            ([6, 6, 6], 3, 6),
            ([5, 6, 6], 3, 5),
            ([5, 5, 9], 2, 5),
            ([5, 6, 9], 2, 6),
            ([5, 9, 9], 2, 9),
            ([5, 5, 4], 3, 4),
            ([5], 1, 5),
            ([5, 6, 6, 7], 3, 6),
            ([5, 6, 7], 2, 6),
            ([6, 6, 7, 5, 5], 3, 6),
            # too few, or two answers with as many behind them
            ([5, 7], 2, None),
            ([5, 7, 9], 2, None),
            ([5, 6, 7], 3, None),
            ([5, 5, 9, 9], 2, None),
            ([], 1, None),
            ([5], 2, None),
        ],
    )
    def test_so_many_agree_give_or_take_one_at_the_boundary(self, epochs: list[int], needed: int, agreed: int | None):
        found = agreed_epoch({f"{place}": Epoch(epoch) for place, epoch in enumerate(epochs)}, needed)
        assert (None if found is None else found.answer) == agreed

    @given(st.integers(3, 7), st.integers(0, 100), st.data())
    def test_a_minority_of_liars_never_moves_it_beyond_the_honest(self, honest: int, epoch: int, data: Any):
        """With more than half needed, and as many honest: what is agreed on, an honest observer said."""
        liars = data.draw(st.lists(st.integers(0, 200), max_size=honest - 1))
        said = data.draw(st.lists(st.sampled_from([epoch, epoch + 1]), min_size=honest, max_size=honest))
        votes = {f"{place}": Epoch(value) for place, value in enumerate([*said, *liars])}
        found = agreed_epoch(votes, len(votes) // 2 + 1)
        assert found is None or found.answer in (epoch, epoch + 1)

    def test_who_differs_is_named(self, caplog: pytest.LogCaptureFixture):
        observer = panel(*three(now=[5, 5, 9]))
        with caplog.at_level(logging.WARNING):
            assert observer.epoch() == Epoch(5)
            assert observer.epoch() == Epoch(5)
        assert [(dissent.observer, dissent.said) for dissent in observer.dissents] == [("C", "epoch 9")]
        assert [record.message for record in caplog.records] == [
            "C differs from those that agree on the epoch: epoch 9"
        ]  # once, not at each reading

    def test_who_differs_no_more_is_forgotten(self):
        observers = three(now=[5, 5, 9])
        observer = panel(*observers)
        observer.epoch()
        observers[2].now = 5
        observer.epoch()
        assert observer.dissents == ()

    def test_too_few_are_an_error_that_names_each_with_its_answer(self):
        observer = panel(*three(now=[5, 9, DOWN]))
        with raising("Agreement") as caught:
            observer.epoch()
        text = str(caught.value)
        assert "A: epoch 5; B: epoch 9; C: no answer: no connection" in text
        assert "expected 2 of 3 that agree" in text
        assert caught.value.facts["answers"] == {
            "A": "epoch 5", "B": "epoch 9", "C": "no answer: no connection",
        }  # fmt: skip
        assert caught.value.code == "Agreement"


class TestTip:
    @pytest.mark.parametrize(
        ("slots", "needed", "agreed"),
        [([100, 100, 100], 2, 100), ([90, 100, 110], 2, 100), ([0, 100, 110], 2, 100), ([100, 110, 10**9], 2, 110),
         ([90, 100, 110], 3, 90), ([90, 100, 110], 1, 110)],
    )  # fmt: skip
    def test_it_is_the_highest_that_so_many_have_reached(self, slots: list[int], needed: int, agreed: int):
        tips = {f"{slot} {place}": ChainTip(Slot(slot), slot // 10, None) for place, slot in enumerate(slots)}
        found = agreed_tip(tips, needed)
        assert found is not None
        assert (found.slot, found.height) == (agreed, agreed // 10)

    def test_height_and_epoch_are_agreed_on_by_themselves(self):
        """A liar whose slot is the agreed one cannot make blocks look deep, or an epoch begun."""
        tips = [ChainTip(Slot(100), 10, "ab" * 32, Epoch(5)), ChainTip(Slot(99), 9_999, "cd" * 32, Epoch(50))]
        observer = panel(*three(at=[*tips, ChainTip(Slot(98), 9, "ef" * 32, Epoch(5))]))
        assert observer.tip() == ChainTip(Slot(99), 10, "cd" * 32, Epoch(5))

    def test_what_too_few_know_is_unknown(self):
        tips = [
            ChainTip(Slot(100), None, None),
            ChainTip(Slot(100), 10, None, Epoch(5)),
            ChainTip(Slot(100), None, None),
        ]
        assert panel(*three(at=tips)).tip() == ChainTip(Slot(100), None, None, None)

    def test_too_few_answers_are_an_error(self):
        with raising("Agreement", match="C: slot 100, height 10"):
            panel(*three(at=[DOWN, DOWN, ChainTip(Slot(100), 10, None)])).tip()

    def test_the_tip_of_each_can_be_asked_for(self):
        observer = panel(*three(at=[ChainTip(Slot(1), None, None), DOWN, ChainTip(Slot(2), None, None)]))
        assert {name: tip.slot for name, tip in observer.tips().items()} == {"A": 1, "C": 2}


class TestDatums:
    def test_alike(self):
        outputs = (out(3, TP9), out(2, "d87980"), out(1, T))
        observer = panel(*three(outputs=[outputs] * 3))
        assert observer.datums(ADDRESS) == outputs
        assert observer.history(ADDRESS) == outputs
        assert observer.dissents == ()

    def test_one_that_hides_the_newest_payload_is_named(self):
        new, old = (out(3, TP9), out(1, T)), (out(1, T),)
        observer = panel(*three(outputs=[old, new, new]))
        assert observer.datums(ADDRESS) == new
        (dissent,) = observer.dissents
        assert dissent.observer == "A"
        assert dissent.question == f"the datums at {ADDRESS}"
        assert dissent.said == "1 signed payload ['t' 1]"

    def test_one_that_invents_an_output_is_named_if_it_matters(self):
        honest = (out(1, T),)
        replayed = (out(9, TP9), out(1, T))  # a true signature, of another network
        observer = panel(*three(outputs=[replayed, honest, honest]))
        assert observer.datums(ADDRESS) == honest
        assert named(observer) == ["A"]
        junk = (out(9, "d87980"), out(8, datum_of(TP9, OTHER_KEY)), out(1, T))
        observer = panel(*three(outputs=[junk, honest, honest]))
        assert observer.datums(ADDRESS) == honest
        assert observer.dissents == ()  # what is not signed counts where enough report it, and matters to nobody

    def test_one_that_changes_a_datum_is_named(self):
        honest = (out(1, TP9),)
        observer = panel(*three(outputs=[honest, (out(1, T),), honest]))
        assert observer.datums(ADDRESS) == honest
        assert named(observer) == ["B"]

    def test_one_that_changes_the_order_is_named(self):
        honest = (out(3, TP9), out(1, T))
        observer = panel(*three(outputs=[honest[::-1], honest, honest]))
        assert observer.datums(ADDRESS) == honest
        assert named(observer) == ["A"]

    def test_without_a_declared_order_it_makes_no_difference(self):
        honest = (out(3, TP9), out(1, T))
        bare = [ObserverCapabilities()] * 3
        observer = panel(*three(outputs=[honest[::-1], honest, honest], capabilities=bare))
        assert observer.datums(ADDRESS) == honest[::-1]
        assert observer.dissents == ()

    def test_one_that_claims_another_slot_is_named(self):
        slots = [ObserverCapabilities(order=True, slots=True)] * 3
        honest = (out(1, T, slot=Slot(50)),)
        observer = panel(*three(outputs=[(out(1, T, slot=Slot(5)),), honest, honest], capabilities=slots))
        assert observer.datums(ADDRESS) == honest

    def test_slots_and_heights_that_not_all_know_are_left_out(self):
        observer = panel(*three(outputs=[(out(1, T, slot=Slot(5), height=1),), (out(1, T),), (out(1, T),)]))
        assert observer.datums(ADDRESS) == (out(1, T),)

    def test_who_posts_copies_all_the_time_keeps_nobody_from_agreeing(self):
        """Each observer has seen one block more than the one before, and a copy in each."""
        copies = [out(number, T) for number in (7, 6, 5)]
        base = (out(2, TP9), out(1, T))
        answers = [(*copies[2 - place :], *base) for place in range(3)]
        for needed in (2, 3):
            observer = panel(*three(outputs=answers), needed=needed)
            found = observer.datums(ADDRESS)
            assert {output.datum for output in found} == {datum_of(TP9), datum_of(T)}
            assert found[-2:] == base
            assert observer.dissents == ()

    @pytest.mark.parametrize("needed", [2, 3])
    def test_the_order_of_outputs_that_do_not_count_makes_no_difference(self, needed: int):
        """Copies and old payloads that a stranger posts in one block, listed by each provider as it likes."""
        newest, first = out(3, TP9), out(1, T)
        posted = [out(number, T) for number in (5, 6, 7)]
        answers = [(*posted[place:], *posted[:place], newest, first) for place in range(3)]
        observer = panel(*three(outputs=answers, inputs=[("a stranger",)] * 3), needed=needed)
        found = observer.datums(ADDRESS)
        assert (found[-2:], set(found)) == ((newest, first), {*posted, newest, first})
        ordered = [ObserverCapabilities(order=True, history=True)] * 3
        assert panel(*three(outputs=answers, capabilities=ordered), needed=needed).datums(ADDRESS)[-2:] == found[-2:]

    def test_the_order_of_outputs_that_may_count_must_be_agreed_on(self):
        pair = (out(3, TP9), out(1, T))
        for inputs in ((ADDRESS,), ("",), DOWN):
            observers = three(outputs=[pair, pair[::-1], pair], inputs=[inputs] * 3)
            with raising("Agreement"):
                panel(*observers, needed=3).datums(ADDRESS)

    def test_a_payload_that_not_enough_have_seen_does_not_count_yet(self):
        """At the moment of a publication: whoever must agree with all has to wait for the last."""
        before, after = (out(1, T),), (out(2, TP9),)
        observers = three(outputs=[after, before, before])
        observer = panel(*observers)
        assert observer.datums(ADDRESS) == before
        observers[1].outputs = after
        assert observer.datums(ADDRESS) == after
        with raising("Agreement", match="'p' 9"):
            panel(*observers, needed=3).datums(ADDRESS)
        observers[2].outputs = after
        assert panel(*observers, needed=3).datums(ADDRESS) == after

    def test_two_sides_of_two_are_no_agreement(self):
        observers = [Scripted(name, outputs=outputs) for name, outputs in
                     zip("ABCD", [(out(1, T),)] * 2 + [(out(2, TP9),)] * 2, strict=True)]  # fmt: skip
        with raising("Agreement", match="A: 1 signed payload.*D: 1 signed payload"):
            panel(*observers).datums(ADDRESS)

    def test_nobody_there_is_an_agreement_on_nothing(self):
        assert panel(*three(outputs=[(), (), DOWN])).datums(ADDRESS) == ()

    def test_without_keys_outputs_count_where_enough_report_them(self):
        observer = panel(*three(outputs=[(out(1, T), out(5, "00")), (out(1, T),), (out(1, T), out(6, "00"))]), keys=())
        assert observer.datums(ADDRESS) == (out(1, T),)

    @given(st.data())
    def test_what_is_answered_so_many_said(self, data: Any):
        pool = [out(1, T), out(2, TP9), out(3, TP), out(4, T), out(5, "d87980")]
        lists = st.lists(st.sampled_from(pool), unique=True)
        answers = {name: tuple(data.draw(lists)) for name in "ABC"}
        found = OutputVotes(KEYS, 2).agreed(answers, slots=False, ordered=True)
        for output in () if found is None else found.answer:
            assert sum(output in answers[name] for name in "ABC") >= 2


class TestOtherQuestions:
    def test_inputs_must_be_alike_in_any_order(self):
        observer = panel(*three(inputs=[("a", "b"), ("b", "a"), ("c",)]))
        assert observer.input_addresses("ab" * 32) == ("a", "b")
        assert named(observer) == ["C"]
        with raising("Agreement", match="the inputs of transaction abab"):
            panel(*three(inputs=[("a",), ("b",), DOWN])).input_addresses("ab" * 32)

    def test_blocks_must_be_alike(self):
        place = ChainTip(Slot(7), 3, "ab" * 32)
        blocks = [replace(ALL, blocks=True)] * 3
        observer = panel(*three(block=[place, place, None], capabilities=blocks))
        assert observer.capabilities.blocks
        assert observer.block_of("ab" * 32) == place
        assert named(observer) == ["C"]
        assert panel(*three(block=[None, None, place], capabilities=blocks)).block_of("ab" * 32) is None

    def test_it_knows_what_all_of_them_know(self):
        capabilities = [ALL, replace(ALL, slots=True), ObserverCapabilities(order=True, inputs=True, slots=True)]
        assert panel(*three(capabilities=capabilities)).capabilities == ObserverCapabilities(order=True, inputs=True)

    def test_closing_closes_each(self):
        observers = three()
        observer = panel(*observers)
        observer.close()
        assert [one.closed for one in observers] == [1, 1, 1]

    @pytest.mark.parametrize("needed", [0, 4, -1])
    def test_more_than_there_are_cannot_agree(self, needed: int):
        with pytest.raises(ConfigurationError, match="at most 3 of 3"):
            panel(*three(), needed=needed)

    def test_two_of_one_name_are_told_apart(self):
        observer = panel(Scripted("same", now=5), Scripted("same", now=5), Scripted("same", now=9))
        observer.epoch()
        assert named(observer) == ["same #3"]


class TestNobodyHoldsTheOthersUp:
    def test_a_slow_one_is_waited_for_no_longer_than_the_grace(self, gate: threading.Event):
        observers = three()
        observers[1].hangs = gate
        observer = panel(*observers, deadline_s=120.0, grace_s=0.2)
        start = time.monotonic()
        assert observer.epoch() == Epoch(5)
        assert time.monotonic() - start < 60
        assert [(dissent.observer, dissent.said) for dissent in observer.dissents] == [("B", "no answer within 120 s")]

    def test_while_it_works_it_is_not_asked_again(self, gate: threading.Event):
        observers = three()
        observers[1].hangs = gate
        observer = panel(*observers, grace_s=0.1)
        for _ in range(3):
            observer.epoch()
        assert observers[1].asked == ["epoch"]
        assert observer.dissents[0].said == "no answer: it is still working on an earlier question"
        gate.set()
        until = time.monotonic() + 60
        while observer.epoch() and observer.dissents:
            assert time.monotonic() < until
            time.sleep(0.02)

    def test_the_deadline_ends_it_when_too_few_answer(self, gate: threading.Event):
        observers = three()
        observers[0].hangs = observers[1].hangs = gate
        start = time.monotonic()
        with raising("Agreement", match=r"A: no answer within 1 s; B: no answer within 1 s; C: epoch 5"):
            panel(*observers, deadline_s=1.0).epoch()
        assert time.monotonic() - start < 20

    def test_one_that_fails_counts_as_silent_and_is_named(self):
        observer = panel(*three(outputs=[(out(1, T),), DOWN, (out(1, T),)]))
        assert observer.datums(ADDRESS) == (out(1, T),)
        assert [(dissent.observer, dissent.said) for dissent in observer.dissents] == [
            ("B", "no answer: no connection")
        ]

    def test_one_that_is_broken_does_not_break_the_others(self, caplog: pytest.LogCaptureFixture):
        observer = panel(*three(now=[5, ZeroDivisionError("oops"), 5]))
        assert observer.epoch() == Epoch(5)
        assert "B failed unexpectedly" in caplog.text
        assert "ZeroDivisionError" in caplog.text


class TestOverRealObservers:
    @pytest.fixture
    def observer(self, network: Network, server: LocalChainServer) -> Iterator[AgreementObserver]:
        observers = [
            LocalObserver(network.chain), BlockfrostObserver(server.blockfrost_url), OgmiosObserver(server.ogmios_url),
        ]  # fmt: skip
        made = AgreementObserver(observers, 2, keys=KEYS)
        yield made
        made.close()

    def test_a_reader_takes_it_unchanged(self, observer: AgreementObserver, network: Network):
        network.publish(T)
        network.publish(TP9)
        network.post(T)
        adapter = build_adapter(
            "cardano-chain",
            f'{{"address":"{network.address}","verification_key":"{KEY.verification_key.hex}"}}',
            observer=observer,
        )
        assert adapter.read().markers == markers(TP9)
        assert observer.dissents == ()

    def test_one_that_lies_alone_is_named_and_changes_nothing(self, observer: AgreementObserver, network: Network):
        network.publish(T)
        network.publish(TP9)
        lying = list(observer._observers.values())[1]
        lying.datums = lambda address: (out(1, T),)  # type: ignore[method-assign]
        found = observer.datums(network.address)
        assert {output.datum for output in found} == {datum_of(TP9), datum_of(T)}
        assert named(observer) == [lying.name]

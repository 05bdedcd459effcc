"""The trusted reader: each rule of trust over a local chain, as observers of every knowledge see it.

The rules are those of ``docs/trust.md``; the name of a test begins with the id of its rule.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pycardano import TransactionInput

from chain_reader import ChainTip, DatumOutput, EraReader, ReadLimitExceededError, ReadLimits
from chain_reader.trust.policy import Checkpoint, CheckpointInvalidError, TrustPolicy
from chain_reader.trust.reading import NothingTrustedError, TrustedReading
from chain_reader.trusted_reader import TrustedReader
from datum import EraMarkersPayload, ExtendedPayload, Extension, ExtensionPolicy, SigningKey, encode_datum
from era_store import MemoryStore, SqlStore, Store, StoreDamagedError, StoredTrust, StoreFullError, open_store
from eras import ChainReadError, ConfigurationError, Epoch, Slot, StoreError
from tests import forked
from tests.chain_reader.conftest import KEY, OTHER_KEY, Network, Schedule, datum_of, markers
from tests.chain_reader.knowing import ALL, BARE, HISTORY, INPUTS, KNOWLEDGE, Knowing
from tests.local_chain_faces.wallet import Wallet

MAGIC = 42
OLD: Schedule = {"t": 1}
NEW: Schedule = {"t": 1, "p": 9}
KNOWS = list(KNOWLEDGE)
KNOWS_HISTORY = ["history", "all"]


class World:
    """A network, an observer of it, a store, and readers over them."""

    def __init__(self, network: Network, knows: str = "all") -> None:
        self.network = network
        self.chain = network.chain
        self.observer = Knowing(network.chain, KNOWLEDGE[knows])
        self.store: Store = MemoryStore()
        self.settings: dict[str, Any] = {}

    def policy(self) -> TrustPolicy:
        facts: dict[str, Any] = {"keys": (KEY.verification_key,), "network_magic": MAGIC}
        return TrustPolicy(self.network.address, **(facts | self.settings))

    def node(self, *observers: Knowing, **options: Any) -> TrustedReader:
        """A node as it is after a restart: what it knows is what the store knows."""
        return TrustedReader(observers or self.observer, self.policy(), self.store, clock=lambda: 1.0, **options)

    def fresh(self, **options: Any) -> TrustedReader:
        """A node that never read anything."""
        return TrustedReader(self.observer, self.policy(), MemoryStore(), clock=lambda: 1.0, **options)

    def read(self) -> TrustedReading:
        return self.node().read()

    def both(self) -> Schedule:
        """What a node with memory and one without trust: the same."""
        with_memory, without = self.read(), self.fresh().read()
        assert schedule(with_memory) == schedule(without)
        assert with_memory.provenance == without.provenance
        return schedule(with_memory)

    def answer(self, question: str, change: Callable[[Any], Any]) -> None:
        """From now on the provider answers ``question`` with what ``change`` makes of the truth."""
        self.observer.change = lambda asked, answer: change(answer) if asked == question else answer

    def silence(self, message: str = "the line is dead") -> None:
        """From now on the provider answers nothing."""

        def fail(_question: str, _answer: Any) -> Any:
            raise ChainReadError(message)

        self.observer.change = fail

    def honest(self) -> None:
        """From now on the provider answers the truth."""
        self.observer.change = lambda _, answer: answer

    def kinds(self) -> list[str]:
        """The kinds of the events in the log."""
        return [event.kind for event in self.store.events.read()]


@pytest.fixture(params=KNOWS)
def world(request: pytest.FixtureRequest, network: Network) -> World:
    """One for each knowledge."""
    return World(network, request.param)


@pytest.fixture
def knowing(network: Network) -> World:
    """One whose observer knows everything."""
    return World(network)


@pytest.fixture
def bare(network: Network) -> World:
    """One whose observer knows the unspent outputs, and nothing else."""
    return World(network, "bare")


def schedule(reading: TrustedReading) -> Schedule:
    return {marker.name: marker.epoch for marker in reading.markers}


def names(reading: TrustedReading) -> list[str]:
    return sorted(item.verdict.name for item in reading.screened)


JUNK = ["d87980", "182a", "00", "9f" * 100 + "ff" * 100, "d8799f5840" + "7b" * 64 + "ff", "d8799f41ffff"]


class TestIsolation:
    """T1: each datum alone; an empty answer proves nothing; beyond a limit is stale."""

    def test_rule_t1_junk_never_spoils_a_reading(self, world: World):
        world.network.publish(NEW)
        for junk in JUNK:
            world.network.post_datum(junk)
        world.network.post(OLD, OTHER_KEY)
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is None
        assert names(reading) == ["Accepted", *["Malformed"] * len(JUNK), "WrongSigner"]

    def test_rule_t1_an_empty_answer_is_never_no_markers(self, world: World):
        world.network.publish(NEW)
        world.read()
        world.observer.change = lambda asked, answer: () if asked in ("datums", "history") else answer
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "reports nothing at the era address" in reading.stale
        for _ in range(2):
            world.chain.advance_slots(1)
            assert world.read().stale == reading.stale
        world.honest()
        assert world.read().stale is None
        assert world.kinds() == ["trusted", "stale", "legacy-differs", "fresh", "legacy-agrees"]

    def test_rule_t1_only_junk_is_never_no_markers(self, world: World):
        trusted = world.network.publish(NEW)
        world.network.post_datum("d87980")
        world.read()
        gone = trusted.transaction
        world.observer.change = lambda asked, answer: (
            tuple(output for output in answer if output.transaction != gone)
            if asked in ("datums", "history")
            else answer
        )
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "has vanished" in reading.stale

    def test_rule_t1_beyond_a_limit_is_stale(self, world: World):
        world.network.publish(NEW)
        world.read()

        def flooded(asked: str, answer: Any) -> Any:
            if asked in ("datums", "history"):
                raise ReadLimitExceededError("more pages than the limit")
            return answer

        world.observer.change = flooded
        reading = world.read()
        assert (schedule(reading), reading.stale) == (NEW, "more pages than the limit")

    def test_rule_t1_where_the_list_cannot_be_had_the_history_decides(self, world: World):
        """And the list is not asked for again at once, by another process either."""
        world.network.publish(NEW)
        world.answer("datums", lambda _: (_ for _ in ()).throw(ReadLimitExceededError("more pages than the limit")))
        knows = world.observer.capabilities
        if not (knows.history and knows.inputs):
            with pytest.raises(ReadLimitExceededError):
                world.read()
            return
        for asked in (1, 1):
            reading = world.node().read()
            assert (schedule(reading), reading.stale) == (NEW, None)
            assert [item.verdict.reason for item in reading.screened] == ["more pages than the limit"]
            assert world.observer.asked.count("datums") == asked
            world.network.chain.advance_slots(1)

    def test_rule_t1_a_history_beyond_the_limits_leaves_what_is_unspent(self, knowing: World):
        knowing.network.publish(OLD)
        knowing.network.publish(NEW)
        knowing.network.post(OLD)

        def too_long(_answer: Any) -> Any:
            raise ReadLimitExceededError("more transactions than the limit")

        knowing.answer("history", too_long)
        reading = knowing.read()
        assert (schedule(reading), reading.stale, reading.history) == (NEW, None, ())
        assert "more transactions than the limit" in reading.alarms

    def test_rule_t1_replays_beyond_the_limit_are_worked_off_reading_by_reading(self, knowing: World):
        knowing.network.publish(OLD)
        knowing.network.publish(NEW)
        for _ in range(9):
            knowing.network.post(OLD)
        knowing.settings = {"limits": ReadLimits(max_transactions=4)}
        node = knowing.fresh()
        for _ in range(2):
            with pytest.raises(ReadLimitExceededError, match="too many outputs"):
                node.read()
        assert schedule(node.read()) == NEW

    def test_rule_t1_of_very_many_outputs_only_the_newest_are_read(self, knowing: World):
        class Paged(Knowing):
            def datums_until(self, address: str, settled: Callable[[Any], bool]) -> tuple[DatumOutput, ...]:
                found: tuple[DatumOutput, ...] = ()
                for page in (self.datums(address)[start : start + 3] for start in range(0, 100, 3)):
                    found += page
                    if not page or settled(page):
                        break
                return found

        for _ in range(5):
            knowing.network.post_datum("d87980")
        knowing.network.publish(NEW)
        for _ in range(10):
            knowing.network.post_datum("d87980")
        knowing.observer = Paged(knowing.chain)
        whole = knowing.read()
        assert (schedule(whole), len(whole.screened), len(whole.history)) == (NEW, 16, 16)
        knowing.settings = {"whole_outputs": 6}
        reading = knowing.fresh().read()
        assert (schedule(reading), len(reading.screened), reading.history) == (NEW, 12, ())
        assert any("only the newest 12 outputs" in alarm for alarm in reading.alarms)
        knowing.settings = {"whole_outputs": 15}
        assert len(knowing.fresh().read().screened) == 16


class TestProvenance:
    """T2: an output counts when its transaction spends at the era address."""

    @pytest.mark.parametrize("knows", ["inputs", "all"])
    def test_rule_t2_a_replay_gains_nothing_before_after_or_many_times(self, network: Network, knows: str):
        world = World(network, knows)
        network.post(OLD)  # before anything was published
        with pytest.raises(NothingTrustedError, match="1 Impostor"):
            world.fresh().read()
        network.publish(OLD)
        network.publish(NEW)
        for _ in range(5):
            network.post(OLD)
        reading = world.read()
        assert schedule(reading) == NEW
        assert names(reading) == ["Accepted", *["Impostor"] * 6, "Superseded"]
        network.post(NEW)
        assert world.both() == NEW

    def test_rule_t2_a_payload_of_a_sister_network_with_the_same_key_is_an_impostor(self, knowing: World):
        knowing.network.publish(OLD)
        knowing.read()
        knowing.network.post({"t": 1, "p": 6})  # what the team signed for another network
        assert knowing.both() == OLD
        assert names(knowing.read()) == ["Accepted", "Impostor"]

    def test_rule_t2_reference_inputs_and_payments_to_the_address_prove_nothing(self, knowing: World):
        knowing.network.publish(NEW)
        stranger = Wallet.new()
        funds = knowing.chain.fund(stranger.address, 100_000_000)
        referred = TransactionInput.from_primitive([knowing.network.funds.transaction, knowing.network.funds.index])
        knowing.chain.submit(
            stranger.pay(funds, knowing.network.address, 5_000_000, datum=datum_of(OLD), reference_inputs=[referred])
        )
        reading = knowing.read()
        assert schedule(reading) == NEW
        assert names(reading) == ["Accepted", "Impostor"]

    def test_rule_t2_the_newest_of_the_team_wins_even_when_it_cancels(self, knowing: World):
        for published in (OLD, NEW, OLD):
            knowing.network.publish(published)
            assert knowing.both() == published
        knowing.network.post(NEW)
        assert knowing.both() == OLD
        stored = knowing.store.trust.load(knowing.policy().key)
        assert stored is not None
        assert [payload.superseded for payload in stored.payloads] == [False, True]

    def test_rule_t2_an_announcer_publishes_the_first_payload_and_no_other(self, knowing: World):
        announcer = Wallet.new()
        funds = knowing.chain.fund(announcer.address, 100_000_000)

        def announce(published: Schedule) -> None:
            nonlocal funds
            sent = announcer.pay(funds, knowing.network.address, 5_000_000, datum=datum_of(published))
            change = knowing.chain.output(knowing.chain.submit(sent), 1)
            assert change is not None
            funds = change

        announce(OLD)
        with pytest.raises(NothingTrustedError):
            knowing.read()
        knowing.settings = {"announcers": (announcer.address,)}
        assert knowing.both() == OLD
        announce(NEW)
        assert knowing.both() == OLD
        assert names(knowing.read()) == ["Accepted", "Impostor"]
        knowing.network.publish(NEW)
        assert knowing.both() == NEW

    def test_rule_t2_a_better_observer_takes_back_what_a_bare_one_was_fooled_into(self, network: Network):
        world = World(network, "bare")
        network.publish(OLD)
        network.post({"t": 1, "p": 6})
        assert schedule(world.read()) == {"t": 1, "p": 6}
        world.observer = Knowing(network.chain, ALL)
        assert world.both() == OLD
        assert "distrusted" not in world.kinds(), "what is dropped was still in the future"

    def test_rule_t2_that_another_past_was_trusted_is_told(self, network: Network):
        world = World(network, "bare")
        network.post({"t": 2})
        assert schedule(world.read()) == {"t": 2}
        network.publish(OLD)
        world.observer = Knowing(network.chain, ALL)
        assert world.both() == OLD
        assert "distrusted" in world.kinds()

    def test_rule_t2_an_impostor_is_one_to_a_bare_observer_too_once_it_was_told(self, knowing: World, tmp_path: Path):
        knowing.store = open_store(str(tmp_path / "store.sqlite3"))
        knowing.network.publish(OLD)
        knowing.network.post({"t": 1, "p": 6})
        assert names(knowing.read()) == ["Accepted", "Impostor"]
        knowing.observer = Knowing(knowing.chain, BARE)
        reading = knowing.read()
        assert (schedule(reading), names(reading)) == (OLD, ["Accepted", "Impostor"])
        assert schedule(knowing.fresh().read()) == {"t": 1, "p": 6}, "this is what is left to trust"

    def test_rule_t2_inputs_are_asked_for_only_where_a_signature_is_true_and_once(self, knowing: World):
        knowing.network.publish(NEW)
        knowing.network.post(OLD)
        knowing.network.post(OLD, OTHER_KEY)
        knowing.network.post_datum("d87980")
        node = knowing.node()
        for _ in range(3):
            knowing.chain.advance_slots(1)
            node.read()
        assert knowing.observer.asked.count("inputs") == 2


class TestHistory:
    """T3: payloads count where they first appeared."""

    def test_rule_t3_later_copies_gain_nothing(self, network: Network):
        world = World(network, "history")
        for published in (OLD, NEW):
            network.publish(published)
            network.post(OLD)
            assert world.both() == published
        assert names(world.read()) == ["Accepted", "Replayed", "Replayed", "Replayed"]
        network.post(NEW)
        assert world.both() == NEW

    def test_rule_t3_a_move_and_a_cancellation_as_new_payloads(self, network: Network):
        world = World(network, "history")
        before: list[Schedule] = []
        for published in (OLD, NEW, {"t": 1, "p": 12}, {"q": None, "t": 1}):
            network.publish(published)
            before.append(published)
            for old in before:
                network.post(old)
            assert world.both() == published

    @pytest.mark.parametrize("knows", KNOWS_HISTORY)
    def test_rule_t3_what_was_spent_counts_still(self, network: Network, knows: str):
        world = World(network, knows)
        network.publish(OLD)
        network.spend(network.publish(NEW))
        assert world.both() == NEW
        reading = world.read()
        assert reading.stale is None
        assert [(item.output.spent, item.verdict.name) for item in reading.history] == [
            (True, "Accepted"),
            (False, "Replayed" if knows == "history" else "Superseded"),
        ]

    @pytest.mark.parametrize("knows", KNOWS_HISTORY)
    def test_rule_t3_a_postponement_that_a_sleeping_node_missed(self, network: Network, knows: str):
        world = World(network, knows)
        network.publish(NEW)
        world.read()
        network.chain.advance_to_epoch(7)
        network.publish({"t": 1, "p": 12})
        network.chain.advance_to_epoch(20)
        assert world.both() == {"t": 1, "p": 12}

    @pytest.mark.parametrize("knows", KNOWS_HISTORY)
    def test_rule_t3_a_payload_that_changes_the_past_is_refused_by_fresh_nodes_too(self, network: Network, knows: str):
        world = World(network, knows)
        network.publish(NEW)
        world.read()
        network.chain.advance_to_epoch(10)
        network.publish({"t": 1, "p": 12})
        assert world.both() == NEW
        reading = world.fresh().read()
        assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]
        network.publish({"t": 1, "p": 9, "q": 15})
        assert world.both() == {"t": 1, "p": 9, "q": 15}


class TestRatchet:
    """T4: what has happened stays, and what was superseded never wins again."""

    def test_rule_t4_an_old_payload_beside_its_successor_loses(self, world: World):
        world.network.publish(OLD)
        world.network.publish(NEW)
        world.network.post(OLD)
        assert world.both() == NEW

    def test_rule_t4_once_superseded_never_again_after_a_restart_too(self, bare: World, tmp_path: Path):
        bare.store = open_store(str(tmp_path / "store.sqlite3"))
        old = bare.network.publish(OLD)
        new = bare.network.publish(NEW)
        assert schedule(bare.read()) == NEW
        bare.network.spend(old)
        bare.network.spend(new)
        bare.network.post(OLD)
        reading = bare.read()
        assert (schedule(reading), names(reading)) == (NEW, ["Replayed"])
        assert reading.stale is not None
        fooled = bare.fresh().read()
        assert schedule(fooled) == OLD, "this is what is left to trust"
        bare.store.close()

    def test_rule_t4_an_activation_that_has_happened_is_never_altered(self, bare: World):
        first = bare.network.publish({"t": 1, "p": 4})
        bare.read()
        bare.network.spend(first)
        bare.network.publish({"t": 2, "p": 4})
        reading = bare.read()
        assert schedule(reading) == {"t": 1, "p": 4}
        assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]
        assert "conflict" in bare.kinds()
        assert any("Conflict" in alarm for alarm in reading.alarms)

    def test_rule_t4_two_that_contradict_each_other_leave_the_trusted_one(self, bare: World):
        bare.network.publish(NEW)
        bare.read()
        bare.network.publish({"t": 1, "p": 12})
        reading = bare.read()
        assert schedule(reading) == NEW
        assert len(reading.conflicts) == 1
        assert reading.stale is None

    def test_rule_t4_a_cancellation_on_a_bare_set_is_a_new_payload(self, bare: World):
        def publish(listed: Sequence[tuple[str, int | None]]) -> Any:
            from eras import EraMarker

            content = EraMarkersPayload(tuple(EraMarker(name, epoch) for name, epoch in listed)).sign(KEY)  # type: ignore[arg-type]
            return bare.network.post_datum(encode_datum(content.to_bytes()).hex())

        old = bare.network.publish(OLD)
        bare.read()
        bare.network.spend(old)
        new = bare.network.publish(NEW)
        assert schedule(bare.read()) == NEW
        bare.network.spend(new)
        bare.network.post(OLD)  # the same payload as at first: whoever holds a copy can do that
        assert schedule(bare.read()) == NEW
        publish([("t", 1), ("t", 1)])  # the same schedule, signed anew
        assert schedule(bare.read()) == OLD

    def test_rule_t4_memory_belongs_to_key_network_and_address(self, bare: World):
        bare.network.publish(NEW)
        bare.read()
        for other in ({"network_magic": 1}, {"keys": (KEY.verification_key, OTHER_KEY.verification_key)}):
            bare.settings = other
            bare.silence()
            with pytest.raises(ChainReadError):
                bare.read()

    def test_rule_t4_the_high_water_mark_is_remembered(self, world: World):
        world.network.publish({"t": 1, "p": 4, "q": 9})
        world.read()
        stored = world.store.trust.load(world.policy().key)
        assert stored is not None
        assert (stored.activation, stored.epoch) == (markers({"p": 4})[0], 5)
        world.chain.advance_to_epoch(9)
        world.read()
        stored = world.store.trust.load(world.policy().key)
        assert stored is not None
        assert (stored.activation, stored.epoch) == (markers({"q": 9})[0], 9)

    @pytest.mark.parametrize("knows", ["inputs", "all", "history"])
    def test_rule_t4_what_has_happened_on_this_node_is_not_undone_by_a_payload_of_an_earlier_date(
        self, network: Network, knows: str
    ):
        world = World(network, knows)
        network.publish(OLD)
        funds, height = network.funds, network.chain.tip().height
        network.publish(NEW)
        network.chain.advance_to_epoch(9)
        assert schedule(world.read()) == NEW
        network.chain.rollback(network.chain.tip().height - height)
        network.funds = funds
        network.publish({"t": 1, "p": 12})
        network.chain.advance_to_epoch(10)
        reading = world.read()
        assert schedule(reading) == NEW
        assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]

    def test_rule_t4_a_checkpoint_helps_a_first_start(self, bare: World):
        new = bare.network.publish(NEW)
        output = bare.observer.datums(bare.network.address)[0]
        text = Checkpoint(output, Epoch(5)).to_json()
        bare.network.spend(new)
        bare.network.post({"t": 2})  # a thief's: another past
        assert schedule(bare.fresh().read()) == {"t": 2}
        bare.settings = {"checkpoint": Checkpoint.from_json(text)}
        reading = bare.fresh().read()
        assert schedule(reading) == NEW
        assert [item.verdict.name for item in reading.conflicts] == ["Conflict"]
        bare.silence()
        assert schedule(bare.fresh().read()) == NEW

    def test_rule_t4_a_checkpoint_is_only_where_reading_begins(self, knowing: World):
        knowing.network.publish(OLD)
        (output,) = knowing.observer.datums(knowing.network.address)
        knowing.settings = {"checkpoint": Checkpoint(output, Epoch(5))}
        knowing.network.publish(NEW)
        assert knowing.both() == NEW

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"epoch":1}', '{"epoch":-1}', "nonsense", "[" * 100_000])
    def test_rule_t4_a_checkpoint_that_is_none(self, text: str):
        with pytest.raises(CheckpointInvalidError, match="checkpoint of the release"):
            Checkpoint.from_json(text)

    def test_rule_t4_a_checkpoint_that_the_key_did_not_sign(self, bare: World):
        output = DatumOutput("00" * 32, 0, datum_of(NEW, OTHER_KEY), 1)
        bare.settings = {"checkpoint": Checkpoint(output, Epoch(5))}
        with pytest.raises(CheckpointInvalidError, match="not signed"):
            bare.fresh().read()


COSIGNERS = [SigningKey(bytes([n]) * 32) for n in range(1, 4)]


class Team:
    """A release team that signs extended payloads with two of three keys."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.policy = ExtensionPolicy(MAGIC, world.network.address, tuple(key.verification_key for key in COSIGNERS), 2)
        world.settings = {"extension": self.policy}

    def sign(
        self,
        published: Schedule,
        sequence: int,
        previous: ExtendedPayload | None = None,
        signers: Sequence[SigningKey] = COSIGNERS[:2],
        **changed: Any,
    ) -> ExtendedPayload:
        facts: dict[str, Any] = {
            "network_magic": MAGIC,
            "address": self.world.network.address,
            "sequence": sequence,
            "previous": None if previous is None else previous.hash,
            "expires_epoch": None,
            "threshold": 2,
            "keys": self.policy.keys,
        }
        extended = ExtendedPayload(EraMarkersPayload(markers(published)).sign(KEY), Extension(**(facts | changed)))
        for key in signers:
            extended = extended.sign(key)
        return extended

    def publish(self, extended: ExtendedPayload) -> None:
        """As the team does, from the era address."""
        network = self.world.network
        datum = encode_datum(extended.to_bytes()).hex()
        sent = network.chain.submit(
            network.team.pay(network.funds, network.address, 8_000_000, datum=datum, fee=400_000)
        )
        change = network.chain.output(sent, 1)
        assert change is not None
        network.funds = change


class TestExtension:
    """T5 and T6: threshold, binding, sequence, expiry."""

    def test_rule_t5_one_key_of_three_publishes_nothing(self, world: World):
        team = Team(world)
        first = team.sign(OLD, 1)
        team.publish(first)
        assert world.both() == OLD
        team.publish(team.sign(NEW, 2, first, COSIGNERS[:1]))
        reading = world.read()
        assert schedule(reading) == OLD
        assert names(reading) == ["Accepted", "BelowThreshold"]
        assert world.both() == OLD

    def test_rule_t5_with_nothing_else_there_one_key_of_three_is_refused_too(self, world: World):
        team = Team(world)
        team.publish(team.sign(NEW, 1, signers=COSIGNERS[:1]))
        with pytest.raises(NothingTrustedError, match="1 BelowThreshold"):
            world.read()

    def test_rule_t5_the_era_key_alone_publishes_nothing(self, world: World):
        team = Team(world)
        team.publish(team.sign(OLD, 1))
        world.network.publish(NEW)
        reading = world.read()
        assert (schedule(reading), names(reading)) == (OLD, ["Accepted", "Unextended"])

    def test_rule_t5_with_one_key_an_absurd_epoch_raises_an_alarm(self, knowing: World):
        knowing.network.publish({"t": 1, "x": 2**64 - 1})
        reading = knowing.read()
        assert schedule(reading) == {"t": 1, "x": 2**64 - 1}
        assert any("was the key stolen?" in alarm for alarm in reading.alarms)
        assert "absurd-epoch" in knowing.kinds()
        knowing.network.publish(NEW)  # the team takes it back: it is still in the future
        reading = knowing.read()
        assert (schedule(reading), [alarm for alarm in reading.alarms if "stolen" in alarm]) == (NEW, [])

    def test_rule_t5_with_one_key_a_short_notice_raises_an_alarm(self, knowing: World):
        knowing.network.publish({"t": 1, "p": 6})  # the first, which no node could miss
        assert knowing.read().alarms == ()
        knowing.network.spend(knowing.network.publish({"t": 1, "p": 6, "q": 7}))
        knowing.network.publish({"t": 1, "p": 6, "q": 6})
        assert any("less than 2 epochs of notice" in alarm for alarm in knowing.read().alarms)
        assert "short-notice" in knowing.kinds()

    def test_rule_t5_an_activation_that_was_published_long_ago_has_its_notice(self, knowing: World):
        network = knowing.network
        network.spend(network.publish({"t": 1}))
        scheduled = network.publish({"t": 1, "p": 10})
        knowing.read()
        network.spend(scheduled)
        network.chain.advance_to_epoch(9)
        repeated = network.publish({"t": 1, "p": 10, "q": None})  # another era is announced in the last epoch before
        reading = knowing.read()
        assert (schedule(reading), reading.alarms) == ({"t": 1, "p": 10, "q": None}, ())
        assert knowing.node().read().alarms == (), "with the same memory"
        network.spend(repeated)
        network.spend(network.publish({"t": 1, "t2": None}))  # cancelled, and brought back within the notice
        knowing.read()
        network.publish({"t": 1, "p": 10, "q": None, "r": None})
        assert "short-notice" not in knowing.kinds()
        assert [alarm for alarm in knowing.read().alarms if "less than 2 epochs of notice" in alarm] != []

    def test_rule_t6_the_highest_sequence_wins_wherever_it_is(self, world: World):
        team = Team(world)
        first = team.sign(OLD, 1)
        second = team.sign(NEW, 2, first)
        for extended in (first, second, first):
            team.publish(extended)
        reading = world.read()
        assert (schedule(reading), names(reading)) == (NEW, ["Accepted", "RolledBack", "RolledBack"])
        assert world.both() == NEW

    def test_rule_t6_a_lower_sequence_is_rolled_back_though_it_is_alone(self, bare: World):
        team = Team(bare)
        first = team.sign(OLD, 1)
        second = team.sign(NEW, 2, first)
        team.publish(second)
        bare.read()
        newest = bare.observer.datums(bare.network.address)[0]
        bare.network.spend(bare.chain.output(newest.transaction, newest.index))  # type: ignore[arg-type]
        team.publish(first)
        reading = bare.read()
        assert (schedule(reading), names(reading)) == (NEW, ["RolledBack"])
        assert reading.stale is not None

    def test_rule_t6_an_equivocation_leaves_what_was_trusted(self, world: World):
        team = Team(world)
        first = team.sign(OLD, 1)
        team.publish(first)
        world.read()
        for other in ({"t": 1, "p": 9}, {"t": 1, "q": 9}):
            team.publish(team.sign(other, 2, first))
        reading = world.read()
        if world.observer.capabilities == BARE:
            assert (schedule(reading), names(reading)) == (OLD, ["Accepted", "Equivocation", "Equivocation"])
        else:  # the one that was there first
            assert (schedule(reading), names(reading)) == (NEW, ["Accepted", "Equivocation", "RolledBack"])
        assert "conflict" in world.kinds()
        world.both()

    @pytest.mark.parametrize(
        ("changed", "verdict"), [({"network_magic": 1}, "WrongNetwork"), ({"address": "addr_test1x"}, "WrongAddress")]
    )
    def test_rule_t6_what_is_for_another_place(self, world: World, changed: dict[str, Any], verdict: str):
        team = Team(world)
        first = team.sign(OLD, 1)
        team.publish(first)
        team.publish(team.sign(NEW, 2, first, **changed))
        reading = world.read()
        assert (schedule(reading), names(reading)) == (OLD, ["Accepted", verdict])

    def test_rule_t6_past_its_expiry_it_stays_in_force_and_is_stale(self, world: World):
        team = Team(world)
        team.publish(team.sign(NEW, 1, expires_epoch=Epoch(6)))
        assert world.read().stale is None
        world.chain.advance_to_epoch(7)
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "expired with epoch 6" in reading.stale

    def test_rule_t6_the_ratchet_holds_for_many_keys_too(self, world: World):
        team = Team(world)
        first = team.sign({"t": 1, "p": 4}, 1)
        team.publish(first)
        assert world.both() == {"t": 1, "p": 4}
        second = team.sign({"t": 1, "p": 9}, 2, first)
        team.publish(second)
        reading = world.read()
        assert schedule(reading) == {"t": 1, "p": 4}
        assert names(reading) == ["Accepted", "Conflict"]
        team.publish(team.sign({"t": 1, "p": 4, "q": 9}, 3, second))
        assert schedule(world.read()) == {"t": 1, "p": 4, "q": 9}

    def test_rule_t6_a_fresh_node_holds_the_same_ratchet_where_history_is_known(self, network: Network):
        world = World(network)
        team = Team(world)
        first = team.sign({"t": 1, "p": 4}, 1)
        second = team.sign({"t": 1, "p": 9}, 2, first)
        third = team.sign({"t": 1, "p": 9, "q": 12}, 3, second)
        for extended in (first, second, third):
            team.publish(extended)
            assert world.both() == {"t": 1, "p": 4}
        assert names(world.fresh().read()) == ["Accepted", "Conflict", "Conflict"]

    def test_rule_t6_the_highest_sequence_is_remembered_without_the_extension(self, bare: World):
        team = Team(bare)
        first = team.sign(OLD, 1)
        second = team.sign(NEW, 5, first)
        team.publish(second)
        bare.read()
        bare.settings = {}
        bare.network.publish({"t": 1, "p": 9, "q": 12})
        assert schedule(bare.read()) == {"t": 1, "p": 9, "q": 12}
        bare.settings = {"extension": team.policy}
        bare.network.publish({"t": 1, "p": 9, "q": 12, "r": 14})
        for output in bare.chain.utxos(bare.network.address):
            if output.datum == encode_datum(second.to_bytes()).hex():
                bare.network.spend(output)
        team.publish(team.sign({"t": 1, "p": 9, "q": 12, "r": 14}, 3))
        reading = bare.read()
        assert schedule(reading) == {"t": 1, "p": 9, "q": 12}
        assert "RolledBack" in names(reading)

    def test_rule_t6_keys_change_by_the_old_and_the_new(self, world: World):
        team = Team(world)
        others = [SigningKey(bytes([n]) * 32) for n in range(7, 10)]
        keys = tuple(key.verification_key for key in others)
        first = team.sign(OLD, 1)
        rotated = team.sign(NEW, 2, first, [*COSIGNERS[:2], *others[:2]], keys=keys)
        later = team.sign({**NEW, "q": 12}, 3, rotated, others[1:], keys=keys)
        for extended in (first, rotated, later):
            team.publish(extended)
        assert world.both() == {**NEW, "q": 12}

    @pytest.mark.parametrize("reads", [0, 1, 2, 3])
    def test_rule_t6_a_payload_that_came_before_the_change_of_keys_it_needs(self, network: Network, reads: int):
        world = World(network)
        team = Team(world)
        others = [SigningKey(bytes([n]) * 32) for n in range(7, 10)]
        keys = tuple(key.verification_key for key in others)
        first = team.sign(OLD, 1)
        rotated = team.sign(NEW, 2, first, [*COSIGNERS[:2], *others[:2]], keys=keys)
        later = team.sign({**NEW, "q": 12}, 3, rotated, others[1:], keys=keys)
        for count, extended in enumerate((first, later, rotated)):
            team.publish(extended)
            if count < reads:
                world.read()
        assert world.both() == {**NEW, "q": 12}

    def test_rule_t6_the_policy_is_for_the_place_that_is_read(self, bare: World):
        bare.settings = {"extension": ExtensionPolicy(1, bare.network.address, (KEY.verification_key,), 1)}
        with pytest.raises(ConfigurationError, match="magic 42"):
            bare.policy()


class TestProviders:
    """T7: providers lie or lag."""

    def test_rule_t7_a_tip_far_behind_one_that_was_read_is_stale(self, world: World):
        world.network.publish(NEW)
        world.chain.advance_slots(1_000)
        world.read()
        world.answer("tip", lambda tip: replace(tip, slot=Slot(tip.slot - 400), height=tip.height - 1, block_hash="00"))
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "400 slots behind" in reading.stale

    def test_rule_t7_a_provider_that_lags_brings_no_old_payload_back(self, bare: World):
        old = bare.network.publish(OLD)
        before = bare.observer.tip(), bare.observer.datums(bare.network.address)
        bare.network.spend(old)
        bare.chain.advance_slots(1)
        bare.network.publish(NEW)
        assert schedule(bare.read()) == NEW
        frozen = dict(zip(("tip", "datums"), before, strict=True))
        bare.observer.change = frozen.get
        reading = bare.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None

    def test_rule_t7_a_lagging_provider_of_history_takes_nothing_from_a_node_that_knows_little(self, bare: World):
        old = bare.network.publish(OLD)
        before = Knowing(bare.chain, ALL)
        frozen: dict[str, Any] = {
            "tip": before.tip(),
            "datums": before.datums(bare.network.address),
            "history": before.history(bare.network.address),
        }
        bare.network.spend(old)
        bare.chain.advance_slots(1)
        bare.network.publish(NEW)
        assert schedule(bare.read()) == NEW
        bare.observer = Knowing(bare.chain, ALL, change=frozen.get)
        reading = bare.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None

    def test_rule_t7_a_tip_that_a_clock_calls_late_is_stale(self, world: World):
        world.network.publish(NEW)
        reading = world.node(tip_check=lambda tip: f"the tip is at slot {tip.slot}, an hour ago").read()
        assert (schedule(reading), reading.stale) == (NEW, "the tip is at slot 500, an hour ago")

    @pytest.mark.parametrize("question", ["tip", "epoch"])
    def test_rule_t7_one_lie_about_the_time_leaves_no_mark(self, world: World, question: str):
        """A provider that was once in the far future: what it said of slot and epoch must not outlive it."""
        old = world.network.publish(OLD)
        world.network.spend(old)
        scheduled = world.network.publish(NEW)
        lie = (lambda tip: replace(tip, slot=Slot(10**12))) if question == "tip" else (lambda _: Epoch(1_000))
        world.answer(question, lie)
        doubt = world.node(tip_check=lambda _: "ahead of the clock").read()
        assert (schedule(doubt), doubt.stale) == (NEW, "ahead of the clock")
        world.honest()
        world.network.spend(scheduled)
        world.network.publish({"t": 1, "p": 12})
        reading = world.node(tip_check=lambda _: None).read()
        assert (schedule(reading), reading.stale) == ({"t": 1, "p": 12}, None)

    def test_rule_t7_an_epoch_far_from_the_clocks_is_not_believed(self, world: World):
        world.network.publish(NEW)
        assert world.node().read(Epoch(6)).stale is None
        world.answer("epoch", lambda _: Epoch(100_000))
        reading = world.node().read(Epoch(6))
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "expected epoch 6, or one beside it, got epoch 100000" in reading.stale
        stored = world.store.trust.load(world.policy().key)
        assert stored is not None
        assert stored.epoch == 5, "nothing is remembered of it"

    def test_rule_t7_a_provider_that_lies_about_the_order_brings_nothing_back(self, network: Network):
        for knows in KNOWS_HISTORY:
            world = World(network, knows)
            network.publish({"t": 1, "p": 8})
            network.publish(NEW)
            world.read()
            world.observer.change = lambda asked, answer: answer[::-1] if asked in ("datums", "history") else answer
            network.chain.advance_slots(1)
            reading = world.read()
            assert (schedule(reading), reading.stale) == (NEW, None), knows
            network.chain.rollback(3)
            network.funds = next(found for found in network.chain.utxos(network.address) if found.datum is None)

    def test_rule_t7_a_provider_that_lies_about_inputs_takes_nothing_away(self, knowing: World):
        knowing.network.publish(OLD)
        new = knowing.network.publish(NEW)
        knowing.read()
        knowing.chain.advance_slots(1)
        liar = Knowing(knowing.chain, ALL, "the liar")
        real = liar.input_addresses
        liar.input_addresses = (  # type: ignore[method-assign]
            lambda transaction: ("addr_test1x",) if transaction == new.transaction else real(transaction)
        )
        reading = knowing.node(liar).read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "spends nothing at the era address" in reading.stale
        assert knowing.read().stale is None

    def test_rule_t7_the_next_observer_is_asked_when_one_fails(self, world: World):
        world.network.publish(NEW)
        broken = Knowing(world.chain, ALL, "the broken one")
        broken.change = lambda _, __: (_ for _ in ()).throw(ChainReadError("broken"))
        reading = world.node(broken, world.observer).read()
        assert (schedule(reading), reading.stale) == (NEW, None)
        assert reading.provenance is not None
        assert "the provider" in reading.provenance.source

    def test_rule_t7_a_chain_that_rolls_back_meanwhile_is_read_again(self, world: World):
        world.network.publish(OLD)
        world.network.publish(NEW)
        rolled = []

        def roll_back(answer: Any) -> Any:
            if not rolled:
                rolled.append(world.chain.rollback(1))
            return answer

        world.answer("datums", roll_back)
        assert schedule(world.fresh().read()) == OLD

    def test_rule_t7_a_chain_that_never_stands_still_is_an_error(self, world: World):
        world.network.publish(NEW)
        heights = iter(range(1_000, 0, -1))
        world.answer("tip", lambda tip: ChainTip(tip.slot, next(heights), None))
        with pytest.raises(ChainReadError, match="changed while"):
            world.fresh().read()

    def test_rule_t7_at_an_unchanged_tip_nothing_else_is_asked(self, world: World):
        world.network.publish(NEW)
        world.network.post(OLD)
        node = world.node()
        first = node.read()
        world.observer.asked.clear()
        second = node.read()
        assert sorted(world.observer.asked) == ["epoch", "tip"]
        assert (second.markers, second.screened, second.events) == (first.markers, first.screened, ())


class TestRollback:
    """T8: confirmations, and what vanishes."""

    @pytest.mark.parametrize("knows", KNOWS)
    def test_rule_t8_a_payload_counts_once_it_is_deep_enough(self, network: Network, knows: str):
        world = World(network, knows)
        world.settings = {"confirmations": 3}
        network.publish(OLD)
        for _ in range(3):
            network.chain.advance_slots(1)
        assert schedule(world.read()) == OLD
        network.publish(NEW)
        for depth in range(3):
            reading = world.read()
            assert schedule(reading) == OLD
            assert "Unconfirmed" in names(reading)
            assert f"{depth} of 3 blocks" in str([item.verdict.reason for item in reading.screened])
            network.chain.advance_slots(1)
        assert schedule(world.read()) == NEW

    @pytest.mark.parametrize("knows", ["inputs", "all", "history"])
    def test_rule_t8_with_nothing_trusted_the_error_tells_how_deep(self, network: Network, knows: str):
        world = World(network, knows)
        world.settings = {"confirmations": 3}
        network.publish(OLD)
        with pytest.raises(NothingTrustedError, match="1 Unconfirmed"):
            world.read()

    def test_rule_t8_a_bare_set_tells_no_depth_to_a_fresh_node(self, bare: World):
        bare.settings = {"confirmations": 3}
        bare.network.publish(OLD)
        assert schedule(bare.read()) == OLD

    def test_rule_t8_what_was_rolled_back_has_to_become_deep_anew(self, bare: World):
        bare.settings = {"confirmations": 3}
        bare.network.publish(OLD)
        bare.read()
        bare.network.publish(NEW)
        bare.read()
        bare.chain.rollback(1)
        for _ in range(3):
            bare.chain.advance_slots(1)
        assert schedule(bare.read()) == OLD
        bare.network.funds = next(output for output in bare.chain.utxos(bare.network.address) if output.datum is None)
        bare.network.publish(NEW)
        assert schedule(bare.read()) == OLD

    def test_rule_t8_a_marker_that_vanishes_leaves_the_trusted_one(self, world: World):
        world.network.publish(OLD)
        world.network.publish(NEW)
        assert schedule(world.read()) == NEW
        world.chain.rollback(1)
        reading = world.read()
        assert schedule(reading) == NEW
        assert reading.stale is not None
        assert "has vanished" in reading.stale
        assert names(reading) == ["Replayed"] if world.observer.capabilities in (BARE, HISTORY) else ["Superseded"]

    @pytest.mark.parametrize("knows", ["inputs", "all", "history"])
    def test_rule_t8_after_a_rollback_what_is_published_anew_takes_its_place(self, network: Network, knows: str):
        world = World(network, knows)
        network.publish(OLD)
        funds = network.funds
        network.publish(NEW)
        world.read()
        network.chain.rollback(1)
        world.read()
        network.funds = funds
        network.publish({"t": 1, "p": 12})
        reading = world.read()
        assert (schedule(reading), reading.stale) == ({"t": 1, "p": 12}, None)
        assert schedule(world.fresh().read()) == {"t": 1, "p": 12}

    def test_rule_t8_the_same_payload_in_another_block_is_the_same(self, world: World):
        world.network.publish(OLD)
        funds = world.network.funds
        world.network.publish(NEW)
        world.read()
        world.chain.rollback(1)
        world.chain.advance_slots(3)
        world.network.funds = funds
        world.network.publish(NEW)
        reading = world.read()
        assert (schedule(reading), reading.stale) == (NEW, None)


class TestMemory:
    """T9: the schedule is remembered, not the era."""

    def test_rule_t9_a_switch_already_trusted_happens_though_every_provider_is_down(self, world: World):
        world.network.publish(NEW)
        node = world.node()
        reader = EraReader(node)
        assert reader.read_era_epoch_token(Epoch(5)).current.name == "t"
        world.silence()
        assert reader.read_era_epoch_token(Epoch(8)).current.name == "t"
        assert reader.read_era_epoch_token(Epoch(9)).current.name == "p"
        reading = node.read(Epoch(9))
        assert (reading.stale, reading.epoch, reading.legacy) == ("the line is dead", 9, None)
        assert world.kinds() == ["trusted", "stale"], "said once"

    def test_rule_t9_a_restart_without_a_provider(self, world: World, tmp_path: Path):
        world.store = open_store(str(tmp_path / "store.sqlite3"))
        world.network.publish(NEW)
        trusted = world.read()
        world.store.close()
        world.store = open_store(str(tmp_path / "store.sqlite3"))
        world.silence()
        reading = world.read()
        assert (schedule(reading), reading.stale) == (NEW, "the line is dead")
        assert reading.provenance is not None
        assert trusted.provenance is not None
        assert reading.provenance == replace(trusted.provenance, source=reading.provenance.source)
        assert "what is remembered" in reading.provenance.source
        world.store.close()

    def test_rule_t9_with_nothing_trusted_the_error_of_the_provider_is_told(self, world: World):
        world.silence("the daily quota is used up")
        with pytest.raises(ChainReadError, match="daily quota") as caught:
            world.read()
        assert caught.value.exit_code == 5

    def test_rule_t9_what_cannot_be_written_is_in_force_and_remembered_by_the_process(self, world: World):
        class Full(MemoryStore):
            def __init__(self) -> None:
                super().__init__()
                self.trust.save = self._fail  # type: ignore[method-assign]

            def _fail(self, *_: Any, **__: Any) -> StoredTrust:
                raise StoreFullError("no room")

        world.network.publish(NEW)
        world.store = Full()
        node = world.node()
        reading = node.read()
        assert (schedule(reading), reading.stale) == (NEW, None)
        assert any("could not be remembered: no room" in alarm for alarm in reading.alarms)
        world.silence()
        reading = node.read()
        assert (schedule(reading), reading.stale) == (NEW, "the line is dead")

    def test_rule_t9_a_store_that_cannot_be_read_is_an_error_only_at_the_start(self, world: World):
        world.network.publish(NEW)
        node = world.node()
        node.read()

        def broken(_key: Any) -> Any:
            raise StoreDamagedError("the file is damaged")

        world.store.trust.load = broken  # type: ignore[method-assign]
        assert schedule(node.read()) == NEW
        with pytest.raises(StoreError, match="is damaged"):
            world.node().read()


class TestNothingIsSilent:
    """T10: every refused datum has a verdict, in the reading and in the event log."""

    def test_rule_t10_every_datum_has_a_verdict_and_a_reason(self, world: World):
        world.network.post_datum("d87980")
        world.network.post(NEW, OTHER_KEY)
        world.network.publish(OLD)
        world.network.publish(NEW)
        world.network.post(OLD)
        reading = world.read()
        assert len(reading.screened) == 5
        assert all(item.verdict.reason for item in reading.screened)

    def test_rule_t10_what_is_new_is_written_once(self, world: World, tmp_path: Path):
        world.store = open_store(str(tmp_path / "store.sqlite3"))
        for _ in range(3):
            world.network.post_datum("d87980")
        world.network.publish(OLD)
        assert [event.kind for event in world.read().events] == ["trusted", "junk"]
        assert world.store.events.read()[-1].facts == {"count": 3, "before": 0}
        for _ in range(3):
            world.chain.advance_slots(1)
            assert world.read().events == ()
        world.network.publish(NEW)
        world.read()
        assert "refused" in world.kinds()[2:]
        told = [event for event in world.store.events.read() if event.kind == "refused"]
        assert [event.facts["verdict"] for event in told] == ["Replayed" if _by_payload(world) else "Superseded"]
        assert {event.epoch for event in told} == {5}
        assert {event.time_s for event in told} == {1.0}
        world.store.close()

    def test_rule_t10_many_refusals_are_counted(self, bare: World, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("chain_reader.trust.reading.LISTED_EVENTS", 2)
        bare.network.publish(NEW)
        for _ in range(5):
            bare.network.post(OLD)
        bare.read()
        assert bare.kinds() == ["trusted", "legacy-differs", "refused", "refused", "refused-many"]
        assert bare.store.events.read()[-1].facts["verdicts"] == {"Replayed": 3}

    def test_rule_t10_with_nothing_trusted_the_error_counts_the_verdicts(self, world: World):
        world.network.post(NEW, OTHER_KEY)
        world.network.post_datum("d87980")
        with pytest.raises(NothingTrustedError, match="1 Malformed, 1 WrongSigner") as caught:
            world.read()
        assert caught.value.exit_code == 5
        assert caught.value.facts["verdicts"] == {"Malformed": 1, "WrongSigner": 1}
        assert names(caught.value.reading) == ["Malformed", "WrongSigner"]
        assert "verification key" in str(caught.value)

    def test_rule_t10_an_empty_address_is_told_from_one_with_refused_datums(self, world: World):
        with pytest.raises(NothingTrustedError, match="no datum at all") as caught:
            world.read()
        assert "the right network" in str(caught.value)

    def test_rule_t10_a_refusal_is_not_judged_again_after_a_restart(self, bare: World, monkeypatch: pytest.MonkeyPatch):
        bare.network.publish(NEW)
        bare.network.post(NEW, OTHER_KEY)
        bare.network.post_datum("d87980")
        first = bare.read()
        judged: list[Any] = []
        from datum import screening

        real = screening._screen
        monkeypatch.setattr(screening, "_screen", lambda texts, *how: judged.extend(texts) or real(texts, *how))
        assert bare.read().screened == first.screened
        forged = {item.output.datum for item in first.screened if item.verdict.name == "WrongSigner"}
        assert len(forged) == 1
        assert not forged & set(judged)

    def test_rule_t10_a_kept_verdict_belongs_to_the_datum(self, bare: World):
        junk = bare.network.post(OLD, OTHER_KEY)
        bare.network.publish(OLD)
        bare.read()
        bare.answer(
            "datums",
            lambda found: tuple(
                replace(output, datum=datum_of(NEW)) if output.transaction == junk.transaction else output
                for output in found
            ),
        )
        bare.chain.advance_slots(1)
        assert schedule(bare.read()) == NEW


def _by_payload(world: World) -> bool:
    return not world.observer.capabilities.inputs


class TestLegacyView:
    """T11: what a Mithril reader would make of the same outputs."""

    def test_rule_t11_no_alarm_where_it_is_the_same(self, world: World):
        world.network.publish(NEW)
        world.network.post(NEW)
        world.network.post(OLD, OTHER_KEY)
        reading = world.read()
        assert reading.legacy is not None
        assert (reading.legacy.differs, reading.legacy.words, reading.alarms) == (False, None, ())
        assert [verified.markers for verified in reading.legacy.possible] == [markers(NEW)]

    def test_rule_t11_an_old_payload_beside_the_trusted_one_raises_an_alarm(self, world: World):
        world.network.publish(NEW)
        world.network.post(OLD)
        reading = world.read()
        assert reading.legacy is not None
        assert reading.legacy.differs
        assert {verified.markers for verified in reading.legacy.possible} == {markers(NEW), markers(OLD)}
        assert reading.legacy.words is not None
        assert "[t at epoch 1] (current era t)" in reading.legacy.words
        assert reading.legacy.words in reading.alarms
        assert world.kinds().count("legacy-differs") == 1
        world.chain.advance_slots(1)
        world.read()
        assert world.kinds().count("legacy-differs") == 1

    def test_rule_t11_a_mithril_reader_that_would_find_nothing(self, knowing: World):
        knowing.network.spend(knowing.network.publish(NEW))
        reading = knowing.read()
        assert (schedule(reading), reading.alarms) == (NEW, ("a Mithril reader would find no markers",))
        knowing.network.publish(NEW)
        assert knowing.read().alarms == ()
        assert knowing.kinds()[-2:] == ["legacy-agrees", "refused"]

    def test_rule_t11_the_same_schedule_in_another_order_is_the_same(self, bare: World):
        bare.network.publish({"t": 1, "p": 9})
        bare.network.post({"p": 9, "t": 1})
        legacy = bare.read().legacy
        assert legacy is not None
        assert (legacy.differs, len(legacy.possible)) == (False, 2)

    def test_rule_t11_many_other_schedules_are_counted(self, bare: World):
        bare.network.publish({"t": 1, "p": 9, "q": 20})
        for epoch in range(10, 15):
            bare.network.post({"t": 1, "x": epoch})
        legacy = bare.read().legacy
        assert legacy is not None
        assert legacy.words is not None
        assert "or one of 2 others" in legacy.words


class TestWriting:
    """State is written atomically, only after verification, and by several processes at once."""

    def test_a_store_is_never_trusted_without_its_signature(self, bare: World):
        bare.network.publish(NEW)
        bare.read()
        key = bare.policy().key
        stored = bare.store.trust.load(key)
        assert stored is not None
        assert stored.trusted is not None
        forged = replace(stored, trusted=replace(stored.trusted, datum=datum_of(OLD, OTHER_KEY)))
        bare.store.trust.save(key, forged, time_s=1.0)
        with pytest.raises(StoreDamagedError, match="not signed"):
            bare.read()

    def test_a_failing_reading_writes_nothing(self, world: World):
        world.network.publish(OLD)
        world.read()
        before = world.store.trust.load(world.policy().key)
        world.network.publish(NEW)
        knows = world.observer.capabilities
        needed = {"tip", "epoch", "datums", "history"} - ({"history"} if knows.inputs else set())
        needed -= {"datums"} if knows.inputs and knows.history else set()
        for question in needed:
            world.answer(question, lambda _: (_ for _ in ()).throw(ChainReadError("gone")))
            if question in world.observer.asked:
                assert schedule(world.read()) == OLD
                after = world.store.trust.load(world.policy().key)
                assert before is not None
                assert after is not None
                assert replace(after, stale=None, version=0) == replace(before, stale=None, version=0)

    @pytest.mark.parametrize("question", ["history", "inputs", "block"])
    def test_rule_t1_what_can_be_done_without_ends_no_reading(
        self, knowing: World, question: str, monkeypatch: pytest.MonkeyPatch
    ):
        knowing.network.publish(OLD)
        knowing.read()
        knowing.network.publish(NEW)
        knowing.answer(question, lambda _: (_ for _ in ()).throw(ChainReadError("gone")))
        reading = knowing.read()
        assert schedule(reading) == (OLD if question == "inputs" else NEW)
        assert reading.stale is None
        knowing.honest()
        later_s = time.time() + 11  # what could not be had is asked for again after 10 s
        monkeypatch.setattr("chain_reader.trust.transactions.time", SimpleNamespace(time=lambda: later_s))
        assert schedule(knowing.read()) == NEW

    def test_a_writer_that_was_overtaken_decides_anew(self, world: World):
        world.network.publish(OLD)
        node, other = world.node(), world.node()
        node.read()
        other.read()
        world.network.publish(NEW)
        real = world.store.trust.load
        overtaken = []

        def overtake(key: Any) -> Any:
            found = real(key)
            if not overtaken:
                overtaken.append(True)
                other.read()
            return found

        world.store.trust.load = overtake  # type: ignore[method-assign]
        assert schedule(node.read()) == NEW
        assert world.kinds().count("trusted") == 2

    def test_every_payload_is_remembered_with_where_it_first_appeared(self, world: World):
        first = world.network.publish(OLD)
        world.read()
        world.network.publish(NEW)
        world.network.post(OLD)
        world.read()
        stored = world.store.trust.load(world.policy().key)
        assert stored is not None
        assert len(stored.payloads) == 2
        old = next(payload for payload in stored.payloads if payload.reference == f"{first.transaction}#{first.index}")
        assert old.superseded
        world.network.spend(first)
        world.network.post(OLD)
        world.read()
        again = world.store.trust.load(world.policy().key)
        assert again is not None
        assert [payload.reference for payload in again.payloads] == [payload.reference for payload in stored.payloads]
        assert (old.slot, old.height) == (
            (first.slot, first.block_height) if world.observer.capabilities.slots else (None, None)
        )
        assert (old.seen_epoch, old.seen_height) == (5, first.block_height)
        assert EraMarkersPayload.from_bytes(old.content).markers == markers(OLD)

    def test_no_more_payloads_are_remembered_than_a_thief_should_fill_a_disk_with(
        self, bare: World, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("chain_reader.trust.memory.MAX_PAYLOADS", 3)
        for epoch in range(9, 15):
            bare.network.post({"t": 1, "p": epoch})
        bare.read()
        stored = bare.store.trust.load(bare.policy().key)
        assert stored is not None
        assert len(stored.payloads) == 3

    def test_a_node_that_is_killed_while_it_reads_trusts_the_old_or_the_new(self, network: Network, tmp_path: Path):
        network.publish(OLD)
        code = READ_ONCE.format(
            chain=str(network.chain.path), store=str(tmp_path / "store"), address=network.address, key=KEY.seed.hex()
        )
        assert forked.run(code, "0").returncode == 0
        network.publish(NEW)
        counts = []
        for moment in range(1, 100):
            ended = forked.run(code, str(moment)).returncode
            with open_store(str(tmp_path / "store")) as store:
                world = World(network)
                stored = store.trust.load(world.policy().key)
                assert stored is not None
                assert stored.trusted is not None
                counts.append(len(stored.trusted.markers))
                told = [event.kind for event in store.events.read()].count("trusted")
                assert told == counts[-1], "the event is there if and only if the state is"
            if ended == 0:
                break
        assert ended == 0, "the process was killed at every statement, and then not"
        assert counts == sorted(counts)
        assert (counts[0], counts[-1]) == (1, 2)


READ_ONCE = """
import os, signal, sys
from sqlalchemy import event
from chain_reader import LocalObserver
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trusted_reader import TrustedReader
from datum import SigningKey
from era_store import open_store
moment = int(sys.argv[1])
store = open_store({store!r})
statements = 0
def count(*_):
    global statements
    statements += 1
    if statements == moment:
        os.kill(os.getpid(), signal.SIGKILL)
for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
    event.listen(store.database._engine, name, count)
policy = TrustPolicy({address!r}, (SigningKey(bytes.fromhex({key!r})).verification_key,), network_magic=42)
TrustedReader(LocalObserver.open({chain!r}), policy, store).read()
"""


@pytest.fixture(autouse=True)
def closed_stores() -> Iterator[None]:
    """Nothing is left open, whatever a test did."""
    made: list[SqlStore] = []
    real = SqlStore.__init__

    def remember(self: SqlStore, *arguments: Any) -> None:
        made.append(self)
        real(self, *arguments)

    SqlStore.__init__ = remember  # type: ignore[method-assign]
    yield
    SqlStore.__init__ = real  # type: ignore[method-assign]
    for store in made:
        store.close()


def test_a_reader_without_observers_says_so(bare: World):
    with pytest.raises(ChainReadError, match="no observer"):
        TrustedReader((), bare.policy()).read()


@pytest.mark.parametrize(
    "changed", [{"keys": ()}, {"keys": ("ab" * 32,)}, {"confirmations": -1}, {"max_lead_epochs": True}]
)
def test_a_policy_that_cannot_work(bare: World, changed: dict[str, Any]):
    bare.settings = changed
    with pytest.raises(ConfigurationError):
        bare.policy()


def test_names_in_repr_only(bare: World):
    assert repr(bare.node()) == f"TrustedReader('the provider', {bare.network.address!r})"


def test_knowledge_is_what_it_says():
    assert (BARE.inputs, HISTORY.inputs, INPUTS.history, ALL.inputs and ALL.history) == (False, False, False, True)


def test_rule_t3_what_is_known_of_the_history_is_not_asked_for_again(knowing: World):
    asked: list[set[str]] = []

    class Selective(Knowing):
        def history_beside(self, address: str, known: Any) -> tuple[DatumOutput, ...]:
            whole = self.history(address)
            asked.append({output.transaction for output in whole} - set(known))
            told = {output.reference: output for outputs in known.values() for output in outputs}
            return tuple(told.get(output.reference, output) for output in whole)

    knowing.observer = Selective(knowing.chain)
    first = knowing.network.publish(OLD)
    junk = knowing.network.post_datum("d87980")
    node = knowing.node()
    assert schedule(node.read()) == OLD
    knowing.network.spend(first)
    second = knowing.network.publish(NEW)
    reading = node.read()
    assert (schedule(reading), reading.stale) == (NEW, None)
    assert asked == [{first.transaction}, {second.transaction}]
    assert junk.transaction not in asked[0] | asked[1]
    assert [item.output.spent for item in reading.history] == [False, False, True]

"""The deciding core of a node: what it writes, how it begins anew, what it does when it cannot write."""

import logging
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as sql_event

from chain_reader import (
    ClockTicked,
    LogLimits,
    NodeCore,
    NodeSettings,
    ObserverAnswered,
    ObserverFailed,
    Replay,
    TrustedReader,
    TrustPolicy,
)
from chain_reader.log.records import settings_facts, settings_of, state_facts, state_of
from chain_reader.log.replay import Difference
from chain_reader.node.inputs import CommandGiven, InputEvent, InputsShed, MemoryRead, RegistrationReceived
from era_store import (
    EventFilter,
    MemoryStore,
    SqlStore,
    Store,
    StoreDamagedError,
    StoredTrust,
    StoreFullError,
    StoreUnavailableError,
    open_store,
    verified,
)
from era_store.event_log import canonical
from eras import Epoch, EraChecker, EraEvent, EraStatus, SupportedEras
from tests import forked
from tests.chain_reader.conftest import KEY, OTHER_KEY, Network
from tests.chain_reader.deciding_world import ANNOUNCED, POLICY, SCHEDULED, SETTINGS, THALES, UNKNOWN, Address
from tests.chain_reader.knowing import Knowing


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of each kind."""
    if request.param == "memory":
        yield MemoryStore()
        return
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else str(tmp_path / "store")
    with open_store(url) as made:
        yield made


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[SqlStore]:
    """A store in a file."""
    with open_store(str(tmp_path / "file")) as made:
        yield made


def core_of(store: Store, **options: Any) -> NodeCore:
    return NodeCore(options.pop("settings", SETTINGS), store, clock=lambda: 0.0, **options)


def story(address: Address | None = None) -> list[InputEvent]:
    """Inputs of every kind, in which everything happens that a node decides about."""
    at = Address() if address is None else address
    inputs: list[InputEvent] = [ClockTicked(Epoch(5), 1.0, None)]
    at.publish(THALES, epoch=4)
    inputs += [ObserverAnswered(at.evidence(5), 2.0), ObserverAnswered(at.evidence(5, 590), 3.0)]
    at.publish(ANNOUNCED, epoch=5)
    at.post(SCHEDULED, epoch=5)
    at.post(THALES, OTHER_KEY, epoch=5)
    inputs += [
        ObserverAnswered(at.evidence(5, 595), 4.0),
        ClockTicked(Epoch(6), 5.0),
        ObserverAnswered(at.evidence(6), 5.5, "late by the clock"),
        ObserverFailed("provider", "ProviderTimeout", "https://user:word@host did not answer", 6.0),
        ClockTicked(Epoch(7), 7.0),
    ]
    at.publish(UNKNOWN, epoch=7)
    inputs += [
        ObserverAnswered(at.evidence(7), 8.0),
        CommandGiven("acknowledge", 9.0, {"era": "euclid"}),
        CommandGiven("dance", 9.0),
        RegistrationReceived("pool1", Epoch(7), "1.0.0", 2**60, "file", 10.0),
        RegistrationReceived("pool2", Epoch(70), None, 1, "file", 10.0),
        InputsShed({"registration-received": 2}, 11.0),
        ClockTicked(Epoch(9), 12.0),
        ObserverAnswered(at.evidence(9), 13.0),
        ObserverAnswered(at.evidence(9, 990), 14.0),
    ]
    return inputs


def replayed(store: Store) -> tuple[Replay, Difference | None]:
    replay = Replay()
    return replay, replay.run(verified(store.events.lines(), store.events.head().base_hash))


def kinds(store: Store, role: str | None = None) -> list[str]:
    return [event.kind for event in store.events.read() if role in (None, event.role)]


class TestWriting:
    def test_every_input_and_every_decision_is_written_and_follows(self, store: Store):
        core = core_of(store)
        told = []
        for event in story():
            told += [decision.kind for decision in core.apply(event)]
        assert kinds(store, "decision") == told
        assert {"trusted", "announced", "refused", "stale", "unsupported-current", "inputs-shed"} <= set(told)
        assert len(kinds(store, "input")) == len(story())
        replay, difference = replayed(store)
        assert difference is None
        assert (replay.done.inputs, replay.done.decisions) == (len(story()), len(told))
        (node,) = replay.nodes.values()
        assert canonical(state_facts(node.state)).replace("********", "user:word") == canonical(state_facts(core.state))

    def test_what_is_trusted_is_written_with_it(self, store: Store):
        core = core_of(store)
        for event in story():
            core.apply(event)
        stored = store.trust.load(POLICY.key)
        assert stored is not None
        assert replace(stored, version=0) == core.state.trust

    def test_the_checker_is_up_to_date_and_emits_its_events(self):
        checker, heard = EraChecker(SETTINGS.supported), []
        for event in EraEvent:
            checker.on(event, lambda details: heard.append(details.event))
        core = core_of(MemoryStore(), checker=checker)
        for event in story():
            core.apply(event)
            assert checker.view == core.state.view
        assert heard == [
            EraEvent.READY, EraEvent.UPCOMING_CHANGED, EraEvent.STALE, EraEvent.READY,
            EraEvent.UPCOMING_CHANGED, EraEvent.UPCOMING_UNSUPPORTED, EraEvent.FATAL, EraEvent.ERA_CHANGED,
            EraEvent.UPCOMING_CHANGED,
        ]  # fmt: skip

    def test_an_answer_that_is_the_same_is_written_in_a_few_bytes(self, store: Store):
        core, address = core_of(store), Address()
        address.publish(THALES, epoch=4)
        for schedule in range(40):
            address.post({"thales": 1, f"e{schedule}": None}, OTHER_KEY, epoch=4)
        sizes = []
        for slot in range(510, 515):
            core.apply(ObserverAnswered(address.evidence(5, slot), 1.0))
            (last,) = store.events.read(after=store.events.head().last_id - 1)
            answer = last if last.role == "input" else store.events.last(EventFilter(roles=("input",)))
            assert answer is not None
            sizes.append(len(canonical(answer.facts)))
        address.post(THALES, OTHER_KEY, epoch=5)
        core.apply(ObserverAnswered(address.evidence(5, 520), 1.0))
        answer = store.events.last(EventFilter(kinds=("observer-answered",)))
        assert answer is not None
        assert sizes[0] > 40 * 200
        assert max(sizes[1:]) < 250
        assert len([part for part in answer.facts["unspent"] if len(part) > 2]) == 1, "only the new output in full"
        assert replayed(store)[1] is None

    def test_secrets_are_masked_and_replay_still_agrees(self, store: Store):
        core = core_of(store)
        core.apply(ObserverFailed("https://me:pw@host", "ProviderTimeout", "https://me:pw@host hangs", 1.0))
        assert "pw" not in "".join(line.text for line in store.events.lines())
        assert replayed(store)[1] is None

    def test_two_nodes_that_are_told_the_same_write_the_same(self):
        one, other = MemoryStore(), MemoryStore()
        for store in (one, other):
            core = core_of(store)
            for event in story():
                core.apply(event)
        assert one.events.head() == other.events.head()


class TestStartingAnew:
    @pytest.mark.parametrize("every", [3, 1_000])
    def test_a_node_begins_where_the_log_ends(self, store: Store, every: int):
        inputs = story()
        straight = core_of(MemoryStore())
        core = core_of(store, limits=LogLimits(snapshot_every=every))
        for event in inputs:
            straight.apply(event)
            core.apply(event)
            before = core.state
            core = core_of(store, limits=LogLimits(snapshot_every=every))
            assert masked(core.state) == masked(before) == masked(straight.state)
        replay, difference = replayed(store)
        assert difference is None
        assert replay.done.snapshots >= len(inputs)

    def test_without_a_log_it_begins_with_what_is_trusted(self, store: Store, network: Network):
        policy = TrustPolicy(network.address, (KEY.verification_key,), 42)
        network.publish({"t": 1, "p": 9})
        network.post({"t": 1}, OTHER_KEY)
        TrustedReader(Knowing(network.chain), policy, store).read()
        core = core_of(store, settings=NodeSettings(policy, SupportedEras(("t", "p"))))
        assert core.checker.current_era == "t"
        assert core.checker.status is EraStatus.STALE
        assert sorted(core.state.told.values()) == ["Accepted", "WrongSigner"], "what was told is not told again"
        assert replayed(store)[1] is None

    def test_under_other_settings_it_goes_on_with_what_it_knew(self, store: Store):
        core = core_of(store)
        for event in story():
            core.apply(event)
        assert core.checker.status is EraStatus.FATAL
        upgraded = replace(SETTINGS, supported=SupportedEras((*SETTINGS.supported, "euclid")))
        core = core_of(store, settings=upgraded)
        assert core.checker.current_era == "euclid"
        assert core.apply(ClockTicked(Epoch(9), 20.0)) == ()
        replay, difference = replayed(store)
        assert difference is None
        assert replay.done.snapshots == 1

    def test_what_another_process_trusted_meanwhile_is_taken_over(self, store: Store):
        address = Address()
        address.publish(THALES, epoch=4)
        one, other = core_of(store), core_of(store)
        one.apply(ObserverAnswered(address.evidence(5), 1.0))
        address.publish(SCHEDULED, epoch=5)
        told = other.apply(ObserverAnswered(address.evidence(5), 2.0))
        assert [decision.kind for decision in told][:2] == ["memory-taken-over", "era-known"]
        assert other.state.trust.trusted is not None
        assert len(other.state.trust.trusted.markers) == 2
        assert one.apply(ObserverAnswered(address.evidence(6), 3.0))[0].kind == "memory-taken-over"
        replay, difference = replayed(store)
        assert difference is None
        assert len(replay.nodes) == 2
        again = core_of(store)
        assert again.state.trust == one.state.trust

    def test_the_log_of_another_address_is_nobodys_memory(self, store: Store):
        core = core_of(store)
        for event in story():
            core.apply(event)
        other = core_of(store, settings=NodeSettings(replace(POLICY, address="addr_test1other")))
        assert other.state.view.era is None
        assert replayed(store)[1] is None

    def test_a_log_that_cannot_be_replayed_is_said_and_what_is_trusted_is_taken(
        self, file_store: SqlStore, caplog: pytest.LogCaptureFixture
    ):
        core = core_of(file_store)
        for event in story():
            core.apply(event)
        with file_store.database.raw() as driver:
            driver.execute("UPDATE event SET facts = '{}' WHERE kind = 'clock-ticked'")
        with caplog.at_level(logging.WARNING):
            core = core_of(file_store)
        assert "cannot be replayed" in caplog.text
        assert core.state.trust.trusted is not None
        core.apply(ClockTicked(Epoch(10), 1.0))
        assert core.state.epoch == 10

    def test_a_trusted_payload_that_nobody_signed_stops_it(self, store: Store):
        core = core_of(store)
        for event in story():
            core.apply(event)
        stored = store.trust.load(POLICY.key)
        assert stored is not None
        assert stored.trusted is not None
        forged = Address()
        datum = forged.post(SCHEDULED, OTHER_KEY).datum
        store.trust.save(POLICY.key, replace(stored, trusted=replace(stored.trusted, datum=datum)), time_s=1.0)
        with pytest.raises(StoreDamagedError):
            core_of(store)


def masked(state: Any) -> str:
    return canonical(state_facts(state)).replace("user:word", "********")


class TestLimits:
    def test_a_log_that_grows_too_large_is_compacted_and_can_be_replayed(self, store: Store):
        core, address = core_of(store, limits=LogLimits(10_000)), Address()
        address.publish(THALES, epoch=4)
        for number in range(103):
            core.apply(ObserverAnswered(address.evidence(5 + number // 10, 500 + number * 10), float(number)))
            core.apply(ObserverFailed("provider", f"Error{number}", "it fails", float(number)))
        head = store.events.head()
        assert head.first_id > 1
        assert head.size_bytes < 30_000
        replay, difference = replayed(store)
        assert difference is None
        assert replay.done.unreplayable == 0
        assert masked(core_of(store).state) == masked(core.state)

    def test_a_state_larger_than_the_limit_does_not_make_it_compact_all_the_time(self, store: Store):
        core, address = core_of(store, limits=LogLimits(100)), Address()
        address.publish(THALES | {f"era-{number}": 100 + number for number in range(200)}, epoch=4)
        begun = set()
        for number in range(100):
            core.apply(ObserverAnswered(address.evidence(5, 500 + number), float(number)))
            begun.add(store.events.head().first_id)
        assert len(begun) == 2, "once, after which only a log of twice the size is compacted"


class Broken(MemoryStore):
    """A store that cannot be written to while ``error`` is set."""

    error: Exception | None = None

    def __init__(self) -> None:
        super().__init__()
        record, save = self.events.record, self.trust.save

        def recording(*arguments: Any, **options: Any) -> Any:
            if self.error is not None:
                raise self.error
            return record(*arguments, **options)

        def saving(*arguments: Any, **options: Any) -> StoredTrust:
            if self.error is not None:
                raise self.error
            return save(*arguments, **options)

        self.events.record = recording  # type: ignore[method-assign]
        self.trust.save = saving  # type: ignore[method-assign]


class TestNoRoom:
    @pytest.mark.parametrize("kind", [StoreFullError, StoreUnavailableError])
    @pytest.mark.parametrize("start", [0, 1, 4])
    @pytest.mark.parametrize("length", [1, 5, 99])
    def test_a_node_decides_all_the_same_and_the_gap_is_marked(
        self, kind: type[Exception], start: int, length: int, caplog: pytest.LogCaptureFixture
    ):
        store, straight = Broken(), core_of(MemoryStore())
        core = None
        with caplog.at_level(logging.WARNING):
            for number, event in enumerate(story()):
                store.error = kind("The store has no room left") if start <= number < start + length else None
                core = core or core_of(store)
                assert [told.kind for told in core.apply(event)] == [told.kind for told in straight.apply(event)]
                assert core.state == straight.state
                assert (core.not_recording is not None) == (store.error is not None)
        assert core is not None
        assert caplog.text.count("can no longer be written") == 1
        store.error = None
        core.apply(ClockTicked(Epoch(10), 99.0))
        replay, difference = replayed(store)
        assert difference is None
        assert replay.done.gaps == 1 or start == 0
        stored = store.trust.load(POLICY.key)
        assert stored is not None
        assert replace(stored, version=0) == core.state.trust
        assert masked(core_of(store).state) == masked(core.state)

    def test_a_disk_that_is_really_full_loses_nothing_that_was_written(self, file_store: SqlStore):
        core = core_of(file_store)
        for event in story()[:4]:
            core.apply(event)
        written = list(file_store.events.lines())
        pages: list[int] = []

        def tight(connection: Any, *_: object) -> None:
            if pages:
                connection.execute(f"PRAGMA max_page_count = {pages[0]}")

        with file_store.database.raw() as driver:
            pages.append(driver.execute("PRAGMA page_count").fetchone()[0])
        file_store.database._engine.dispose()
        sql_event.listen(file_store.database._engine, "connect", tight)
        address = Address()
        for number in range(50):
            address.post({f"e{number}": 3, "x" * 200: None}, epoch=4)
        assert "refused" in {told.kind for told in core.apply(ObserverAnswered(address.evidence(6), 50.0))}
        assert core.not_recording is not None
        assert "no room" in core.not_recording
        assert list(file_store.events.lines())[: len(written)] == written
        pages[0] = 100_000
        file_store.database._engine.dispose()
        core.apply(ClockTicked(Epoch(7), 51.0))
        assert core.not_recording is None
        assert "recording-resumed" in kinds(file_store)
        assert replayed(file_store)[1] is None


class TestRecords:
    def test_every_state_of_the_story_survives_its_record(self):
        core = core_of(MemoryStore())
        for event in story():
            core.apply(event)
            assert state_of(state_facts(core.state)) == core.state

    def test_settings_with_everything(self):
        from chain_reader import Checkpoint
        from datum import ExtensionPolicy

        keys = (KEY.verification_key, OTHER_KEY.verification_key)
        output = Address().post(THALES)
        policy = TrustPolicy(
            "addr", keys, 7, ("a", "b"), 3, 9, 4, ExtensionPolicy(7, "addr", keys, 2), Checkpoint(output, Epoch(3)), 5
        )  # fmt: skip
        settings = NodeSettings(policy, SupportedEras(("x",)), 4, 60.0)
        assert settings_of(settings_facts(settings)) == settings


KILLED = """
import json, os, signal, sys
from sqlalchemy import event
from chain_reader import LogLimits, NodeCore
from era_store import open_store
from tests.chain_reader.deciding_world import SETTINGS
from tests.chain_reader.test_node_core import masked, story

class Deadly:
    left = int(sys.argv[2])
    def __call__(self, *arguments):
        Deadly.left -= 1
        if Deadly.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

with open_store(sys.argv[1], migrate=False) as store:
    for name in ("before_cursor_execute", "commit", "begin"):
        event.listen(store.database._engine, name, Deadly())
    core = NodeCore(SETTINGS, store, clock=lambda: 0.0, limits=LogLimits(snapshot_every=4))
    done = sum(event.role == "input" for event in store.events.read())
    for number, event_ in enumerate(story()[done:], done + 1):
        core.apply(event_)
        print(number, flush=True)
    print(json.dumps(masked(core.state)), flush=True)
"""


def test_a_node_that_is_killed_at_any_write_goes_on_as_if_it_had_not_been(tmp_path: Path):
    straight = core_of(MemoryStore())
    states = [masked(straight.state)]
    for event in story():
        straight.apply(event)
        states.append(masked(straight.state))
    path = tmp_path / "store"
    open_store(str(path)).close()
    said, kills = 0, 0
    for moment in (*range(1, 60, 2), *range(60, 400, 23), 100_000):
        ran = forked.run(KILLED, str(path), str(moment))
        assert ran.returncode in (0, -signal.SIGKILL), ran.stderr
        kills += ran.returncode != 0
        numbers = [int(line) for line in ran.stdout.split("\n") if line.isdigit()]
        said = max([said, *numbers])
        with open_store(str(path)) as store:
            written = kinds(store, "input")
            assert said <= len(written) <= said + 1, "what was said to be written is, and at most one more"
            said = len(written)
            replay, difference = replayed(store)
            assert difference is None
            assert masked(core_of(store).state) == states[said]
            assert replay.done.unreplayable == 0
        if ran.returncode == 0 and said == len(story()):
            break
    assert kills > 5
    assert said == len(story())


def test_a_node_that_is_killed_at_any_moment(sql_url: str):
    code = """
import sys
from chain_reader import ClockTicked, LogLimits, NodeCore
from eras import Epoch
from era_store import open_store
from tests.chain_reader.deciding_world import SETTINGS
with open_store(sys.argv[1]) as store:
    core = NodeCore(SETTINGS, store, limits=LogLimits(snapshot_every=5))
    epoch = core.state.epoch or 0
    while True:
        epoch += 1
        core.apply(ClockTicked(Epoch(epoch), float(epoch)))
        print(epoch, flush=True)
"""
    epoch = 0
    for number in range(4):
        with forked.Forked(code, sql_url) as node:
            first = int(node.stdout.readline())
            assert first in (epoch + 1, epoch + 2)
            told = [int(node.stdout.readline()) for _ in range(5 + number)]  # however slow the machine is
            node.kill()
            epoch = max([*told, *(int(line) for line in node.stdout.read().split())])
    with open_store(sql_url) as store:
        replay, difference = replayed(store)
        assert difference is None
        assert core_of(store).state.epoch in (epoch, epoch + 1)
        assert replay.done.snapshots >= 3


def test_memory_read_of_nothing_new_changes_nothing():
    core = core_of(MemoryStore())
    for event in story():
        core.apply(event)
    assert core.apply(MemoryRead(core.state.trust, 1.0)) == ()

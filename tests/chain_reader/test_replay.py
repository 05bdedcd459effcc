"""Replay finds what does not follow, diff where nodes parted, and compaction leaves what can be replayed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chain_reader import ClockTicked, LogLimits, NodeCore, NodeSettings, ObserverAnswered, Replay
from chain_reader.log.compaction import compact
from chain_reader.log.diff import Parting, diff
from chain_reader.node.core import NodeState, decide
from chain_reader.node.inputs import InputEvent
from chain_reader.node.kinds import Decision
from era_store import EventFilter, EventLogNewerError, LogLine, MemoryStore, NewEvent, verified
from era_store.event_log import EventLogDamagedError, canonical
from eras import Epoch, SupportedEras, __version__
from tests.chain_reader.conftest import OTHER_KEY, Schedule
from tests.chain_reader.deciding_world import ANNOUNCED, POLICY, SCHEDULED, SETTINGS, THALES, Address
from tests.chain_reader.test_node_core import core_of, kinds, story
from tests.errors import raising

Lines = list[LogLine]


@pytest.fixture
def store() -> MemoryStore:
    """The log of a node that lived through everything."""
    made = MemoryStore()
    core = core_of(made, limits=LogLimits(snapshot_every=6))
    for event in story():
        core.apply(event)
    return made


def changed(lines: Lines, event_id: int, **values: Any) -> Lines:
    """The lines with one event changed, as if it had been written so."""
    made = []
    for line in lines:
        if line.event.id == event_id:
            event = replace(line.event, **values)
            made.append(LogLine(event, canonical(event.facts), line.hash))
        else:
            made.append(line)
    return made


def first_of(lines: Lines, kind: str) -> LogLine:
    return next(line for line in lines if line.event.kind == kind)


class TestReplay:
    def test_a_changed_decision_is_the_first_that_differs(self, store: MemoryStore):
        lines = list(store.events.lines())
        target = first_of(lines, "announced").event
        replay = Replay()
        found = replay.run(changed(lines, target.id, facts=target.facts | {"era": "other"}))
        assert found is not None
        assert (found.event_id, found.cause) == (target.id, target.cause)
        assert found.recorded is not None
        assert found.recorded["facts"]["era"] == "other"
        assert found.recomputed is not None
        assert found.recomputed["facts"]["era"] == "pythagoras"
        assert found.to_dict()["event"] == target.id

    @pytest.mark.parametrize("values", [{"kind": "scheduled"}, {"epoch": Epoch(99)}, {"cause": 2}])
    def test_so_is_any_other_part_of_it(self, store: MemoryStore, values: dict[str, Any]):
        lines = list(store.events.lines())
        target = first_of(lines, "announced").event
        found = Replay().run(changed(lines, target.id, **values))
        assert found is not None
        assert found.event_id == target.id

    def test_a_decision_that_is_missing_and_one_that_is_too_many(self, store: MemoryStore):
        lines = list(store.events.lines())
        target = first_of(lines, "announced")
        found = Replay().run(line for line in lines if line is not target)
        assert found is not None
        assert found.recorded is None or found.recorded["kind"] != "announced"
        assert found.recomputed is not None
        assert found.recomputed["kind"] == "announced"
        place = lines.index(target)
        twice = replace(target, event=replace(target.event, id=target.event.id))
        found = Replay().run([*lines[: place + 1], twice, *lines[place + 1 :]])
        assert found is not None
        assert found.recorded is not None
        assert found.recorded["kind"] == "announced"

    def test_a_decision_that_is_missing_at_the_end(self):
        made = MemoryStore()
        core = core_of(made)
        core.apply(ClockTicked(Epoch(5), 1.0))
        lines = list(made.events.lines())
        found = Replay().run(lines[:-1])
        assert found is not None
        assert (found.recorded, found.event_id) == (None, lines[-2].event.id)

    def test_a_changed_input_shows_in_what_follows_from_it(self, store: MemoryStore):
        lines = list(store.events.lines())
        tick = next(line.event for line in lines if line.event.facts.get("epoch") == 7 and line.event.role == "input")
        found = Replay().run(changed(lines, tick.id, facts=tick.facts | {"epoch": 8}))
        assert found is not None
        assert found.cause == tick.id

    def test_a_changed_snapshot_is_found_too(self, store: MemoryStore):
        lines = list(store.events.lines())
        target = first_of(lines, "snapshot").event
        state = target.facts["state"]
        found = Replay().run(changed(lines, target.id, facts=target.facts | {"state": state | {"epoch": 50}}))
        assert found is not None
        assert found.event_id == target.id
        assert found.recorded == {"epoch": 50}

    def test_other_rules_than_those_of_the_node_differ(self, store: MemoryStore):
        def silent(state: NodeState, event: InputEvent) -> tuple[NodeState, tuple[Decision, ...]]:
            after, decisions = decide(state, event)
            return after, tuple(told for told in decisions if told.kind != "refused")

        found = Replay(silent).run(store.events.lines())
        assert found is not None
        assert found.recorded is not None
        assert found.recorded["kind"] == "refused"

    def test_it_can_go_on_after_a_difference(self, store: MemoryStore):
        lines = list(store.events.lines())
        target = first_of(lines, "announced").event
        replay = Replay()
        differences = [replay.feed(line) for line in changed(lines, target.id, kind="other")]
        assert [found.event_id for found in differences if found is not None] == [target.id]
        assert replay.done.last_id == lines[-1].event.id

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            ("clock-ticked", {"facts": {}}),
            ("clock-ticked", {"facts": {"epoch": "five", "slot": None}}),
            ("clock-ticked", {"kind": "clock-stopped"}),
            ("clock-ticked", {"role": "other"}),
            ("observer-answered", {"facts": {"base": 7}}),
            ("started", {"facts": {}}),
            ("snapshot", {"facts": {"state": {"settings": {}}}}),
        ],
    )
    def test_what_cannot_be_read_is_named(self, store: MemoryStore, kind: str, values: dict[str, Any]):
        lines = list(store.events.lines())
        target = first_of(lines, kind).event
        with pytest.raises(EventLogDamagedError, match=f"^Event {target.id} ") as caught:
            Replay().run(changed(lines, target.id, **values))
        assert caught.value.facts["event"] == target.id
        with pytest.raises(EventLogNewerError, match=r"newer version of eraswitch, 99\.0") as newer:
            Replay().run(changed(lines, target.id, version="99.0", **values))
        assert newer.value.facts["event"] == target.id

    def test_a_newer_version_that_wrote_what_this_one_knows_is_replayed(self, store: MemoryStore):
        lines = [replace(line, event=replace(line.event, version="99.0")) for line in store.events.lines()]
        assert Replay().run(lines) is None

    def test_decisions_of_others_are_counted_and_left_alone(self, store: MemoryStore):
        store.events.append("gate-overridden", {"reason": "we know"}, time_s=1.0)
        replay = Replay()
        assert replay.run(store.events.lines()) is None
        assert replay.done.unexplained == 1

    def test_what_stands_before_the_first_snapshot_is_counted(self, store: MemoryStore):
        lines = list(store.events.lines())
        replay = Replay()
        assert replay.run(lines[5:]) is None
        assert replay.done.unreplayable > 0
        assert replay.done.inputs > 0


class TestCompaction:
    def test_what_is_left_is_verified_and_replayed(self, store: MemoryStore):
        size, last = store.events.head().size_bytes, store.events.head()
        done = compact(store)
        assert done.removed > 10
        head = store.events.head()
        assert head.size_bytes == done.size_bytes < size
        assert (head.last_id, head.last_hash) == (last.last_id, last.last_hash)
        assert store.events.read()[0].kind == "snapshot"
        replay = Replay()
        assert replay.run(verified(store.events.lines(), head.base_hash)) is None
        assert replay.done.unreplayable == 0
        assert compact(store).removed == 0

    def test_a_node_that_runs_meanwhile_is_not_disturbed(self):
        store, address = MemoryStore(), Address()
        core = core_of(store, limits=LogLimits(snapshot_every=7))
        for number in range(40):
            if number % 5 == 0:
                address.post({"e": number}, OTHER_KEY, epoch=4)
            core.apply(ObserverAnswered(address.evidence(5, 500 + number), 1.0))
            compact(store)
            assert Replay().run(verified(store.events.lines(), store.events.head().base_hash)) is None
        assert len(store.events.read()) < 20

    def test_epochs_that_are_to_be_kept_are_whole(self, store: MemoryStore):
        compact(store, keep_from=Epoch(7))
        kept = store.events.read(only=EventFilter(roles=("input",), first_epoch=Epoch(7)))
        assert kept[0].kind == "clock-ticked"
        assert store.events.head().first_id > 1
        assert Replay().run(store.events.lines()) is None
        assert compact(store, keep_from=Epoch(3)).removed == 0

    def test_the_snapshot_of_every_node_stays(self):
        store = MemoryStore()
        for address in ("one", "two"):
            core = core_of(store, settings=NodeSettings(replace(POLICY, address=address)))
            core.apply(ClockTicked(Epoch(5), 1.0))
        core_of(store, settings=NodeSettings(replace(POLICY, address="two")))
        assert compact(store).removed == 0
        core_of(store, settings=NodeSettings(replace(POLICY, address="one")))
        assert compact(store).removed == 6
        assert kinds(store) == ["started", "started"]

    def test_a_log_that_does_not_follow_or_is_damaged_is_left_as_it_is(self, store: MemoryStore):
        store.events.record(
            [NewEvent("clock-ticked", {"epoch": 5, "slot": None}, Epoch(5), "input", 1), NewEvent("other", {})],
            time_s=1.0,
        )
        store.events.record([NewEvent("clock-ticked", {"epoch": 50, "slot": None}, Epoch(50), "input", 1)], time_s=1.0)
        store.events.record([NewEvent("clock-ticked", {"epoch": 51, "slot": None}, Epoch(51), "input", 1)], time_s=1.0)
        count = len(store.events.read())
        with raising("LogNotReplayed", match="event"):
            compact(store)
        assert len(store.events.read()) == count
        assert compact(store, force=True).removed > 0

    def test_an_empty_log(self):
        assert compact(MemoryStore()).removed == 0


class TestDiff:
    def node(
        self, *reads: tuple[int, Schedule], start: int = 5, supported: SupportedEras = SETTINGS.supported
    ) -> Lines:
        """The log of a node that saw these schedules published, each read in its epoch."""
        store, address = MemoryStore(), Address()
        core = NodeCore(replace(SETTINGS, supported=supported), store, clock=lambda: float(start))
        for number, (epoch, schedule) in enumerate(reads):
            if number == 0 or schedule != reads[number - 1][1]:
                address.publish(schedule, epoch=4)
            if epoch >= start:
                core.apply(ClockTicked(Epoch(epoch), epoch + start / 10))
                core.apply(ObserverAnswered(address.evidence(epoch), epoch + start / 10))
        return list(store.events.lines())

    STORY: tuple[tuple[int, Schedule], ...] = tuple(
        (epoch, THALES if epoch < 6 else ANNOUNCED if epoch < 7 else SCHEDULED) for epoch in range(5, 12)
    )

    def test_nodes_that_decided_the_same_have_not_parted(self):
        one = self.node(*self.STORY)
        other = self.node(*self.STORY, start=6, supported=SupportedEras(("thales", "pythagoras")))
        assert diff(one, other) == Parting(0, Epoch(6), Epoch(11))

    def test_a_log_and_its_beginning(self):
        lines = self.node(*self.STORY)
        parting = diff(lines, lines[:9])
        assert (parting.same_until, parting.epoch) == (lines[8].event.id, None)

    def test_nodes_that_decided_different_eras_parted_at_that_epoch(self):
        late = tuple((epoch, {"thales": 1, "pythagoras": 10} if epoch >= 7 else known) for epoch, known in self.STORY)
        parting = diff(self.node(*self.STORY), self.node(*late))
        assert (parting.epoch, parting.matter) == (7, "schedule")
        deaf = tuple((epoch, ANNOUNCED if epoch >= 6 else known) for epoch, known in self.STORY)
        parting = diff(self.node(*self.STORY), self.node(*deaf))
        assert parting.epoch == 7
        blind = diff(
            [line for line in self.node(*self.STORY) if line.event.kind != "trusted"],
            [line for line in self.node(*deaf) if line.event.kind != "trusted"],
        )
        assert (blind.epoch, blind.matter) == (9, "era")
        assert blind.sides is not None
        assert [side.value for side in blind.sides] == ["pythagoras", "thales"]
        assert blind.sides[0].event is not None
        assert blind.sides[0].event.kind == "activated"
        assert blind.sides[0].cause is not None
        assert blind.sides[0].cause.kind == "clock-ticked"
        assert blind.sides[0].to_dict()["event"]["kind"] == "activated"

    def test_verdicts_that_differ_are_told(self):
        def heard(bare: bool) -> Lines:
            store, address = MemoryStore(), Address()
            address.bare = bare
            address.publish(SCHEDULED, epoch=4)
            address.post(THALES, epoch=4)
            core_of(store).apply(ObserverAnswered(address.evidence(5), 1.0))
            return list(store.events.lines())

        parting = diff(heard(bare=False), heard(bare=True))
        assert parting.epoch is None
        assert list(parting.verdicts.values()) == [("Impostor", "Replayed")]

    @pytest.mark.parametrize("make", [list, lambda: list(MemoryStore().events.lines())])
    def test_logs_that_have_no_epoch_in_common(self, make: Callable[[], Lines]):
        assert diff(make(), self.node(*self.STORY)) == Parting(0, None, None)
        early = self.node((5, THALES), (6, THALES))
        late = self.node((8, THALES), (9, THALES), start=8)
        assert diff(early, late).first_epoch is None


def test_the_version_stands_on_every_line(store: MemoryStore):
    assert {event.version for event in store.events.read()} == {__version__}

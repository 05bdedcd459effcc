"""One store, one answer (rule T9): ``status``, ``serve``, ``watch`` and ``marker show`` report the same era.

A random history is read into a store by a random mixture of them. Then each one is started on a copy of that store, in
front of a provider in the same state, and what it reports is compared: era, epoch, whether it is fresh, and why not.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chain_reader import Checkpoint, LocalObserver, ProviderTimeoutError, ProviderUnreachableError
from chain_reader.local_chain import Genesis, LocalChain
from era_service.config.schema import Settings
from era_service.node.opening import open_watcher
from era_service.releasing.trusted_snapshot import read_trusted
from era_service.status.reader import read_status
from era_service.web import Service
from era_store import open_store
from eras import ChainReadError, Epoch, EraStatus, StoreError
from tests.chain_reader.conftest import ADA, KEY, Network, Schedule
from tests.chain_reader.knowing import KNOWLEDGE, Knowing
from tests.local_chain_faces.wallet import Wallet

EPOCH_LENGTH = 100_000
ERAS = ("thales", "pythagoras", "lagrange")
SCHEDULES: tuple[Schedule, ...] = (
    {"thales": 1},
    {"thales": 1, "pythagoras": None},
    {"thales": 1, "pythagoras": 7},
    {"thales": 1, "pythagoras": 8},
    {"thales": 1, "pythagoras": 7, "lagrange": 9},
    {"thales": 1, "pythagoras": 7, "unheard-of": 8},
)
READERS = ("status", "serve", "watch", "show")
STATES = ("answers", "fails", "silent", "lags", "vanished", "gone")


@dataclass(frozen=True)
class Answer:
    """What a command reports; ``era`` is ``None`` where it reports none. No figure of the reason is compared."""

    era: str | None
    epoch: int | None
    stale: str | None

    @classmethod
    def of(cls, era: str | None, epoch: int | None, stale: str | None) -> "Answer":
        return cls(era, epoch, None if stale is None else re.sub(r"[0-9.]+", "#", stale))


@dataclass
class World:
    """A network, its provider in some state, and a store."""

    network: Network
    folder: Path
    knows: str = "all"
    has_genesis: bool = False
    later_s: float = 0.0
    leader: str | None = None
    checkpoint: Checkpoint | None = None
    state: str = "answers"
    began_s: float = field(default_factory=time.time)
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.folder / "store.sqlite3"

    def settings(self, store: Path) -> Settings:
        chain = self.network.chain
        place: dict[str, Any] = {
            "magic": 42,
            "era_address": self.network.address,
            "verification_key": KEY.verification_key.hex,
            "supported_eras": ERAS,
        }
        if self.has_genesis:  # the clock stands at the chain's tip, and so much later
            place |= {
                "system_start_s": self.began_s - chain.tip().slot - self.later_s,
                "slot_length_s": 1.0,
                "epoch_length": EPOCH_LENGTH,
            }
        trust: dict[str, Any] = {"confirmations": 0}
        if self.checkpoint is not None:
            (self.folder / "checkpoint.json").write_text(self.checkpoint.to_json())
            trust["checkpoint_file"] = self.folder / "checkpoint.json"
        return Settings.model_validate(
            {
                "network": place,
                "reader": {"adapter_type": "cardano-chain", "providers": () if self.leader else ({"url": "local:x"},)},
                "follower": {"leader": self.leader},
                "store": {"url": str(store)},
                "trust": trust,
            }
        )

    def open_provider(self, *_: object) -> Knowing:
        if self.state == "gone":
            raise StoreError("There is no such local chain", next_step="Correct the path")
        return Knowing(self.network.chain, KNOWLEDGE[self.knows], change=self._answer)

    def remember(self) -> None:
        """What the provider answers from now on where it lags."""
        observer = LocalObserver(self.network.chain)
        address = self.network.address
        self.seen = {
            "tip": observer.tip(),
            "epoch": observer.epoch(),
            "datums": observer.datums(address),
            "history": observer.history(address),
        }

    def _answer(self, question: str, answer: Any) -> Any:
        match self.state:
            case "fails":
                raise ProviderUnreachableError("The provider could not be reached", next_step="Wait")
            case "silent":
                raise ProviderTimeoutError("The provider is silent", next_step="Wait")
            case "lags" if question in self.seen:
                seen = self.seen[question]
                if question in ("datums", "history") and not KNOWLEDGE[self.knows].order:
                    return tuple(sorted(seen, key=lambda output: output.reference))
                return seen
            case "vanished" if question in ("datums", "history"):
                return ()
        return answer


def _status(world: World, store: Path) -> Answer:
    found = read_status(world.settings(store), None)
    era = None if found.token is None else found.token.current.name
    return Answer.of(era, found.epoch, getattr(found.reading, "stale", None))


def _serve(world: World, store: Path) -> Answer:
    service = Service(world.settings(store), open_store(str(store)))
    with closing(service):
        service.load_snapshot()
        service.read_chain()
        status = service.snapshot.status
    return Answer.of(status.current_era, status.epoch, status.stale)


def _watch(world: World, store: Path) -> Answer:
    with open_watcher(world.settings(store), environ={}) as watcher:
        watcher.check()
        view = watcher.checker.view
    if view.token is None:
        return Answer(None, None, None)
    unconfirmed = view.status in (EraStatus.STALE, EraStatus.ERROR)
    return Answer.of(view.token.current.name, view.token.epoch, view.message if unconfirmed else None)


def _show(world: World, store: Path) -> Answer:
    try:
        document, _ = read_trusted(world.settings(store))
    except (ChainReadError, StoreError):
        return Answer(None, None, None)
    return Answer.of(document["current_era"], document["epoch"], document["stale"])


ASK: dict[str, Callable[[World, Path], Answer]] = {
    "status": _status,
    "serve": _serve,
    "watch": _watch,
    "show": _show,
}


@contextmanager
def a_world(folder: Path, **more: Any) -> Iterator[World]:
    genesis = Genesis(epoch_length=EPOCH_LENGTH)
    with LocalChain.create(folder / "chain.sqlite3", genesis=genesis) as chain:
        chain.advance_to_epoch(5)
        team = Wallet.new()
        world = World(Network(chain, team, chain.fund(team.address, 1_000 * ADA)), folder, **more)
        with patch("era_service.wiring.deciding.open_provider", world.open_provider):
            yield world


def answers(world: World) -> dict[str, Answer]:
    """What each command reports, from a copy of the store of its own."""
    found = {}
    for name, ask in ASK.items():
        copy = world.folder / f"{name}.sqlite3"
        if world.store.exists():
            shutil.copy(world.store, copy)
        found[name] = ask(world, copy)
        copy.unlink(missing_ok=True)
    return found


def the_answer(world: World) -> Answer:
    """What they all report."""
    found = answers(world)
    if found["watch"].era == "unheard-of":  # a node that stops reports why it does, whatever else is in doubt
        found["watch"] = replace(found["watch"], stale=found["status"].stale)
    known = set(found.values()) if found["watch"].era else {answer.era for answer in found.values()}
    assert len(known) == 1, found
    return found["status"]


STEP = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from(SCHEDULES)),
    st.tuples(st.just("advance"), st.sampled_from([1, 2])),
    st.tuples(st.just("read"), st.sampled_from(READERS)),
    st.tuples(st.just("remember"), st.none()),
    st.tuples(st.just("state"), st.sampled_from(STATES)),
)


@settings(max_examples=40, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(
    knows=st.sampled_from(list(KNOWLEDGE)),
    has_genesis=st.booleans(),
    later_epochs=st.sampled_from([0, 1, 2]),
    steps=st.lists(STEP, max_size=8),
    state=st.sampled_from(STATES),
)
def test_from_one_store_every_command_reports_the_same_era(
    tmp_path_factory: pytest.TempPathFactory,
    knows: str,
    has_genesis: bool,
    later_epochs: int,
    steps: list[tuple[str, Any]],
    state: str,
) -> None:
    with a_world(tmp_path_factory.mktemp("world"), knows=knows, has_genesis=has_genesis) as world:
        world.network.publish({"thales": 1})
        world.remember()
        for step, what in steps:
            match step:
                case "publish":
                    world.network.publish(what)
                case "advance":
                    world.network.chain.advance_to_epoch(world.network.chain.epoch() + what)
                case "read":
                    ASK[what](world, world.store)
                case "remember":
                    world.remember()
                case "state":
                    world.state = what
        world.later_s, world.state = later_epochs * EPOCH_LENGTH, state
        the_answer(world)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("state", ["fails", "silent", "gone"])
def test_rule_t9_without_a_genesis_the_epoch_that_was_read_last_holds(tmp_path: Path, reader: str, state: str) -> None:
    with a_world(tmp_path) as world:
        world.network.publish({"thales": 1, "pythagoras": 7})
        world.network.chain.advance_to_epoch(7)
        ASK[reader](world, world.store)
        world.network.chain.advance_to_epoch(8)
        world.state = state
        found = the_answer(world)
        assert (found.era, found.epoch) == ("pythagoras", 7)
        assert found.stale is not None


@pytest.mark.parametrize("state", ["fails", "silent", "gone", "vanished"])
def test_rule_t9_with_a_genesis_the_switch_happens_on_time(tmp_path: Path, state: str) -> None:
    with a_world(tmp_path, has_genesis=True) as world:
        world.network.publish({"thales": 1, "pythagoras": 6})
        _status(world, world.store)
        world.later_s, world.state = EPOCH_LENGTH, state
        found = the_answer(world)
        assert (found.era, found.epoch) == ("pythagoras", 6)
        assert found.stale is not None


def test_rule_t9_a_leader_that_is_gone_leaves_the_schedule_in_force(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.network.publish({"thales": 1, "pythagoras": 7})
        _status(world, world.store)
        world.leader = "http://127.0.0.1:1"
        found = the_answer(world)
        assert (found.era, found.epoch) == ("thales", 5)
        assert found.stale is not None


def test_a_checkpoint_answers_for_a_provider_that_was_never_there(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.network.publish({"thales": 1, "pythagoras": 7})
        (output,) = LocalObserver(world.network.chain).datums(world.network.address)
        world.checkpoint, world.state = Checkpoint(output, Epoch(7)), "gone"
        found = the_answer(world)
        assert (found.era, found.epoch) == ("pythagoras", 7)
        assert found.stale is not None

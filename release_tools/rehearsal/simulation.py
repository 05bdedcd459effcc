"""A rehearsal: thousands of nodes over many epochs, each deciding by the code that runs in production.

In: a scenario. Out: an ``Outcome``, the same for the same scenario on every machine. In each tick the due actions are
applied to the chain; then every running node gets its clock's epoch and its provider's answer as inputs of the deciding
core (``chain_reader.node.core``). Nodes in the same state with the same inputs share their state, so that one more node
costs only a look-up (``chain_reader.node.shared``). Adoption, forecast and lottery are those of the release tools.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from chain_reader.node.core import NodeSettings, NodeState
from chain_reader.node.inputs import ClockTicked, MemoryRead, ObserverAnswered
from chain_reader.node.shared import SharedDeciding
from chain_reader.trust.kinds import CONFIGURATIONS, ERAS, TrustKind
from era_store import Registration, StoredTrust, temporary_registrations
from eras import Epoch, EraStatus, SupportedEras, select_eras
from eras.words import counted
from release_tools.adoption.gate import GateResult, judge_gate
from release_tools.adoption.shares import Gate, share_words, support_share
from release_tools.adoption.summary import NoRegistrationsError
from release_tools.forecasting.forecast import ForecastOrder, forecast
from release_tools.rehearsal.actions import (
    Activate,
    Announce,
    AnyAction,
    Configure,
    Crash,
    Flood,
    Forge,
    ForgeConfiguration,
    Outage,
    Partition,
    Replay,
    Rollback,
    Withdraw,
)
from release_tools.rehearsal.configured import ConfiguredNodes
from release_tools.rehearsal.invariants import Answer, Decide, Invariants, Violation
from release_tools.rehearsal.outcome import EpochRow, Happening, Outcome, Told
from release_tools.rehearsal.population import Node, compatibility_of, draw_nodes, drift, pick
from release_tools.rehearsal.scenario import Scenario
from release_tools.rehearsal.world import World

Heard = tuple[NodeState, NodeState, tuple[str, ...]]
"""The state before, kept so that its identity is not reused; the state after; and the kinds of decisions."""
KEPT_EPOCHS = 8
"""Registrations are kept for this many epochs, as a forecast needs them."""


def rehearse(
    scenario: Scenario, *, decide: Decide | None = None, progress: Callable[[Epoch], None] = lambda _: None
) -> Outcome:
    """Play a scenario to its end, and judge it.

    Args:
        scenario: the scenario.
        decide: decides for the nodes; by default the shared deciding core. A test can pass a broken one.
        progress: called after each epoch.

    Raises:
        ConfigurationError: a file that the scenario names cannot be used.
        MarkerError: the rules of the marker commands forbid an action of its team.
    """
    with TemporaryDirectory(prefix="eraswitch-rehearsal-") as folder:
        world = World(scenario, Path(folder))
        try:
            simulation = Simulation(scenario, world, decide)
            for epoch in range(scenario.epochs):
                for _ in range(scenario.ticks_per_epoch):
                    simulation.step()
                progress(Epoch(scenario.first_epoch + epoch))
            return simulation.outcome()
        finally:
            world.close()


class Simulation:
    """A rehearsal that is stepped through, tick by tick.

    Args:
        scenario: the scenario.
        world: its chain, which the caller closes.
        decide: as for ``rehearse``.

    Raises:
        ConfigurationError: the file with the stakes cannot be used.
    """

    def __init__(self, scenario: Scenario, world: World, decide: Decide | None = None) -> None:
        self._scenario = scenario
        self._world = world
        self._decide = decide or SharedDeciding()
        self._alone = decide is not None  # each node gets its own inputs
        self._nodes = draw_nodes(scenario)
        self._invariants = Invariants()
        self.configured: ConfiguredNodes | None = None
        """The nodes' decisions on protocol configurations, if the scenario has them on the chain."""
        if CONFIGURATIONS in world.kinds:
            self.configured = ConfiguredNodes(world, self._decide, self._invariants)
        self._settings = [NodeSettings(world.policy(), SupportedEras(version.eras)) for version in scenario.versions]
        self._started: dict[tuple[int, int], tuple[StoredTrust | None, NodeState]] = {}
        self._forgot: set[str] = set()
        self._compatibility = compatibility_of(scenario)
        self._registrations = temporary_registrations()
        self._registered: dict[Epoch, dict[str, int]] = {}
        self._draws = random.Random(f"{scenario.seed} lottery")  # noqa: S311 - a rehearsal must be the same again
        self._signing: set[str] = set()
        self._forecast: dict[Epoch, float] = {}
        self._out: dict[int, range] = {}
        self._cut_off: dict[int, range] = {}
        self._broken_until = -1
        self._told: dict[str, tuple[Epoch, set[str], int]] = {}
        self._happenings: list[Happening] = []
        self._due: dict[int, list[AnyAction]] = defaultdict(list)
        for action in scenario.actions:
            self._due[scenario.tick_of(action.at)].append(action)
        self._rows: list[EpochRow] = []
        self._stepped = False
        for node in self._nodes:
            self._start(node, None)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, as they are now."""
        return tuple(self._nodes)

    def step(self) -> None:
        """Play the next tick.

        Raises:
            MarkerError: the rules of the marker commands forbid an action of the team in it.
        """
        world, ticks = self._world, self._scenario.ticks_per_epoch
        if self._stepped:
            world.advance()
        self._stepped = True
        for action in self._due.get(world.tick, ()):
            self.do(action)
        self._tick()
        if world.tick % ticks == 0:
            self._register()
        if world.tick % ticks == ticks // 2:
            self._sign()
        if (world.tick + 1) % ticks == 0:
            self._rows.append(self._end_epoch())
            self._invariants.forget()
            self._merge()

    def do(self, action: AnyAction) -> None:
        """Perform an action now, whenever it is due.

        Raises:
            MarkerError: the rules of the marker commands forbid it.
        """
        self._happenings.append(self._done(action))

    def outcome(self) -> Outcome:
        """The outcome so far; at least one epoch must be over."""
        return Outcome(
            self._scenario,
            tuple(self._rows),
            tuple(Told(kind, first, len(who), times) for kind, (first, who, times) in self._told.items()),
            tuple(self._happenings),
            tuple(self._invariants.violations),
        )

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The rules that were broken so far."""
        return tuple(self._invariants.violations)

    # --- nodes

    def _start(self, node: Node, trust: StoredTrust | None) -> None:
        """Start a node with its memory."""
        key = (node.version, id(trust))
        if key not in self._started:
            state = NodeState(self._settings[node.version])
            if trust is not None:
                state, _ = self._decide(state, MemoryRead(trust, self._world.now_s))
            self._started[key] = (trust, state)
        node.state = self._started[key][1]
        node.back_at, node.stopped = None, False
        if self.configured is not None:
            self.configured.restart(node)

    def _merge(self) -> None:
        """Let nodes share one state again if they reached equal states in different ways."""
        if self._alone:
            return
        same: dict[tuple[object, ...], NodeState] = {}
        shared: dict[int, NodeState] = {}
        for node in self._nodes:
            state = node.state
            if state is None:
                continue
            if id(state) not in shared:
                key = (
                    id(state.settings), state.trust, frozenset(state.told.items()), state.epoch, state.clock,
                    state.view.status, state.view.message, state.view.token, state.view.cancelled, state.failing,
                    state.warned, state.acknowledged,
                )  # fmt: skip
                shared[id(state)] = same.setdefault(key, state)
            node.state = shared[id(state)]

    def _tick(self) -> None:
        """Give every running node its clock and its provider's answer."""
        world, tick = self._world, self._world.tick
        ticks = {
            off: ClockTicked(world.epoch_at(tick + off), world.now_s)
            for off in {node.off_ticks for node in self._nodes}
        }
        providers = range(len(self._scenario.providers))
        answers = [self._answer(index, ERAS) for index in providers]
        configured = [self._answer(index, CONFIGURATIONS) for index in providers] if self.configured else []
        views = [id(one.evidence) if isinstance(one, ObserverAnswered) else 0 for one in answers]
        heard: dict[tuple[int, int, int, str], Heard] = {}
        for node in self._nodes:
            if node.upgrades and node.upgrades[-1][0] <= tick:
                self._upgrade(node)
            if not node.is_up:
                if node.back_at is None or node.back_at > tick:
                    continue
                self._start(node, None if node.state is None else node.state.trust)
            before = node.state
            assert before is not None  # noqa: S101 - a node that is up was started
            key = (id(before), node.provider, node.off_ticks, node.party_id if self._alone else "")
            found = heard.get(key)
            if found is None:
                found = self._hear(node.party_id, before, ticks[node.off_ticks], answers[node.provider])
                heard[key] = found
            _, node.state, kinds = found
            for kind in kinds:
                self._tell(kind, node)
            if node.state.view.status is EraStatus.FATAL:
                node.stopped = True
            node.heard = views[node.provider]
            if self.configured is not None:
                for kind in self.configured.hear(node, ticks[node.off_ticks], configured[node.provider]):
                    self._tell(kind, node)
        self._invariants.agreement((node.party_id, node.heard, node.state) for node in self._comparable() if node.state)
        if self.configured is not None:
            self._invariants.agreement(self.configured.comparable(self._comparable()))

    def _hear(self, party_id: str, before: NodeState, clock: ClockTicked, answer: Answer) -> Heard:
        """Give a node its clock and its provider's answer; a new node reads before it looks at the clock."""
        inputs = (clock, answer) if before.view.token is not None else (answer, clock)
        return before, *self._invariants.decided(party_id, before, inputs, self._decide)

    def _comparable(self) -> Iterator[Node]:
        bare = {index for index, provider in enumerate(self._scenario.providers) if provider.knows == "unspent"}
        for node in self._nodes:
            fooled = node.provider in bare and node.party_id in self._forgot
            if node.is_up and node.heard and node.state is not None and not fooled:
                yield node

    def _upgrade(self, node: Node) -> None:
        """The operator has installed another version, and starts it, unless the machine is down."""
        _, node.version = node.upgrades.pop()
        if node.back_at is None:
            self._start(node, None if node.state is None else node.state.trust)

    def _answer(self, index: int, kind: TrustKind) -> Answer:
        tick = self._world.tick
        cut_off = self._cut_off.get(index, range(0))
        return self._world.answer(
            self._scenario.providers[index],
            kind,
            out=tick in self._out.get(index, range(0)),
            cut_off_at=cut_off.start if tick in cut_off else None,
        )

    def _tell(self, kind: str, node: Node) -> None:
        first, who, times = self._told.get(kind, (self._world.epoch, set(), 0))
        who.add(node.party_id)
        self._told[kind] = (first, who, times + 1)

    # --- what is done, and what goes wrong

    def _done(self, action: AnyAction) -> Happening:
        """Perform an action and describe it."""
        world = self._world
        if isinstance(action, Announce | Activate | Withdraw):
            plan = world.plan(action.do, action.era, action.epoch if isinstance(action, Activate) else None)
            plan.require_allowed()
            gate = None
            if isinstance(action, Activate) and action.gate is not None:
                asked = Gate(Fraction(str(action.gate)))
                gate = judge_gate(self._registrations, action.era, asked, self._compatibility, current=world.epoch)
            if gate is not None and not gate.met:
                words = f"the team does not {plan.change}: {_gate_words(gate)}"
                return Happening(action.at, words, refused=plan.change)
            world.publish(plan.after)
            words = f"the team publishes: {plan.change}" + ("" if gate is None else f" ({_gate_words(gate)})")
            return Happening(action.at, words, published=plan.change)
        if isinstance(action, Configure):
            change = world.plan_configuration(action, action.epoch, instead=action.instead)
            world.publish(change.after, CONFIGURATIONS)
            words = f"the team publishes a configuration: {'; '.join(map(str, change.differences))}"
            return Happening(action.at, words, published=change.change)
        if isinstance(action, Replay):
            kind = ERAS if action.of == "eras" else CONFIGURATIONS
            world.replay(action.which, action.times, unreadable=action.unreadable, kind=kind)
            times = "once" if action.times == 1 else f"{action.times} times"
            hidden = ", where providers cannot show it" if action.unreadable else ""
            of = "" if kind is ERAS else " of configurations"
            words = f"somebody posts payload {action.which}{of} again, {times}{hidden}"
        elif isinstance(action, ForgeConfiguration):
            world.forge_configuration(action, action.epoch)
            words = f"somebody posts a forged configuration with k {action.k}, m {action.m}, phi_f {action.phi_f}"
        elif isinstance(action, Forge):
            world.forge(action.era, action.epoch)
            words = f"somebody posts a forged marker for {action.era}"
        elif isinstance(action, Flood):
            world.flood(action.outputs, plain=action.plain)
            words = f"somebody posts {action.outputs} {'plain payments' if action.plain else 'outputs of junk'}"
        elif isinstance(action, Rollback):
            world.rollback(action.blocks, action.lost_ticks)
            words = f"the chain rolls back {counted(action.blocks, 'block')}"
        else:
            words = self._broken(action)
        return Happening(action.at, words)

    def _broken(self, action: Outage | Partition | Crash) -> str:
        """Apply an event that no forecast anticipates."""
        tick = self._world.tick
        ends = tick + max(1, round(action.epochs * self._scenario.ticks_per_epoch))
        self._broken_until = max(self._broken_until, ends + self._scenario.ticks_per_epoch)
        if isinstance(action, Crash):
            return self._crash(action, ends)
        index = [provider.name for provider in self._scenario.providers].index(action.provider)
        where = self._out if isinstance(action, Outage) else self._cut_off
        where[index] = range(tick, ends)
        what = "does not answer" if isinstance(action, Outage) else "is cut off"
        return f"{action.provider} {what} for {_epochs(action.epochs)}"

    def _crash(self, action: Crash, back_at: int) -> str:
        running = [node for node in self._nodes if node.is_up]
        crashed = pick(self._scenario, f"crash {action.at}", running, action.share)
        for node in crashed:
            node.back_at = back_at
            if action.forget:
                node.state = None
                if self.configured is not None:
                    self.configured.forget(node)
                self._forgot.add(node.party_id)
        memory = " and lose their memory" if action.forget else ""
        return f"{len(crashed)} nodes crash{memory}, and come back after {_epochs(action.epochs)}"

    # --- registrations, signatures, quorum

    def _register(self) -> None:
        """Register every running node with a valid key at the start of an epoch."""
        world, epoch, versions = self._world, self._world.epoch, self._scenario.versions
        if epoch > self._scenario.first_epoch:
            drift(self._scenario, self._nodes, epoch)
        rows = [
            Registration(node.party_id, epoch, versions[node.version].name, node.stake, world.now_s, "rehearsal")
            for node in self._nodes
            if node.may_sign(world.tick)
        ]
        kept = [one for one in self._registrations.epochs() if one > epoch - KEPT_EPOCHS]
        if len(kept) < len(self._registrations.epochs()) - KEPT_EPOCHS:
            self._keep_only(kept)
        self._registrations.ingest(rows, source="rehearsal", time_s=world.now_s)
        self._registered[epoch] = {row.party_id: row.stake for row in rows}
        self._registered.pop(Epoch(epoch - KEPT_EPOCHS), None)

    def _keep_only(self, epochs: list[Epoch]) -> None:
        kept = temporary_registrations()
        for epoch in reversed(epochs):
            kept.ingest(tuple(self._registrations.newest(epoch)), source="rehearsal", time_s=self._world.now_s)
        self._registrations = kept

    def _sign(self) -> None:
        """Collect the signers half-way through an epoch."""
        world = self._world
        era = select_eras(world.markers, world.epoch).current.name
        self._signing = {
            node.party_id
            for node in self._nodes
            if _is_in(node, era)
            and node.may_sign(world.tick)
            and (self.configured is None or self.configured.signs_with_all(node, world.epoch))
        }

    def _end_epoch(self) -> EpochRow:
        """The signers of this epoch, their stake, and the outlook of the next epochs."""
        world, scenario = self._world, self._scenario
        epoch, tick = world.epoch, world.tick
        token = select_eras(world.markers, epoch)
        era = token.current.name
        counted = self._registered.get(Epoch(epoch - scenario.quorum.lag_epochs))
        if counted is None:  # before the first registration counts, all do
            counted = self._registered[Epoch(scenario.first_epoch)]
        registered = sum(counted.values())
        signed = sum(stake for party_id, stake in counted.items() if party_id in self._signing)
        share = signed / registered if registered else 0.0
        quorum = world.quorum_at(epoch)
        chance = quorum.model.quorum_probability(share)
        kept = self._draws.random() < chance
        upcoming = token.upcoming
        tallies = self._registrations.tally(epoch)
        said = self._forecast.get(epoch)
        ready = None if upcoming is None else support_share(tallies, upcoming.name, self._compatibility)
        expired = scenario.keys is not None and any(tick in node.key_expired for node in self._nodes)
        broken = tick <= self._broken_until or expired
        self._invariants.quorum(epoch, kept=kept, forecast=said, broken=broken)
        if upcoming is not None and upcoming.epoch is not None:
            self._look_ahead(upcoming.name, upcoming.epoch)
        return EpochRow(
            epoch=epoch,
            era=era,
            up=sum(node.is_up for node in self._nodes),
            stopped=sum(node.stopped for node in self._nodes),
            in_era=sum(_is_in(node, era) for node in self._nodes),
            ready=None if ready is None else float(ready.fraction),
            registered=registered,
            signing=share,
            quorum_probability=chance,
            quorum=kept,
            lottery=quorum.model,
            forecast=said,
            behind=signed / sum(node.stake for node in self._nodes),
            by_version={tally.release or "": tally.stake for tally in tallies},
        )

    def _look_ahead(self, era: str, at: Epoch) -> None:
        """Forecast the coming epochs as a release team would before the switch, each with its own parameters."""
        last = self._scenario.first_epoch + self._scenario.epochs
        quorums = {one.model: one for one in (self._world.quorum_at(Epoch(epoch)) for epoch in range(at, last + 1))}
        found = {}
        for quorum in quorums.values():
            order = ForecastOrder(era, at, quorum, lag_epochs=self._scenario.quorum.lag_epochs)
            try:
                expected = forecast(self._registrations, order, compatibility=self._compatibility)
            except NoRegistrationsError:
                return
            for one in expected.epochs:
                if self._world.quorum_at(one.epoch).model == quorum.model:
                    found[one.epoch] = one.quorum_probability.value
        self._forecast = found


def _gate_words(gate: GateResult) -> str:
    share = gate.epochs[0].share
    ready = "nobody knows how much" if share is None else share_words(share.fraction)
    return f"{ready} of the stake is ready, and {share_words(gate.threshold)} is required"


def _is_in(node: Node, era: str) -> bool:
    """Whether a node runs, in that era."""
    return node.is_up and node.state is not None and node.state.view.era == era


def _epochs(count: float) -> str:
    return "1 epoch" if count == 1 else f"{count:g} epochs"

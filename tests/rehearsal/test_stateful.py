"""Whatever a release team, attackers, the chain and providers do, in any order: the rules hold, nodes follow a model.

The model is a dictionary of eras and epochs, and one of epochs and parameters of the lottery: both kinds of marker are
at one address, under one key, each as a thread of its own. It knows nothing of payloads, signatures, provenance or
depth; the machine that it is held against is the one that rehearsals play, with the local chain and the deciding core
of production.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from datum.configuration import configuration_at
from datum.configuration.markers import decoded
from eras import EraStatus
from release_tools.rehearsal.actions import (
    Activate,
    Announce,
    Configure,
    Crash,
    Flood,
    Forge,
    ForgeConfiguration,
    Outage,
    Replay,
    Rollback,
    Withdraw,
)
from release_tools.rehearsal.simulation import Simulation
from release_tools.rehearsal.world import World
from tests.rehearsal.conftest import small

ERAS = ("thales", "pythagoras", "lagrange", "euler")
TICKS = 4
FIRST = 100
LOTTERY = {"m": 16948, "phi_f": 0.2}


class Rollout(RuleBasedStateMachine):
    """A network of six nodes that know every era, two of them behind a provider that is late."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="eraswitch-stateful-")
        scenario = small(
            nodes=6,
            epochs=500,
            ticks_per_epoch=TICKS,
            confirmations=0,
            versions=[{"name": "1.0.0", "eras": ERAS, "share": 1.0}],
            providers=[{"name": "prompt", "share": 0.7}, {"name": "late", "share": 0.3, "lag_ticks": 1}],
            actions=[{"do": "configure", "at": 599, "epoch": 601, "k": 1944, **LOTTERY}],  # so that both kinds are read
        )
        self.world = World(scenario, Path(self.folder.name))
        self.simulation = Simulation(scenario, self.world)
        self.schedule: dict[str, int | None] = {"thales": FIRST - 1}
        self.parameters: dict[int, int] = {FIRST - 2: 1944}
        self.troubled_until = 0
        self.step(1)

    def teardown(self) -> None:
        self.world.close()
        self.folder.cleanup()

    def current(self) -> str:
        begun = {era: at for era, at in self.schedule.items() if at is not None and at <= self.world.epoch}
        return max(begun, key=lambda era: (begun[era], ERAS.index(era)))

    def waiting(self) -> str | None:
        return next((era for era, at in self.schedule.items() if at is None), None)

    @rule(ticks=st.integers(1, 6))
    def step(self, ticks: int) -> None:
        for _ in range(ticks):
            self.simulation.step()

    @precondition(lambda self: self.waiting() is None and len(self.schedule) < len(ERAS) and self.all_begun())
    @rule()
    def announce(self) -> None:
        era = ERAS[len(self.schedule)]
        self.simulation.do(Announce(do="announce", at=FIRST, era=era))
        self.schedule[era] = None
        self.trouble(2)

    @precondition(lambda self: self.waiting() is not None)
    @rule(lead=st.integers(2, 4))
    def activate(self, lead: int) -> None:
        era = self.waiting()
        at = self.world.epoch + lead
        self.simulation.do(Activate(do="activate", at=FIRST, era=era, epoch=at))
        self.schedule[era] = at
        self.trouble(2)

    @precondition(lambda self: not self.all_begun() and self.waiting() is None)
    @rule(later=st.integers(1, 3))
    def postpone(self, later: int) -> None:
        era, at = list(self.schedule.items())[-1]
        if at - self.world.epoch < 2:
            return  # too late to move it
        self.simulation.do(Activate(do="postpone", at=FIRST, era=era, epoch=at + later))
        self.schedule[era] = at + later
        self.trouble(2)

    @precondition(lambda self: self.waiting() is not None)
    @rule()
    def cancel(self) -> None:
        era = self.waiting()
        self.simulation.do(Withdraw(do="cancel", at=FIRST, era=era))
        del self.schedule[era]
        self.trouble(2)

    @rule(lead=st.integers(2, 4), k=st.integers(1000, 3000), instead=st.booleans())
    def configure(self, lead: int, k: int, instead: bool) -> None:
        at = self.world.epoch + lead
        if instead and self.world.epoch + 1 in self.parameters:
            return  # too late to take it back
        self.simulation.do(Configure(do="configure", at=FIRST, epoch=at, k=k, instead=instead, **LOTTERY))
        if instead:
            self.parameters = {epoch: k for epoch, k in self.parameters.items() if epoch <= self.world.epoch}
        self.parameters[at] = k
        self.trouble(2)

    @rule(epoch=st.integers(0, 200), k=st.integers(1, 3000))
    def forge_configuration(self, epoch: int, k: int) -> None:
        self.simulation.do(ForgeConfiguration(do="forge-configuration", at=FIRST, epoch=epoch, k=k, **LOTTERY))

    @rule(of=st.sampled_from(["eras", "configurations"]), which=st.integers(0, 5), times=st.integers(1, 3))
    def replay(self, of: str, which: int, times: int) -> None:
        self.simulation.do(Replay(do="replay", at=FIRST, of=of, which=which, times=times))

    @rule(era=st.sampled_from(ERAS), at=st.none() | st.integers(0, 200))
    def forge(self, era: str, at: int | None) -> None:
        self.simulation.do(Forge(do="forge", at=FIRST, era=era, epoch=at))

    @rule()
    def flood(self) -> None:
        self.simulation.do(Flood(do="flood", at=FIRST, outputs=5))

    @rule(blocks=st.integers(1, 4), lost=st.integers(0, 2))
    def rollback(self, blocks: int, lost: int) -> None:
        self.simulation.do(Rollback(do="rollback", at=FIRST, blocks=blocks, lost_ticks=lost))
        self.trouble(lost + 2)

    @rule(provider=st.sampled_from(["prompt", "late"]))
    def outage(self, provider: str) -> None:
        self.simulation.do(Outage(do="outage", at=FIRST, provider=provider, epochs=0.5))
        self.trouble(TICKS)

    @rule(share=st.sampled_from([0.2, 0.5]), forget=st.booleans())
    def crash(self, share: float, forget: bool) -> None:
        self.simulation.do(Crash(do="crash", at=FIRST, share=share, epochs=0.5, forget=forget))
        self.trouble(TICKS)

    def all_begun(self) -> bool:
        return all(at is not None and at <= self.world.epoch for at in self.schedule.values())

    def trouble(self, ticks: int) -> None:
        """Until then nodes may know less than the model."""
        self.troubled_until = max(self.troubled_until, self.world.tick + ticks)

    @invariant()
    def no_rule_is_broken(self) -> None:
        assert self.simulation.violations == ()

    @invariant()
    def nodes_follow_the_model_when_all_is_quiet(self) -> None:
        if self.world.tick <= self.troubled_until:
            return
        for node in self.simulation.nodes:
            assert node.is_up
            assert node.state is not None
            if node.state.view.status is EraStatus.READY:
                assert node.state.view.era == self.current()
            known = self.simulation.configured.state_of(node)
            found = configuration_at(decoded(known.configurations), self.world.epoch)
            assert found.parameters.k == self.parameters[max(at for at in self.parameters if at <= self.world.epoch)]


Rollout.TestCase.settings = settings(
    max_examples=10, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestRollout = Rollout.TestCase

"""A node without a network: evidence made by hand, as an observer that knows everything would give it."""

from collections.abc import Iterable
from dataclasses import replace

from chain_reader import (
    ChainFacts,
    ChainTip,
    ClockTicked,
    DatumOutput,
    NodeSettings,
    ObserverAnswered,
    ObserverFailed,
    TrustPolicy,
)
from chain_reader.node.core import NodeState, decide
from chain_reader.node.inputs import InputEvent
from chain_reader.node.kinds import Decision
from chain_reader.ports import ScreenedOutput
from chain_reader.trust.evidence import Evidence
from datum import SigningKey, screen
from eras import Epoch, Slot, SupportedEras
from tests.chain_reader.conftest import KEY, Schedule, datum_of

POLICY = TrustPolicy("addr_test1era", (KEY.verification_key,), 42)
SETTINGS = NodeSettings(POLICY, SupportedEras(("thales", "pythagoras", "lagrange")))
SLOTS = 100
"""Slots of an epoch."""
THALES: Schedule = {"thales": 1}
ANNOUNCED: Schedule = {"thales": 1, "pythagoras": None}
SCHEDULED: Schedule = {"thales": 1, "pythagoras": 9}
UNKNOWN: Schedule = {"thales": 1, "euclid": 9}


class Address:
    """What is at the era address: payloads of the team, and what others post there."""

    def __init__(self, policy: TrustPolicy = POLICY) -> None:
        self.policy = policy
        self.outputs: list[DatumOutput] = []  # oldest first
        self.spends: set[str] = set()
        self.slot = 1
        self.bare = False

    def publish(self, schedule: Schedule, *, epoch: int | None = None) -> DatumOutput:
        """The team replaces its output."""
        self.outputs = [replace(known, spent=known.spent or known.transaction in self.spends) for known in self.outputs]
        output = self.post(schedule, epoch=epoch)
        self.spends.add(output.transaction)
        return output

    def post(self, schedule: Schedule, key: SigningKey = KEY, *, epoch: int | None = None) -> DatumOutput:
        """Somebody pays a datum to the address."""
        if epoch is not None:
            self.slot = max(self.slot, epoch * SLOTS)
        self.slot += 1
        number = len(self.outputs) + 1
        output = DatumOutput(f"{number:064x}", 0, datum_of(schedule, key), 2_000_000, Slot(self.slot), self.slot, False)
        self.outputs.append(output)
        return output

    def evidence(self, epoch: int, slot: int | None = None) -> Evidence:
        """What an observer answers in an epoch."""
        at = epoch * SLOTS + SLOTS // 2 if slot is None else slot
        tip = ChainTip(Slot(max(at, self.slot)), max(at, self.slot), f"{at:064x}", Epoch(epoch))
        newest_first = self._screened(reversed(self.outputs))
        unspent = tuple(item for item in newest_first if not item.output.spent)
        if self.bare:
            bare = self._screened(replace(item.output, slot=None, height=None, spent=None) for item in unspent)
            return Evidence("bare", tip, Epoch(epoch), bare, bare, ChainFacts())
        published = {output.transaction: Epoch((output.slot or 0) // SLOTS) for output in self.outputs}
        spends = {output.transaction: output.transaction in self.spends for output in self.outputs}
        facts = ChainFacts(spends=spends, published=published, newest_first=True, history=True)
        return Evidence("provider", tip, Epoch(epoch), unspent, newest_first, facts)

    def _screened(self, outputs: Iterable[DatumOutput]) -> tuple[ScreenedOutput, ...]:
        listed = tuple(outputs)
        return tuple(map(ScreenedOutput, listed, screen([item.datum for item in listed], self.policy.keys)))


class Node:
    """A node that is told things, and remembers what it decided."""

    def __init__(self, settings: NodeSettings = SETTINGS) -> None:
        self.address = Address(settings.policy)
        self.state = NodeState(settings)
        self.told: tuple[Decision, ...] = ()

    def feel(self, event: InputEvent) -> list[str]:
        """Decide; the kinds of what was decided."""
        self.state, self.told = decide(self.state, event)
        return [decision.kind for decision in self.told]

    def tick(self, epoch: int, time_s: float = 0.0) -> list[str]:
        return self.feel(ClockTicked(Epoch(epoch), time_s))

    def read(self, epoch: int, time_s: float = 0.0) -> list[str]:
        return self.feel(ObserverAnswered(self.address.evidence(epoch), time_s))

    def fail(self, code: str = "ProviderTimeout", time_s: float = 0.0) -> list[str]:
        return self.feel(ObserverFailed("provider", code, "it hangs", time_s))

    def fact(self, kind: str) -> dict[str, object]:
        """The facts of the one decision of a kind."""
        (found,) = [decision.facts for decision in self.told if decision.kind == kind]
        return found

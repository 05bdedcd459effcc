"""A release team at work in the tests: plans, drafts, signs and publishes as the commands do, on a local chain."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chain_reader import CardanoChainAdapter, EraReading, LocalObserver
from chain_reader.local_chain import LocalChain
from chain_reader.providers.gateway import SpendableOutput, TransactionGateway
from datum import EraMarkersPayload, SigningKey, encode_datum
from eras import Epoch, EraMarker, SupportedEras
from release_tools import EraAddress, PaymentKey, UnsignedTransaction, sign_transaction
from release_tools.markers.change import ChangeKind, MarkerChange, RolloutPlan, RolloutRules
from release_tools.markers.rules import plan_change
from release_tools.publishing.journal import Journal
from release_tools.publishing.publication import Draft, Published, Publisher, Standing, require_same_change
from release_tools.publishing.submission import Progress, Waiting
from release_tools.transactions.building import SignedTransaction
from release_tools.transactions.drafting import DraftedTransaction, MarkerThread, Purse, ReadersView, draft_transaction

ERA_KEY = SigningKey(bytes(range(50, 82)))
ERAS = SupportedEras(["thales", "pythagoras", "lagrange"])


class FakeTime:
    """Time that passes only when somebody waits, and what happens meanwhile."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.now = 0.0
        self.meanwhile = meanwhile

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


@dataclass
class ReleaseTeam:
    """The team at one machine: a journal, keys, and a gateway."""

    chain: LocalChain
    gateway: TransactionGateway
    wallet: PaymentKey
    folder: Path
    purse: Purse | None = None
    waiting: Waiting = field(default_factory=lambda: Waiting(confirmations=0, timeout_s=30, poll_s=1))
    time: FakeTime = field(default_factory=FakeTime)
    watch: Callable[[Progress], None] = lambda _progress: None

    @property
    def address(self) -> str:
        return self.wallet.address(0)

    @property
    def journal(self) -> Journal:
        return Journal(self.folder, 42, self.address)

    def read(self) -> EraReading:
        return CardanoChainAdapter(LocalObserver(self.chain), self.address, ERA_KEY.verification_key).read()

    def plan(self, text: str, reading: EraReading | None = None) -> RolloutPlan:
        before = (reading or self.read()).markers
        return plan_change(change(text), before, self.chain.epoch(), RolloutRules(ERAS))

    def draft(
        self, plan: RolloutPlan, reading: EraReading, anchor: SpendableOutput | None = None
    ) -> tuple[DraftedTransaction, bytes]:
        payload = EraMarkersPayload(plan.after).sign(ERA_KEY).to_bytes()
        drafted = draft_transaction(
            self.gateway,
            encode_datum(payload),
            MarkerThread(self.gateway.network(), EraAddress(self.address), (ERA_KEY.verification_key,)),
            ReadersView.of(in_force(reading), reading.screened),
            replace(self.purse or Purse(self.address), anchor=anchor),
        )
        return drafted, payload

    def publisher(self) -> Publisher:
        return Publisher(
            self.gateway,
            self.journal,
            self.read,
            waiting=self.waiting,
            clock=self.time.clock,
            sleep=self.time.sleep,
        )

    def run(self, text: str) -> Published | None:
        """Run a change as the command does; ``None`` when it is done already."""
        with self.journal.held():
            publisher = self.publisher()
            entry, anchor = self.journal.current(), None
            if entry is not None:
                standing = publisher.standing(entry)
                if standing in (Standing.LANDED, Standing.LIVE):
                    require_same_change(entry, change(text), standing)
                    return publisher.resume(entry, self.watch)
                if standing is Standing.LOST:
                    self.journal.drop()
                else:
                    anchor = publisher.anchor(entry)
            reading = self.read()
            plan = self.plan(text, reading)
            if plan.is_done or publisher.finished(plan.change, reading.markers):
                return None
            plan.require_allowed()
            drafted, payload = self.draft(plan, reading, anchor)
            draft = Draft(plan, payload, drafted, anchor or drafted.spends[0])
            return publisher.publish(draft, self.sign, self.watch)

    def sign(self, transaction: UnsignedTransaction) -> SignedTransaction:
        return sign_transaction(transaction, [self.wallet])

    def marker_transactions(self) -> list[str]:
        """Every transaction that ever put a datum at the era address, oldest first."""
        return [made.transaction for made in self.chain.outputs(self.address) if made.datum is not None]


def change(text: str) -> MarkerChange:
    kind, era, *epoch = text.split(" ")
    return MarkerChange(ChangeKind(kind), era, Epoch(int(epoch[0])) if epoch else None)


def in_force(reading: EraReading) -> str | None:
    """The output whose markers are trusted."""
    transaction = None if reading.provenance is None else reading.provenance.transaction
    return next((item.output.reference for item in reading.screened if item.output.transaction == transaction), None)


def markers(*listed: tuple[str, int | None]) -> set[EraMarker]:
    return {EraMarker(name, None if epoch is None else Epoch(epoch)) for name, epoch in listed}


class FlakyGateway:
    """A gateway whose methods fail, or do something first, as a test says."""

    def __init__(self, inner: TransactionGateway, **instead: Callable[..., Any]) -> None:
        self._inner = inner
        self.instead = instead

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("instead", {}):
            return self.instead[name]
        return getattr(self._inner, name)

"""The chain of a rehearsal, and its actors: the release team, attackers, and the providers of the nodes.

In: a scenario and a folder. Out: at each tick, what each provider answers, as inputs of the deciding core. The ledger
is the local chain, transactions are built, signed and judged as for a real one, and evidence is gathered by the same
observers and screening. Keys are derived from the seed: the same scenario makes the same chain, block for block.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any

from chain_reader import ChainObserver, LocalObserver, TrustPolicy
from chain_reader.genesis import NetworkGenesis
from chain_reader.local_chain import FaucetOutput, Genesis, LedgerRefusedError, LocalChain
from chain_reader.node.inputs import ObserverAnswered, ObserverFailed
from chain_reader.node.source import EvidenceSource
from chain_reader.ports import ChainTip, DatumOutput
from chain_reader.providers.local import LocalChainGateway
from chain_reader.providers.tip_check import check_tip
from chain_reader.providers.transport.calls import LedgerStateOnly
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.kinds import CONFIGURATIONS, ERAS, TrustKind
from datum import EraMarkersPayload, SigningKey, encode_datum
from datum.configuration import (
    DEFAULT_CONFIGURATIONS,
    ConfigurationMarker,
    ConfigurationMarkersPayload,
    EpochConfiguration,
    ProtocolParameters,
)
from datum.configuration.markers import decoded
from era_store import MemoryStore
from eras import Epoch, EraMarker, Slot, SupportedEras
from eras.words import LOVELACE_PER_ADA
from release_tools.forecasting.lottery import Lottery
from release_tools.forecasting.lottery_parameters import SourcedQuorum, quorum_signed_with
from release_tools.keys.payment_key import PaymentKey
from release_tools.markers.change import ChangeKind, MarkerChange, Markers, PublishedBefore, RolloutPlan, RolloutRules
from release_tools.markers.configurations import ConfigurationPlan, plan_configurations
from release_tools.markers.rules import plan_change
from release_tools.rehearsal.actions import Parameters
from release_tools.rehearsal.scenario import Provider, Scenario
from release_tools.transactions.balancing import LedgerContext
from release_tools.transactions.building import Funding, build_marker_transaction, sign_transaction
from release_tools.transactions.owners import EraAddress

EPOCH_S = 432_000.0
"""An epoch lasts five days, as on mainnet."""
SLOTS_OF_TICK = 20
SYSTEM_START_S = 1_600_000_000
MAGIC = 42
JUNK = "d8799f4163ff"
NOT_SHOWN = "the transaction that made it is larger than the provider shows"


AnyMarkers = tuple[Any, ...]
"""Markers of one kind."""


@dataclass(frozen=True, slots=True)
class Published:
    """A transaction of the team: the markers it publishes, and its bytes, to submit it again after a rollback."""

    kind: TrustKind
    markers: AnyMarkers
    datum: str
    cbor: bytes
    transaction: str


class _Thread:
    """The team's publications of one kind of marker, and each kind of provider's view of them, by tick."""

    def __init__(self, policy: TrustPolicy) -> None:
        self.policy = policy
        self.published: list[Published] = []
        self.sources: dict[str, EvidenceSource] = {}
        self.seen: dict[str, list[Evidence]] = {}


class _Shown(LocalObserver):
    """An observer that knows everything except the transactions that its provider cannot show."""

    def __init__(self, chain: LocalChain, hidden: Set[str]) -> None:
        super().__init__(chain)
        self.name = "local chain"  # where its file is would make two runs differ
        self._hidden = hidden

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        return tuple(
            replace(output, datum="", lovelace=0, unreadable=NOT_SHOWN)
            if output.transaction in self._hidden
            else output
            for output in super().history(address)
        )


class _Unspent(LedgerStateOnly):
    """An observer that knows only the unspent outputs, as Ogmios does."""

    def __init__(self, chain: ChainObserver) -> None:
        self._chain = chain
        self.name = f"{chain.name}, unspent outputs only"

    def epoch(self) -> Epoch:
        return self._chain.epoch()

    def tip(self) -> ChainTip:
        return self._chain.tip()

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        # As a node's set has them: in no order that means anything, and without places in the chain.
        found = sorted(self._chain.datums(address), key=lambda output: output.reference)
        return tuple(replace(output, slot=None, height=None, spent=None) for output in found)

    def close(self) -> None:
        return None


class World:
    """The chain of a rehearsal. The caller closes it.

    Args:
        scenario: what is rehearsed.
        folder: where the chain's file is made.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario = scenario
        self._rules = RolloutRules(SupportedEras(scenario.eras), lead_epochs=1, force_name=True)
        self._slots_of_epoch = SLOTS_OF_TICK * scenario.ticks_per_epoch
        self._slot_s = EPOCH_S / self._slots_of_epoch
        genesis = Genesis(
            network_magic=MAGIC,
            epoch_length=self._slots_of_epoch,
            slot_length_s=self._slot_s,
            system_start_s=SYSTEM_START_S,
            active_slots_coeff=Fraction(1, SLOTS_OF_TICK),
        )
        self._genesis = NetworkGenesis(
            MAGIC, SYSTEM_START_S, self._slot_s, self._slots_of_epoch, genesis.active_slots_coeff
        )
        self._era_key = SigningKey(self._seed("era key"))
        self._forger = SigningKey(self._seed("forger"))
        self._wallet = PaymentKey(self._seed("payment key"))
        self.address = self._wallet.address(genesis.network_id)
        policy = TrustPolicy(
            self.address, (self._era_key.verification_key,), network_magic=MAGIC, confirmations=scenario.confirmations
        )
        kinds = (ERAS, CONFIGURATIONS) if scenario.configures else (ERAS,)
        self._threads = {kind: _Thread(replace(policy, kind=kind)) for kind in kinds}
        self.chain = LocalChain.create(folder / "chain.sqlite3", genesis=genesis, clock=lambda: SYSTEM_START_S)
        self._gateway = LocalChainGateway(self.chain)
        self._lost: list[tuple[int, Published]] = []
        self._signed: set[AnyMarkers] = set()
        self._hidden: set[str] = set()
        self.tick = 0
        self._begin()

    def close(self) -> None:
        """Close the chain."""
        self.chain.close()

    # --- time

    @property
    def epoch(self) -> Epoch:
        """The epoch of this tick, by the chain's slots."""
        return Epoch(self._scenario.first_epoch + self.tick // self._scenario.ticks_per_epoch)

    @property
    def slot(self) -> Slot:
        """The slot of this tick."""
        return Slot(self._slots_of_epoch * self._scenario.first_epoch + SLOTS_OF_TICK * self.tick)

    @property
    def now_s(self) -> float:
        """POSIX time of this tick, in seconds."""
        return SYSTEM_START_S + self.slot * self._slot_s

    def epoch_at(self, tick: int) -> Epoch:
        """The epoch of another tick, for a clock that is wrong by the difference."""
        return Epoch(max(0, self._scenario.first_epoch + tick // self._scenario.ticks_per_epoch))

    def advance(self) -> None:
        """Advance by a tick: make a block, and include again what a rollback removed once that is due."""
        self.tick += 1
        self._mint()
        self._submit_due()
        self._look()

    # --- the team

    @property
    def kinds(self) -> tuple[TrustKind, ...]:
        """The kinds of marker that are at the address, each with a thread of its own."""
        return tuple(self._threads)

    def policy(self, kind: TrustKind = ERAS) -> TrustPolicy:
        """The trusted markers of a kind."""
        return self._threads[kind].policy

    @property
    def markers(self) -> Markers:
        """The eras that the team published last, whether or not a rollback has taken them meanwhile."""
        return self._published_last(ERAS)

    @property
    def configurations(self) -> tuple[EpochConfiguration, ...]:
        """The configurations that the team published last; none where the scenario has none on the chain."""
        return decoded(self._published_last(CONFIGURATIONS)) if CONFIGURATIONS in self._threads else ()

    def quorum_at(self, epoch: Epoch) -> SourcedQuorum:
        """The quorum parameters at an epoch, by the team's publications."""
        if not self.configurations:
            asked = self._scenario.quorum
            return SourcedQuorum(Lottery(asked.k, asked.m, asked.phi_f), "the scenario")
        return quorum_signed_with(self.configurations, epoch, "the chain")

    def plan(self, kind: str, era: str, epoch: int | None) -> RolloutPlan:
        """The markers after a change, by the rules of the marker commands."""
        change = MarkerChange(ChangeKind(kind), era, None if epoch is None else Epoch(epoch))
        return plan_change(change, self.markers, self.epoch, self._rules, PublishedBefore(frozenset(self._signed)))

    def plan_configuration(self, action: Parameters, epoch: int, *, instead: bool) -> ConfigurationPlan:
        """The configurations after a change of parameters, by the rules of ``marker configuration``.

        Raises:
            ProtocolConfigurationError: the rules forbid it.
        """
        kept = [one for one in self.configurations if not instead or one.epoch <= self.epoch]
        before = self._published_last(CONFIGURATIONS)
        return plan_configurations(before, [*kept, _configuration(action, epoch)], self.epoch)

    def publish(self, markers: AnyMarkers, kind: TrustKind = ERAS) -> None:
        """Sign markers, and put them on the chain."""
        datum = encode_datum(_PAYLOADS[kind](markers).sign(self._era_key).to_bytes())
        outputs = self._gateway.spendable_outputs(self.address)
        published = self._threads[kind].published
        last = {f"{one.transaction}#0" for one in published}
        built = build_marker_transaction(
            datum,
            EraAddress(self.address),
            Funding(self.address, outputs),
            LedgerContext.read(self._gateway, validity_slots=2**31),
            previous=next((one for one in outputs if one.reference in last), None),
        )
        signed = sign_transaction(built, [self._wallet])
        self.chain.submit(signed.cbor)
        self._signed.add(markers)
        published.append(Published(kind, markers, datum.hex(), signed.cbor, signed.hash))
        self._look()

    # --- what goes wrong

    def replay(self, which: int, times: int, *, unreadable: bool, kind: TrustKind = ERAS) -> None:
        """Post again a payload that the team once signed, perhaps in a transaction that providers cannot show."""
        published = self._threads[kind].published
        datum = published[min(which, len(published) - 1)].datum
        self._post([datum] * times, hidden=unreadable)

    def forge(self, era: str, epoch: int | None) -> None:
        """Post the markers in force and one more, signed by a stranger's key."""
        forged = EraMarker(era, self.epoch if epoch is None else Epoch(epoch))
        self._post_forged((*self.markers, forged), ERAS)

    def forge_configuration(self, action: Parameters, epoch: int) -> None:
        """Post the configurations in force and one more, signed by a stranger's key."""
        forged = ConfigurationMarker.of(_configuration(action, epoch))
        self._post_forged((*self._published_last(CONFIGURATIONS), forged), CONFIGURATIONS)

    def flood(self, outputs: int, *, plain: bool) -> None:
        """Post outputs without a payload, or plain payments."""
        self._post([None if plain else JUNK] * outputs)

    def rollback(self, blocks: int, lost_ticks: int) -> None:
        """Roll back the newest blocks, but not the first publications; the team's transactions are included again."""
        firsts = [self.chain.transaction(thread.published[0].transaction) for thread in self._threads.values()]
        kept = max(0 if first is None else first.block.height for first in firsts)
        depth = min(blocks, self.chain.tip().height - kept)
        if depth < 1:
            return
        self.chain.rollback(depth)
        waiting = {one.transaction for _, one in self._lost}
        for one in (one for thread in self._threads.values() for one in thread.published):
            if one.transaction not in waiting and self.chain.transaction(one.transaction) is None:
                self._lost.append((self.tick + lost_ticks, one))
        self._mint()
        self._submit_due()
        self._look()

    # --- providers

    def answer(
        self, provider: Provider, kind: TrustKind = ERAS, *, out: bool, cut_off_at: int | None
    ) -> ObserverAnswered | ObserverFailed:
        """The answer of a provider in this tick.

        Args:
            provider: who is asked.
            kind: what it is asked for.
            out: whether it does not answer.
            cut_off_at: the tick since which it sees no new block; ``None`` while it is connected.
        """
        if out:
            return ObserverFailed(
                provider.name, "ProviderUnreachable", f"{provider.name} could not be read", self.now_s
            )
        seen = self._threads[kind].seen[provider.knows]
        tick = self.tick if cut_off_at is None else cut_off_at
        evidence = seen[max(0, tick - provider.lag_ticks)]
        two_ticks = 2.5 * SLOTS_OF_TICK * self._slot_s
        tip = check_tip(evidence.tip, self._genesis, self.now_s, tolerance_s=two_ticks)
        return ObserverAnswered(evidence, self.now_s, None if tip.is_fresh else tip.words)

    # --- within

    def _seed(self, what: str) -> bytes:
        return blake2b(f"{self._scenario.seed} {what}".encode(), digest_size=32).digest()

    def _begin(self) -> None:
        """Advance to the first epoch, fund the team, and publish the first era."""
        shown = _Shown(self.chain, self._hidden)
        for knows in dict.fromkeys(provider.knows for provider in self._scenario.providers):
            observer = shown if knows == "everything" else _Unspent(shown)
            for thread in self._threads.values():
                thread.sources[knows] = EvidenceSource(observer, thread.policy, MemoryStore())
                thread.seen[knows] = []
        before = Epoch(self._scenario.first_epoch - 1)
        self.chain.advance_to_epoch(before)
        self.chain.fund(self.address, 10_000 * LOVELACE_PER_ADA)
        first = EraMarker(self._scenario.first_era, before)
        self.publish((first,))
        if CONFIGURATIONS in self._threads:
            configured = _configuration(self._scenario.quorum, max(0, before - 1))
            self.publish((ConfigurationMarker.of(configured),), CONFIGURATIONS)
        for _ in range(self._scenario.confirmations):
            self.chain.advance_slots(1)
        self._mint()
        self._look()

    def _mint(self) -> None:
        behind = self.slot - self.chain.current_slot()
        if behind > 0:
            self.chain.advance_slots(behind)

    def _look(self) -> None:
        """The view of every kind of provider in this tick."""
        for thread in self._threads.values():
            for knows, source in thread.sources.items():
                seen = thread.seen[knows]
                evidence = source.gather()
                if seen:
                    evidence = _shared(evidence, seen[-1])
                del seen[self.tick :]
                seen.append(evidence)

    def _published_last(self, kind: TrustKind) -> AnyMarkers:
        published = self._threads[kind].published
        return published[-1].markers if published else ()

    def _post_forged(self, markers: AnyMarkers, kind: TrustKind) -> None:
        self._post([encode_datum(_PAYLOADS[kind](markers).sign(self._forger).to_bytes()).hex()])

    def _post(self, datums: Sequence[str | None], *, hidden: bool = False) -> None:
        made = self.chain.place([FaucetOutput(self.address, 2 * LOVELACE_PER_ADA, datum=datum) for datum in datums])
        if hidden:
            self._hidden.add(made[0].transaction)
        self._look()

    def _submit_due(self) -> None:
        due = [lost for at, lost in self._lost if at <= self.tick]
        self._lost = [entry for entry in self._lost if entry[0] > self.tick]
        for lost in due:
            self._submit_again(lost)

    def _submit_again(self, lost: Published) -> None:
        try:
            self.chain.submit(lost.cbor)
        except LedgerRefusedError:
            # What it spends is gone. The team builds its last word anew; what came before that is past.
            published = self._threads[lost.kind].published
            is_last = published[-1] is lost
            published.remove(lost)
            if is_last:
                self.publish(lost.markers, lost.kind)


_PAYLOADS: dict[TrustKind, Callable[[AnyMarkers], EraMarkersPayload | ConfigurationMarkersPayload]] = {
    ERAS: EraMarkersPayload,
    CONFIGURATIONS: ConfigurationMarkersPayload,
}


def _configuration(asked: Parameters, epoch: int) -> EpochConfiguration:
    """The default configuration of Mithril with other parameters."""
    default = DEFAULT_CONFIGURATIONS[0].configuration
    parameters = ProtocolParameters(asked.k, asked.m, asked.phi_f)
    return EpochConfiguration(Epoch(epoch), replace(default, parameters=parameters))


def _shared(evidence: Evidence, last: Evidence) -> Evidence:
    """The same evidence with the objects that ``last`` already holds, so that identity shows equality."""
    names = [
        name for name in ("unspent", "considered", "facts", "blocks") if getattr(evidence, name) == getattr(last, name)
    ]
    return replace(evidence, **{name: getattr(last, name) for name in names}) if names else evidence

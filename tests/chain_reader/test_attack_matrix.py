"""Every attack on the era address, on every face, with and without a thread token, for nodes in every state.

A table of faces, token and attacks. Each row is judged by a node that runs, by processes that begin anew with a store
(SQLite and PostgreSQL in turn), and by one that never read anything. Numbers are such that the code takes the same path
as with 1,000 payments, 1,100 copies and 20,000 outputs of junk: more than a page, and more than a reading may ask about
at once; ``test_the_full_numbers_in_process`` and ``benchmarks`` have the numbers themselves. The heavy copy has all of
its 440 references here, and their weight in ``test_long_answers``.

What a bare set without a token is exposed to at a first start (``docs/trust.md``) is asserted, too.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pycardano import TransactionInput

from chain_reader import (
    ChainObserver,
    LocalObserver,
    OgmiosObserver,
    ReadLimitExceededError,
    TrustedReader,
)
from chain_reader.local_chain import FaucetOutput, Genesis, LocalChain, LocalChainServer
from chain_reader.providers.cardano_cli import CardanoCliObserver
from chain_reader.providers.transport.http import BoundedHttp, HttpAnswer
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.reading import TrustedReading
from era_store import MemoryStore, Store, open_store
from eras import ChainReadError, StoreError
from tests.chain_reader.conftest import ADA, OBSERVERS, Schedule, Team, datum_of, markers, opened
from tests.local_chain_faces.wallet import Wallet
from tests.postgres import Cluster

MANY = 110
COPIES = 25
REFERENCES, REFERENCES_A_TRANSACTION = 440, 20
BARE = ("ogmios", "cardano-cli")
SMALL = ReadLimits(max_answer_bytes=100_000, max_attempts=1)
"""What such a copy refers to is longer than that."""
ONCE = ReadLimits(max_attempts=1)
FEW = ReadLimits(max_transactions=10)
"""There are more copies than a reading may ask about."""
FACES = tuple(face for face in OBSERVERS if face != "agreement")  # a mixed one is there


class Arena:
    """A chain with all its faces, for all rows of the table: each has an era address of its own."""

    def __init__(self, chain: LocalChain, folder: Path, postgres_url: str) -> None:
        self.chain, self._serving = chain, LocalChainServer(chain.path)
        self.server = self._serving.__enter__()
        self.stores = {"sqlite": f"sqlite:///{folder}/store.sqlite3", "postgres": postgres_url}
        self.stranger = Wallet.new()
        self._heavy: list[TransactionInput] = []

    def heavy(self) -> list[TransactionInput]:
        """As many outputs as a transaction can refer to, with many assets each."""
        if not self._heavy:
            assets = tuple((f"{number:056x}" + "41" * 4, 1) for number in range(10))
            one = FaucetOutput(self.stranger.address, 5 * ADA, assets)
            for _ in range(REFERENCES // REFERENCES_A_TRANSACTION):  # a low index is a short reference
                made = self.chain.place([one] * REFERENCES_A_TRANSACTION)
                self._heavy += [TransactionInput.from_primitive([made[0].transaction, output.index]) for output in made]
        return self._heavy

    def close(self) -> None:
        self._serving.__exit__(None, None, None)


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory, postgres_cluster: Cluster) -> Iterator[Arena]:
    folder = tmp_path_factory.mktemp("matrix")
    with (
        LocalChain.create(folder / "chain.sqlite", genesis=Genesis(epoch_length=100)) as chain,
        postgres_cluster.database() as name,
    ):
        chain.advance_to_epoch(5)
        made = Arena(chain, folder, postgres_cluster.url(name))
        yield made
        made.close()


class Field:
    """One row: a team, and the nodes that read its markers."""

    def __init__(
        self, arena: Arena, face: str, token: bool, store: str, limits: ReadLimits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.arena, self.chain, self.face, self.monkeypatch = arena, arena.chain, face, monkeypatch
        self.states = ("memory", store, "fresh")
        self.limits = limits
        self.team = Team(arena.chain, token=token)
        self.bare = face in BARE and not token
        self.now = arena.chain.epoch()
        self.first: Schedule = {"thales": self.now}
        self.scheduled: Schedule = {"thales": self.now, "pythagoras": self.now + 3}
        self._kept: dict[str, ChainObserver] = {}
        self._memory: TrustedReader | None = None

    @property
    def policy(self) -> TrustPolicy:
        return replace(self.team.policy, limits=self.limits)

    def observer(self, kept: str) -> ChainObserver:
        """The observer of one of the nodes."""
        if kept not in self._kept:
            self._kept[kept] = opened(self.face, self.chain, lambda: self.arena.server, self.limits)
        return self._kept[kept]

    def reading(self, state: str) -> TrustedReading:
        """What a node in that state reads now."""
        if state == "memory":
            if self._memory is None:
                self._memory = TrustedReader(self.observer(state), self.policy, MemoryStore())
            return self._memory.read()
        if state != "fresh":
            with open_store(self.arena.stores[state]) as store:
                return self._by(state, store)
        memory = MemoryStore()
        for _ in range(COPIES // self.limits.max_transactions):
            with suppress(ReadLimitExceededError):
                return self._by(state, memory)
        return self._by(state, memory)

    def _by(self, state: str, store: Store) -> TrustedReading:
        self._kept.pop(state, self.observer(state)).close()  # another process: nothing is left of the one before
        return TrustedReader(self.observer(state), self.policy, store).read()

    def nodes_trust(
        self, schedule: Schedule, times: int = 1, *, but_fresh: bool = False, by_history: bool = True
    ) -> None:
        """Every node has a schedule in force, confirmed by this reading; by default, all that ever was is read."""
        self.chain.advance_slots(1)
        for state in self.states[:-1] if but_fresh else self.states:
            reading = self.reading(state)
            assert (reading.markers, reading.stale) == (markers(schedule) * times, None), state
            if by_history and self.team.token is None and self.observer(state).capabilities.history:
                assert reading.history, f"{state}: the history was read, too: {reading.alarms}"

    def close(self) -> None:
        for observer in self._kept.values():
            observer.close()


# -- the attacks ----------------------------------------------------------------------------------------------------


def heavy_copy(field: Field) -> None:
    """A copy of what was signed first, whose transaction refers to 440 outputs, where no bytes are shown."""
    for name in ("blockfrost.observer.BlockfrostObserver", "koios.observer.KoiosObserver"):
        field.monkeypatch.setattr(f"chain_reader.providers.{name}.transaction_bytes", lambda *_: None)
    stranger, references = field.arena.stranger, field.arena.heavy()
    funds = field.chain.fund(stranger.address, 100 * ADA)
    paid = stranger.pay(
        funds, field.team.address, 5 * ADA, datum=datum_of(field.first), reference_inputs=references, fee=2_000_000
    )
    field.chain.submit(paid)
    field.nodes_trust(field.scheduled)


def hidden_payment(field: Field) -> None:
    """A payment whose transaction the provider lists and cannot show, before and after it is spent."""
    (paid,) = field.chain.place([FaucetOutput(field.team.address, 5 * ADA)])
    hide(paid.transaction, field.monkeypatch)
    field.nodes_trust(field.scheduled)
    field.team.spend(f"{paid.transaction}#{paid.index}")
    field.nodes_trust(field.scheduled)


def hide(transaction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on whoever is asked about a transaction fails."""
    once, known = BoundedHttp._once, LocalChain.transaction

    def failing(http: BoundedHttp, method: str, path: str, *rest: Any, **asked: Any) -> HttpAnswer:
        if transaction in path or transaction.encode() in asked.get("data", b""):
            return HttpAnswer(500, b"")
        return once(http, method, path, *rest, **asked)

    def damaged(chain: LocalChain, asked: str) -> Any:
        if asked == transaction:
            raise StoreError("The transaction cannot be read")
        return known(chain, asked)

    monkeypatch.setattr(BoundedHttp, "_once", failing)
    monkeypatch.setattr(LocalChain, "transaction", damaged)


def many_payments(field: Field) -> None:
    """Each in a transaction of its own, as each costs a question of its own."""
    for _ in range(MANY):
        field.chain.place([FaucetOutput(field.team.address, ADA)])
    field.nodes_trust(field.scheduled)


def many_copies(field: Field) -> None:
    """More than a reading may ask about; who begins anew goes on where it stopped."""
    field.chain.place([FaucetOutput(field.team.address, ADA)] * (MANY - COPIES))
    for number in range(COPIES):
        schedule = field.first if number % 2 else field.scheduled
        field.chain.place([FaucetOutput(field.team.address, 2 * ADA, datum=datum_of(schedule))])
    field.nodes_trust(field.scheduled, by_history=False)


def unreadable_address(field: Field) -> None:
    """Nobody gets the list of what is unspent there: nodes go by the thread and do not ask again at once."""
    field.chain.place([FaucetOutput(field.team.address, ADA)])
    with field.monkeypatch.context() as broken:
        asked = hide_address(field.team.address, broken)
        for repeated in (False, True):
            before = len(asked)
            field.nodes_trust(field.scheduled, but_fresh=True, by_history=False)
            assert (len(asked) > before) is not repeated, "it is remembered, by the next process, too"
            assert "Unreadable" in [item.verdict.name for item in field.reading(field.states[1]).screened]
        if field.face in BARE or (field.team.token is not None and field.face in ("local", "mixed-agreement")):
            with pytest.raises(ChainReadError):
                field.reading("fresh")  # nothing else can be asked for
        else:
            assert field.reading("fresh").markers == markers(field.scheduled)
    later = time.time() + 60
    field.monkeypatch.setattr("chain_reader.trust.transactions.time", SimpleNamespace(time=lambda: later))
    field.nodes_trust(field.scheduled)


def hide_address(address: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on whoever asks for what is unspent at an address fails; the list of who did."""
    once, asked = BoundedHttp._once, []

    def failing(http: BoundedHttp, method: str, path: str, *rest: Any, **more: Any) -> HttpAnswer:
        is_list = path in (f"/addresses/{address}/utxos", f"/matches/{address}?resolve_hashes&unspent")
        if is_list or ("/address_utxos" in path and address.encode() in more["data"]):
            asked.append(path)
            return HttpAnswer(500, b"")
        return once(http, method, path, *rest, **more)

    def refused(observer: ChainObserver, address: str) -> Any:
        asked.append(address)
        raise ChainReadError(f"{observer.name} cannot list the address")

    monkeypatch.setattr(BoundedHttp, "_once", failing)
    for kind in (LocalObserver, OgmiosObserver, CardanoCliObserver):
        monkeypatch.setattr(kind, "datums", refused)
    return asked


def junk(field: Field) -> None:
    """With copies among it: what a stranger posts is counted, not told one by one."""
    datums = (f"d8799f58208{number:063x}ff" for number in range(2 * MANY))
    copies = [datum_of(field.first)] * 60 if field.team.token is not None else []
    field.chain.place([FaucetOutput(field.team.address, 2 * ADA, datum=datum) for datum in (*datums, *copies)])
    field.nodes_trust(field.scheduled)
    assert len(field.reading("fresh").events) < 60


def cancelled(field: Field) -> None:
    """What was cancelled is posted again before, at and after its epoch: a first start at a bare set takes it."""
    field.team.publish(field.first, times=2)  # signed anew, as the commands do it
    field.nodes_trust(field.first, times=2)
    replay(field, field.first, times=2, fooled=(-1, 0, 1))


def postponed(field: Field) -> None:
    """The same of what was postponed: a first start at a bare set takes it from its epoch on."""
    later = field.first | {"pythagoras": field.now + 7}
    field.team.publish(later)
    field.nodes_trust(later)
    replay(field, later, fooled=(0, 1))


def replay(field: Field, in_force: Schedule, *, times: int = 1, fooled: tuple[int, ...]) -> None:
    epoch = field.scheduled["pythagoras"]
    assert epoch is not None
    for offset in (-1, 0, 1):
        field.chain.advance_to_epoch(epoch + offset)
        field.team.post(field.scheduled)
        is_fooled = field.bare and offset in fooled
        field.nodes_trust(in_force, times, but_fresh=is_fooled)
        if is_fooled:
            assert field.reading("fresh").markers == markers(field.scheduled), f"docs/trust.md says so, {offset}"


ATTACKS: dict[str, tuple[Callable[[Field], None], ReadLimits]] = {
    "a copy with 440 heavy references": (heavy_copy, SMALL),
    "a payment that cannot be shown": (hidden_payment, ONCE),
    "many payments": (many_payments, DEFAULT_LIMITS),
    "many copies": (many_copies, FEW),
    "an address that cannot be read": (unreadable_address, ONCE),
    "junk": (junk, DEFAULT_LIMITS),
    "a replay of what was cancelled": (cancelled, DEFAULT_LIMITS),
    "a replay of what was postponed": (postponed, DEFAULT_LIMITS),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("token", [False, True], ids=["bare", "token"])
@pytest.mark.parametrize("face", FACES)
def test_no_attack_changes_or_ends_a_reading(
    arena: Arena, cli_in_process: None, monkeypatch: pytest.MonkeyPatch, face: str, token: bool, attack: str
) -> None:
    """And once it is under way, the team goes on: its next publication is taken by every node that runs."""
    strike, limits = ATTACKS[attack]
    turn = FACES.index(face) + token + list(ATTACKS).index(attack)
    field = Field(arena, face, token, ("sqlite", "postgres")[turn % 2], limits, monkeypatch)
    field.team.publish(field.first)
    field.team.publish(field.scheduled)
    field.nodes_trust(field.scheduled)
    strike(field)
    following: Schedule = {"thales": field.now, "lagrange": field.chain.epoch() + 9}
    field.team.publish(following)
    field.nodes_trust(following, but_fresh=True, by_history=False)
    field.close()


def test_the_full_numbers_in_process(tmp_path: Path) -> None:
    """1,000 payments, 1,100 copies and 20,000 outputs of junk at once, for a node that runs and for a fresh one."""
    first: Schedule = {"thales": 0}
    with LocalChain.create(tmp_path / "chain.sqlite") as chain:
        team = Team(chain, token=False)
        team.publish(first)
        known = TrustedReader(LocalObserver(chain), team.policy)
        assert known.read().markers == markers(first)
        chain.place([FaucetOutput(team.address, ADA)] * 1_000)
        chain.place([FaucetOutput(team.address, 2 * ADA, datum=datum_of(first))] * 1_100)
        datums = (f"d8799f58208{number:063x}ff" for number in range(20_000))
        chain.place([FaucetOutput(team.address, 2 * ADA, datum=datum) for datum in datums])
        for reader in (known, TrustedReader(LocalObserver(chain), team.policy)):
            reading = reader.read()
            assert (reading.markers, reading.stale) == (markers(first), None)

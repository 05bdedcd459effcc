"""Rule T12: while the trusted output is unspent, what lies at the era address costs nothing, and ends no reading."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import requests

from chain_reader import BlockfrostObserver, ChainObserver, LocalObserver, ReadLimits
from chain_reader.local_chain import FaucetOutput, LocalChainServer, Output
from chain_reader.ports import DatumOutput, SuccessorObserver
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trusted_reader import TrustedReader
from era_store import MemoryStore, Store, open_store
from eras import ChainReadError
from tests.chain_reader.conftest import ADA, KEY, Network, datum_of, markers, opened
from tests.chain_reader.hostile import Chunks, HostileHttp, error, reply
from tests.chain_reader.knowing import ALL, Knowing
from tests.chain_reader.test_blockfrost_observer import transaction

FIRST, NEXT = {"thales": 1}, {"thales": 1, "pythagoras": None}
REPLAY = {"thales": 1, "pythagoras": 6}


def policy_of(network: Network, **changes) -> TrustPolicy:
    return TrustPolicy(network.address, (KEY.verification_key,), network_magic=42, **changes)


def flood(network: Network, count: int, *, datum: str | None = "d87980") -> None:
    """A stranger's transactions, each with a payment to the era address."""
    for _ in range(count):
        network.chain.place([FaucetOutput(network.address, ADA, datum=datum)])
    network.chain.advance_slots(1)


class Asked:
    """The paths that an observer asks its provider for."""

    def __init__(self, observer: BlockfrostObserver, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        http = observer._api._http
        once = http._once

        def noted(method: str, path: str, *rest, **more):
            self.paths.append(path)
            return once(method, path, *rest, **more)

        monkeypatch.setattr(http, "_once", noted)


@pytest.fixture
def served(network: Network) -> Iterator[LocalChainServer]:
    with LocalChainServer(network.chain.path) as running:
        yield running


@pytest.fixture(params=["local", "blockfrost", "kupo", "koios", "ogmios", "cardano-cli", "agreement"])
def threaded(request: pytest.FixtureRequest, network: Network, served: LocalChainServer, cli_in_process: None):
    """Each observer that can be asked for one output."""
    observer = opened(request.param, network.chain, lambda: served)
    yield observer
    observer.close()


def successor(network: Network, of: Output, schedule) -> Output:
    """A publication that spends the one before it, as every command of ours makes it."""
    made = network.chain.submit(
        network.team.pay(of, network.address, of.lovelace - 300_000, datum=datum_of(schedule), fee=300_000)
    )
    found = network.chain.output(made, 0)
    assert found is not None
    return found


def close_address(observer: ChainObserver, closed: pytest.MonkeyPatch) -> None:
    """From now on whoever reads the era address fails."""

    def refused(*_):
        raise AssertionError("the address is read")

    for one in (observer, *getattr(observer, "observers", ())):
        for question in ("datums", "datums_until", "history", "history_beside"):
            if hasattr(type(one), question):
                closed.setattr(one, question, refused)


def test_rule_t12_a_spent_output_is_followed_to_its_successors(network, threaded, monkeypatch):
    """Two publications between two readings, without reading the address where the spender is told."""
    first = network.publish(FIRST)
    flood(network, 101)
    reader = TrustedReader(threaded, policy_of(network))
    assert reader.read().markers == markers(FIRST)
    with monkeypatch.context() as closed:
        if isinstance(threaded, SuccessorObserver):
            close_address(threaded, closed)
        second = successor(network, first, NEXT)
        last = successor(network, second, REPLAY)
        network.chain.advance_slots(1)
        reading = reader.read()
        assert (reading.markers, reading.stale) == (markers(REPLAY), None)
        assert reading.provenance.transaction == last.transaction
        here = {item.output.transaction: item.verdict.name for item in reading.screened}
        assert here[last.transaction] == "Accepted"
        assert not here.keys() & {first.transaction, second.transaction}
        verdicts = {item.output.transaction: item.verdict.name for item in reading.history}
        if threaded.capabilities.history:
            assert (verdicts[first.transaction], verdicts[second.transaction]) == ("Superseded", "Superseded")
        network.chain.advance_slots(1)
        assert reader.read().stale is None
    network.chain.rollback(3)
    network.chain.advance_slots(1)
    assert reader.read().stale is not None, "what was trusted has vanished"


def test_rule_t12_a_successor_that_is_not_deep_enough_waits_and_may_be_rolled_back(network):
    observer = LocalObserver(network.chain)
    first = network.publish(FIRST)
    flood(network, 101)
    network.chain.advance_slots(1)
    reader = TrustedReader(observer, policy_of(network, confirmations=2))
    assert reader.read().markers == markers(FIRST)
    successor(network, first, NEXT)
    assert reader.read().markers == markers(FIRST)
    network.chain.rollback(1)
    for _ in range(3):
        network.chain.advance_slots(1)
        assert reader.read().markers == markers(FIRST)
    successor(network, first, NEXT)
    for _ in range(2):
        assert reader.read().markers == markers(FIRST)
        network.chain.advance_slots(1)
    assert reader.read().markers == markers(NEXT)


def test_rule_t12_a_thread_that_ends_in_no_marker_is_broken_and_the_address_is_read(network):
    first = network.publish(FIRST)
    flood(network, 101)
    reader = TrustedReader(LocalObserver(network.chain), policy_of(network))
    assert reader.read().stale is None
    network.spend(first)
    network.publish(NEXT)
    network.chain.advance_slots(1)
    assert (reader.read().markers, reader.read().stale) == (markers(NEXT), None)


def test_rule_t12_while_the_trusted_output_is_unspent_the_address_is_not_read(network, threaded, monkeypatch):
    first = network.publish(FIRST)
    flood(network, 101)
    reader = TrustedReader(threaded, policy_of(network))
    assert reader.read().markers == markers(FIRST)

    with monkeypatch.context() as closed:
        close_address(threaded, closed)
        for _ in range(3):
            flood(network, 1, datum=datum_of(FIRST))
            reading = reader.read()
            assert (reading.markers, reading.stale) == (markers(FIRST), None)
    successor(network, first, NEXT)
    network.chain.advance_slots(1)
    assert reader.read().markers == markers(NEXT)
    network.chain.advance_to_epoch(6)
    if threaded.capabilities.inputs:
        assert len(reader.read().screened) >= 104


def test_rule_t12_requests_are_the_same_whatever_lies_at_the_address(network, served, monkeypatch):
    """A clean address against one with 300 stranger transactions, plain payments and copies."""
    network.publish(FIRST)
    clean = BlockfrostObserver(served.blockfrost_url)
    reader, asked = TrustedReader(clean, policy_of(network)), Asked(clean, monkeypatch)
    reader.read()
    asked.paths.clear()
    network.chain.advance_slots(1)
    reader.read()
    at_a_clean_address = len(asked.paths)
    flood(network, 150, datum=None)
    flood(network, 150, datum=datum_of(REPLAY))
    crowded = BlockfrostObserver(served.blockfrost_url)
    reader, asked = TrustedReader(crowded, policy_of(network)), Asked(crowded, monkeypatch)
    reader.read()
    network.chain.advance_slots(1)
    reader.read()  # the first one by the thread sees, once, that the provider tells who spent what
    for _ in range(3):
        asked.paths.clear()
        network.chain.advance_slots(1)
        assert reader.read().stale is None
        assert len(asked.paths) <= at_a_clean_address, asked.paths


def test_what_was_asked_once_of_plain_payments_is_not_asked_again(network, served, tmp_path, monkeypatch):
    """The empty answer is remembered, too: by this process and the next."""
    network.publish(FIRST)
    flood(network, 20, datum=None)
    counts = []
    for _ in range(2):
        with open_store(f"sqlite:///{tmp_path}/store.sqlite3") as store:
            observer = BlockfrostObserver(served.blockfrost_url)
            reader, asked = TrustedReader(observer, policy_of(network), store), Asked(observer, monkeypatch)
            for _ in range(2):
                asked.paths.clear()
                network.chain.advance_slots(1)
                reader.read()
                counts.append(sum(path.startswith("/txs/") and path.endswith("/cbor") for path in asked.paths))
    assert counts[0] >= 21
    assert counts[1:] == [0, 0, 0]


def test_a_long_history_is_read_on_where_the_last_process_stopped(network, served, tmp_path):
    """Copies beyond the limit lock out nobody: each one-shot command looks further."""
    network.publish(FIRST)
    flood(network, 25, datum=datum_of(REPLAY))
    limits = ReadLimits(max_transactions=10)
    outcomes = []
    for _ in range(6):
        with open_store(f"sqlite:///{tmp_path}/store.sqlite3") as store:
            observer = BlockfrostObserver(served.blockfrost_url, limits=limits)
            reader = TrustedReader(observer, policy_of(network, limits=limits), store)
            try:
                outcomes.append(reader.read().markers)
            except ChainReadError as failed:
                outcomes.append(failed.code)
    assert outcomes[-1] == markers(FIRST)
    assert outcomes[0] == "ReadLimitExceeded"


UNUSABLE = {"500": error(500), "long": reply(b"x" * 200_000), "nonsense": reply(b"[]"), "400": error(400)}


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
def test_a_transaction_that_cannot_be_had_is_unreadable_by_itself(network, served, monkeypatch, answer: Chunks):
    """A plain payment whose transaction the provider cannot show, before and after it is spent."""
    store = MemoryStore()
    network.publish(FIRST)
    posted = network.chain.place([FaucetOutput(network.address, 5 * ADA)])[0]
    limits = ReadLimits(max_attempts=1, max_answer_bytes=100_000)

    def answers(path: str) -> Chunks:
        if path.startswith(f"/txs/{posted.transaction}"):
            return answer
        found = requests.get(served.blockfrost_url + path, timeout=60)
        return reply(found.content, found.status_code)

    with HostileHttp(answers) as server:
        reader = TrustedReader(BlockfrostObserver(server.url, limits=limits), policy_of(network), store)
        for spend in (False, True):
            if spend:
                network.spend(posted)
                network.chain.advance_slots(1)
            reading = reader.read()
            assert (reading.markers, reading.stale) == (markers(FIRST), None)
        assert not asked_again(network, server, limits, store, posted), "another process does not ask at once"
        now = time.time()
        for pause_s in (10, 20, 40):
            clock = SimpleNamespace(time=lambda at=now + pause_s + 5: at)
            monkeypatch.setattr("chain_reader.trust.transactions.time", clock)
            assert asked_again(network, server, limits, store, posted), "it is asked for again later"
            assert not asked_again(network, server, limits, store, posted), "each time after twice the pause"
            now += pause_s + 5


def asked_again(network: Network, server: HostileHttp, limits: ReadLimits, store: Store, posted: Output) -> bool:
    """Whether the next process asks for a transaction."""
    before = len(server.paths)
    network.chain.advance_slots(1)
    reader = TrustedReader(BlockfrostObserver(server.url, limits=limits), policy_of(network), store)
    assert reader.read().markers == markers(FIRST)
    return any(posted.transaction in path for path in server.paths[before:])


def test_a_copy_with_heavy_reference_inputs_is_judged_by_its_bytes(network, served):
    """What it refers to makes the long answer too long for any reader, and does not make its bytes any longer."""
    network.publish(FIRST)
    copy = network.post(FIRST)

    def answers(path: str) -> Chunks:
        if path == f"/txs/{copy.transaction}/utxos":
            return reply(b"[" + b" " * 200_000)
        found = requests.get(served.blockfrost_url + path, timeout=60)
        return reply(found.content, found.status_code)

    with HostileHttp(answers) as server:
        limits = ReadLimits(max_attempts=1, max_answer_bytes=100_000)
        reading = TrustedReader(BlockfrostObserver(server.url, limits=limits), policy_of(network)).read()
    verdicts = {item.output.transaction: item.verdict.name for item in reading.screened}
    assert (reading.markers, verdicts[copy.transaction]) == (markers(FIRST), "Impostor")


def test_a_provider_that_does_not_tell_who_spent_what_is_not_relied_on():
    """Dingo leaves the field null for ever: then unspent would mean nothing."""
    body = transaction("ab" * 32) | {
        "outputs": [{"output_index": 0, "address": "a", "amount": [], "inline_datum": None, "consumed_by_tx": None}]
    }
    with HostileHttp(lambda path: error(404) if path.endswith("/cbor") else reply(body)) as server:
        observer = BlockfrostObserver(server.url, limits=ReadLimits(max_attempts=1))
        assert observer.is_unspent(DatumOutput("ab" * 32, 0, "d87980", 5)) is None


def test_an_observer_that_cannot_be_asked_for_one_output_reads_the_address(network):
    network.publish(FIRST)
    flood(network, 101)
    observer = Knowing(network.chain, ALL)
    reader = TrustedReader(observer, policy_of(network))
    for _ in range(2):
        network.chain.advance_slots(1)
        assert reader.read().markers == markers(FIRST)
    assert observer.asked.count("datums") == 2

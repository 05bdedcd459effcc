"""What the Kupo observer makes of answers that the local chain's face never gives."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chain_reader import ProviderFailedError, ProviderNotFoundError, ReadLimits, UnexpectedAnswerError
from chain_reader.local_chain import Genesis, LocalChain, LocalChainServer
from chain_reader.providers.from_url import gateway_from_url, observer_from_url
from chain_reader.providers.kupo.gateway import KupoGateway
from chain_reader.providers.kupo.observer import KupoObserver
from eras import ChainReadError, ConfigurationError, Epoch
from tests.chain_reader.conftest import Network, kupo_of
from tests.chain_reader.hostile import Chunks, HostileHttp, reply

ADDRESS = "addr_test1qzzngukkj9ydjemqjlgfn42sevy2xnvauay46weushlpuq9thd4ray00csjssf4sxftv04xeequ3xfx72nujg9y4d5ysgkxxlh"
CHECKPOINT = {"X-Most-Recent-Checkpoint": "500"}
LIMITS = ReadLimits(max_attempts=1)
NO_OGMIOS = "ws://127.0.0.1:9"


def kupo_match(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A match as Kupo lists it."""
    found = {
        "transaction_index": 0,
        "transaction_id": f"{number:064x}",
        "output_index": 0,
        "address": ADDRESS,
        "value": {"coins": 2_000_000, "assets": {}},
        "datum_hash": "ab" * 32,
        "datum_type": "inline",
        "datum": "182a",
        "script_hash": None,
        "script": None,
        "created_at": {"slot_no": 400, "header_hash": "cd" * 32},
        "spent_at": None,
    }
    return {**found, **fields}


def kupo_reply(path: str, body: bytes) -> Chunks:
    """An answer with Kupo's header; every address is followed."""
    return reply(b'["*"]' if path.startswith("/patterns") else body, headers=CHECKPOINT)


@contextmanager
def answering(answer: Callable[[str], Chunks]) -> Iterator[tuple[KupoObserver, HostileHttp]]:
    with HostileHttp(answer) as server:
        observer = KupoObserver(f"{server.url}+{NO_OGMIOS}", limits=LIMITS)
        yield observer, server
        observer.close()


def matches(*items: Any) -> Callable[[str], Chunks]:
    return lambda path: reply(["*"] if path.startswith("/patterns") else list(items), headers=CHECKPOINT)


def test_an_address_that_no_pattern_covers_is_an_error_and_not_empty():
    with answering(lambda path: reply([], headers=CHECKPOINT)) as (observer, server):
        with pytest.raises(ChainReadError, match=f"--match {ADDRESS}") as caught:
            observer.datums(ADDRESS)
        assert caught.value.code == "AddressNotIndexed"
        assert server.paths == [f"/patterns/{ADDRESS}"]


def test_patterns_are_asked_for_once():
    with answering(matches(kupo_match())) as (observer, server):
        for _ in range(3):
            assert [output.datum for output in observer.datums(ADDRESS)] == ["182a"]
        assert [path.partition("?")[0] for path in server.paths] == [f"/patterns/{ADDRESS}"] + [
            f"/matches/{ADDRESS}"
        ] * 3


def test_a_404_means_that_nothing_matches_only_where_it_is_kupos():
    def kupo(path: str) -> Chunks:
        return reply(["*"], headers=CHECKPOINT) if path.startswith("/patterns") else reply({}, 404, CHECKPOINT)

    with answering(kupo) as (observer, _):
        assert observer.datums(ADDRESS) == ()
    foreign = lambda path: reply(["*"], headers=CHECKPOINT) if path.startswith("/patterns") else reply({}, 404)  # noqa: E731
    with answering(foreign) as (observer, _), pytest.raises(ProviderNotFoundError):
        observer.datums(ADDRESS)


def test_an_answer_without_the_checkpoint_is_not_kupos():
    with (
        answering(lambda path: reply(["*"])) as (observer, _),
        pytest.raises(UnexpectedAnswerError, match="Checkpoint"),
    ):
        observer.datums(ADDRESS)


def test_a_node_that_is_gone_is_an_error():
    refusal = pytest.raises(ProviderFailedError, match="down")
    with answering(lambda path: reply({"hint": "down"}, 503, CHECKPOINT)) as (observer, _), refusal:
        observer.datums(ADDRESS)


@pytest.mark.parametrize(
    "odd",
    [{"transaction_id": "short"}, {"output_index": -1}, {"value": {}}, {"created_at": None}, {"address": 5},
     {"datum": None}, {"spent_at": {"slot_no": "x"}}],
    ids=str,
)  # fmt: skip
def test_one_odd_match_is_refused_by_itself(odd: dict[str, Any]):
    with answering(matches(kupo_match(1, **odd), kupo_match(2))) as (observer, _):
        first, second = observer.datums(ADDRESS)
        assert first.unreadable
        assert (second.datum, second.unreadable) == ("182a", None)


def test_matches_of_another_address_are_no_answer():
    refusal = pytest.raises(UnexpectedAnswerError, match="addr_test1elsewhere")
    with answering(matches(kupo_match(address="addr_test1elsewhere"))) as (observer, _), refusal:
        observer.datums(ADDRESS)


def test_a_datum_that_is_only_a_hash_is_none():
    with answering(matches(kupo_match(datum_type="hash"), kupo_match(2, datum_hash=None, datum=None))) as (observer, _):
        assert len(observer.datums(ADDRESS)) == 1  # the second is called inline, and its datum is missing


def test_an_input_proves_something_only_where_kupo_names_the_transaction():
    spent = {
        "slot_no": 400,
        "header_hash": "cd" * 32,
        "transaction_id": f"{7:064x}",
        "input_index": 0,
        "redeemer": None,
    }

    def kupo(path: str) -> Chunks:
        if path.startswith(("/matches/*@", "/matches/*%40")):
            return reply([kupo_match(7)], headers=CHECKPOINT)
        assert "spent_after=400" in path
        assert "spent_before=400" in path
        old = {**spent, "transaction_id": None}
        other = {**spent, "transaction_id": f"{8:064x}"}
        return reply([kupo_match(n, spent_at=at) for n, at in enumerate((old, spent, other))], headers=CHECKPOINT)

    with answering(kupo) as (observer, _):
        assert observer.input_addresses(f"{7:064x}") == (ADDRESS,)
        with pytest.raises(UnexpectedAnswerError, match="an output of"), answering(matches()) as (empty, _):
            empty.input_addresses(f"{7:064x}")


def test_while_kupo_is_behind_its_node_the_tip_is_kupos(network: Network, server: LocalChainServer):
    block = network.chain.tip()

    def kupo(path: str) -> Chunks:
        health = {"most_recent_checkpoint": 450, "connection_status": "connected"}
        return reply(health, 202 if path == "/health" else 200, CHECKPOINT)

    with HostileHttp(kupo) as behind:
        observer = KupoObserver(f"{behind.url}+{server.ogmios_url}", limits=LIMITS)
        tip = observer.tip()
        observer.close()
    assert (tip.slot, tip.height, tip.epoch) == (450, None, Epoch(4))
    whole = kupo_of(server)
    assert whole.tip().height == block.height
    whole.close()


@pytest.mark.parametrize("url", ["kupo:http://127.0.0.1:1442", "kupo:http://127.0.0.1:1442+http://127.0.0.1:1337"])
def test_ogmios_must_be_named_too(url: str):
    for opened in (observer_from_url, gateway_from_url):
        with pytest.raises(ConfigurationError, match="without an Ogmios"):
            opened(url)


def test_one_line_of_configuration_opens_it():
    url = "kupo:http://127.0.0.1:1442+ws://127.0.0.1:1337"
    observer, gateway = observer_from_url(url), gateway_from_url(url)
    assert (observer.name, gateway.name) == ("kupo http://127.0.0.1:1442", "kupo http://127.0.0.1:1442")
    observer.close()
    gateway.close()


def test_a_transaction_whose_outputs_were_spent_is_still_known(tmp_path):
    with LocalChain.create(tmp_path / "chain.sqlite", genesis=Genesis(epoch_length=100)) as chain:
        funds = chain.fund(ADDRESS, 5_000_000)
        with LocalChainServer(chain.path) as server:
            gateway = KupoGateway(f"{server.kupo_url}+{server.ogmios_url}")
            assert gateway.transaction_depth(funds.transaction) == 0
            chain.advance_slots(1)
            assert gateway.transaction_depth(funds.transaction) == 1
            assert gateway.transaction_depth("ab" * 32) is None
            gateway.close()

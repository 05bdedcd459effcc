"""Providers that speak Blockfrost's protocol each in their own way: Dingo's real answers, and oddities of Dolos' kind.

``tests/vectors/dingo`` has answers of a real node. An optional part that is missing lowers what is known; one odd item
is refused by itself; what is not known proves nothing either way. The reading never ends for any of these.
"""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from chain_reader import (
    BlockfrostObserver,
    ChainObserver,
    LocalObserver,
    NetworkGenesis,
    ReadLimits,
    UnexpectedAnswerError,
    genesis_of,
)
from chain_reader.ports import UNKNOWN_ADDRESS
from chain_reader.providers.agreement.observer import AgreementObserver
from chain_reader.providers.agreement.votes import agreed_inputs
from chain_reader.providers.blockfrost.gateway import BlockfrostGateway
from chain_reader.providers.transport.errors import (
    ProviderNotFoundError,
    ProviderOfOtherKindError,
    ProviderOfOtherNetworkError,
    ProviderSyncingError,
)
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trusted_reader import TrustedReader
from datum import Unreadable
from eras import ChainReadError, Epoch
from tests.chain_reader.conftest import KEY, Network, markers
from tests.chain_reader.hostile import Chunks, HostileHttp, reply
from tests.chain_reader.knowing import ALL, BARE, INPUTS, Knowing
from tests.chain_reader.test_blockfrost_observer import ADDRESS, TIP, output, transaction
from tests.conftest import ROOT

SMALL = ReadLimits(max_attempts=1)
DINGO = "addr_test1vztc80na8320zymhjekl40yjsnxkcvhu58x59mc2fuwvgkc332vxv"
PUBLISHED = "e3cee828e8198f4ee70f997c8baa456d1fbbcc8c39b7fa1be754733b44c1ac41"


def dingo(path: str) -> Chunks:
    """Dingo's answer to a request; a path that it does not know is answered with its root document."""
    names = {
        "/genesis": "genesis",
        "/epochs/latest": "epochs_latest",
        "/blocks/latest": "blocks_latest",
        f"/addresses/{DINGO}/utxos": "addresses_utxos",
        f"/txs/{PUBLISHED}/utxos": "txs_utxos",
        f"/txs/{PUBLISHED}": "txs",
    }
    bare = path.partition("?")[0]
    if bare in names:
        return reply((ROOT / "tests" / "vectors" / "dingo" / f"{names[bare]}.json").read_bytes())
    if bare.startswith("/txs/"):
        return reply((ROOT / "tests" / "vectors" / "dingo" / "txs_unknown.json").read_bytes(), 404)
    return reply({"url": "http://localhost", "version": "0.1"})


def test_dingo_is_read_as_it_is():
    with HostileHttp(dingo) as server:
        observer = BlockfrostObserver(server.url, limits=SMALL)
        assert (observer.epoch(), observer.tip().slot, observer.genesis().epoch_length) == (Epoch(10), 3189, 300)
        assert [(item.transaction[:8], item.index) for item in observer.datums(DINGO)] == [("594088c1", 0)]
        assert observer.input_addresses(PUBLISHED) == (UNKNOWN_ADDRESS,)  # its flag "reference" is null
        assert observer.block_of("ab" * 32) is None


def test_an_input_without_its_address_or_its_flags_is_unknown():
    spent = {"address": "a", "collateral": False, "reference": False}
    cases: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"address": ""}, (UNKNOWN_ADDRESS,)),
        ({"address": None}, (UNKNOWN_ADDRESS,)),
        ({"reference": None}, (UNKNOWN_ADDRESS,)),
        ({"collateral": None}, (UNKNOWN_ADDRESS,)),
        ({"collateral": True, "reference": None}, ()),
        ({"collateral": None, "reference": True}, ()),
        ({"address": "", "reference": True}, ()),
        ({}, ("a",)),
    ]
    for changes, expected in cases:
        body = transaction("ab" * 32) | {"inputs": [spent | changes]}
        with HostileHttp(lambda _, body=body: reply(body)) as server:
            assert BlockfrostObserver(server.url, limits=SMALL).input_addresses("ab" * 32) == expected, changes


@pytest.mark.parametrize(
    "changes",
    [
        {"tx_hash": ""}, {"tx_hash": 5}, {"tx_hash": "../../epochs/latest"}, {"tx_hash": "AB" * 32},
        {"output_index": "0"}, {"output_index": -1}, {"output_index": 2**32}, {"amount": None},
        {"amount": [{"unit": "lovelace"}]}, {"amount": [{"unit": "lovelace", "quantity": 5}]},
        {"inline_datum": 5}, {"inline_datum": ["d87980"]}, {"address": None}, {"address": "addr_test1other"},
    ],
    ids=repr,
)  # fmt: skip
def test_an_odd_output_is_refused_by_itself(changes: dict[str, Any]):
    with HostileHttp(lambda _: reply([output(1), output(2, **changes), output(3)])) as server:
        found = BlockfrostObserver(server.url, limits=SMALL).datums(ADDRESS)
    assert [item.unreadable is None for item in found] == [True, False, True]
    assert [item.transaction for item in found][::2] == [f"{1:064x}", f"{3:064x}"]
    assert "not plausible" in str(found[1].unreadable)


@pytest.mark.parametrize("field", ["address", "tx_hash", "output_index", "amount", "inline_datum"])
def test_an_output_without_a_field_is_refused_by_itself(field: str):
    item = output(2)
    del item[field]
    with HostileHttp(lambda _: reply([output(1), item])) as server:
        found = BlockfrostObserver(server.url, limits=SMALL).datums(ADDRESS)
    assert [part.unreadable is None for part in found] == [True, False]
    assert field in str(found[1].unreadable)


@pytest.mark.parametrize("body", [[5], ["text"], [None], [output(1), 5], {"0": {}}, [output(1, address="elsewhere")]])
def test_an_answer_to_another_question_is_no_list_with_odd_items(body: Any):
    with HostileHttp(lambda _: reply(body)) as server, pytest.raises(UnexpectedAnswerError):
        BlockfrostObserver(server.url, limits=SMALL).datums(ADDRESS)


def test_a_provider_that_catches_up_says_so():
    with HostileHttp(lambda _: reply({"epoch": None})) as server, pytest.raises(ProviderSyncingError) as caught:
        BlockfrostObserver(server.url, limits=SMALL).epoch()
    assert not caught.value.is_permanent


def test_an_epoch_that_no_number_can_be_makes_no_sense():
    with (
        HostileHttp(lambda _: reply(b'{"epoch":' + b"9" * 5_000 + b"}")) as server,
        pytest.raises(UnexpectedAnswerError, match="not plausible"),
    ):
        BlockfrostObserver(server.url, limits=SMALL).epoch()


def test_a_slot_length_of_0_is_told_from_the_newest_block():
    genesis = json.loads((ROOT / "tests" / "vectors" / "dingo" / "genesis.json").read_bytes()) | {"slot_length": 0}

    def answer(path: str) -> Chunks:
        return reply(genesis) if path == "/genesis" else dingo(path)

    with HostileHttp(answer) as server:
        assert BlockfrostObserver(server.url, limits=SMALL).genesis().slot_length_s == 0.5
    with HostileHttp(lambda path: reply(genesis if path == "/genesis" else TIP)) as server:
        assert BlockfrostObserver(server.url, limits=SMALL).genesis().slot_length_s == 1


@pytest.mark.parametrize("answer", [reply(b"", 404), reply(b"<html>", 404), reply({"url": "root"})], ids=range(3))
def test_a_network_that_cannot_be_checked_is_said(answer: Chunks, caplog: pytest.LogCaptureFixture):
    with HostileHttp(lambda _: answer) as server, caplog.at_level(logging.WARNING):
        assert genesis_of(BlockfrostObserver(server.url, limits=SMALL), 42) is None
    assert "its network is not checked" in caplog.text


@pytest.mark.parametrize("body", [b"", b"Not Found", b"<html>404</html>"])
def test_an_unknown_transaction_is_unknown_whoever_says_404(body: bytes):
    with HostileHttp(lambda _: reply(body, 404)) as server:
        observer = BlockfrostObserver(server.url, limits=SMALL)
        assert observer.block_of("ab" * 32) is None
        with pytest.raises(ProviderNotFoundError):  # of an address it would say that there is nothing
            observer.datums(ADDRESS)


# -- what is not known proves nothing


def policy_of(network: Network) -> TrustPolicy:
    return TrustPolicy(network.address, (KEY.verification_key,), network_magic=42)


def read(observer: ChainObserver, network: Network) -> TrustedReader:
    return TrustedReader(observer, policy_of(network))


def hiding(network: Network, *hidden: str, answer: Any = (UNKNOWN_ADDRESS,), capabilities: Any = INPUTS) -> Knowing:
    """A provider that does not know the inputs of these transactions; an exception as ``answer`` is raised."""
    observer = Knowing(network.chain, capabilities)
    known = observer.input_addresses

    def inputs(transaction: str) -> tuple[str, ...]:
        if transaction not in hidden:
            return known(transaction)
        if isinstance(answer, ChainReadError):
            raise answer
        return answer

    observer.input_addresses = inputs  # type: ignore[method-assign]
    return observer


@pytest.mark.parametrize("capabilities", [INPUTS, ALL], ids=["inputs", "history"])
@pytest.mark.parametrize(
    "answer", [(UNKNOWN_ADDRESS,), ("elsewhere", UNKNOWN_ADDRESS), ChainReadError("it is too big")]
)
def test_an_output_of_unknown_authorship_counts_for_nothing_beside_one_that_is_proven(network, answer, capabilities):
    network.publish({"thales": 1})
    replayed = network.post({"thales": 1, "pythagoras": 6})
    reader = read(hiding(network, replayed.transaction, answer=answer, capabilities=capabilities), network)
    reading = reader.read()
    assert reading.markers == markers({"thales": 1})
    assert reading.stale is None
    found = {item.output.reference: item.verdict for item in reading.screened}
    verdict = found[f"{replayed.transaction}#0"]
    assert isinstance(verdict, Unreadable)
    assert verdict.verified is not None


def test_unknown_is_not_remembered_as_no(network):
    """A provider that does not know an input today may know it tomorrow: nobody was told to be an impostor."""
    network.publish({"thales": 1})
    announced = network.publish({"thales": 1, "pythagoras": None})
    reader = read(hiding(network, announced.transaction), network)
    assert reader.read().markers == markers({"thales": 1})
    knowing = TrustedReader(Knowing(network.chain, INPUTS), policy_of(network), reader.store)
    assert knowing.read().markers == markers({"thales": 1, "pythagoras": None})


def test_where_no_input_is_known_the_rules_for_that_apply(network):
    """As with an observer that knows none: a first reading takes what is there, and an impostor stays one."""
    posted = network.post({"thales": 1, "evil": 2})
    published = network.publish({"thales": 1})
    observer = hiding(network, published.transaction)
    assert read(observer, network).read().markers == markers({"thales": 1})
    found = {item.output.reference: item.verdict.name for item in read(observer, network).read().screened}
    assert found[f"{posted.transaction}#0"] == "Impostor"


def test_what_was_proven_is_followed_only_by_what_is_proven(network):
    first = network.publish({"thales": 1})
    reader = read(hiding(network), network)
    reader.read()
    network.spend(first)
    posted = network.post({"thales": 1, "pythagoras": 6})
    blind = TrustedReader(hiding(network, posted.transaction), policy_of(network), reader.store)
    reading = blind.read()
    assert reading.markers == markers({"thales": 1})
    assert reading.stale is not None


def test_a_history_or_a_block_that_cannot_be_had_lowers_what_is_known(network):
    network.publish({"thales": 1})

    def failing(question: str, answer: Any) -> Any:
        if question in ("history", "block"):
            raise ChainReadError(f"no {question} here")
        return answer

    reading = read(Knowing(network.chain, ALL, change=failing), network).read()
    assert reading.markers == markers({"thales": 1})
    assert reading.stale is None
    assert any("no history here" in alarm for alarm in reading.alarms)


def test_observers_that_do_not_know_an_input_abstain():
    team, other, unknown = ("team",), ("other",), ("",)
    cases: list[tuple[list[tuple[str, ...]], int, tuple[str, ...] | None]] = [
        ([team, team, unknown], 2, team),
        ([team, unknown, unknown], 2, ("",)),
        ([team, team, other], 2, team),
        ([team, other], 2, None),
        ([team, ("team", "")], 2, ("team", "")),
        ([(), ()], 2, ()),
        ([(), ("",)], 2, ("",)),
        ([team], 2, None),
    ]
    for answers, needed, expected in cases:
        agreed = agreed_inputs(dict(zip("abc", answers, strict=False)), needed)
        assert (None if agreed is None else agreed.answer) == expected, answers


def test_several_providers_agree_though_one_does_not_know_the_inputs(network):
    published = network.publish({"thales": 1})
    observers = [hiding(network), hiding(network, published.transaction), hiding(network)]
    for place, observer in enumerate(observers):
        observer.name = f"provider {place}"
    assert AgreementObserver(observers, 2).input_addresses(published.transaction) == (network.address,)
    bare = [replace(observer, capabilities=BARE) for observer in observers]
    assert read(AgreementObserver(bare, 2), network).read().markers == markers({"thales": 1})


# -- servers of another kind

OGMIOS = {
    "startTime": "2026-11-29T00:00:00Z",
    "lastKnownTip": {"slot": 5},
    "networkSynchronization": 1.0,
    "version": "v6",
}
KUPO = {"connection_status": "connected", "most_recent_checkpoint": 5, "most_recent_node_tip": 5, "version": "2.10"}
KOIOS = [{"hash": "ab" * 32, "epoch_no": 5, "abs_slot": 50, "block_no": 3}]


@pytest.mark.parametrize(
    ("kind", "path", "body", "form"),
    [
        ("Ogmios", "/health", OGMIOS, "ws://HOST:PORT"),
        ("Kupo", "/health", KUPO, "kupo:http://HOST:PORT+ws://HOST:PORT"),
        ("Koios", "/tip", KOIOS, "koios:NETWORK"),
    ],
)
@pytest.mark.parametrize(
    "other", [reply(b"", 404), reply(b"<html>", 400), reply({"hint": "see the docs"})], ids=range(3)
)
def test_a_server_of_another_kind_is_named_with_the_right_form(
    kind: str, path: str, body: Any, form: str, other: Chunks
):
    with HostileHttp(lambda asked: reply(body) if asked == path else other) as server:
        for ask in (
            BlockfrostObserver(server.url, limits=SMALL).tip,
            BlockfrostGateway(server.url, limits=SMALL).network,
        ):
            with pytest.raises(ProviderOfOtherKindError, match=kind) as caught:
                ask()
            assert form in str(caught.value)
            assert caught.value.is_permanent


def test_a_server_of_no_known_kind_is_asked_once_what_it_is():
    with HostileHttp(lambda _: reply(b"<html>", 404)) as server:
        observer = BlockfrostObserver(server.url, limits=SMALL)
        for _ in range(3):
            with pytest.raises(ProviderNotFoundError):
                observer.tip()
    assert server.paths == ["/blocks/latest", "/health", "/tip", "/blocks/latest", "/blocks/latest"]


def test_each_of_several_observers_is_checked_for_its_network(network):
    class Other(Knowing):
        def genesis(self) -> NetworkGenesis:
            return NetworkGenesis(7, 0.0, 1.0, 100)

    ours, other = LocalObserver(network.chain), Other(network.chain)
    told = genesis_of(AgreementObserver([ours, LocalObserver(network.chain)], 2), 42)
    assert told is not None
    assert told.network_magic == 42
    with pytest.raises(ProviderOfOtherNetworkError, match="magic 42, got 7"):
        genesis_of(AgreementObserver([ours, other], 2), 42)

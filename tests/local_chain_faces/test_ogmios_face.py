"""The real Ogmios client against the face; every request and response is held against Ogmios' own schemas."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from ogmios import Address, Origin, Point, TxOutputReference
from ogmios.errors import ResponseError
from ogmios.utils import get_current_era

from chain_reader.local_chain import FaucetOutput, LocalChain, LocalChainServer, Output
from chain_reader.local_chain.ledger.errors import RULES
from tests.ledger.table import CASES
from tests.ledger.wallet import SLOT
from tests.ledger.wallet import Wallet as FundedWallet
from tests.local_chain_faces.clients import CheckedOgmios, connected
from tests.local_chain_faces.provider_schemas import OgmiosDescription
from tests.local_chain_faces.wallet import ADA, DATUM, FEE, START_S, Wallet

# an output to an enterprise address with 1000 lovelace: a map of two, the address of 29 bytes, 3 bytes for the number
OUTPUT_BYTES = bytes(1 + 1 + 2 + 29 + 3 - 1)
UNIT = "ab" * 28 + "746f6b656e"


@pytest.fixture
def funds(chain: LocalChain, wallet: Wallet) -> Output:
    return chain.fund(wallet.address, 100 * ADA)


def addresses(client: CheckedOgmios, *wanted: str) -> set[tuple[str, int]]:
    found, _ = client.query_utxo.execute([Address(address) for address in wanted])
    return {(utxo.tx_id, utxo.index) for utxo in found}


def test_the_schemas_accept_what_ogmios_itself_recorded(vectors: Path, ogmios_description: OgmiosDescription) -> None:
    recorded = sorted((vectors / "ogmios").glob("*/*.json"))
    assert recorded
    for file in recorded:
        ogmios_description.check(json.loads(file.read_text()))


# --- network


def test_network(ogmios_client: CheckedOgmios, chain: LocalChain, funds: Output) -> None:
    tip = chain.tip()
    assert ogmios_client.query_network_tip.execute() == (Point(tip.slot, tip.hash), None)
    assert ogmios_client.query_block_height.execute("mine") == (2, "mine")
    assert ogmios_client.query_start_time.execute()[0].replace(tzinfo=UTC) == datetime.fromtimestamp(START_S, UTC)


def test_shelley_genesis(ogmios_client: CheckedOgmios) -> None:
    genesis, _ = ogmios_client.query_genesis_configuration.execute("shelley")
    assert (genesis.network_magic, genesis.network, genesis.epoch_length) == (42, "testnet", 100)
    assert (genesis.slot_length, genesis.active_slots_coefficient, genesis.security_parameter) == (1000, 0.05, 2160)


@pytest.mark.parametrize("era", ["byron", "alonzo", "conway"])
def test_there_is_no_other_genesis(ogmios_client: CheckedOgmios, era: str) -> None:
    with pytest.raises(ResponseError, match="2004"):
        ogmios_client.query_genesis_configuration.execute(era)


# --- ledger state


def test_ledger_state(ogmios_client: CheckedOgmios, chain: LocalChain) -> None:
    tip = chain.tip()
    assert ogmios_client.query_ledger_tip.execute()[0] == Point(tip.slot, tip.hash)
    assert ogmios_client.query_epoch.execute()[0] == 3
    assert ogmios_client.query_era_start.execute()[:3] == (0, 0, 0)


def test_era_summaries(ogmios_client: CheckedOgmios) -> None:
    summaries, _ = ogmios_client.query_era_summaries.execute()
    current = summaries[-1]
    assert [summary.end_slot for summary in summaries[:-1]] == [0] * 6
    assert (current.start_slot, current.epoch_length, current.slot_length) == (0, 100, 1000)
    assert current.safe_zone == 129_600
    assert current.end_slot == current.end_epoch * 100 == current.end_time == 129_900
    assert get_current_era(ogmios_client).value == "conway"


def test_protocol_parameters(ogmios_client: CheckedOgmios) -> None:
    parameters, _ = ogmios_client.query_protocol_parameters.execute()
    assert (parameters.min_fee_coefficient, parameters.min_fee_constant.lovelace) == (44, 155_381)
    assert (parameters.min_utxo_deposit_coefficient, parameters.version) == (4310, {"major": 10, "minor": 0})
    assert parameters.stake_pool_pledge_influence == "3/10"


def test_utxo(ogmios_client: CheckedOgmios, chain: LocalChain, wallet: Wallet) -> None:
    other = Wallet.new().address
    kept = chain.place([FaucetOutput(wallet.address, 5 * ADA, ((UNIT, 7), ("cd" * 28, 1)), DATUM)])[0]
    chain.fund(other, 2 * ADA)
    (found,), _ = ogmios_client.query_utxo.execute([Address(wallet.address)])
    assert (found.tx_id, found.index, found.address) == (kept.transaction, 0, wallet.address)
    assert (found.datum, found.datum_hash) == (DATUM, None)
    assert found.value == {"ada": {"lovelace": 5 * ADA}, "ab" * 28: {"746f6b656e": 7}, "cd" * 28: {"": 1}}
    assert len(addresses(ogmios_client, wallet.address, other, wallet.address)) == 2
    assert addresses(ogmios_client, Wallet.new().address) == set()


def test_utxo_by_reference(ogmios_client: CheckedOgmios, chain: LocalChain, wallet: Wallet, funds: Output) -> None:
    spent = chain.fund(wallet.address, 3 * ADA)
    chain.submit(wallet.pay(spent, wallet.address, 2 * ADA, change=0, fee=ADA))
    wanted = [
        (funds.transaction, 0),
        (spent.transaction, 0),
        (funds.transaction, 9),
        ("ab" * 32, 0),
        (funds.transaction, 2**62),
    ]
    found, _ = ogmios_client.query_utxo.execute([TxOutputReference(*reference) for reference in wanted])
    assert [(utxo.tx_id, utxo.index) for utxo in found] == [(funds.transaction, 0)]


def test_the_whole_utxo(ogmios_client: CheckedOgmios, chain: LocalChain, wallet: Wallet, funds: Output) -> None:
    other = chain.fund(Wallet.new().address, 2 * ADA)
    chain.submit(wallet.pay(funds, wallet.address, 10 * ADA))
    found = ogmios_client.ask("queryLedgerState/utxo")["result"]
    left = {(made.transaction, made.index) for made in (other, *chain.utxos(wallet.address))}
    assert {(utxo["transaction"]["id"], utxo["index"]) for utxo in found} == left


# --- acquired states


def test_an_acquired_state_stands_still(
    ogmios_client: CheckedOgmios, chain: LocalChain, wallet: Wallet, funds: Output
) -> None:
    here = Point(chain.tip().slot, chain.tip().hash)
    assert ogmios_client.acquire_ledger_state.execute(here) == (here, None)
    before = addresses(ogmios_client, wallet.address)
    chain.advance_to_epoch(4)
    made = chain.submit(wallet.pay(funds, wallet.address, 10 * ADA))
    assert ogmios_client.query_epoch.execute()[0] == 3
    assert ogmios_client.query_ledger_tip.execute()[0] == here
    assert addresses(ogmios_client, wallet.address) == before == {(funds.transaction, 0)}
    assert len(ogmios_client.ask("queryLedgerState/utxo")["result"]) == 1
    references = [TxOutputReference(funds.transaction, 0), TxOutputReference(made, 0)]
    assert [utxo.tx_id for utxo in ogmios_client.query_utxo.execute(references)[0]] == [funds.transaction]
    assert ogmios_client.query_network_tip.execute()[0].slot == 400
    assert ogmios_client.ask("releaseLedgerState")["result"] == {"released": "ledgerState"}
    assert ogmios_client.query_epoch.execute()[0] == 4
    assert addresses(ogmios_client, wallet.address) == {(made, 0), (made, 1)}


def test_an_acquired_state_belongs_to_its_connection(
    connect_ogmios: Callable[[], CheckedOgmios], chain: LocalChain
) -> None:
    one, other = connect_ogmios(), connect_ogmios()
    one.acquire_ledger_state.execute(Point(chain.tip().slot, chain.tip().hash))
    chain.advance_to_epoch(4)
    assert (one.query_epoch.execute()[0], other.query_epoch.execute()[0]) == (3, 4)


def test_a_rollback_expires_an_acquired_state(ogmios_client: CheckedOgmios, chain: LocalChain, funds: Output) -> None:
    ogmios_client.acquire_ledger_state.execute(Point(chain.tip().slot, chain.tip().hash))
    chain.rollback(1)
    for query in (ogmios_client.query_epoch.execute, lambda: addresses(ogmios_client, funds.address)):
        with pytest.raises(ResponseError, match="2003"):
            query()
    ogmios_client.acquire_ledger_state.execute(Point(chain.tip().slot, chain.tip().hash))
    assert ogmios_client.query_epoch.execute()[0] == 3


def test_points_that_cannot_be_acquired(ogmios_client: CheckedOgmios, chain: LocalChain) -> None:
    for point in (Point(300, "ab" * 32), Point(299, chain.tip().hash)):
        with pytest.raises(ResponseError, match="2000"):
            ogmios_client.acquire_ledger_state.execute(point)
    assert ogmios_client.acquire_ledger_state.execute(Origin()) == (Origin(), None)
    assert ogmios_client.ask("queryLedgerState/epoch")["result"] == 0


# --- submission


def test_submission(ogmios_client: CheckedOgmios, chain: LocalChain, wallet: Wallet, funds: Output) -> None:
    made, _ = ogmios_client.submit_transaction.execute(wallet.pay(funds, wallet.address, 10 * ADA, datum=DATUM).hex())
    assert chain.tip().transactions == (made,)


CODES = {
    "DecodingFailure": (-32602, {"conway"}),
    "DatumBytesTooLong": (-32602, {"conway"}),
    "InvalidWitnessesUTXOW": (3100, {"invalidSignatories"}),
    "MissingVKeyWitnessesUTXOW": (3101, {"missingSignatories"}),
    "MissingScriptWitnessesUTXOW": (3102, {"missingScripts"}),
    "ScriptWitnessNotValidatingUTXOW": (3103, {"failingNativeScripts"}),
    "ExtraneousScriptWitnessesUTXOW": (3104, {"extraneousScripts"}),
    "MissingTxBodyMetadataHash": (3105, {"metadata"}),
    "MissingTxMetadata": (3106, {"metadata"}),
    "ConflictingMetadataHash": (3107, {"provided", "computed"}),
    "InvalidMetadata": (3108, None),
    "BadInputsUTxO": (3117, {"unknownOutputReferences"}),
    "OutsideValidityIntervalUTxO": (3118, {"validityInterval", "currentSlot"}),
    "MaxTxSizeUTxO": (3119, {"measuredTransactionSize", "maximumTransactionSize"}),
    "OutputTooBigUTxO": (3120, {"excessivelyLargeOutputs"}),
    "InputSetEmptyUTxO": (3121, None),
    "FeeTooSmallUTxO": (3122, {"minimumRequiredFee", "providedFee"}),
    "ValueNotConservedUTxO": (3123, {"valueConsumed", "valueProduced"}),
    "WrongNetwork": (3124, {"expectedNetwork", "discriminatedType", "invalidEntities"}),
    "WrongNetworkInTxBody": (3124, {"expectedNetwork", "discriminatedType"}),
    "BabbageOutputTooSmallUTxO": (3125, {"insufficientlyFundedOutputs"}),
    "ValidationTagMismatch": (3136, {"declaredSpending", "mismatchReason"}),
    "BabbageNonDisjointRefInputs": (3164, {"conflictingReferences"}),
    "NotModelled": (3997, {"error"}),
}


def test_every_refusal_has_ogmios_code_and_data(tmp_path: Path, ogmios_description: OgmiosDescription) -> None:
    """All the refused transactions of the table that a real ledger judges too; the schemas check the data."""
    seen = set()
    with (
        LocalChain.create(tmp_path / "judged.sqlite") as chain,
        LocalChainServer(chain.path) as server,
        connected(server, ogmios_description) as client,
    ):
        chain.advance_slots(SLOT)
        funded = FundedWallet.funded(chain)
        height = chain.tip().height
        for case in (case for case in CASES if case.rule is not None):
            *before, judged = case.transactions(funded)
            for transaction in before:
                chain.submit(transaction)
            tip = chain.tip()
            response = client.ask("submitTransaction", transaction={"cbor": judged.hex()})
            error = response["error"]
            assert (error["code"], set(error["data"]) if "data" in error else None) == CODES[case.rule], case.name
            assert case.rule in error["message"]
            assert response["method"] == "submitTransaction"
            assert chain.tip() == tip
            if tip.height > height:
                chain.rollback(tip.height - height)
            seen.add(case.rule)
    assert seen == set(RULES) == set(CODES)


def test_what_a_refusal_says_is_true(
    ogmios_client: CheckedOgmios, chain: LocalChain, wallet: Wallet, funds: Output
) -> None:
    def refused(transaction: bytes) -> Any:
        return ogmios_client.ask("submitTransaction", transaction={"cbor": transaction.hex()})["error"]["data"]

    poor = refused(wallet.pay(funds, wallet.address, 1000))
    (output,) = poor["insufficientlyFundedOutputs"]
    assert output["output"] == {"address": wallet.address, "value": {"ada": {"lovelace": 1000}}}
    assert output["minimumRequiredValue"]["ada"]["lovelace"] == 4310 * (160 + len(OUTPUT_BYTES))
    unbalanced = refused(wallet.pay(funds, wallet.address, 10 * ADA, change=10 * ADA))
    assert unbalanced["valueConsumed"] == {"ada": {"lovelace": 100 * ADA}}
    assert unbalanced["valueProduced"] == {"ada": {"lovelace": 20 * ADA + FEE}}
    late = refused(wallet.pay(funds, wallet.address, 10 * ADA, ttl=12))
    assert late == {"validityInterval": {"invalidAfter": 12}, "currentSlot": 300}
    transaction = wallet.pay(funds, wallet.address, 10 * ADA)
    chain.submit(transaction)
    spent = {"transaction": {"id": funds.transaction}, "index": funds.index}
    assert refused(transaction) == {"unknownOutputReferences": [spent]}


# --- malformed requests


@pytest.mark.parametrize(
    ("text", "code", "mirrored"),
    [
        ("", -32600, None),
        ("{", -32600, None),
        ("[]", -32600, None),
        ("7", -32600, None),
        ("[" * 100_000, -32600, None),
        ('{"jsonrpc": "2.0", "method": "queryNetwork/tip", "id": Infinity}', -32600, None),
        ('{"jsonrpc": "2.0", "method": "queryLedgerState/utxo", "params": {"addresses": ["\\ud800"]}}', -32600, None),
        ('{"id": 7}', -32600, 7),
        ('{"jsonrpc": "1.0", "method": "queryNetwork/tip", "id": 7}', -32600, 7),
        ('{"jsonrpc": "2.0", "method": 5, "id": {"a": 1}}', -32600, {"a": 1}),
        ('{"jsonrpc": "2.0", "method": "queryNetwork/Tip", "id": 7}', -32601, 7),
        ('{"jsonrpc": "2.0", "method": "nextBlock"}', -32601, None),
        ('{"jsonrpc": "2.0", "method": "queryNetwork/tip", "params": [], "id": 7}', -32602, 7),
    ],
)
def test_a_malformed_request(ogmios_client: CheckedOgmios, text: str, code: int, mirrored: Any) -> None:
    ogmios_client.connection.send(text)
    response = ogmios_client.receive()
    assert (response["error"]["code"], response["id"]) == (code, mirrored)
    assert ogmios_client.query_epoch.execute()[0] == 3  # the connection goes on


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("queryNetwork/genesisConfiguration", {}),
        ("queryNetwork/genesisConfiguration", {"era": "allegra"}),
        ("queryNetwork/genesisConfiguration", {"era": ["shelley"]}),
        ("queryLedgerState/utxo", {"addresses": "addr"}),
        ("queryLedgerState/utxo", {"addresses": [5]}),
        ("queryLedgerState/utxo", {"addresses": [], "outputReferences": []}),
        ("queryLedgerState/utxo", {"outputReferences": [{"index": 0}]}),
        ("queryLedgerState/utxo", {"outputReferences": [{"transaction": {"id": "ab"}, "index": -1}]}),
        ("queryLedgerState/utxo", {"outputReferences": [{"transaction": {"id": "ab"}, "index": 2**80}]}),
        ("queryLedgerState/utxo", {"outputReferences": 5}),
        ("queryLedgerState/utxo", {"other": 5}),
        ("acquireLedgerState", {}),
        ("acquireLedgerState", {"point": "tip"}),
        ("acquireLedgerState", {"point": {"slot": 5}}),
        ("acquireLedgerState", {"point": {"slot": 5, "id": 5}}),
        ("submitTransaction", {}),
        ("submitTransaction", {"transaction": "84"}),
        ("submitTransaction", {"transaction": {"cbor": "8"}}),
        ("submitTransaction", {"transaction": {"cbor": 8}}),
    ],
)
def test_wrong_parameters(ogmios_client: CheckedOgmios, method: str, params: dict[str, Any]) -> None:
    response = ogmios_client.ask(method, **params)
    assert response["error"]["code"] == -32602
    assert "method" not in response
    assert response["error"]["message"].startswith("Invalid request: ")


def test_what_fails_inside_is_an_internal_error_without_a_word(
    ogmios_client: CheckedOgmios, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(chain: LocalChain) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(LocalChain, "tip", fail)
    response = ogmios_client.ask("queryNetwork/tip")
    assert response["error"] == {"code": -32603, "message": "Internal error."}
    assert "ZeroDivisionError: a secret" in caplog.text


def test_requests_in_a_row_are_answered_in_their_order(ogmios_client: CheckedOgmios) -> None:
    for number in range(20):
        ogmios_client.query_epoch.send(number)
    assert [ogmios_client.query_epoch.receive()[1] for _ in range(20)] == list(range(20))


def test_evaluation(ogmios_client: CheckedOgmios, wallet: Wallet, funds: Output) -> None:
    def evaluated(transaction: bytes) -> dict[str, Any]:
        return ogmios_client.ask("evaluateTransaction", transaction={"cbor": transaction.hex()})

    good = wallet.pay(funds, wallet.address, 10 * ADA)
    assert evaluated(good)["result"] == []
    scripted = good.replace(bytes.fromhex("a100"), bytes.fromhex("a207814101") + b"\x00", 1)
    assert evaluated(scripted)["error"]["code"] == 3004
    assert evaluated(good[:-9])["error"]["code"] == -32602


def test_one_request_by_post(
    server: LocalChainServer, chain: LocalChain, ogmios_description: OgmiosDescription
) -> None:
    def post(method: str, **params: Any) -> tuple[int, Any]:
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": "x"}
        answer = requests.post(f"http://{server.host}:{server.port}/", json=request, timeout=60)
        ogmios_description.check(answer.json())
        assert answer.json()["id"] == "x"
        return answer.status_code, answer.json()

    assert post("queryNetwork/tip")[1]["result"] == {"slot": 300, "id": chain.tip().hash}
    assert post("queryLedgerState/epoch")[0] == 200
    status, refused = post("submitTransaction", transaction={"cbor": "00"})
    assert (status, refused["error"]["code"]) == (400, -32602)
    assert post("noSuchMethod")[0] == 400
    for stateful in ("acquireLedgerState", "releaseLedgerState"):
        status, refused = post(stateful)
        assert (status, refused["error"]["code"]) == (400, -32600)
        assert "websocket" in refused["error"]["message"]


def test_a_malformed_address_is_an_error(ogmios_client: CheckedOgmios, wallet: Wallet) -> None:
    for address in (wallet.address[:-1], "addr_test1", ""):
        error = ogmios_client.ask("queryLedgerState/utxo", addresses=[wallet.address, address])["error"]
        assert error["code"] == -32602
        assert "is not an address" in error["message"]


def test_health(server: LocalChainServer, chain: LocalChain) -> None:
    health = requests.get(f"http://{server.host}:{server.port}/health", timeout=60).json()
    assert health["lastKnownTip"] == {"slot": 300, "id": chain.tip().hash, "height": 1}
    assert health["lastTipUpdate"] == "2023-11-14T22:18:20Z"
    assert (health["currentEra"], health["currentEpoch"], health["network"]) == ("conway", 3, "testnet")


def test_a_client_that_leaves_early_leaves_no_trace(
    ogmios_client: CheckedOgmios, chain: LocalChain, server: LocalChainServer, caplog: pytest.LogCaptureFixture
) -> None:
    chain.place([FaucetOutput(Wallet.new().address, 2 * ADA)] * 2000)
    for _ in range(5):
        ogmios_client.connection.send('{"jsonrpc": "2.0", "method": "queryLedgerState/utxo"}')
    ogmios_client.connection.socket.close()
    server.stop()
    assert "Traceback" not in caplog.text

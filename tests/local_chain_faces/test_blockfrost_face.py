"""The real Blockfrost client against the face; every answer is held against Blockfrost's OpenAPI description."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from blockfrost import BlockFrostApi
from pycardano import Address, DatumHash, Network, ScriptHash, TransactionBody, TransactionInput, TransactionOutput

from chain_reader import BlockfrostObserver, OgmiosObserver
from chain_reader.local_chain import FaucetOutput, Genesis, LocalChain, LocalChainServer, Output
from eras import Slot
from tests.local_chain_faces.clients import NOT_FOUND, refusal
from tests.local_chain_faces.provider_schemas import BlockfrostDescription
from tests.local_chain_faces.wallet import ADA, DATUM, FEE, START_S, Wallet

INVALID_ADDRESS = "Invalid address for this network or malformed address format."
INVALID_RANGE = "Invalid (malformed or out of range) from/to parameter(s)."
INVALID_PATH = "Invalid path. Please check https://docs.blockfrost.io/"


def test_root_and_health(blockfrost: BlockFrostApi, server: LocalChainServer) -> None:
    assert blockfrost.root().url == f"http://127.0.0.1:{server.port}/"
    assert blockfrost.health().is_healthy is True
    assert abs(blockfrost.clock().server_time / 1000 - time.time()) < 60


def test_blocks(blockfrost: BlockFrostApi, chain: LocalChain, funds: Output) -> None:
    tip = chain.tip()
    latest = blockfrost.block_latest()
    assert (latest.hash, latest.height, latest.slot, latest.epoch) == (tip.hash, 2, 300, 3)
    assert (latest.time, latest.epoch_slot, latest.confirmations) == (START_S + 300, 0, 0)
    assert (latest.tx_count, latest.output, latest.fees, latest.next_block) == (1, "100000000", "0", None)
    before = blockfrost.block(1)
    assert (before.next_block, before.confirmations, before.output) == (tip.hash, 1, None)
    assert blockfrost.block(before.hash).height == 1
    assert blockfrost.block(0).previous_block is None


def test_blocks_that_are_not_there(blockfrost: BlockFrostApi) -> None:
    assert refusal(blockfrost.block, 77) == (404, "Not Found", NOT_FOUND)
    assert refusal(blockfrost.block, "ab" * 32) == (404, "Not Found", NOT_FOUND)
    number = (400, "Bad Request", "Missing, out of range or malformed block number.")
    assert refusal(blockfrost.block, 2**31) == number
    assert refusal(blockfrost.block, "xyz") == (400, "Bad Request", "Missing or malformed block hash.")


def test_epochs(blockfrost: BlockFrostApi, chain: LocalChain, paid: str) -> None:
    epoch = blockfrost.epoch_latest()
    assert (epoch.epoch, epoch.start_time, epoch.end_time) == (3, START_S + 300, START_S + 400)
    assert (epoch.first_block_time, epoch.last_block_time) == (START_S + 300, START_S + 305)
    assert (epoch.block_count, epoch.tx_count, epoch.fees) == (4, 2, str(FEE))
    assert epoch.output == str(200 * ADA - FEE)
    assert blockfrost.epoch(0).block_count == 1
    assert refusal(blockfrost.epoch, 2)[0] == 404
    chain.advance_to_epoch(4)
    assert blockfrost.epoch_latest().epoch == 4
    malformed = (400, "Bad Request", "Missing, out of range or malformed epoch_number.")
    assert refusal(blockfrost.epoch, "x") == malformed
    assert refusal(blockfrost.epoch, 2**31) == malformed


def test_parameters_genesis_and_network(blockfrost: BlockFrostApi, chain: LocalChain, funds: Output) -> None:
    parameters = blockfrost.epoch_latest_parameters()
    assert (parameters.epoch, parameters.min_fee_a, parameters.min_fee_b) == (3, 44, 155_381)
    assert (parameters.coins_per_utxo_size, parameters.max_tx_size) == ("4310", 16_384)
    assert (parameters.a0, parameters.protocol_major_ver) == (0.3, 10)
    genesis = blockfrost.genesis()
    assert (genesis.network_magic, genesis.epoch_length, genesis.system_start) == (42, 100, START_S)
    supply = blockfrost.network().supply
    assert (supply.circulating, int(supply.reserves) + int(supply.total)) == ("100000000", int(supply.max))


def test_address(blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet) -> None:
    unit = "ab" * 28 + "746f6b656e"
    chain.place([FaucetOutput(wallet.address, 5 * ADA, assets=((unit, 7),)), FaucetOutput(wallet.address, 2 * ADA)])
    chain.place([FaucetOutput(wallet.address, 3 * ADA, assets=((unit, 1),))])
    found = blockfrost.address(wallet.address, return_type="json")
    amount = [{"unit": "lovelace", "quantity": str(10 * ADA)}, {"unit": unit, "quantity": "8"}]
    assert found == {
        "address": wallet.address,
        "amount": amount,
        "stake_address": None,
        "type": "shelley",
        "script": False,
    }


def test_address_with_a_stake_key_and_of_a_script(blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet) -> None:
    base = wallet.base_address
    stake = Address(staking_part=Address.decode(base).staking_part, network=Network.TESTNET).encode()
    script = Address(ScriptHash(bytes(28)), network=Network.TESTNET).encode()
    chain.fund(base, 2 * ADA)
    chain.fund(script, 2 * ADA)
    assert blockfrost.address(base).stake_address == stake
    assert blockfrost.address(script).script is True


def test_an_address_never_seen_is_not_found(blockfrost: BlockFrostApi, wallet: Wallet) -> None:
    for call in (blockfrost.address, blockfrost.address_utxos, blockfrost.address_transactions):
        assert refusal(call, wallet.address) == (404, "Not Found", NOT_FOUND)


def test_an_address_that_is_spent_empty_is_found(blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet) -> None:
    elsewhere = Wallet.new().address
    funds = chain.fund(wallet.address, 10 * ADA)
    chain.submit(wallet.pay(funds, elsewhere, 10 * ADA - FEE))
    assert blockfrost.address_utxos(wallet.address) == []
    assert blockfrost.address(wallet.address).amount[0].quantity == "0"


@pytest.mark.parametrize(
    "address",
    [
        "addr_test1nonsense",
        "x",
        "stake_test1uqevw2xnsc0pvn9t9r9c7qryfqfeerchgrlm3ea2nefr9hqp8n5xl",
        "addr1vxqs59lphg8g6qndelq8xwqn60ag3aeyfcp33c2kdp46a0qxx4qgs",
        Address(ScriptHash(bytes(28)), network=Network.MAINNET).encode(),
        "Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi",
    ],
)
def test_an_address_that_is_none_here_is_refused(blockfrost: BlockFrostApi, address: str) -> None:
    assert refusal(blockfrost.address_utxos, address) == (400, "Bad Request", INVALID_ADDRESS)


def test_utxos_carry_their_datums(blockfrost: BlockFrostApi, wallet: Wallet, paid: str, chain: LocalChain) -> None:
    first, change = blockfrost.address_utxos(wallet.address)
    assert (first.tx_hash, first.output_index, first.inline_datum) == (paid, 0, DATUM)
    assert first.data_hash == hashlib.blake2b(bytes.fromhex(DATUM), digest_size=32).hexdigest()
    assert (first.block, first.amount[0].quantity) == (chain.tip().hash, str(10 * ADA))
    assert (change.output_index, change.inline_datum, change.data_hash) == (1, None, None)


def test_a_datum_hash_is_shown(blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet, funds: Output) -> None:

    body = TransactionBody(
        inputs=[TransactionInput.from_primitive([funds.transaction, funds.index])],
        outputs=[
            TransactionOutput(Address.decode(wallet.address), 100 * ADA - FEE, datum_hash=DatumHash(b"\x07" * 32))
        ],
        fee=FEE,
    )
    chain.submit(wallet.sign(body))
    assert blockfrost.address_utxos(wallet.address)[0].data_hash == "07" * 32
    assert blockfrost.address_utxos(wallet.address)[0].inline_datum is None


def test_pages_and_order(blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet) -> None:
    made = [chain.fund(wallet.address, (2 + number) * ADA) for number in range(7)]
    hashes = [output.transaction for output in made]

    def page(**query: Any) -> list[str]:
        return [found.tx_hash for found in blockfrost.address_utxos(wallet.address, **query)]

    assert page() == hashes
    assert page(order="desc") == hashes[::-1]
    assert page(count=3, page=2) == hashes[3:6]
    assert page(count=3, page=2, order="desc") == hashes[::-1][3:6]
    assert page(count=3, page=4) == []
    assert page(count=3, gather_pages=True) == hashes
    transactions = blockfrost.address_transactions(wallet.address, count=2, page=2, order="desc")
    assert [found.tx_hash for found in transactions] == hashes[::-1][2:4]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"count": "0"}, "querystring/count must be >= 1"),
        ({"count": "-3"}, "querystring/count must be >= 1"),
        ({"count": "101"}, "querystring/count must be <= 100"),
        ({"count": "ten"}, "querystring/count must be integer"),
        ({"count": "1.5"}, "querystring/count must be integer"),
        ({"count": "²"}, "querystring/count must be integer"),
        ({"page": "0"}, "querystring/page must be >= 1"),
        ({"page": "9" * 5000}, "querystring/page must be <= 21474836"),
        ({"page": ""}, "querystring/page must be integer"),
        ({"order": "up"}, "querystring/order must be equal to one of the allowed values"),
    ],
)
def test_a_page_that_cannot_be(
    blockfrost: BlockFrostApi, wallet: Wallet, funds: Output, query: dict[str, str], message: str
) -> None:
    assert refusal(blockfrost.address_utxos, wallet.address, **query) == (400, "Bad Request", message)


def test_transactions_of_an_address(
    blockfrost: BlockFrostApi, wallet: Wallet, funds: Output, paid: str, chain: LocalChain
) -> None:
    first, second = blockfrost.address_transactions(wallet.address)
    assert (first.tx_hash, first.block_height, first.block_time) == (funds.transaction, 2, START_S + 300)
    assert (second.tx_hash, second.tx_index, second.block_height) == (paid, 0, 4)


@pytest.mark.parametrize(
    ("first", "last", "heights"),
    [
        ("3", None, [3, 4]),
        (None, "3", [2, 3]),
        ("3", "3", [3]),
        ("3:0", "4:0", [3, 4]),
        ("2:1", "3:5", [3]),
    ],
)
def test_transactions_in_a_range_of_blocks(
    blockfrost: BlockFrostApi,
    chain: LocalChain,
    wallet: Wallet,
    first: str | None,
    last: str | None,
    heights: list[int],
) -> None:
    for _ in range(3):
        chain.fund(wallet.address, 2 * ADA)
    found = blockfrost.address_transactions(wallet.address, from_block=first, to_block=last)
    assert [made.block_height for made in found] == heights


@pytest.mark.parametrize(
    ("first", "last"), [("4", "3"), ("x", None), (None, "3:y"), ("3:2:1", None), (str(2**31), None)]
)
def test_a_range_that_cannot_be(
    blockfrost: BlockFrostApi, wallet: Wallet, funds: Output, first: str | None, last: str | None
) -> None:
    call = refusal(blockfrost.address_transactions, wallet.address, from_block=first, to_block=last)
    assert call == (400, "Bad Request", INVALID_RANGE)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("GET", "/blocks/latest/"),
        ("GET", "/addresses"),
        ("GET", "/tx/submit"),
        ("POST", "/blocks/latest"),
        ("DELETE", "/health"),
    ],
)
def test_an_invalid_path_or_method(
    server: LocalChainServer, blockfrost_description: BlockfrostDescription, method: str, path: str
) -> None:
    response = requests.request(method, server.blockfrost_url + path, timeout=60)
    assert response.status_code == 400
    assert response.json() == {"status_code": 400, "error": "Bad Request", "message": INVALID_PATH}


def test_a_project_token_is_asked_for(chain: LocalChain, checked_requests: list[requests.Response]) -> None:
    with LocalChainServer(chain.path, project_id="testtoken") as server:
        url = server.blockfrost_url.removesuffix("/v0")
        assert BlockFrostApi(project_id="testtoken", base_url=url, api_version="v0").health().is_healthy
        wrong = BlockFrostApi(project_id="other", base_url=url, api_version="v0")
        assert refusal(wrong.health) == (403, "Forbidden", "Invalid project token.")
        assert refusal(wrong.transaction_submit_cbor, b"\0") == (403, "Forbidden", "Invalid project token.")
        missing = requests.get(f"{server.blockfrost_url}/health", timeout=60)
        assert missing.status_code == 403
        assert "Missing project token" in missing.json()["message"]
        assert "testtoken" not in repr(server)


def test_what_fails_inside_is_a_500_without_a_word(
    server: LocalChainServer,
    monkeypatch: pytest.MonkeyPatch,
    checked_requests: list[requests.Response],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(chain: LocalChain) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(LocalChain, "tip", fail)
    response = requests.get(f"{server.blockfrost_url}/blocks/latest", timeout=60)
    assert response.status_code == 500
    assert response.json() == {
        "status_code": 500,
        "error": "Internal Server Error",
        "message": "An unexpected response was received from the backend.",
    }
    server.stop()
    assert "ZeroDivisionError: a secret" in caplog.text  # the log has the traceback


def test_fractions_of_a_second_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "fast.sqlite"
    LocalChain.create(path, genesis=Genesis(slot_length_s=0.75, system_start_s=START_S + 0.5)).close()
    with LocalChainServer(path) as server:
        for observer in (BlockfrostObserver(server.blockfrost_url, "any"), OgmiosObserver(server.ogmios_url)):
            genesis = observer.genesis()
            observer.close()
            assert (genesis.anchor_time_s, genesis.slot_length_s) == (START_S + 0.5, 0.75)
            assert [genesis.slot_at(genesis.time_of(Slot(n))) for n in range(50)] == list(range(50))


def test_what_a_block_holds_and_an_address_ever_had(blockfrost: BlockFrostApi, chain: LocalChain, paid: str) -> None:
    tip = chain.tip()
    assert [blockfrost.block_transactions(key) for key in (tip.hash, tip.height)] == [[paid], [paid]]
    assert blockfrost.block_latest_transactions() == [paid]
    assert blockfrost.block_transactions(0) == []
    assert blockfrost.block_transactions(tip.hash, page=2) == []
    assert refusal(blockfrost.block_transactions, "ab" * 32)[0] == 404
    spent = blockfrost.transaction_utxos(paid).inputs[0].address
    total = blockfrost.address_total(spent)
    assert total.tx_count == 2
    assert [total.received_sum[0].quantity, total.sent_sum[0].quantity] == [str(200 * ADA - FEE), str(100 * ADA)]


def test_parameters_of_an_epoch(blockfrost: BlockFrostApi) -> None:
    latest, first = blockfrost.epoch_latest_parameters(), blockfrost.epoch_protocol_parameters(1)
    assert (latest.epoch, first.epoch, first.min_fee_a) == (3, 1, latest.min_fee_a)
    assert {name: len(costs) for name, costs in vars(latest.cost_models_raw).items()} == {
        "PlutusV1": 166, "PlutusV2": 175, "PlutusV3": 297,
    }  # fmt: skip
    assert refusal(blockfrost.epoch_protocol_parameters, 4)[0] == 404


def fastest(call: Callable[[], list[Any]]) -> tuple[float, list[Any]]:
    """Returns the seconds of the fastest of five calls, and the last answer."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        answer = call()
        times.append(time.perf_counter() - began)
    return min(times), answer


def test_a_page_deep_in_twenty_thousand_outputs_is_quick(
    blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet
) -> None:
    for _ in range(20):
        chain.place([FaucetOutput(wallet.address, 2 * ADA, datum=DATUM)] * 1000)
    first_s, _ = fastest(lambda: blockfrost.address_utxos(wallet.address, page=1))
    last_s, last = fastest(lambda: blockfrost.address_utxos(wallet.address, page=200))
    assert len(last) == 100
    assert blockfrost.address_utxos(wallet.address, page=201) == []
    assert blockfrost.address(wallet.address).amount[0].quantity == str(40_000 * ADA)
    assert last_s < 20 * first_s, "it takes about as long as the first page"

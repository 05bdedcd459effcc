"""Transactions through the real Blockfrost client: read back, and submitted."""

from pathlib import Path

import requests
from blockfrost import BlockFrostApi
from pycardano import TransactionInput

from chain_reader.local_chain import LocalChain, LocalChainServer, Output
from tests.ledger.script_cases import mint
from tests.ledger.wallet import OWN, SCRIPT_HASH
from tests.ledger.wallet import Wallet as FundedWallet
from tests.local_chain_faces.clients import NOT_FOUND, refusal
from tests.local_chain_faces.wallet import ADA, DATUM, FEE, Wallet


def test_transaction(blockfrost: BlockFrostApi, paid: str, chain: LocalChain) -> None:
    found = blockfrost.transaction(paid)
    assert (found.hash, found.block, found.block_height, found.slot) == (paid, chain.tip().hash, 4, 305)
    assert (found.fees, found.index, found.utxo_count) == (str(FEE), 0, 3)
    assert found.output_amount[0].quantity == str(100 * ADA - FEE)
    assert (found.invalid_before, found.invalid_hereafter) == (None, "1000")
    assert found.size == len(bytes.fromhex(blockfrost.transaction_cbor(paid).cbor)) - 1  # the ledger's measure


def test_transaction_utxos(blockfrost: BlockFrostApi, funds: Output, paid: str) -> None:
    found = blockfrost.transaction_utxos(paid)
    (spent,) = found.inputs
    assert (spent.tx_hash, spent.output_index) == (funds.transaction, funds.index)
    assert (spent.reference, spent.collateral, spent.amount[0].quantity) == (False, False, str(100 * ADA))
    assert [made.inline_datum for made in found.outputs] == [DATUM, None]
    assert blockfrost.transaction_utxos(funds.transaction).outputs[0].consumed_by_tx == paid


def test_reference_inputs_are_marked(
    blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet, funds: Output
) -> None:

    other = chain.fund(wallet.address, 5 * ADA)
    read = [TransactionInput.from_primitive([other.transaction, other.index])]
    made = chain.submit(wallet.pay(funds, wallet.address, 10 * ADA, reference_inputs=read))
    inputs = blockfrost.transaction_utxos(made).inputs
    marks = {(found.tx_hash, found.reference) for found in inputs}
    assert marks == {(funds.transaction, False), (other.transaction, True)}
    assert blockfrost.transaction(made).utxo_count == 3


def test_metadata(blockfrost: BlockFrostApi, paid: str, checked_requests: list[requests.Response]) -> None:
    blockfrost.transaction_metadata(paid, return_type="json")
    assert checked_requests[-1].json() == [
        {"label": "1", "json_metadata": {"b": [1, -2, "x"], "7": "0x0102"}},
        {"label": "2", "json_metadata": "note"},
    ]


def test_a_transaction_without_metadata(
    blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet, funds: Output
) -> None:
    made = chain.submit(wallet.pay(funds, wallet.address, 10 * ADA))
    assert blockfrost.transaction_metadata(made) == []


def test_transactions_that_are_not_there(blockfrost: BlockFrostApi) -> None:
    calls = (
        blockfrost.transaction,
        blockfrost.transaction_utxos,
        blockfrost.transaction_cbor,
        blockfrost.transaction_metadata,
    )
    for call in calls:
        assert refusal(call, "ab" * 32) == (404, "Not Found", NOT_FOUND)
        assert refusal(call, "nonsense") == (404, "Not Found", NOT_FOUND)


def test_submission(
    blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet, funds: Output, tmp_path: Path
) -> None:
    transaction = wallet.pay(funds, wallet.address, 10 * ADA, datum=DATUM)
    made = blockfrost.transaction_submit_cbor(transaction)
    assert chain.tip().transactions == (made,)
    assert blockfrost.transaction_cbor(made).cbor == transaction.hex()
    file = tmp_path / "next.cbor"
    file.write_bytes(wallet.pay(chain.utxos(wallet.address)[0], wallet.address, 5 * ADA))
    assert blockfrost.transaction_submit(str(file)) == chain.tip().transactions[0]


def test_a_refused_submission_names_the_rule(
    blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet, funds: Output
) -> None:
    tip = chain.tip()
    status, error, message = refusal(
        blockfrost.transaction_submit_cbor, wallet.pay(funds, wallet.address, 10 * ADA, fee=1)
    )
    assert (status, error) == (400, "Bad Request")
    assert "FeeTooSmallUTxO" in message
    assert "expected at least" in message
    status, error, message = refusal(blockfrost.transaction_submit_cbor, b"\x00nonsense")
    assert (status, error, "DecodingFailure" in message) == (400, "Bad Request", True)
    assert chain.tip() == tip


def test_submission_takes_cbor_only(server: LocalChainServer, checked_requests: list[requests.Response]) -> None:
    url = f"{server.blockfrost_url}/tx/submit"
    headers = {"content-type": "application/json"}
    assert requests.post(url, data=b"{}", headers=headers, timeout=60).status_code == 415
    headers = {"content-type": "application/cbor"}
    assert requests.post(url, data=b"\0" * (2 << 20), headers=headers, timeout=60).status_code == 413


def test_a_mint_and_the_outputs_that_hold_it(blockfrost: BlockFrostApi, chain: LocalChain) -> None:
    funded = FundedWallet.funded(chain)
    minted = chain.submit(mint(funded, quantity=3))
    unit, holder = SCRIPT_HASH.hex() + b"t".hex(), OWN.encode()
    assert blockfrost.transaction(minted).asset_mint_or_burn_count == 1
    (found,) = blockfrost.address_utxos_asset(holder, unit)
    assert (found.tx_hash, found.output_index) == (minted, 0)
    assert {part.unit: part.quantity for part in found.amount}[unit] == "3"
    assert blockfrost.address_utxos_asset(holder, unit + "00") == []
    asset = blockfrost.asset(unit)
    assert (asset.quantity, asset.mint_or_burn_count) == ("8", 1), "five were the faucet's"
    assert refusal(blockfrost.asset, unit + "00")[0] == 404
    assert refusal(blockfrost.asset, "dabbling")[0] == 400
    assert refusal(blockfrost.address_utxos_asset, holder, "dabbling")[0] == 400
    assert refusal(blockfrost.address_utxos_asset, Wallet.new().address, unit)[0] == 404

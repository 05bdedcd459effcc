"""What one face of the local chain changes, the other shows: both serve the same chain from the same port."""

from concurrent.futures import ThreadPoolExecutor

import requests
from blockfrost import BlockFrostApi
from ogmios import Address, TxOutputReference

from chain_reader.local_chain import LocalChain, LocalChainServer
from tests.local_chain_faces.clients import CheckedOgmios
from tests.local_chain_faces.wallet import ADA, DATUM, Wallet


def blockfrost_view(blockfrost: BlockFrostApi, address: str) -> set[tuple[str, int, str | None]]:
    return {(utxo.tx_hash, utxo.output_index, utxo.inline_datum) for utxo in blockfrost.address_utxos(address)}


def ogmios_view(ogmios_client: CheckedOgmios, address: str) -> set[tuple[str, int, str | None]]:
    found, _ = ogmios_client.query_utxo.execute([Address(address)])
    return {(utxo.tx_id, utxo.index, utxo.datum) for utxo in found}


def test_submission_and_rollback_show_through_both(
    blockfrost: BlockFrostApi, ogmios_client: CheckedOgmios, chain: LocalChain, wallet: Wallet, server: LocalChainServer
) -> None:
    def views() -> set[tuple[str, int, str | None]]:
        assert blockfrost_view(blockfrost, wallet.address) == ogmios_view(ogmios_client, wallet.address)
        assert blockfrost.block_latest().hash == ogmios_client.query_network_tip.execute()[0].id
        assert blockfrost.epoch_latest().epoch == ogmios_client.query_epoch.execute()[0]
        return blockfrost_view(blockfrost, wallet.address)

    funds = chain.fund(wallet.address, 100 * ADA)
    start = {(funds.transaction, 0, None)}
    assert views() == start

    first = blockfrost.transaction_submit_cbor(wallet.pay(funds, wallet.address, 10 * ADA, datum=DATUM))
    assert views() == {(first, 0, DATUM), (first, 1, None)}

    change = chain.utxos(wallet.address)[1]
    second, _ = ogmios_client.submit_transaction.execute(wallet.pay(change, wallet.address, 20 * ADA).hex())
    assert views() == {(first, 0, DATUM), (second, 0, None), (second, 1, None)}

    requests.post(f"{server.control_url}/rollback", json={"blocks": 1}, timeout=60).raise_for_status()
    assert views() == {(first, 0, DATUM), (first, 1, None)}
    assert [utxo.index for utxo in ogmios_client.query_utxo.execute([TxOutputReference(first, 1)])[0]] == [1]

    chain.rollback(1)
    assert views() == start


def test_of_many_who_spend_the_same_output_one_wins(
    blockfrost: BlockFrostApi, chain: LocalChain, wallet: Wallet, server: LocalChainServer
) -> None:
    funds = chain.fund(wallet.address, 100 * ADA)
    rivals = [wallet.pay(funds, wallet.address, (10 + number) * ADA) for number in range(8)]

    def submit(transaction: bytes) -> int:
        headers = {"content-type": "application/cbor"}
        return requests.post(
            f"{server.blockfrost_url}/tx/submit", data=transaction, headers=headers, timeout=30
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(submit, rivals))
    assert statuses == [200] + [400] * 7
    assert len(blockfrost.address_utxos(wallet.address)) == 2


def test_another_process_moves_the_chain_under_the_server(blockfrost: BlockFrostApi, chain: LocalChain) -> None:
    with LocalChain.open(chain.path) as other:  # its own connection, as another process has
        other.advance_to_epoch(8)
    assert blockfrost.epoch_latest().epoch == 8

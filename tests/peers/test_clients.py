"""The official clients of Cardano's providers read the local chain, and build, sign and submit to it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from pycardano import Address, Network, VerificationKeyHash
from pycardano.crypto.bech32 import encode

from chain_reader.local_chain import Genesis, LocalChain, LocalChainServer, Output
from tests.ledger.script_cases import mint
from tests.ledger.wallet import ADA, OWN, SCRIPT_HASH, Wallet, key_hash
from tests.node_packages import install

HERE = Path(__file__).resolve().parent
START_S = 1_700_000_000
SECRET = bytes([7]) * 32
UNIT = SCRIPT_HASH.hex() + b"t".hex()
DATUM = "d87981416d"  # constructor 0 of one byte; the lists of these clients have a told length
INDEFINITE_DATUM = "d8799f416dff"


def address_of(key: SigningKey) -> str:
    return Address(VerificationKeyHash(key_hash(key)), network=Network.TESTNET).encode()


ADDRESS = address_of(SigningKey(SECRET))
RECEIVER = address_of(SigningKey(bytes([8]) * 32))


@pytest.fixture(scope="module", autouse=True)
def clients() -> None:
    install(HERE)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LocalChain]:
    with LocalChain.create(tmp_path / "chain.sqlite", genesis=Genesis(system_start_s=START_S)) as made:
        made.advance_to_epoch(3)
        yield made


@pytest.fixture
def server(chain: LocalChain) -> Iterator[LocalChainServer]:
    with LocalChainServer(chain.path) as running:
        yield running


@pytest.fixture
def wallet(chain: LocalChain) -> Wallet:
    return Wallet.funded(chain)


@pytest.fixture
def funds(chain: LocalChain) -> Output:
    return chain.fund(ADDRESS, 100 * ADA)


def run(client: str, *arguments: str) -> Any:
    """What the script of ``client`` printed."""
    done = subprocess.run(["node", f"{client}.mjs", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, "\n".join(line[:400] for line in done.stderr.splitlines())
    return json.loads(done.stdout.splitlines()[-1])


def check_payment(chain: LocalChain, submitted: str) -> None:
    """The payment that a client made is on the chain, with its datum at the receiver."""
    assert chain.tip().transactions == (submitted,)
    (received,) = chain.utxos(RECEIVER)
    assert (received.transaction, received.lovelace) == (submitted, 3 * ADA)
    assert received.datum in (DATUM, INDEFINITE_DATUM, "416d")


def test_the_ogmios_client(chain: LocalChain, server: LocalChainServer, wallet: Wallet) -> None:
    tip = chain.tip()
    found = run("ogmios", server.host, str(server.port), OWN.encode(), wallet.pay().hex())
    assert found["submitted"] == chain.tip().transactions[0]
    assert found["tip"] == {"slot": tip.slot, "id": tip.hash}
    assert (found["epoch"], found["unspent"]) == (3, len(chain.utxos(OWN.encode())))
    assert found["startTime"] == "2023-11-14T22:13:20.000Z"
    assert found["lastTipUpdate"] == "2023-11-14T22:18:20Z"
    assert found["costModels"] == ["plutus:v1", "plutus:v2", "plutus:v3"]
    assert found["evaluated"] == []
    for refused in ("malformed", "notEvaluated", "refused"):
        assert found[refused]["code"] == -32602, found[refused]


def test_the_blockfrost_client(chain: LocalChain, server: LocalChainServer, wallet: Wallet) -> None:
    chain.submit(mint(wallet, quantity=3))
    payment = wallet.pay(spend=("more",))
    found = run("blockfrost", server.blockfrost_url, OWN.encode(), UNIT, payment.hex(), RECEIVER)
    assert (found["epoch"], found["holding"], found["parameters"]) == (3, 1, 297)
    assert found["block"] == [found["submitted"]] == list(chain.tip().transactions)
    assert (found["cbor"], found["spent"]) == (payment.hex(), 1)
    assert found["total"]["tx_count"] == 3
    assert [found[refused]["code"] for refused in ("unused", "malformed", "refused")] == [404, 400, 400]
    assert "BadInputsUTxO" in found["refused"]["message"]


def test_mesh(chain: LocalChain, server: LocalChainServer, funds: Output) -> None:
    found = run("mesh", server.blockfrost_url, SECRET.hex(), RECEIVER)
    assert (found["address"], found["unspent"], found["minFeeA"]) == (ADDRESS, 1, 44)
    check_payment(chain, found["submitted"])
    assert found["block"] == chain.tip().hash
    assert [part["input"]["txHash"] for part in found["received"]] == [found["submitted"]]


def test_lucid_evolution(chain: LocalChain, server: LocalChainServer, funds: Output) -> None:
    found = run("lucid", server.blockfrost_url, encode("ed25519_sk", SECRET), RECEIVER)
    assert (found["address"], found["unspent"], found["confirmed"]) == (ADDRESS, 1, True)
    check_payment(chain, found["submitted"])
    assert [part["txHash"] for part in found["received"]] == [found["submitted"]]


def test_the_serialization_library(chain: LocalChain, server: LocalChainServer, funds: Output) -> None:
    found = run("serialization", server.blockfrost_url, SECRET.hex(), RECEIVER)
    assert found["address"] == ADDRESS
    assert found["submitted"] == found["id"] == found["back"]
    assert found["costs"] == 1
    check_payment(chain, found["submitted"])

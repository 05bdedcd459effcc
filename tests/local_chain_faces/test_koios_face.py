"""The Koios face of the local chain, each answer held against Koios' OpenAPI description."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from chain_reader.local_chain import LocalChain, LocalChainServer, Output
from tests.ledger.script_cases import mint
from tests.ledger.wallet import SCRIPT_HASH
from tests.ledger.wallet import Wallet as FundedWallet
from tests.local_chain_faces.wallet import ADA, DATUM, FEE, Wallet

URI = "urn:koios"


class Koios:
    """The face, asked over HTTP; every answer is checked for its types, and for having no field that is not there."""

    def __init__(self, server: LocalChainServer, vectors: Path) -> None:
        self.url = server.koios_url
        text = (vectors / "koios" / "openapi.yaml").read_text()
        self.document = json.loads(json.dumps(_nullable(yaml.safe_load(text)), default=str))
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self.registry: Registry[Any] = Registry().with_resource(URI, resource)

    def get(self, path: str) -> Any:
        return self.checked("get", path, requests.get(f"{self.url}{path}", timeout=60))

    def post(self, path: str, status: int = 200, **asked: Any) -> Any:
        return self.checked("post", path, requests.post(f"{self.url}{path}", json=asked, timeout=60), status)

    def checked(self, method: str, path: str, answer: requests.Response, status: int = 200) -> Any:
        assert answer.status_code == status, answer.text
        if status < 400:
            path = path.partition("?")[0].replace("/", "~1")
            pointer = f"{URI}#/paths/{path}/{method}/responses/{status}/content/application~1json/schema"
            Draft202012Validator({"$ref": pointer}, registry=self.registry).validate(answer.json())
        return answer.json()


def _nullable(part: Any) -> Any:
    """The description, in which a field that is told without a value may be null, and objects have no other fields."""
    if isinstance(part, list):
        return [_nullable(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {name: value if name in ("example", "examples") else _nullable(value) for name, value in part.items()}
    if isinstance(found.get("properties"), dict) and "type" not in found["properties"]:
        found.setdefault("additionalProperties", False)
    return found


@pytest.fixture
def koios(server: LocalChainServer, vectors: Path) -> Koios:
    return Koios(server, vectors)


def test_tip_genesis_and_parameters(koios: Koios, chain: LocalChain) -> None:
    (tip,) = koios.get("/tip")
    assert (tip["hash"], tip["epoch_no"], tip["abs_slot"], tip["epoch_slot"]) == (chain.tip().hash, 3, 300, 0)
    (genesis,) = koios.get("/genesis")
    assert (genesis["networkmagic"], genesis["epochlength"], genesis["slotlength"]) == ("42", "100", "1")
    (parameters,) = koios.get("/epoch_params?_epoch_no=3")
    assert (parameters["min_fee_a"], parameters["coins_per_utxo_size"], parameters["epoch_no"]) == (44, "4310", 3)
    assert koios.get("/epoch_params?_epoch_no=4") == []


def test_outputs_at_an_address(koios: Koios, chain: LocalChain, wallet: Wallet, funds: Output, paid: str) -> None:
    unspent = koios.post("/address_utxos?order=tx_index.asc", _addresses=[wallet.address], _extended=True)
    assert [(item["tx_hash"], item["value"]) for item in unspent] == [
        (paid, str(10 * ADA)), (paid, str(90 * ADA - FEE)),
    ]  # fmt: skip
    assert unspent[0]["inline_datum"]["bytes"] == DATUM
    assert unspent[0]["inline_datum"]["value"] == {"constructor": 0, "fields": [{"bytes": "010203"}]}
    ever = koios.post("/address_outputs?order=block_height.asc", _addresses=[wallet.address])
    assert [item["is_spent"] for item in ever] == [True, False, False]
    page = koios.post("/address_outputs?order=block_height.asc&offset=1&limit=1", _addresses=[wallet.address])
    assert len(page) == 1
    assert koios.post("/address_utxos", _addresses=[Wallet.new().address]) == []


def test_a_transaction(koios: Koios, chain: LocalChain, wallet: Wallet, funds: Output, paid: str) -> None:
    (found,) = koios.post("/tx_info", _tx_hashes=[paid], _inputs=True)
    assert [item["payment_addr"]["bech32"] for item in found["inputs"]] == [wallet.address]
    assert (found["block_hash"], found["absolute_slot"], found["fee"]) == (chain.tip().hash, 305, str(FEE))
    (bytes_,) = koios.post("/tx_cbor", _tx_hashes=[paid])
    made = chain.transaction(paid)
    assert made is not None
    assert bytes_["cbor"] == made.cbor
    status = koios.post("/tx_status", _tx_hashes=[paid, "ab" * 32])
    assert [item["num_confirmations"] for item in status] == [0, None]
    assert koios.post("/tx_info", _tx_hashes=["ab" * 32]) == []
    (reference,) = koios.post("/utxo_info", _utxo_refs=[f"{paid}#1"])
    assert reference["tx_index"] == 1


def test_an_asset(koios: Koios, chain: LocalChain) -> None:
    minted = chain.submit(mint(FundedWallet.funded(chain), quantity=3))
    policy, name = SCRIPT_HASH.hex(), b"t".hex()
    found = koios.post("/asset_utxos", _asset_list=[[policy, name]], _extended=True)
    (held,) = [item for item in found if item["tx_hash"] == minted]
    assert [asset["quantity"] for asset in held["asset_list"]] == ["3"]
    (made,) = koios.post("/tx_info", _tx_hashes=[minted], _assets=True)
    assert [asset["quantity"] for asset in made["assets_minted"]] == ["3"]
    (info,) = koios.post("/asset_info", _asset_list=[[policy, name], [policy, "ab"]])
    assert (info["total_supply"], info["mint_cnt"], info["burn_cnt"], info["minting_tx_hash"]) == ("8", 1, 0, minted)


def test_submission(koios: Koios, chain: LocalChain, wallet: Wallet, funds: Output) -> None:
    transaction = wallet.pay(funds, wallet.address, 10 * ADA)
    for status in (202, 400):
        answer = requests.post(f"{koios.url}/submittx", transaction, timeout=60)
        assert answer.status_code == status
    assert "BadInputsUTxO" in answer.json()["message"]
    assert chain.tip().height == 3


@pytest.mark.parametrize("asked", [{}, {"_addresses": "x"}, {"_addresses": [5]}])
def test_a_malformed_request_is_refused(koios: Koios, asked: dict[str, Any]) -> None:
    koios.post("/address_utxos", 400, **asked)
    koios.post("/address_utxos?limit=many", 400, _addresses=[])

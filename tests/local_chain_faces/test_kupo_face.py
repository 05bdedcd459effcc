"""The Kupo face of the local chain, each answer held against Kupo's OpenAPI description."""

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
from tests.ledger.wallet import OWN, SCRIPT_HASH
from tests.ledger.wallet import Wallet as FundedWallet
from tests.local_chain_faces.wallet import ADA, DATUM, Wallet

JSON = "application/json;charset=utf-8"
URI = "urn:kupo"


class Kupo:
    """The face, asked over HTTP; every answer is checked."""

    def __init__(self, server: LocalChainServer, vectors: Path) -> None:
        self.url = server.kupo_url
        text = (vectors / "kupo" / "openapi.yaml").read_text()
        text = text.replace("(*|", "(x|")  # no regular expressions, as they stand
        text = text.replace("oneOf:", "anyOf:")  # an address is one of two kinds of any text, so that none is of one
        self.document = json.loads(json.dumps(yaml.safe_load(text), default=str))
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self.registry: Registry[Any] = Registry().with_resource(URI, resource)

    def get(self, path: str, template: str, status: int = 200, **headers: str) -> Any:
        answer = requests.get(f"{self.url}{path}", headers=headers, timeout=60)
        assert answer.status_code == status, answer.text
        assert int(answer.headers["X-Most-Recent-Checkpoint"]) >= 0
        assert len(answer.headers["ETag"]) == 64
        if status == 304:
            return None
        found = self.document["paths"][template]["get"]["responses"][str(status)]["content"]
        kind = JSON if JSON in found else "application/json"
        escaped = template.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
        kind = kind.replace("/", "~1")
        pointer = f"{URI}#/paths/{escaped}/get/responses/{status}/content/{kind}/schema"
        Draft202012Validator({"$ref": pointer}, registry=self.registry).validate(answer.json())
        return answer.json()

    def matches(self, pattern: str, query: str = "", status: int = 200) -> Any:
        return self.get(f"/matches/{pattern}?{query}", "/matches/{pattern}", status)


@pytest.fixture
def kupo(server: LocalChainServer, vectors: Path) -> Kupo:
    return Kupo(server, vectors)


def test_matches_at_an_address(kupo: Kupo, chain: LocalChain, wallet: Wallet, funds: Output, paid: str) -> None:
    change, made, spent = kupo.matches(wallet.address, "resolve_hashes")
    assert [match["output_index"] for match in (change, made)] == [1, 0]
    assert (made["datum"], made["datum_type"], made["value"]["coins"]) == (DATUM, "inline", 10 * ADA)
    assert (spent["transaction_id"], spent["spent_at"]["transaction_id"]) == (funds.transaction, paid)
    assert spent["spent_at"]["slot_no"] == made["created_at"]["slot_no"] == chain.tip().slot
    assert kupo.matches(wallet.address, "order=oldest_first&resolve_hashes")[::-1] == [change, made, spent]
    assert kupo.matches(wallet.address, "spent&resolve_hashes") == [spent]
    assert kupo.matches(wallet.address, "unspent&resolve_hashes") == [change, made]
    assert "datum" not in kupo.matches(wallet.address, "unspent")[0]
    assert kupo.matches(Wallet.new().address) == []


def test_matches_by_other_patterns_and_filters(kupo: Kupo, funds: Output, paid: str) -> None:
    assert [match["transaction_id"] for match in kupo.matches(f"*@{paid}")] == [paid, paid]
    assert [match["output_index"] for match in kupo.matches(f"1@{paid}")] == [1]
    slot = kupo.matches(f"1@{paid}")[0]["created_at"]["slot_no"]
    assert [
        match["transaction_id"] for match in kupo.matches("*", f"spent&spent_after={slot}&spent_before={slot}")
    ] == [funds.transaction]
    assert kupo.matches("*", f"created_after={slot + 1}") == []
    assert len(kupo.matches("*", f"transaction_id={paid}&output_index=1")) == 1
    assert len(kupo.get("/matches", "/matches")) == 3


def test_matches_of_an_asset(kupo: Kupo, chain: LocalChain) -> None:
    minted = chain.submit(mint(FundedWallet.funded(chain), quantity=3))
    policy, name = SCRIPT_HASH.hex(), b"t".hex()
    for pattern in (f"{policy}.{name}", f"{policy}.*"):
        found = [match for match in kupo.matches(pattern, "unspent") if match["transaction_id"] == minted]
        assert [match["value"]["assets"] for match in found] == [{f"{policy}.{name}": 3}]
    assert len(kupo.matches(OWN.encode(), f"unspent&policy_id={policy}&asset_name={name}")) == 1


@pytest.mark.parametrize("pattern", ["dabbling", "addr_test1", "x@y", "ab.cd"])
def test_a_malformed_pattern_is_refused(kupo: Kupo, pattern: str) -> None:
    assert "Invalid pattern" in kupo.matches(pattern, status=400)["hint"]


@pytest.mark.parametrize("query", ["spent&unspent", "order=up", "created_after=soon"])
def test_a_malformed_filter_is_refused(kupo: Kupo, query: str) -> None:
    assert "Invalid" in kupo.matches("*", query, status=400)["hint"]


def test_patterns_checkpoints_datums_and_health(kupo: Kupo, chain: LocalChain, wallet: Wallet, paid: str) -> None:
    tip = chain.tip()
    assert kupo.get("/patterns", "/patterns") == ["*"]
    assert kupo.get(f"/patterns/{wallet.address}", "/patterns/{pattern}") == ["*"]
    newest = {"slot_no": tip.slot, "header_hash": tip.hash}
    assert kupo.get("/checkpoints", "/checkpoints")[0] == newest
    assert kupo.get(f"/checkpoints/{tip.slot + 9}", "/checkpoints/{slot-no}") == newest
    assert kupo.get(f"/checkpoints/{tip.slot + 9}?strict", "/checkpoints/{slot-no}") is None
    datum_hash = kupo.matches(f"0@{paid}")[0]["datum_hash"]
    assert kupo.get(f"/datums/{datum_hash}", "/datums/{datum-hash}") == {"datum": DATUM}
    assert kupo.get(f"/datums/{'ab' * 32}", "/datums/{datum-hash}") is None
    assert kupo.get("/health", "/health")["most_recent_checkpoint"] == tip.slot
    assert kupo.get("/health", "/health", 304, **{"If-None-Match": tip.hash}) is None


def test_a_path_that_is_not_there_has_a_hint_and_no_checkpoint(kupo: Kupo) -> None:
    answer = requests.get(f"{kupo.url}/nothing", timeout=60)
    assert answer.status_code == 404
    assert "Endpoint not found" in answer.json()["hint"]
    assert "X-Most-Recent-Checkpoint" not in answer.headers

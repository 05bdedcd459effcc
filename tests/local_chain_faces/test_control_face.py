"""The rehearsal's own endpoints: what they do, and whom they refuse."""

from typing import Any
from unittest.mock import Mock

import pytest
import requests
from starlette.exceptions import HTTPException

from chain_reader.local_chain import LocalChain, LocalChainServer
from chain_reader.local_chain.faces.control import _check_client
from tests.local_chain_faces.wallet import ADA, Wallet


def post(server: LocalChainServer, command: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(f"{server.control_url}/{command}", json=body, headers=headers, timeout=60)


def test_state(server: LocalChainServer, chain: LocalChain) -> None:
    state = requests.get(f"{server.control_url}/state", timeout=60).json()
    assert state["tip"] == {
        "hash": chain.tip().hash,
        "previous": chain.tip().previous,
        "height": 1,
        "slot": 300,
        "epoch": 3,
        "time_s": chain.tip().time_s,
        "transactions": [],
    }
    assert (state["slot"], state["epoch"], state["clock_mode"], state["network_magic"]) == (300, 3, "manual", 42)


def test_advance(server: LocalChainServer, chain: LocalChain) -> None:
    assert post(server, "advance", {"slots": 7}).json()["slot"] == 307
    assert post(server, "advance", {"epoch": 5}).json()["slot"] == 500
    assert (chain.tip().slot, chain.tip().height) == (500, 3)


def test_fund_and_rollback(server: LocalChainServer, chain: LocalChain, wallet: Wallet) -> None:
    made = post(server, "fund", {"address": wallet.address, "lovelace": 3 * ADA}).json()
    assert [output.transaction for output in chain.utxos(wallet.address)] == [made["transaction"]]
    assert made["lovelace"] == 3 * ADA
    assert post(server, "rollback", {"blocks": 1}).json()["height"] == 1
    assert chain.utxos(wallet.address) == ()


@pytest.mark.parametrize(
    ("command", "body", "status", "says"),
    [
        ("advance", {}, 400, "'slots' must be a whole number"),
        ("advance", {"slots": "5"}, 400, "'slots' must be a whole number"),
        ("advance", {"slots": True}, 400, "'slots' must be a whole number"),
        ("advance", {"slots": 5, "epoch": 9}, 400, "the body must have epoch, and nothing else"),
        ("advance", {"slots": 0}, 422, "expected a slot after 300"),
        ("advance", {"slots": 2**70}, 422, "expected a slot after 300"),
        ("advance", {"epoch": 3}, 422, "expected a slot after 300"),
        ("advance", [], 400, "The body must be a JSON object"),
        ("rollback", {"blocks": 2}, 422, "expected 1 to 1 blocks"),
        ("rollback", {"blocks": -1}, 422, "expected 1 to 1 blocks"),
        ("fund", {"address": 5, "lovelace": 5}, 400, "'address' must be text"),
        ("fund", {"address": "addr_test1x", "lovelace": 5}, 422, "expected a Shelley payment address"),
        ("fund", {"address": "x", "lovelace": 5, "datum": ""}, 400, "the body must have address and lovelace"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    server: LocalChainServer, chain: LocalChain, command: str, body: Any, status: int, says: str
) -> None:
    tip = chain.tip()
    response = post(server, command, body)
    error = response.json()
    assert (response.status_code, error["status_code"]) == (status, status)
    assert says in error["message"]
    assert chain.tip() == tip


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"slots":1,"x":"\\ud800"}', b'{"slots":NaN}', b"[" * 100_000, b" " * (2 << 20)]
)
def test_a_body_that_is_no_object(server: LocalChainServer, body: bytes) -> None:
    response = requests.post(f"{server.control_url}/advance", data=body, timeout=60)
    assert response.status_code == (413 if len(body) > 1 << 20 else 400)


def test_a_page_in_a_browser_is_refused(server: LocalChainServer, chain: LocalChain) -> None:
    response = post(server, "advance", {"slots": 5}, Origin="http://127.0.0.1")
    assert (response.status_code, response.json()["error"]) == (403, "Forbidden")
    assert chain.tip().slot == 300


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", ""])
def test_clients_on_other_machines_are_refused(host: str) -> None:
    request = Mock(client=Mock(host=host), headers={})
    with pytest.raises(HTTPException) as refused:
        _check_client(request)
    assert refused.value.status_code == 403
    _check_client(Mock(client=Mock(host="::1"), headers={}))

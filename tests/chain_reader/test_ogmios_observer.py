"""The Ogmios observer against recorded answers, and against servers that fail, lie, hang or flood."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from websockets.utils import accept_key

from chain_reader import (
    ChainTip,
    OgmiosObserver,
    ProviderFailedError,
    ProviderKeyRefusedError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
    ReadLimitExceededError,
    ReadLimits,
    TruncatedAnswerError,
    UnexpectedAnswerError,
)
from chain_reader.genesis import NetworkGenesis
from chain_reader.providers.ogmios.answers import ERA_SUMMARIES, FAULT, Reply
from chain_reader.providers.ogmios.answers import GENESIS as GENESIS_ANSWER
from eras import ChainReadError, ConfigurationError, Epoch, Slot
from tests.chain_reader.hostile import HostileHttp, error, hostile_websocket

ADDRESS = "addr_test1vqq"
SMALL = ReadLimits(max_message_bytes=100_000, max_attempts=1)
SHORT = replace(SMALL, connect_timeout_s=0.5, call_deadline_s=0.5, read_deadline_s=1.0)
"""Only where running out of time is what is looked for: a busy machine runs out of it too."""
READS: dict[str, Callable[[OgmiosObserver], object]] = {
    "epoch": OgmiosObserver.epoch,
    "tip": OgmiosObserver.tip,
    "datums": lambda observer: observer.datums(ADDRESS),
}
POINT = {"slot": 7, "id": "ab" * 32}


def output(**changes: Any) -> dict[str, Any]:
    """An entry of the UTxO set."""
    return {
        "transaction": {"id": "cd" * 32},
        "index": 1,
        "address": ADDRESS,
        "value": {"ada": {"lovelace": 2_000_000}},
        "datum": "d87980",
        **changes,
    }


def answer(result: Any, /, **changes: Any) -> Callable[[dict[str, Any]], list[str]]:
    """Answers every request with ``result``."""

    def messages(request: dict[str, Any]) -> list[str]:
        envelope = {"jsonrpc": "2.0", "method": request["method"], "result": result, "id": request["id"]}
        return [json.dumps({key: value for key, value in {**envelope, **changes}.items() if value is not ...})]

    return messages


def failure(read: Callable[[], object], kind: type[ChainReadError]) -> ChainReadError:
    with pytest.raises(ChainReadError) as caught:
        read()
    assert type(caught.value) is kind, caught.value
    return caught.value


def recorded(vectors: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((vectors / "ogmios" / name).glob("*.json"))]


def test_recorded_outputs_are_read_as_they_are(vectors: Path):
    read = 0
    for message in recorded(vectors, "QueryLedgerStateUtxo"):
        for address in {item["address"] for item in message["result"]}:
            items = [item for item in message["result"] if item["address"] == address]
            with hostile_websocket(answer(items)) as url:
                found = OgmiosObserver(url).datums(address)
            assert [(o.transaction, o.index, o.datum, o.lovelace) for o in found] == [
                (item["transaction"]["id"], item["index"], item["datum"], item["value"]["ada"]["lovelace"])
                for item in items
                if "datum" in item
            ]
            read += len(found)
    assert read > 10


def test_recorded_epochs_tips_and_heights_are_read_as_they_are(vectors: Path):
    for message in recorded(vectors, "QueryLedgerStateEpoch"):
        with hostile_websocket(answer(message["result"])) as url:
            assert OgmiosObserver(url).epoch() == message["result"]
    heights = recorded(vectors, "QueryNetworkBlockHeight")
    epoch = recorded(vectors, "QueryLedgerStateEpoch")[0]
    for tip, height in zip(recorded(vectors, "QueryNetworkTip"), heights, strict=True):
        results = {message["method"]: message["result"] for message in (tip, height, epoch)}
        with hostile_websocket(lambda request, results=results: answer(results[request["method"]])(request)) as url:
            assert OgmiosObserver(url).tip() == ChainTip(
                tip["result"]["slot"], height["result"], tip["result"]["id"], epoch["result"]
            )


def test_the_requests_are_those_of_the_protocol(vectors: Path):
    requests: list[dict[str, Any]] = []

    def watch(request: dict[str, Any]) -> list[str]:
        requests.append(request)
        results = {"queryLedgerState/utxo": [], "queryNetwork/tip": POINT, "queryNetwork/blockHeight": 3}
        results |= {"queryNetwork/genesisConfiguration": GENESIS, "queryLedgerState/eraSummaries": [SUMMARY]}
        return answer(results.get(request["method"], 5))(request)

    with hostile_websocket(watch) as url:
        observer = OgmiosObserver(url)
        for read in READS.values():
            read(observer)
        observer.genesis()
    schema = json.loads((vectors / "ogmios" / "ogmios.json").read_text())["properties"]
    known = {
        entry["properties"]["method"]["enum"][0]: entry
        for entry in schema.values()
        if "properties" in entry
        and len(entry["properties"].get("method", {}).get("enum", ())) == 1
        and not {"result", "error"} & set(entry["properties"])
    }
    for request in requests:
        described = known[request["method"]]
        assert set(request) <= set(described["properties"])
        assert set(described["required"]) <= set(request)
    utxo = next(request for request in requests if request["method"] == "queryLedgerState/utxo")
    assert utxo["params"] == {"addresses": [ADDRESS]}


def moving(*tips: Any) -> Callable[[dict[str, Any]], list[str]]:
    """Answers with one tip after the other, then with the last; the height is 3 and the epoch 5."""
    points = list(tips)

    def messages(request: dict[str, Any]) -> list[str]:
        others = {"queryNetwork/blockHeight": 3, "queryLedgerState/epoch": 5}
        if request["method"] in others:
            return answer(others[request["method"]])(request)
        return answer(points.pop(0) if len(points) > 1 else points[0])(request)

    return messages


def test_a_block_in_the_middle_is_read_again():
    with hostile_websocket(moving(POINT, {"slot": 8, "id": "cd" * 32})) as url:
        assert OgmiosObserver(url).tip() == ChainTip(8, 3, "cd" * 32, 5)


def test_blocks_that_keep_arriving_leave_height_and_epoch_unknown():
    with hostile_websocket(moving(*({"slot": n, "id": f"{n:064x}"} for n in range(9)))) as url:
        assert OgmiosObserver(url).tip() == ChainTip(3, None, f"{3:064x}")


def test_a_chain_at_its_origin_has_no_block():
    with hostile_websocket(moving("origin")) as url:
        assert OgmiosObserver(url).tip() == ChainTip(0, None, None, 5)


GENESIS = {
    "era": "shelley",
    "startTime": "2022-10-25T00:00:00Z",
    "networkMagic": 2,
    "activeSlotsCoefficient": "1/20",
    "epochLength": 4_320,  # of the first era; the newest counts
    "slotLength": {"milliseconds": 20_000},
}
SUMMARY = {
    "start": {"time": {"seconds": 100}, "slot": 5, "epoch": 1},
    "parameters": {"epochLength": 86_400, "slotLength": {"milliseconds": 1_000}, "safeZone": None},
}


def genesis(summaries: Any = (SUMMARY,), /, **changes: Any) -> Callable[[dict[str, Any]], list[str]]:
    def messages(request: dict[str, Any]) -> list[str]:
        if request["method"] == "queryLedgerState/eraSummaries":
            return answer(summaries)(request)
        return answer({**GENESIS, **changes})(request)

    return messages


def test_the_genesis_is_told_from_the_newest_era():
    first = {**SUMMARY, "start": {"time": {"seconds": 0}, "slot": 0, "epoch": 0}}
    with hostile_websocket(genesis([first, SUMMARY])) as url:
        observer = OgmiosObserver(url)
        assert observer.genesis() == NetworkGenesis(2, 1_666_656_100, 1.0, 86_400, Fraction(1, 20), Slot(5), Epoch(1))
    assert observer.genesis().network_magic == 2  # asked for once


@pytest.mark.parametrize(
    "coefficient",
    ["__import__('sys').modules.__setitem__('taken_over', 1)", "1/0", "1/", "/2", "1", "0.05", 0.05, None, "1/2/3",
     "٣/٤", "1e9/2", "9" * 41 + "/2", "1/2\n", "2/1", "0/1", "-1/2"],
)  # fmt: skip
def test_code_in_a_ratio_is_not_run_and_nonsense_is_refused(coefficient: Any):
    with hostile_websocket(genesis(activeSlotsCoefficient=coefficient)) as url:
        failure(OgmiosObserver(url, limits=SMALL).genesis, UnexpectedAnswerError)
    assert "taken_over" not in sys.modules


@pytest.mark.parametrize(
    "changes",
    [{"startTime": "soon"}, {"startTime": None}, {"startTime": "99999-01-01T00:00:00Z"}, {"networkMagic": "2"},
     {"networkMagic": -1}, {"era": "byron"}],
    ids=repr,
)  # fmt: skip
def test_a_genesis_that_makes_no_sense_is_refused(changes: dict[str, Any]):
    with hostile_websocket(genesis(**changes)) as url:
        failure(OgmiosObserver(url, limits=SMALL).genesis, UnexpectedAnswerError)


@pytest.mark.parametrize(
    "parameters",
    [{"epochLength": 0}, {"epochLength": "5"}, {"slotLength": {"milliseconds": 0}}, {"slotLength": 1},
     {"slotLength": {"milliseconds": -5}}],
    ids=repr,
)  # fmt: skip
def test_era_summaries_that_make_no_sense_are_refused(parameters: dict[str, Any]):
    summary = {**SUMMARY, "parameters": {**SUMMARY["parameters"], **parameters}}
    with hostile_websocket(genesis([summary])) as url:
        failure(OgmiosObserver(url, limits=SMALL).genesis, UnexpectedAnswerError)
    with hostile_websocket(genesis([])) as url:
        failure(OgmiosObserver(url, limits=SMALL).genesis, UnexpectedAnswerError)


def test_recorded_geneses_and_era_summaries_are_what_the_observer_takes_them_for(vectors: Path):
    """They were made at random, so that not each is one that can be; each is of the right types."""
    geneses = recorded(vectors, "QueryNetworkGenesisConfiguration_shelley")
    summaries = recorded(vectors, "QueryLedgerStateEraSummaries")
    for message in geneses:
        found = GENESIS_ANSWER.validate_json(json.dumps(message)).result
        assert found.network_magic == message["result"]["networkMagic"]
        assert found.active_slots_coefficient == Fraction(message["result"]["activeSlotsCoefficient"])
    for message in summaries:
        newest = ERA_SUMMARIES.validate_json(json.dumps(message)).result[-1]
        assert newest.start.slot == message["result"][-1]["start"]["slot"]
        assert newest.parameters.epoch_length == message["result"][-1]["parameters"]["epochLength"]


def test_every_recorded_answer_is_a_reply_or_a_fault(vectors: Path):
    read = 0
    for path in sorted((vectors / "ogmios").glob("*/*.json")):
        text = path.read_text()
        kind = FAULT if "error" in json.loads(text) else TypeAdapter(Reply[Any])
        assert kind.validate_json(text).method == json.loads(text)["method"]
        read += 1
    assert read > 40


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction": "cd" * 32}, {"transaction": {"id": "zz" * 32}}, {"transaction": {"hash": "cd" * 32}},
        {"index": "1"}, {"index": -1}, {"index": 1.0}, {"index": True}, {"address": 5}, {"address": "addr_test1other"},
        {"value": {"lovelace": 5}}, {"value": {"ada": {"lovelace": "5"}}}, {"value": {"ada": {"lovelace": -5}}},
        {"value": None}, {"datum": 5}, {"datum": {"fields": []}},
    ],
    ids=repr,
)  # fmt: skip
def test_every_field_of_an_output_is_checked(changes: dict[str, Any]):
    with hostile_websocket(answer([output(), output(**changes)])) as url:
        caught = failure(lambda: OgmiosObserver(url, limits=SMALL).datums(ADDRESS), UnexpectedAnswerError)
    assert "queryLedgerState/utxo" in str(caught)
    assert url in str(caught)


@pytest.mark.parametrize("field", ["transaction", "index", "address", "value"])
def test_a_missing_field_is_told_by_name(field: str):
    item = output()
    del item[field]
    with hostile_websocket(answer([item])) as url:
        caught = failure(lambda: OgmiosObserver(url, limits=SMALL).datums(ADDRESS), UnexpectedAnswerError)
    assert f"result.0.{field}" in str(caught)


@pytest.mark.parametrize(
    "changes",
    [
        {"jsonrpc": "1.0"}, {"jsonrpc": ...}, {"method": "queryLedgerState/tip"}, {"method": ...}, {"id": 999},
        {"id": ...}, {"result": ...}, {"result": "5"}, {"result": None}, {"result": -1}, {"result": 2**64},
    ],
    ids=repr,
)  # fmt: skip
def test_an_answer_to_another_question_is_refused(changes: dict[str, Any]):
    with hostile_websocket(answer(5, **changes)) as url:
        failure(OgmiosObserver(url, limits=SMALL).epoch, UnexpectedAnswerError)


@pytest.mark.parametrize(
    "message",
    ["", "garbage", b"\xff\xfe", b"", "[" * 90_000, '{"a":' * 15_000, "null", '{"jsonrpc":"2.0"',
     '{"type":"jsonwsp/fault","version":"1.0","servicename":"ogmios"}'],
    ids=lambda message: repr(message[:12]),
)  # fmt: skip
@pytest.mark.parametrize("read", READS)
def test_an_answer_that_makes_no_sense_is_refused(read: str, message: str | bytes):
    with hostile_websocket(lambda _: [message]) as url:
        caught = failure(lambda: READS[read](OgmiosObserver(url, limits=SMALL)), UnexpectedAnswerError)
    assert len(str(caught)) < 600


@pytest.mark.parametrize(
    ("code", "kind", "next_step"),
    [
        (2001, ProviderFailedError, "caught up with the chain"),
        (2003, ProviderFailedError, "caught up with the chain"),
        (-32601, ProviderRefusedError, "Ogmios v6"),
        (-32602, ProviderRefusedError, "Ogmios v6"),
    ],
)
def test_an_error_of_the_protocol_says_what_to_do(code: int, kind: type[ChainReadError], next_step: str):
    fault = {"code": code, "message": "the reason given", "data": {"ledgerEra": "conway", "queryEra": "babbage"}}
    with hostile_websocket(answer(..., error=fault)) as url:
        caught = failure(lambda: OgmiosObserver(url, limits=SMALL).datums(ADDRESS), kind)
    assert "the reason given" in str(caught)
    assert next_step in str(caught)
    assert caught.facts["rpc_code"] == code


@pytest.mark.parametrize("read", READS)
def test_silence_ends_in_time(read: str):
    with hostile_websocket(lambda _: []) as url:
        start = time.monotonic()
        caught = failure(lambda: READS[read](OgmiosObserver(url, limits=SHORT)), ProviderTimeoutError)
    assert time.monotonic() - start < 20
    assert "within 0.5 s" in str(caught)


@pytest.mark.parametrize("content", [b"", b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"x" * 4_000])
def test_a_handshake_that_never_ends_ends_in_time(content: bytes):
    with HostileHttp(lambda _: ()) as server:
        server.answer = lambda _: server.trickle(content) if content else server.silence()
        start = time.monotonic()
        failure(OgmiosObserver(server.url.replace("http", "ws"), limits=SHORT).epoch, ProviderTimeoutError)
        assert time.monotonic() - start < 20


def test_the_deadline_of_a_reading_holds_for_all_its_requests():
    def slow(request: dict[str, Any]) -> Iterable[str]:
        time.sleep(0.4)
        return moving(POINT)(request)

    with hostile_websocket(slow) as url:
        start = time.monotonic()
        failure(OgmiosObserver(url, limits=replace(SMALL, read_deadline_s=0.9)).tip, ProviderTimeoutError)
        assert time.monotonic() - start < 20


def test_a_message_beyond_the_limit_is_not_taken_in():
    many = [output(index=n) for n in range(1_000)]
    with hostile_websocket(answer(many)) as url:
        caught = failure(lambda: OgmiosObserver(url, limits=SMALL).datums(ADDRESS), ReadLimitExceededError)
        assert caught.facts["limit"] == "max_message_bytes"
        assert len(OgmiosObserver(url).datums(ADDRESS)) == 1_000


def test_more_than_the_mebibyte_of_other_clients_is_taken_in():
    many = [output(index=n, datum="ab" * 500) for n in range(2_000)]
    with hostile_websocket(answer(many)) as url:
        assert len(OgmiosObserver(url).datums(ADDRESS)) == 2_000


def test_a_connection_closed_in_the_middle_is_told():
    with hostile_websocket(lambda _: None) as url:
        caught = failure(OgmiosObserver(url, limits=SMALL).epoch, TruncatedAnswerError)
    assert "1011 out of order" in str(caught)


@pytest.mark.parametrize(("status", "kind"), [(403, ProviderKeyRefusedError), (500, ProviderFailedError), (404, None)])
def test_a_refused_handshake_is_told_by_its_status(status: int, kind: type[ChainReadError] | None):
    with (
        HostileHttp(lambda _: error(status)) as server,
        pytest.raises(kind or ChainReadError, match=f"status {status}"),
    ):
        OgmiosObserver(server.url.replace("http", "ws"), limits=SMALL).epoch()


@pytest.mark.parametrize("content", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\xff" * 50, b""])
def test_what_is_no_websocket_is_told(content: bytes):
    with HostileHttp(lambda _: [content]) as server:
        failure(OgmiosObserver(server.url.replace("http", "ws"), limits=SMALL).epoch, UnexpectedAnswerError)


def test_frames_against_the_rules_are_told():
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

    with HostileHttp(lambda _: ()) as server:

        def breach(_: str) -> Iterable[bytes]:
            key = next(
                line for line in server.requests[-1].split("\r\n") if line.lower().startswith("sec-websocket-key")
            )
            yield f"{head}Sec-WebSocket-Accept: {accept_key(key.partition(': ')[2])}\r\n\r\n".encode()
            yield b"\xff" * 50
            server.over.wait(3)

        server.answer = breach
        failure(OgmiosObserver(server.url.replace("http", "ws"), limits=SMALL).epoch, UnexpectedAnswerError)


def test_nobody_there_is_told_at_once():
    caught = failure(OgmiosObserver("ws://127.0.0.1:1", limits=SMALL).epoch, ProviderUnreachableError)
    assert "refused" in str(caught)


@pytest.mark.parametrize("url", ["", "http://host", "ws://", "host:1337"])
def test_an_unusable_url_is_refused(url: str):
    with pytest.raises(ConfigurationError, match="ws://host or wss://host"):
        OgmiosObserver(url)


def test_a_key_in_the_host_name_does_not_show():
    observer = OgmiosObserver("wss://dmtr_ogmios1secret.ogmios-m1.demeter.run/path?key=secret")
    assert observer.name == "ogmios wss://***.ogmios-m1.demeter.run"
    assert "secret" not in repr(observer)


def test_what_the_server_sends_is_never_run():
    code = "__import__('sys').modules.__setitem__('taken_over', 1)"
    item = output(script={"language": "native", "json": code, "cbor": code}, datum=code)
    with hostile_websocket(answer([item])) as url:
        found = OgmiosObserver(url).datums(ADDRESS)
    assert found[0].datum == code
    assert "taken_over" not in sys.modules


def test_it_needs_no_ogmios_client():
    program = "import chain_reader; chain_reader.OgmiosObserver('ws://h'); import sys; print('ogmios' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_epoch_is_an_epoch():
    with hostile_websocket(answer(2**64 - 1)) as url:
        assert OgmiosObserver(url).epoch() == Epoch(2**64 - 1)

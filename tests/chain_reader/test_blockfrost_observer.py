"""The Blockfrost observer against servers that fail, lie, hang or flood."""

import gzip
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from chain_reader import (
    BlockfrostObserver,
    ProviderFailedError,
    ProviderKeyRefusedError,
    ProviderNotFoundError,
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
    ReadLimitExceededError,
    ReadLimits,
    TruncatedAnswerError,
    UnexpectedAnswerError,
)
from chain_reader.local_chain import LocalChainServer
from chain_reader.providers.transport.errors import ProviderBannedError, ProviderBusyError, ProviderQuotaExceededError
from eras import ChainReadError, ConfigurationError, Epoch
from tests.chain_reader.conftest import Network
from tests.chain_reader.hostile import Chunks, HostileHttp, error, reply
from tests.local_chain_faces.wallet import Wallet

ADDRESS = "addr_test1vqq"
KEY = "previewSecretSecretSecretSecret42"
SMALL = ReadLimits(max_answer_bytes=100_000, max_attempts=1)
SHORT = replace(SMALL, connect_timeout_s=0.5, read_timeout_s=0.3, call_deadline_s=0.6, read_deadline_s=2.0)
"""Only where running out of time is what is looked for: a busy machine runs out of it too."""
EPOCH = {"epoch": 5}
TIP = {"hash": "ee" * 32, "slot": 50, "height": 3, "epoch": 5}
READS: dict[str, Callable[[BlockfrostObserver], object]] = {
    "epoch": BlockfrostObserver.epoch,
    "tip": BlockfrostObserver.tip,
    "datums": lambda observer: observer.datums(ADDRESS),
    "input_addresses": lambda observer: observer.input_addresses("ab" * 32),
    "history": lambda observer: observer.history(ADDRESS),
}


def output(index: int, **changes: Any) -> dict[str, Any]:
    """An item of ``/addresses/{address}/utxos``."""
    return {
        "address": ADDRESS,
        "tx_hash": f"{index:064x}",
        "tx_index": 0,
        "output_index": 0,
        "amount": [{"unit": "lovelace", "quantity": "2000000"}],
        "block": "cd" * 32,
        "data_hash": None,
        "inline_datum": "d87980",
        "reference_script_hash": None,
        **changes,
    }


def transaction(tx_hash: str, *spends: str) -> dict[str, Any]:
    """``/txs/{hash}/utxos`` of a transaction that spends from the addresses."""
    inputs = [{"address": address, "collateral": False, "reference": False} for address in spends]
    return {"hash": tx_hash, "inputs": inputs, "outputs": []}


def seconds(read: Callable[[], object], kind: type[ChainReadError]) -> tuple[float, ChainReadError]:
    """How long ``read`` takes to fail with exactly ``kind``."""
    start = time.monotonic()
    with pytest.raises(ChainReadError) as caught:
        read()
    assert type(caught.value) is kind, caught.value
    return time.monotonic() - start, caught.value


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("status", "kind", "next_step"),
    [
        (400, ProviderRefusedError, "Check the URL"),
        (402, ProviderQuotaExceededError, "until midnight UTC"),
        (403, ProviderKeyRefusedError, "Set the key"),
        (418, ProviderBannedError, "Wait for an hour or more"),
        (425, ProviderBusyError, "in a minute"),
        (429, ProviderRateLimitedError, "less often"),
        (500, ProviderFailedError, "another provider"),
        (503, ProviderFailedError, "another provider"),
    ],
)
def test_each_status_is_an_error_of_its_own(read: str, status: int, kind: type[ChainReadError], next_step: str):
    with HostileHttp(lambda _: error(status, "Word", "the reason given")) as server:
        observer = BlockfrostObserver(server.url + "/api/v0", KEY, limits=SMALL)
        _, caught = seconds(lambda: READS[read](observer), kind)
    text = str(caught)
    assert caught.facts["status"] == status
    assert "the reason given" in text
    assert next_step in text
    assert server.url in text
    assert "GET /" in text
    assert KEY not in text


def test_a_404_in_blockfrosts_words_means_never_used():
    with HostileHttp(lambda _: error(404, "Not Found", "The requested component has not been found.")) as server:
        observer = BlockfrostObserver(server.url, limits=SMALL)
        assert observer.datums(ADDRESS) == ()
        assert observer.history(ADDRESS) == ()
        for read in ("epoch", "tip", "input_addresses"):
            seconds(lambda read=read: READS[read](observer), ProviderNotFoundError)


@pytest.mark.parametrize(
    "body", [b"", b"Not Found", b"<html>404</html>", b"{}", b'{"status_code":200,"error":"","message":""}', b"[]"]
)
def test_any_other_404_is_no_proof_of_an_unused_address(body: bytes):
    with HostileHttp(lambda _: reply(body, 404)) as server:
        observer = BlockfrostObserver(server.url, limits=SMALL)
        seconds(lambda: observer.datums(ADDRESS), ProviderNotFoundError)
        seconds(lambda: observer.history(ADDRESS), ProviderNotFoundError)


def test_a_404_on_a_later_page_is_no_end_of_the_list():
    def answer(path: str) -> Chunks:
        if path == "/blocks/latest":
            return reply(TIP)
        return reply([output(n) for n in range(100)]) if "page=1&" in path else error(404)

    with HostileHttp(answer) as server:
        seconds(lambda: BlockfrostObserver(server.url, limits=SMALL).datums(ADDRESS), ProviderNotFoundError)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"garbage", b"<html></html>", b"\xff\xfe", b"[" * 90_000, b'{"a":' * 15_000, b"null", b"5", b'{"epoch":5',
        b'{"epoch":"5"}', b'{"epoch":5.0}', b'{"epoch":true}', b'{"epoch":-1}', b'{"epoch":18446744073709551616}',
        b'{"Epoch":5}', b'[{"epoch":5}]', b'{"epoch":NaN}',
    ],
    ids=lambda body: body[:16],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_refused(body: bytes):
    with HostileHttp(lambda _: reply(body)) as server:
        _, caught = seconds(BlockfrostObserver(server.url, limits=SMALL).epoch, UnexpectedAnswerError)
    assert "GET /epochs/latest" in str(caught)
    assert len(str(caught)) < 600


def test_a_datum_that_is_no_cbor_is_left_to_the_screening():
    with HostileHttp(lambda _: reply([output(1, inline_datum="junk"), output(2, inline_datum=None)])) as server:
        found = BlockfrostObserver(server.url, limits=SMALL).datums(ADDRESS)
    assert [(item.datum, item.lovelace, item.spent) for item in found] == [("junk", 2_000_000, False)]


def test_inputs_that_prove_nothing_are_left_out():
    spent = [
        {"address": "a", "collateral": False, "reference": False},
        {"address": "b", "collateral": True, "reference": False},
        {"address": "c", "collateral": False, "reference": True},
        {"address": "a", "collateral": False, "reference": False},
    ]
    body = {**transaction("ab" * 32), "inputs": spent}
    with HostileHttp(lambda _: reply(body)) as server:
        observer = BlockfrostObserver(server.url, limits=SMALL)
        assert observer.input_addresses("ab" * 32) == ("a",)


def test_another_transaction_than_asked_for_is_refused():
    with HostileHttp(lambda _: reply(transaction("cd" * 32, ADDRESS))) as server:
        observer = BlockfrostObserver(server.url, limits=SMALL)
        seconds(lambda: observer.input_addresses("ab" * 32), UnexpectedAnswerError)


def test_what_is_asked_for_cannot_leave_its_place_in_the_path():
    with HostileHttp(lambda _: error(400)) as server:
        observer = BlockfrostObserver(server.url, limits=SMALL)
        for read in (observer.datums, observer.history, observer.input_addresses):
            seconds(lambda read=read: read("../../epochs/latest?x=#"), ProviderRefusedError)
    assert all("%2F..%2Fepochs%2Flatest%3Fx%3D%23/" in path for path in server.paths)


@pytest.mark.parametrize("read", READS)
def test_silence_ends_in_time(read: str):
    with HostileHttp(lambda _: ()) as server:
        server.answer = server.silence
        observer = BlockfrostObserver(server.url, limits=SHORT)
        took, caught = seconds(lambda: READS[read](observer), ProviderTimeoutError)
    assert took < 20
    assert "within 0.3 s" in str(caught)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"


@pytest.mark.parametrize(
    "content",
    [
        HEAD + b" " * 99_999,
        b"HTTP/1.1 200 OK\r\nX-Endless: " + b"x" * 60_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 60_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 20_000,
        b"HTTP/1.1 500 No\r\nContent-Length: 99999\r\n\r\n" + b" " * 99_999,
    ],
    ids=["body", "headers", "body-without-length", "chunks", "error"],
)
def test_an_answer_that_trickles_for_ever_ends_at_the_deadline(content: bytes):
    with HostileHttp(lambda _: ()) as server:
        server.answer = lambda _: server.trickle(content)
        observer = BlockfrostObserver(server.url, limits=replace(SMALL, call_deadline_s=1.5))
        start = time.monotonic()
        with pytest.raises(ProviderTimeoutError if b"500 No" not in content else ProviderFailedError):
            observer.epoch()
        assert time.monotonic() - start < 20
        # The same observer goes on to work.
        server.answer = lambda _: reply(EPOCH)
        assert observer.epoch() == Epoch(5)


def test_the_deadline_holds_on_a_connection_used_before():
    whole = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"epoch":5}'
    with HostileHttp(lambda _: [whole], keep_alive=True) as server:
        observer = BlockfrostObserver(server.url, limits=replace(SMALL, call_deadline_s=1.5))
        assert observer.epoch() == Epoch(5)
        server.answer = lambda _: server.trickle(HEAD + b" " * 999)
        took, _ = seconds(observer.epoch, ProviderTimeoutError)
        assert took < 20
        assert len(server._threads) == 2  # one to accept, one for the one connection
        observer.close()


def test_a_proxy_that_trickles_while_connecting_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch):
    with HostileHttp(lambda _: ()) as proxy:
        proxy.answer = lambda _: proxy.trickle(b"H" * 60_000)
        monkeypatch.setenv("https_proxy", proxy.url)
        took, _ = seconds(
            BlockfrostObserver("https://host.invalid/api/v0", limits=replace(SMALL, call_deadline_s=1.5)).epoch,
            ProviderTimeoutError,
        )
        assert took < 20
        assert proxy.requests[0].startswith("CONNECT host.invalid:443")


def test_many_slow_pages_end_at_the_deadline_of_the_reading():
    def answer(path: str) -> Chunks:
        time.sleep(0.1)
        if path == "/blocks/latest":
            return reply(TIP)
        return reply([output(n) for n in range(100)])

    with HostileHttp(answer) as server:
        took, _ = seconds(
            lambda: BlockfrostObserver(server.url, limits=replace(SMALL, read_deadline_s=1.0)).datums(ADDRESS),
            ProviderTimeoutError,
        )
    assert took < 20


def test_endless_pages_end_at_the_limit():
    def answer(path: str) -> Chunks:
        if path == "/blocks/latest":
            return reply(TIP)
        return reply([output(n) for n in range(100)])

    with HostileHttp(answer) as server:
        limits = replace(SMALL, max_pages=3, read_deadline_s=30.0)
        _, caught = seconds(
            lambda: BlockfrostObserver(server.url, limits=limits).datums(ADDRESS), ReadLimitExceededError
        )
        assert caught.facts["limit"] == "max_pages"
    assert max(path.count("page=4") for path in server.paths) == 0


def test_a_history_longer_than_the_limit_is_read_on_by_the_next_reading():
    page = [{"tx_hash": f"{n:064x}", "tx_index": 0, "block_height": 1, "block_time": 1} for n in range(20)]
    with HostileHttp(lambda _: reply(page)) as server:
        limits = replace(SMALL, max_transactions=19)
        observer = BlockfrostObserver(server.url, limits=limits)
        known: dict[str, Any] = {}
        observer._made = lambda *_: ()  # type: ignore[method-assign]
        _, caught = seconds(lambda: observer.history_beside(ADDRESS, known), ReadLimitExceededError)
        assert caught.facts["limit"] == "max_transactions"
        assert len(known) == 19
        assert observer.history_beside(ADDRESS, known) == ()
    assert len(server.requests) == 2


def test_a_page_longer_than_asked_for_is_refused():
    with HostileHttp(lambda _: reply([output(n) for n in range(101)])) as server:
        seconds(lambda: BlockfrostObserver(server.url, limits=SMALL).datums(ADDRESS), UnexpectedAnswerError)


@pytest.mark.parametrize("length", [str(100 << 20), None])
def test_a_body_of_100_mb_is_not_taken_in(length: str | None):
    sent = 0

    def flood(_: str) -> Chunks:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\n" + (f"Content-Length: {length}\r\n".encode() if length else b"") + b"\r\n"
        for _ in range(1_600):
            yield b" " * (1 << 16)
            sent += 1 << 16

    with HostileHttp(flood) as server:
        _, caught = seconds(BlockfrostObserver(server.url, limits=SMALL).epoch, ReadLimitExceededError)
    assert caught.facts["limit"] == "max_answer_bytes"
    assert sent < 50 << 20


def test_a_compressed_bomb_is_measured_unpacked():
    bomb = gzip.compress(b" " * (20 << 20))
    with HostileHttp(lambda _: reply(bomb, headers={"Content-Encoding": "gzip"})) as server:
        seconds(BlockfrostObserver(server.url, limits=SMALL).epoch, ReadLimitExceededError)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (HEAD + b'{"epoch":5}', TruncatedAnswerError),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"epo', TruncatedAnswerError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", TruncatedAnswerError),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk", UnexpectedAnswerError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", UnexpectedAnswerError),
        (b"SSH-2.0-OpenSSH_9.2\r\n", UnexpectedAnswerError),
        (b"\x00\xff" * 200, UnexpectedAnswerError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", UnexpectedAnswerError),
        (b"", ProviderUnreachableError),
    ],
    ids=["length", "chunk", "chunk-size", "gzip", "headers", "ssh", "binary", "long-header", "hang-up"],
)
def test_half_an_answer_and_what_is_not_http_are_told_apart(content: bytes, kind: type[ChainReadError]):
    with HostileHttp(lambda _: [content]) as server:
        seconds(BlockfrostObserver(server.url, limits=SMALL).epoch, kind)


def test_a_redirect_is_not_followed_so_the_key_goes_nowhere_else():
    with HostileHttp(lambda _: reply(EPOCH)) as elsewhere:
        with HostileHttp(lambda _: reply(b"", 302, {"Location": elsewhere.url + "/epochs/latest"})) as server:
            seconds(BlockfrostObserver(server.url, KEY, limits=SMALL).epoch, ProviderRefusedError)
            assert KEY in server.requests[0]
        assert elsewhere.requests == []


def test_nobody_there_is_told_at_once():
    _, caught = seconds(BlockfrostObserver("http://127.0.0.1:1", limits=SMALL).epoch, ProviderUnreachableError)
    assert "refused" in str(caught)


def test_an_unknown_host_is_told():
    _, caught = seconds(
        BlockfrostObserver("http://no-such-host.invalid/api/v0", limits=SMALL).epoch, ProviderUnreachableError
    )
    assert "no-such-host.invalid" in str(caught)


def test_the_key_never_shows():
    with HostileHttp(lambda _: error(403, "Forbidden", f"Invalid project token {KEY}.")) as server:
        observer = BlockfrostObserver(server.url, KEY, limits=SMALL)
        _, caught = seconds(observer.epoch, ProviderKeyRefusedError)
        shown = [repr(observer), observer.name, str(caught), repr(caught), repr(caught.to_dict()), repr(vars(caught))]
        server.answer = lambda _: reply({"epoch": KEY})
        _, other = seconds(observer.epoch, UnexpectedAnswerError)
        shown += [str(other), repr(other.__cause__), repr(other.__context__)]
        assert f"project_id: {KEY}" in server.requests[0]
    assert not [text for text in shown if KEY in text]
    assert "Invalid project token ***." in str(caught)


def test_the_environments_key_goes_to_no_url_it_was_not_given_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BLOCKFROST_PROJECT_ID", KEY)
    with HostileHttp(lambda _: reply(EPOCH)) as server:
        BlockfrostObserver(server.url, limits=SMALL).epoch()
    assert KEY not in server.requests[0]


def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch):
    with HostileHttp(lambda _: reply(EPOCH)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        observer = BlockfrostObserver("http://provider.example/api/v0", limits=SMALL)
        assert observer.epoch() == Epoch(5)
        observer.close()
    assert proxy.paths == ["http://provider.example/api/v0/epochs/latest"]


def test_passwords_for_the_host_that_are_meant_for_others_stay_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with HostileHttp(lambda _: reply(EPOCH)) as server:
        BlockfrostObserver(server.url, limits=SMALL).epoch()
    assert "authorization" not in server.requests[0].lower()


def test_the_thread_that_watches_deadlines_goes_when_it_is_not_needed():
    with HostileHttp(lambda _: reply(EPOCH)) as server:
        observer = BlockfrostObserver(server.url, limits=SMALL)
        before = set(threading.enumerate())
        for _ in range(3):
            observer.epoch()
        watching = [thread for thread in set(threading.enumerate()) - before if thread.name == "deadlines"]
        assert len(watching) == 1
        observer.close()
        watching[0].join(3)
        assert not watching[0].is_alive()


@pytest.mark.parametrize("project_id", ["two words", "line\r\nbreak", "ключ", "\x00"])
def test_an_unusable_key_is_refused_unseen(project_id: str):
    with pytest.raises(ConfigurationError) as caught:
        BlockfrostObserver("http://127.0.0.1", project_id)
    assert project_id not in str(caught.value)


def test_the_newline_of_a_key_file_is_harmless():
    with HostileHttp(lambda _: reply(EPOCH)) as server:
        BlockfrostObserver(server.url, f"{KEY}\n", limits=SMALL).epoch()
    assert f"project_id: {KEY}\r\n" in server.requests[0]


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:80", "ftp://host", "http://", "ws://host", "http://[", "http://h:99999"]
)
def test_an_unusable_url_is_refused(url: str):
    with pytest.raises(ConfigurationError, match="http://host or https://host"):
        BlockfrostObserver(url)


def test_the_name_holds_no_more_than_scheme_host_and_port():
    assert BlockfrostObserver("https://user:pass@host:81/token/api/v0?key=x").name == "blockfrost https://host:81"
    assert BlockfrostObserver("http://[::1]:81/").name == "blockfrost http://[::1]:81"


def test_requests_are_never_without_a_timeout(monkeypatch: pytest.MonkeyPatch):
    seen: list[Any] = []
    plain = requests.Session.send

    def send(session: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        seen.append(kwargs["timeout"])
        return plain(session, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", send)
    with HostileHttp(lambda _: error(404)) as server:
        observer = BlockfrostObserver(server.url, limits=SHORT)
        for read in READS.values():
            try:
                read(observer)
            except ChainReadError:
                continue
    assert len(seen) == 7  # with two that find out what kind of server it is
    assert all(0 < connect <= 0.5 and 0 < silence <= 0.3 for connect, silence in seen)


def test_an_unused_address_of_the_local_chain_is_an_empty_answer(server: LocalChainServer):
    assert BlockfrostObserver(server.blockfrost_url).datums(Wallet.new().address) == ()


def test_the_key_of_the_local_chain_is_asked_for(network: Network):
    with LocalChainServer(network.chain.path, project_id=KEY) as server:
        assert BlockfrostObserver(server.blockfrost_url, KEY).epoch() == Epoch(5)
        with pytest.raises(ProviderKeyRefusedError):
            BlockfrostObserver(server.blockfrost_url, "another").epoch()

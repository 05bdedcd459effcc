"""Answers that are long for what strangers put into a transaction: read as a stream, of which little is kept."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chain_reader import (
    BlockfrostObserver,
    ReadLimitExceededError,
    ReadLimits,
    TruncatedAnswerError,
    UnexpectedAnswerError,
)
from chain_reader.ports import UNKNOWN_ADDRESS
from chain_reader.providers.koios.observer import KoiosObserver
from chain_reader.providers.transport.calls import DEEPEST, Call
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, MEBIBYTE
from chain_reader.providers.transport.sieve import Sieve
from tests.chain_reader.hostile import Chunks, HostileHttp, error, reply

TEAM, STRANGER, TRANSACTION = "addr_test1vteam", "addr_test1vstranger", "ab" * 32
CALL = Call("a provider", "GET /it")
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
MARKER = {
    "output_index": 0,
    "address": TEAM,
    "amount": [{"unit": "lovelace", "quantity": "1"}],
    "inline_datum": "d87980",
}
PATIENT: dict[str, Any] = {
    "max_attempts": 1, "read_timeout_s": 600.0, "call_deadline_s": 600.0, "read_deadline_s": 600.0,
}  # fmt: skip
"""Answers of 40 MB take a busy machine long; how long is no matter here."""
HEAVY = 1_000
REFERENCES = 440
"""More of them no transaction can hold: 36 bytes each, of 16 KiB."""


def entry(**facts: Any) -> dict[str, Any]:
    """An input as Blockfrost lists it."""
    return {"address": STRANGER, "collateral": False, "reference": False, "amount": [], **facts}


def heavy(**facts: Any) -> bytes:
    """One with as many assets as fit beside a reference input."""
    amount = [{"unit": f"{number:056x}" + "41" * 4, "quantity": "1"} for number in range(HEAVY)]
    return json.dumps(entry(amount=amount, **facts)).encode()


def flooded(count: int = REFERENCES) -> Iterator[bytes]:
    """``/txs/{hash}/utxos`` of a publication with heavy reference inputs, in pieces."""
    reference = heavy(reference=True)
    yield HEAD
    yield b'{"hash": "%s", "inputs": [' % TRANSACTION.encode()
    for _ in range(count):
        yield reference + b","
    yield json.dumps(entry(address=TEAM)).encode()
    yield b', {"address": "c", "collateral": true, "reference": false}], "outputs": [%s]}' % json.dumps(MARKER).encode()


def observed(answer: Callable[[], Chunks], read: Callable[[BlockfrostObserver], Any], **limits: Any) -> Any:
    """What an observer reads where no bytes are served, and ``answer`` is what a transaction spends and makes."""

    def said(path: str) -> Chunks:
        if path.endswith("/utxos"):
            return answer()
        if "/transactions" in path:
            return reply([{"tx_hash": TRANSACTION, "block_height": 3}])
        return error(404, "Not Found", "The requested component has not been found.")

    with HostileHttp(said) as server:
        observer = BlockfrostObserver(server.url, limits=ReadLimits(**PATIENT, **limits))
        try:
            return read(observer)
        finally:
            observer.close()


def inputs(observer: BlockfrostObserver) -> tuple[str, ...]:
    return observer.input_addresses(TRANSACTION)


def test_heavy_reference_inputs_do_not_keep_a_publication_from_being_read() -> None:
    assert len(heavy()) * REFERENCES > DEFAULT_LIMITS.max_answer_bytes
    assert observed(flooded, inputs) == (TEAM,)
    assert observed(lambda: flooded(10), inputs, max_answer_bytes=1_000) == (TEAM,)  # so little is kept of it


def test_the_history_has_the_outputs_of_such_a_transaction() -> None:
    found = observed(lambda: flooded(3), lambda observer: observer.history(TEAM), max_answer_bytes=50_000)
    assert [(output.reference, output.unreadable, output.datum) for output in found] == [
        (f"{TRANSACTION}#0", None, "d87980")
    ]


def test_koios_is_read_in_the_same_way() -> None:
    output = {"payment_addr": {"bech32": TEAM, "cred": "aa"}, "asset_list": [{"policy_id": "aa" * 28}] * HEAVY}
    item: dict[str, Any] = {"tx_hash": TRANSACTION, "block_hash": "cd" * 32, "inputs": [output]}
    item |= dict.fromkeys(("block_height", "epoch_no", "absolute_slot", "tx_block_index"), 1)
    item["reference_inputs"] = [output] * 10
    with HostileHttp(lambda _: reply([item])) as server:
        observer = KoiosObserver(server.url, limits=ReadLimits(max_attempts=1, max_answer_bytes=2_000))
        assert observer.input_addresses(TRANSACTION) == (TEAM,)
        observer.close()


@pytest.mark.parametrize(
    ("limits", "limit"),
    [({"max_message_bytes": 200_000}, "max_message_bytes"), ({"max_answer_bytes": 200}, "max_answer_bytes")],
)
def test_what_comes_and_what_is_kept_have_limits(limits: dict[str, int], limit: str) -> None:
    with pytest.raises(ReadLimitExceededError) as caught:
        observed(lambda: flooded(3), inputs, **limits)
    assert caught.value.facts["limit"] == limit


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    whole = b"".join(flooded(1)).removeprefix(HEAD)
    cut = [HEAD.replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % len(whole)), whole[:-20]]
    with pytest.raises(TruncatedAnswerError):
        observed(lambda: cut, inputs)
    with pytest.raises(UnexpectedAnswerError, match="not plausible"):
        observed(lambda: [HEAD, whole[:-20]], inputs)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html>",
        b"[]",
        b"null",
        b'"x"',
        b"{}{}",
        b'{"hash": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"hash": "%s", "inputs": ["x"], "outputs": []}' % TRANSACTION.encode(),
        b'{"hash": "%s", "inputs": {"reference": true}, "outputs": []}' % TRANSACTION.encode(),
        b'{"hash": "%s", "inputs": [{"address": "a", "reference": "true"}], "outputs": []}' % TRANSACTION.encode(),
        b'{"hash": "%s", "inputs": [], "outputs": [{"output_index": %s}]}' % (TRANSACTION.encode(), b"9" * 10_000),
    ],
)
def test_nonsense_is_an_error_of_ours(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswerError, match="not plausible"):
        observed(lambda: [HEAD, body], inputs)


def test_what_nests_deep_is_dropped_and_an_input_without_its_flags_stays() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    body = b'{"other": %s, "hash": "%s", "inputs": [{"script": %s}], "outputs": []}' % (
        deep,
        TRANSACTION.encode(),
        deep,
    )
    assert observed(lambda: [HEAD, body], inputs) == (UNKNOWN_ADDRESS,)
    kept = json.loads(Sieve({"a": None}).sift(CALL, [b'{"a": %s}' % deep], MEBIBYTE))
    assert json.dumps(kept).count("[") == DEEPEST - 1


@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_it_keeps_the_same_however_the_answer_is_cut(size: int) -> None:
    whole = {"a": {"x": [1, 2.5, None, True, "é\n"], "y": {"x": 1}}, "b": [{"x": 1, "z": [[1]]}, {"x": 2}, 3], "c": 1}
    text = json.dumps(whole, ensure_ascii=False).encode()
    sieve = Sieve({"a": None, "b": {"x": None}}, without=lambda item: item.get("x") == 2)
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    assert json.loads(sieve.sift(CALL, pieces, MEBIBYTE)) == {"a": whole["a"], "b": [{"x": 1}, 3]}


@pytest.mark.parametrize("size", [7, 64, 1 << 16])
def test_a_number_of_any_length_in_a_datum_spoils_nothing_and_is_none_where_one_is_asked_for(size: int) -> None:
    digits = "9" * 20_000
    zeros = "0" * 900
    text = f'{{"d": {{"i": -{digits}}}, "list": [1, {digits}, 2],"a": {digits}, "hex": "{zeros}", "b": 1}}'.encode()
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    kept = json.loads(Sieve(dict.fromkeys(("a", "b", "hex", "list"))).sift(CALL, pieces, MEBIBYTE))
    assert (kept["b"], kept["hex"], kept["list"][::2]) == (1, zeros, [1, 2])
    assert 10**29 <= kept["a"] < 10**400

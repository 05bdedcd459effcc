"""Answers made to hurt whoever reads them, through every kind of provider: an error of ours, in bounded time and space.

And answers in which somebody else hides one bad output: that one must not spoil the reading of the others (rule T1).
"""

import base64
import hashlib
import json
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from chain_reader import (
    BlockfrostObserver,
    ChainObserver,
    OgmiosObserver,
    ReadLimitExceededError,
    ReadLimits,
    UnexpectedAnswerError,
)
from chain_reader.providers.cardano_cli import CardanoCliObserver
from chain_reader.providers.koios.observer import KoiosObserver
from chain_reader.providers.kupo.observer import KupoObserver
from chain_reader.providers.transport.calls import DEEPEST, LONGEST_NUMBER, shallow
from chain_reader.providers.transport.errors import ProviderSyncingError
from eras import ChainReadError
from tests.chain_reader.fake_cardano_cli import program
from tests.chain_reader.hostile import Chunks, HostileHttp, hostile_websocket, reply
from tests.chain_reader.test_blockfrost_observer import ADDRESS
from tests.chain_reader.test_blockfrost_observer import output as blockfrost_output
from tests.chain_reader.test_cardano_cli import output as cli_output
from tests.chain_reader.test_koios_observer import koios_output
from tests.chain_reader.test_kupo_observer import kupo_match, kupo_reply
from tests.chain_reader.test_ogmios_observer import answer
from tests.chain_reader.test_ogmios_observer import output as ogmios_output

LIMITS = ReadLimits(max_attempts=1, max_answer_bytes=4 << 20, max_message_bytes=4 << 20)
KINDS = ("blockfrost", "koios", "ogmios", "kupo", "cardano-cli")
READS: dict[str, Callable[[ChainObserver], object]] = {
    "epoch": lambda observer: observer.epoch(),
    "tip": lambda observer: observer.tip(),
    "datums": lambda observer: observer.datums(ADDRESS),
}

Raw = Callable[[str], str]
"""What a provider answers, JSON without the envelope of its protocol; given what it is asked for."""


def processor_s(function: Callable[[str], object], text: str) -> float:
    """Returns the seconds of processor time that this thread takes for a call, whatever else runs."""
    start = time.thread_time()
    function(text)
    return time.thread_time() - start


@contextmanager
def provider(kind: str, raw: Raw, tmp_path: Path) -> Iterator[ChainObserver]:
    """An observer of each kind whose provider answers ``raw``."""
    with ExitStack() as stack:
        if kind == "blockfrost":
            server = stack.enter_context(HostileHttp(lambda path: reply(raw(path).encode())))
            made: ChainObserver = BlockfrostObserver(server.url, limits=LIMITS)
        elif kind == "koios":
            server = stack.enter_context(HostileHttp(lambda path: reply(raw(path).encode())))
            made = KoiosObserver(f"{server.url}/api/v1", limits=LIMITS)
        elif kind in ("ogmios", "kupo"):

            def messages(request: dict[str, Any]) -> list[str]:
                (envelope,) = answer("HERE")(request)
                return [envelope.replace('"HERE"', raw(request["method"]))]

            ogmios = stack.enter_context(hostile_websocket(messages))
            if kind == "ogmios":
                made = OgmiosObserver(ogmios, limits=LIMITS)
            else:
                index = stack.enter_context(HostileHttp(lambda path: kupo_reply(path, raw(path).encode())))
                made = KupoObserver(f"{index.url}+{ogmios}", limits=LIMITS)
        else:
            file = tmp_path / "answer"
            file.write_text(raw("cardano-cli"))
            body = f"import sys\nsys.stdout.write(open({str(file)!r}).read())"
            made = CardanoCliObserver("node.socket", 42, program=program(tmp_path / "cli", body), limits=LIMITS)
        stack.callback(made.close)
        yield made


def entry(kind: str, hidden: str, datum: str = "d87980") -> str:
    """An output at the address, JSON, with something hidden where nobody looks."""
    if kind == "blockfrost":
        item: dict[str, Any] = blockfrost_output(1, inline_datum=datum, block="HERE")
    elif kind == "koios":
        item = koios_output(1, address=ADDRESS, inline_datum={"bytes": datum, "value": "HERE"})
    elif kind == "kupo":
        item = kupo_match(address=ADDRESS, datum=datum, script="HERE")
    elif kind == "ogmios":
        item = ogmios_output(address=ADDRESS, datum=datum, script={"language": "native", "json": "HERE"})
    else:
        item = cli_output(address=ADDRESS, inlineDatumRaw=datum, inlineDatum="HERE")
    return json.dumps(item).replace('"HERE"', hidden)


def outputs(kind: str, *entries: str) -> str:
    """A list of outputs as each kind of provider has it."""
    if kind == "cardano-cli":
        return "{" + ",".join(f'"{number:064x}#0":{item}' for number, item in enumerate(entries)) + "}"
    return "[" + ",".join(entries) + "]"


NESTED = {
    "lists": "[" * 10_000 + "]" * 10_000,
    "unclosed lists": "[" * 10_000,
    "objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "scripts": '{"clause":"all","from":[' * 5_000 + "]}" * 5_000,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_ten_thousand_nested_lists_are_an_error_at_once(kind: str, read: str, text: str, tmp_path: Path):
    start = time.monotonic()
    with provider(kind, lambda _: text, tmp_path) as observer, pytest.raises(UnexpectedAnswerError) as caught:
        READS[read](observer)
    assert time.monotonic() - start < 20
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "value",
    ['"5"', "5.5", "-5", "true", "null", "[]", "{}", '"__import__(\'os\').system(\'true\')"', "1e400", "NaN",
     "Infinity", "1" * 5_000],
    ids=lambda value: value[:12],
)  # fmt: skip
@pytest.mark.parametrize("read", ["epoch", "tip"])
def test_what_is_no_number_is_refused_where_a_number_belongs(kind: str, value: str, read: str, tmp_path: Path):
    def raw(asked: str) -> str:
        if kind in ("ogmios", "kupo"):
            return value
        if kind == "koios":
            return f'[{{"epoch_no":{value},"abs_slot":{value},"hash":"{"ab" * 32}"}}]'
        return f'{{"epoch":{value},"slot":{value},"height":{value},"block":{value},"hash":"{"ab" * 32}"}}'

    # Blockfrost's protocol has no epoch while a node catches up; a number too long to be one reads as none.
    is_syncing = (kind, read) == ("blockfrost", "epoch") and value == "null"
    expected = ProviderSyncingError if is_syncing else UnexpectedAnswerError
    with provider(kind, raw, tmp_path) as observer, pytest.raises(expected):
        READS[read](observer)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "hidden",
    [NESTED["lists"], NESTED["scripts"], "9" * 50_000, "-" + "9" * 5_000, "0." + "9" * 5_000, "[" + "1," * 9 + "1]",
     '"' + "\\\\" * 999 + '\\""'],
    ids=["lists", "scripts", "number", "negative", "fraction", "list", "escapes"],
)  # fmt: skip
def test_one_output_that_no_parser_takes_does_not_hide_the_others(kind: str, hidden: str, tmp_path: Path):
    """A script that nests deep, or a number of thousands of digits, in one output that anybody can send there."""
    text = outputs(kind, entry(kind, hidden, "01"), entry(kind, "null", "02"))
    if kind == "blockfrost":  # it lists by transaction and index, which are the same here
        text = text.replace('"output_index": 0', '"output_index": 1', 1)
    with provider(kind, lambda _: text, tmp_path) as observer:
        assert sorted(output.datum for output in observer.datums(ADDRESS)) == ["01", "02"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_beyond_the_limit_costs_no_more_memory_than_the_limit(kind: str, tmp_path: Path):
    many = entry(kind, "null", "ab" * 400)
    text = outputs(kind, *[many] * 20_000)
    assert len(text) > 15 << 20
    with provider(kind, lambda _: text, tmp_path) as observer:
        tracemalloc.start()
        try:
            with pytest.raises(ReadLimitExceededError):
                observer.datums(ADDRESS)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    if kind != "ogmios":  # its server runs in this process, and sends a copy of its own
        assert peak < 4 * LIMITS.max_answer_bytes + len(text)


def test_a_frame_of_100_mb_is_refused_by_its_head():
    """The head of a frame says how long it will be; nothing of its body is waited for, or kept."""

    def frame(head: str) -> Iterable[bytes]:
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        yield (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        yield b"\x81\x7f" + (100 << 20).to_bytes(8, "big")
        for _ in range(1_600):
            yield b" " * (1 << 16)

    with HostileHttp(lambda _: ()) as server:
        server.answer = lambda _: frame(server.requests[-1])
        start = time.monotonic()
        tracemalloc.start()
        try:
            with pytest.raises(ReadLimitExceededError) as caught:
                OgmiosObserver(server.url.replace("http", "ws"), limits=LIMITS).epoch()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert time.monotonic() - start < 20
    assert caught.value.facts["limit"] == "max_message_bytes"
    assert peak < 20 << 20


def test_an_endless_chain_of_pages_ends():
    """Each page is full, and each time the tip is another one."""
    count = 0

    def pages(path: str) -> Chunks:
        nonlocal count
        count += 1
        if path.startswith("/blocks/"):
            return reply({"hash": f"{count:064x}", "slot": count, "height": count, "epoch": 5})
        if "/transactions" in path:
            return reply([{"tx_hash": f"{count:064x}", "tx_index": 0, "block_height": count, "block_time": 1}] * 100)
        return reply([blockfrost_output(100 * count + number) for number in range(100)])

    limits = ReadLimits(max_pages=20, max_attempts=1)
    with HostileHttp(pages) as server:
        with pytest.raises(ReadLimitExceededError) as caught:
            BlockfrostObserver(server.url, limits=limits).datums(ADDRESS)
        assert caught.value.facts["limit"] == "max_pages"
        assert len(server.requests) < 30
        start = time.monotonic()
        with pytest.raises(ChainReadError):
            BlockfrostObserver(server.url, limits=ReadLimits(read_deadline_s=1.0, max_attempts=1)).datums(ADDRESS)
        assert time.monotonic() - start < 20


class TestShallow:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("[1,2]", "[1,2]"),
            ('{"a":"[[[[["}', '{"a":"[[[[["}'),
            ('{"a":"\\"[[","b":1}', '{"a":"\\"[[","b":1}'),
            ("[" * DEEPEST + "]" * DEEPEST, "[" * DEEPEST + "]" * DEEPEST),
            ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "[" * DEEPEST + "null" + "]" * DEEPEST),
            ("[" * DEEPEST + '{"x":[5]},6' + "]" * DEEPEST, "[" * DEEPEST + "null,6" + "]" * DEEPEST),
            ("1" * LONGEST_NUMBER, "1" * LONGEST_NUMBER),
            ("1" * (LONGEST_NUMBER + 1), f'"a number of {LONGEST_NUMBER + 1} characters"'),
            (
                "[-" + "1" * LONGEST_NUMBER + "." + "1" * 9 + "e5,2]",
                f'["a number of {LONGEST_NUMBER + 13} characters",2]',
            ),
            ('"' + "1" * 999 + '"', '"' + "1" * 999 + '"'),
            ("", ""),
            ("[" * 500, "[" * DEEPEST + "null"),
            ("]" * 500, "]" * 500),
        ],
        ids=lambda text: text[:10],
    )
    def test_what_is_too_much_is_replaced(self, text: str, expected: str):
        assert shallow(text) == expected

    @pytest.mark.parametrize(
        "piece", ["[", "[]", '"', '\\"', '"\\', "1,", "9" * 399 + ",", "-", '{"a":', "\\"], ids=repr
    )
    def test_it_takes_time_as_the_text_is_long(self, piece: str):
        """No text makes it go back over what it has seen."""
        texts = ['"' * (piece == "\\") + piece * (size // len(piece)) for size in (1 << 17, 1 << 19)]
        short_s, long_s = (min(processor_s(shallow, text) for _ in range(2)) for text in texts)
        assert long_s < 8 * short_s, "four times the text takes four times as long; going back would take sixteen times"

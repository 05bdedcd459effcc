"""The cardano-cli observer over programs that answer as cardano-cli does, and over ones that misbehave."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chain_reader import (
    ChainTip,
    ProviderFailedError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
    ReadLimitExceededError,
    ReadLimits,
    UnexpectedAnswerError,
    build_adapter,
)
from chain_reader.providers.cardano_cli import CardanoCliObserver
from chain_reader.providers.transport.limits import SYSTEM_CLOCK
from datum import decode_datum
from eras import ChainReadError, ConfigurationError
from tests.chain_reader.conftest import KEY, Network, datum_of, markers
from tests.chain_reader.fake_cardano_cli import answering, program
from tests.chain_reader.fake_clock import FakeClock

ADDRESS = "addr_test1vq"
SMALL = ReadLimits(max_message_bytes=100_000, max_attempts=1)
READS: dict[str, Callable[[CardanoCliObserver], object]] = {
    "epoch": CardanoCliObserver.epoch,
    "tip": CardanoCliObserver.tip,
    "datums": lambda observer: observer.datums(ADDRESS),
}
TIP = {"block": 3590825, "epoch": 1050, "era": "Conway", "hash": "3a" * 32, "slot": 90754380, "syncProgress": "100.00"}
REFERENCE = f"{'cd' * 32}#1"


@pytest.fixture
def misbehaving(tmp_path: Path) -> Callable[..., CardanoCliObserver]:
    """An observer whose program is Python code."""

    def make(body: str, limits: ReadLimits = SMALL, **kwargs: Any) -> CardanoCliObserver:
        return CardanoCliObserver(
            str(tmp_path / "node.socket"), 42, program=program(tmp_path / "cardano-cli", body), limits=limits, **kwargs
        )

    return make


@pytest.fixture
def printing(misbehaving: Callable[..., CardanoCliObserver]) -> Callable[[Any], CardanoCliObserver]:
    """An observer whose program prints JSON, or a text as it is."""

    def make(answer: Any, **kwargs: Any) -> CardanoCliObserver:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return misbehaving(f"import sys\nsys.stdout.write({text!r})", **kwargs)

    return make


def output(**changes: Any) -> dict[str, Any]:
    """An entry of ``query utxo``."""
    return {
        "address": ADDRESS,
        "datum": None,
        "inlineDatum": {"constructor": 0, "fields": []},
        "inlineDatumRaw": "d87980",
        "inlineDatumhash": "ab" * 32,
        "referenceScript": None,
        "value": {"lovelace": 2_000_000},
        **changes,
    }


def failure(read: Callable[[], object], kind: type[ChainReadError]) -> ChainReadError:
    with pytest.raises(ChainReadError) as caught:
        read()
    assert type(caught.value) is kind, caught.value
    return caught.value


def test_the_network_is_named_and_the_node_says_when_it_is_another(network: Network, tmp_path: Path):
    made = CardanoCliObserver(str(network.chain.path), 1, program=answering(tmp_path / "cardano-cli"))
    assert "another network" in str(failure(made.epoch, ProviderRefusedError))


def test_each_question_names_the_network_the_socket_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ERASWITCH_READER__PROJECT_ID", "secret")
    monkeypatch.setenv("BLOCKFROST_PROJECT_ID", "secret")
    log = tmp_path / "log"
    body = f"""
import json, os, sys
secret = [name for name, value in os.environ.items() if value == "secret"]
with open({str(log)!r}, "a") as file:
    print(json.dumps([sys.argv[1:], os.environ["CARDANO_NODE_SOCKET_PATH"], secret, sys.stdin.read()]), file=file)
print(json.dumps({{}} if "utxo" in sys.argv else {TIP!r}))
"""
    path = program(tmp_path / "a program; with $(odd) name", body)
    for magic, flags in ((42, ["--testnet-magic", "42"]), (764_824_073, ["--mainnet"])):
        log.write_text("")
        made = CardanoCliObserver("/run/a socket;", magic, program=path)
        for read in READS.values():
            read(made)
        asked = [json.loads(line) for line in log.read_text().splitlines()]
        assert asked == [
            [["query", "tip", *flags], "/run/a socket;", [], ""],
            [["query", "tip", *flags], "/run/a socket;", [], ""],
            [["query", "utxo", "--address", ADDRESS, "--output-json", *flags], "/run/a socket;", [], ""],
        ]


def test_recorded_answers_are_read(printing: Callable[[Any], CardanoCliObserver]):
    assert printing(TIP).tip() == ChainTip(90754380, 3590825, "3a" * 32, 1050)
    assert printing(TIP).epoch() == 1050
    empty = {"epoch": 0, "era": "Shelley", "slotInEpoch": 0, "slotsToEpochEnd": 21600, "syncProgress": "0.00"}
    assert printing(empty).tip() == ChainTip(0, None, None, 0)
    tokens = {"76ed" * 14: {"5c94": 1}, "lovelace": 5_000_000}
    plain = output(inlineDatum=None, inlineDatumRaw=None)
    found = printing({REFERENCE: output(value=tokens), f"{'ab' * 32}#0": plain}).datums(ADDRESS)
    assert [(item.reference, item.datum, item.lovelace, item.spent) for item in found] == [
        (REFERENCE, "d87980", 5_000_000, False)
    ]


@pytest.mark.parametrize("raw", [True, False])
def test_old_versions_without_the_datums_bytes_are_read_to_the_same_markers(
    network: Network, tmp_path: Path, raw: bool
):
    schedule = {"thales": 1, "pythagoras": 9}
    network.publish(schedule)
    for junk in ("182a", "d87980", "d8799f0102ff", "d8799f4c303030303030303030303030ff"):
        network.post_datum(junk)
    made = CardanoCliObserver(str(network.chain.path), 42, program=answering(tmp_path / "cardano-cli", raw=raw))
    params = {"address": network.address, "verification_key": KEY.verification_key.hex}
    reading = build_adapter("cardano-chain", json.dumps(params), observer=made).read()
    assert reading.markers == markers(schedule)
    assert len(reading.screened) == 5


def test_a_datum_that_only_json_tells_is_encoded_as_we_do(printing: Callable[[Any], CardanoCliObserver]):
    payload = decode_datum(datum_of({"thales": 1})).content
    fields = [{"bytes": payload[start : start + 20].hex()} for start in range(0, len(payload), 20)]
    item = output(inlineDatum={"constructor": 0, "fields": fields})
    del item["inlineDatumRaw"]
    (found,) = printing({REFERENCE: item}).datums(ADDRESS)
    assert found.datum == datum_of({"thales": 1})


@pytest.mark.parametrize("deep", ["list", "number", "script"])
def test_one_output_that_no_parser_takes_does_not_hide_the_others(
    printing: Callable[[Any], CardanoCliObserver], deep: str
):
    nested = '{"list":[' * 500 + '{"int":1}' + "]}" * 500
    parts = {"list": ("inlineDatum", nested), "number": ("inlineDatum", '{"int":' + "9" * 20_000 + "}")}
    name, value = parts.get(deep, ("referenceScript", nested))
    spam = json.dumps(output(**{name: "HERE"})).replace('"HERE"', value)
    text = f'{{"{"ab" * 32}#0":{spam},"{REFERENCE}":{json.dumps(output(inlineDatumRaw="182a"))}}}'
    limits = ReadLimits(max_attempts=1)
    assert [item.datum for item in printing(text, limits=limits).datums(ADDRESS)] == ["d87980", "182a"]


@pytest.mark.parametrize(
    "changes",
    [
        {"address": None}, {"address": "addr_test1other"}, {"value": None}, {"value": {"lovelace": "5"}},
        {"value": {"lovelace": -5}}, {"value": {"lovelace": 1.5}}, {"value": []}, {"inlineDatumRaw": 5},
        {"inlineDatumRaw": ["d87980"]},
    ],
    ids=repr,
)  # fmt: skip
def test_every_field_of_an_output_is_checked(printing: Callable[[Any], CardanoCliObserver], changes: dict[str, Any]):
    failure(lambda: printing({REFERENCE: output(**changes)}).datums(ADDRESS), UnexpectedAnswerError)


@pytest.mark.parametrize("key", ["", "ab#0", f"{'ab' * 32}", f"{'ab' * 32}#-1", f"{'AB' * 32}#0", f"{'ab' * 32}#1#2"])
def test_a_key_that_is_no_output_is_refused(printing: Callable[[Any], CardanoCliObserver], key: str):
    failure(lambda: printing({key: output()}).datums(ADDRESS), UnexpectedAnswerError)


@pytest.mark.parametrize(
    "text",
    ["", "garbage", "null", "[]", "5", '"text"', "[" * 90_000, '{"epoch":', '{"epoch":"5"}', '{"epoch":-1}',
     '{"epoch":5.0}', '{"slot":5}', '{"epoch":18446744073709551616}', '{"epoch":5,"hash":"zz"}', "\x00\x01",
     '{"epoch":__import__("os")}'],
    ids=lambda text: repr(text[:14]),
)  # fmt: skip
@pytest.mark.parametrize("read", READS)
def test_garbage_is_refused(printing: Callable[[Any], CardanoCliObserver], read: str, text: str):
    if (read, text) == ("datums", '{"epoch":5.0}'):
        text = '{"epoch":{}}'
    caught = failure(lambda: READS[read](printing(text)), UnexpectedAnswerError)
    assert len(str(caught)) < 700


@pytest.mark.parametrize("read", READS)
def test_a_program_that_hangs_is_stopped(misbehaving: Callable[..., CardanoCliObserver], read: str):
    limits = ReadLimits(call_deadline_s=0.5, max_attempts=1)
    start = time.monotonic()
    caught = failure(lambda: READS[read](misbehaving("import time; time.sleep(60)", limits)), ProviderTimeoutError)
    assert time.monotonic() - start < 20
    assert "within 0.5 s" in str(caught)


def test_all_that_a_program_started_is_stopped_with_it(misbehaving: Callable[..., CardanoCliObserver], tmp_path: Path):
    """A wrapper around the real program, which holds the pipe open after the wrapper is gone."""
    pid = tmp_path / "pid"
    body = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(60)"])
open({str(pid)!r}, "w").write(str(child.pid))
time.sleep(60)
"""
    limits = ReadLimits(call_deadline_s=5.0, max_attempts=1)
    failure(misbehaving(body, limits).epoch, ProviderTimeoutError)
    child = int(pid.read_text())
    for _ in range(100):
        try:
            state = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child outlived the program")


def test_a_program_that_trickles_is_stopped(misbehaving: Callable[..., CardanoCliObserver]):
    body = "import time\nwhile True:\n    print(' ', end='', flush=True)\n    time.sleep(0.05)"
    failure(misbehaving(body, ReadLimits(call_deadline_s=0.5, max_attempts=1)).epoch, ProviderTimeoutError)


def test_a_program_that_closes_its_output_and_stays_is_stopped(misbehaving: Callable[..., CardanoCliObserver]):
    body = "import os, time\nos.close(1)\nos.close(2)\ntime.sleep(60)"
    failure(misbehaving(body, ReadLimits(call_deadline_s=0.5, max_attempts=1)).epoch, ProviderTimeoutError)


def test_megabytes_are_not_taken_in(misbehaving: Callable[..., CardanoCliObserver]):
    start = time.monotonic()
    caught = failure(misbehaving("while True: print('x' * 100_000)").epoch, ReadLimitExceededError)
    assert caught.facts["limit"] == "max_message_bytes"
    assert time.monotonic() - start < 20


def test_megabytes_of_errors_do_not_block_it(misbehaving: Callable[..., CardanoCliObserver]):
    body = f"import sys\nsys.stderr.write('y' * 3_000_000)\nprint({json.dumps(TIP)!r})"
    assert misbehaving(body).epoch() == 1050


@pytest.mark.parametrize(
    ("said", "kind", "says"),
    [
        ("cardano-cli: Network.Socket.connect: <socket: 11>: does not exist (No such file or directory)",
         ProviderUnreachableError, "nothing listens at the socket"),
        ("cardano-cli: Network.Socket.connect: <socket: 11>: does not exist (Connection refused)",
         ProviderUnreachableError, "nothing listens at the socket"),
        ("Invalid option `--output-json'", ProviderRefusedError, "version of cardano-cli"),
        ("Command failed: query utxo Error: The era of the node and the tx do not match.",
         ProviderFailedError, "log of the node"),
        ("", ProviderFailedError, "exit code 1"),
    ],
)  # fmt: skip
def test_what_it_says_when_it_fails_is_told(
    misbehaving: Callable[..., CardanoCliObserver], said: str, kind: type[ChainReadError], says: str
):
    caught = failure(misbehaving(f"import sys\nprint({json.dumps(TIP)!r})\nsys.exit({said!r} or 1)").epoch, kind)
    assert says in str(caught)
    assert said[:60] in str(caught)


def test_a_crash_is_told(misbehaving: Callable[..., CardanoCliObserver]):
    caught = failure(misbehaving("import os\nos.kill(os.getpid(), 11)").epoch, ProviderFailedError)
    assert "crashed: got signal 11" in str(caught)


def test_a_node_that_is_not_there_is_asked_again(misbehaving: Callable[..., CardanoCliObserver], tmp_path: Path):
    fake = FakeClock()
    body = f"""
import os, sys
count = len(os.listdir({str(tmp_path)!r}))
open({str(tmp_path)!r} + f"/try{{count}}", "w").close()
if count < 3:
    sys.exit("cardano-cli: Network.Socket.connect: <socket: 11>: does not exist (Connection refused)")
print({json.dumps(TIP)!r})
"""
    clock = type(SYSTEM_CLOCK)(sleep=fake.sleeps.append)
    assert misbehaving(body, ReadLimits(), clock=clock).epoch() == 1050
    assert len(fake.sleeps) == 2


def test_a_program_that_is_not_there_is_told_at_once(tmp_path: Path):
    for name in (str(tmp_path / "nothing"), "no-such-cardano-cli", str(tmp_path)):
        caught = failure(CardanoCliObserver("node.socket", 42, program=name).epoch, ProviderFailedError)
        assert "could not be run" in str(caught)


@pytest.mark.parametrize("address", ["", "--whole-utxo", "addr_test1vq --whole-utxo", "addr_test1vq\n", "stake1u"])
def test_what_is_no_address_is_not_even_asked_for(tmp_path: Path, address: str):
    made = CardanoCliObserver("node.socket", 42, program=str(tmp_path / "nothing"))
    assert "cannot be asked" in str(failure(lambda: made.datums(address), ProviderRefusedError))


@pytest.mark.parametrize(("socket", "magic"), [("", 42), ("a\0b", 42), ("node.socket", -1), ("node.socket", 2**32)])
def test_what_cannot_be_a_node_is_refused(socket: str, magic: int):
    with pytest.raises(ConfigurationError, match="magic of its network"):
        CardanoCliObserver(socket, magic)


def test_a_lone_program_name_says_nothing_of_this_machine():
    assert repr(CardanoCliObserver("/run/node.socket", 42)) == "CardanoCliObserver('cardano-cli /run/node.socket')"

"""The example nodes as real processes on a real local chain, across a switch: no signature is lost."""

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from chain_reader.local_chain import Genesis, LocalChain, LocalChainServer
from eras import AGGREGATOR_NODE_VERSION_HEADER, API_VERSION_HEADER
from tests import forked
from tests.conftest import ROOT
from tests.node.world import ADDRESS, KEY, PYTHAGORAS, THALES, publish

NAMES = ("alice", "bob")


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[tuple[LocalChain, str]]:
    """A chain in epoch 5 with the era thales, and the URL of its Blockfrost face."""
    with LocalChain.create(tmp_path / "chain.sqlite3", genesis=Genesis(epoch_length=100)) as chain:
        chain.advance_to_epoch(5)
        publish(chain, (THALES, 0), (PYTHAGORAS, None))
        with LocalChainServer(chain.path) as server:
            yield chain, f"blockfrost:{server.blockfrost_url}"


class Example(forked.Forked):
    """An example as a process of its own, ended at the end of the block."""

    def __init__(self, name: str, provider: str, *arguments: str, errors: Path) -> None:
        script = str(ROOT / "examples" / f"{name}.py")
        place = ("--provider", provider, "--era-address", ADDRESS, "--verification-key", KEY.verification_key.hex)
        self._errors = errors / f"{name}-{time.monotonic_ns()}.log"
        super().__init__(forked.SCRIPT, script, *place, *arguments, stderr=self._errors)

    def communicate(self) -> tuple[str, str]:
        """Wait for its end. Returns what it printed, and its errors."""
        printed = self.stdout.read()
        self.wait(60)
        return printed, self._errors.read_text()

    def __exit__(self, *reason: Any) -> None:
        self.kill()
        super().__exit__(*reason)


@pytest.fixture
def example(tmp_path: Path) -> Callable[..., Example]:
    """Starts an example."""
    return partial(Example, errors=tmp_path)


def taken(url: str) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{url}/signatures", timeout=60).json()
    return found


def until(condition: Any, what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def signing_in(url: str, era: str) -> set[str]:
    return {row["signer"] for row in taken(url)["signatures"] if row["era"] == era}


def knows_its_era(url: str) -> bool:
    return API_VERSION_HEADER in requests.get(f"{url}/signatures", timeout=60).headers


def url_of(aggregator: Example) -> str:
    return str(json.loads(aggregator.stdout.readline())["url"])


def test_across_the_switch_no_signature_is_lost(
    example: Callable[..., Example], provider: tuple[LocalChain, str]
) -> None:
    """Alice hears of an epoch before the aggregator does, Bob after it; both are refused and sign once more."""
    chain, source = provider
    with example("aggregator", source, "--poll", "0.7") as aggregator:
        url = url_of(aggregator)
        rounds = ("--aggregator", url, "--rounds", "1000000", "--pause", "0.1")
        with (
            example("signer", source, "--name", "alice", "--poll", "0.1", *rounds) as alice,
            example("signer", source, "--name", "bob", "--poll", "30", *rounds) as bob,
        ):
            until(lambda: signing_in(url, THALES) == {*NAMES}, "both begin")
            publish(chain, (THALES, 0), (PYTHAGORAS, 7))
            chain.advance_to_epoch(6)
            chain.advance_to_epoch(7)
            until(lambda: signing_in(url, PYTHAGORAS) == {*NAMES}, "both go on in the new era")
            for signer in (alice, bob):
                signer.terminate()
            summaries = [json.loads(signer.communicate()[0]) for signer in (alice, bob)]
        found = taken(url)
        answer = requests.post(f"{url}/signatures", json={}, headers={API_VERSION_HEADER: "0.1.0"}, timeout=60)
        aggregator.send_signal(signal.SIGTERM)
        assert aggregator.wait(30) == 0
    counted = Counter((row["signer"], row["round"]) for row in found["signatures"])
    signed = dict(zip(NAMES, (summary["signed"] for summary in summaries), strict=True))
    assert counted == Counter((name, number) for name in NAMES for number in range(signed[name]))
    for name in NAMES:
        eras = [row["era"] for row in found["signatures"] if row["signer"] == name]
        assert eras == sorted(eras, reverse=True), "thales, then pythagoras, and never back"
        assert set(eras) == {THALES, PYTHAGORAS}
    assert found["refused"] == sum(summary["retried"] for summary in summaries) > 0
    assert answer.status_code == 412
    assert answer.json() == {"expected": "0.2.0", "got": "0.1.0"}
    assert answer.headers[API_VERSION_HEADER] == "0.2.0"
    assert answer.headers[AGGREGATOR_NODE_VERSION_HEADER] == "2.0.0"


def test_an_old_version_of_the_signer_ends_at_the_switch_with_4(
    example: Callable[..., Example], provider: tuple[LocalChain, str]
) -> None:
    chain, source = provider
    with example("aggregator", source, "--poll", "0.1") as aggregator:
        url = url_of(aggregator)
        old = ("--name", "old", "--knows", THALES, "--poll", "0.1", "--rounds", "1000", "--aggregator", url)
        with example("signer", source, *old) as signer:
            until(lambda: taken(url)["signatures"], "the signer begins")
            publish(chain, (THALES, 0), (PYTHAGORAS, 6))
            chain.advance_to_epoch(6)
            _, errors = signer.communicate()
        assert signer.returncode == 4
        assert "The current era pythagoras is not supported by this software" in errors
        assert {row["era"] for row in taken(url)["signatures"]} == {THALES}


@pytest.mark.parametrize("body", ["[]", "{", '{"signer": "a"}', '{"signer": "a", "round": "x", "signature": ""}'])
def test_nonsense_is_answered_and_stops_nobody(
    body: str, example: Callable[..., Example], provider: tuple[LocalChain, str]
) -> None:
    with example("aggregator", provider[1], "--poll", "0.1") as aggregator:
        url = url_of(aggregator)
        until(lambda: knows_its_era(url), "it knows its era")
        answer = requests.post(f"{url}/signatures", data=body, headers={API_VERSION_HEADER: "0.1.0"}, timeout=60)
        assert answer.status_code == 400
        wrong = {"signer": "a", "round": 1, "signature": "b"}
        refused = requests.post(f"{url}/signatures", json=wrong, headers={API_VERSION_HEADER: "0.1.9"}, timeout=60)
        assert refused.status_code == 422
        nameless = requests.post(f"{url}/signatures", json=wrong, timeout=60)
        assert nameless.status_code == 412


def test_a_body_without_end_is_not_read(example: Callable[..., Example], provider: tuple[LocalChain, str]) -> None:
    with example("aggregator", provider[1]) as aggregator:
        place = url_of(aggregator).removeprefix("http://")
        for length in (10**12, -1):
            connection = http.client.HTTPConnection(place, timeout=60)
            connection.putrequest("POST", "/signatures")
            connection.putheader("Content-Length", f"{length}")
            connection.endheaders()
            assert connection.getresponse().status == 413
            connection.close()


def test_a_signer_waits_for_an_aggregator_in_trouble_and_ends_when_told_to(
    example: Callable[..., Example], provider: tuple[LocalChain, str]
) -> None:
    """The aggregator hangs up, then fails, and then is there."""
    answers: list[int | None] = [None, 500, 503, 201]
    brought: list[int] = []

    class Troubled(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            brought.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["round"])
            status = answers.pop(0) if answers else 201
            if status is None:
                self.connection.close()
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Troubled) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with example("signer", provider[1], "--name", "alice", "--rounds", "100000", "--aggregator", url) as signer:
            until(lambda: len(brought) > 6, "it goes on")
            signer.send_signal(signal.SIGTERM)
            out, errors = signer.communicate()
        server.shutdown()
    assert brought[:5] == [0, 0, 0, 0, 1], "no round is lost"
    assert (signer.returncode, "Traceback" in errors) == (0, False)
    assert json.loads(out)["signed"] > 2


def test_with_a_store_a_node_that_starts_without_a_provider_knows_its_era(
    example: Callable[..., Example], provider: tuple[LocalChain, str], tmp_path: Path
) -> None:
    store = ("--store", str(tmp_path / "trust.sqlite3"))
    for source in (provider[1], "blockfrost:http://127.0.0.1:9/api/v0"):
        with example("aggregator", source, *store) as aggregator:
            url = url_of(aggregator)
            until(lambda: knows_its_era(url), "it knows its era")  # noqa: B023 - called at once
            aggregator.send_signal(signal.SIGTERM)
            assert aggregator.wait(30) == 0


def test_the_commands_of_the_page_have_options_that_exist() -> None:
    page = (ROOT / "examples" / "README.md").read_text()
    commands = [line.split() for line in page.splitlines() if line.startswith("python ")]
    assert [words[1] for words in commands] == ["aggregator.py", "signer.py"]
    for _, script, *words in commands:
        shown = forked.run(forked.SCRIPT, str(ROOT / "examples" / script), "--help")
        assert shown.returncode == 0, shown.stderr
        assert [word for word in words if word.startswith("--") and word not in shown.stdout] == []


def test_the_tests_of_the_example_pass() -> None:
    less = [f"no:{plugin}" for plugin in ("cacheprovider", "schemathesis", "hypothesispytest")]  # slow to import
    command = [sys.executable, "-m", "pytest", "-q", *(f"-p{plugin}" for plugin in less), "test_protocol.py"]
    done = subprocess.run(command, cwd=ROOT / "examples", capture_output=True, text=True, check=False)
    assert (done.returncode, "3 passed" in done.stdout) == (0, True), done.stdout + done.stderr

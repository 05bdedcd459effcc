"""The server of a local chain: it starts, stops, and says clearly why it cannot."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
import uvicorn

from chain_reader.local_chain import Genesis, LocalChain, LocalChainServer
from eras import ChainReadError, StoreError
from tests.errors import raising

FOREGROUND = """
import sys
from chain_reader.local_chain import LocalChainServer
LocalChainServer(sys.argv[1]).serve_forever(lambda server: print(server.blockfrost_url, flush=True))
print("stopped", flush=True)
"""


def healthy(server: LocalChainServer) -> bool:
    return bool(requests.get(f"{server.blockfrost_url}/health", timeout=60).json()["is_healthy"])


def test_it_starts_on_a_free_port_and_stops(chain: LocalChain) -> None:
    before = threading.active_count()
    server = LocalChainServer(chain.path)
    with server:
        assert server.port != 0
        assert server.blockfrost_url == f"http://127.0.0.1:{server.port}/api/v0"
        assert server.ogmios_url == f"ws://127.0.0.1:{server.port}"
        assert healthy(server)
    with pytest.raises(requests.ConnectionError):
        healthy(server)
    server.stop()
    assert threading.active_count() <= before + 1  # the pool of a finished loop may linger


def test_a_port_can_be_used_again_at_once(chain: LocalChain) -> None:
    with LocalChainServer(chain.path) as first:
        assert healthy(first)
    with LocalChainServer(chain.path, port=first.port) as second:
        assert second.port == first.port
        assert healthy(second)


def test_it_is_not_started_twice(server: LocalChainServer) -> None:
    with pytest.raises(RuntimeError, match="running already"):
        server.start()
    assert healthy(server)


def test_no_answer_waits_for_the_client_to_acknowledge_its_first_part(server: LocalChainServer) -> None:
    waits_s = []
    with requests.Session() as session:
        for _ in range(15):
            began = time.perf_counter()
            session.get(f"{server.blockfrost_url}/health", timeout=60)
            waits_s.append(time.perf_counter() - began)
    assert min(waits_s[3:]) < 0.035  # such a wait takes 0.04 s, and every answer but the first would have one


def test_a_server_that_dies_at_once_is_a_clear_error(chain: LocalChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: sockets[0].close())
    server = LocalChainServer(chain.path)
    with raising("LocalChainServer", match="does not answer at 127.0.0.1"):
        server.start()
    chain.advance_slots(1)


def test_two_servers_serve_one_chain(chain: LocalChain, server: LocalChainServer) -> None:
    with LocalChainServer(chain.path) as other:
        requests.post(f"{other.control_url}/advance", json={"epoch": 6}, timeout=60).raise_for_status()
    assert requests.get(f"{server.blockfrost_url}/epochs/latest", timeout=60).json()["epoch"] == 6


def test_a_taken_port_is_a_clear_error(chain: LocalChain) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ChainReadError, match=f"cannot listen on 127.0.0.1:{port}") as caught:
            LocalChainServer(chain.path, port=port).start()
    assert "Address already in use" in str(caught.value)
    assert "0 picks a free one" in str(caught.value)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("127.0.0.1", 70_000), ("no such host", 0)])
def test_an_address_that_cannot_be_listened_at(chain: LocalChain, host: str, port: int) -> None:
    with raising("LocalChainServer", match="cannot listen on"):
        LocalChainServer(chain.path, host=host, port=port).start()


def test_without_a_chain_there_is_no_server(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none\.sqlite"):
        LocalChainServer(tmp_path / "none.sqlite").start()


def test_it_listens_at_ipv6(chain: LocalChain) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with LocalChainServer(chain.path, host="::1") as server:
        assert server.blockfrost_url == f"http://[::1]:{server.port}/api/v0"
        assert healthy(server)


def test_it_follows_the_clock_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "wall.sqlite"
    genesis = Genesis(system_start_s=1_700_000_000, clock_mode="wall")
    LocalChain.create(path, genesis=genesis, clock=lambda: 1_700_000_000.0).close()
    with LocalChainServer(path, clock=lambda: 1_700_000_250.0) as server:
        assert requests.get(f"{server.control_url}/state", timeout=60).json()["slot"] == 250
        assert requests.get(f"{server.blockfrost_url}/epochs/latest", timeout=60).json()["epoch"] == 2


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_a_signal_ends_it_cleanly(chain: LocalChain, name: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", FOREGROUND, str(chain.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert requests.get(f"{url}/health", timeout=60).status_code == 200
        process.send_signal(name)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "stopped\n", "")
    chain.advance_slots(1)  # the file is in order

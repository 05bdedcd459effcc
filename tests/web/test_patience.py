"""Patience: who takes too long to ask, or asks too much, is let go; who listens, or is answered slowly, is not."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import uvicorn

from era_service.web.app import create_app
from era_service.web.patience import (
    MAX_HEAD_BYTES,
    UNTAKEN_S,
    allow_connections,
    drop_stalled_clients,
    uvicorn_settings,
)

WITHIN_S = 1.0
SURELY_S = 60.0
GET = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /registrations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n"


@pytest.fixture
def port(world) -> Iterator[int]:
    """A service that waits for a second."""
    with served(create_app(world.service)) as port:
        yield port


@contextmanager
def served(app, within_s: float = WITHIN_S) -> Iterator[int]:
    config = uvicorn.Config(**uvicorn_settings(app, within_s), ws="none", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(timeout=30)
    assert not thread.is_alive()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        yield connection


def is_let_go(connection: socket.socket, drop: bytes = b"", *, after_s: float = SURELY_S) -> bool:
    """Whether a connection ends meanwhile whose client sends a drop every tenth of a second."""
    until_s = time.monotonic() + after_s
    connection.settimeout(0.1)
    while time.monotonic() < until_s:
        try:
            if not connection.recv(65_536):
                return True
        except TimeoutError:
            with suppress(OSError):
                connection.sendall(drop)
        except OSError:
            return True
    return False


def asks(connection: socket.socket) -> None:
    """Ask, and take the whole answer."""
    connection.sendall(GET)
    answer = b""
    while not answer.endswith(b"]}"):
        more = connection.recv(65_536)
        assert more, answer
        answer += more
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nx: "], ids=["nothing", "half a head"])
@pytest.mark.parametrize("drop", [b"", b"x"], ids=["silent", "dripping"])
def test_who_does_not_ask_is_let_go(port, begun, drop):
    began_s = time.monotonic()
    with connected(port) as connection:
        connection.sendall(begun)
        assert is_let_go(connection, drop if begun else b"")
        assert time.monotonic() - began_s >= WITHIN_S


@pytest.mark.parametrize("with_token", [True, False])
def test_a_body_that_drips_is_given_up(world, port, with_token, caplog):
    token = f"authorization: Bearer {world.token()}\r\n".encode() if with_token else b""
    with connected(port) as connection:
        connection.sendall(POST + token + b"\r\n{")
        assert is_let_go(connection, b" ")
    assert world.service.store.registrations.epochs() == ()
    assert "Traceback" not in caplog.text


def test_the_second_request_of_a_connection_is_waited_for_no_longer(port):
    with connected(port) as connection:
        asks(connection)
        connection.sendall(GET[:20])
        assert is_let_go(connection, b"x")


def test_nor_is_it_where_the_first_was_answered_by_who_waits_for_the_client_to_leave():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"]}"})
            assert (await receive())["type"] == "http.disconnect"

    with served(app) as port, connected(port) as connection:
        asks(connection)
        connection.sendall(GET[:20])
        assert is_let_go(connection, b"x")


def test_who_asks_again_and_again_stays(world):
    within_s = 4 * WITHIN_S  # a busy machine may be late with a question
    with served(create_app(world.service), within_s) as port, connected(port) as connection:
        for _ in range(6):
            asks(connection)
            time.sleep(within_s / 5)


def test_who_listens_stays(world, port):
    with connected(port) as connection:
        connection.sendall(b"GET /events/stream HTTP/1.1\r\nhost: x\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        assert not is_let_go(connection, after_s=4 * WITHIN_S)


def test_a_head_that_is_too_long_is_refused(port):
    with connected(port) as connection:
        with suppress(OSError):
            connection.sendall(b"GET / HTTP/1.1\r\nx: " + b"x" * 3 * MAX_HEAD_BYTES)
        with suppress(ConnectionResetError):
            assert connection.recv(65_536).startswith(b"HTTP/1.1 400")


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone can tell")
def test_who_takes_nothing_is_let_go_by_the_system():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        drop_stalled_clients(listener)
        with connected(listener.getsockname()[1]), listener.accept()[0] as taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNTAKEN_S * 1_000


def test_as_many_connections_as_the_system_allows(monkeypatch, caplog):
    limits = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 4_096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: limits.append(both))
    allow_connections(500)
    assert limits == []
    allow_connections(2_000)
    assert limits == [(2_256, 4_096)]
    assert caplog.text == ""
    allow_connections(10_000)
    assert limits[1:] == [(4_096, 4_096)]
    assert "fewer than service.max_streams = 10000 needs" in caplog.text

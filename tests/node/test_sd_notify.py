"""What systemd is told, over real datagram sockets."""

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from era_service.node.sd_notify import SystemdNotifier


@pytest.fixture(params=["file", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A bound socket, and the name that systemd would give for it."""
    given = str(tmp_path / "notify") if request.param == "file" else f"@eraswitch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(given if request.param == "file" else f"\0{given[1:]}")
        bound.settimeout(5)
        yield bound, given


def test_every_message_arrives_as_systemd_has_it(listener: tuple[socket.socket, str]) -> None:
    bound, name = listener
    notifier = SystemdNotifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"})
    assert notifier.watchdog_s == 30.0
    notifier.ready()
    notifier.status("era thales\nREADY=0")
    notifier.alive()
    notifier.stopping()
    received = [bound.recv(4096) for _ in range(4)]
    assert received == [b"READY=1", b"STATUS=era thales READY=0", b"WATCHDOG=1", b"STOPPING=1"]


def test_without_systemd_nothing_is_sent() -> None:
    notifier = SystemdNotifier({"WATCHDOG_USEC": "1000000"})
    assert notifier.watchdog_s is None
    notifier.ready()


def test_a_watchdog_of_another_process_is_not_this_ones() -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7"}
    assert SystemdNotifier(environ, pid=8).watchdog_s is None
    assert SystemdNotifier(environ, pid=7).watchdog_s == 2.0


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "1.5", "٣"])
def test_a_watchdog_that_makes_no_sense_is_none(text: str) -> None:
    assert SystemdNotifier({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": text}).watchdog_s is None


def test_a_socket_that_is_gone_is_logged_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    with caplog.at_level(logging.WARNING):
        notifier.ready()
        notifier.alive()
    assert [record.getMessage() for record in caplog.records] == [
        "systemd could not be notified of READY: No such file or directory"
    ]

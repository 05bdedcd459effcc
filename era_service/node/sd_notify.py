"""Notifies systemd of the state of a service: ready, alive, stopping, and a status line.

In: the environment from systemd (``NOTIFY_SOCKET``, ``WATCHDOG_USEC``, ``WATCHDOG_PID``). Out: datagrams in the format
of ``sd_notify(3)``. Without a socket nothing is sent; a socket that fails never stops a service.
"""

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)


class SystemdNotifier:
    """Notifies systemd; does nothing if systemd does not listen.

    Args:
        environ: the environment of the process.
        pid: the process that the watchdog watches; by default this one.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, *, pid: int | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._failed = False
        self.watchdog_s = _watchdog_s(environ, os.getpid() if pid is None else pid) if address else None

    def ready(self) -> None:
        """Report that the service has started."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Report the state of the service, in one line for ``systemctl status``."""
        self._send(f"STATUS={' '.join(text.split())}")

    def alive(self) -> None:
        """Report that the service is alive; due more often than ``watchdog_s``."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Report that the service begins to stop."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | getattr(socket, "SOCK_CLOEXEC", 0)) as sender:
                sender.settimeout(1.0)
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._failed:
                _log.warning(
                    "systemd could not be notified of %s: %s", message.partition("=")[0], error.strerror or error
                )
            self._failed = True
        else:
            self._failed = False


def _watchdog_s(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds within which a sign of life is due; ``None`` if none is expected from this process."""
    text, owner = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(pid))
    if not (text.isascii() and text.isdigit() and int(text)) or owner != str(pid):
        return None
    return int(text) / 1_000_000

"""Notifies systemd of a service: that it is ready, what it does, that it is alive, that it stops.

In: the environment that systemd gave (``NOTIFY_SOCKET``, ``WATCHDOG_USEC``, ``WATCHDOG_PID``). Out: datagrams, as
``sd_notify(3)`` has them. Without a socket nothing is sent; a socket that takes nothing never stops a service.
"""

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)


class SystemdNotifier:
    """Tells systemd; does nothing where systemd does not listen.

    Args:
        environ: the environment of the process.
        pid: the process that the watchdog is meant for.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, *, pid: int | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._failed = False
        self.watchdog_s = _watchdog_s(environ, os.getpid() if pid is None else pid) if address else None

    @property
    def listens(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def ready(self) -> None:
        """The service has started up."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Report the state of the service, in one line for ``systemctl status``."""
        self._send(f"STATUS={' '.join(text.split())}")

    def alive(self) -> None:
        """The service is alive; due more often than ``watchdog_s``."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service begins to stop."""
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
    """Seconds within which a sign of life is due; ``None`` where none is expected of this process."""
    text, owner = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(pid))
    if not (text.isascii() and text.isdigit() and int(text)) or owner != str(pid):
        return None
    return int(text) / 1_000_000

"""One attempt to send a message: a POST within a time limit, to a permitted address.

In: a URL, headers, a body. Out: an ``Answer``; nothing that the receiver does raises an exception. The addresses of the
host are checked before anything is sent, and the connection is made to one of them, so that a change of the name in
between has no effect. Redirects are not followed, and proxies of the environment are not used.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from chain_reader.providers.transport.retries import seconds_to_wait

TIMEOUT_S = 15.0
KEPT_BYTES = 512
"""The part of an answer that is kept, for whoever tests a webhook."""

MOST_OK = 299


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer.

    Attributes:
        words: the answer, or the reason why there is none.
        status: the HTTP status, if there is one.
        text: the beginning of its body.
        retry_after_s: the seconds that the receiver asks to wait, or 0.
    """

    words: str
    status: int | None = None
    text: str = ""
    retry_after_s: float = 0.0

    @property
    def is_accepted(self) -> bool:
        """Whether the message arrived."""
        return self.status is not None and HTTPStatus.OK <= self.status <= MOST_OK

    @property
    def is_final(self) -> bool:
        """Whether the receiver refuses this message for ever."""
        return self.status == HTTPStatus.GONE


class AddressError(OSError):
    """The host has an address that is not permitted, or none."""


def addresses_of(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host, all of them permitted.

    Raises:
        AddressError: it has none, or one that is not public while ``allow_private`` is not set.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressError("the name of the host has no address") from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    private = [address for address in addresses if not _is_public(address)]
    if private and not allow_private:
        raise AddressError(f"{private[0]} is not a public address; allow_private = true allows it")
    return addresses


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_global and not ip.is_multicast


def place_of(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def post(
    url: str, headers: dict[str, str], body: bytes, *, allow_private: bool, timeout_s: float = TIMEOUT_S
) -> Answer:
    """Send a message once.

    Args:
        url: http(s)://…
        headers: the headers of the request.
        body: the body of the request.
        allow_private: whether addresses that are not public are permitted.
        timeout_s: seconds within which the answer must arrive.
    """
    parts, (host, port) = urlsplit(url), place_of(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with _connected(
            host, port, tls=parts.scheme == "https", allow_private=allow_private, timeout_s=timeout_s
        ) as to:
            to.request("POST", path, body, headers)
            answer = to.getresponse()
            text = answer.read(KEPT_BYTES).decode("utf-8", "replace")
            pause_s = seconds_to_wait(answer.headers.get("retry-after", ""), time.time()) or 0.0
            return Answer(f"{answer.status} {answer.reason}".strip(), answer.status, text, pause_s)
    except TimeoutError:
        return Answer(f"no answer within {timeout_s:g} s")
    except AddressError as error:
        return Answer(str(error))
    except ssl.SSLError as error:
        return Answer(f"no TLS: {getattr(error, 'verify_message', '') or error.reason or 'it failed'}")
    except (OSError, HTTPException, ValueError) as error:
        return Answer(getattr(error, "strerror", None) or "the answer is not HTTP")


@contextmanager
def _connected(host: str, port: int, *, tls: bool, allow_private: bool, timeout_s: float) -> Iterator[HTTPConnection]:
    late = threading.Event()
    connection = (HTTPSConnection if tls else HTTPConnection)(host, port, timeout=timeout_s)
    connection.sock = _open(addresses_of(host, port, allow_private=allow_private), port, timeout_s)

    def give_up() -> None:
        late.set()
        with suppress(OSError):  # it has ended
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, give_up)
    timer.daemon = True
    try:
        timer.start()
        if tls:
            context = ssl.create_default_context()
            secured = context.wrap_socket(connection.sock, server_hostname=host, do_handshake_on_connect=False)
            connection.sock = secured
            secured.do_handshake()
        yield connection
    except (OSError, HTTPException, ValueError) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
        connection.close()


def _open(addresses: list[str], port: int, timeout_s: float) -> socket.socket:
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError:
            continue  # the last one's reason is reported
    return socket.create_connection((addresses[-1], port), timeout_s)

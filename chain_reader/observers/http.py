"""HTTP that always comes back: a GET ends within its deadline and its size, whatever the server does.

In: a path, and when to be done. Out: the status and the whole body, or a ``ChainReadError``. A read timeout alone
bounds silence, not a server that sends a byte every few seconds, so at the deadline the socket is shut from another
thread. Redirects are not followed: they would carry the key of the provider to another host.
"""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from chain_reader.observers.calls import Call
from chain_reader.observers.errors import (
    ProviderTimeoutError,
    ProviderUnreachableError,
    ReadLimitExceededError,
    TruncatedAnswerError,
)
from chain_reader.observers.limits import ReadLimits
from eras import ChainReadError

_CHUNK_BYTES = 1 << 16
_ERROR_BODY_BYTES = 1 << 16

_NEXT_SLOW = "Check that the provider is up and the network is not blocked, then read again"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The status and the body of an answer; the body of an error is cut short."""

    status: int
    body: bytes


class _Guard:
    """Shuts the socket of one request when its time is over; a context manager around the request."""

    def __init__(self, seconds: float) -> None:
        self.connection: Any = None
        self.socket: Any = None
        self.expired = False
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _expire(self) -> None:
        self.expired = True
        # While connecting, only the connection knows its socket; once an answer is awaited, it may let go of it.
        sock = self.socket or getattr(self.connection, "sock", None)
        if sock is not None:
            with suppress(OSError):  # the request may end in the same moment
                sock.shutdown(socket.SHUT_RDWR)


class _GuardedAdapter(HTTPAdapter):
    """Tells the guard of the running request which connection it runs on."""

    def __init__(self, running: Callable[[], _Guard]) -> None:
        self._running = running
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if "ConnectionCls" not in vars(pool):
            pool.ConnectionCls = _guarded(pool.ConnectionCls, self._running)
        return pool


def _guarded(base: Any, running: Callable[[], _Guard]) -> Any:
    class Guarded(base):  # type: ignore[misc]
        def connect(self) -> None:
            running().connection = self
            super().connect()

        def getresponse(self) -> Any:
            running().socket = self.sock
            return super().getresponse()

    return Guarded


class BoundedHttp:
    """GET requests to one provider, one at a time.

    Args:
        base_url: what every path follows.
        headers: sent with every request.
        limits: time and size.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str | None], limits: ReadLimits) -> None:
        self._base_url = base_url.rstrip("/")
        self._limits = limits
        self._guard = _Guard(limits.call_deadline_s)
        self._turn = threading.Lock()
        self._session = requests.Session()
        self._session.headers.update({name: value for name, value in headers.items() if value is not None})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _GuardedAdapter(lambda: self._guard))

    def get(self, path: str, call: Call, *, params: Mapping[str, Any] | None = None, until: float) -> HttpAnswer:
        """Ask for ``path``, and be done by the deadline of one call or at ``until`` (of ``time.monotonic``).

        Raises:
            ChainReadError: one of its subclasses in ``errors``: unreachable, too slow, too long, half an answer.
        """
        with self._turn:
            seconds = min(self._limits.call_deadline_s, until - time.monotonic())
            if seconds <= 0:
                raise self._too_late(call)
            self._guard = _Guard(seconds)
            with self._guard:
                try:
                    return self._get(path, call, params, seconds)
                except ChainReadError:
                    raise
                except Exception as error:
                    # A socket shut at the deadline makes the layers above fail in many ways.
                    if self._guard.expired:
                        raise self._too_late(call) from error
                    raise self._mapped(call, error) from error

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self._session.close()

    def _get(self, path: str, call: Call, params: Mapping[str, Any] | None, seconds: float) -> HttpAnswer:
        limits = self._limits
        timeouts = (min(limits.connect_timeout_s, seconds), min(limits.read_timeout_s, seconds))
        url = self._base_url + path
        with self._session.get(url, params=params, timeout=timeouts, stream=True, allow_redirects=False) as response:
            if response.status_code != http.HTTPStatus.OK:
                return HttpAnswer(response.status_code, self._error_body(response))
            body = bytearray()
            for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=True):
                body += chunk
                if len(body) > limits.max_answer_bytes:
                    raise call.error(
                        ReadLimitExceededError,
                        "got an answer beyond the limit",
                        expected=f"at most {limits.max_answer_bytes} bytes",
                        got="more",
                        next_step="Raise max_answer_bytes only if the provider is trusted",
                        limit="max_answer_bytes",
                    )
            if self._guard.expired:  # the shut socket looked like the end of an answer without a length
                raise self._too_late(call)
            return HttpAnswer(response.status_code, bytes(body))

    @staticmethod
    def _error_body(response: requests.Response) -> bytes:
        """The beginning of an error's body; the status says enough if it cannot be read."""
        try:
            return bytes(response.raw.read(_ERROR_BODY_BYTES, decode_content=True))
        except (HTTPError, OSError, ValueError, http.client.HTTPException):
            return b""

    def _too_late(self, call: Call) -> ProviderTimeoutError:
        return call.error(
            ProviderTimeoutError,
            "was not answered in time",
            expected=f"a whole answer within {self._limits.call_deadline_s:g} s, "
            f"all of a reading within {self._limits.read_deadline_s:g} s",
            got="none so far",
            next_step=_NEXT_SLOW,
        )

    def _mapped(self, call: Call, error: Exception) -> ChainReadError:
        """The error of ours for one of requests or urllib3."""
        if isinstance(error, requests.Timeout | ReadTimeoutError):
            connecting = isinstance(error, requests.ConnectTimeout)
            limit = self._limits.connect_timeout_s if connecting else self._limits.read_timeout_s
            return call.error(
                ProviderTimeoutError,
                "was not answered in time",
                expected=f"{'a connection' if connecting else 'the next bytes'} within {limit:g} s",
                got="silence",
                next_step=_NEXT_SLOW,
            )
        reason = _root_cause(error)
        if isinstance(error, DecodeError) or (
            isinstance(reason, http.client.HTTPException)
            and not isinstance(reason, http.client.RemoteDisconnected | http.client.IncompleteRead)
        ):
            return call.unexpected("an HTTP answer", type(reason).__name__)
        if isinstance(error, HTTPError):  # urllib3's own: the answer had begun
            return call.error(
                TruncatedAnswerError,
                "got half an answer",
                expected="a whole answer",
                got="a connection that ended in the middle of it",
                next_step="Read again; if it happens again, check the provider and any proxy on the way",
            )
        return call.error(
            ProviderUnreachableError,
            "could not be asked",
            expected="a connection",
            got=_reason_text(reason),
            next_step="Check the URL of the provider, the network and any proxy",
        )


def _root_cause(error: BaseException) -> BaseException:
    """The innermost error: requests and urllib3 wrap it several times, as an argument or as ``reason``."""
    for inner in (getattr(error, "reason", None), error.__cause__, *error.args):
        if isinstance(inner, BaseException):
            return _root_cause(inner)
    return error


def _reason_text(reason: BaseException) -> str:
    """What the system says of a failed connection; other texts may quote the URL, so their type must do."""
    return (reason.strerror if isinstance(reason, OSError) else None) or _words(type(reason).__name__)


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()

"""HTTP that always comes back: a request ends within its deadline and its size, whatever the server does.

In: a path, and when to be done. Out: the status and the whole body, or a ``ChainReadError``. A read timeout alone
bounds silence, not a server that sends a byte every few seconds, so at the deadline the socket is shut from another
thread. Redirects are not followed: they would carry the key of the provider to another host. A GET is repeated where
that may help (``retries``), no faster than the provider allows (``rate_limit``); a POST never is, because whether the
first one arrived cannot be known.
"""

import http.client
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from chain_reader.providers.transport.calls import Call
from chain_reader.providers.transport.errors import (
    ProviderTimeoutError,
    ProviderUnreachableError,
    TruncatedAnswerError,
)
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock, ReadLimits
from chain_reader.providers.transport.rate_limit import pace_of
from chain_reader.providers.transport.retries import may_pass, retried, seconds_to_wait
from chain_reader.providers.transport.sieve import Sieve
from eras import ChainReadError

_CHUNK_BYTES = 1 << 16
_ERROR_BODY_BYTES = 1 << 16
_BANNED = 418

_NEXT_SLOW = "Check that the provider is up and the network is not blocked, then read again"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The status and the body of an answer; the body of an error is cut short.

    ``retry_after_s`` is how long the provider asks to wait, if it does; the names of ``headers`` are in lower case.
    """

    status: int
    body: bytes
    retry_after_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class _Guard:
    """The connection of one request, so that it can be ended from another thread."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.socket: Any = None
        self.expired = False

    def expire(self) -> None:
        """End the request."""
        self.expired = True
        # While connecting, only the connection knows its socket; once an answer is awaited, it may let go of it.
        sock = self.socket or getattr(self.connection, "sock", None)
        if sock is not None:
            with suppress(OSError):  # the request may end in the same moment
                sock.shutdown(socket.SHUT_RDWR)


class _Watchdog:
    """Ends the running request when its time is over; one thread for many requests, gone soon after the last one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._guard: _Guard | None = None
        self._until = self._wakes = 0.0
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, guard: _Guard, seconds: float) -> Iterator[None]:
        """Watch one request."""
        self._watch(guard, time.monotonic() + seconds)
        try:
            yield
        finally:
            with self._changed:
                self._guard = None

    def stop(self) -> None:
        """Let the thread go."""
        with self._changed:
            self._guard = None
            self._changed.notify()

    def _watch(self, guard: _Guard, until: float) -> None:
        with self._changed:
            self._guard, self._until = guard, until
            if self._thread is None or not self._thread.is_alive():  # it is not alive in a process that was forked
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif until < self._wakes:
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while self._guard is not None:
                left = self._until - time.monotonic()
                if left <= 0:
                    self._guard.expire()
                    break
                self._wakes = self._until
                self._changed.wait(left)
            self._thread = None


class _GuardedAdapter(HTTPAdapter):
    """Notes in the guard of the running request which connection it runs on."""

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
    """Requests to one provider, one at a time.

    Args:
        base_url: what every path follows.
        headers: sent with every request.
        limits: time, size, attempts and rate.
        clock: time and waiting.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str | None],
        limits: ReadLimits,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._limits = limits
        self._clock = clock
        self._pace = pace_of(base_url, limits, clock)
        self._guard = _Guard()
        self._watchdog = _Watchdog()
        self._turn = threading.Lock()
        self._session = _session(base_url)
        self._session.headers.update({name: value for name, value in headers.items() if value is not None})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _GuardedAdapter(lambda: self._guard))

    def get(
        self,
        path: str,
        call: Call,
        *,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        until: float,
        sieve: Sieve | None = None,
    ) -> HttpAnswer:
        """Ask for ``path``, and be done at ``until`` (of the clock's ``monotonic``), all attempts included.

        ``headers`` are sent beside those of every request. With a ``sieve`` the answer is read as a stream, and its
        body is what that keeps.

        Raises:
            ChainReadError: one of its subclasses in ``errors``: unreachable, too slow, too long, half an answer.
        """
        return self._repeated("GET", path, call, until, sieve, params=params, headers=headers)

    def query(self, path: str, call: Call, body: bytes, *, until: float, sieve: Sieve | None = None) -> HttpAnswer:
        """Ask by a POST of JSON that changes nothing, and is therefore repeated as a GET is.

        Raises:
            ChainReadError: as ``get``.
        """
        headers = {"Content-Type": "application/json"}
        return self._repeated("POST", path, call, until, sieve, data=body, headers=headers)

    def post(
        self,
        path: str,
        call: Call,
        body: bytes,
        content_type: str,
        *,
        headers: Mapping[str, str] | None = None,
        until: float,
    ) -> HttpAnswer:
        """Send ``body`` to ``path`` once, and be done by the deadline of one call or at ``until``.

        ``headers`` are sent beside those of every request.

        Raises:
            ChainReadError: as ``get``. After any of these but a ban, whether it arrived is unknown.
        """
        sent = {**(headers or {}), "Content-Type": content_type}
        return self._once("POST", path, call, until, None, data=body, headers=sent)

    def _repeated(
        self, method: str, path: str, call: Call, until: float, *how: Sieve | None, **request: Any
    ) -> HttpAnswer:
        return retried(
            lambda: self._once(method, path, call, until, *how, **request),
            until,
            self._limits,
            self._clock,
            pause_of=lambda answer: (answer.retry_after_s or 0.0) if may_pass(answer.status) else None,
        )

    def _once(
        self, method: str, path: str, call: Call, until: float, sieve: Sieve | None, **request: Any
    ) -> HttpAnswer:
        self._pace.enter(call, until)
        with self._turn:
            seconds = min(self._limits.call_deadline_s, until - self._clock.monotonic())
            if seconds <= 0:
                raise self._too_late(call)
            self._guard = _Guard()
            with self._watchdog.watching(self._guard, seconds):
                try:
                    answer = self._send(method, path, call, seconds=seconds, request=request, sieve=sieve)
                except ChainReadError:
                    raise
                except Exception as error:
                    # A socket shut at the deadline makes the layers above fail in many ways.
                    if self._guard.expired:
                        raise self._too_late(call) from error
                    raise self._mapped(call, error) from error
        if answer.status == _BANNED:
            self._pace.ban(answer.retry_after_s)
        return answer

    def close(self) -> None:
        """Close the connections. Calling it twice is fine."""
        self._watchdog.stop()
        self._session.close()

    def _send(
        self, method: str, path: str, call: Call, *, seconds: float, request: Mapping[str, Any], sieve: Sieve | None
    ) -> HttpAnswer:
        limits = self._limits
        timeouts = (min(limits.connect_timeout_s, seconds), min(limits.read_timeout_s, seconds))
        url = self._base_url + path
        with self._session.request(
            method, url, timeout=timeouts, stream=True, allow_redirects=False, **request
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            if response.status_code != http.HTTPStatus.OK:
                retry_after_s = seconds_to_wait(response.headers.get("Retry-After", ""), self._clock.posix())
                return HttpAnswer(response.status_code, self._error_body(response), retry_after_s, headers)
            if sieve is None:
                body = b"".join(self._pieces(call, response, "max_answer_bytes"))
            else:
                pieces = self._pieces(call, response, "max_message_bytes")
                body = sieve.sift(call, pieces, limits.max_answer_bytes)
            return HttpAnswer(response.status_code, body, headers=headers)

    def _pieces(self, call: Call, response: requests.Response, limit: str) -> Iterator[bytes]:
        """The body as it comes, within the limit of that name and the deadline."""
        left = most = getattr(self._limits, limit)
        for piece in response.raw.stream(_CHUNK_BYTES, decode_content=True):
            left -= len(piece)
            if left < 0:
                raise call.beyond(limit, f"at most {most} bytes")
            yield piece
        if self._guard.expired:  # the shut socket looked like the end of an answer without a length
            raise self._too_late(call)

    @staticmethod
    def _error_body(response: requests.Response) -> bytes:
        """The beginning of an error's body; the status suffices if it cannot be read."""
        try:
            return bytes(response.raw.read(_ERROR_BODY_BYTES, decode_content=True))
        except (HTTPError, OSError, ValueError, http.client.HTTPException):
            return b""

    def _too_late(self, call: Call) -> ProviderTimeoutError:
        return call.too_late(
            f"a whole answer within {self._limits.call_deadline_s:g} s, "
            f"all of a reading within {self._limits.read_deadline_s:g} s",
            "none so far",
            _NEXT_SLOW,
        )

    def _mapped(self, call: Call, error: Exception) -> ChainReadError:
        """The error of ours for one of requests or urllib3."""
        if isinstance(error, requests.Timeout | ReadTimeoutError):
            connecting = isinstance(error, requests.ConnectTimeout)
            limit = self._limits.connect_timeout_s if connecting else self._limits.read_timeout_s
            awaited = "a connection" if connecting else "the next bytes"
            return call.too_late(f"{awaited} within {limit:g} s", "silence", _NEXT_SLOW)
        reason = _root_cause(error)
        if isinstance(error, DecodeError) or (
            isinstance(reason, http.client.HTTPException)
            and not isinstance(reason, http.client.RemoteDisconnected | http.client.IncompleteRead)
        ):
            return call.unexpected("an HTTP answer", type(reason).__name__)
        if isinstance(error, HTTPError):  # urllib3's own: the answer had begun
            return call.error(
                TruncatedAnswerError,
                "got an incomplete answer",
                expected="a complete answer",
                got="a connection that ended in the middle of it",
                next_step="Read again; if it happens again, check the provider and any proxy on the way",
            )
        return call.error(
            ProviderUnreachableError,
            "could not be sent",
            expected="a connection",
            got=_reason_text(reason),
            next_step="Check that address, this machine's network and any proxy, or use another provider",
        )


def _session(base_url: str) -> requests.Session:
    """A session with the environment's proxies and certificates, looked up once instead of at each request.

    A ``.netrc`` is left alone: what it has for the host is not meant for us.
    """
    session = requests.Session()
    session.trust_env = False
    given = requests.utils.get_environ_proxies(base_url, no_proxy=None)
    session.proxies.update(given)
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    return session


def _root_cause(error: BaseException) -> BaseException:
    """The innermost error: requests and urllib3 wrap it several times, as an argument or as ``reason``."""
    for inner in (getattr(error, "reason", None), error.__cause__, *error.args):
        if isinstance(inner, BaseException):
            return _root_cause(inner)
    return error


def _reason_text(reason: BaseException) -> str:
    """The system's message about a failed connection; other texts may quote the URL, so their type must do."""
    words = re.sub("([A-Z])", lambda letter: f" {letter[0].lower()}", type(reason).__name__).strip()
    return (reason.strerror if isinstance(reason, OSError) else None) or words

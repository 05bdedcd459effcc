"""The gate that every request passes, and the headers that every answer carries. Plain ASGI, because it must be fast.

In: requests. What happens to each, in this order:

1. Its ``era-id`` and its node's version are noted (``peers``); no request is refused for its era-id.
2. A ``mithril-api-version`` that is not compatible with ``API_VERSION`` is answered 412, with the supported version.
3. A document that exists already (``Service.answers``) is sent from memory, or 304 if the client has it.
4. A body that exceeds the limit is refused while it is received.
5. Anything else is passed on to the routes.

Every answer carries the id of its request (``x-request-id``: the client's own, if it is a plain word), which is also on
every line of the log that the request causes; the service's era-id and versions; and security headers for browsers.
Answers that depend on the version of the API vary by it, so that caches keep them apart.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from era_service.service.answers import Answer, Header, cache_control
from era_service.service.documents import API_VERSION
from era_service.service.refusals import RequestError
from era_service.service.service import Service
from era_service.web.problems import PROBLEM_JSON, problem_body
from era_service.web.stream import EventStream
from eras import (
    AGGREGATOR_NODE_VERSION_HEADER,
    API_VERSION_HEADER,
    SIGNER_NODE_VERSION_HEADER,
    ApiVersion,
    MarkerError,
    __version__,
)
from eras.era_id import ERA_ID_HEADER, PeerSchedule

SPOKEN_UNDER: Final = ("/era/", "/configuration", "/switches", "/adoption/", "/registrations", "/events")
"""The paths for nodes, where the version of the API counts; health, metrics and the dashboard are for others."""

STREAM: Final = "/events/stream"
"""The endless answer, which a HEAD request must not begin."""

SECURITY_HEADERS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            b"font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
)
TLS_HEADERS: Final[tuple[Header, ...]] = ((b"strict-transport-security", b"max-age=31536000"),)

REHEARSAL: Final[tuple[Header, ...]] = ((b"eraswitch-rehearsal", b"true"),)
"""On every answer about a rehearsed network."""

_API, _ERA_ID = API_VERSION_HEADER.encode(), ERA_ID_HEADER.encode()
_SIGNER, _AGGREGATOR = SIGNER_NODE_VERSION_HEADER.encode(), AGGREGATOR_NODE_VERSION_HEADER.encode()
_REQUEST_ID = b"x-request-id"
_PLAIN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_GOODBYE: Final[Header] = (b"connection", b"close")
"""Ends a kept connection after its answer: otherwise a balancer would send the next request into it."""
_VARY: Final[Header] = (b"vary", _API)
_SEEN: Final = frozenset((b"if-none-match", b"content-length", _API, _ERA_ID, _SIGNER, _REQUEST_ID))


class Gate:
    """The ASGI application in front of the routes.

    Args:
        app: the routes.
        service: the service that answers.
        stream: the event stream behind the routes, which must be ended when the server stops.
        tls: whether the service speaks TLS, so that browsers may be asked to use nothing else.
        around: further middleware, the innermost first: metrics, traces.
    """

    def __init__(
        self,
        app: ASGIApp,
        service: Service,
        stream: EventStream,
        *,
        tls: bool = False,
        around: Sequence[Callable[[ASGIApp], ASGIApp]] = (),
    ) -> None:
        self.app = app
        self.stream = stream
        self._entry: ASGIApp = self._answer
        origins = service.settings.service.cors_origins
        if origins:
            exposed = ["etag", ERA_ID_HEADER, API_VERSION_HEADER, _REQUEST_ID.decode()]
            self._entry = CORSMiddleware(
                self._answer, allow_origins=list(origins), allow_methods=["GET"], expose_headers=exposed
            )
        for put_around in around:
            self._entry = put_around(self._entry)
        self._service = service
        self._constant: tuple[Header, ...] = (
            *SECURITY_HEADERS,
            *(TLS_HEADERS if tls else ()),
            *(REHEARSAL if service.network.embedded else ()),
            (_AGGREGATOR, __version__.encode()),
        )
        self._ours: tuple[object, tuple[Header, ...]] = (None, ())
        self._varying: tuple[Header, ...] = ()
        self._background: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._entry(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        seen = {name: value for name, value in scope["headers"] if name in _SEEN}
        spoken = path.startswith(SPOKEN_UNDER)
        own = (*self._own_headers(varying=spoken), (_REQUEST_ID, _id_of(seen.get(_REQUEST_ID))))
        if self._service.is_leaving:
            own = (_GOODBYE, *own)
        if _ERA_ID in seen and seen[_ERA_ID] != self._service.era_id:
            self._judge_peer(seen[_ERA_ID].decode("latin-1"))
        if _SIGNER in seen:
            self._service.peers.note_version(seen[_SIGNER].decode("latin-1"))
        if _API in seen and spoken:
            problem = self._version_problem(seen[_API].decode("latin-1"))
            if problem is not None:
                await _send_problem(send, problem, path, own)
                return
        if scope["method"] in ("GET", "HEAD"):
            if scope["method"] == "HEAD" and path != STREAM:
                scope = {**scope, "method": "GET"}  # the server leaves the body out by itself
            if not scope["query_string"] and (answer := self._service.answer(path)) is not None:
                await self._send_answer(send, answer, seen.get(b"if-none-match"), own)
                return
        bind_contextvars(request_id=own[-1][1].decode())  # of this task: the server makes one for each request
        await self._pass_on(scope, receive, send, seen.get(b"content-length"), own)

    def _own_headers(self, *, varying: bool) -> tuple[Header, ...]:
        """The headers of every answer, ``varying`` if the version counts; made anew for another snapshot."""
        answers = self._service.answers
        known, headers = self._ours
        if known is not answers or not headers:
            spoken = (_API, str(API_VERSION).encode())
            ours = ((_ERA_ID, self._service.era_id),) if self._service.era_id else ()
            headers = (*self._constant, spoken, *ours)
            self._ours, self._varying = (answers, headers), (*headers, _VARY)
        return self._varying if varying else headers

    async def _send_answer(
        self, send: Send, answer: Answer, if_none_match: bytes | None, own: tuple[Header, ...]
    ) -> None:
        service = self._service
        age = cache_control(service.settings.service.max_age_s, service.epoch_ends_at_s, service.clock())
        if answer.matches(if_none_match):
            headers = [(b"etag", answer.etag), age, *own]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [*answer.headers, age, *own]})
        await send({"type": "http.response.body", "body": answer.body})

    async def _pass_on(
        self, scope: Scope, receive: Receive, send: Send, length: bytes | None, own: tuple[Header, ...]
    ) -> None:
        limit = self._service.settings.service.max_body_bytes

        async def send_with_ours(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        taken = 0

        async def receive_some() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise _too_large(limit)
            return message

        if length is not None and length.isdigit() and int(length) > limit:
            await _send_problem(send, _too_large(limit), scope["path"], own)
            return
        await self.app(scope, receive_some, send_with_ours)

    def _version_problem(self, text: str) -> RequestError | None:
        try:
            asked = ApiVersion.parse(text)
        except MarkerError as error:
            return RequestError(
                error.what,
                expected=error.expected,
                got=error.got,
                next_step=error.next_step,
                code="MalformedRequest",
            )
        if asked.is_compatible_with(API_VERSION):
            return None
        return RequestError(
            "The service does not speak this API version",
            expected=f"one that is compatible with {API_VERSION}",
            got=str(asked),
            next_step="Upgrade the node" if asked < API_VERSION else "Upgrade the service, or use one that speaks it",
            spoken=str(API_VERSION),
            code="ApiVersionMismatch",
        )

    def _judge_peer(self, text: str) -> None:
        service = self._service
        known = service.known_identity
        if known is None:
            return
        identity, epoch = known
        verdict, is_new = service.peers.judge(text, identity, epoch)
        if not is_new or verdict is None or verdict is PeerSchedule.SAME:
            return
        report = partial(service.peers.report, text, verdict, identity.at(epoch), epoch)
        reporting = asyncio.get_running_loop().run_in_executor(None, report)
        self._background.add(reporting)
        reporting.add_done_callback(self._background.discard)


def _id_of(given: bytes | None) -> bytes:
    """The id of a request: the client's, if it is a plain word, otherwise a new one."""
    return given if given is not None and _PLAIN_ID.fullmatch(given) else secrets.token_hex(8).encode()


def _too_large(limit: int) -> RequestError:
    return RequestError(
        "The body of the request is too large",
        expected=f"at most {limit} bytes",
        got="more",
        next_step="Send less at once",
        max_body_bytes=limit,
        code="BodyTooLarge",
    )


async def _send_problem(send: Send, error: RequestError, path: str, own: tuple[Header, ...]) -> None:
    body = problem_body(error, path)
    headers = [
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *own,
    ]
    await send({"type": "http.response.start", "status": error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

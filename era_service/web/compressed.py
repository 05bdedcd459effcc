"""Answers in gzip, for who takes it: pages, and documents of the routes. The event stream is never held back for it.

Answers from memory (``Service.answers``) do not pass here: they are short, and most are a 304.
"""

from typing import Final

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from era_service.web.front import STREAM

LEAST_BYTES: Final = 1_024
"""What is shorter fits into a packet as it is."""
LEVEL: Final = 5


class Compressed:
    """Puts gzip around an application. Its strong ETags become weak ones: they are of other bytes.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._gzip = GZipMiddleware(app, minimum_size=LEAST_BYTES, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] == STREAM:
            await self._app(scope, receive, send)
            return

        async def send_weakened(message: Message) -> None:
            if message["type"] == "http.response.start" and (b"content-encoding", b"gzip") in message["headers"]:
                message["headers"] = [
                    (name, b"W/" + value if name == b"etag" and value.startswith(b'"') else value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await self._gzip(scope, receive, send_weakened)

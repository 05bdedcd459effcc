"""JSON answers over HTTP, in the one form that every face of the local chain uses for errors: Blockfrost's.

In: exceptions and request bodies. Out: ``{"status_code": 400, "error": "Bad Request", "message": "…"}``, and bodies
within a limit. A path or a method that does not exist is a 400, as at Blockfrost; what goes wrong inside is a 500 that
shows the client nothing (the server logs it, with its traceback).
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from eras import EraSwitchError

MAX_BODY_BYTES = 1 << 20
NOT_FOUND = "The requested component has not been found."
INVALID_PATH = "Invalid path. Please check https://docs.blockfrost.io/"
INTERNAL = "An unexpected response was received from the backend."


def error_answer(status: int, message: str) -> JSONResponse:
    """An error in Blockfrost's form."""
    return JSONResponse(
        {"status_code": status, "error": HTTPStatus(status).phrase, "message": message}, status_code=status
    )


def not_found() -> HTTPException:
    """The error for what could exist and does not."""
    return HTTPException(404, NOT_FOUND)


async def read_body(request: Request) -> bytes:
    """The whole body of ``request``.

    Raises:
        HTTPException: it is longer than ``MAX_BODY_BYTES``.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, "Request body is too large")
    return body


async def read_object(request: Request) -> dict[str, object]:
    """The body of ``request`` as a JSON object.

    Raises:
        HTTPException: it is something else, or too long.
    """
    found = json_object(await read_body(request))
    if found is None:
        raise HTTPException(400, "The body must be a JSON object")
    return found


def json_object(text: str | bytes) -> dict[str, object] | None:
    """The JSON object that ``text`` is, or ``None``.

    Values that Python's reader takes and no answer could repeat are not JSON: ``NaN``, infinities, halves of surrogate
    pairs.
    """
    try:
        found = json.loads(text)
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the table below says so
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED or error.detail == HTTPStatus.NOT_FOUND.phrase:
        return error_answer(400, INVALID_PATH)
    return error_answer(error.status_code, error.detail)


def _answer_own_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, EraSwitchError)  # noqa: S101 - the table below says so
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise error
    return error_answer(error.http_status, str(error))


def _answer_failure(request: Request, error: Exception) -> Response:
    return error_answer(500, INTERNAL)  # Starlette raises it again afterwards, and uvicorn logs it


EXCEPTION_HANDLERS: dict[Any, Callable[[Request, Exception], Response]] = {
    HTTPException: _answer_http_error,
    EraSwitchError: _answer_own_error,
    Exception: _answer_failure,
}

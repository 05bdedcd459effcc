"""Answers of the dashboard: each with an ETag, and 304 where the browser has it already."""

from collections.abc import Mapping
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from era_service.service.answers import Answer

FRESH: Final = {"cache-control": "no-cache"}
"""Kept by a browser, and asked for again each time."""


def answered(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] = FRESH,
    same_as: bytes | None = None,
) -> Response:
    """The answer with a body, or that the browser has it.

    Args:
        request: what was asked.
        body: what is answered.
        media_type: of the body.
        status: of the answer, where the body is sent.
        headers: beside the ETag.
        same_as: what counts of the body where not all does: two with the same are the same to a browser.
    """
    answer = Answer.of(body if same_as is None else same_as)
    tag = answer.etag.decode() if same_as is None else f"W/{answer.etag.decode()}"
    headed = {**headers, "etag": tag}
    known = request.headers.get("if-none-match")
    if status == 200 and answer.matches(None if known is None else known.encode("latin-1")):
        return Response(status_code=304, headers=headed)
    return Response(body, status, headers=headed, media_type=media_type)

"""Problems: errors over HTTP as RFC 9457 describes them, with the stable codes of the error table.

In: any exception. Out: ``application/problem+json``. Our own errors show all their facts, because none holds a secret;
a foreign one shows only that it happened, and the log has the details.
"""

import json
import logging
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from era_service.service.documents import Problem
from era_service.service.patterns import reason_of
from era_service.service.refusals import RequestError, TokenNeededError
from eras import EraSwitchError

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:eraswitch:error:"
SEE_DESCRIPTION = "See /docs, which shows every path and its methods"

_log = logging.getLogger(__name__)


def problem_body(error: EraSwitchError, instance: str) -> bytes:
    """The problem document of an error, as JSON; ``instance`` is the path that was asked for."""
    problem = Problem(
        type=TYPE_PREFIX + error.code,
        title=error.what,
        status=error.http_status,
        detail=str(error),
        instance=instance,
        code=error.code,
        expected=error.expected,
        got=error.got,
        next_step=error.next_step,
        facts=error.facts,
    )
    return json.dumps(problem.model_dump(), default=str, separators=(",", ":")).encode()


def problem_response(error: EraSwitchError, instance: str) -> Response:
    """The answer to a request that failed with an error."""
    # Some facts are headers of the answer too: when to retry, and how to authenticate.
    headers = {}
    if isinstance(error, RequestError) and "retry_after_s" in error.facts:
        headers["retry-after"] = str(error.facts["retry_after_s"])
    if isinstance(error, TokenNeededError):
        headers["www-authenticate"] = 'Bearer realm="eraswitch"'
    if isinstance(error, RequestError) and "allow" in error.facts:
        headers["allow"] = error.facts["allow"]
    headers["cache-control"] = "no-store"
    return Response(problem_body(error, instance), error.http_status, headers, PROBLEM_JSON)


def handle_own(request: Request, error: Exception) -> Response:
    """Answer with one of our own errors."""
    assert isinstance(error, EraSwitchError)  # noqa: S101 - so it is registered
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("%s %s: %s", request.method, request.url.path, error)
    return problem_response(error, request.url.path)


def handle_http(request: Request, error: Exception) -> Response:
    """Answer with an error of the framework."""
    assert isinstance(error, HTTPException)  # noqa: S101 - so it is registered
    path, allowed = request.url.path, (error.headers or {}).get("Allow")
    got = f"{request.method} {path}"[:200]
    if error.status_code == HTTPStatus.NOT_FOUND:
        problem = RequestError(
            "There is nothing at this path",
            expected="a path of /openapi.json",
            got=got,
            next_step=SEE_DESCRIPTION,
            code="PathNotFound",
        )
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        problem = RequestError(
            "The path does not take this method",
            expected=allowed or "another method",
            got=got,
            next_step=SEE_DESCRIPTION,
            code="MethodNotAllowed",
            **({} if allowed is None else {"allow": allowed}),
        )
    else:
        problem = RequestError(
            "The request cannot be understood",
            expected="what /openapi.json describes",
            got=str(error.detail)[:200],
            next_step="Correct it",
            code="MalformedRequest",
        )
    return problem_response(problem, path)


def handle_invalid(request: Request, error: Exception) -> Response:
    """Answer a request that does not match the OpenAPI description."""
    found = error.errors()[:20]  # type: ignore[attr-defined]
    places = [
        {"place": ".".join(str(part) for part in item["loc"]), "reason": reason_of(item), "kind": item["type"]}
        for item in found
    ]
    first = places[0] if places else {"place": "the request", "reason": "it is not valid", "kind": "value_error"}
    problem = RequestError(
        "The request is not valid",
        expected="what /openapi.json describes",
        got=f"{first['place']}: {first['reason']}"[:300],
        next_step="Correct it",
        mistakes=places,
        code="MalformedRequest" if first["kind"] == "json_invalid" else "RequestInvalid",
    )
    return problem_response(problem, request.url.path)


def handle_bug(request: Request, error: Exception) -> Response:
    """Answer an unexpected error: the server logs it, and the answer has only its type."""
    problem = EraSwitchError(
        "A bug in eraswitch", got=f"an unexpected {type(error).__name__}", next_step="See the log of the service"
    )
    return problem_response(problem, request.url.path)

"""Authorisation of writers: API tokens and rates.

In: requests. Out: the token that a request may write with, or an error. Rates are limited for each token, and for each
address without a valid one, so that nobody can guess tokens quickly; the number of remembered addresses is bounded.
"""

from starlette.requests import Request

from era_service.service.refusals import RequestError, TokenNeededError
from era_service.service.service import Service
from era_store.tokens import REGISTRATIONS_WRITE, ApiToken, check_token


def registering_token(request: Request, service: Service) -> ApiToken | None:
    """The token of a request that registers; ``None`` if it has none and parties may sign instead.

    Raises:
        RequestError: the service only reads, or the token does not allow this.
        TokenNeededError: a valid token is needed, and there is none.
        RequestError: too many requests were made with it, or from the address.
    """
    if request.headers.get("authorization") or not service.settings.service.signed_without_token:
        return require_token(request, service, REGISTRATIONS_WRITE)
    _require_writable(service)
    service.rates.take(_address(request))
    return None


def require_token(request: Request, service: Service, scope: str) -> ApiToken:
    """The token of a request that writes. Reads the store, so it must run in a worker thread.

    Raises:
        RequestError: the service only reads, or the token does not allow this.
        TokenNeededError: there is no valid token.
        RequestError: too many requests were made with it, or from the address without a valid one.
    """
    _require_writable(service)
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    token = None
    if kind.lower() == "bearer" and text:
        token = check_token(text.strip(), service.store.tokens.find, time_s=service.clock())
    service.rates.take(_address(request) if token is None else f"token {token.id}")
    if token is None:
        raise TokenNeededError(
            "Writing needs an API token",
            expected="the header Authorization: Bearer eraswitch_…, with a valid token",
            got="none" if not text else "one that is unknown, expired or revoked",
            next_step=f"Ask the operators for one: eraswitch token new NAME --scope {scope}",
        )
    if scope not in token.scopes:
        raise RequestError(
            "The API token does not allow this",
            expected=scope,
            got=", ".join(token.scopes),
            next_step=f"Ask the operators for another: eraswitch token new NAME --scope {scope}",
            code="NotAllowed",
        )
    return token


def _require_writable(service: Service) -> None:
    """Check that the service accepts writes.

    Raises:
        RequestError: it only reads.
    """
    if service.settings.service.public:
        raise RequestError(
            "This service is read-only",
            expected="a service that accepts registrations",
            got="a public one",
            next_step="Send them to the service of the release team",
            code="NotAllowed",
        )


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"

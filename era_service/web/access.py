"""Who may write, and how often: API tokens and rates.

In: requests. Out: the token that a request may write with, or an error. A rate is kept for each token, and for each
address that comes without a good one, so that nobody can try tokens at speed; the addresses that are remembered are
bounded.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from era_service.web.problems import NotAllowedError, TokenNeededError, TooManyRequestsError
from era_store.tokens import check_token

if TYPE_CHECKING:
    from starlette.requests import Request

    from era_service.service.service import Service
    from era_store import ApiToken

MAX_CLIENTS = 10_000


class Rates:
    """Token buckets, one for each client.

    Args:
        per_s: requests in a second, in the long run.
        burst: requests at once.
        clock: seconds, by any clock that does not go back.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Count one request of ``client``.

        Raises:
            TooManyRequestsError: it has made too many; the error says when to come back.
        """
        now_s = self._clock()
        with self._lock:
            level, at_s = self._levels.pop(client, (float(self._burst), now_s))
            level = min(float(self._burst), level + (now_s - at_s) * self._per_s)
            allowed = level >= 1
            self._levels[client] = (level - 1 if allowed else level, now_s)
            while len(self._levels) > MAX_CLIENTS:
                self._levels.popitem(last=False)
        if not allowed:
            wait_s = max(1, round((1 - level) / self._per_s + 0.5))
            raise TooManyRequestsError(
                "Too many requests",
                expected=f"{self._per_s:g} in a second, or {self._burst} at once",
                got="more",
                next_step=f"Come back in {wait_s} s, with more in one request",
                retry_after_s=wait_s,
            )


def require_token(request: "Request", service: "Service", scope: str) -> "ApiToken":
    """The token of a request that writes; it asks the store, so it is for a worker thread.

    Raises:
        NotAllowedError: the service only reads, or the token does not allow this.
        TokenNeededError: there is no token, or none that counts.
        TooManyRequestsError: too many were made with it, or from the address without a good one.
    """
    if service.settings.service.public:
        raise NotAllowedError(
            "This service only reads",
            expected="a service that takes registrations",
            got="one that is public",
            next_step="Send them to the service of the release team",
        )
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    address = request.client.host if request.client is not None else "unknown"
    token = None
    if kind.lower() == "bearer" and text:
        token = check_token(text.strip(), service.store.tokens, time_s=service.clock())
    service.rates.take(address if token is None else f"token {token.id}")
    if token is None:
        raise TokenNeededError(
            "An API token is needed to write",
            expected="the header Authorization: Bearer eraswitch_…, with a token that counts",
            got="none" if not text else "one that is unknown, expired or revoked",
            next_step=f"Ask the operators for one: eraswitch token new --scope {scope}",
        )
    if scope not in token.scopes:
        raise NotAllowedError(
            "The API token does not allow this",
            expected=scope,
            got=", ".join(token.scopes),
            next_step=f"Ask the operators for another: eraswitch token new --scope {scope}",
        )
    return token

"""Asking no faster than a provider allows, and not at all where it has banned us.

In: who is asked, and when. Out: a pause before the request, or the refusal to make it. Blockfrost documents its limits
as 10 requests a second for an IP address, a burst of 500 beside, and a ban (418) for one that continues after that.

1. Every observer of one provider in this process shares one ``Pace``: the provider counts by address, too.
2. A ban is remembered, and nothing is asked until it is over: each request would prolong it.
3. A provider on this machine is not slowed down: there is no shared service to spare.
"""

import threading
from collections.abc import Callable
from ipaddress import ip_address
from math import inf
from urllib.parse import urlsplit

from chain_reader.providers.transport.calls import Call
from chain_reader.providers.transport.errors import ProviderBannedError, ProviderTimeoutError
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock, ReadLimits

BAN_S = 3_600.0
"""Seconds without a request after a 418 that names no time; Blockfrost documents none."""

LONGEST_BAN_S = 86_400.0
"""The longest such time, whatever a provider names."""


class TokenBucket:
    """A rate with a burst: a full bucket of tokens, one taken for each request, refilled steadily.

    Args:
        per_s: tokens a second.
        burst: tokens of a full bucket, as it is at first.
        clock: seconds, by any clock that does not go back.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = SYSTEM_CLOCK.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = float(burst)
        self._counted = clock()

    def take(self, within_s: float = inf) -> float:
        """Take a token, and return the seconds until it is there; where those are more than ``within_s``, leave it."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._counted) * self._per_s)
            self._counted = now
            wait_s = max(0.0, (1 - self._tokens) / self._per_s)
            if wait_s <= within_s:
                self._tokens -= 1
            return wait_s


class Pace:
    """The rate at which one provider is asked.

    Args:
        bucket: the rate; ``None`` for none.
        clock: time and waiting.
    """

    def __init__(self, bucket: TokenBucket | None, clock: Clock = SYSTEM_CLOCK) -> None:
        self._bucket = bucket
        self._clock = clock
        self._banned_until = -inf

    def enter(self, call: Call, until: float) -> None:
        """Wait for the turn of a request.

        Raises:
            ProviderBannedError: the provider has banned us, and the ban is not over.
            ProviderTimeoutError: the turn comes after ``until``.
        """
        left_s = self._banned_until - self._clock.monotonic()
        if left_s > 0:
            raise call.error(
                ProviderBannedError,
                "was not sent: the provider has banned this machine",
                got=f"a ban for {left_s:.0f} s more",
                next_step="Wait until it is over, then ask less often, or use another provider",
                retry_after_s=left_s,
            )
        if self._bucket is None:
            return
        left_s = until - self._clock.monotonic()
        wait_s = self._bucket.take(left_s)
        if wait_s > left_s:
            raise call.error(
                ProviderTimeoutError,
                "was not sent in time: too many requests were ahead of it",
                expected="to be sent before the deadline of the reading",
                got="no turn at the configured rate",
                next_step="Ask less often, or raise requests_per_s if the provider's plan allows more",
            )
        if wait_s > 0:
            self._clock.sleep(wait_s)

    def ban(self, seconds: float | None) -> None:
        """Remember that the provider has banned us, for ``seconds`` where it named them (rule 2)."""
        self._banned_until = self._clock.monotonic() + min(BAN_S if seconds is None else seconds, LONGEST_BAN_S)


_PACES: dict[tuple[str, float, int, Clock], Pace] = {}
_PACES_LOCK = threading.Lock()


def pace_of(url: str, limits: ReadLimits, clock: Clock = SYSTEM_CLOCK) -> Pace:
    """The pace of the provider at ``url``, shared by all that ask it by the same clock (rule 1)."""
    parts = urlsplit(url)
    key = (f"{parts.scheme}://{parts.netloc}", limits.requests_per_s, limits.burst, clock)
    with _PACES_LOCK:
        if key not in _PACES:
            limited = not is_loopback(parts.hostname or "")
            bucket = TokenBucket(limits.requests_per_s, limits.burst, clock.monotonic) if limited else None
            _PACES[key] = Pace(bucket, clock)
        return _PACES[key]


def forget_paces() -> None:
    """Forget every rate and every ban of this process."""
    with _PACES_LOCK:
        _PACES.clear()


def is_loopback(host: str) -> bool:
    """Whether a host is this machine under an address that no other one reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

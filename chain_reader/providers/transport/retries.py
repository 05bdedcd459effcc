"""Repeats a request: after a lost connection, a 429 or a 5xx, and never when that could make matters worse.

In: a request as a function, and until when. Out: its first good answer, or the last bad one. The rules:

1. Only these are asked again: no connection, a connection lost in the middle of an answer, too many requests (429), and
   a provider that failed (5xx). All other refusals stay what they are however often one asks: a wrong key (403), a ban
   (418), a quota that is used up (402), a full queue (425), a thing that is not there (404). A provider that hangs has
   had its time, and an answer that is not plausible is not made better by repeating the question.
2. Between two attempts lies a random pause (full jitter), whose bound doubles, so that a thousand nodes that lost the
   same provider do not come back in step; where the provider names a time (``Retry-After``), no less than that.
3. All ends within a number of attempts, a budget of seconds, and the deadline of the reading: a pause that would go
   beyond is not begun, and the last answer is reported.
"""

import logging
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying, wait_random_exponential

from chain_reader.providers.transport.errors import (
    ProviderFailedError,
    ProviderRateLimitedError,
    ProviderUnreachableError,
    TruncatedAnswerError,
)
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock, ReadLimits

Answer = TypeVar("Answer")

FIRST_PAUSE_S = 0.5
"""The bound of the first pause."""

LONGEST_PAUSE_S = 30.0
_PAUSE = wait_random_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S)

_SERVER_FAILURE = 500
_TOO_MANY_REQUESTS = 429
_LONGEST_SECONDS_DIGITS = 9


def may_pass(status: int) -> bool:
    """Whether the next answer may be better than one with this HTTP status (rule 1)."""
    return status == _TOO_MANY_REQUESTS or status >= _SERVER_FAILURE


def is_transient(error: BaseException) -> bool:
    """Whether the next attempt may end better than in this error (rule 1)."""
    if isinstance(error, ProviderFailedError):
        return bool(error.facts.get("status", 0) >= _SERVER_FAILURE)
    return isinstance(error, ProviderUnreachableError | TruncatedAnswerError | ProviderRateLimitedError)


def seconds_to_wait(retry_after: str, now_s: float) -> float | None:
    """The seconds to wait that a ``Retry-After`` names, as a number or as a date; ``None`` if it names none."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:_LONGEST_SECONDS_DIGITS])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


def retried(
    request: Callable[[], Answer],
    until: float,
    limits: ReadLimits,
    clock: Clock = SYSTEM_CLOCK,
    *,
    pause_of: Callable[[Answer], float | None] = lambda _: None,
) -> Answer:
    """The answer of ``request``, repeated by the rules above as often as needed and the limits allow.

    Args:
        request: asks once.
        until: when the reading must be over, by the clock's ``monotonic``.
        limits: attempts and budget.
        clock: time and waiting.
        pause_of: the seconds to wait, at least, before an answer is asked for again; ``None`` if it is good.

    Raises:
        ChainReadError: the error of the last attempt.
    """
    last = min(until, clock.monotonic() + limits.retry_budget_s)

    def least_pause(state: RetryCallState) -> float | None:
        """Seconds to wait at least, or ``None`` when nothing is to be asked again."""
        assert state.outcome is not None  # noqa: S101 - the attempt is over
        error = state.outcome.exception()
        if error is None:
            return pause_of(state.outcome.result())
        if not is_transient(error):
            return None
        return float(getattr(error, "facts", {}).get("retry_after_s") or 0.0)

    def enough(state: RetryCallState) -> bool:
        return clock.monotonic() + state.upcoming_sleep >= last or state.attempt_number >= limits.max_attempts

    retrying = Retrying(
        retry=lambda state: least_pause(state) is not None,
        wait=lambda state: max(least_pause(state) or 0.0, _PAUSE(state)),
        stop=enough,
        sleep=clock.sleep,
        before_sleep=_log,
        retry_error_callback=lambda state: state.outcome.result(),  # type: ignore[union-attr]
    )
    answer: Answer = retrying(request)
    return answer


def _log(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logging.getLogger(__name__).debug(
        "Retrying in %.1f s; attempt %d failed: %s",
        state.upcoming_sleep,
        state.attempt_number,
        error or "the provider is temporarily unavailable",
    )

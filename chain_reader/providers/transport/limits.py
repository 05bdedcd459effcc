"""The limits of reading: whatever a provider does, a reading ends within them, with an answer or with an error.

The clock that they are measured by is an argument of the caller, so that tests need not wait.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields

from eras import ConfigurationError

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Clock:
    """The source of the time.

    Attributes:
        monotonic: seconds that only ever grow; deadlines are given in them.
        posix: seconds since 1970, which the machine may set.
        sleep: waits for so many seconds.
    """

    monotonic: Callable[[], float] = time.monotonic
    posix: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits of time and size. Beyond one the answer is an error, never a partial result.

    Attributes:
        connect_timeout_s: seconds to make a connection.
        read_timeout_s: seconds of silence in the middle of an answer.
        call_deadline_s: seconds for one request, however steadily its answer trickles.
        read_deadline_s: seconds for one question to the observer, all its pages included.
        max_answer_bytes: bytes of one HTTP answer, decompressed.
        max_message_bytes: bytes of one websocket message, decompressed, which holds all outputs at an address, or of
            an HTTP answer of which a part is kept (a transaction's inputs), within ``max_answer_bytes``.
        max_pages: pages of one list (of 100 items at Blockfrost).
        max_transactions: transactions whose inputs or outputs are asked for to answer one question.
        max_attempts: how often one request is made, the first time included (``retries``).
        retry_budget_s: seconds that the attempts of one request may take together.
        requests_per_s: how many requests a provider elsewhere gets in a second, in the long run.
        burst: how many it gets at once before that rate holds.

    Raises:
        ConfigurationError: a limit is not above zero.
    """

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 10.0
    call_deadline_s: float = 30.0
    read_deadline_s: float = 180.0
    max_answer_bytes: int = 16 * MEBIBYTE
    max_message_bytes: int = 64 * MEBIBYTE
    max_pages: int = 1_000
    max_transactions: int = 1_000
    max_attempts: int = 4
    retry_budget_s: float = 60.0
    requests_per_s: float = 10.0
    burst: int = 500

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not value > 0:
                raise ConfigurationError(
                    f"The limit {limit.name} is not usable",
                    expected="a number above zero",
                    got=repr(value),
                    next_step=f"Correct {limit.name}",
                )


DEFAULT_LIMITS = ReadLimits()

"""The schedule of a node's calls to its provider: few, at the right moments, and not at the same time as other nodes.

In: the result of each call, and the position in the epoch. Out: the next call, and when it is due. The rules:

1. The chain is *read* at start-up and after every epoch begins, within ``spread_s``, by each node at another moment.
2. If an era begins with the next epoch, the chain is read once more shortly before, so that a cancellation in the last
   hour is not missed. The switch itself happens at the boundary and waits for nothing.
3. The chain is read once in each ``read_interval_s``, so that an announcement is known the same day. The first of these
   readings is at a different moment of the interval for each node.
4. Between readings only the tip is *polled*, once in each ``poll_interval_s``. Without a genesis only polls show that
   an epoch began, so several are made in the time that an epoch was observed to last.
5. A failed call is repeated as a reading, after a wait that doubles up to ``backoff_max_s``; so is a reading that found
   the chain in an earlier epoch than the clock.

Time is monotonic seconds; nothing waits here.
"""

import enum
import math
from dataclasses import dataclass

from era_service.intervals import READ_INTERVAL_S
from era_service.node.epoch_clock import Moment, spread
from eras import Epoch

BACKOFF_FIRST_S = 5.0
LEAST_POLL_S = 1.0
POLLS_IN_AN_EPOCH = 10


class Call(enum.Enum):
    """A call to the provider."""

    READ = "read"
    """Everything at the era address."""
    POLL = "poll"
    """The tip: one call."""


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How often a node calls its provider, and the identity that spreads the calls.

    Attributes:
        poll_interval_s: seconds between two calls when idle.
        spread_s: seconds over which the readings of all nodes are spread when an epoch begins.
        backoff_max_s: the longest wait after a failure, in seconds.
        node_id: identifies the node, and so decides its moments.
        read_interval_s: seconds between two readings within an epoch; infinite for none.
    """

    poll_interval_s: float = 600.0
    spread_s: float = 60.0
    backoff_max_s: float = 300.0
    node_id: str = ""
    read_interval_s: float = READ_INTERVAL_S


class CallSchedule:
    """The call schedule of one node.

    Args:
        options: how often to call.
        now_s: the time of the first reading.
    """

    def __init__(self, options: CallOptions, now_s: float) -> None:
        self.options = options
        self._read_s = now_s
        self._poll_s = math.inf
        self._within_s = math.inf
        self._failures = 0
        self._looked_in: Epoch | None = None
        self._spread_in: Epoch | None = None

    @property
    def due_s(self) -> float:
        """When the next call is due."""
        return min(self._read_s, self._poll_s)

    def due(self, now_s: float) -> Call | None:
        """The call that is due now; ``None`` before that."""
        if self._read_s <= now_s:
            return Call.READ
        return Call.POLL if self._poll_s <= now_s else None

    def epoch_began(self, epoch: Epoch, now_s: float) -> None:
        """Note that an epoch began, by the clock (rule 1)."""
        self._failures = 0
        self._read_s = now_s + spread(self.options.node_id, epoch, self.options.spread_s)

    def polled(self, now_s: float) -> None:
        """Note that a poll was answered."""
        self._poll_s = now_s + min(self.options.poll_interval_s, self._within_s)

    def epoch_lasts(self, seconds: float | None) -> None:
        """Poll several times in an epoch of ``seconds``, where only polls show that one began (rule 4)."""
        self._within_s = math.inf if seconds is None else max(LEAST_POLL_S, seconds / POLLS_IN_AN_EPOCH)

    def read(self, seen: Epoch, moment: Moment, now_s: float, *, next_activation: Epoch | None) -> None:
        """Note that a reading was answered.

        Args:
            seen: the epoch of the chain.
            moment: the moment by the clock.
            now_s: the time.
            next_activation: the epoch at which the upcoming era begins, if it has one.
        """
        self.polled(now_s)
        if moment.epoch is not None and seen < moment.epoch:
            self._again(now_s)
            return
        self._failures = 0
        self._read_s = now_s + self._until_next_reading(seen)
        left_s = moment.next_epoch_s
        if left_s is None or moment.epoch is None or next_activation != moment.epoch + 1:
            return
        look_s = (
            left_s
            - self.options.spread_s * 2
            + spread(self.options.node_id, f"before {next_activation}", self.options.spread_s)
        )
        if look_s > 0 and self._looked_in != moment.epoch:
            self._looked_in = moment.epoch
            self._read_s = min(self._read_s, now_s + look_s)

    def failed(self, now_s: float) -> None:
        """Note that a call failed."""
        self._poll_s = math.inf
        self._again(now_s)

    def _again(self, now_s: float) -> None:
        """Schedule another attempt by rule 5; of two nodes that failed together, one may wait twice as long."""
        self._failures += 1
        longest_s = min(self.options.backoff_max_s, BACKOFF_FIRST_S * 2.0 ** min(self._failures - 1, 32))
        share = spread(self.options.node_id, f"attempt {self._failures}", 0.5)
        self._read_s = now_s + longest_s * (0.5 + share)

    def _until_next_reading(self, epoch: Epoch) -> float:
        """Seconds until the next reading within the epoch (rule 3)."""
        interval_s = self.options.read_interval_s
        if self._spread_in == epoch or math.isinf(interval_s):
            return interval_s
        self._spread_in = epoch
        return spread(self.options.node_id, f"readings of {epoch}", interval_s)

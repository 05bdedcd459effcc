"""When a node calls its provider: seldom, at the right moments, and not when all the others do.

In: what came of each call, and where the epoch stands. Out: the next call and when it is due. The rules:

1. The chain is *read* at start-up and after every epoch begins, within ``spread_s``, each node at a moment of its own.
2. Where an era is to begin with the next epoch, it is read once more shortly before, so that a cancellation of the last
   hour is not missed: the switch itself happens at the boundary, and waits for nobody.
3. It is read again once in each ``read_interval_s``, so that an announcement is known the same day. The first of these
   readings is anywhere in that interval, at a moment of each node's own: they are spread over all of it.
4. Between readings only the tip is *polled*, one call in each ``poll_interval_s``. Without a genesis only polls show
   that an epoch began: then several are made in the time that an epoch was observed to last.
5. A call that fails is made again as a reading, after a wait that doubles up to ``backoff_max_s``; so is a reading that
   found the chain still in an earlier epoch than the clock.

Time is monotonic seconds; nothing waits here.
"""

import enum
import math
from dataclasses import dataclass

from era_service.node.epoch_clock import Moment, spread
from eras import Epoch

BACKOFF_FIRST_S = 5.0
LEAST_POLL_S = 1.0
POLLS_IN_AN_EPOCH = 10
READ_INTERVAL_S = 3_600.0
"""So long at most, where nothing else is configured, until a node that is watched learns of what is published."""


class Call(enum.Enum):
    """The questions to a provider."""

    READ = "read"
    """All that is at the era address."""
    POLL = "poll"
    """The tip: one call."""


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How often a node calls.

    Attributes:
        poll_interval_s: seconds between two calls at rest.
        spread_s: seconds over which the readings of all nodes are spread when an epoch begins.
        backoff_max_s: the longest wait after a failure.
        node_id: identifies the node.
        read_interval_s: seconds between two readings within an epoch; infinite for none.
    """

    poll_interval_s: float = 600.0
    spread_s: float = 60.0
    backoff_max_s: float = 300.0
    node_id: str = ""
    read_interval_s: float = READ_INTERVAL_S


class CallSchedule:
    """The appointments of one node with its provider.

    Args:
        options: how often.
        now_s: the time of the first reading.
    """

    def __init__(self, options: CallOptions, now_s: float) -> None:
        self.options = options
        self._read_s = now_s
        self._poll_s = math.inf
        self._within_s = math.inf
        self._in_vain = 0
        self._looked_in: Epoch | None = None
        self._spread_in: Epoch | None = None

    @property
    def due_s(self) -> float:
        """When the next call is due."""
        return min(self._read_s, self._poll_s)

    def due(self, now_s: float) -> Call | None:
        """The calls that are due now."""
        if self._read_s <= now_s:
            return Call.READ
        return Call.POLL if self._poll_s <= now_s else None

    def epoch_began(self, epoch: Epoch, now_s: float) -> None:
        """The clock shows that an epoch began (rule 1)."""
        self._in_vain = 0
        self._read_s = now_s + spread(self.options.node_id, epoch, self.options.spread_s)

    def polled(self, now_s: float) -> None:
        """A poll was answered."""
        self._poll_s = now_s + min(self.options.poll_interval_s, self._within_s)

    def epoch_lasts(self, seconds: float | None) -> None:
        """Poll several times in an epoch, where only polls show that one began (``EpochClock.observed_epoch_s``)."""
        self._within_s = math.inf if seconds is None else max(LEAST_POLL_S, seconds / POLLS_IN_AN_EPOCH)

    def read(self, seen: Epoch, moment: Moment, now_s: float, *, next_activation: Epoch | None) -> None:
        """A reading was answered.

        Args:
            seen: the epoch that the chain was in.
            moment: where the clock stands.
            now_s: the time.
            next_activation: the epoch at which the upcoming era is to begin, where it has one.
        """
        self.polled(now_s)
        if moment.epoch is not None and seen < moment.epoch:
            self._again(now_s)
            return
        self._in_vain = 0
        self._read_s = now_s + self._until_next_reading(seen)
        left_s = moment.next_epoch_s
        if left_s is None or moment.epoch is None or next_activation != moment.epoch + 1:
            return
        look_s = left_s - self.options.spread_s * 2 + self._spread(f"before {next_activation}")
        if look_s > 0 and self._looked_in != moment.epoch:
            self._looked_in = moment.epoch
            self._read_s = min(self._read_s, now_s + look_s)

    def failed(self, now_s: float) -> None:
        """A call was not answered."""
        self._poll_s = math.inf
        self._again(now_s)

    def _again(self, now_s: float) -> None:
        """Rule 5; of two nodes that failed together, one waits up to twice as long as the other."""
        self._in_vain += 1
        longest_s = min(self.options.backoff_max_s, BACKOFF_FIRST_S * 2.0 ** min(self._in_vain - 1, 32))
        share = spread(self.options.node_id, f"attempt {self._in_vain}", 0.5)
        self._read_s = now_s + longest_s * (0.5 + share)

    def _until_next_reading(self, epoch: Epoch) -> float:
        """Rule 3."""
        interval_s = self.options.read_interval_s
        if self._spread_in == epoch or math.isinf(interval_s):
            return interval_s
        self._spread_in = epoch
        return spread(self.options.node_id, f"readings of {epoch}", interval_s)

    def _spread(self, occasion: str) -> float:
        return spread(self.options.node_id, occasion, self.options.spread_s)

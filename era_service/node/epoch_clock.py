"""The epoch of now and the beginning of the next one, by a network's genesis, corrected by its chain.

In: the genesis if it is known, the time, and every tip that is read. Out: a ``Moment``. The rules:

1. With a genesis, the epoch is that of the present slot. Without one it is that of the last tip, which is polled.
2. The time is never earlier than that of a block plus the time since its tip was reported (not since the rest was
   read). If the clock of this machine is slow by that measure, it is corrected until it is set. A correction of more
   than ``MAX_CORRECTION_S`` is refused: the provider could be lying, and the era would switch too early.
3. A tip that is behind corrects nothing, because blocks come at random and providers lag.
4. A reported epoch is never taken back.

Nothing waits here. ``spread`` computes how long a node waits before it calls its provider, so that thousands of nodes
at the same boundary do not call in the same second.
"""

import hashlib
import threading
from dataclasses import dataclass

from chain_reader import ChainTip, NetworkGenesis
from chain_reader.providers.tip_check import CLOCK_SKEW_S
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock
from eras import Epoch, Slot

MAX_CORRECTION_S = 600.0
"""An operator must set a clock that is slower than this."""
_UNIT = float(1 << 64)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, as a chain counts it.

    Attributes:
        time_s: POSIX time in seconds, corrected.
        epoch: the epoch; ``None`` while it is unknown.
        slot: the slot; ``None`` while it is unknown.
        next_epoch_s: seconds until the next epoch begins; ``None`` without a genesis.
    """

    time_s: float
    epoch: Epoch | None
    slot: Slot | None
    next_epoch_s: float | None


class EpochClock:
    """The epoch clock of a node. Several threads may use it.

    Args:
        genesis: the genesis of the network; without it the clock only repeats the last tip.
        clock: the time of this machine.
    """

    def __init__(self, genesis: NetworkGenesis | None = None, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.genesis = genesis
        self.machine = clock
        self._ahead_s: float | None = None  # what a tip's time was ahead of the monotonic clock, at least
        self._tip: ChainTip | None = None
        self._epoch: Epoch | None = None
        self._began_s: float | None = None  # when the epoch of the last tip was first seen, by the monotonic clock
        self._length_s: float | None = None
        self._lock = threading.Lock()

    @property
    def observed_epoch_s(self) -> float | None:
        """The observed length of an epoch in seconds, at least; ``None`` if the genesis is known."""
        with self._lock:
            return self._length_s

    def now(self) -> Moment:
        """The present moment."""
        with self._lock:
            time_s = self._time_s()
            if self.genesis is None:
                return Moment(time_s, self._epoch, None if self._tip is None else self._tip.slot, None)
            slot = self.genesis.slot_at(time_s)
            found = self.genesis.epoch_of(slot)
            self._epoch = found if self._epoch is None else max(self._epoch, found)
            return Moment(time_s, self._epoch, slot, max(0.0, self.genesis.begins_s(self._epoch + 1) - time_s))

    def correct(self, tip: ChainTip, seen_s: float | None = None) -> str | None:
        """Learn from a tip.

        Args:
            tip: the tip.
            seen_s: when it was reported, in monotonic seconds; by default now.

        Returns:
            A warning about this machine's clock, in words, if the tip shows that it is slow.
        """
        with self._lock:
            self._tip = tip if self._tip is None or tip.slot > self._tip.slot else self._tip
            if self.genesis is None:
                if tip.epoch is not None and (self._epoch is None or tip.epoch > self._epoch):
                    self._observe(tip.slot, tip.epoch)
                    self._epoch = tip.epoch
                return None
            tip_s, posix_s = self.genesis.time_of(tip.slot), self.machine.posix()
            slow_s = tip_s - posix_s
            if slow_s > MAX_CORRECTION_S:
                return (
                    f"The tip is {slow_s:.0f} s ahead of the clock of this machine, more than is accepted: "
                    "set the clock, or look at the provider"
                )
            slow_before_s = self._time_s() - posix_s
            ahead_s = tip_s - (self.machine.monotonic() if seen_s is None else seen_s)
            self._ahead_s = ahead_s if self._ahead_s is None else max(self._ahead_s, ahead_s)
            if slow_s > max(CLOCK_SKEW_S, slow_before_s):
                return (
                    f"The clock of this machine is {slow_s:.0f} s slow compared with the tip: it is "
                    "corrected here, but set it right"
                )
            return None

    def _observe(self, slot: Slot, epoch: Epoch) -> None:
        """Learn the length of an epoch: from the first tip, at a second a slot, then from the epochs that passed."""
        now_s = self.machine.monotonic()
        if self._epoch is None or self._began_s is None:
            self._length_s = slot / (epoch + 1)
        else:
            self._length_s = (now_s - self._began_s) / (epoch - self._epoch)
        self._began_s = now_s

    def _time_s(self) -> float:
        """POSIX time by rule 2."""
        posix_s = self.machine.posix()
        return posix_s if self._ahead_s is None else max(posix_s, self.machine.monotonic() + self._ahead_s)


def spread(node_id: str, occasion: object, window_s: float) -> float:
    """The seconds, less than ``window_s``, that a node waits on an occasion: always the same, but not for other nodes.

    Args:
        node_id: identifies the node (its party id).
        occasion: something that all nodes meet at once, such as an epoch; a node waits longer on some than on others.
        window_s: seconds over which the calls of all nodes are spread evenly.
    """
    digest = hashlib.sha256(f"{node_id}\n{occasion}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _UNIT * window_s

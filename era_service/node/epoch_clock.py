"""Which epoch it is and when the next one begins, by a network's genesis, corrected by its chain.

In: the genesis where it is known, the time, and every tip that is read. Out: a ``Moment``. The rules:

1. With a genesis, the epoch is that of the slot of now. Without one it is that of the last tip, which has to be polled.
2. It is never earlier than a block that was seen, plus the time that passed since it was seen, which is when its tip
   was reported, not when all else was read: where the clock of this machine is slow by it, it is corrected until it
   is set right. More than ``MAX_CORRECTION_S`` is not believed: the provider could be lying, and believing it would
   switch the era early.
3. A tip that is behind proves nothing, for blocks come at random and providers lag: no correction is made by it.
4. An epoch that was reported once is never taken back.

Nothing waits here. ``spread`` is how long a node waits before it calls its provider, so that the thousands of nodes
that all meet the same boundary do not call in the same second.
"""

import hashlib
import threading
from dataclasses import dataclass

from chain_reader import ChainTip, NetworkGenesis
from chain_reader.providers.tip_check import CLOCK_SKEW_S
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock
from eras import Epoch, Slot

MAX_CORRECTION_S = 600.0
"""A clock that is slower than this is to be set right by its operator."""
_UNIT = float(1 << 64)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as a chain counts it.

    Attributes:
        time_s: POSIX time in seconds, corrected.
        epoch: the epoch; ``None`` while it is unknown.
        slot: the slot, likewise.
        next_epoch_s: seconds until the next epoch begins; ``None`` without a genesis.
    """

    time_s: float
    epoch: Epoch | None
    slot: Slot | None
    next_epoch_s: float | None


class EpochClock:
    """The epoch clock of a node. Several threads may use it.

    Args:
        genesis: of the network; without it the clock only repeats the last tip.
        clock: time.
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
    def correction_s(self) -> float:
        """Seconds by which the clock of this machine is corrected now."""
        with self._lock:
            return self._time_s() - self.machine.posix()

    @property
    def observed_epoch_s(self) -> float | None:
        """How long an epoch lasts at least, as observed where no genesis is known; ``None`` where one is."""
        with self._lock:
            return self._length_s

    def now(self) -> Moment:
        """The moment of now."""
        with self._lock:
            time_s = self._time_s()
            if self.genesis is None:
                return Moment(time_s, self._epoch, None if self._tip is None else self._tip.slot, None)
            slot = self.genesis.slot_at(time_s)
            found = self.genesis.epoch_of(slot)
            self._epoch = found if self._epoch is None else max(self._epoch, found)
            return Moment(time_s, self._epoch, slot, max(0.0, self._begins_s(Epoch(self._epoch + 1)) - time_s))

    def correct(self, tip: ChainTip, seen_s: float | None = None) -> str | None:
        """Learn from a tip.

        Args:
            tip: it.
            seen_s: when it was reported, in monotonic seconds; by default now.

        Returns:
            A warning about this machine's clock, in words, where the tip shows something about it.
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
        """Learn how long an epoch lasts: from a first tip by slots of a second, then from how long epochs did last."""
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

    def _begins_s(self, epoch: Epoch) -> float:
        genesis = self.genesis
        assert genesis is not None  # noqa: S101 - asked only where it is known
        return genesis.time_of(Slot(genesis.anchor_slot + (epoch - genesis.anchor_epoch) * genesis.epoch_length))


def spread(node_id: str, occasion: object, window_s: float) -> float:
    """How many seconds, less than ``window_s``, a node waits on an occasion; always the same, and another node others.

    Args:
        node_id: identifies the node (its party id).
        occasion: what all nodes meet at once, an epoch for example: the same node is not the last at every one.
        window_s: seconds over which the calls of all nodes are spread evenly.
    """
    digest = hashlib.sha256(f"{node_id}\n{occasion}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _UNIT * window_s

"""Checks a tip against the clock and the genesis of the network (rule T7).

In: a tip, the genesis, the time. Out: a ``TipCheck``: fresh, or stale and by how much. The rules:

1. Blocks come at random, one in 20 slots on the public networks. A tip is *stale* when it is older than any gap that
   chance brings about (``NetworkGenesis.rare_gap_s``: 600 slots there), or than the tolerance that is configured: the
   provider has stopped, or lags, or all of the chain stands still.
2. A tip in the future is *ahead*: the provider lies, or the clock of this machine is slow.
3. Where another observer sees the same tip, the provider is no liar: then the clock of this machine is suspected, and
   with a stale tip the chain as a whole.
4. A tip whose epoch is not that of its slot is *inconsistent*: no chain has it.
"""

import enum
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chain_reader.genesis import PUBLIC_GENESES, NetworkGenesis
from chain_reader.ports import ChainObserver, ChainTip, GenesisObserver
from chain_reader.providers.agreement.observer import AgreementObserver
from chain_reader.providers.transport.errors import (
    ProviderNotFoundError,
    ProviderOfOtherNetworkError,
    UnexpectedAnswerError,
)
from chain_reader.providers.transport.limits import SYSTEM_CLOCK, Clock
from eras import ChainReadError
from eras.words import counted

_log = logging.getLogger(__name__)

CLOCK_SKEW_S = 10.0
"""Seconds by which the clocks of two well-kept machines may differ."""


class TipState(enum.Enum):
    """The verdict on a tip, by the rules above."""

    FRESH = "fresh"
    STALE = "stale"
    AHEAD = "ahead"
    INCONSISTENT = "inconsistent"


@dataclass(frozen=True, slots=True)
class TipCheck:
    """The result of checking a tip.

    Attributes:
        state: fresh, or what is wrong.
        behind_slots: slots from the tip to the slot of now; below 0 when it is ahead.
        behind_s: the same in seconds.
        clock_suspected: whether another observer shows that it may be the clock of this machine.
        words: all of it in words.
    """

    state: TipState
    behind_slots: int
    behind_s: float
    clock_suspected: bool
    words: str

    @property
    def is_fresh(self) -> bool:
        """Whether nothing is wrong."""
        return self.state is TipState.FRESH


def check_tip(
    tip: ChainTip,
    genesis: NetworkGenesis,
    now_s: float,
    *,
    tolerance_s: float | None = None,
    others: Iterable[ChainTip] = (),
) -> TipCheck:
    """Check a tip against the clock.

    Args:
        tip: the tip that an observer reports.
        genesis: of the observer's network.
        now_s: POSIX time.
        tolerance_s: how old a tip may be; by default as old as chance makes it.
        others: the tips of other observers at the same time.
    """
    tolerance = genesis.rare_gap_s if tolerance_s is None else tolerance_s
    behind_s = now_s - genesis.time_of(tip.slot)
    behind_slots = genesis.slot_at(now_s) - tip.slot
    shared = any(abs(other.slot - tip.slot) * genesis.slot_length_s <= tolerance for other in others)
    place = f"the tip at slot {tip.slot}"
    epoch = genesis.epoch_of(tip.slot)
    if tip.epoch is not None and tip.epoch != epoch and tip.slot >= genesis.anchor_slot:
        words = f"{place} is reported in epoch {tip.epoch}, but that slot is in epoch {epoch}"
        return TipCheck(TipState.INCONSISTENT, behind_slots, behind_s, clock_suspected=False, words=words)
    state, side, cause, shared_cause = TipState.FRESH, "", "", ""
    if behind_s > tolerance + CLOCK_SKEW_S:
        state, side, cause = TipState.STALE, "behind", "the provider has stopped or lags"
        shared_cause = "the chain has stopped, or the clock of this machine is fast"
    elif behind_s < -CLOCK_SKEW_S:
        state, side, cause = TipState.AHEAD, "ahead of", "the provider is wrong, or the clock of this machine is slow"
        shared_cause = "the clock of this machine is slow"
    if state is TipState.FRESH:
        return TipCheck(state, behind_slots, behind_s, clock_suspected=False, words=f"{place} is fresh")
    words = f"{place} is {counted(abs(behind_slots), 'slot')} ({_time(abs(behind_s))}) {side} the clock"
    words += f", and so is another observer's: {shared_cause}" if shared else f": {cause}"
    return TipCheck(state, behind_slots, behind_s, clock_suspected=shared, words=words)


class TipWatch:
    """The check as a ``TrustedReader`` takes it: why a tip is not fresh, in words, or ``None``.

    Args:
        genesis: of the network.
        clock: time.
        tolerance_s: how old a tip may be; by default as old as chance makes it.
        others: asks other observers for their tips; it is called only when the tip is not fresh.
    """

    def __init__(
        self,
        genesis: NetworkGenesis,
        *,
        clock: Clock = SYSTEM_CLOCK,
        tolerance_s: float | None = None,
        others: Callable[[], Iterable[ChainTip]] = lambda: (),
    ) -> None:
        self.genesis = genesis
        self._clock = clock
        self._tolerance_s = tolerance_s
        self._others = others

    def __call__(self, tip: ChainTip) -> str | None:
        """The reason why ``tip`` is not fresh."""
        found = self.check(tip)
        return None if found.is_fresh else found.words

    def check(self, tip: ChainTip) -> TipCheck:
        """The verdict on ``tip``."""
        found = self._check(tip, ())
        return found if found.is_fresh else self._check(tip, self._others())

    def _check(self, tip: ChainTip, others: Iterable[ChainTip]) -> TipCheck:
        now_s = self._clock.posix()
        return check_tip(tip, self.genesis, now_s, tolerance_s=self._tolerance_s, others=others)


def genesis_of(observer: ChainObserver, network_magic: int | None) -> NetworkGenesis | None:
    """The genesis of the network that ``observer`` should read: a public one's, or the one that the observer reports.

    Of observers that must agree each is checked for its network; the first one that reports a genesis is believed.

    Args:
        observer: it is asked where it knows the genesis.
        network_magic: magic of the network that it should be of, where that is known.

    Returns:
        The genesis, or ``None`` where nobody knows it. A provider that does not serve it cannot be checked for being of
        the right network, with a log line.

    Raises:
        ProviderOfOtherNetworkError: the observer is of another network.
        ChainReadError: it could not be reached.
    """
    reported: NetworkGenesis | None = None
    for one in observer.observers if isinstance(observer, AgreementObserver) else (observer,):
        found = _genesis_by(one, alone=one is observer)
        if found is not None and network_magic is not None and found.network_magic != network_magic:
            raise ProviderOfOtherNetworkError(
                f"{one.name} is on another network",
                expected=f"network magic {network_magic}",
                got=f"{found.network_magic}",
                next_step="Correct the provider, its key, or the network",
                provider=one.name,
            )
        reported = reported or found
    magic = network_magic if reported is None else reported.network_magic
    return PUBLIC_GENESES.get(-1 if magic is None else magic, reported)


def _genesis_by(observer: ChainObserver, *, alone: bool) -> NetworkGenesis | None:
    try:
        return observer.genesis() if isinstance(observer, GenesisObserver) else None
    except ChainReadError as error:
        if alone and not isinstance(error, ProviderNotFoundError | UnexpectedAnswerError):
            raise
        _log.warning("%s gives no genesis, so its network is not checked: %s", observer.name, error)
        return None


def _time(seconds: float) -> str:
    """Seconds in a unit that people read at a glance."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"

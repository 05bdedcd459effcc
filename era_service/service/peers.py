"""Peers: the era-ids and versions that requests carry. An odd one is reported once; no request is refused for it.

In: headers, which anybody can write anything into. Out: counts and, for an era-id that shows another schedule, a
warning in the log and an entry in the event log, once for each; all of it bounded, so that nobody can fill anything.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable

from era_store import Store
from eras import Epoch, MarkerError, StoreError
from eras.era_id import EraId, EraIdentity, PeerSchedule

_log = logging.getLogger(__name__)

MAX_KNOWN = 256
MAX_VERSIONS = 512
MAX_VERSION_LENGTH = 64
OTHERS = "others"


class Peers:
    """The peers that were seen.

    Args:
        store: its event log records other schedules.
        clock: POSIX time in seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, PeerSchedule] = {}
        self.schedules: Counter[str] = Counter()
        """Requests by the ``PeerSchedule`` that their era-id shows, or ``malformed``."""
        self.versions: Counter[str] = Counter()
        """Requests by the version of the node that made them."""

    def forget(self) -> None:
        """The schedule here has changed, so peers are reported again."""
        with self._lock:
            self._known.clear()

    def note_version(self, version: str) -> None:
        """A request of a node of that version."""
        known = version[:MAX_VERSION_LENGTH]
        with self._lock:
            if known not in self.versions and len(self.versions) >= MAX_VERSIONS:
                known = OTHERS
            self.versions[known] += 1

    def judge(self, text: str, identity: EraIdentity, epoch: Epoch) -> tuple[PeerSchedule | None, bool]:
        """The state by a peer's era-id (``None``: it is malformed), and whether that is new."""
        with self._lock:
            if text in self._known:
                verdict = self._known[text]
                self.schedules[verdict.value] += 1
                return verdict, False
        try:
            found = identity.compare(EraId.parse(text), epoch)
        except MarkerError:
            with self._lock:
                self.schedules["malformed"] += 1
            return None, False
        with self._lock:
            self.schedules[found.value] += 1
            is_new = found is not PeerSchedule.SAME and len(self._known) < MAX_KNOWN and text not in self._known
            if is_new:
                self._known[text] = found
        return found, is_new

    def report(self, text: str, verdict: PeerSchedule, own: EraId, epoch: Epoch) -> None:
        """Report a peer on another schedule; it blocks for as long as the store takes."""
        _log.warning("A peer is on another schedule (%s): its era-id is %s, ours is %s", verdict.value, text, own)
        facts = {"peer": text, "own": str(own), "schedule": verdict.value}
        try:
            self._store.events.append("peer-differs", facts, time_s=self._clock(), epoch=epoch)
        except StoreError as error:
            _log.warning("It could not be written to the event log: %s", error)

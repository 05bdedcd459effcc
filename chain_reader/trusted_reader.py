"""The trusted reader: which markers are in force at an era address, by the rules T1 to T11 (``docs/trust.md``).

In: one chain observer or several, a policy, a store. Out: a ``TrustedReading``. This is where the parts meet: evidence
is gathered (``evidence_source``), the rules choose (``trust``), and only what they came to is written (``era_store``),
in one transaction, so that a process that dies leaves the old memory or the new. What is decided is decided by
``trust_deciding``; here is only what is done about it.

While something is trusted, reading never fails: what cannot be confirmed is in force all the same, and *stale* says why
(T9). With nothing trusted, an error names the cause.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from chain_reader.node.source import EvidenceSource
from chain_reader.ports import ChainObserver, ChainTip
from chain_reader.trust.decision import decide_remembered, decide_trust
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.memory import EMPTY
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.reading import NothingTrustedError, TrustedReading
from era_store import MemoryStore, NewEvent, Store, StoreChangedError, StoredTrust
from eras import ChainReadError, Epoch, StoreError

_log = logging.getLogger(__name__)
_ATTEMPTS = 5
"""How often a reading is decided anew because another process wrote at the same time."""


class TrustedReader:
    """Reads the markers in force at an era address. An ``EraReaderAdapter``; several threads may use it.

    Args:
        observer: reads the chain; of several the first one that answers is believed. The caller closes them.
        policy: what to trust.
        store: where trust is remembered; by default in this process only.
        clock: POSIX time in seconds, for the event log.
        tip_check: why a tip is stale by a clock of one's own, or ``None``.
    """

    def __init__(
        self,
        observer: ChainObserver | Sequence[ChainObserver],
        policy: TrustPolicy,
        store: Store | None = None,
        *,
        clock: Callable[[], float] = time.time,
        tip_check: Callable[[ChainTip], str | None] | None = None,
    ) -> None:
        self.policy = policy
        self.store: Store = MemoryStore() if store is None else store
        self._clock = clock
        self._key = policy.key
        self._source = EvidenceSource(observer, policy, self.store, tip_check=tip_check)
        self._known: StoredTrust | None = None
        self._unsaved = False
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"TrustedReader({self._source.name!r}, {self.policy.address!r})"

    def read(self, epoch: Epoch | None = None) -> TrustedReading:
        """The markers in force now.

        Args:
            epoch: the current epoch by a clock of one's own; a provider that is more than one off is not believed.

        Raises:
            NothingTrustedError: nothing is trusted, nor ever was; the message counts the verdicts.
            ChainReadError: nothing is trusted, and the chain could not be read.
            StoreError: the memory cannot be read, and this process has read nothing yet.
        """
        with self._turn:
            try:
                reading = self._refresh(epoch)
            except ChainReadError as error:
                reading = self._remembered(str(error), epoch)
                if not reading.markers:
                    raise
            if not reading.markers:
                raise _nothing(reading)
            return reading

    def refresh(self, epoch: Epoch | None = None) -> TrustedReading:
        """As ``read``, but a chain that could not be read is an error, and a reading that trusts nothing is none.

        Raises:
            ChainReadError: the chain could not be read; what is trusted stays so.
            StoreError: as ``read``.
        """
        with self._turn:
            return self._refresh(epoch)

    def remembered(self, reason: str, epoch: Epoch | None = None) -> TrustedReading:
        """What is remembered, without reading the chain (T9): stale, for ``reason``.

        Raises:
            StoreError: the memory cannot be read.
        """
        with self._turn:
            return self._remembered(reason, epoch)

    # --- deciding

    def _refresh(self, epoch: Epoch | None) -> TrustedReading:
        evidence = self._source.gather(epoch)
        for _ in range(_ATTEMPTS):
            try:
                return self._decide(evidence)
            except StoreChangedError:
                continue
        return self._decide(evidence, write=False)

    def _decide(self, evidence: Evidence, *, write: bool = True) -> TrustedReading:
        before = self._load()
        decision = decide_trust(
            before, evidence, self.policy, self._source.told, tip_stale=self._source.tip_stale(evidence)
        )
        reading = decision.reading
        unsaved: str | None = "other processes write all the time"
        if write:
            unsaved = self._save(before, decision.after, reading.events)
        self._source.keep(decision.changed)
        return reading if unsaved is None else replace(reading, alarms=(*reading.alarms, unsaved))

    # --- remembering

    def _load(self) -> StoredTrust:
        if self._unsaved and self._known is not None:
            return self._known  # newer than what the store could take
        try:
            self._known = self.store.trust.load(self._key) or EMPTY
        except StoreError as error:
            if self._known is None:
                raise
            _log.warning("What is trusted could not be read from the store, and is taken from this process: %s", error)
        return self._known

    def _save(self, before: StoredTrust, after: StoredTrust, events: tuple[NewEvent, ...]) -> str | None:
        """Write what changed; returns why it could not be written, which makes nothing less true.

        Raises:
            StoreChangedError: another process has written meanwhile.
        """
        if after == before and not events:
            return None
        try:
            self._known = self.store.trust.save(self._key, after, events, time_s=self._clock())
            self._unsaved = False
        except StoreChangedError:
            self._unsaved = False
            raise
        except StoreError as error:
            self._known, self._unsaved = after, True
            return f"what is trusted could not be remembered: {error}"
        return None

    def _remembered(self, reason: str, epoch: Epoch | None) -> TrustedReading:
        before = self._load()
        decision = decide_remembered(before, self.policy, reason, epoch)
        try:
            self._save(before, decision.after, decision.reading.events)
        except StoreChangedError:
            _log.debug("Another process wrote: it says itself how it reads")
        return decision.reading


def _nothing(reading: TrustedReading) -> NothingTrustedError:
    counts = Counter(item.verdict.name for item in reading.history or reading.screened)
    source = "the era address" if reading.provenance is None else reading.provenance.source
    if counts:
        listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        got = f"{counts.total()} datums, none of them in force: {listed}"
        next_step = "Check the verification key and the era address; each refused datum has its reason"
    else:
        got = "no datum at all"
        next_step = "Check the era address, and that the provider is of the right network and has followed its chain"
    error = NothingTrustedError(
        f"Nothing is trusted at {source}",
        expected="markers signed by the verification key, published from the era address",
        got=got,
        next_step=next_step,
        source=source,
        verdicts=dict(counts),
    )
    error.reading = reading
    return error

"""The trusted reader: which markers are in force at an era address, by the rules T1 to T11 (``docs/trust.md``).

In: one chain observer or several, a policy, a store. Out: a ``TrustedReading``. This is where the parts meet: evidence
is gathered (``trust_evidence``), the rules choose (``trust``), and only what they came to is written (``era_store``),
in one transaction, so that a process that dies leaves the old memory or the new.

While something is trusted, reading never fails: what cannot be confirmed is in force all the same, and *stale* says why
(T9). With nothing trusted, an error names the cause.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from chain_reader.observers.errors import UnexpectedAnswerError
from chain_reader.ports import ChainObserver, ChainTip, ScreenedOutput
from chain_reader.trust import choose
from chain_reader.trust_evidence import Evidence, EvidenceGatherer
from chain_reader.trust_extended import expired
from chain_reader.trust_legacy import legacy_view
from chain_reader.trust_memory import EMPTY, recalled, remembered
from chain_reader.trust_policy import TrustPolicy
from chain_reader.trust_reading import NothingTrustedError, TrustedReading, events_between, schedule_alarms
from chain_reader.trust_screening import RememberedScreening
from chain_reader.trust_state import TrustState, digest_of, markers_of, verified_of
from chain_reader.trust_verdicts import Conflict, Impostor, Unconfirmed
from datum import Accepted, Equivocation, Malformed
from era_store import MemoryStore, NewEvent, Store, StoreChangedError, StoredTrust
from eras import ChainReadError, Epoch, Provenance, StoreError

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
        self._tip_check = tip_check
        self._key = policy.key
        self._screening = RememberedScreening(policy.keys, self.store, self._key)
        observers = (observer,) if isinstance(observer, ChainObserver) else tuple(observer)
        self._gatherers = tuple(EvidenceGatherer(one, policy, self._screening) for one in observers)
        self._known: StoredTrust | None = None
        self._unsaved = False
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        names = ", ".join(repr(gatherer.observer.name) for gatherer in self._gatherers)
        return f"TrustedReader({names}, {self.policy.address!r})"

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

    # --- gathering

    def _refresh(self, epoch: Epoch | None) -> TrustedReading:
        evidence = self._gather(epoch)
        for _ in range(_ATTEMPTS):
            try:
                return self._decide(evidence)
            except StoreChangedError:
                continue
        return self._decide(evidence, write=False)

    def _gather(self, epoch: Epoch | None) -> Evidence:
        """What the first observer that answers knows."""
        failed: ChainReadError | None = None
        for gatherer in self._gatherers:
            try:
                evidence = gatherer.gather()
                _require_epoch_of_clock(evidence, epoch)
            except ChainReadError as error:
                if failed is not None:
                    _log.warning("%s", failed)
                failed = error
            else:
                return evidence
        if failed is None:
            raise ChainReadError("There is no observer to read the chain with", next_step="Configure a provider")
        raise failed

    # --- deciding

    def _decide(self, evidence: Evidence, *, write: bool = True) -> TrustedReading:
        before = self._load()
        state = recalled(before, self.policy)
        lag = max(0, before.tip_slot - evidence.tip.slot)
        signed = [item for item in evidence.considered if isinstance(item.verdict, Accepted)]
        impostors = self._screening.with_verdict(Impostor.__name__, signed)
        facts = replace(evidence.facts, lagging=lag > 0, impostors=impostors)
        deep = self._confirmed(evidence, state, before)
        judged, state = choose(deep, state, evidence.epoch, facts, extension=self.policy.extension)
        final = {item.output.reference: item for item in judged}
        stale = self._stale(evidence, state, judged, lag)
        markers = () if state.trusted is None else markers_of(state.trusted)
        legacy = legacy_view(evidence.unspent, markers, evidence.epoch)
        after = replace(
            remembered(before, state, evidence, signed, [final[item.output.reference] for item in signed]),
            stale=stale,
            legacy_differs=legacy.differs,
            malformed=sum(isinstance(item.verdict, Malformed) for item in evidence.unspent),
        )
        published = None
        has_predecessor = state.superseded_outputs or state.superseded_payloads
        if state.trusted is not None and has_predecessor:
            published = facts.published.get(state.trusted.output.transaction)
        odd = schedule_alarms(markers, published, evidence.epoch, self.policy)
        changed = self._screening.changed(judged)
        events = events_between(before, after, epoch=evidence.epoch, alarms=odd, legacy=legacy, changed=changed)
        unsaved = self._save(before, after, events) if write else "other processes write all the time"
        self._screening.keep(changed)
        conflicts = tuple(item for item in judged if isinstance(item.verdict, Conflict | Equivocation))
        alarms = [words for _, words in odd]
        alarms += [f"{item.output.reference} {item.verdict.name}: {item.verdict.reason}" for item in conflicts[:10]]
        alarms += [words for words in (legacy.words, evidence.history_missing, unsaved) if words is not None]
        return TrustedReading(
            markers,
            self._provenance(evidence.source, state, after),
            tuple(final.get(item.output.reference, item) for item in evidence.unspent),
            why=self._why(evidence, state, judged),
            epoch=evidence.epoch,
            stale=stale,
            conflicts=conflicts,
            history=judged if facts.history else (),
            legacy=legacy,
            alarms=tuple(alarms),
            events=events,
        )

    def _confirmed(self, evidence: Evidence, state: TrustState, before: StoredTrust) -> tuple[ScreenedOutput, ...]:
        """The outputs, with a verdict on those whose block is not deep enough (T8)."""
        if not self.policy.confirmations:
            return evidence.considered
        trusted = None if state.trusted is None else state.trusted.output.reference
        first_seen = {payload.digest: payload.seen_height for payload in before.payloads}
        judged = []
        for item in evidence.considered:
            if isinstance(item.verdict, Accepted) and item.output.reference != trusted:
                depth = self._depth(item, evidence, first_seen, fresh=state.trusted is None)
                if depth is not None and depth < self.policy.confirmations:
                    reason = f"{depth} of {self.policy.confirmations} blocks lie upon it"
                    judged.append(replace(item, verdict=Unconfirmed(reason, verified_of(item))))
                    continue
            judged.append(item)
        return tuple(judged)

    def _depth(
        self, item: ScreenedOutput, evidence: Evidence, first_seen: dict[str, int | None], *, fresh: bool
    ) -> int | None:
        """Blocks upon an output, or since it was first seen; ``None`` when it counts without (T8 says when)."""
        tip, height = evidence.tip.height, evidence.height_of(item.output)
        if height is None:
            if fresh:
                return None
            height = first_seen.get(digest_of(item)) or tip
        return 0 if tip is None or height is None else max(0, tip - height)

    def _why(self, evidence: Evidence, state: TrustState, judged: Sequence[ScreenedOutput]) -> str | None:
        """Why what is trusted is in force, for an operator."""
        if state.trusted is None:
            return None
        found = next((item.verdict for item in judged if isinstance(item.verdict, Accepted)), None)
        if found is None:
            return "it was trusted before, and nothing that may follow it is there"
        if self.policy.extension is not None:
            return found.reason
        facts = evidence.facts
        if facts.spends is not None and facts.newest_first:
            return f"{found.reason}; of the payloads published from the era address it is the last that may follow"
        if facts.history:
            return f"{found.reason}; of all payloads that were ever there it is the last to appear that may follow"
        return f"{found.reason}; it is the successor of every other that is unspent"

    def _stale(self, evidence: Evidence, state: TrustState, judged: Sequence[ScreenedOutput], lag: int) -> str | None:
        """Why what is trusted is not confirmed by this reading; ``None`` when it is, or when nothing is trusted."""
        if state.trusted is None:
            return None
        reasons: list[str | None] = []
        if not any(isinstance(item.verdict, Accepted) for item in judged):
            reasons.append(_vanished(evidence, state.trusted, judged))
        if lag > self.policy.max_tip_regress_slots:
            reasons.append(f"the tip of {evidence.source} is {lag} slots behind one that was read before")
        if self._tip_check is not None:
            reasons.append(self._tip_check(evidence.tip))
        if self.policy.extension is not None:
            reasons.append(expired(state.trusted, evidence.epoch))
        return "; ".join(reason for reason in reasons if reason is not None) or None

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
        state = recalled(before, self.policy)
        events: tuple[NewEvent, ...] = ()
        if state.trusted is not None and before.stale is None:
            events = (NewEvent("stale", {"reason": reason}, epoch),)
            try:
                self._save(before, replace(before, stale=reason), events)
            except StoreChangedError:
                _log.debug("Another process wrote: it says itself how it reads")
        markers = () if state.trusted is None else markers_of(state.trusted)
        provenance = self._provenance("what is remembered", state, before)
        why = "it was trusted before" if markers else None
        return TrustedReading(markers, provenance, why=why, epoch=epoch, stale=reason, events=events)

    def _provenance(self, source: str, state: TrustState, stored: StoredTrust) -> Provenance:
        named = f"{source} at {self.policy.address}"
        if state.trusted is None:
            return Provenance(named)
        slot = None if stored.trusted is None else stored.trusted.slot
        return Provenance(named, state.trusted.output.transaction, slot, verified_of(state.trusted).key.hex)


def _require_epoch_of_clock(evidence: Evidence, epoch: Epoch | None) -> None:
    if epoch is not None and abs(evidence.epoch - epoch) > 1:
        raise UnexpectedAnswerError(
            f"{evidence.source}: the epoch is not that of the clock",
            expected=f"epoch {epoch}, or one beside it",
            got=f"epoch {evidence.epoch}",
            next_step="Check the clock of this machine, and that the provider is of the right network and not behind",
            provider=evidence.source,
        )


def _vanished(evidence: Evidence, trusted: ScreenedOutput, judged: Sequence[ScreenedOutput]) -> str:
    reference = trusted.output.reference
    if not judged:
        return f"{evidence.source} reports nothing at the era address, where {reference} is trusted"
    found = next((item.verdict for item in judged if item.output.reference == reference), None)
    if isinstance(found, Impostor):
        return f"{reference} is trusted, but {evidence.source} says that {found.reason}"
    return f"the trusted output {reference} has vanished from what {evidence.source} reports"


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

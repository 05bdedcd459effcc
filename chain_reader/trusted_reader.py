"""The trusted reader: which markers are in force at an era address, by the rules T0 to T13 (``docs/trust.md``).

In: one chain observer or several, a policy, a store. Out: a ``TrustedReading``. This is where the parts meet: evidence
is gathered (``node.source``), a node's core decides (``node.core``) and remembers (``log.recorder``), in one
transaction, so that a process that dies leaves the old memory or the new. Every command, the service and the watcher
of a node decide by that same core: from the same store and the same answers they report the same era.

While something is trusted, reading never fails: what cannot be confirmed is in force all the same, and *stale* gives
the reason (T9). With nothing trusted, an error names the cause.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from chain_reader.log.recorder import NodeCore
from chain_reader.node.core import NodeSettings, NodeState
from chain_reader.node.inputs import ClockTicked, ObserverAnswered, ObserverFailed
from chain_reader.node.kinds import OF_CONFIGURATION, OF_TRUST, Decision
from chain_reader.node.source import EvidenceSource
from chain_reader.ports import ChainObserver
from chain_reader.providers.failover import Failover
from chain_reader.trust.decision import decide_remembered
from chain_reader.trust.memory import EMPTY
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.reading import NothingTrustedError, TrustedReading
from chain_reader.trust.verdicts import CHECK_REFUSED, tally
from era_store import MemoryStore, Store, StoredTrust
from eras import ChainReadError, Epoch, EraStatus, StoreError


class TrustedReader:
    """Reads the markers in force at an era address. An ``EraReaderAdapter``; several threads may use it.

    Args:
        observer: reads the chain; of several the first one that answers is believed. The caller closes them. Or the
            source of evidence, where there is one already, of the same policy and store.
        policy: what to trust.
        store: where trust is remembered; by default in this process only.
        clock: POSIX time in seconds, for the event log.
        core: what decides, where it is shared or keeps an event log; it has the policy and the store. By default one
            that keeps no log is made at the first reading.
    """

    def __init__(
        self,
        observer: ChainObserver | Sequence[ChainObserver] | Failover | EvidenceSource,
        policy: TrustPolicy,
        store: Store | None = None,
        *,
        clock: Callable[[], float] = time.time,
        core: NodeCore | None = None,
    ) -> None:
        self.policy = policy
        self.store: Store = core.store if core is not None else MemoryStore() if store is None else store
        self._clock = clock
        self._source = (
            observer if isinstance(observer, EvidenceSource) else EvidenceSource(observer, policy, self.store)
        )
        self._source.follow(lambda: (self._core or self._caught_up()).state.trust.trusted)
        self._core = core
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"TrustedReader({self._source.name!r}, {self.policy.address!r})"

    @property
    def trust(self) -> StoredTrust:
        """All that is remembered, as of the last reading; before the first one, nothing."""
        return EMPTY if self._core is None else self._core.state.trust

    def read(self, epoch: Epoch | None = None) -> TrustedReading:
        """The markers in force now.

        Args:
            epoch: the current epoch by the local clock; a provider that is more than one off is not believed.

        Raises:
            NothingTrustedError: nothing is trusted, nor ever was; the message counts the verdicts.
            ChainReadError: nothing is trusted, and the chain could not be read.
            StoreError: the memory cannot be read, and this process has read nothing yet.
        """
        try:
            reading = self.refresh(epoch)
        except ChainReadError as error:
            reading = self.remembered(error, epoch)
            if not reading.markers:
                raise
        if not reading.markers:
            raise _nothing(reading)
        return reading

    def refresh(self, epoch: Epoch | None = None) -> TrustedReading:
        """As ``read``, but a chain that could not be read is an error, and a reading that trusts nothing is no error.

        Raises:
            ChainReadError: the chain could not be read; what is trusted stays so.
            StoreError: as ``read``.
        """
        with self._turn:
            evidence = self._source.gather(epoch)
            core = self._caught_up()
            doubt = self._source.tip_stale(evidence)
            decisions = self._tick(core, epoch) + core.apply(ObserverAnswered(evidence, self._clock(), doubt))
            decision = core.judged
            assert decision is not None  # noqa: S101 - an answer was judged, this one or one like it
            self._source.keep(decision.changed)
            return _told(core, decision.reading, decisions)

    def remembered(self, error: ChainReadError | StoreError, epoch: Epoch | None = None) -> TrustedReading:
        """The remembered reading, where the chain could not be read (T9): stale, for that reason.

        Args:
            error: why it could not.
            epoch: the current epoch by the local clock.

        Raises:
            StoreError: the memory cannot be read, and this process has read nothing yet.
        """
        with self._turn:
            core = self._caught_up()
            decisions = self._tick(core, epoch) + core.apply(
                ObserverFailed(self._source.name, error.code, str(error), self._clock())
            )
            state = core.state
            decided = decide_remembered(state.trust, self.policy, str(error), state.epoch, verified=state.verified)
            return _told(core, decided.reading, decisions)

    def _caught_up(self) -> NodeCore:
        """The core, with what other processes trust by now."""
        if self._core is None:
            settings, told = NodeSettings(self.policy), self._source.told
            self._core = NodeCore(settings, self.store, clock=self._clock, logged=False, told=told)
        else:
            self._core.catch_up(self._clock())
        return self._core

    def _tick(self, core: NodeCore, epoch: Epoch | None) -> tuple[Decision, ...]:
        """Give the core the epoch of the clock: a trusted switch happens on time, whatever providers report (T9)."""
        if epoch is None or epoch == core.state.clock:
            return ()
        return core.apply(ClockTicked(epoch, self._clock()))


def _told(core: NodeCore, reading: TrustedReading, decisions: tuple[Decision, ...]) -> TrustedReading:
    """The reading as the core decided on it: its epoch, whether it is stale, what stays in force where it was refused.

    An alarm is raised where that could not be remembered.
    """
    state: NodeState = core.state
    unsaved = core.not_recording
    alarm = () if unsaved is None else (f"what is trusted could not be remembered: {unsaved}",)
    known = replace(
        reading,
        epoch=state.epoch,
        stale=state.stale if reading.markers else reading.stale,
        odd=(*reading.odd, *alarm),
        events=tuple([told for told in decisions if told.kind in OF_TRUST or told.kind in OF_CONFIGURATION]),
    )
    token = state.view.token
    if state.view.status is EraStatus.ERROR and token is not None:
        return replace(known, markers=token.markers, provenance=token.provenance)
    return known


def _nothing(reading: TrustedReading) -> NothingTrustedError:
    verdicts, none_in_force = tally(reading.history or reading.screened)
    source = "the era address" if reading.provenance is None else reading.provenance.source
    check_address = "Check the era address, and that the provider is on the right network and has caught up"
    error = NothingTrustedError(
        f"Nothing is trusted at {source}",
        expected="markers signed by the verification key, published from the era address",
        got=none_in_force if verdicts else "no datum at all",
        next_step=CHECK_REFUSED if verdicts else check_address,
        source=source,
        verdicts=verdicts,
    )
    error.reading = reading
    return error

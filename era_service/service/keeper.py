"""Keeping what was read: the reading itself, the snapshot in force, the era, and the answers written from it.

In: settings, a store, a clock. Out: ``Keeper``, which the ``Service`` is: any thread may ask for its snapshot, one
thread at a time reads the chain. The rules:

1. A reading that would take the network back to an earlier epoch or era is reported (``regression-refused``) and
   changes nothing; what was known stays, stale.
2. A snapshot is in the store before it is in force here, together with what is new in it.
3. A replica that has not read for too long reports it, whatever the reason.
4. A switch that is trusted happens by the clock, and waits for no reading, provider or store (rule T9).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from chain_reader import NetworkGenesis, TrustPolicy
from chain_reader.node.kinds import DecisionKind
from chain_reader.providers.failover import ProviderCall
from era_service.config.schema import Settings
from era_service.service import changes as kinds
from era_service.service.answers import Answer
from era_service.service.changes import Changes
from era_service.service.gate_watch import gate_event
from era_service.service.peers import Peers
from era_service.service.snapshot import Snapshot, network_of, take_snapshot
from era_service.service.views import events_between, on_schedule, view_after, views_between
from era_service.status.documents import MarkerDocument
from era_service.status.reader import StatusReader
from era_service.wiring.genesis import configured_genesis
from era_service.wiring.trust import EraPlaceNeededError, trust_policy
from era_store import NewEvent, SqlStore
from eras import (
    Epoch,
    EraChecker,
    EraNotReadyError,
    EraRegressionError,
    EraSwitchError,
    EraView,
    StoreError,
    SupportedEras,
)
from eras.era_id import EraIdentity
from release_tools.documents import Document

_log = logging.getLogger(__name__)

MISSED_POLLS = 5
LEAST_SILENCE_S = 60.0
"""Without a reading for this long, or for five intervals if that is longer, what is known is stale."""


class Spans:
    """The reports of a keeper's work; here they go nowhere, ``era_service.telemetry.traces`` makes spans of them."""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A reading of the chain."""
        yield

    def asked(self, calls: Iterable[ProviderCall]) -> None:
        """The providers that a reading has asked."""


class Keeper:
    """The last reading, and what follows from it. ``start`` it, and ``close`` it at the end.

    Args:
        settings: what is configured.
        store: where everything is remembered; the keeper closes it.
        embedded: whether the network is the embedded local chain.
        clock: POSIX time in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        store: SqlStore,
        *,
        embedded: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.changes = Changes()
        self.spans = Spans()
        self.peers = Peers(store, clock)
        self.checker = EraChecker(
            SupportedEras(settings.network.supported_eras), notice_epochs=settings.network.notice_epochs
        )
        self._policy = policy = policy_of(settings)
        self.network = network_of(settings, policy, embedded=embedded)
        self.answers: dict[str, Answer] = {}
        """Path → the answer that any number of clients get; replaced as a whole with every snapshot."""
        self.era_id = b""
        self.epoch_ends_at_s: float | None = None
        self._genesis: NetworkGenesis | None = configured_genesis(settings)
        self._snapshot_key = f"source {settings.reader.adapter_type}" if policy is None else policy.key.id
        self._reading = threading.Lock()
        self._writers = threading.RLock()
        self._fresh_until_s = 0.0
        self._snapshot: Snapshot | None = None
        self._viewed: tuple[EraView, Snapshot, EraView] | None = None
        self._reader: StatusReader | None = None
        self.failure: str | None = None
        self.unsaved: str | None = None
        """The code of the store's error that kept the last reading from being saved, if one did."""

    def start(self) -> None:
        """Take what is remembered."""
        try:
            self.load_snapshot()
        except StoreError as error:
            _log.warning("The last reading could not be loaded: %s", error)

    def close(self) -> None:
        """Close every connection. Calling it twice is fine."""
        self.let_go()
        self.store.close()

    # --- what the poller does

    def read_chain(self) -> None:
        """Read the chain, remember the snapshot for every replica, and take it.

        Raises:
            ConfigurationError: what is configured cannot be used.
            StoreError: the store cannot be read or written.
        """
        with self._reading, self.spans.reading(), self._saving():
            now_s = self.clock()
            snapshot = self._on_time(self._read(now_s))
            last = self._last_snapshot()
            try:
                self._view_with(snapshot)
                events = self._news(last, snapshot)
            except EraRegressionError as error:
                snapshot, events = self._regression_refused(snapshot, last, error)
            crossed = gate_event(self.settings, self.store, snapshot.status)
            if crossed is not None:
                events = (*events, crossed)
            with self._writers:  # so that nothing is put in force between the two
                self.store.snapshots.save(self._snapshot_key, snapshot.to_bytes(), events, time_s=now_s)
                self.failure = None
                self.take(snapshot)

    def settle(self) -> None:
        """Wait until the reading that is under way, if there is one, has put its snapshot in force.

        It records its events before that, and a client that receives one requests the documents at once.
        """
        with self._reading:
            pass

    def load_snapshot(self) -> None:
        """Take what the poller of any replica has left in the store, if it is another than what is known here.

        Whatever is there is the newest: the clocks of two replicas that read, one after the other, need not agree.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._reading:  # so that nothing newer is taken between the question and its answer
            found, known = self._last_snapshot(), self._snapshot
            self.unsaved = None
            if found is not None and (known is None or found.read_at_s != known.read_at_s):
                self.failure = None
                self.take(self._on_time(found))

    def let_go(self) -> None:
        """Another replica is the reader; this one continues from its results."""
        with self._reading:
            self._close_reader()

    def take(self, snapshot: Snapshot) -> None:
        """Put a snapshot in force, and notify the listeners."""
        with self._writers:
            try:
                self.checker.adopt(self._view_with(snapshot))
            except EraRegressionError as error:
                _log.warning("The reading of another replica could not be adopted: %s", error)
                return
            before, self._snapshot = self._snapshot, snapshot
            self._write_answers(snapshot)
            self._fresh_until_s = snapshot.read_at_s + self._longest_silence_s
        if before is None or before.schedule != snapshot.schedule or before.status.epoch != snapshot.status.epoch:
            self.peers.forget()
        self.changes.notify(kinds.SNAPSHOT)
        self.changes.notify(kinds.EVENTS)

    def enter_epoch(self) -> None:
        """Enter the epoch of now by the schedule that is known, whatever becomes of a reading."""
        with self._writers:
            known = self._snapshot
            if known is not None and (moved := self._on_time(known)) is not known:
                self.take(moved)
                self._fresh_until_s = 0.0  # the next answer states why it is not confirmed

    def note_failure(self, error: Exception) -> None:
        """Polling itself has failed: what is known is stale, and the reason is reported."""
        self.failure = str(error) if isinstance(error, EraSwitchError) else type(error).__name__
        self._fresh_until_s = 0.0
        self.changes.notify(kinds.SNAPSHOT)

    # --- what is asked of it

    @property
    def snapshot(self) -> Snapshot:
        """The last reading; stale, when that is too long ago.

        Raises:
            EraNotReadyError: nothing was read yet.
        """
        known = self._snapshot
        if known is None:
            raise EraNotReadyError(
                "The service has not read the chain yet",
                expected="a first reading of the chain",
                got=self.failure or "none so far",
                next_step="Try again in a moment; /health/ready reports when it has",
            )
        if self.failure is not None:
            known = known.stale_for(f"polling failed: {self.failure}")
        silent_s = self.clock() - known.read_at_s
        if silent_s > self._longest_silence_s:
            known = known.stale_for(f"the chain has not been read for {silent_s:.0f} s")
        return known.for_the_public() if self.settings.service.public else known

    @property
    def genesis(self) -> NetworkGenesis | None:
        """The genesis of the network: the configured one, else the provider's."""
        known = self._snapshot
        return self._genesis or (None if known is None else known.network_genesis)

    @property
    def has_read(self) -> bool:
        """Whether anything was read, by this process or before."""
        return self._snapshot is not None

    def answer(self, path: str) -> Answer | None:
        """The answer that is written already for a path, if there is one."""
        if self.clock() > self._fresh_until_s and self._snapshot is not None and self._writers.acquire(blocking=False):
            # Who has it puts a newer snapshot in force, whose answers these must not replace.
            try:
                self._fresh_until_s = self.clock() + 1  # the age that it states may be a second old
                self._write_answers(self.snapshot)
            finally:
                self._writers.release()
        return self.answers.get(path)

    @property
    def known_identity(self) -> tuple[EraIdentity, Epoch] | None:
        """The parts of the era-id, and the epoch; ``None`` while no markers are in force."""
        known = self._snapshot
        identity = None if known is None else known.identity()
        if identity is None or known is None or known.status.epoch is None:
            return None
        return identity, Epoch(known.status.epoch)

    def documents(self, snapshot: Snapshot) -> dict[str, Document | None]:
        """Path → document, of those that are the same for everybody until the next snapshot, where they exist."""
        return {
            "/era/status": snapshot.status,
            "/era/history": snapshot.history,
            "/era/config": snapshot.config,
            "/era/markers": snapshot.markers,
            "/configuration": snapshot.configuration,
        }

    # --- inside

    def _on_time(self, known: Snapshot) -> Snapshot:
        """A snapshot in the epoch of now, where the genesis is configured.

        A provider's genesis gives dates alone: a rehearsal chain that is advanced by hand leaves the clock behind.
        """
        genesis, now_s = self._genesis, self.clock()
        if genesis is None or known.epoch_ends_at_s is None or now_s < known.epoch_ends_at_s:
            return known
        epoch = genesis.epoch_of(genesis.slot_at(now_s))
        notice = self.settings.network.notice_epochs
        return on_schedule(known, epoch, genesis.begins_s(epoch + 1), self.checker.supported, notice)

    def _view_with(self, snapshot: Snapshot) -> EraView:
        """The view once a snapshot is in force; worked out once while neither changes.

        Raises:
            EraRegressionError: it would go back to an earlier epoch or era.
        """
        before, known = self.checker.view, self._viewed
        if known is None or known[0] is not before or known[1] is not snapshot:
            known = self._viewed = (before, snapshot, view_after(before, snapshot, self.checker.supported))
        return known[2]

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    @property
    def _longest_silence_s(self) -> float:
        return max(LEAST_SILENCE_S, MISSED_POLLS * self.settings.service.poll_interval_s)

    @contextmanager
    def _saving(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self.unsaved = error.code
            raise
        self.unsaved = None

    def _read(self, now_s: float) -> Snapshot:
        if self._reader is None:
            self._reader = StatusReader(
                self.settings, self.store, clock=self.clock, name="service", policy=self._policy
            )
        found = self._reader.read()
        calls = self._reader.calls
        self.spans.asked(calls)
        return take_snapshot(
            found,
            self.settings,
            self.network,
            calls=calls,
            genesis=found.genesis if found.answered else self.genesis,  # a chain may leave the clock that it had
            time_s=now_s,
        )

    def _news(self, last: Snapshot | None, snapshot: Snapshot) -> tuple[NewEvent, ...]:
        """The news about the eras, where the reader has not put it into the event log already.

        Raises:
            EraRegressionError: the snapshot is of an earlier epoch or era than that of another replica.
        """
        if self._reader is not None and self._reader.records:
            if last != self._snapshot:  # ``_view_with`` has checked it against this replica's own
                views_between(last, snapshot, self.checker.supported)
            return ()
        return events_between(last, snapshot, self.checker.supported, self.settings.network.notice_epochs)

    def _regression_refused(
        self, read: Snapshot, last: Snapshot | None, error: EraRegressionError
    ) -> tuple[Snapshot, tuple[NewEvent, ...]]:
        """The snapshot that stays in force when a reading would go back, with an event once."""
        known = self._snapshot or last
        assert known is not None  # noqa: S101 - there is no going back without something that was read
        _log.warning("%s", error)
        refused = MarkerDocument(name=read.status.current_era or "", epoch=read.status.epoch)
        news = {"read_at_s": read.read_at_s, "providers": read.providers, "refused": refused}
        kept = known.stale_for(str(error)).model_copy(update=news)
        told = last is not None and last.refused == refused
        epoch = None if known.status.epoch is None else Epoch(known.status.epoch)
        event = NewEvent(DecisionKind.REGRESSION_REFUSED.value, {"reason": str(error)}, epoch)
        return kept, () if told else (event,)

    def _last_snapshot(self) -> Snapshot | None:
        stored = self.store.snapshots.load(self._snapshot_key)
        return None if stored is None else Snapshot.from_bytes(stored.content)

    def _write_answers(self, snapshot: Snapshot) -> None:
        if self.settings.service.public:
            snapshot = snapshot.for_the_public()
        self.epoch_ends_at_s = snapshot.epoch_ends_at_s
        self.era_id = (snapshot.status.era_id or "").encode()
        self.answers = {
            path: Answer.of(document.model_dump_json().encode())
            for path, document in self.documents(snapshot).items()
            if document is not None
        }


def policy_of(settings: Settings) -> TrustPolicy | None:
    """The policy of trust; ``None`` for markers that have no place on a chain, as those of a file."""
    try:
        return trust_policy(settings)
    except EraPlaceNeededError:
        return None

"""Reads the status of a network: which era it is, which is next, what is trusted and why, and what was refused.

In: settings, and an epoch unless a provider tells it. Out: a ``Reading``, which ``status_document`` puts into JSON.
"""

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eras import ChainReadError, ConfigurationError, Epoch, EraEpochToken, EraSwitchError, StoreError, SupportedEras

if TYPE_CHECKING:
    from chain_reader import (
        ChainObserver,
        EraReading,
        NodeCore,
        RecordedReader,
        TipWatch,
        TrustedReader,
    )
    from era_service.config.schema import Settings
    from era_store import Store


class EpochNeededError(ConfigurationError):
    """Nothing that is configured knows the current epoch."""


class ProviderNeededError(ConfigurationError):
    """The chain is to be read, and nothing says where."""


def require_source(settings: "Settings") -> None:
    """That the chain, if it is to be read, can be read somewhere.

    Raises:
        ProviderNeededError: nothing says where.
        ConfigurationError: the leader that is named cannot be followed.
    """
    from era_service.wiring.observers import openings_of

    if settings.reader.adapter_type == "cardano-chain" and not openings_of(settings):
        raise _provider_needed()


def _provider_needed() -> ProviderNeededError:
    return ProviderNeededError(
        "There is no provider to read the chain from",
        expected="a Blockfrost API, an Ogmios server or a local chain",
        got="none",
        next_step="Give --provider, or set reader.providers; to follow a service instead, set follower.leader",
    )


@dataclass(slots=True)
class Reading:
    """What one reading came to, as far as it got.

    Attributes:
        epoch: the epoch that was asked about, once it is known.
        reading: what the adapter read.
        token: the eras at the epoch.
        error: why there is no token.
    """

    epoch: Epoch | None = None
    reading: "EraReading | None" = None
    token: EraEpochToken | None = None
    error: EraSwitchError | None = None


class _Kept:
    """A source that was read already, so that a refusal can be told in full."""

    def __init__(self, reading: "EraReading") -> None:
        self._reading = reading

    def read(self) -> "EraReading":
        return self._reading


def read_status(settings: "Settings", epoch: Epoch | None) -> Reading:
    """Read the eras through the configured source, by the first provider that answers.

    Where none answers, what is remembered is told, stale (rule T9).

    Raises:
        ConfigurationError: what is configured cannot be used.
        StoreError: the store in which trust is remembered cannot be opened.
    """
    from era_service.wiring.trust import open_memory

    with closing(open_memory(settings)) as memory, closing(StatusReader(settings, memory)) as reader:
        return reader.read(epoch)


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """A provider that was asked.

    Attributes:
        name: what operators call it.
        asked_at_s: POSIX time at which it was asked.
        latency_s: seconds until it had answered, or failed.
        error: why it failed; ``None`` when it answered.
    """

    name: str
    asked_at_s: float
    latency_s: float
    error: EraSwitchError | None


class StatusReader:
    """Reads the eras as often as it is asked; what it opens stays open between two readings. For one thread.

    Args:
        settings: what to read.
        memory: where trust is remembered; the caller closes it.
        clock: POSIX time in seconds.
        persistent: whether ``memory`` outlives a run, so that what is remembered there may answer for the chain.
        recorded: whether what comes in is put into the event log, with what is decided upon it about trust and eras.
    """

    def __init__(
        self,
        settings: "Settings",
        memory: "Store",
        *,
        clock: Callable[[], float] = time.time,
        persistent: bool | None = None,
        recorded: bool = False,
    ) -> None:
        from era_service.wiring.observers import openings_of

        self._settings = settings
        self._memory = memory
        self._clock = clock
        self._persistent = settings.store.url is not None if persistent is None else persistent
        self._reads_chain = settings.reader.adapter_type == "cardano-chain"
        self._openings = openings_of(settings)
        self._open: dict[int, tuple[ChainObserver, TrustedReader | RecordedReader | None]] = {}
        self.records = recorded and self._reads_chain
        self._core: NodeCore | None = None
        self.calls: tuple[ProviderCall, ...] = ()
        """The providers that the last reading asked, in that order."""

    def close(self) -> None:
        """Close every observer. Calling it twice is fine."""
        while self._open:
            self._open.popitem()[1][0].close()

    def read(self, epoch: Epoch | None = None, *, clock_epoch: Epoch | None = None) -> Reading:
        """The eras at ``epoch``, or at the provider's; that they could not be read is part of what it says.

        Args:
            epoch: the epoch to ask about.
            clock_epoch: the epoch by a clock of one's own: a provider that is more than one off is not believed, and
                where none answers it is that epoch.

        Raises:
            ConfigurationError: what is configured cannot be used.
        """
        calls: list[ProviderCall] = []
        try:
            return self._read(epoch, clock_epoch, calls)
        finally:
            self.calls = tuple(calls)

    def _read(self, epoch: Epoch | None, clock_epoch: Epoch | None, calls: list[ProviderCall]) -> Reading:
        found = Reading()
        if self._reads_chain and not self._openings:
            raise _provider_needed()
        if not self._openings or (epoch is not None and not self._reads_chain):
            return self._attempt(None, epoch)
        for left, index in zip(reversed(range(len(self._openings))), range(len(self._openings)), strict=True):
            began_s, began = self._clock(), time.monotonic()
            try:
                self._observer(index)
            except ConfigurationError:
                raise
            except EraSwitchError as error:
                found = Reading(epoch, error=error)
            else:
                found = self._attempt(index, epoch, clock_epoch)
            failed = found.error if isinstance(found.error, ChainReadError | StoreError) else None
            name = self._open[index][0].name if index in self._open else f"provider {index + 1}"
            calls.append(ProviderCall(name, began_s, time.monotonic() - began, failed))
            if failed is None:
                break
            if left:
                logging.getLogger(__name__).warning("A provider could not be read, the next is asked: %s", failed)
        if self._reads_chain and isinstance(found.error, ChainReadError | StoreError) and self._persistent:
            return self._remembered(found.error, clock_epoch if epoch is None else epoch)
        return found

    def _attempt(self, index: int | None, epoch: Epoch | None, clock_epoch: Epoch | None = None) -> Reading:
        """One reading; that it failed is part of what it says, but a mistake in the configuration is raised."""
        from era_service.wiring.providers import open_adapter

        found, settings = Reading(epoch), self._settings
        observer = None if index is None else self._observer(index)[0]
        adapter = open_adapter(settings, observer)  # also where the trusted reader reads: it knows wrong parameters
        try:
            if index is not None and self._reads_chain:
                reading = self._trusted_reader(index).refresh(clock_epoch)
                found.reading, found.epoch = reading, reading.epoch if epoch is None else epoch
            else:
                found.epoch = _require_observer(observer, settings).epoch() if epoch is None else epoch
                found.reading = adapter.read()
            _select(found, settings)
        except ConfigurationError:
            raise
        except EraSwitchError as error:
            found.error = error
        return found

    def _observer(self, index: int) -> "tuple[ChainObserver, TrustedReader | RecordedReader | None]":
        if index not in self._open:
            self._open[index] = (self._openings[index](), None)
        return self._open[index]

    def _trusted_reader(self, index: int) -> "TrustedReader | RecordedReader":
        from era_service.wiring.observers import tip_watch

        observer, reader = self._observer(index)
        if reader is None:
            watch = tip_watch(self._settings, observer, self._clock)
            reader = (
                self._recorded_reader((observer,), watch) if self.records else self._plain_reader((observer,), watch)
            )
            self._open[index] = (observer, reader)
        return reader

    def _plain_reader(self, observers: "tuple[ChainObserver, ...]", watch: "TipWatch | None" = None) -> "TrustedReader":
        from chain_reader import TrustedReader
        from era_service.wiring.trust import trust_policy

        return TrustedReader(observers, trust_policy(self._settings), self._memory, tip_check=watch)

    def _recorded_reader(
        self, observers: "tuple[ChainObserver, ...]", watch: "TipWatch | None" = None
    ) -> "RecordedReader":
        from chain_reader import LogLimits, NodeCore, NodeSettings, RecordedReader
        from era_service.wiring.trust import trust_policy

        if self._core is None:
            network, events = self._settings.network, self._settings.events
            supported = SupportedEras(network.supported_eras)
            node = NodeSettings(trust_policy(self._settings), supported, network.notice_epochs)
            limits = LogLimits(events.max_bytes, events.snapshot_every)
            self._core = NodeCore(node, self._memory, limits=limits, name="service", clock=self._clock)
        return RecordedReader(observers, self._core, clock=self._clock, tip_check=watch)

    def _remembered(self, error: ChainReadError | StoreError, epoch: Epoch | None) -> Reading:
        """What is remembered, where no provider answers; without anything remembered, the error."""
        if self.records:
            asked = tuple(observer for observer, _ in self._open.values())
            reading = self._recorded_reader(asked).remembered(error, epoch)
        else:
            reading = self._plain_reader(()).remembered(str(error), epoch)
        found = Reading(epoch, reading if reading.markers else None, error=error)
        if found.reading is not None and epoch is not None:
            found.error = None
            try:
                _select(found, self._settings)
            except EraSwitchError as refused:
                found.error = refused
        return found


def _select(found: Reading, settings: "Settings") -> None:
    """Find the eras at the epoch of a reading.

    Raises:
        CurrentEraNotFoundError: no era is active.
        UnsupportedEraError: this software does not know the current one.
    """
    from chain_reader import EraReader

    assert found.reading is not None  # noqa: S101 - it was just read
    assert found.epoch is not None  # noqa: S101
    reader = EraReader(_Kept(found.reading), SupportedEras(settings.network.supported_eras))
    found.token = reader.read_era_epoch_token(found.epoch)
    if not found.token.current_supported:
        found.token.require_supported()


def _require_observer(observer: "ChainObserver | None", settings: "Settings") -> "ChainObserver":
    if observer is None:
        raise EpochNeededError(
            f"The source {settings.reader.adapter_type} does not know the current epoch",
            expected="an epoch, or a provider that tells it",
            got="neither",
            next_step="Give --epoch, or --provider; to follow a network, --network too",
        )
    return observer

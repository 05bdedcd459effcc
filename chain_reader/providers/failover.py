"""The providers of one network, asked one after the other until one answers.

In: what opens each chain observer, and what admits it. Out: the answer of the first one that gives any, and which
providers were asked for it. Nothing is decided here.

1. A provider is opened when it is first asked, and again at the next question if that failed: one that is gone when a
   process starts prevents neither reading another one nor deciding by what is remembered.
2. A provider is admitted once, before its first answer counts: one of another network is never believed.
3. A mistake in the configuration is raised; any other failure passes the question on to the next provider.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from chain_reader.ports import ChainObserver, ChainTip
from eras import ChainReadError, StoreError

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
TipChecker = Callable[[ChainTip], str | None]
"""Returns the reason why a tip is stale by a clock of one's own, or ``None``."""


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """A provider that was asked.

    Attributes:
        name: what operators call it.
        asked_at_s: POSIX time at which it was asked.
        latency_s: seconds until it had answered, or failed.
        error: why it failed; ``None`` when it answered. It is kept as text: an error would keep every frame it passed.
        code: the code of that error.
    """

    name: str
    asked_at_s: float
    latency_s: float
    error: str | None = None
    code: str | None = None


def _itself(observer: ChainObserver) -> ChainObserver:
    return observer


@dataclass(slots=True)
class _Provider:
    opening: Callable[[], ChainObserver]
    observer: ChainObserver | None = None
    admitted: bool = False
    tip_check: TipChecker | None = None


class Failover:
    """Asks providers in order. One thread at a time may use it.

    Args:
        openings: what opens each provider, in the order in which they are asked. What it opens, it closes.
        admit: checks that an observer is of the configured network, and returns the check of its tips, if there is one.
        clock: POSIX time in seconds.
    """

    def __init__(
        self,
        openings: Sequence[Callable[[], ChainObserver]],
        *,
        admit: Callable[[ChainObserver], TipChecker | None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._providers = tuple(map(_Provider, openings))
        self._admit = admit
        self._clock = clock
        self._owned = True
        self._asking = threading.RLock()
        self._tip_check: TipChecker | None = None
        self.calls: tuple[ProviderCall, ...] = ()
        """The providers that the last question went to, in order."""

    @classmethod
    def over(cls, observers: Sequence[ChainObserver], tip_check: TipChecker | None = None) -> "Failover":
        """The same over observers that are open already; their owner closes them."""
        made = cls([partial(_itself, observer) for observer in observers], admit=lambda _: tip_check)
        for provider in made._providers:
            provider.observer = provider.opening()
        made._owned = False
        return made

    @property
    def name(self) -> str:
        """The name of the providers for operators."""
        return ", ".join(map(self._name_of, range(len(self._providers))))

    @property
    def is_empty(self) -> bool:
        """Whether no provider is configured."""
        return not self._providers

    def ask(self, question: Callable[[ChainObserver], Answer]) -> Answer:
        """The answer of the first provider that answers.

        Raises:
            ConfigurationError: a provider is configured wrongly.
            ChainReadError: none answered.
            StoreError: none answered, and the last one is a local chain that cannot be opened.
        """
        with self._asking:
            calls: list[ProviderCall] = []
            try:
                for index, provider in enumerate(self._providers):
                    began_s, began = self._clock(), time.monotonic()
                    try:
                        answer = question(self._admitted(provider))
                    except (ChainReadError, StoreError) as error:
                        took_s = time.monotonic() - began
                        calls.append(ProviderCall(self._name_of(index), began_s, took_s, str(error), error.code))
                        if index == len(self._providers) - 1:
                            raise
                        _log.warning("A provider could not be read, trying the next: %s", error)
                    else:
                        calls.append(ProviderCall(self._name_of(index), began_s, time.monotonic() - began))
                        self._tip_check = provider.tip_check
                        return answer
            finally:
                self.calls = tuple(calls)
        raise ChainReadError("There is no observer to read the chain with", next_step="Configure a provider")

    def take_over(self, other: "Failover") -> None:
        """Ask the providers of ``other``, which nobody else uses, from now on; what was opened here before is closed.

        From any thread; a question that is under way is answered first.
        """
        with self._asking:
            self.close()
            self._providers, self._owned = other._providers, other._owned
            self._admit, self._clock = other._admit, other._clock

    def has(self, observer: ChainObserver) -> bool:
        """Whether an observer is one of those that are asked."""
        return any(provider.observer is observer for provider in self._providers)

    def tip_stale(self, tip: ChainTip) -> str | None:
        """The reason why a tip of the provider that answered last is stale by the clock; ``None`` when it is not."""
        return None if self._tip_check is None else self._tip_check(tip)

    def close(self) -> None:
        """Close what was opened here. Calling it twice is fine."""
        for provider in self._providers if self._owned else ():
            observer, provider.observer, provider.admitted = provider.observer, None, False
            if observer is not None:
                observer.close()

    def _admitted(self, provider: _Provider) -> ChainObserver:
        if provider.observer is None:
            provider.observer = provider.opening()
        if not provider.admitted:
            provider.tip_check = self._admit(provider.observer)
            provider.admitted = True
        return provider.observer

    def _name_of(self, index: int) -> str:
        observer = self._providers[index].observer
        return f"provider {index + 1}" if observer is None else observer.name

"""The source of evidence: the first of several observers that answers, screened and checked against the clock.

In: observers, the policy, the store that keeps verdicts. Out: ``Evidence``; or, for the deciding core, the same as an
input event: ``ObserverAnswered`` or ``ObserverFailed``. Nothing is decided here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from chain_reader.node.inputs import ObserverAnswered, ObserverFailed
from chain_reader.ports import ChainObserver, ChainTip, ScreenedOutput
from chain_reader.providers.failover import Failover
from chain_reader.providers.transport.errors import UnexpectedAnswerError
from chain_reader.trust.evidence import Evidence, EvidenceGatherer
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.screening import RememberedScreening, kept_verdicts
from chain_reader.trust.transactions import Transactions
from era_store import Store, StoredOutput
from eras import ChainReadError, Epoch, StoreError


@runtime_checkable
class PolicyObserver(ChainObserver, Protocol):
    """A chain observer that verifies what it answers, and so is another one for each policy (a leader)."""

    def under(self, policy: TrustPolicy) -> ChainObserver:
        """The observer of what this policy is about, the same each time; closing it closes this one."""
        ...


class EvidenceSource:
    """Gathers evidence from chain observers. One thread at a time may use it.

    Args:
        observer: reads the chain; of several the first one that answers is believed. The caller closes them. A
            ``Failover`` may also check their tips against the clock.
        policy: what to trust.
        store: where verdicts are kept.
    """

    def __init__(
        self,
        observer: ChainObserver | Sequence[ChainObserver] | Failover,
        policy: TrustPolicy,
        store: Store,
    ) -> None:
        self._policy = policy
        kept = kept_verdicts(store, policy.key)
        self._screening = RememberedScreening(policy.keys, store, policy.key, policy.kind.markers, kept)
        self.transactions = Transactions(store, policy.key, (policy.address, *policy.announcers), kept)
        if not isinstance(observer, Failover):
            observers = (observer,) if isinstance(observer, ChainObserver) else tuple(observer)
            observer = Failover.over(observers)
        self.providers = observer
        self.on_tip: Callable[[ChainTip], object] = lambda _tip: None
        """Called with each tip as soon as it is known: reading the rest may take seconds."""
        self._last: Evidence | None = None
        self._trusted: Callable[[], StoredOutput | None] = lambda: None
        self._gatherers: dict[int, EvidenceGatherer] = {}

    @property
    def name(self) -> str:
        """The name of the observers for operators."""
        return self.providers.name

    @property
    def told(self) -> Mapping[str, str]:
        """Output reference → name of the verdict on it that was reported before."""
        return self._screening.told

    def keep(self, changed: Sequence[ScreenedOutput]) -> None:
        """Keep the final verdicts on these outputs."""
        self._screening.keep(changed)

    def follow(self, trusted: Callable[[], StoredOutput | None]) -> None:
        """Ask this before each reading which output is trusted: unspent, it spares reading the address (rule T12)."""
        self._trusted = trusted

    def tip_stale(self, evidence: Evidence) -> str | None:
        """Why the tip of the evidence is late by the local clock; ``None`` if it is not."""
        return self.providers.tip_stale(evidence.tip)

    def gather(self, epoch: Epoch | None = None) -> Evidence:
        """The evidence of the first observer that answers.

        Args:
            epoch: the current epoch by the local clock; a provider that is more than one off is not believed.

        Raises:
            ConfigurationError: a provider is configured wrongly.
            ChainReadError: none of them answered.
            StoreError: as ``Failover.ask``; or what is trusted cannot be read.
        """
        trusted = self._trusted()

        def read(observer: ChainObserver) -> Evidence:
            evidence = self._last = self._gatherer(observer).gather(trusted, self._last)
            _require_epoch_of_clock(evidence, epoch)
            return evidence

        return self.providers.ask(read)

    def poll(self, *, with_epoch: bool) -> ChainTip:
        """The tip of the first observer that answers, with its epoch where that is wanted.

        Raises:
            ConfigurationError, ChainReadError, StoreError: as ``gather``.
        """

        def look(observer: ChainObserver) -> ChainTip:
            tip = observer.tip()
            self.on_tip(tip)
            return replace(tip, epoch=observer.epoch()) if with_epoch and tip.epoch is None else tip

        return self.providers.ask(look)

    def _gatherer(self, observer: ChainObserver) -> EvidenceGatherer:
        if isinstance(observer, PolicyObserver):
            observer = observer.under(self._policy)
        found = self._gatherers.get(id(observer))
        if found is None:
            self._gatherers = {one: of for one, of in self._gatherers.items() if self.providers.has(of.observer)}
            found = self._gatherers[id(observer)] = EvidenceGatherer(
                observer, self._policy, self._screening, self.transactions, self.on_tip
            )
        return found

    def ask(self, epoch: Epoch | None, *, time_s: float) -> ObserverAnswered | ObserverFailed:
        """``gather`` as an input of the deciding core; it never raises for what a provider does.

        Args:
            epoch: as in ``gather``.
            time_s: POSIX time of the answer, in seconds.
        """
        try:
            evidence = self.gather(epoch)
        except (ChainReadError, StoreError) as error:
            return ObserverFailed(self.name, error.code, str(error), time_s)
        return ObserverAnswered(evidence, time_s, self.tip_stale(evidence))


def _require_epoch_of_clock(evidence: Evidence, epoch: Epoch | None) -> None:
    if epoch is not None and abs(evidence.epoch - epoch) > 1:
        raise UnexpectedAnswerError(
            f"{evidence.source}: the epoch is not that of the clock",
            expected=f"epoch {epoch}, or one beside it",
            got=f"epoch {evidence.epoch}",
            next_step="Check the clock of this machine, and that the provider is on the right network and not behind",
            provider=evidence.source,
        )

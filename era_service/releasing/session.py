"""A session of the release team: one provider, one network, what a node trusts there, and where transactions go.

In: settings. Out: an open ``Release``. The chain is read by the same providers, and the same agreement of several, as
nodes read it; without an agreement everything in a session goes through one provider, the first that answers, so that
what is read and what is spent are of the same chain. The network is always named by the operator, never guessed from
the provider: a provider of another one is refused.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TypedDict

from chain_reader import ChainObserver, ChainTip, NetworkGenesis, ScreenedOutput
from chain_reader.genesis import EpochCalendar
from chain_reader.providers.failover import Failover
from chain_reader.providers.from_url import NoGatewayError
from chain_reader.providers.gateway import Network
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.reading import TrustedReading
from chain_reader.trust.verdicts import signed_markers
from chain_reader.trusted_reader import TrustedReader
from datum import Accepted, EraMarkersPayload
from era_service.config.schema import ProviderSettings, Settings
from era_service.wiring.deciding import open_agreement, open_reader, tip_watch
from era_service.wiring.genesis import agreeing
from era_service.wiring.providers import open_gateway, open_provider, providers_of
from era_service.wiring.trust import era_script, open_memory, trust_policy
from era_store import StoredTrust
from eras import (
    ChainReadError,
    ConfigurationError,
    CurrentEraNotFoundError,
    Epoch,
    EraMarker,
    EraSwitchError,
    StoreError,
    SupportedEras,
    select_eras,
)
from eras.errors import kept
from eras.marker import MarkerFacts
from release_tools import TransactionGateway
from release_tools.markers.change import Markers, PublishedBefore, distinct
from release_tools.publishing.publication import origin_of
from release_tools.transactions.drafting import (
    MarkerOutputMissingError,
    MarkerThread,
    PublicationDeadline,
    require_network,
)
from release_tools.transactions.owners import EraAddress


class Sight(TypedDict):
    """The eras that nodes see at an epoch."""

    epoch: Epoch
    markers: list[MarkerFacts]
    current_era: str | None
    upcoming_era: str | None
    epochs_to_upcoming: int | None


@dataclass(frozen=True, slots=True)
class Release:
    """An open session.

    Attributes:
        settings: what is configured.
        network: the network, as its provider confirmed it.
        policy: what a node trusts.
        observer: reads the chain.
        reader: reads as a node does.
        submits_to: takes transactions; ``None`` in a session that only reads, at a provider that takes none.
        tip_check: why a tip is not current, by the clock of this machine; ``None`` if no genesis is configured.
        genesis: of the network, as configured or as the provider reported it when the session was opened.
        era: the address of the markers, and the native script that owns it, where one does.
    """

    settings: Settings
    network: Network
    policy: TrustPolicy
    observer: ChainObserver
    reader: TrustedReader
    submits_to: TransactionGateway | None
    tip_check: Callable[[ChainTip], str | None] | None
    genesis: NetworkGenesis | None
    era: EraAddress

    def thread(self) -> MarkerThread:
        """The markers that are published here, as their readers are configured."""
        policy = self.policy
        return MarkerThread(self.network, self.era, policy.keys, policy.kind.markers, policy.thread_token)

    @property
    def gateway(self) -> TransactionGateway:
        """The gateway for transactions, in a session that was opened to submit some.

        Raises:
            RuntimeError: it was opened to read only.
        """
        if self.submits_to is None:
            raise RuntimeError("this session was opened to read only")
        return self.submits_to

    def read(self) -> TrustedReading:
        """The reading of a node now; it may trust nothing.

        Raises:
            ChainReadError, StoreError: it could not be read.
        """
        return self.reader.refresh()

    def known(self) -> StoredTrust | None:
        """The memory of the reader; ``None`` before it trusted anything.

        Raises:
            StoreError: its memory cannot be read.
        """
        return self.reader.store.trust.load(self.policy.key)

    def epoch_of(self, reading: TrustedReading) -> Epoch:
        """The epoch of a reading, or the provider's if the reading does not know it."""
        return self.observer.epoch() if reading.epoch is None else reading.epoch

    def require_timely(self) -> None:
        """Check that the provider is not behind, where that is known: a plan by an old epoch is too late.

        Raises:
            ChainReadError: it is behind, or ahead of the clock of this machine, or could not be reached.
        """
        words = None if self.tip_check is None else self.tip_check(self.observer.tip())
        if words is not None:
            raise ChainReadError(
                f"{self.observer.name} is not up to date, so nothing is published based on it",
                code="UntimelyProvider",
                expected="a tip that agrees with the clock of this machine",
                got=words,
                next_step="Wait until it has caught up, use another provider, or set the clock: eraswitch doctor",
            )

    def deadline_after(self, epoch: Epoch | None) -> PublicationDeadline | None:
        """The end of ``epoch``, in slots; ``None`` where it is unknown: then a log line reports it.

        Raises:
            ConfigurationError: the genesis is only half configured, or the provider's is of another network.
        """
        if epoch is None:
            return None
        genesis = self.genesis
        if genesis is None or not self._fits(genesis):
            return None
        return PublicationDeadline(epoch, genesis.first_slot_of(Epoch(epoch + 1)))

    def _fits(self, genesis: NetworkGenesis) -> bool:
        """Whether the provider's tip is in the epoch of its slot.

        Blockfrost reports a network of one's own whose first era had other slots as if it had not; then nothing shows
        in which slot an epoch ends.
        """
        tip = self.observer.tip()
        epoch = self.observer.epoch() if tip.epoch is None else tip.epoch
        by_slot = genesis.epoch_of(tip.slot)
        fits = abs(by_slot - epoch) <= (1 if tip.epoch is None else 0)
        if not fits:
            logging.getLogger(__name__).warning(
                "Slot %d is in epoch %d by %s, and in epoch %d by the genesis, so the end of an epoch is "
                "not known, and "
                "the transaction could come in too late. Lower --validity-slots",
                tip.slot, epoch, self.observer.name, by_slot,
            )  # fmt: skip
        return fits

    def calendar(self, epoch: Epoch) -> EpochCalendar:
        """The calendar of epochs by the genesis or the provider; now is in ``epoch``."""
        now_s, genesis = time.time(), self.genesis
        if genesis is not None and self.tip_check is None:  # it is the provider's
            genesis = agreeing(genesis, epoch, now_s)
        return EpochCalendar(genesis, now_s)

    def trusts_proven(self) -> bool:
        """Whether a provider that knows inputs saw the trusted transaction spend at the era address (rule T2).

        Raises:
            StoreError: the reader's memory cannot be read.
        """
        known = self.known()
        return known is not None and known.proven


def published_before(known: StoredTrust | None, reading: TrustedReading) -> PublishedBefore:
    """The remembered payloads that the era key signed; ``reading`` has decoded most of them."""
    if known is None:
        return PublishedBefore()
    verified = [signed_markers(item.verdict) for item in reading.screened]
    decoded: dict[bytes, Markers] = {one.content: one.markers for one in verified if one is not None}
    published = set()
    for payload in known.payloads:
        markers = decoded.get(payload.content)
        published.add(EraMarkersPayload.from_bytes(payload.content).markers if markers is None else markers)
    return PublishedBefore(frozenset(published), known.complete)


def require_magic(settings: Settings) -> int:
    """The magic of the network that the operator named.

    Raises:
        ConfigurationError: none is.
    """
    if settings.network.magic is None:
        raise ConfigurationError(
            "The network is not named",
            expected="--network NAME, --network-magic N or --mainnet",
            got="none of them",
            next_step="Name the network to publish on",
            code="NetworkNeeded",
        )
    return settings.network.magic


@contextmanager
def open_release(settings: Settings, *, submits: bool = True) -> Iterator[Release]:
    """A session with the first provider that answers, and takes transactions if the session ``submits`` some.

    Where ``reader.agreement`` is configured, the chain is read from all providers, as nodes read it, and transactions
    go to the first one that takes them.

    Raises:
        ConfigurationError: the configuration cannot be used, or the provider is of another network.
        ChainReadError, StoreError: no provider answers.
    """
    magic = require_magic(settings)
    providers = providers_of(settings)
    if not providers:
        raise ConfigurationError(
            "There is no provider to read the chain from and send transactions to",
            code="ReleaseProviderNeeded",
            expected="a Blockfrost API, an Ogmios server or a local chain",
            got="none",
            next_step="Give --provider, or set reader.providers",
        )
    with ExitStack() as opened:
        yield _first_that_answers(settings, providers, magic, opened, submits=submits)


def _first_that_answers(
    settings: Settings, providers: tuple[ProviderSettings, ...], magic: int, opened: ExitStack, *, submits: bool
) -> Release:
    failed: EraSwitchError | None = None
    for provider in providers:
        if failed is not None and not isinstance(failed, NoGatewayError):
            logging.getLogger(__name__).warning("A provider could not be reached, trying the next: %s", failed)
        with ExitStack() as attempt:
            try:
                release = _open(settings, provider, magic, attempt, submits=submits)
            except (ChainReadError, StoreError, NoGatewayError) as error:
                failed = kept(error)
                continue
            opened.enter_context(attempt.pop_all())
            return release
    assert failed is not None  # noqa: S101 - there is a provider
    raise failed


def _open(settings: Settings, provider: ProviderSettings, magic: int, opened: ExitStack, *, submits: bool) -> Release:
    policy = trust_policy(settings)
    agree = settings.reader.agreement is not None
    observer: ChainObserver = open_agreement(settings) if agree else open_provider(provider, settings)
    opened.enter_context(closing(observer))
    gateway: TransactionGateway | None = None
    try:
        gateway = opened.enter_context(closing(open_gateway(provider, settings)))
    except NoGatewayError:
        if submits:
            raise
    network = Network.of(magic) if gateway is None else require_network(gateway, magic)
    era = EraAddress(policy.address, era_script(settings))
    era.parse(network.network_id)
    memory = opened.enter_context(closing(open_memory(settings, logs_trust=False)))
    heard: list[NetworkGenesis] = []
    watch = tip_watch(settings, observer, on_genesis=heard.append)
    reader = open_reader(settings, memory, Failover.over([observer], watch), policy)
    genesis = watch.genesis if watch is not None else next(iter(heard), None)
    return Release(settings, network, policy, observer, reader, gateway, watch, genesis, era)


def output_in_force(reading: TrustedReading) -> ScreenedOutput | None:
    """The unspent output whose markers a node trusts; ``None`` where it trusts none.

    Raises:
        ChainReadError: a node trusts one that is not there any more.
    """
    transaction = origin_of(reading)
    if transaction is None:
        return None
    accepted = [item for item in reading.screened if isinstance(item.verdict, Accepted)]
    found = next((item for item in accepted if item.output.transaction == transaction), None)
    if found is None and len(accepted) == 1:
        found = accepted[0]  # a bare reader held to a copy, and the copy was swept
    if found is None:
        raise MarkerOutputMissingError(
            "The marker output that a node trusts is not at the era address",
            expected=f"an output of {transaction}, unspent",
            got=reading.stale or "none",
            next_step="Look: eraswitch marker history. After a rollback try again after the next block; if it was "
            "spent by mistake: eraswitch marker adopt-token",
            transaction=transaction,
        )
    return found


def token_in_force(reading: TrustedReading) -> str | None:
    """The thread token of the output in force; ``None`` where it holds none, or the provider reports none.

    Raises:
        ChainReadError: a node trusts an output that is not there any more.
    """
    in_force = output_in_force(reading)
    return None if in_force is None or len(in_force.output.assets) != 1 else in_force.output.assets[0][0]


def nodes_see(markers: Sequence[EraMarker], epoch: Epoch, settings: Settings) -> Sight:
    """The eras that markers select at an epoch for the configured software, JSON-ready."""
    token = None
    with suppress(CurrentEraNotFoundError):
        token = select_eras(markers, epoch, SupportedEras(settings.network.supported_eras))
    return {
        "epoch": epoch,
        "markers": [marker.to_dict() for marker in distinct(markers)],
        "current_era": None if token is None else token.current.name,
        "upcoming_era": None if token is None or token.upcoming is None else token.upcoming.name,
        "epochs_to_upcoming": None if token is None else token.epochs_to_upcoming,
    }

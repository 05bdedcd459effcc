"""The service behind the HTTP API, the dashboard and the metrics: one method for each JSON document.

In: settings and a store. Out: documents, each from one consistent snapshot; any thread may call any method. Nothing
here knows HTTP. What is read, and when, is the ``Keeper``'s.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from chain_reader.trust.publications import Publications
from datum.kinds import KINDS
from era_service.config.schema import Settings
from era_service.service.documents import (
    API_VERSION,
    EraConfig,
    EraMarkers,
    EraStatus,
    EventDocument,
    EventPage,
    Health,
    HealthCheck,
    ProviderHealth,
    SwitchDocument,
    Switches,
    VersionDocument,
)
from era_service.service.keeper import Keeper, policy_of
from era_service.service.leader import LeaderPoller
from era_service.service.place import open_service_store
from era_service.service.polling import Poller
from era_service.service.refusals import Rates, RequestError, WriteProbe
from era_service.service.snapshot import Snapshot
from era_service.status.documents import ConfigurationStatus, NodeConfiguration
from era_service.wiring.adoption import compatibility_of
from era_service.wiring.trust import network_key
from era_store import SqlStore, StoredEvent
from era_store.event_log import ALL_EVENTS, EventFilter
from era_store.networks import NO_NETWORK
from era_store.sql.schema import HEAD
from eras import BehaviourSwitches, EraNotReadyError, EraSwitchError, StoreError, __version__
from release_tools.documents import Document

MAX_EVENTS = 1_000
STORE_PATIENCE_S = 300.0
"""How long a service that starts waits for a database server that is restarting too."""

PARTY_PER_S, PARTY_BURST = 1 / 60, 20
"""How often a party may register by its signature alone: once a minute in the long run."""

OF_PROVIDERS = frozenset(
    (
        "stale",
        "fresh",
        "provider-failed",
        "provider-answered",
        "regression-refused",
        "no-current-era",
        "followed",
        "follow-refused",
        "webhook-given-up",
    )
)
"""Kinds of events that may name a provider, a leader or a webhook."""

NOT_PUBLIC = frozenset(("reason", "source", "leader", "words", "webhook"))
"""The facts that name it."""


class Service(Keeper):
    """The service. ``start`` it, then ask it anything; ``close`` it at the end.

    Args:
        settings: what is configured.
        store: where everything is remembered; the service closes it.
        embedded: whether the network is the embedded local chain.
        clock: POSIX time in seconds.
        leads: returns whether this process may read the chain.
        switches: the behaviour switches of the program that embeds the service, for ``/switches``.
    """

    def __init__(
        self,
        settings: Settings,
        store: SqlStore,
        *,
        embedded: bool = False,
        clock: Callable[[], float] = time.time,
        leads: Callable[[], bool] = lambda: True,
        switches: BehaviourSwitches | None = None,
    ) -> None:
        super().__init__(settings, store, embedded=embedded, clock=clock)
        self.poller = Poller(self, leads)
        self.rates = Rates(settings.service.writes_per_s, settings.service.write_burst, time.monotonic)
        self.party_rates = Rates(PARTY_PER_S, PARTY_BURST, time.monotonic)
        self._write_probe = WriteProbe(store)
        self._switches = switches
        self._leader: LeaderPoller | None = None
        self.publications = {kind: Publications() for kind in KINDS}
        self.renewals: list[Callable[[Settings], Callable[[], None]]] = []
        """What else takes new settings: each tries them, and returns what puts them in force (``reloading``)."""
        self.is_leaving = False
        """Whether it ends soon: it still answers, but nobody should send it more."""

    @classmethod
    def open(cls, settings: Settings, *, embedded: bool = False) -> Self:
        """A service on the configured store, which is a SQLite file in the user's state folder by default.

        Of several on one store, one reads the chain at a time.

        Raises:
            StoreError: the store cannot be opened.
            ConfigurationError: the settings cannot be used.
            ConfigurationError: the table of eras and versions has a mistake.
        """
        compatibility_of(settings)  # a mistake in it is found now, not when somebody asks for the adoption
        network = NO_NETWORK if embedded else network_key(settings)
        store = open_service_store(settings, network, patience_s=STORE_PATIENCE_S)
        try:
            leader = LeaderPoller(store)
            service = cls(settings, store, embedded=embedded, leads=leader.try_to_lead)
            service._leader = leader
        except BaseException:
            store.close()
            raise
        return service

    def start(self) -> None:
        """Take what is remembered, and begin to poll.

        Raises:
            StoreError: the store does not notify of changes.
        """
        super().start()
        self.poller.start()
        if self._leader is not None:
            self._leader.start(self, self.poller.wake)

    def close(self) -> None:
        """Stop polling, close every connection. Calling it twice is fine."""
        self.poller.stop()
        if self._leader is not None:
            self._leader.stop()
        super().close()

    def reconfigure(self, settings: Settings) -> None:
        """Use other settings from now on (``reloading``): providers are opened anew, and the chain is read at once."""
        policy = policy_of(settings)
        with self._reading:
            self._close_reader()
            before, self.settings, self._policy = self.settings.service, settings, policy
        own = settings.service
        if (own.writes_per_s, own.write_burst) != (before.writes_per_s, before.write_burst):
            self.rates = Rates(own.writes_per_s, own.write_burst, time.monotonic)
        self.poller.wake()

    def documents(self, snapshot: Snapshot) -> dict[str, Document | None]:
        """Path → document, of those that are the same for everybody until the next snapshot, where they exist."""
        return {**super().documents(snapshot), "/switches": self.switches(), "/version": self.version()}

    def era_status(self) -> EraStatus:
        """``/era/status``.

        Raises:
            EraNotReadyError: nothing was read yet.
        """
        return self.snapshot.status

    def era_config(self) -> EraConfig:
        """``/era/config``.

        Raises:
            EraSwitchError: there is no current era, or nothing was read yet.
        """
        found = self.snapshot
        if found.config is None:
            raise _nothing_trusted(found)
        return found.config

    def era_markers(self) -> EraMarkers:
        """``/era/markers``.

        Raises:
            EraSwitchError: there is no signed payload in force, or nothing was read yet.
        """
        found = self.snapshot
        if found.markers is not None:
            return found.markers
        if found.config is None and found.status.error is not None:
            raise _nothing_trusted(found)
        raise _not_from_a_chain(found, "There is no signed payload to serve")

    def configuration(self) -> ConfigurationStatus:
        """``/configuration``.

        Raises:
            EraNotReadyError: nothing was read yet.
            RequestError: this service reads no protocol configurations.
        """
        found = self.snapshot.configuration
        if found is None:
            raise RequestError(
                "This service reads no protocol configurations",
                expected="protocol_configuration.enabled",
                got="it is not set",
                next_step="Set protocol_configuration.enabled (docs/protocol-configuration.md)",
                code="ConfigurationNotRead",
            )
        return found

    def configuration_of(self, epoch: int) -> NodeConfiguration:
        """``/configuration/{epoch}``.

        Raises:
            EraNotReadyError, RequestError: as ``configuration``.
            RequestError: none holds at that epoch.
        """
        known = self.configuration()
        found = known.at(epoch)
        if found is None:
            first = known.configurations[0].epoch if known.configurations else None
            raise RequestError(
                f"No protocol configuration is known for epoch {epoch}",
                expected="an epoch that has one" if first is None else f"epoch {first} or a later one",
                got=f"epoch {epoch}",
                next_step="See /configuration, which lists all that are in force",
                code="ConfigurationNotFound",
            )
        return found

    def switches(self) -> Switches:
        """``/switches``."""
        view = self.checker.view
        token = view.token
        described = []
        for switch in () if self._switches is None else self._switches.describe():
            by_era = dict(switch.by_era)
            value = None if view.era is None else by_era.get(view.era)
            described.append(SwitchDocument(name=switch.name, kind=switch.kind, by_era=by_era, value=value))
        source = None if token is None else token.provenance
        return Switches(
            era=view.era,
            since=None if token is None or view.era is None else token.current.epoch,
            epoch=None if token is None else token.epoch,
            reason=view.message,
            transaction=None if source is None else source.transaction,
            key=None if source is None else source.key,
            switches=described,
        )

    @property
    def reads_chain(self) -> bool:
        """Whether this replica is the one that reads the chain."""
        return self._leader is None or self._leader.held

    def events(self, after: int = 0, limit: int = 100, only: EventFilter = ALL_EVENTS) -> EventPage:
        """``/events``: the entries with an id greater than ``after``, oldest first.

        Raises:
            StoreError: they could not be read.
        """
        found = self.store.events.read(after=after, limit=min(limit, MAX_EVENTS), only=only)
        shown = map(_public, found) if self.settings.service.public else found
        listed = [EventDocument.model_validate(event) for event in shown]
        return EventPage(events=listed, next=listed[-1].id if listed else after)

    def provider_health(self) -> ProviderHealth:
        """How the providers were when last asked."""
        known, reader = self._snapshot, self.settings.reader
        return ProviderHealth(
            providers=[] if known is None or self.settings.service.public else known.providers,
            agreement=reader.agreement,
            poll_interval_s=self.settings.service.poll_interval_s,
            last_read_at_s=None if known is None else known.read_at_s,
            stale=None if known is None else self.snapshot.status.stale,
        )

    def version(self) -> VersionDocument:
        """``/version``."""
        return VersionDocument(
            version=__version__,
            api_version=str(API_VERSION),
            schema_revision=HEAD,
        )

    def live(self) -> Health:
        """Whether the process works; if not, it should be restarted."""
        return _health(_check("poller", not self.poller.has_died, "it turns", "it has died"))

    def ready(self) -> Health:
        """Whether it has something to answer with, a store that answers and takes changes, and no end in sight."""
        known = self._snapshot
        trusted = known is not None and known.status.current is not None
        eras = _check("eras", trusted, "an era is known", "no current era is known")
        return _health(eras, _check("staying", not self.is_leaving, "it stays", "it ends"), *self._store_checks())

    def started(self) -> Health:
        """Whether it has read something, or loaded what was read before."""
        return _health(_check("first reading", self._snapshot is not None, "made", "not made yet"))

    def _store_checks(self) -> tuple[HealthCheck, ...]:
        try:
            self.store.events.read(limit=1)
        except StoreError as error:
            return (HealthCheck(name="store", ok=False, detail=error.code),)
        hindrance = None
        if self.unsaved is not None:
            hindrance = f"the last reading could not be saved: {self.unsaved}"
        elif (refused := self._write_probe.error()) is not None:
            hindrance = f"no change can be committed: {refused.code}"
        writes = _check("store writes", hindrance is None, "it accepts changes", hindrance or "")
        return HealthCheck(name="store", ok=True, detail="it answers"), writes


def _public(event: StoredEvent) -> StoredEvent:
    """The event without a word on who was asked."""
    if event.kind not in OF_PROVIDERS:
        return event
    return replace(event, facts={name: fact for name, fact in event.facts.items() if name not in NOT_PUBLIC})


def _check(name: str, ok: bool, fine: str, wrong: str) -> HealthCheck:
    return HealthCheck(name=name, ok=ok, detail=fine if ok else wrong)


def _health(*checks: HealthCheck) -> Health:
    return Health(status="ok" if all(check.ok for check in checks) else "failed", checks=list(checks))


def _not_from_a_chain(snapshot: Snapshot, what: str) -> EraSwitchError:
    return EraSwitchError(
        what,
        code="NoSignedPayload",
        expected="markers read from a chain",
        got=f"the source {snapshot.status.adapter}",
        next_step="Configure a network, and a provider to read it from",
    )


def _nothing_trusted(snapshot: Snapshot) -> EraSwitchError:
    error = snapshot.status.error
    if error is None:
        return _not_from_a_chain(snapshot, "The era address and the verification key are not known")
    return EraNotReadyError(
        "There is no current era to report",
        expected="markers that are trusted, and one of them active",
        got=error.what,
        next_step=error.next_step or "See /era/status",
        cause=error.code,
    )

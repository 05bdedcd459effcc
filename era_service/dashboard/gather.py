"""From the service to a page: fetches its documents, and makes each view from those that it needs.

In: a ``Service`` and a search text. Out: a ``Page``. A view whose documents are unavailable shows the reason instead;
the others are shown as usual. Registrations are counted once, and again only when new ones came in.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.adoption import adoption_panel, no_adoption, readiness
from era_service.dashboard.configuration import configuration_panel
from era_service.dashboard.counting import Counted, count
from era_service.dashboard.headline import answer, headline, page_notices
from era_service.dashboard.markers import markers_panel, providers_panel
from era_service.dashboard.outlook import no_outlook, outlook_panel
from era_service.dashboard.parties import Laggards, parties_panel, unknown_parties
from era_service.dashboard.recovery import recovery_answer, recovery_panel
from era_service.dashboard.roster import Roster
from era_service.dashboard.schedule import schedule_panel
from era_service.dashboard.views import (
    CONFIGURATION,
    RECOVERY,
    VIEWS,
    Answer,
    Headline,
    Notice,
    Page,
    Panel,
    Tone,
    notice_panel,
)
from era_service.dashboard.words import nobody_vouches, sentence
from era_service.releasing.activation_gate import OVERRIDDEN
from era_service.service.changes import COUNTED, REGISTRATIONS, SNAPSHOT
from era_service.service.documents import EraStatus
from era_service.service.service import Service
from era_service.service.snapshot import Snapshot
from era_service.wiring.adoption import adoption_rules, configured_tickers
from era_store.event_log import EventFilter
from eras import ConfigurationError, EraNotReadyError, EraSwitchError, StoreError
from eras.errors import kept
from release_tools.adoption.parties import not_ready
from release_tools.adoption.shares import Base
from release_tools.forecasting.result import Verdict
from release_tools.forecasting.safety import SwitchSafety, judge_switch

_log = logging.getLogger(__name__)

COUNTED_FOR_S = 30.0
"""How long a count holds without notice of new registrations: another replica may have taken some."""

OLD_S = 5.0
"""The maximum age of what is shown while registrations come in."""

_Known = tuple[tuple[object, ...], float, float, Counted]
"""A count: its subject, when it began and ended, and the result."""


class Gatherer:
    """Makes pages of a service. Several threads may use it.

    Args:
        service: the service whose documents are shown.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._counted: _Known | None = None
        self._is_old = True
        self._is_kept_warm = self._was_shown_old = False
        self._due = threading.Event()
        self._roster: tuple[Counted, Roster] | None = None
        self.generation = 0
        """Grows whenever the service reports something new."""
        service.changes.listen(self._note)

    def page(self, *, sought: str = "") -> Page:
        """The page as it is now.

        Args:
            sought: the search text for parties that are not ready.
        """
        service, now_s = self._service, self._service.clock()
        public = service.settings.service.public
        network = service.network.name or "this network"
        try:
            snapshot = service.snapshot
        except EraNotReadyError as error:
            configured = service.settings.protocol_configuration.enabled
            return _loading(network, error, service.failure, public=public, configured=configured)
        status = snapshot.status
        calendar = EpochCalendar(service.genesis, now_s)
        try:
            counted = self.counted(snapshot)
        except EraSwitchError as error:
            counted = Counted(error=kept(error))
        configured = service.settings.protocol_configuration.enabled or snapshot.configuration is not None
        is_over = status.upcoming is None and counted.recovery is not None
        makers: tuple[Callable[[], Panel | None], ...] = (
            lambda: schedule_panel(status, calendar),
            lambda: self._recovery(counted, calendar),
            lambda: _adoption(_require_counted(counted), calendar),
            lambda: None if is_over else _outlook(_require_counted(counted), status, calendar),
            lambda: self._parties(_require_counted(counted), sought="" if public else sought.strip()),
            lambda: configuration_panel(snapshot.configuration, calendar) if configured else None,
            lambda: markers_panel(status, snapshot.history),
            lambda: providers_panel(service.provider_health(), public=public),
        )
        ready = readiness(counted.epochs, counted.gate, counted.era)
        head = headline(status, calendar, ready, _why_unknown(counted))
        made = (_guarded(view, make) for view, make in zip(VIEWS, makers, strict=True))
        panels = tuple(panel for panel in made if panel is not None)
        era = counted.era
        return Page(
            network,
            status.epoch,
            head,
            tuple(page_notices(status, snapshot.alarms)),
            panels,
            snapshot.read_at_s,
            status.stale is not None,
            public,
            _title(head, network),
            f"badge/{era}.svg" if era is not None and era.isidentifier() else None,
            self._answer(counted, status),
        )

    def counted(self, snapshot: Snapshot) -> Counted:
        """The adoption of the upcoming era, by the registrations.

        Raises:
            EraSwitchError: they cannot be read, or the settings cannot be used.
        """
        about = self._about(snapshot)
        known = self._counted
        if known is not None and known[0] == about:
            _, began_s, ended_s, counted = known
            holds_s = rest_s(ended_s - began_s) if self._is_old else COUNTED_FOR_S
            is_due = time.monotonic() >= ended_s + holds_s
            self._was_shown_old |= self._is_old or is_due
            if is_due and self._is_kept_warm:
                self._due.set()
            if not is_due or self._is_kept_warm:  # nobody waits while it is counted anew
                return counted
        return self._count_anew(snapshot, known)

    @contextmanager
    def kept_warm(self, render: Callable[[], object]) -> Iterator[None]:
        """Within the block, a thread counts anew and makes the page, so that no reader waits for it.

        Args:
            render: makes the page.
        """
        ended = threading.Event()

        def run() -> None:
            while not ended.is_set():
                self._due.wait()
                self._due.clear()
                began_s = time.monotonic()
                try:
                    self._renew(render)
                except EraSwitchError as error:
                    _log.debug("The dashboard could not be prepared: %s", error)
                except Exception:
                    _log.exception("The dashboard could not be prepared")
                ended.wait(rest_s(time.monotonic() - began_s))

        thread = threading.Thread(target=run, name="dashboard", daemon=True)
        self._is_kept_warm = True
        self._due.set()
        thread.start()
        try:
            yield
        finally:
            self._is_kept_warm = False
            ended.set()
            self._due.set()
            thread.join(timeout=30)

    def _renew(self, render: Callable[[], object]) -> None:
        try:
            snapshot = self._service.snapshot
        except EraNotReadyError:
            return  # the first reading notifies when it is made
        known = self._counted
        was_shown, self._was_shown_old = self._was_shown_old, False
        if known is None or known[0] != self._about(snapshot) or self._is_old or was_shown:
            try:
                self._count_anew(snapshot, known)
                render()
            finally:
                if was_shown:
                    self._service.changes.notify(COUNTED)

    def _about(self, snapshot: Snapshot) -> tuple[object, ...]:
        status = snapshot.status
        return (self._service.settings, status.epoch, status.upcoming, status.current)

    def _count_anew(self, snapshot: Snapshot, known: _Known | None) -> Counted:
        """Count, unless another thread has meanwhile replaced ``known``."""
        with self._lock:
            about, newest = self._about(snapshot), self._counted
            if newest is not None and newest is not known and newest[0] == about and not self._is_old:
                return newest[3]
            self._is_old = False  # before counting: what comes in meanwhile is counted the next time
            began_s = time.monotonic()
            try:
                counted = count(self._service, snapshot.status)
            except BaseException:
                self._counted = None  # readers get the error, and nothing outdated
                raise
            finally:
                self.generation += 1
            self._counted = (about, began_s, time.monotonic(), counted)
            return counted

    def minimum(self, era: str | None) -> str | None:
        """The version to install for an era, in words; ``None`` if it is not configured.

        Raises:
            EraSwitchError: nothing was read yet, or the registrations cannot be read.
        """
        return None if era is None else self.counted(self._service.snapshot).compatibility.minimum(era)

    def roster(self) -> Roster | None:
        """All parties of the epochs that the charts show; ``None`` before the first registration.

        Raises:
            EraSwitchError: nothing was read yet, or the registrations or the names of pools cannot be read.
        """
        counted = self.counted(self._service.snapshot)
        if not counted.epochs:
            return None
        known = self._roster
        if known is None or known[0] is not counted:
            era = counted.era if counted.is_vouched_for else None
            epochs = [one.epoch for one in counted.epochs]
            tickers = configured_tickers(self._service.settings)
            registrations = self._service.store.registrations
            known = self._roster = (counted, Roster(registrations, epochs, era, counted.compatibility, tickers))
        return known[1]

    def badge(self, era: str) -> tuple[str, Tone] | None:
        """The badge of an era and its meaning; ``None`` where it is unknown.

        Raises:
            EraSwitchError: nothing was read yet, or the registrations cannot be read.
        """
        counted = self.counted(self._service.snapshot)
        if not any(row.told for one in counted.epochs[:1] for row in one.eras if row.era == era):
            return None
        ready = readiness(counted.epochs, counted.gate if counted.era == era else None, era)
        if ready is None:
            return None
        tone: Tone = "quiet" if ready.met is None else "good" if ready.met else "attention"
        return f"{ready.share_text} ready", tone

    def _note(self, kind: str) -> None:
        if kind == REGISTRATIONS:
            self._is_old = True
        if kind in (REGISTRATIONS, SNAPSHOT):
            self._due.set()
        self.generation += 1

    def _recovery(self, counted: Counted, calendar: EpochCalendar) -> Panel | None:
        found = _require_counted(counted).recovery
        if found is None:
            return None
        settings = self._service.settings
        tickers = {} if settings.service.public else configured_tickers(settings)
        return recovery_panel(found, calendar, tickers, public=settings.service.public)

    def _answer(self, counted: Counted, status: EraStatus) -> Answer | None:
        """Whether it is safe to switch, or the network recovered from a switch; ``None`` where none is near."""
        if status.upcoming is None:
            found = counted.recovery
            return None if found is None else recovery_answer(found, stale=status.stale is not None)
        era = status.upcoming.name
        try:
            overridden = self._service.store.events.last(EventFilter(kinds=(OVERRIDDEN,)))
        except StoreError as error:
            return answer(era, SwitchSafety(Verdict.UNKNOWN, (error.what,)))
        is_of_era = overridden is not None and overridden.facts.get("era") == era
        safety = judge_switch(
            None if isinstance(counted.forecast, EraSwitchError) else counted.forecast,
            counted.gate,
            missing=_why_no_answer(counted),
            stale=status.stale is not None,
            override=str(overridden.facts.get("reason")) if overridden is not None and is_of_era else None,
            refused=len(status.refused) + status.refused_not_listed,
            supported=status.upcoming.supported,
        )
        return answer(era, safety, supported=status.upcoming.supported)

    def _parties(self, counted: Counted, *, sought: str) -> Panel:
        public = self._service.settings.service.public
        if counted.era is None or not counted.epochs:
            return parties_panel(None, public=public)
        if not counted.is_vouched_for:
            return unknown_parties(counted.era)
        now = counted.epochs[0]
        row = next(row for row in now.eras if row.era == counted.era)
        behind = not_ready(
            self._service.store.registrations,
            epoch=now.epoch,
            era=counted.era,
            compatibility=counted.compatibility,
            base=Base.REGISTERED,
            rules=adoption_rules(self._service.settings),
        )
        tickers = {} if public else configured_tickers(self._service.settings)
        behind = (replace(one, ticker=tickers.get(one.party_id)) for one in behind) if tickers else behind
        return parties_panel(Laggards.among(behind, row=row, now=now, sought=sought), public=public)


def rest_s(took_s: float) -> float:
    """How long a count holds while registrations come in, by the time that counting took.

    A flood costs a fiftieth of a core, or a third if readers would otherwise wait for more than ``OLD_S``.
    """
    return max(2 * took_s, min(49 * took_s, OLD_S))


def _require_counted(counted: Counted) -> Counted:
    if counted.error is not None:
        raise counted.error
    return counted


def _why_unknown(counted: Counted) -> str:
    """The reason why it is unknown how much of the stake is ready."""
    if counted.error is not None:
        return "The registrations cannot be counted now."
    if not counted.epochs:
        return "Nobody has registered yet."
    return f"{nobody_vouches(counted.era or 'the era')}."


def _why_no_answer(counted: Counted) -> str:
    """The reason why neither a forecast nor a gate can answer."""
    if not counted.epochs or not counted.is_vouched_for:
        words = _why_unknown(counted)
    elif isinstance(counted.forecast, EraSwitchError) and not isinstance(counted.forecast, ConfigurationError):
        words = counted.forecast.what
    else:
        words = "neither a quorum nor a gate is configured"
    return words[:1].lower() + words[1:].removesuffix(".")


def _adoption(counted: Counted, calendar: EpochCalendar) -> Panel:
    era = counted.era if counted.is_vouched_for else None
    return adoption_panel(counted.epochs, counted.gate, era, calendar) if counted.epochs else no_adoption()


def _outlook(counted: Counted, status: EraStatus, calendar: EpochCalendar) -> Panel:
    if status.upcoming is None:
        return no_outlook("No era is coming")
    if not counted.epochs:
        return no_outlook("Nobody has registered yet")
    if isinstance(counted.forecast, ConfigurationError):
        return no_outlook(f"{sentence(counted.forecast.what)} {counted.forecast.next_step or ''}")
    if isinstance(counted.forecast, EraSwitchError):
        raise counted.forecast
    if counted.forecast is None:
        return no_outlook("No era is coming")
    return outlook_panel(counted.forecast, calendar, is_decided=status.upcoming.epoch is not None)


def _guarded(view: tuple[str, str], make: Callable[[], Panel | None]) -> Panel | None:
    """A view, or a notice with the reason why it cannot be shown; ``None`` if it has no subject."""
    try:
        return make()
    except EraSwitchError as error:
        what, next_step = kept(error).what, error.next_step  # it may be the one that was kept instead of a count
        text = " ".join(sentence(part) for part in (what, next_step) if part)
        return notice_panel(view, "bad", "This view cannot be shown now", text)


def _loading(network: str, error: EraNotReadyError, failure: str | None, *, public: bool, configured: bool) -> Page:
    """The page before the first reading of the chain."""
    head = Headline("Reading the chain for the first time", "One moment", "", sentence(error.what), "", "quiet")
    text = "" if public or failure is None else sentence(failure)
    failed = Notice("bad", "The chain could not be read yet; it is tried again", text)
    notices = () if failure is None else (failed,)
    shown = [view for view in VIEWS if view != RECOVERY and (configured or view != CONFIGURATION)]
    panels = tuple(notice_panel(view, "quiet", "Waiting for the first reading of the chain") for view in shown)
    title = f"{network}: eras"
    return Page(network, None, head, notices, panels, None, stale=False, public=public, title=title)


def _title(head: Headline, network: str) -> str:
    if head.unit:
        return f"{head.over} {head.number} {head.unit} · {network}"
    return f"{head.number} · {network}"

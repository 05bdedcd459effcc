"""The watcher of a node: keeps the node's era up to date at start-up and at every epoch, and warns in time.

In: the deciding core, a source of evidence, the epoch clock. Out: an ``EraChecker`` that is always up to date, log
lines, hooks, and in the end a ``WatchEnd``. Embed it in a thread (``start``), in asyncio (``watch``), or let it use the
calling thread (``run``). The core makes the decisions; this module decides when things happen:

1. The clock ticks when an epoch begins: a trusted switch happens then, whatever the provider does. The chain is read
   soon after (``call_schedule``), and again until it answers.
2. Without a genesis the observer's tip is polled, and an epoch begins with the reading that sees it.
3. Otherwise the watcher sleeps. Calls are made in the background (``provider_calls``): a provider that hangs delays
   nothing.
4. While no watcher runs no work begins (``attendance``), and knowledge from before a gap is stale until the chain is
   read again.
5. If the current era is unsupported, the node that it runs is stopped at once, and the watcher ends with exit code 4
   when the hooks have ended; with ``drain_s``, when the work under way has ended too, or that time is over. No new
   work begins.
"""

import asyncio
import logging
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from chain_reader import ChainTip, NodeCore
from chain_reader.node.eras import unsupported_current
from chain_reader.node.inputs import ClockTicked, CommandGiven, InputEvent, ObserverAnswered, ObserverFailed
from chain_reader.node.intake import Intake
from chain_reader.node.kinds import Decision, DecisionKind
from chain_reader.node.source import EvidenceSource
from chain_reader.ports import ScreenedOutput
from chain_reader.trust.evidence import Evidence
from datum import WrongSigner
from era_service.logs import bind_era
from era_service.node.attendance import FORKED, LATE_S, Attendance
from era_service.node.binaries import Binaries
from era_service.node.call_schedule import CallSchedule
from era_service.node.epoch_clock import EpochClock, Moment
from era_service.node.hooks import Hooks
from era_service.node.preparation import Preparation
from era_service.node.provider_calls import Called, ProviderCalls
from era_service.node.reactions import WATCHER_LATE, hooks_of, log_lines, status_line
from era_service.node.waiting import Alarm, Readiness
from era_service.node.watch_options import Surroundings, WatchEnd, WatchOptions
from eras import Epoch, EraChecker, EraStatus

UNSUPPORTED = 4
ERRAND_S = 60.0
"""How long ``check`` waits for each errand."""
_CHECK_TICK_S = _HOOK_TICK_S = _RUNNER_TICK_S = 1.0
_DRAIN_TICK_S = 0.2
_INPUTS_AT_ONCE = 256
_log = logging.getLogger(__name__)


class NodeWatcher:
    """Watches the era of one node. One thread runs it; other threads may call everything else.

    Args:
        core: makes the decisions.
        source: reads and polls the chain.
        clock: the epoch clock.
        options: how to watch.
        beside: what it works with besides these; by default nothing.
    """

    def __init__(
        self,
        core: NodeCore,
        source: EvidenceSource,
        clock: EpochClock,
        options: WatchOptions | None = None,
        beside: Surroundings | None = None,
    ) -> None:
        self.options = options or WatchOptions()
        beside = beside or Surroundings()
        self.hooks, self.minimum, self.errands = beside.hooks, beside.minimum, beside.errands
        self._core = core
        self.providers = source.providers
        source.follow(lambda: core.state.trust.trusted)
        self._clock = clock
        self._notifier, self._on_decision = beside.notifier, beside.on_decision
        self._binaries = None if beside.runner is None else Binaries(beside.runner, self.hooks)
        self._alarm = Alarm()
        self._wait = beside.wait or self._alarm.sleep
        schedule = CallSchedule(self.options.calls, clock.machine.monotonic())
        self._calls = ProviderCalls(
            source, clock, schedule, begin=beside.begin, over=self._alarm.ring, also=beside.configurations
        )
        self._intake = Intake(clock=clock.machine.posix)
        self._ticked: Epoch | None = None
        self._stopping = False
        self._ends_s: float | None = None
        self._end: WatchEnd | None = None
        self._ready = Readiness()
        self._checked = self._begun = False
        self._working = 0
        self._preparation = Preparation(self.hooks, clock.machine.posix, self._alarm.ring)
        self._attendance = Attendance(clock.machine, self._alarm.ring, self._in_child)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    # -- what a node asks -------------------------------------------------------------------------------------------

    @property
    def checker(self) -> EraChecker:
        """The era of the node."""
        return self._core.checker

    @property
    def vetoed(self) -> str | None:
        """The reason why a ``before-switch`` hook vetoed the switch to the current era; ``None`` without a veto."""
        return self._preparation.vetoed

    @property
    def end(self) -> WatchEnd | None:
        """The end of the watcher; ``None`` while it watches."""
        return self._end

    def wait_ready(self, timeout_s: float | None = None) -> bool:
        """Wait until the first check is over or the watcher has ended, and return whether there is an era to run.

        Raises:
            EraNotReadyError: the watcher was stopped, has failed, or runs in another process.
        """
        self._ready.wait(timeout_s)
        return self._has_era()

    async def wait_ready_async(self, timeout_s: float | None = None) -> bool:
        """``wait_ready`` for asyncio; it does not block the event loop, and may be cancelled.

        Raises:
            EraNotReadyError: the watcher was stopped, has failed, or runs in another process.
        """
        await self._ready.wait_async(timeout_s)
        return self._has_era()

    @contextmanager
    def work(self) -> Iterator[str]:
        """A unit of work in the current era, which does not change within the block; ``drain_s`` lets it finish.

        Raises:
            EraNotReadyError: nothing was read yet, or the watcher was not started, was stopped, has failed, is late, or
                runs in the process from which this one was forked.
            UnsupportedEraError: the current era is not supported.
        """
        with self.checker.pinned() as era:
            self._attendance.require()
            self._preparation.require(era)
            with self._lock:
                self._working += 1
            try:
                yield era
            finally:
                with self._lock:
                    self._working -= 1
                self._alarm.ring()

    def command(self, name: str, **arguments: str) -> bool:
        """Give the core a command: ``check`` (read the chain now), ``acknowledge`` (with ``era``) or ``stop``.

        Returns:
            Whether it was accepted; if too many wait already it is counted, and the core learns of that.
        """
        return self.give(CommandGiven(name, self._clock.machine.posix(), arguments), patience_s=0)

    def reconfigure(self, options: WatchOptions, hooks: Hooks) -> None:
        """Use these options and hooks from now on, and read the chain at once. Any thread may call it."""
        self.hooks.take_over(hooks)
        self.options, self._calls.schedule.options = options, options.calls
        self.command("check")

    def give(self, event: InputEvent, *, patience_s: float | None = None) -> bool:
        """Hand over an input, such as a registration, from any thread; whether it was accepted (``Intake.put``)."""
        taken = self._intake.put(event, patience_s=patience_s)
        self._alarm.ring()
        return taken

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self) -> WatchEnd:
        """Watch until ``stop``, or until the node has to stop.

        Raises:
            StoreError: the remembered trust is damaged.
            ConfigurationError: the settings cannot be used.
            EraNotReadyError: this process was forked from the one in which the watcher ran.
        """
        self._attendance.require_own_process()
        self.hooks.problems()
        self._end, self._attendance.absent = None, None
        try:
            end = self._run()
        except BaseException as error:
            self._end = WatchEnd(1, f"the watcher failed: {error}")
            raise
        else:
            self._end = end
            _log.info("The watcher stops: %s", end.reason)
            return end
        finally:
            if self._end is not None:
                self._attendance.absent = self._end.reason
                self.checker.mark_unattended(self._end.reason)
            if self._binaries is not None:
                self._binaries.runner.stop()
            self._notifier.stopping()
            self._ready.set()

    def start(self) -> threading.Thread:
        """Watch in a thread of its own; ``stop`` ends it.

        Raises:
            EraNotReadyError: this process was forked from the one in which the watcher ran.
        """
        self._attendance.require_own_process()
        self._thread = threading.Thread(target=self.run, name="eraswitch-watcher", daemon=True)
        self._thread.start()
        return self._thread

    def stop(self) -> None:
        """End soon, from any thread or a signal handler; waits for the thread of ``start``. Twice is fine."""
        self._stopping = True
        self._attendance.absent = self._attendance.absent or "a stop was requested"
        self._alarm.ring()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    async def watch(self) -> WatchEnd:
        """``run`` for asyncio: cancelling the task ends the watcher."""
        running = asyncio.ensure_future(asyncio.to_thread(self.run))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.stop()
            await running
            raise

    def check(self) -> None:
        """Check once, as at start-up; returns when the check is over and the hooks have run."""
        self.hooks.problems()
        while not self._checked:
            self.step()
            if not self._checked:
                self._wait(_CHECK_TICK_S)
        self._preparation.wait()
        for errand in self.errands:
            errand.hurry()
        self.step()
        for errand in self.errands:
            errand.wait(ERRAND_S)
        self.step()
        self.hooks.wait()

    def step(self) -> None:
        """Do what is due now."""
        if not self._begun:
            self._begin()
        self._notice_gap()
        self._take_in()
        moment = self._clock.now()
        if self._clock.genesis is not None and self._ticked is not None and moment.epoch != self._ticked:
            self._tick(moment)
            self._calls.schedule.epoch_began(self._ticked, self._now_s())
        self._calls.begin_due()
        while (called := self._calls.take()) is not None:
            self._handle(called)
            self._report(self._calls.decisions())
            self._calls.begin_due()
        while (prepared := self._preparation.take()) is not None:
            self._apply(prepared)
        for errand in self.errands:
            if (report := errand.step(self.checker.view, self._alarm.ring)) is not None:
                self._apply(report)
        self._settle()
        self._attendance.looked(self.wait_s())

    # -- inside -----------------------------------------------------------------------------------------------------

    def _run(self) -> WatchEnd:
        while (end := self._ended()) is None:
            self.step()
            if self._checked and not self._ready.is_set:
                _log.info("Watching: %s", status_line(self.checker))
                self._ready.set()
                self._notifier.ready()
            self._notifier.alive()
            if (end := self._ended()) is not None:
                break
            self._wait(self.wait_s())
        return end

    def _has_era(self) -> bool:
        if self._end is not None and self._end.code != UNSUPPORTED:
            raise self._attendance.error(self._end.reason)
        return self.checker.view.era is not None

    def _now_s(self) -> float:
        return self._clock.machine.monotonic()

    def _notice_gap(self) -> None:
        """Mark knowledge from before a gap as stale until the chain is read again (rule 4)."""
        late_s = self._attendance.late_s
        if late_s > LATE_S:
            reason = f"the era was not kept up to date for {late_s:.0f} s, as happens when a machine is suspended"
            self._apply(ObserverFailed(self._calls.source.name, WATCHER_LATE, reason, self._clock.machine.posix()))
            self._calls.read_at_once()

    def _in_child(self) -> None:
        """Adapt to a forked process, where the watcher's thread is missing and the locks that it held stay locked."""
        self._alarm.renew()
        self._lock = threading.Lock()
        if not self._begun:
            return
        self._thread, self._working = None, 0
        self._end = WatchEnd(1, FORKED)
        self._ready.renew()
        self._ready.set()
        self._attendance.absent, self._attendance.is_forked = FORKED, True
        self.checker.forked(FORKED)

    def _begin(self) -> None:
        """Report the decisions of the core at its start, and at every start that the current era is unsupported."""
        self._begun = True
        began, view = self._core.began, self.checker.view
        if view.status is EraStatus.FATAL and DecisionKind.UNSUPPORTED_CURRENT not in (
            decision.kind for decision in began
        ):
            began += (unsupported_current(view),)
        self._report(began)
        self._preparation.look_back(self._core.store, view)

    def _take_in(self) -> None:
        """Apply the inputs that were handed over; only some at once, so that an epoch does not have to wait."""
        for _ in range(_INPUTS_AT_ONCE):
            event = self._intake.get(0)
            if event is None:
                return
            self._apply(event)
            if isinstance(event, CommandGiven) and event.name == "check":
                self._calls.read_at_once()
            elif isinstance(event, CommandGiven) and event.name == "stop":
                self._stopping = True
        self._alarm.ring()

    def _tick(self, moment: Moment) -> None:
        if moment.epoch is not None:
            self._ticked = moment.epoch
            self._apply(ClockTicked(moment.epoch, moment.time_s, moment.slot))

    def _handle(self, called: Called) -> None:
        """Apply the result of a call that is over."""
        answer, schedule = called.answer, self._calls.schedule
        if isinstance(answer, ObserverFailed):
            self._apply(answer)
            self._tick(self._clock.now())
            schedule.failed(self._now_s())
            self._checked = True
        elif isinstance(answer, ObserverAnswered):
            self._learn(answer.evidence.tip, called.tip_seen_s)
            self._read(answer)
            self._checked = True
        else:
            self._learn(answer, called.tip_seen_s)
            schedule.polled(self._now_s())
            moment, token = self._clock.now(), self.checker.view.token
            if self._clock.genesis is None and (token is None or moment.epoch != token.epoch):
                self._calls.read_at_once()
            else:
                self._tick(moment)

    def _read(self, answer: ObserverAnswered) -> None:
        if self._ticked is None and answer.tip_stale is not None and self._clock.genesis is not None:
            self._tick(self._clock.now())  # a tip in doubt by the clock does not give the epoch
        self._apply(answer)
        moment, source = self._clock.now(), self._calls.source
        self._tick(moment)
        source.keep(forgeries(answer.evidence, source.told))
        token = self.checker.view.token
        begins = None if token is None or token.upcoming is None else token.upcoming.epoch
        self._calls.schedule.read(answer.evidence.epoch, moment, self._now_s(), next_activation=begins)
        if self._binaries is not None and token is not None and token.upcoming is not None:
            self._binaries.look_ahead(token.upcoming, token.epoch, moment.time_s)

    def _learn(self, tip: ChainTip, seen_s: float) -> None:
        warning = self._clock.correct(tip, seen_s)
        self._calls.schedule.epoch_lasts(self._clock.observed_epoch_s)
        if warning is not None:
            _log.warning("%s", warning)

    def _apply(self, event: InputEvent) -> None:
        self._report(self._core.apply(event))

    def _report(self, decisions: tuple[Decision, ...]) -> None:
        """Report decisions by log lines, by hooks, and to the program that embeds the watcher."""
        view = self.checker.view
        bind_era(view.era, None if view.token is None else view.token.epoch)
        for level, line in log_lines(decisions, self.minimum):
            _log.log(level, "%s", line)
        for decision in decisions:
            if self._on_decision is not None:
                try:
                    self._on_decision(decision)
                except Exception:
                    _log.exception("The decision %s could not be reported", decision.kind)
        self._preparation.look(decisions)
        for event, facts in hooks_of(decisions, self.minimum):
            self.hooks.fire(event, facts)

    def _settle(self) -> None:
        """Update the binaries, the time of the end, and the status for systemd."""
        view = self.checker.view
        unsupported = view.message if view.status is EraStatus.FATAL else self._preparation.vetoed
        if self._preparation.era is not None and self._binaries is not None:
            self._binaries.runner.stop()  # its era is over, and the next is not prepared yet
        elif self._binaries is not None and view.era is not None and unsupported is None:
            unsupported = self._binaries.follow(view.era, None if view.token is None else view.token.epoch)
        if unsupported is None:
            self._ends_s = None
        elif self._ends_s is None:
            self._ends_s = self._now_s() + (self.options.drain_s or 0.0)
            if self._binaries is not None:  # at once, not after the hooks: its era is over
                self._binaries.runner.stop(self.options.drain_s, hurry=lambda: self._stopping)
        self._notifier.status(status_line(self.checker) if unsupported is None else unsupported)

    def _ended(self) -> WatchEnd | None:
        if self._stopping:
            return WatchEnd(0, "a stop was requested")
        code = None if self._binaries is None else self._binaries.runner.ended()
        if code is not None:
            return WatchEnd(code if code >= 0 else 128 - code, f"the node ended with {code}")
        if self._ends_s is None:
            return None
        busy = self._working > 0 or not self.hooks.wait(0, refused=False)
        if self.options.drain_s is None:
            self._let_hooks_end()
        elif busy and self._now_s() < self._ends_s:
            return None
        return WatchEnd(UNSUPPORTED, self._preparation.vetoed or "the current era is not supported")

    def _let_hooks_end(self) -> None:
        """Wait for the hooks, which end within their time, with signs of life for systemd; ``stop`` ends the wait."""
        longest_s = self.hooks.timeout_s * max(1, len(self.hooks.hooks))
        for _ in range(math.ceil(longest_s / _HOOK_TICK_S)):
            if self._stopping or self.hooks.wait(_HOOK_TICK_S, refused=False):
                return
            self._notifier.alive()

    def wait_s(self) -> float:
        """Seconds until there is something to do."""
        left_s = [self.options.calls.poll_interval_s]
        if self._calls.due_s is not None:
            left_s.append(self._calls.due_s - self._now_s())
        left_s += [due_s for errand in self.errands if (due_s := errand.due_in_s) is not None]
        next_epoch_s = self._clock.now().next_epoch_s
        if next_epoch_s is not None:
            left_s.append(next_epoch_s)
        if self._notifier.watchdog_s is not None:
            left_s.append(self._notifier.watchdog_s / 3)
        if self._ends_s is not None:
            left_s.append(_DRAIN_TICK_S)
        if self._binaries is not None and self._binaries.runner.needs_looking_after:
            left_s.append(_RUNNER_TICK_S)
        return max(0.0, min(left_s))


def forgeries(evidence: Evidence, known: Mapping[str, str]) -> list[ScreenedOutput]:
    """The forgeries that are not stored yet; stored ones need no signature check at the next start."""
    forged = (item for item in evidence.unspent if isinstance(item.verdict, WrongSigner))
    return [item for item in forged if item.output.reference not in known]

"""The watcher over a real local chain, on a clock that stands still: its rules, and every way in which it ends."""

import asyncio
import logging
import socket
import threading
import time
from typing import Any

import pytest

from chain_reader import NodeCore, NodeSettings, ReadLimitExceededError, TrustedReader, TrustPolicy
from chain_reader.configuration_reader import ConfigurationReader
from chain_reader.local_chain import FaucetOutput
from chain_reader.node.inputs import RegistrationReceived
from chain_reader.node.kinds import Decision
from chain_reader.providers.tip_check import TipWatch
from chain_reader.trust.kinds import CONFIGURATIONS
from datum import EraMarkersPayload, encode_datum
from datum.configuration import (
    ConfigurationMarkersPayload,
    EpochConfiguration,
    ProtocolConfiguration,
    ProtocolParameters,
)
from era_service.node.call_schedule import CallOptions
from era_service.node.hooks import Facts, Hook, HookEvent, Hooks
from era_service.node.reactions import hooks_of, log_lines
from era_service.node.sd_notify import SystemdNotifier
from era_service.node.waiting import in_background
from era_service.node.watcher import NodeWatcher, WatchEnd
from eras import Epoch, EraMarker, EraNotReadyError, EraStatus, UnsupportedEraError
from tests.chain_reader.knowing import BARE, Knowing
from tests.node.programs import program
from tests.node.world import (
    ADDRESS,
    EPOCH_LENGTH,
    KEY,
    LAGRANGE,
    PYTHAGORAS,
    THALES,
    THIEF,
    Watched,
    publish,
    publish_payload,
)

DAY_S = 86_400.0


def hooked(node: Watched) -> list[str]:
    """The hook events since the last call, once every hook has run."""
    assert node.hooks.wait(60)
    events = [event for event, _ in node.hooked]
    node.hooked.clear()
    return events


def test_it_checks_at_start_up(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    with pytest.raises(EraNotReadyError):
        _ = watcher.checker.current_era
    watcher.step()
    assert (watcher.checker.current_era, watcher.checker.status) == (THALES, EraStatus.READY)
    assert node.kinds() == ["trusted", "era-known"]
    assert hooked(node) == ["activated"]


def test_at_rest_it_calls_once_an_interval_and_sleeps_in_between(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 0)
    node.asked()
    node.slept.clear()
    node.until(watcher, 30_000)
    assert node.asked() == ["tip"] * 50
    assert node.slept == [600.0] * 50
    assert node.kinds() == ["trusted", "era-known"], "nothing is told twice"


def test_a_trusted_switch_happens_at_the_first_second_and_waits_for_no_provider(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = node.watcher()
    node.to_epoch(watcher, 6, -1)
    assert watcher.checker.current_era == THALES
    node.asked()
    node.to_epoch(watcher, 6, 0)
    assert watcher.checker.current_era == PYTHAGORAS
    assert node.asked() == [], "nobody was asked at that moment"
    node.to_epoch(watcher, 6, 60)
    assert "datums" in node.asked(), "but within the spread"
    assert hooked(node) == ["activated", "announced", "activated"]


def test_a_cancellation_of_the_last_minutes_is_not_missed(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = node.watcher()
    node.to_epoch(watcher, 6, -200)
    publish(node.chain, (THALES, 0))
    node.to_epoch(watcher, 6, 0)
    assert watcher.checker.current_era == THALES
    assert "cancelled" in node.kinds()


def test_announced_scheduled_and_counted_down(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 0)
    publish(node.chain, (THALES, 0), (PYTHAGORAS, None))
    node.to_epoch(watcher, 6)
    assert "announced" in node.kinds()
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 9))
    node.to_epoch(watcher, 7)
    assert "scheduled" in node.kinds()
    node.to_epoch(watcher, 8)
    assert node.kinds() == ["activating-in"]
    assert hooked(node) == ["activated", "announced", "announced", "activating-in"]
    node.to_epoch(watcher, 9)
    assert node.kinds() == ["activated"]


def test_an_announcement_within_an_epoch_is_known_within_the_hour(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    node.calls = CallOptions(node_id="pool1")
    watcher = node.watcher()
    node.until(watcher, 5_000)
    publish(node.chain, (THALES, 0), (PYTHAGORAS, None))
    node.kinds()
    node.until(watcher, 3_600)
    assert "announced" in node.kinds()


def test_an_unsupported_upcoming_era_is_told_on_change_and_once_a_day(
    node: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, None))
    node.supported = (THALES,)
    watcher = node.watcher(minimum={PYTHAGORAS: "2.0.0 or later"}.get)
    node.until(watcher, DAY_S - 1)
    assert node.kinds().count("unsupported-upcoming") == 1
    node.until(watcher, 1_200)
    assert node.kinds() == ["unsupported-upcoming"], "a day later, at rest, again"
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 8))
    node.to_epoch(watcher, 6)
    assert "unsupported-upcoming" in node.kinds(), "it changed"
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert (
        "The upcoming era pythagoras is not supported by this software, which will have to stop at epoch 8, in 2 "
        "epochs. Install version 2.0.0 or later before then"
    ) in warnings
    assert node.hooks.wait(60)
    facts = [facts for event, facts in node.hooked if event == "unsupported-upcoming"][-1]
    assert (facts["era"], facts["epochs_left"], facts["install"]) == (PYTHAGORAS, 2, "2.0.0 or later")


def test_an_acknowledged_one_is_told_no_more(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, None))
    node.supported = (THALES,)
    watcher = node.watcher()
    node.until(watcher, 0)
    node.kinds()
    watcher.command("acknowledge", era=PYTHAGORAS)
    node.until(watcher, EPOCH_LENGTH - 200)
    assert node.kinds() == ["command-taken"]


def test_an_unsupported_current_era_ends_it_with_4_after_its_hooks(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    node.supported = (THALES,)
    slow: list[str] = []

    def last_words(event: HookEvent, facts: Facts) -> None:
        time.sleep(0.2)
        slow.append(facts["era"])

    watcher = node.watcher(more_hooks=[Hook(HookEvent.UNSUPPORTED_CURRENT, last_words)])
    assert watcher.run() == WatchEnd(4, "the current era is not supported")
    assert slow == [PYTHAGORAS], "it waited for the hook"
    assert node.time.clock.posix() == node.genesis.time_of(6 * EPOCH_LENGTH)
    assert "unsupported-current" in node.kinds()
    assert hooked(node)[-1] == "unsupported-current"
    with pytest.raises(UnsupportedEraError), watcher.work():
        pass


def test_with_drain_work_may_be_finished_and_none_begins(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    node.supported = (THALES,)
    watcher = node.watcher(drain_s=500.0)
    node.to_epoch(watcher, 6, -1)
    turns: list[float] = []
    ended = threading.Event()

    def work() -> None:
        with watcher.work() as era:
            assert era == THALES
            begun.set()
            ended.wait(60)
            assert watcher.checker.current_era == THALES, "pinned"

    begun = threading.Event()
    worker = threading.Thread(target=work)
    worker.start()
    assert begun.wait(60)

    def wait(seconds: float) -> None:
        node.sleep(seconds)
        if watcher.checker.status is EraStatus.FATAL:
            with pytest.raises(UnsupportedEraError), watcher.work():
                pass
            turns.append(seconds)
            if len(turns) == 20:
                ended.set()
                worker.join(60)
                assert node.hooks.wait(60)

    watcher._wait = wait
    assert watcher.run().code == 4
    assert len(turns) == 20
    assert not worker.is_alive()


def test_a_drain_that_takes_too_long_is_over(node: Watched) -> None:
    publish(node.chain, (PYTHAGORAS, 0))
    node.supported = (THALES,)
    watcher = node.watcher(drain_s=50.0)
    watcher._working = 1  # work that never ends
    began = node.time.now
    assert watcher.run().code == 4
    assert node.time.now - began == pytest.approx(50, abs=1)


def test_a_drain_without_work_ends_at_once(node: Watched) -> None:
    publish(node.chain, (PYTHAGORAS, 0))
    node.supported = (THALES,)
    watcher = node.watcher(drain_s=50.0)
    began = node.time.now
    watcher.step()
    assert node.hooks.wait(60)
    assert watcher.run().code == 4
    assert node.time.now == began


def test_provider_down_at_a_boundary_the_schedule_decides_and_it_says_what_cannot_be_known(
    node: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 7))
    watcher = node.watcher()
    node.to_epoch(watcher, 6)
    node.kinds()
    node.down = True
    node.to_epoch(watcher, 7, 5)
    assert watcher.checker.current_era == PYTHAGORAS
    assert watcher.checker.status is EraStatus.STALE
    kinds = node.kinds()
    assert kinds == ["stale", "provider-failed", "activated", "epoch-unconfirmed"]
    assert (
        "Epoch 7 began and the chain cannot be read: the era pythagoras is in force by the remembered schedule. "
        "Not known: whether a marker was published, moved or cancelled since epoch 6"
    ) in caplog.messages
    node.down = False
    node.to_epoch(watcher, 7, 700)
    assert watcher.checker.status is EraStatus.READY
    assert node.kinds() == ["fresh", "provider-answered"]


def test_a_provider_that_hangs_across_the_boundary_holds_up_nothing(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = node.watcher()
    node.to_epoch(watcher, 6, -1)
    release, honest = threading.Event(), node.provider.change

    def hang(question: str, answer: Any) -> Any:
        release.wait(30)
        return honest(question, answer)

    node.provider.change = hang
    watcher._calls._begin = in_background
    watcher.command("check")
    watcher.step()
    assert watcher.checker.current_era == THALES
    assert watcher.wait_s() == pytest.approx(1.0), "the boundary is what it waits for"
    node.time.pass_(1.0)
    watcher.step()
    assert watcher.checker.current_era == PYTHAGORAS, "though a call is under way"
    release.set()
    until = time.monotonic() + 30
    while watcher._calls.due_s is None and time.monotonic() < until:
        watcher.step()
    assert watcher.checker.current_era == PYTHAGORAS
    assert watcher.checker.status is EraStatus.READY


def test_an_outage_is_met_with_growing_waits_and_told_once(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 0)
    node.kinds(), node.asked()
    node.down = True
    node.until(watcher, 20_000)
    asked = node.asked()
    assert 60 < len(asked) < 120, "20,000 s at up to 300 s each"
    assert node.kinds() == ["stale", "provider-failed"]
    assert watcher.checker.current_era == THALES
    node.down = False
    node.until(watcher, 301)
    assert node.kinds() == ["fresh", "provider-answered"]
    node.asked()
    node.until(watcher, 6_000)
    assert node.asked() == ["tip"] * 10


def test_provider_down_at_start_up_with_nothing_remembered(node: Watched, caplog: pytest.LogCaptureFixture) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.down = True
    node.until(watcher, 100)
    assert watcher.checker.view.era is None
    assert "nothing is remembered. Not known: any era" in caplog.text
    node.down = False
    node.until(watcher, 301)
    assert watcher.checker.current_era == THALES


def test_provider_down_at_start_up_with_a_memory(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 7))
    node.until(node.watcher(), 0)
    node.hooks.close()
    node.kinds()
    node.time.pass_(2 * EPOCH_LENGTH)  # it was off when the era began
    node.down = True
    watcher = node.watcher()
    node.until(watcher, 0)
    assert watcher.checker.current_era == PYTHAGORAS
    assert watcher.checker.status is EraStatus.STALE


def test_after_a_restart_the_first_reading_knows_what_is_trusted_where_the_address_cannot_be_listed(
    node: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule T12: by its reference, at a bare set."""
    monkeypatch.setattr(Knowing, "listed", 1, raising=False)
    monkeypatch.setattr(Knowing, "is_unspent", lambda _, output: output.reference == f"{published}#0", raising=False)
    published = publish(node.chain, (THALES, 0))
    node.watcher().step()
    watcher = node.watcher()
    node.provider.capabilities = BARE
    node.provider.change = refuse_to_list
    watcher.step()
    assert "datums" in node.asked()
    assert (watcher.checker.current_era, watcher.checker.status) == (THALES, EraStatus.READY)


def refuse_to_list(question: str, answer: Any) -> Any:
    if question == "datums":
        raise ReadLimitExceededError("more than the limit")
    return answer


def test_a_provider_of_another_epoch_is_not_believed(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 0)
    node.kinds()
    node.to_epoch(watcher, 6, -10)
    honest = node.provider.change

    def lie(question: str, answer: Any) -> Any:
        answer = honest(question, answer)
        return type(answer)(answer.slot, answer.height, "ff" * 32, answer.epoch + 5) if question == "tip" else answer

    node.provider.change = lie
    node.to_epoch(watcher, 6)
    assert watcher.checker.current_epoch == 6
    assert "provider-failed" in node.kinds()


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_provider_that_is_an_epoch_ahead_leads_nobody_into_an_era_before_its_epoch(
    node: Watched, from_the_start: bool
) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    assert node.genesis is not None
    watcher = node.watcher(tip_check=TipWatch(node.genesis, clock=node.time.clock))
    if not from_the_start:
        node.until(watcher, 0)
    honest = node.provider.change

    def lie(question: str, answer: Any) -> Any:
        answer = honest(question, answer)
        if question == "tip":
            ahead = answer.slot + EPOCH_LENGTH
            return type(answer)(ahead, answer.height, "ff" * 32, answer.epoch + 1)
        return answer + 1 if question == "epoch" else answer

    node.provider.change = lie
    watcher.command("check")
    node.until(watcher, 100)
    assert (watcher.checker.current_epoch, watcher.checker.view.era) == (5, THALES)
    node.provider.change = honest
    node.to_epoch(watcher, 6)
    assert (watcher.checker.current_epoch, watcher.checker.view.era) == (6, PYTHAGORAS)


def test_a_slow_clock_is_corrected_and_warned_of(node: Watched, caplog: pytest.LogCaptureFixture) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = node.watcher()
    watcher._clock.machine = type(node.time.clock)(
        node.time.clock.monotonic, lambda: node.time.clock.posix() - 300.0, node.time.clock.sleep
    )
    node.to_epoch(watcher, 6, 1)
    assert watcher.checker.current_era == PYTHAGORAS, "on time, though the clock is 300 s slow"
    assert "The clock of this machine is 300 s slow compared with the tip" in caplog.text


def test_without_a_genesis_the_epoch_is_polled_and_the_reading_that_sees_it_switches(polling: Watched) -> None:
    publish(polling.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = polling.watcher()
    polling.until(watcher, 1_200)
    assert watcher.checker.current_era == THALES
    polling.asked()
    polling.chain.advance_to_epoch(6)
    polling.until(watcher, 600)
    assert watcher.checker.current_era == PYTHAGORAS
    assert polling.asked().count("datums") == 1
    assert polling.kinds() == ["trusted", "era-known", "scheduled", "activated"]


def test_without_a_genesis_and_with_a_provider_that_tells_the_tip_alone_the_memory_switches(polling: Watched) -> None:
    publish(polling.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = polling.watcher()
    polling.until(watcher, 0)
    polling.chain.advance_to_epoch(6)
    honest = polling.provider.change

    def mute(question: str, answer: Any) -> Any:
        polling.down = question in ("datums", "history")
        return honest(question, answer)

    polling.provider.change = mute
    polling.until(watcher, 600)
    assert watcher.checker.current_era == PYTHAGORAS
    assert "epoch-unconfirmed" in polling.kinds()


def test_a_command_reads_at_once(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 10)
    node.asked()
    publish(node.chain, (THALES, 0), (PYTHAGORAS, None))
    watcher.command("check")
    watcher.step()
    assert "datums" in node.asked()
    assert "announced" in node.kinds()


def test_a_command_stops_it(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    watcher.command("stop")
    assert watcher.run() == WatchEnd(0, "a stop was requested")


def test_what_others_hand_over_is_bounded_counted_and_told(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 0)
    node.kinds()
    taken = [watcher.command("acknowledge", era="x") for _ in range(100)]
    watcher.give(RegistrationReceived("pool1", Epoch(99), "1.0.0", 5, "test", node.time.clock.posix()))
    assert (taken.count(True), taken.count(False)) == (64, 36)
    watcher.step()
    assert node.told[0].facts == {"counts": {"command-given": 36}}
    assert node.kinds() == ["inputs-shed", *["command-refused"] * 64, "registration-odd"]


def test_a_flood_of_inputs_holds_up_no_epoch(node: Watched) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = node.watcher()
    node.to_epoch(watcher, 6, -1)
    for number in range(5_000):
        watcher.give(RegistrationReceived(f"pool{number}", Epoch(6), None, 5, "test", node.time.clock.posix()))
    node.time.pass_(1)
    watcher.step()
    assert watcher.checker.current_era == PYTHAGORAS
    assert 0 < len(watcher._intake) < 5_000


def test_what_is_refused_is_told_but_for_the_marker_before(node: Watched, caplog: pytest.LogCaptureFixture) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 0)
    publish(node.chain, (THALES, 0), (PYTHAGORAS, None))
    watcher.command("check")
    watcher.step()
    assert hooked(node) == ["activated", "announced"], "an update is no alarm"
    forged = encode_datum(EraMarkersPayload((EraMarker(LAGRANGE, Epoch(1)),)).sign(THIEF).to_bytes())
    old = encode_datum(EraMarkersPayload((EraMarker(THALES, Epoch(0)),)).sign(KEY).to_bytes())
    node.chain.place([FaucetOutput(ADDRESS, 2_000_000, datum=datum.hex()) for datum in (forged, old)])
    watcher.command("check")
    watcher.step()
    assert node.hooks.wait(60)
    ((event, facts),) = node.hooked
    assert (event, facts["count"], facts["verdicts"]) == ("refused", 2, {"Impostor": 1, "WrongSigner": 1})
    assert facts["output"] in facts["examples"], "one run for a reading, with the gravest and an account of all"
    assert len(set(facts["examples"])) == 2
    assert "was refused as WrongSigner" in caplog.text
    assert "was refused as Impostor" in caplog.text


def test_at_a_first_start_the_payloads_of_the_past_are_one_line(
    node: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    for epoch in range(60, 120):  # more than get a decision of their own
        publish(node.chain, (THALES, 0), (PYTHAGORAS, epoch))
    with caplog.at_level(logging.INFO):
        node.until(node.watcher(), 0)
    about = [record for record in caplog.records if "uperseded" in record.getMessage()]
    assert [(record.levelno, record.getMessage()) for record in about] == [
        (logging.INFO, "59 earlier payloads at the era address are superseded by later ones")
    ]
    kinds = node.kinds()
    assert (kinds.count("refused"), kinds.count("refused-many")) == (50, 1), "the log and programs have each"
    assert hooked(node) == ["activated", "announced"]


def test_what_others_trusted_before_the_first_start_is_told_at_it(
    node: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """A status, say, with the same store."""
    node.supported = (THALES,)
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    TrustedReader(
        Knowing(node.chain), TrustPolicy(ADDRESS, (KEY.verification_key,), network_magic=42), node.store
    ).refresh()
    with caplog.at_level(logging.INFO):
        watcher = node.watcher()
        node.until(watcher, 0)
    assert node.kinds() == ["memory-taken-over", "era-known", "scheduled", "unsupported-upcoming"]
    assert "The upcoming era pythagoras is not supported" in caplog.text
    assert hooked(node) == ["activated", "announced", "unsupported-upcoming"]


def test_at_every_start_an_unsupported_current_era_is_an_error_and_runs_its_hooks(
    node: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    node.supported = (THALES,)
    publish(node.chain, (PYTHAGORAS, 0))
    for _ in range(3):
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            assert node.watcher().run().code == 4
        assert [record.getMessage()[:30] for record in caplog.records] == ["The current era pythagoras is "]
        assert hooked(node) == ["unsupported-current"]
        assert node.kinds()[-1] == "unsupported-current"


def test_no_work_begins_when_nobody_looks_after_the_era_any_more(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    node.until(watcher, 0)
    with watcher.work() as era:
        assert era == THALES
    node.provider.change = lambda *_: {}["a mistake in an observer"]
    watcher.command("check")
    with pytest.raises(KeyError):
        watcher.run()
    with pytest.raises(EraNotReadyError, match="the watcher failed: 'a mistake in an observer'"), watcher.work():
        pass
    assert watcher.end is not None
    assert watcher.end.code == 1


def test_hooks_that_hang_crash_or_do_not_exist_never_stop_it(node: Watched, tmp_path: Any) -> None:
    bad = [
        Hook(HookEvent.ACTIVATED, tmp_path / "missing"),
        Hook(HookEvent.ACTIVATED, program(tmp_path / "crash", "kill -ABRT $$")),
        Hook(HookEvent.ACTIVATED, program(tmp_path / "hang", "sleep 60")),
    ]
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    watcher = node.watcher(more_hooks=bad)
    node.hooks.timeout_s = 0.3
    began = time.monotonic()
    node.to_epoch(watcher, 6)
    assert watcher.checker.current_era == PYTHAGORAS
    assert time.monotonic() - began < 30
    assert node.hooks.wait(30)


def test_a_listener_that_raises_does_not_stop_it(node: Watched, caplog: pytest.LogCaptureFixture) -> None:
    def broken(decision: Decision) -> None:
        raise ValueError(decision.kind)

    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    watcher._on_decision = broken
    watcher.step()
    assert watcher.checker.current_era == THALES
    assert "The decision era-known could not be reported" in caplog.text


def real(node: Watched, **options: Any) -> NodeWatcher:
    """A watcher that really sleeps."""
    return node.watcher(wait=None, begin=in_background, **options)


def test_in_a_thread(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = real(node)
    watcher.start()
    assert watcher.wait_ready(30)
    with watcher.work() as era:
        assert era == THALES
    began = time.monotonic()
    watcher.stop()
    watcher.stop()
    assert time.monotonic() - began < 60, "it does not sleep on until the next poll"
    assert watcher.end == WatchEnd(0, "a stop was requested")


def test_in_asyncio(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = real(node)

    async def embedding() -> str:
        task = asyncio.create_task(watcher.watch())
        while watcher.checker.view.era is None:
            await asyncio.sleep(0.01)
        era = watcher.checker.current_era
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return era

    assert asyncio.run(embedding()) == THALES
    assert watcher.end == WatchEnd(0, "a stop was requested")


def test_the_first_check_is_awaited(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    watcher = real(node)

    async def embedding() -> tuple[bool, bool, str]:
        early = await watcher.wait_ready_async(0.01)
        given_up = asyncio.create_task(watcher.wait_ready_async())
        await asyncio.sleep(0)
        given_up.cancel()
        waiting = asyncio.create_task(watcher.wait_ready_async(60))
        task = asyncio.create_task(watcher.watch())
        ready = await waiting
        assert not watcher._ready._waiting
        era = watcher.checker.current_era
        watcher.stop()
        await task
        with pytest.raises(EraNotReadyError, match="a stop was requested"):
            await watcher.wait_ready_async()
        return early, ready, era

    assert asyncio.run(embedding()) == (False, True, THALES)


def test_what_is_lawful_is_not_called_refused_and_a_recovery_has_no_words_of_alarm(
    node: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    publish(node.chain, (THALES, 0))
    watcher = node.watcher()
    with caplog.at_level(logging.INFO):
        node.until(watcher, 0)
        publish(node.chain, (THALES, 0), (PYTHAGORAS, None))
        watcher.command("check")
        node.until(watcher, 0)
        node.down = True
        node.until(watcher, 601)
        caplog.clear()
        node.down = False
        node.until(watcher, 301)
    said = [(record.levelno, record.getMessage()) for record in caplog.records]
    # Hooks of before end in a thread of their own, whenever they do.
    assert [(level, line) for level, line in said if not line.startswith("The hook ")] == [
        (logging.INFO, "What is in force is confirmed again"),
        (logging.INFO, "The chain can be read again, through the provider"),
    ]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("Superseded", "is superseded"), ("Unconfirmed", "is new and waits for its confirmations"), ("OtherKind", "kind")],
)
def test_a_lawful_verdict_is_told_quietly_and_runs_no_hook(verdict: str, said: str) -> None:
    told = Decision("refused", {"output": "ab#0", "verdict": verdict, "reason": "so it is"}, Epoch(5))
    ((level, line),) = log_lines([told], lambda _era: None)
    assert (level, "refused" in line) == (logging.INFO, False)
    assert said in line
    assert list(hooks_of([told], lambda _era: None)) == []


def test_asyncio_gets_the_end(node: Watched) -> None:
    publish(node.chain, (PYTHAGORAS, 0))
    node.supported = (THALES,)
    assert asyncio.run(real(node).watch()).code == 4


def test_waiting_for_it_ends_when_it_ends(node: Watched) -> None:
    publish(node.chain, (PYTHAGORAS, 0))
    node.supported = (THALES,)
    watcher = real(node)
    watcher.start()
    assert not watcher.wait_ready(30)
    watcher.stop()


def test_systemd_is_told(node: Watched, tmp_path: Any) -> None:
    publish(node.chain, (THALES, 0), (PYTHAGORAS, 6))
    node.supported = (THALES,)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.setblocking(False)
        told: list[str] = []

        def wait(seconds: float) -> None:
            node.sleep(seconds)
            assert seconds <= 40, "a sign of life is due every 120 s"
            told.extend(received(bound))

        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "120000000"}
        watcher = node.watcher(notifier=SystemdNotifier(environ))
        node.time.pass_(EPOCH_LENGTH - 600)
        watcher._wait = wait
        assert watcher.run().code == 4
        told.extend(received(bound))
    assert told[:3] == ["STATUS=epoch 5, era thales, pythagoras at epoch 6 (NOT SUPPORTED)", "READY=1", "WATCHDOG=1"]
    assert told[-1] == "STOPPING=1"
    assert told.count("WATCHDOG=1") > 10


def test_systemd_hears_that_it_lives_while_it_waits_for_hooks(
    node: Watched, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("era_service.node.watcher._HOOK_TICK_S", 0.02)
    publish(node.chain, (PYTHAGORAS, 0))
    node.supported = (THALES,)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.setblocking(False)
        heard: list[list[str]] = []

        def long(_event: HookEvent, _facts: Facts) -> None:
            received(bound)
            heard.append([])
            until = time.monotonic() + 20
            while heard[-1].count("WATCHDOG=1") <= 3 and time.monotonic() < until:
                time.sleep(0.01)
                heard[-1] += received(bound)

        notifier = SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        watcher = node.watcher(more_hooks=[Hook(HookEvent.UNSUPPORTED_CURRENT, long)], notifier=notifier)
        assert watcher.run().code == 4
    assert heard[0].count("WATCHDOG=1") > 3


def test_told_to_stop_it_does_not_wait_for_its_last_hooks(node: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("era_service.node.watcher._HOOK_TICK_S", 0.02)
    publish(node.chain, (PYTHAGORAS, 0))
    node.supported = (THALES,)
    over = threading.Event()
    wait = Hooks.wait

    def stopped_meanwhile(hooks: Hooks, timeout_s: float | None = None, **options: bool) -> bool:
        if timeout_s:  # its end is decided by now: it lets its last hooks end
            watcher.stop()
        return wait(hooks, timeout_s, **options)

    monkeypatch.setattr(Hooks, "wait", stopped_meanwhile)
    watcher = node.watcher(more_hooks=[Hook(HookEvent.UNSUPPORTED_CURRENT, lambda _event, _facts: over.wait(120))])
    began = time.monotonic()
    assert watcher.run().code == 4
    assert time.monotonic() - began < 60
    over.set()


def received(bound: Any) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(bound.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_hooks_are_told_of_protocol_configurations(node: Watched) -> None:
    publish(node.chain, (THALES, 0))
    policy = TrustPolicy(ADDRESS, (KEY.verification_key,), network_magic=42, kind=CONFIGURATIONS)
    plan = [
        EpochConfiguration(Epoch(at), ProtocolConfiguration(ProtocolParameters(k, 9, 0.5), ()))
        for at, k in ((0, 5), (7, 6))
    ]
    publish_payload(node.chain, ConfigurationMarkersPayload.of(plan).sign(KEY).to_bytes())
    core = NodeCore(NodeSettings(policy), node.store, name="configurations")
    reader = ConfigurationReader(TrustedReader(Knowing(node.chain), policy, core=core))
    watcher = node.watcher(configurations=reader)
    node.until(watcher, 0)
    assert hooked(node) == ["activated", "configuration-changed", "configuration-announced"]
    changed, announced = (told for told in node.told if told.kind.startswith("configuration"))
    assert [line for _, line in log_lines([changed, announced], lambda _: None)] == [
        "the protocol configuration since epoch 0: k 5, m 9, phi_f 0.5",
        "the protocol configuration at epoch 7, in 2 epochs: k 5 → 6",
    ]
    node.to_epoch(watcher, 7)
    assert [event for event in hooked(node) if event.startswith("configuration")] == ["configuration-changed"]

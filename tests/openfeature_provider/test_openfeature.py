"""Era switches through the real OpenFeature SDK: values, reasons, errors, events, and where it differs."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.event import ProviderEvent
from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.flag_evaluation import Reason
from openfeature.provider import ProviderStatus

from eras import BehaviourSwitches, EraChecker, SupportedEras
from eraswitch.openfeature import EraSwitchProvider
from eraswitch.testing import EraSchedule

THALES, PYTHAGORAS, EULER = "thales", "pythagoras", "euler"


def client_of(checker: EraChecker) -> OpenFeatureClient:
    switches = BehaviourSwitches(checker)
    switches.boolean("compact_wire", since=PYTHAGORAS)
    switches.behaviour("hash", since=THALES)(hash)
    switches.seal()
    api.set_provider_and_wait(EraSwitchProvider(switches, checker))
    return api.get_client()


@pytest.fixture(autouse=True)
def _no_provider() -> Iterator[None]:
    yield
    api.clear_providers()


@pytest.fixture
def schedule() -> EraSchedule:
    return EraSchedule((THALES, 0), (PYTHAGORAS, 7), (EULER, 9), epoch=6, supported=[THALES, PYTHAGORAS])


def test_switches_are_flags_of_the_current_era(schedule: EraSchedule) -> None:
    client = client_of(schedule.checker)
    assert client.get_boolean_value("compact_wire", True) is False
    schedule.advance()
    found = client.get_boolean_details("compact_wire", False)
    assert (found.value, found.reason, found.variant, found.error_code) == (True, Reason.STATIC, PYTHAGORAS, None)
    assert dict(found.flag_metadata) == {"epoch": 7, "since": 7}
    assert (client.get_string_value("era", ""), client.get_integer_value("epoch", 0)) == (PYTHAGORAS, 7)


def test_a_remembered_schedule_is_stale(schedule: EraSchedule) -> None:
    client = client_of(schedule.checker)
    schedule.go_stale()
    assert client.get_string_details("era", "").reason == Reason.STALE
    assert client.get_provider_status() is ProviderStatus.STALE


def test_errors_are_mapped_and_the_sdk_gives_its_caller_the_default(schedule: EraSchedule) -> None:
    """The default is the caller's: who depends on the answer has to look at the code."""
    client = client_of(schedule.checker)
    mismatch = client.get_string_details("compact_wire", "mine")
    assert (mismatch.value, mismatch.error_code) == ("mine", ErrorCode.TYPE_MISMATCH)
    assert "is a boolean flag" in str(mismatch.error_message)
    for asked in (
        client.get_boolean_details("compact_wier", True),
        client.get_boolean_details("hash", True),
        client.get_object_details("nothing", {}),
    ):
        assert asked.error_code is ErrorCode.FLAG_NOT_FOUND
    assert client.get_float_details("epoch", 0.5).error_code is ErrorCode.TYPE_MISMATCH
    schedule.advance(3)
    fatal = client.get_boolean_details("compact_wire", True)
    assert (fatal.value, fatal.error_code, fatal.reason) == (True, ErrorCode.PROVIDER_FATAL, Reason.ERROR)


def test_before_anything_was_read_it_is_not_ready_and_then_it_is() -> None:
    checker = EraChecker(SupportedEras([THALES, PYTHAGORAS]))
    with pytest.raises(ProviderNotReadyError):
        client_of(checker)
    client = api.get_client()
    assert client.get_string_details("era", "").error_code is ErrorCode.PROVIDER_NOT_READY
    checker.change_era(EraSchedule((THALES, 0), supported=[THALES, PYTHAGORAS]).checker.token)
    assert client.get_string_value("era", "") == THALES
    checker.mark_unattended("the loop has ended")
    assert client.get_string_details("era", "").error_code is ErrorCode.PROVIDER_NOT_READY


def test_events(schedule: EraSchedule) -> None:
    """The SDK runs handlers in threads of its own, in no order."""
    told: list[tuple[ProviderEvent, str, Any]] = []
    client = client_of(schedule.checker)

    def tell(event: ProviderEvent) -> Any:
        return lambda details: told.append((event, details.message, details.flags_changed))

    for event in ProviderEvent:
        api.add_handler(event, tell(event))
    schedule.advance()
    schedule.go_stale("no answer")
    schedule.advance(2)
    expected = [
        (ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, ["compact_wire", "epoch", "era"]),
        (ProviderEvent.PROVIDER_STALE, None),
        (ProviderEvent.PROVIDER_ERROR, None),
    ]
    until = time.monotonic() + 30
    while not all(one in [(event, flags) for event, _, flags in told] for one in expected):
        assert time.monotonic() < until, told
        time.sleep(0.01)
    assert client.get_provider_status() is ProviderStatus.FATAL


def test_after_shutdown_it_tells_nothing(schedule: EraSchedule) -> None:
    switches = BehaviourSwitches(schedule.checker)
    switches.behaviour("hash", since=THALES)(hash)
    switches.seal()
    provider = EraSwitchProvider(switches, schedule.checker)
    told: list[Any] = []
    provider.attach(lambda *event: told.append(event))
    provider.initialize(api.get_evaluation_context())
    provider.shutdown()
    told.clear()
    schedule.advance()
    assert told == []

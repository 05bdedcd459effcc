"""The adapter that reads a chain: what it asks for, what it remembers, and what Mithril's reader makes of the same."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from chain_reader import (
    CardanoChainAdapter,
    ChainTip,
    DatumOutput,
    EraReader,
    ObserverCapabilities,
    ReadLimitExceededError,
    ReadLimits,
)
from chain_reader.trust.rules import legacy_choice
from datum import VerificationKey
from eras import ChainReadError, CurrentEraNotFoundError, Epoch, Slot, SupportedEras
from tests.chain_reader.conftest import KEY, OTHER_KEY, Schedule, datum_of, markers
from tests.conftest import MithrilFile

ADDRESS = "addr_test1era"
OLD: Schedule = {"t": 1}
NEW: Schedule = {"t": 1, "p": 9}
KNOWING = ObserverCapabilities(order=True, inputs=True)


@dataclass
class Scripted:
    """A chain observer with what it answers, and what it was asked."""

    outputs: Sequence[DatumOutput] = ()
    team: set[str] = field(default_factory=set)
    capabilities: ObserverCapabilities = KNOWING
    now: int = 5
    asked: list[str] = field(default_factory=list)
    broken: bool = False
    takes_s: float = 0.0
    name: str = "scripted chain"

    def epoch(self) -> Epoch:
        self.asked.append("epoch")
        return Epoch(self.now)

    def tip(self) -> ChainTip:
        return ChainTip(Slot(0), None, None)

    def datums(self, address: str) -> tuple[DatumOutput, ...]:
        assert address == ADDRESS
        if self.broken:
            raise ChainReadError("no answer")
        return tuple(self.outputs)

    def input_addresses(self, transaction: str) -> tuple[str, ...]:
        self.asked.append(transaction)
        time.sleep(self.takes_s)
        return ("addr_test1other", ADDRESS) if transaction in self.team else ("addr_test1other",)

    def history(self, address: str) -> tuple[DatumOutput, ...]:
        raise AssertionError(address)

    def close(self) -> None:
        """Nothing to close."""


def out(number: int, schedule: Schedule | str) -> DatumOutput:
    datum = schedule if isinstance(schedule, str) else datum_of(schedule)
    return DatumOutput(f"{number:064x}", 0, datum, 1, slot=Slot(number))


def adapter(observer: Scripted, key: VerificationKey = KEY.verification_key, **limits: Any) -> CardanoChainAdapter:
    return CardanoChainAdapter(observer, ADDRESS, key, limits=ReadLimits(**limits))


def test_inputs_are_asked_for_once_and_only_where_the_signature_is_true():
    forged = datum_of(NEW, OTHER_KEY)
    observer = Scripted(
        [out(5, OLD), out(4, forged), out(3, "182a"), out(2, NEW), out(1, OLD)], {out(2, NEW).transaction}
    )
    reader = adapter(observer)
    for _ in range(3):
        assert reader.read().markers == markers(NEW)
    transactions = [asked for asked in observer.asked if asked != "epoch"]
    assert transactions == [out(number, OLD).transaction for number in (5, 2, 1)]


def test_nothing_is_asked_for_where_nothing_has_a_true_signature():
    observer = Scripted([out(4, datum_of(NEW, OTHER_KEY)), out(3, "182a")])
    reading = adapter(observer).read()
    assert reading.markers == ()
    assert [item.verdict.name for item in reading.screened] == ["WrongSigner", "Malformed"]
    assert observer.asked == ["epoch"]


def test_provenance_tells_the_transaction_the_slot_and_the_key():
    observer = Scripted([out(7, NEW)], {out(7, NEW).transaction})
    provenance = adapter(observer).read().provenance
    assert provenance is not None
    assert (provenance.transaction, provenance.slot, provenance.key) == (
        out(7, NEW).transaction, 7, KEY.verification_key.hex,
    )  # fmt: skip
    assert "scripted chain" in provenance.source
    assert ADDRESS in provenance.source


def test_a_flood_of_replays_ends_in_an_error_and_the_next_reading_goes_on():
    replays = [out(number, OLD) for number in range(30, 10, -1)]
    observer = Scripted([*replays, out(5, NEW), out(4, OLD)], {out(5, NEW).transaction, out(4, OLD).transaction})
    reader = adapter(observer, max_transactions=8)
    for _ in range(2):
        with pytest.raises(ReadLimitExceededError, match="too many outputs"):
            reader.read()
    reading = reader.read()
    assert reading.markers == markers(NEW)
    assert [item.verdict.name for item in reading.screened] == ["Impostor"] * 20 + ["Accepted", "Superseded"]


def test_a_flood_behind_the_newest_of_the_team_costs_no_more_than_the_limit():
    replays = [out(number, OLD) for number in range(30, 10, -1)]
    observer = Scripted([out(50, NEW), *replays], {out(50, NEW).transaction})
    reading = adapter(observer, max_transactions=8).read()
    assert reading.markers == markers(NEW)
    assert len(observer.asked) == 1 + 8
    assert {item.verdict.name for item in reading.screened[1:]} == {"Impostor", "Superseded"}


def test_a_failed_reading_forgets_nothing():
    observer = Scripted([out(7, NEW)], {out(7, NEW).transaction})
    reader = adapter(observer)
    reader.read()
    observer.broken = True
    with pytest.raises(ChainReadError, match="no answer"):
        reader.read()
    observer.broken, observer.outputs = False, []
    reading = reader.read()
    assert reading.markers == markers(NEW)
    assert reading.provenance is not None
    assert reading.provenance.transaction == out(7, NEW).transaction


def test_the_epoch_of_the_chain_tells_what_has_happened():
    moved: Schedule = {"t": 1, "p": 20}
    bare = Scripted([out(1, NEW)], capabilities=ObserverCapabilities(), now=8)
    reader = adapter(bare)
    reader.read()
    bare.outputs = [out(2, moved)]
    assert replace_now(bare, 9, reader) == markers(NEW)
    early = Scripted([out(1, NEW)], capabilities=ObserverCapabilities(), now=8)
    reader = adapter(early)
    reader.read()
    early.outputs = [out(2, moved)]
    assert reader.read().markers == markers(moved)


def replace_now(observer: Scripted, now: int, reader: CardanoChainAdapter) -> tuple[Any, ...]:
    observer.now = now
    return reader.read().markers


def test_many_threads_may_read():
    team = {out(7, NEW).transaction, out(6, OLD).transaction}
    observer = Scripted([out(7, NEW), out(6, OLD)], team, takes_s=0.02)
    reader = adapter(observer)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(reader.read().markers)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [markers(NEW)] * 8
    assert observer.asked.count(out(7, NEW).transaction) == 1


def test_no_era_names_the_cause():
    observer = Scripted()
    reader = EraReader(adapter(observer))
    with pytest.raises(CurrentEraNotFoundError) as caught:
        reader.read_era_epoch_token(Epoch(5))
    assert f"No era is active at epoch 5 by scripted chain at {ADDRESS}" in str(caught.value)
    assert "no marker at all" in str(caught.value)
    assert "the network, and that the provider has caught up" in str(caught.value)
    observer.outputs = [out(3, NEW), out(2, datum_of(NEW, OTHER_KEY)), out(1, "182a"), out(0, "182b")]
    with pytest.raises(CurrentEraNotFoundError, match="1 Impostor, 2 Malformed, 1 WrongSigner") as caught:
        reader.read_era_epoch_token(Epoch(5))
    assert caught.value.facts["verdicts"] == {"Impostor": 1, "WrongSigner": 1, "Malformed": 2}
    assert "4 datums" in str(caught.value)


def test_markers_that_are_all_in_the_future_are_told_by_name():
    later: Schedule = {"t": 30}
    observer = Scripted([out(3, later)], {out(3, later).transaction})
    with pytest.raises(CurrentEraNotFoundError, match="t at epoch 30"):
        EraReader(adapter(observer)).read_era_epoch_token(Epoch(5))


def cases() -> list[str]:
    """The names are read where they are used; a missing folder skips there."""
    return [str(number) for number in range(41)]


@pytest.mark.parametrize("number", cases())
@pytest.mark.parametrize("capabilities", [ObserverCapabilities(), KNOWING], ids=["bare", "inputs"])
def test_what_mithrils_reader_makes_of_the_same_outputs(
    mithril: MithrilFile, number: str, capabilities: ObserverCapabilities
):
    book = json.loads(mithril("reader_cases.json").read_text())
    assert len(book["cases"]) == 41
    case = book["cases"][int(number)]
    outputs = [out(place, json.dumps(datum)) for place, datum in enumerate(case["datums"])]
    # The team published all of it, so that inputs decide nothing; newest first is the order of the file.
    observer = Scripted(outputs, {output.transaction for output in outputs}, capabilities, now=case["epoch"])
    reader = adapter(observer, VerificationKey.parse(book["verification_key"]))
    reading = reader.read()
    said = case["mithril"]
    expected = [(marker["name"], marker["epoch"]) for marker in said["markers"]]
    legacy = legacy_choice(reading.screened)
    assert [(marker.name, marker.epoch) for marker in (legacy.markers if legacy else ())] == expected
    if case["case"] == "replayed-old-first" and not capabilities.inputs:
        # Deliberately better: the old payload is told by its successor.
        expected = [("thales", 1), ("pythagoras", 9)]
        assert [item.verdict.name for item in reading.screened] == ["Replayed", "Accepted"]
    assert [(marker.name, marker.epoch) for marker in reading.markers] == expected
    try:
        current: str | None = (
            EraReader(reader, SupportedEras(("thales",))).read_era_epoch_token(Epoch(case["epoch"])).current.name
        )
    except CurrentEraNotFoundError:
        current = None
    assert current == said["current_era"]

"""What is trusted, kept by its declaration alone: in every store, in the event log, and by the rules of trust."""

import json
from dataclasses import MISSING, fields, replace
from typing import Any

import pytest

from chain_reader.log.records import trust_facts, trust_of
from chain_reader.ports import ChainTip, DatumOutput, ScreenedOutput
from chain_reader.trust.evidence import Evidence
from chain_reader.trust.memory import EMPTY, recalled, remembered
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.state import ChainFacts, TrustState
from datum import Accepted, EraMarkersPayload, SigningKey, encode_datum, screen
from datum.configuration.markers import ConfigurationMarker
from era_store import Store, StoredTrust
from era_store.event_log import canonical
from era_store.records import TrustMarks
from eras import Epoch, EraMarker, Slot
from tests.era_store.conftest import KEY, output, seen, trust

OF_CONFIGURATIONS = trust(
    trusted=replace(output(), markers=(ConfigurationMarker(Epoch(3), "a1"),)),
    activation=ConfigurationMarker(Epoch(3), "a1"),
)
BARE = StoredTrust(None, Epoch(0), Slot(0))

FACTS_OF_0_1_0: dict[str, Any] = {
    "trusted": {
        "transaction": "ab" * 32, "index": 1, "datum": "d87980", "content": "7b7d", "lovelace": 5, "slot": 9,
        "height": None, "markers": [{"name": "thales", "epoch": 1}, {"name": "pythagoras", "epoch": None}],
    },
    "epoch": 5, "tip_slot": 500, "activation": {"name": "thales", "epoch": 1}, "sequence": None, "stale": "silent",
    "payloads": [{
        "digest": "dd" * 32, "content": "00ff", "reference": "ab#1", "slot": 5, "height": None, "seen_epoch": 3,
        "seen_height": 8, "verdict": "Impostor", "reason": "why", "superseded": True,
    }],
    "superseded_outputs": ["aa#0", "bb#1"], "legacy_differs": False, "malformed": 0, "complete": True, "proven": True,
}  # fmt: skip
"""What is trusted as event logs of the first release have it: before there was a sighting."""


@pytest.mark.parametrize("record", [trust(), trust().trusted, trust().payloads[1], trust().sighting])
def test_the_trust_of_these_tests_has_every_field_set(record: Any) -> None:
    """A new field is set in ``conftest``; then each test here shows whether it is kept."""
    for field in fields(record):
        if field.name != "version" and field.default is not MISSING:
            assert getattr(record, field.name) != field.default, f"set {field.name} in tests/era_store/conftest.py"


@pytest.mark.parametrize("kept", [trust(), OF_CONFIGURATIONS, BARE], ids=["eras", "configurations", "bare"])
def test_every_field_comes_back_from_stores_and_the_log(store: Store, kept: StoredTrust) -> None:
    store.trust.save(KEY, kept, time_s=1.0)
    assert store.trust.load(KEY) == replace(kept, version=1)
    assert trust_of(json.loads(canonical(trust_facts(kept)))) == kept


def test_the_log_writes_the_same_whatever_the_order_of_a_set() -> None:
    references = [f"{number:064x}#0" for number in range(40)]
    one, other = (trust(superseded_outputs=frozenset(order)) for order in (references, reversed(references)))
    assert trust_facts(one)["superseded_outputs"] == references == trust_facts(other)["superseded_outputs"]


def test_words_with_half_a_character_are_logged() -> None:
    kept = trust(stale="no file \udcff")
    assert trust_of(json.loads(canonical(trust_facts(kept)))) == kept


def test_a_log_of_the_first_release_is_read_and_written_as_it_was() -> None:
    found = trust_of(FACTS_OF_0_1_0)
    assert found.payloads == (seen(content=b"\0\xff", reference="ab#1", reason="why", superseded=True),)
    assert found.superseded_outputs == {"aa#0", "bb#1"}
    assert trust_facts(found) == {**FACTS_OF_0_1_0, "sighting": None}


@pytest.mark.parametrize(
    ("name", "fact"),
    [("epoch", "soon"), ("trusted", {}), ("payloads", [{}]), ("activation", {"epoch": 5}), ("sighting", [1])],
)
def test_damaged_facts_are_refused(name: str, fact: object) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        trust_of(FACTS_OF_0_1_0 | {name: fact})


def test_every_mark_of_the_rules_is_remembered_and_recalled() -> None:
    """A mark is declared once, in ``TrustMarks``: both the memory of the rules and what is stored inherit it."""
    marks = trust().marks()
    assert set(marks) == {field.name for field in fields(TrustMarks)}
    signing = SigningKey(bytes(32))
    datum = encode_datum(EraMarkersPayload((EraMarker("thales", Epoch(1)),)).sign(signing).to_bytes()).hex()
    (verdict,) = screen([datum], signing.verification_key)
    assert isinstance(verdict, Accepted)
    item = ScreenedOutput(DatumOutput("ab" * 32, 0, datum, 5), verdict)
    state = TrustState(trusted=item, epoch=Epoch(5), superseded_payloads=frozenset({"dd" * 32, "ee" * 32}), **marks)
    for field in fields(TrustState):
        assert field.name == "kind" or getattr(state, field.name) != field.default, "each is set"
    evidence = Evidence("a test", ChainTip(Slot(500), 50, "cc" * 32), Epoch(5), (item,), (item,), ChainFacts())
    kept = remembered(replace(EMPTY, payloads=trust().payloads), state, evidence, (), ())
    policy = TrustPolicy("addr_test1era", (signing.verification_key,))
    assert recalled(trust_of(trust_facts(kept)), policy) == state

"""Our bytes are Mithril's bytes: every vector that its own tools made, byte for byte."""

import json

import pytest

from datum import (
    Accepted,
    EraMarkersPayload,
    SigningKey,
    VerificationKey,
    decode_datum,
    encode_datum,
    encode_datum_json,
    screen,
)
from eras import CurrentEraNotFoundError, EraMarker, select_eras
from tests.conftest import MITHRIL

# Mithril's era reader takes the *last* marker of the list for the next era, whatever its epoch (era_reader.rs). Where
# ours is deliberately better, the case is listed here with what it says; it is empty for the recorded cases, whose
# lists are in order, and tests/eras/test_selection.py has the lists that are not.
BETTER_UPCOMING: dict[str, str | None] = {}

GOLDEN_MARKERS = (EraMarker("thales", 1), EraMarker("pythagoras", 2))


@pytest.fixture(scope="module")
def era_key():
    return SigningKey.parse((MITHRIL / "era.sk").read_text())


def test_the_key_files_are_read_and_written_as_they_are(mithril, era_key):
    assert era_key.to_json_hex() == mithril("era.sk").read_text()
    assert era_key.verification_key.to_json_hex() == mithril("era.vk").read_text()
    assert VerificationKey.parse(mithril("era.vk").read_text()) == era_key.verification_key


def test_datum_files_are_reproduced_byte_for_byte(era_key):
    files = sorted(MITHRIL.glob("datum-*.json"))
    assert len(files) == 9
    for file in files:
        current, *upcoming = (int(part) for part in file.stem.split("-")[1:])
        markers = (EraMarker("pythagoras", current), EraMarker("lagrange", upcoming[0] if upcoming else None))
        payload = EraMarkersPayload(markers).sign(era_key)
        assert encode_datum_json(payload.to_bytes()) == file.read_text(), file.name
        assert EraMarkersPayload.from_bytes(decode_datum(file.read_text()).content) == payload
        assert EraMarkersPayload.from_bytes(decode_datum(encode_datum(payload.to_bytes())).content) == payload


def test_reader_cases_as_mithril_reads_them(mithril):
    cases = json.loads(mithril("reader_cases.json").read_text())
    key = VerificationKey.parse(cases["verification_key"])
    assert len(cases["cases"]) == 41
    for case in cases["cases"]:
        expected = case["mithril"]
        verdicts = screen([json.dumps(datum) for datum in case["datums"]], key)
        markers = next((verdict.verified.markers for verdict in verdicts if isinstance(verdict, Accepted)), ())
        assert [marker.to_dict() for marker in markers] == expected["markers"], case["case"]
        try:
            token = select_eras(markers, case["epoch"])
        except CurrentEraNotFoundError as error:
            assert (expected["current_era"], expected["error"]) == (None, error.code), case["case"]
            continue
        assert token.current.name == expected["current_era"], case["case"]
        upcoming = token.upcoming.name if token.upcoming else None
        assert upcoming == BETTER_UPCOMING.get(case["case"], expected["next_era"]), case["case"]


def test_our_upcoming_era_is_better_than_the_last_in_the_list():
    markers = (EraMarker("thales", 1), EraMarker("lagrange", 40), EraMarker("pythagoras", 20))
    mithril_next = markers[-1]
    assert select_eras(markers, 30).upcoming == EraMarker("lagrange", 40) != mithril_next


def test_the_golden_payload(mithril):
    golden = bytes.fromhex(mithril("golden_payload.hex").read_text())
    payload = EraMarkersPayload.from_bytes(golden)
    assert payload.markers == GOLDEN_MARKERS
    assert payload.to_bytes() == golden


def test_the_public_networks_have_usable_keys(mithril):
    networks = json.loads(mithril("networks.json").read_text())
    assert len(networks) == 4
    for network in networks.values():
        key = VerificationKey.parse(network["verification_key"])
        assert key.to_json_hex() == network["verification_key"]

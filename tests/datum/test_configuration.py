"""Configuration markers: every datum that Mithril's reader judged, judged as it did, but where ours is stricter."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from datum import (
    CONFIGURATION,
    ERA,
    Accepted,
    EraMarkersPayload,
    PayloadFormatError,
    SigningKey,
    Unusable,
    Verdict,
    VerificationKey,
    decode_datum,
    encode_datum,
    encode_datum_json,
    screen,
)
from datum.configuration import (
    DEFAULT_CONFIGURATIONS,
    ConfigurationMarkersPayload,
    EpochConfiguration,
    ProtocolConfiguration,
    ProtocolConfigurationError,
    ProtocolParameters,
    configuration_at,
    configuration_document,
    schedule,
)
from datum.configuration.cbor import DEEPEST, decode_configuration, encode_configuration
from datum.configuration.choice import choose_configurations
from datum.configuration.markers import decoded
from datum.configuration.readable import to_readable, written_float
from datum.configuration.values import SigningConfig, window_at
from datum.kinds import kinds_of
from datum.verdicts import OtherKind
from eras import MAX_EPOCH, Epoch, EraMarker

NO_LOTTERY = "no lottery can have these parameters; Mithril's reader does not look at them"
STRICTER = {
    "cbor-k-zero": NO_LOTTERY,
    "cbor-k-bignum-u64": NO_LOTTERY,
    "cbor-k-bignum-zeros": NO_LOTTERY,
    "cbor-k-largest": NO_LOTTERY,
    "cbor-k-above-m": NO_LOTTERY,
    "cbor-phi-zero": NO_LOTTERY,
    "cbor-phi-minus-zero": NO_LOTTERY,
    "cbor-phi-negative": NO_LOTTERY,
    "cbor-phi-two": NO_LOTTERY,
    "cbor-phi-three-hundred": NO_LOTTERY,
    "cbor-phi-nan": NO_LOTTERY,
    "cbor-phi-infinity": NO_LOTTERY,
}
"""Cases in which Mithril takes a payload that ours refuses, with the reason."""

VERDICTS = {
    None: ("Accepted",),
    "datum": ("Malformed",),
    "payload": ("Malformed", "OtherKind"),
    "signature": ("WrongSigner",),
    "configuration": ("Unusable",),
}
KEY = SigningKey(bytes(range(32)))
PLAIN = ProtocolConfiguration(ProtocolParameters(5, 100, 0.5), ("CardanoDatabase",))


@pytest.fixture(scope="module")
def cases(vectors: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((vectors / "mithril-config" / "cases.json").read_text())
    assert len(found) == 226
    return found


def screened(case: dict[str, Any]) -> tuple[Verdict, ...]:
    key = VerificationKey.parse(case["verification_key"])
    return screen([json.dumps(datum) for datum in case["datums"]], key, kind=CONFIGURATION)


def configurations(verdict: Verdict) -> tuple[EpochConfiguration, ...]:
    assert isinstance(verdict, Accepted)
    return schedule(decoded(verdict.verified.markers))


def test_each_datum_is_refused_where_mithril_refuses_it(cases: list[dict[str, Any]]) -> None:
    stricter = set()
    for case in cases:
        if case["case"] == "verification-key-bad":
            continue
        verdicts = screened(case)
        for stage in case["mithril"]["stages"]:
            verdict = verdicts[stage["datum"]]
            if stage["refused_at"] is None and isinstance(verdict, Unusable):
                stricter.add(case["case"])
            else:
                assert verdict.name in VERDICTS[stage["refused_at"]], case["case"]
            assert verdict.reason
    assert stricter == set(STRICTER)


def test_what_one_accepted_datum_means(cases: list[dict[str, Any]]) -> None:
    compared = 0
    for case in cases:
        theirs = case["mithril"]
        if theirs["accepted_datum"] is None or theirs["error"] is not None or case["case"] in STRICTER:
            continue
        found = configurations(screened(case)[theirs["accepted_datum"]])
        markers = [
            {
                "epoch": one.epoch,
                "configuration": configuration_document(one.configuration),
                "phi_f_bits": struct.pack(">d", one.configuration.parameters.phi_f).hex(),
            }
            for one in found
        ]
        assert markers == theirs["markers"], case["case"]
        at = configuration_at(found, Epoch(case["epoch"]))
        assert (None if at is None else configuration_document(at)) == theirs["configuration_at_epoch"], case["case"]
        if theirs.get("window") is not None:
            window = window_at(found, Epoch(case["epoch"]))
            wanted = {name: value for name, value in theirs["window"].items() if name != "error"}
            if theirs["window"]["error"] is not None:
                assert window is None, case["case"]
            else:
                assert window is not None, case["case"]
                told = {name: configuration_document(getattr(window, name)) for name in wanted}
                assert told == wanted, case["case"]
        compared += 1
    assert compared > 100


def test_the_keys_fault_is_an_error_of_ours(cases: list[dict[str, Any]]) -> None:
    (case,) = (case for case in cases if case["case"] == "verification-key-bad")
    with pytest.raises(Exception, match="A verification key is not usable") as caught:
        VerificationKey.parse(case["verification_key"])
    assert caught.type.__name__ == "KeyFormatError"


def test_written_as_mithril_writes(vectors: Path) -> None:
    folder = vectors / "mithril-config"
    key = SigningKey.parse((folder / "config.sk").read_text())
    assert to_readable(DEFAULT_CONFIGURATIONS) == (folder / "export-default.json").read_text()
    names = sorted(path.name.removeprefix("datum-") for path in folder.glob("datum-*.json"))
    assert len(names) == 11
    for name in names:
        text = (folder / f"datum-{name}").read_text()
        content = decode_datum(text).content
        assert content == (folder / f"payload-{name}").read_bytes()
        payload = ConfigurationMarkersPayload.from_bytes(content)
        assert payload.sign(key).to_bytes() == content
        again = ConfigurationMarkersPayload.of(decoded(payload.markers)).sign(key)
        assert encode_datum_json(again.to_bytes()) == text
        if "phi" not in name:  # there the datum holds what Mithril's parser made of the decimals of the export
            assert to_readable(decoded(payload.markers)) == (folder / f"export-{name}").read_text()


def test_decimals_as_mithril_writes_them(vectors: Path) -> None:
    for name in ("phi-widths", "phi-off-by-one", "network-like"):
        numbers: list[str] = []
        json.loads((vectors / "mithril-config" / f"export-{name}.json").read_text(), parse_float=numbers.append)
        assert numbers
        assert [written_float(float(number)) for number in numbers] == numbers
    written = [
        written_float(value) for value in (1.0, 1e-5, 1e-6, 1.5e-7, 5e-324, 1e15, 1e16, 1.25e17, -0.0, 0.1, -2.5)
    ]
    assert written == (
        ["1.0", "0.00001", "1e-6", "1.5e-7", "5e-324", "1000000000000000.0", "1e16", "1.25e17", "-0.0", "0.1", "-2.5"]
    )
    assert written_float(float("nan")) == "null"


# --- kinds


def payload_of(*items: tuple[int, ProtocolConfiguration]) -> bytes:
    listed = [EpochConfiguration(Epoch(epoch), configuration) for epoch, configuration in items]
    return ConfigurationMarkersPayload.of(listed).sign(KEY).to_bytes()


def test_a_payload_of_another_kind_is_named_and_not_refused() -> None:
    eras = encode_datum(EraMarkersPayload((EraMarker("thales", Epoch(1)),)).sign(KEY).to_bytes())
    settings = encode_datum(payload_of((7, PLAIN)))
    for kind, mine, other, name in ((ERA, eras, settings, "configuration"), (CONFIGURATION, settings, eras, "era")):
        first, second = screen([mine, other], KEY.verification_key, kind=kind)
        assert isinstance(first, Accepted)
        assert isinstance(second, OtherKind)
        assert (second.kind, second.is_refusal, second.is_payload) == (name, False, False)
        assert second.reason == f"a payload of {name} markers"


def test_a_payload_without_markers_belongs_to_every_kind() -> None:
    empty = EraMarkersPayload(()).sign(KEY).to_bytes()
    assert kinds_of(empty) == (ERA, CONFIGURATION)
    assert kinds_of(payload_of((7, PLAIN))) == (CONFIGURATION,)
    assert kinds_of(b"{}") == ()
    for kind in (ERA, CONFIGURATION):
        (verdict,) = screen([encode_datum(empty)], KEY.verification_key, kind=kind)
        assert isinstance(verdict, Accepted)
        assert verdict.verified.markers == ()


def test_a_signed_payload_that_cannot_be_used_keeps_what_was_signed() -> None:
    bad = ProtocolConfiguration(ProtocolParameters(7, 6, float("nan")))
    (verdict,) = screen([encode_datum(payload_of((3, PLAIN), (9, bad)))], KEY.verification_key, kind=CONFIGURATION)
    assert isinstance(verdict, Unusable)
    assert "in the configuration of epoch 9 k is 7, expected at most m, 6" in verdict.reason
    assert [marker.epoch for marker in verdict.verified.markers] == [3, 9]


# --- values


def test_which_parameters_no_lottery_can_have() -> None:
    assert PLAIN.problems() == ()
    assert ProtocolParameters(0, 0, 2.0).problems() == (
        "k is 0, expected at least 1",
        "m is 0, expected at least 1",
        "phi_f is 2.0, expected more than 0 and at most 1",
    )
    both = ProtocolConfiguration(ProtocolParameters(1, 1, 1.0))
    assert both.problems() == (
        "CardanoTransactions is enabled without its signing configuration",
        "CardanoBlocksTransactions is enabled without its signing configuration",
    )
    assert both.usable().enabled == ("MithrilStakeDistribution", "CardanoStakeDistribution", "CardanoDatabase")
    assert both.usable().problems() == ()


def test_differences_in_words() -> None:
    new = ProtocolConfiguration(
        ProtocolParameters(6, 101, 0.25), ("CardanoTransactions",), SigningConfig(100, 30), SigningConfig(1, 2)
    )
    assert PLAIN.differences(new) == (
        "k 5 → 6",
        "m 100 → 101",
        "phi_f 0.5 → 0.25",
        "CardanoDatabase no longer signed",
        "CardanoTransactions signed",
        "CardanoTransactions: none → 100 blocks behind, steps of 30",
        "CardanoBlocksTransactions: none → 1 blocks behind, steps of 2",
    )
    near = ProtocolConfiguration(ProtocolParameters(5, 100, 0.5 + 1e-12), ("CardanoDatabase",))
    assert PLAIN.differences(near) == ()
    odd = ProtocolConfiguration(ProtocolParameters(5, 100, 300.0), ("CardanoDatabase",))
    assert PLAIN.differences(odd) == ("phi_f 0.5 → 300.0",)


def test_the_window_of_the_first_and_of_the_last_epoch() -> None:
    items = (EpochConfiguration(Epoch(0), PLAIN), EpochConfiguration(Epoch(1), PLAIN.usable()))
    assert window_at(items, Epoch(0)) is not None
    assert window_at(items, Epoch(MAX_EPOCH)) is not None
    assert window_at(items[1:], Epoch(1)) is None
    assert configuration_at((), Epoch(1)) is None


# --- CBOR


def test_depth_is_limited_where_ciborium_limits_it() -> None:
    plain = encode_configuration(PLAIN)
    for depth, taken in ((DEEPEST - 1, True), (DEEPEST, False)):
        deep = b"\xa5" + plain[1:] + b"\x61x" + b"\x81" * depth + b"\x01"
        if taken:
            assert decode_configuration(deep) == PLAIN
        else:
            with pytest.raises(ValueError, match="nested too deep"):
                decode_configuration(deep)


@pytest.mark.parametrize(
    ("extra", "fault"),
    [
        ("616100", None),
        ("6161c24105", None),
        ("6161c24900" + "ff" * 8, None),
        ("6161c201", "in the place of bytes"),
        ("6161d8641901f4", None),
        ("61615f4101ff", None),
        ("61615f5f4101ffff", None),
        ("61617f6161ff", None),
        ("61617f4161ff", "in the place of text"),
        ("61617f61c3ff", "decode"),
        ("616161c3", "decode"),
        ("61619f01ff", None),
        ("6161bf0102ff", None),
        ("6161a10102", None),
        ("6161f4", None),
        ("6161f8ff", "without a meaning"),
        ("6161f0", "without a meaning"),
        ("6161f93c00", None),
        ("6161ff", "a break out of place"),
        ("61611c", "not well-formed"),
        ("61611f", "not well-formed"),
        ("61fe00", "decode"),
        ("c1616100", None),
        ("41fe00", None),
        ("ff00", "a key that is a break"),
        ("f600", "a key that is a simple value"),
        ("6161c249" + "01" * 9, None),
        ("616181", "ends early"),
    ],
)
def test_what_may_stand_beside_the_known_fields(extra: str, fault: str | None) -> None:
    data = b"\xa5" + encode_configuration(PLAIN)[1:] + bytes.fromhex(extra)
    if fault is None:
        assert decode_configuration(data) == PLAIN
    else:
        with pytest.raises(ValueError, match=fault):
            decode_configuration(data)


def test_a_bignum_may_not_be_longer_than_an_integer() -> None:
    plain = encode_configuration(PLAIN).replace(b"ak\x05", b"ak\xc2\x51" + b"\x01" * 17)
    with pytest.raises(ValueError, match="more than 64 bits"):
        decode_configuration(plain)


def test_which_of_several_signed_payloads_counts() -> None:
    empty = ConfigurationMarkersPayload(()).sign(KEY).to_bytes()
    bad = payload_of((3, ProtocolConfiguration(ProtocolParameters(7, 6, 0.5))))
    first, second = payload_of((7, PLAIN)), payload_of((8, PLAIN))

    def chosen(*contents: bytes) -> Any:
        datums = [encode_datum(content) for content in contents]
        return choose_configurations(screen(datums, KEY.verification_key, kind=CONFIGURATION))

    assert (chosen().index, chosen(b"{}").index, chosen(empty).index) == (None, None, 0)
    assert chosen(empty, bad, first, second, first).index == 2
    assert [one.epoch for one in chosen(second, first).configurations] == [8]
    notes = chosen(empty, bad, first, second, first).notes
    assert [note.split(":")[0] for note in notes] == [
        "datum 0 is signed and has no marker",
        "datum 1 is signed and cannot be used",
        "datum 2 comes first and counts, as for deployed readers; datum 3 differs",
    ]
    with pytest.raises(ProtocolConfigurationError, match="datum 0: signed by .* k is 7"):
        chosen(bad)


@pytest.mark.parametrize("listed", ["[1]", "[" + "256," * 63 + "1]", "[" + "true," * 63 + "1]", "{}", "["])
def test_a_signature_in_a_list_is_of_64_bytes(listed: str) -> None:
    content = b'{"markers":[],"signature":"' + listed.encode().hex().encode() + b'"}'
    with pytest.raises(PayloadFormatError):
        ConfigurationMarkersPayload.from_bytes(content)

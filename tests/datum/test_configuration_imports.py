"""Import files of configurations: taken and refused as Mithril's tool does, with all mistakes at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from datum import SigningKey, encode_datum_json
from datum.configuration import (
    ConfigurationMarkersPayload,
    EpochConfiguration,
    ProtocolConfiguration,
    ProtocolConfigurationError,
    ProtocolParameters,
    check_against,
    read_import,
)
from datum.configuration.imports import require_size, serde_float
from datum.configuration.values import SigningConfig
from eras import Epoch


def on_chain(documents: list[dict[str, Any]]) -> list[EpochConfiguration]:
    """What a chain holds, which no tool has to have written."""

    def signing(value: dict[str, int] | None) -> SigningConfig | None:
        return None if value is None else SigningConfig(**value)

    return [
        EpochConfiguration(
            Epoch(one["epoch"]),
            ProtocolConfiguration(
                ProtocolParameters(**one["protocol_parameters"]),
                tuple(one["enabled_signed_entity_types"]),
                signing(one["cardano_transaction_signing_config"]),
                signing(one["cardano_blocks_transactions_signing_config"]),
            ),
        )
        for one in documents
    ]


def test_every_import_that_mithrils_tool_judged(vectors: Path) -> None:
    folder = vectors / "mithril-config"
    key = SigningKey.parse((folder / "config.sk").read_text())
    cases = json.loads((folder / "import_cases.json").read_text())
    assert len(cases) == 71
    refused = 0
    for case in cases:
        theirs = case["mithril"]
        try:
            found = read_import(case["import"].encode())
            check_against(on_chain(case["on_chain"]), found, Epoch(case["current_epoch"]))
            text: str | None = encode_datum_json(ConfigurationMarkersPayload.of(found).sign(key).to_bytes())
            require_size(text or "")
        except ProtocolConfigurationError as error:
            assert theirs["error"] is not None, (case["case"], str(error))
            assert error.got
            text = None
            refused += 1
        assert text == theirs["datum"], case["case"]
    assert 20 < refused < 50


def test_exports_are_imported_into_the_same_datum(vectors: Path) -> None:
    folder = vectors / "mithril-config"
    key = SigningKey.parse((folder / "config.sk").read_text())
    for path in folder.glob("export-*.json"):
        datum = encode_datum_json(ConfigurationMarkersPayload.of(read_import(path.read_bytes())).sign(key).to_bytes())
        assert datum == path.with_name(path.name.replace("export", "datum")).read_text()


PLAIN = {"epoch": 47, "protocol_parameters": {"k": 3, "m": 9, "phi_f": 0.5}, "enabled_signed_entity_types": []}


def test_all_mistakes_are_named_at_once_with_epoch_and_field() -> None:
    document = [
        {**PLAIN, "protocol_parameters": {"k": 0, "m": 0, "phi_f": 7}},
        {**PLAIN, "epoch": 48, "enabled_signed_entity_types": ["CardanoTransactions"]},
        {**PLAIN, "epoch": 49, "protocol_parameters": {"k": 1.5, "m": 9, "phi_f": 0.5}},
        {**PLAIN, "epoch": "x"},
        {**PLAIN, "epoch": 50, "enabled_signed_entity_types": "x"},
        {**PLAIN, "epoch": 51, "cardano_transaction_signing_config": {"security_parameter": -1, "step": 1}},
        {**PLAIN, "epoch": 52, "protocol_parameters": {"k": 1, "m": 9, "phi_f": True}},
        7,
    ]
    with pytest.raises(ProtocolConfigurationError) as caught:
        read_import(json.dumps(document).encode())
    assert caught.value.facts["mistakes"] == [
        "epoch 47: k is 0, expected at least 1",
        "epoch 47: m is 0, expected at least 1",
        "epoch 47: phi_f is 7.0, expected more than 0 and at most 1",
        "epoch 48: CardanoTransactions is enabled without its signing configuration",
        "epoch 49: k is not a whole number of at most 64 bits, expected a whole number from 0 to 18446744073709551615",
        "configuration 4: an epoch that is 'x'",
        "epoch 50: enabled_signed_entity_types is 'x', expected a list",
        (
            "epoch 51: cardano_transaction_signing_config.security_parameter is -1, expected a whole number from 0 to "
            "18446744073709551615"
        ),
        "epoch 52: phi_f is True, expected a number",
        "configuration 8: a configuration that is 7",
    ]


@pytest.mark.parametrize("data", [b"", b"\xff", b"{}", b"null", b"[1e999]", b'[{"epoch":1,"epoch":2}]', b"[" * 10_000])
def test_what_is_not_an_import_file(data: bytes) -> None:
    with pytest.raises(ProtocolConfigurationError, match="cannot be published"):
        read_import(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("-0", -0.0),
        ("2E-1", 0.2),
        ("1e-400", 0.0),
        ("0.0e999", 0.0),
        ("18446744073709551616", 1.844674407370955e19),
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ("0.1000000000000000055511151231257827021181583404541015625", 0.1),
        ("1e-320", 1e-320),
        ("12345678901234567890123.5", 1.2345678901234568e22),
    ],
)
def test_decimals_are_read_as_serde_json_reads_them(text: str, value: float) -> None:
    assert serde_float(text) == pytest.approx(value, rel=1e-15, abs=0)
    assert str(serde_float(text))[:1] == str(value)[:1]


@pytest.mark.parametrize("text", ["1e999", "1e309", "9" * 400])
def test_a_decimal_that_is_too_large(text: str) -> None:
    with pytest.raises(ValueError, match="too large"):
        serde_float(text)


def test_epochs_that_the_chain_does_not_know_are_not_compared() -> None:
    found = read_import(json.dumps([PLAIN]).encode())
    assert check_against((), found, Epoch(2)) == (0, 1, 2)
    assert check_against(found, found, Epoch(48)) == (45, 46)
    with pytest.raises(ProtocolConfigurationError, match="epoch 47: the chain has a configuration, the file has none"):
        check_against(found, (), Epoch(47))


def test_what_would_change_is_named_with_the_epochs_that_must_stay() -> None:
    found = read_import(json.dumps([PLAIN]).encode())
    changed = read_import(json.dumps([{**PLAIN, "protocol_parameters": {"k": 4, "m": 9, "phi_f": 0.5}}]).encode())
    with pytest.raises(ProtocolConfigurationError) as caught:
        check_against(found, changed, Epoch(47))
    assert caught.value.expected == "epochs 44 to 47 as they are on the chain"
    assert check_against(found, changed, Epoch(46)) == (43, 44, 45, 46)

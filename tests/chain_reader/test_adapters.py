"""The adapters one by one, their parameters, and every error about them."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chain_reader import ChainObserver, build_adapter
from chain_reader.adapters.builder import ADAPTER_TYPES, adapter_from_environment
from chain_reader.adapters.file import FileAdapter
from chain_reader.adapters.fixed import BootstrapAdapter, DummyAdapter
from eras import ConfigurationError, SupportedEras
from tests.chain_reader.conftest import KEY, Schedule, markers
from tests.errors import raising

GOOD_KEY = KEY.verification_key.to_json_hex()


def refused(code: str, call: Callable[[], object]) -> str:
    with raising(code) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("adapter_type", ADAPTER_TYPES)
def test_every_type_is_built_or_its_parameters_are_refused(adapter_type: str):
    try:
        assert build_adapter(adapter_type, '{"markers": []}').read().markers == () or "bootstrap" in adapter_type
    except ConfigurationError as error:
        assert error.code == "AdapterParams"


@pytest.mark.parametrize(
    ("adapter_type", "nearest"),
    [
        ("cardano_chain", "cardano-chain"),
        ("Bootstrap", "bootstrap"),
        ("bootstrap-last", "bootstrap-latest"),
        ("fil", "file"),
    ],
)
def test_an_unknown_adapter_names_the_known_and_the_nearest(adapter_type: str, nearest: str):
    text = refused("UnknownAdapter", lambda: build_adapter(adapter_type))
    assert "cardano-chain, file, dummy, bootstrap, bootstrap-latest" in text
    assert repr(adapter_type) in text
    assert f"Did you mean {nearest}?" in text


@pytest.mark.parametrize("adapter_type", ["", "zzzzz", "x" * 10_000])
def test_an_adapter_like_none_is_refused_too(adapter_type: str):
    text = refused("UnknownAdapter", lambda: build_adapter(adapter_type))
    assert "ERA_READER_ADAPTER_TYPE" in text
    assert len(text) < 400


@pytest.mark.parametrize("adapter_type", ["cardano-chain", "file", "dummy"])
@pytest.mark.parametrize(
    ("params", "got"),
    [
        (None, "got none"),
        ("", "got none"),
        ("  ", "got none"),
        ("not JSON", "line 1, column 1"),
        ('{"address":\n "a",}', "line 2, column"),
        ("[]", "got a list"),
        ('"text"', "got a text"),
        ("null", "got null"),
        ("5", "got a number"),
        ("true", "got a boolean"),
        ("{}", "no such key"),
        ("[" * 100_000, "too deep"),
        ('{"a":1,"a":2}', "'a' twice"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_parameters_that_are_none_name_the_cause(adapter_type: str, params: str | None, got: str):
    text = refused("AdapterParams", lambda: build_adapter(adapter_type, params))
    assert got in text or ("recursion" in text and got == "too deep")
    assert adapter_type in text
    assert "ERA_READER_ADAPTER_PARAMS" in text


@pytest.mark.parametrize(
    ("adapter_type", "params", "key", "got"),
    [
        ("file", {"markers_file": 5}, "markers_file", "a number"),
        ("file", {"markers_file": ""}, "markers_file", "an empty one"),
        ("file", {"markersfile": "x"}, "markers_file", "'markersfile'"),
        ("dummy", {"markers": 5}, "markers", "5"),
        ("dummy", {"markers": {"name": "t"}}, "markers", "object"),
        ("dummy", {"markers": [{"name": 5, "epoch": 1}]}, "markers", "5"),
        ("dummy", {"markers": [{"epoch": 1}]}, "markers", "a marker without 'name'"),
        ("dummy", {"markers": [{"name": "t", "epoch": 2**64}]}, "markers", "epoch"),
        ("dummy", {"markers": [{"name": "t", "epoch": -1}]}, "markers", "-1"),
        ("dummy", {"markers": [{"name": "t", "epoch": 1.0}]}, "markers", "whole number"),
        ("dummy", {"markers": [{"name": "t", "epoch": "1"}]}, "markers", "'1'"),
        ("dummy", {"markers": None}, "markers", "None"),
        ("cardano-chain", {"address": None, "verification_key": GOOD_KEY}, "address", "null"),
        ("cardano-chain", {"address": "", "verification_key": GOOD_KEY}, "address", "empty"),
        ("cardano-chain", {"verification_key": GOOD_KEY}, "address", "no such key"),
        ("cardano-chain", {"address": "addr"}, "verification_key", "no such key"),
        ("cardano-chain", {"address": "addr", "verificationKey": GOOD_KEY}, "verification_key", "'verificationKey'"),
        ("cardano-chain", {"address": "addr", "verification_key": [1]}, "verification_key", "a list"),
        ("cardano-chain", {"address": "addr", "verification_key": "zz"}, "verification_key", "2 characters"),
        ("cardano-chain", {"address": "addr", "verification_key": GOOD_KEY[:-2]}, "verification_key", "a text of"),
        ("cardano-chain", {"address": "addr", "verification_key": "00" * 32}, "verification_key", "not a key"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_parameter_is_named(adapter_type: str, params: object, key: str, got: str):
    with raising("AdapterParams") as caught:
        build_adapter(adapter_type, json.dumps(params))
    assert caught.value.facts["key"] == key
    assert repr(key) in str(caught.value)
    assert got in str(caught.value)


def test_a_chain_adapter_without_a_chain_is_refused():
    params = json.dumps({"address": "addr", "verification_key": GOOD_KEY})
    text = refused("ObserverNeeded", lambda: build_adapter("cardano-chain", params))
    assert "blockfrost:<url>" in text


def test_an_observer_is_made_for_no_other_adapter():
    def never() -> ChainObserver:
        raise AssertionError("made")

    assert isinstance(build_adapter("bootstrap", observer=never), BootstrapAdapter)
    assert isinstance(build_adapter("dummy", '{"markers":[]}', observer=never), DummyAdapter)


@pytest.mark.parametrize("params", [None, "", "not JSON", "{}", '{"markers":5}'])
def test_bootstrap_ignores_parameters(params: str | None):
    assert build_adapter("bootstrap", params).read().markers == markers({"pythagoras": 0})
    assert build_adapter("bootstrap-latest", params).read().markers == markers({"lagrange": 0})


def test_bootstrap_takes_the_first_and_the_latest_supported_era():
    supported = SupportedEras(("a", "b", "c"))
    assert BootstrapAdapter(supported).read().markers == markers({"a": 0})
    assert BootstrapAdapter(supported, latest=True).read().markers == markers({"c": 0})


def test_the_default_of_the_environment_is_bootstrap():
    for environ in ({}, {"ERA_READER_ADAPTER_TYPE": ""}, {"ERA_READER_ADAPTER_PARAMS": "{}"}):
        assert isinstance(adapter_from_environment(environ), BootstrapAdapter)
    refused("UnknownAdapter", lambda: adapter_from_environment({"ERA_READER_ADAPTER_TYPE": "nothing"}))
    refused("AdapterParams", lambda: adapter_from_environment({"ERA_READER_ADAPTER_TYPE": "file"}))


def test_dummy_takes_any_markers():
    schedule: Schedule = {"": 0, "θαλῆς": 2**64 - 1, "announced": None}
    params = json.dumps({"markers": [marker.to_dict() for marker in markers(schedule)]})
    assert build_adapter("dummy", params).read().markers == markers(schedule)
    assert build_adapter("dummy", '{"markers":[{"name":"t"}]}').read().markers == markers({"t": None})


class TestFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "markers.json"

    def test_it_is_read_at_every_reading(self, path: Path):
        adapter = FileAdapter(path)
        refused("MarkersFileUnreadable", adapter.read)
        path.write_text('[{"name":"thales","epoch":1}]')
        assert adapter.read().markers == markers({"thales": 1})
        path.write_text('\n[{"name":"thales","epoch":1}, {"name":"pythagoras","epoch":null}]\n')
        assert adapter.read().markers == markers({"thales": 1, "pythagoras": None})
        path.unlink()
        refused("MarkersFileUnreadable", adapter.read)

    def test_no_markers_are_no_error_of_the_file(self, path: Path):
        path.write_text("[]")
        assert FileAdapter(path).read().markers == ()

    @pytest.mark.parametrize(
        ("content", "got"),
        [
            (b"", "an empty file"),
            (b" \n", "an empty file"),
            (b"not JSON", "line 1 column 1"),
            (b'[{"name":"t","epoch":1}', "delimiter"),
            (b"{}", "object"),
            (b"null", "None"),
            (b'[{"name":"t","epoch":18446744073709551616}]', "epoch"),
            (b'[{"name":"t","epoch":"1"}]', "'1'"),
            (b'[{"name":"t","epoch":1,"epoch":2}]', "twice"),
            (b'[{"name":5}]', "5"),
            (b"[5]", "5"),
            (b"\xff\xfe[\x00]\x00", "not UTF-8 (byte 0)"),
            (b'[{"name":"\xc3"}]', "not UTF-8 (byte 10)"),
            (b"[" * 100_000, "invalid JSON at character 100000"),
            (b'[{"name":"t","epoch":' + b"9" * 5_000 + b"}]", "whole number"),
        ],
        ids=lambda value: repr(value[:16]),
    )
    def test_content_that_is_no_list_of_markers(self, path: Path, content: bytes, got: str):
        path.write_bytes(content)
        text = refused("MarkersFileInvalid", FileAdapter(path).read)
        assert got in text
        assert str(path) in text
        assert path.read_bytes() == content

    def test_a_missing_file(self, path: Path):
        assert "nothing there" in refused("MarkersFileUnreadable", FileAdapter(path).read)

    def test_a_directory(self, tmp_path: Path):
        assert "a directory" in refused("MarkersFileUnreadable", FileAdapter(tmp_path).read)

    def test_a_pipe_keeps_nobody_waiting(self, path: Path):
        os.mkfifo(path)
        assert "not a file" in refused("MarkersFileUnreadable", FileAdapter(path).read)

    def test_a_file_below_a_file(self, path: Path):
        path.write_text("[]")
        assert "Not a directory" in refused("MarkersFileUnreadable", FileAdapter(path / "x").read)

    @pytest.mark.parametrize("name", ["a\0b", "x" * 5_000])
    def test_a_path_that_cannot_be(self, name: str):
        refused("MarkersFileUnreadable", FileAdapter(name).read)

    def test_a_file_not_permitted(self, path: Path, monkeypatch: pytest.MonkeyPatch):
        path.write_text("[]")
        path.chmod(0)
        if os.access(path, os.R_OK):  # root reads everything

            def denied(*_: object, **__: object) -> None:
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr(Path, "open", denied)
        assert "Permission denied" in refused("MarkersFileUnreadable", FileAdapter(path).read)

    def test_a_file_too_large(self, path: Path):
        path.write_bytes(b" " * ((1 << 20) + 1))
        assert "more than 1048576 bytes" in refused("MarkersFileUnreadable", FileAdapter(path).read)

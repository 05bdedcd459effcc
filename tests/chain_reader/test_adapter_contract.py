"""What every adapter does, built as Mithril's configuration names it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chain_reader import (
    BlockfrostObserver,
    ChainObserver,
    EraReader,
    EraReaderAdapter,
    EraReading,
    LocalObserver,
    OgmiosObserver,
    build_adapter,
)
from chain_reader.adapters.builder import ADAPTER_TYPES, adapter_from_environment
from chain_reader.local_chain import LocalChainServer
from eras import Epoch, Provenance, SupportedEras, select_eras
from tests.chain_reader.conftest import KEY, Network, markers

SCHEDULE = {"thales": 1, "pythagoras": 9}
SUPPORTED = SupportedEras(("thales", "pythagoras"))

Build = Callable[[], EraReaderAdapter]


@pytest.fixture(params=ADAPTER_TYPES)
def params(request: pytest.FixtureRequest, network: Network, tmp_path: Path) -> tuple[str, str | None]:
    """A type, and parameters under which it reads ``SCHEDULE`` or its own one marker."""
    network.publish(SCHEDULE)
    text = json.dumps([marker.to_dict() for marker in markers(SCHEDULE)])
    file = tmp_path / "markers.json"
    file.write_text(text)
    known = {
        "cardano-chain": {"address": network.address, "verification_key": KEY.verification_key.to_json_hex()},
        "file": {"markers_file": str(file)},
        "dummy": {"markers": json.loads(text)},
    }
    given = known.get(request.param)
    return request.param, None if given is None else json.dumps({**given, "unknown": [1]})


@pytest.fixture
def build(params: tuple[str, str | None], network: Network) -> Build:
    return lambda: build_adapter(*params, observer=LocalObserver(network.chain), supported=SUPPORTED)


def expected(adapter_type: str) -> dict[str, int | None]:
    return {"bootstrap": {"thales": 0}, "bootstrap-latest": {"pythagoras": 0}}.get(adapter_type, SCHEDULE)


def test_it_reads_markers_and_tells_where_they_come_from(build: Build, params: tuple[str, str | None]):
    adapter = build()
    assert isinstance(adapter, EraReaderAdapter)
    reading = adapter.read()
    assert isinstance(reading, EraReading)
    assert reading.markers == markers(expected(params[0]))
    assert isinstance(reading.provenance, Provenance)
    assert reading.provenance.source
    assert repr(adapter).startswith(type(adapter).__name__)


def test_it_reads_the_same_again(build: Build):
    adapter = build()
    assert adapter.read().markers == adapter.read().markers


def test_a_reader_makes_a_token_of_it(build: Build, params: tuple[str, str | None]):
    token = EraReader(build(), SUPPORTED).read_era_epoch_token(Epoch(5))
    assert token == select_eras(markers(expected(params[0])), Epoch(5), SUPPORTED, provenance=build().read().provenance)
    assert token.current_supported


def test_the_environment_names_it(build: Build, params: tuple[str, str | None], network: Network):
    environ = {"ERA_READER_ADAPTER_TYPE": params[0], "ERA_READER_ADAPTER_PARAMS": params[1] or ""}
    adapter = adapter_from_environment(environ, observer=lambda: LocalObserver(network.chain), supported=SUPPORTED)
    assert adapter.read().markers == build().read().markers


@pytest.fixture(params=["local", "blockfrost", "ogmios"])
def chain_adapter(
    request: pytest.FixtureRequest, network: Network, server: LocalChainServer
) -> Iterator[EraReaderAdapter]:
    """``cardano-chain`` over each observer."""
    made: dict[str, Callable[[], ChainObserver]] = {
        "local": lambda: LocalObserver(network.chain),
        "blockfrost": lambda: BlockfrostObserver(server.blockfrost_url),
        "ogmios": lambda: OgmiosObserver(server.ogmios_url),
    }
    observer = made[request.param]()
    params = {"address": network.address, "verification_key": KEY.verification_key.hex}
    yield build_adapter("cardano-chain", json.dumps(params), observer=observer)
    observer.close()


def test_over_every_observer_a_replay_and_a_forgery_change_nothing(chain_adapter: EraReaderAdapter, network: Network):
    old, new = {"thales": 1}, {"thales": 1, "pythagoras": 9}
    assert chain_adapter.read().markers == ()
    network.publish(old)
    assert chain_adapter.read().markers == markers(old)
    published = network.publish(new)
    replayed = network.post(old)
    network.post_datum("182a")
    for adapter in (chain_adapter, build_like(chain_adapter)):
        reading = adapter.read()
        assert reading.markers == markers(new)
        assert reading.provenance is not None
        assert reading.provenance.transaction == published.transaction
        assert reading.provenance.key == KEY.verification_key.hex
        verdicts = {item.output.transaction: item.verdict.name for item in reading.screened}
        assert verdicts[published.transaction] == "Accepted"
        assert verdicts[replayed.transaction] in ("Impostor", "Replayed")
        assert sorted(verdicts.values())[-2:] != ["Accepted", "Accepted"]


def build_like(adapter: EraReaderAdapter) -> EraReaderAdapter:
    """The same adapter without what it remembers."""
    params = {"address": adapter.address, "verification_key": adapter.verification_key.hex}  # type: ignore[attr-defined]
    return build_adapter("cardano-chain", json.dumps(params), observer=adapter.observer)  # type: ignore[attr-defined]


def test_over_every_observer_a_rollback_leaves_what_was_trusted(chain_adapter: EraReaderAdapter, network: Network):
    network.publish({"thales": 1})
    network.publish({"thales": 1, "pythagoras": 9})
    assert chain_adapter.read().markers == markers({"thales": 1, "pythagoras": 9})
    network.chain.rollback(1)
    assert build_like(chain_adapter).read().markers == markers({"thales": 1})
    reading = chain_adapter.read()
    network.chain.rollback(1)
    assert chain_adapter.read().markers == reading.markers

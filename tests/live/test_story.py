"""The live story on a local chain that runs by the clock, so that it is known to work when somebody needs it.

Its epochs last seconds and outputs need no ada, as on many a devnet; it has Plutus cost models, which no
transaction of the story needs.
"""

import os
import subprocess
import sys
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest
import requests

from chain_reader import observer_from_url
from chain_reader.local_chain import Genesis, LocalChain, LocalChainServer
from chain_reader.local_chain.ledger.parameters import ProtocolParameters
from chain_reader.providers.from_url import gateway_from_url
from release_tools import PaymentKey
from tests.live.story import Rollout, play

ROOT = Path(__file__).resolve().parents[2]
SECONDS = Genesis(slot_length_s=0.2, epoch_length=10, active_slots_coeff=Fraction(1), clock_mode="wall")


@pytest.fixture
def devnet(tmp_path: Path):
    """A chain of 2 s epochs with a funded key on it, served; and the key's file."""
    parameters = ProtocolParameters(coins_per_utxo_byte=0)
    key = PaymentKey.generate()
    key.save(tmp_path / "payment.skey")
    with LocalChain.create(tmp_path / "chain.sqlite", genesis=SECONDS, parameters=parameters) as chain:
        chain.fund(key.address(0), 100_000_000)
    with LocalChainServer(tmp_path / "chain.sqlite") as server:
        yield server, tmp_path / "payment.skey"


@pytest.mark.parametrize("kind", ["blockfrost", "ogmios"])
def test_the_story_is_played_to_its_end(devnet: tuple[LocalChainServer, Path], kind: str):
    server, key = devnet
    url = f"{kind}:{server.blockfrost_url if kind == 'blockfrost' else server.ogmios_url}"
    parameters = requests.get(f"{server.blockfrost_url}/epochs/latest/parameters", timeout=5).json()
    assert parameters["coins_per_utxo_size"] == "0"
    assert sorted(parameters["cost_models"]) == ["PlutusV1", "PlutusV2", "PlutusV3"]
    with closing(observer_from_url(url)) as observer, closing(gateway_from_url(url)) as gateway:
        play(Rollout(observer, gateway, PaymentKey.load(key), patience_s=20))


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "tests/live/test_live.py", "-q", "-p", "no:cacheprovider", *arguments]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ERASWITCH_", "PYTEST_"))}
    return subprocess.run(command, cwd=ROOT, env=inherited | environ, capture_output=True, text=True, check=False)


def test_it_is_never_run_by_default_nor_skipped_where_no_skip_is_allowed():
    done = run(CI="true")
    assert "1 deselected" in done.stdout
    assert "skipped" not in done.stdout


def test_asked_for_without_a_network_it_is_skipped_visibly():
    done = run("-m", "live", CI="true")
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout
    assert "ERASWITCH_LIVE_URL and ERASWITCH_LIVE_KEY not set" in done.stdout


def test_asked_for_with_a_network_it_runs(devnet: tuple[LocalChainServer, Path]):
    server, key = devnet
    done = run(
        "-m", "live", ERASWITCH_LIVE_URL=f"blockfrost:{server.blockfrost_url}", ERASWITCH_LIVE_KEY=str(key),
        ERASWITCH_LIVE_PATIENCE_S="20",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout

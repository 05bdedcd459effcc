"""The story on a network of one's own choice: ``pytest -m live``.

| variable | |
| --- | --- |
| ``ERASWITCH_LIVE_URL`` | a provider, as ``blockfrost:https://…/api/v0``, ``blockfrost:preview`` or ``ogmios:ws://…`` |
| ``ERASWITCH_LIVE_KEY`` | a cardano-cli payment key file, its enterprise address funded with 10 test ada or more |
| ``ERASWITCH_LIVE_PROJECT_ID`` | the provider's key, where it wants one |
| ``ERASWITCH_LIVE_PATIENCE_S`` | how long to wait for a transaction, 600 s by default |
"""

import os
from contextlib import closing
from pathlib import Path

import pytest

from chain_reader import observer_from_url
from chain_reader.providers.from_url import gateway_from_url
from release_tools import PaymentKey
from tests.live.story import Rollout, play

# Read before a fixture takes the settings of the machine away from the tests.
LIVE = {name: os.environ.get(f"ERASWITCH_LIVE_{name}", "") for name in ("URL", "KEY", "PROJECT_ID", "PATIENCE_S")}
MAINNET_MAGIC = 764_824_073


@pytest.mark.live
@pytest.mark.timeout(7_200)
def test_a_rollout_on_a_live_network() -> None:
    missing = [f"ERASWITCH_LIVE_{name}" for name in ("URL", "KEY") if not LIVE[name]]
    if missing:
        pytest.skip(f"no live network: {' and '.join(missing)} not set (docs/providers.md)")
    project_id = LIVE["PROJECT_ID"] or None
    with (
        closing(observer_from_url(LIVE["URL"], project_id=project_id)) as observer,
        closing(gateway_from_url(LIVE["URL"], project_id=project_id)) as gateway,
    ):
        assert gateway.network().magic != MAINNET_MAGIC, "this test spends money: use a test network"
        play(Rollout(observer, gateway, PaymentKey.load(Path(LIVE["KEY"])), float(LIVE["PATIENCE_S"] or 600)))

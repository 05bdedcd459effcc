"""What the service and ``status`` answer of protocol configurations, read with the trust of eras."""

from pathlib import Path

from chain_reader.genesis import EpochCalendar
from datum import SigningKey, encode_datum
from datum.configuration import ConfigurationMarkersPayload, EpochConfiguration, ProtocolConfiguration
from datum.configuration.values import ENTITY_TYPES, ProtocolParameters
from era_service.cli.shared.status_view import in_words
from era_service.demo.stage import Stage
from era_service.service.adoption import known_quorum
from era_service.status.describing import describe, warnings_of
from era_service.status.reader import read_status
from era_store import EventFilter
from eras import Epoch
from release_tools.forecasting.lottery import Lottery
from tests.web.test_metrics import scrape
from tests.web.test_stream import kinds_of, listening
from tests.web.world import World

ENABLED = {"protocol_configuration": {"enabled": True}}


def posted(world: World, plan: dict[int, int], key: SigningKey | None = None) -> None:
    """Put configurations at the era address, and read them: the team's, or with another key a thief's."""
    post(world.stage, plan, key)
    world.read()


def post(stage: Stage, plan: dict[int, int], key: SigningKey | None = None) -> None:
    """The same without reading."""
    made = [
        EpochConfiguration(Epoch(at), ProtocolConfiguration(ProtocolParameters(k, 20_973, 0.2), ENTITY_TYPES[:3]))
        for at, k in plan.items()
    ]
    content = ConfigurationMarkersPayload.of(made).sign(key or stage.era_key).to_bytes()
    stage._submit(encode_datum(content), (), stage.wallet if key is None else stage.attacker_wallet, None)


def test_now_next_and_what_a_node_asks_for(tmp_path: Path) -> None:
    with World(tmp_path, **ENABLED) as world:
        assert world.client.get("/configuration").json()["current"] is None
        assert "configuration_k" not in scrape(world)
        posted(world, {1: 1944, 4: 2422})
        posted(world, {0: 5}, SigningKey(bytes(32)))
        found = world.client.get("/configuration").json()
        assert (found["epoch"], found["current"]["epoch"], found["current"]["protocol_parameters"]["k"]) == (1, 1, 1944)
        assert (found["next"]["epoch"], found["next"]["epochs_left"]) == (4, 3)
        assert found["next"]["changes"] == ["k 1944 → 2422"]
        assert found["window"] is None, "at epoch 1 the aggregation is of epoch 0, which has none"
        assert (found["stale"], found["legacy_differs"]) == (None, False)
        assert [one["verdict"] for one in found["refused"]] == ["WrongSigner"]
        history = world.client.get("/era/history").json()["payloads"]
        others = [entry["payload"] for entry in history if entry["verdict"] == "OtherKind"]
        assert others == [None, None], "a payload is shown where its signature is valid, and these were not checked"
        node = world.client.get("/configuration/7").json()
        assert node == {
            "protocol_parameters": {"k": 2422, "m": 20_973, "phi_f": 0.2},
            "cardano_transactions_signing_config": None,
            "cardano_blocks_transactions_signing_config": None,
            "available_signed_entity_types": list(ENTITY_TYPES[:3]),
        }
        (entry,) = world.client.get("/configuration/history").json()["payloads"]
        assert ([one["epoch"] for one in entry["configurations"]], entry["markers"]) == ([1, 4], [])
        told = scrape(world)
        assert [told[f"configuration_{name}"][()] for name in ("epoch", "k", "m", "phi_f")] == [1, 1944, 20_973, 0.2]
        assert (told["epochs_to_configuration"], told["configuration_stale"]) == ({(): 3}, {(): 0})
        assert told["configuration_refused_datums"] == {(("verdict", "WrongSigner"),): 1}
        assert told["configuration_legacy_view_differs"] == {(): 0}
        page = world.client.get("/").text
        assert 'href="#configuration">Protocol configuration</a>' in page
        assert "In force since epoch 1; at epoch 4: k 1944 → 2422." in page
        status = world.client.get("/era/status").json()
        assert status["current_era"] == "pythagoras"
        assert status["verdicts"]["OtherKind"] == 2
        world.enter(3)
        window = world.client.get("/configuration").json()["window"]
        assert [window[name]["protocol_parameters"]["k"] for name in window] == [1944, 1944, 2422]
        with listening(world) as listener:
            listener.wait_for(lambda _: "retry: 2000" in listener.lines)
            world.enter(4)
            heard = listener.wait_for(lambda events: "configuration-changed" in kinds_of(events))
        facts = heard[kinds_of(heard).index("configuration-changed")][2]["facts"]
        assert (facts["began"], facts["changes"]) == (4, ["k 1944 → 2422"])
        assert world.client.get("/configuration").json()["current"]["protocol_parameters"]["k"] == 2422
        kinds = ("configuration-announced", "configuration-changed")
        events = world.service.store.events.read(only=EventFilter(kinds=kinds))
        assert [(event.kind, event.epoch) for event in events] == [(kinds[1], 1), (kinds[0], 1), (kinds[1], 4)]
        found = read_status(world.settings, None)
        document = describe(found, world.settings, 20, warnings_of(found, world.settings))
        assert document.configuration.current.epoch == 4
        assert in_words(document, EpochCalendar(), None)[-2:] == [
            "Configuration k 2422, m 20973, phi_f 0.2, from epoch 4",
            "  next change none",
        ]
        quorum = known_quorum(world.service, 5)
        assert quorum.model == Lottery(2422, 20_973, 0.2)
        assert quorum.source == "the protocol configuration of epoch 4 in the chain, as it is trusted"
        assert known_quorum(world.service, 1).source == "the test"
        _where_there_is_none(world)


def _where_there_is_none(world: World) -> None:
    refused = world.client.get("/configuration/0")
    assert (refused.status_code, refused.json()["code"]) == (404, "ConfigurationNotFound")
    assert "epoch 1 or a later one" in refused.text
    world.service.take(world.service.snapshot.model_copy(update={"configuration": None}))
    for path in ("/configuration", "/configuration/history"):
        refused = world.client.get(path)
        assert (refused.status_code, refused.json()["code"]) == (404, "ConfigurationNotRead")

"""Protocol configurations are followed as eras are: a true chain is taken and served on, a lie changes nothing."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chain_reader.providers.leader.walk import LeaderHistoryError
from chain_reader.trust.kinds import CONFIGURATIONS
from chain_reader.trust.publications import verify_history
from datum import CONFIGURATION
from era_service.config.schema import Settings
from era_service.follower.sync import sync
from era_service.node.opening import open_watcher
from era_service.service.client import ServiceClient
from era_service.status.reader import read_status
from era_service.wiring.trust import policies
from era_store import EventFilter, SqlStore, open_store
from eras import ChainReadError, Epoch
from tests.era_service.conftest import invoke
from tests.era_service.follower import test_follower as lies
from tests.era_service.leader_stub import ADDRESS, Leader, history, running
from tests.era_service.release_world import ERA_KEY
from tests.errors import raising

OF_BOTH = (
    lies.lie_signature,
    lies.lie_gap,
    lies.lie_ratchet,
    lies.lie_without_bytes,
    lies.lie_left_out,
    lies.lie_newest_left_out,
    lies.lie_swapped,
    lies.lie_reordered,
    lies.lie_invented,
    lies.lie_beside,
)


@pytest.fixture
def leader() -> Iterator[Leader]:
    with running(Leader(kind=CONFIGURATION)) as made:
        yield made


@pytest.fixture
def settings(leader: Leader) -> Settings:
    store = '[store]\nurl = "f.sqlite3"\n'
    return lies.configured(leader.url, f"[protocol_configuration]\nenabled = true\n{store}")


@pytest.fixture
def store(own_folders: Path) -> Iterator[SqlStore]:
    with open_store("f.sqlite3") as made:
        yield made


def test_a_true_chain_is_taken_and_then_only_what_is_new(leader: Leader, settings: Settings, store: SqlStore) -> None:
    first = sync(settings, store)
    assert first.configurations is not None
    assert (first.taken, first.configurations.reason, first.configurations.taken) == (3, "empty", 3)
    assert first.configurations.trusted == leader.entries[0]["output"]
    leader.entries = history(*leader.growing(5))
    report = sync(settings, store).to_dict()
    found = report["configurations"]
    assert (report["reason"], found["reason"], found["taken"]) == ("nothing-new", "new", 2)
    proved = verify_history(store, policies(settings)[1])
    assert (proved.broken, len(proved.links)) == (None, 5)
    shown = invoke("marker", "history", "--verify", "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["configurations"]) == (0, proved.to_dict())
    told = read_status(settings, None).configuration
    assert told is not None
    assert (told.trusted.stale, [one.epoch for one in told.configurations]) == (None, [1, 100, 101, 102, 103])
    with open_watcher(settings, environ={}) as watcher:
        watcher.check()
    kinds = ("configuration-changed", "configuration-announced")
    assert [one.kind for one in store.events.read(only=EventFilter(kinds=kinds))] == [kinds[0], *4 * [kinds[1]]]
    with closing(ServiceClient(leader.url, ERA_KEY.verification_key, era_address=ADDRESS)) as client:
        assert client.publications(kind=CONFIGURATIONS) == proved.links
        lies.lie_left_out(leader)
        with pytest.raises(LeaderHistoryError):
            client.publications(kind=CONFIGURATIONS)
    told = read_status(settings, None).configuration
    assert told is not None
    assert "exactly one publication that no other spends" in str(told.trusted.stale)
    assert told.configuration_at(Epoch(103)) is not None, "what is known stays in force"


def test_a_broken_chain_of_configurations_is_shown(settings: Settings, store: SqlStore) -> None:
    sync(settings, store)
    assert store.database.path is not None
    newest = verify_history(store, policies(settings)[1]).links[0].transaction
    with closing(sqlite3.connect(store.database.path)) as connection, connection:
        connection.execute("DELETE FROM verdict WHERE reference = ?", (newest,))
    shown = invoke("marker", "history", "--verify")
    assert shown.exit_code == 1
    assert "is verified, back to the first one\nThe chain of publications of configurations is not" in shown.stdout


@pytest.mark.parametrize(("lie", "words"), [one for one in lies.LIES if one[0] in OF_BOTH])
def test_a_leader_that_lies(
    leader: Leader, settings: Settings, store: SqlStore, lie: Callable[[Leader], None], words: str
) -> None:
    lie(leader)
    with pytest.raises(ChainReadError, match=words):
        sync(settings, store)
    eras, configurations = policies(settings)
    assert store.trust.load(configurations.key) is None
    assert store.trust.load(eras.key) is not None, "its eras are true"
    assert store.events.read()[-1].kind == "follow-refused"


def test_a_leader_that_cannot_confirm_its_configurations(leader: Leader, settings: Settings, store: SqlStore) -> None:
    def stale(path: str, _query: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        told = json.dumps(json.loads(body) | {"stale": "its provider is silent"}).encode()
        return (200, told) if path == "/configuration/history" else None

    leader.spoil = stale
    assert sync(settings, store).configurations is not None, "who has nothing takes what there is: it is signed"
    with raising("LeaderStale", match="its provider is silent"):
        sync(settings, store)
    told = read_status(settings, None)
    assert told.error is None
    assert told.configuration is not None
    assert "its provider is silent" in str(told.configuration.trusted.stale)


def test_without_bytes_where_that_is_configured(leader: Leader, settings: Settings, store: SqlStore) -> None:
    lies.lie_without_bytes(leader)
    follower = settings.follower.model_copy(update={"require_proof": False})
    found = sync(settings.model_copy(update={"follower": follower}), store).configurations
    assert found is not None
    assert found.taken == 3


def test_a_network_that_has_none_and_a_leader_that_reads_none(
    leader: Leader, settings: Settings, store: SqlStore
) -> None:
    leader.entries = []
    found = sync(settings, store).configurations
    assert found is not None
    assert (found.reason, found.payloads) == ("nothing-new", 0)
    leader.spoil = lambda path, _query, _body: (404, b"{}") if path == "/configuration/history" else None
    with raising("ProviderNotFound"):
        sync(settings, store)
    reading = read_status(settings, None)
    assert reading.error is None, "eras are read without"
    assert reading.configuration is not None
    assert reading.configuration.error is not None

"""Replicas on one store: one reads the chain, the others are told, and take its place when it dies."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from era_service.service.changes import EVENTS, REGISTRATIONS, Changes
from era_service.service.leader import LeaderPoller
from era_store import MemoryStore, Registration, Store, open_store
from eras import Epoch, StoreError
from tests.era_service.cli.test_status import KEY, Network, funded_network, payload
from tests.era_service.served import Served, served, within
from tests.postgres import Cluster

FAIL_OVER_S = 100.0
TOLD_S = 100.0


@pytest.fixture
def network(own_folders: Path) -> Iterator[Network]:
    with funded_network(own_folders) as made:
        made.publish(payload(("thales", 0)))
        yield made


def replica(network: Network, folder: Path, url: str, poll_s: float) -> AbstractContextManager[Served]:
    environment = {
        "ERASWITCH_NETWORK__ERA_ADDRESS": network.address,
        "ERASWITCH_NETWORK__VERIFICATION_KEY": KEY.verification_key.hex,
        "ERASWITCH_NETWORK__MAGIC": "42",
    }
    options = ("--store", url, "--provider", "local:chain.sqlite3", "--poll", str(poll_s))
    return served(folder, *options, env=environment)


def leader_of(replicas: list[Served]) -> Served:
    within(60, lambda: any(one.leads() for one in replicas))
    (found,) = [one for one in replicas if one.leads()]
    return found


def test_one_reads_the_others_are_told_and_one_takes_its_place(
    network: Network, own_folders: Path, sql_url: str
) -> None:
    open_store(sql_url).close()
    with ExitStack() as running:
        # Only the first polls often: what a standby tells soon after a change was told to it.
        first = running.enter_context(replica(network, own_folders, sql_url, 0.3))
        within(60, lambda: first.eras() == ["thales"])
        standby = [running.enter_context(replica(network, own_folders, sql_url, 120.0)) for _ in range(2)]
        within(60, lambda: all(one.eras() == ["thales"] for one in standby))
        assert leader_of([first, *standby]) is first

        network.publish(payload(("thales", 0), ("pythagoras", None)))
        within(60, lambda: first.eras() == ["thales", "pythagoras"])
        told_s = within(TOLD_S, lambda: all(len(one.eras()) == 2 for one in standby))

        first.kill()
        network.publish(payload(("thales", 0), ("pythagoras", 50)))
        took_s = within(FAIL_OVER_S, lambda: any(one.leads() for one in standby))
        within(FAIL_OVER_S, lambda: all(_begins(one) == 50 for one in standby))
        assert len([one for one in standby if one.leads()]) == 1
        print(f"told after {told_s:.2f} s, another reads after {took_s:.2f} s")


def _begins(one: Served) -> int | None:
    eras = {era["name"]: era["epoch"] for era in one.get("/era/status").get("eras", [])}
    return eras.get("pythagoras")


def test_one_that_ends_lets_another_lead(network: Network, own_folders: Path, sql_url: str) -> None:
    open_store(sql_url).close()
    with ExitStack() as running:
        first = running.enter_context(replica(network, own_folders, sql_url, 0.3))
        within(60, first.leads)
        second = running.enter_context(replica(network, own_folders, sql_url, 0.3))
        within(60, lambda: second.eras() == ["thales"])
        assert not second.leads()
        first.process.terminate()
        assert first.process.wait(60) is not None
        within(FAIL_OVER_S, second.leads)


def test_many_start_at_once_on_a_new_store(network: Network, own_folders: Path, postgres_url: str) -> None:
    with ExitStack() as running:
        started: list[Served] = []

        def start() -> None:
            started.append(running.enter_context(replica(network, own_folders, postgres_url, 0.3)))

        threads = [threading.Thread(target=start) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(started) == 3
        within(60, lambda: all(one.eras() == ["thales"] for one in started))
        assert leader_of(started) in started, "exactly one"


def test_a_server_that_comes_back_finds_its_replicas_again(
    own_cluster: Cluster, network: Network, own_folders: Path
) -> None:
    with own_cluster.database() as name:
        url = own_cluster.url(name)
        with replica(network, own_folders, url, 0.5) as one:
            within(60, lambda: one.eras() == ["thales"])
            own_cluster.kill()
            within(60, lambda: one.get("/era/status")["stale"] is not None)
            assert one.eras() == ["thales"], "what is known is told on"
            own_cluster.start()
            network.publish(payload(("thales", 0), ("pythagoras", None)))
            within(60, lambda: one.eras() == ["thales", "pythagoras"])
            assert one.get("/era/status")["stale"] is None


class Told:
    """A service as the watch of a store needs it: what it is told, and how often it reads."""

    def __init__(self) -> None:
        self.changes, self.kinds, self.loaded = Changes(), Counter[str](), 0
        self.changes.listen(lambda kind: self.kinds.update([kind]))

    def load_snapshot(self) -> None:
        self.loaded += 1


def test_registrations_at_one_replica_are_told_to_the_others_which_read_nothing_for_them(postgres_url: str) -> None:
    with open_store(postgres_url) as store, open_store(postgres_url) as other:
        leader, standby, service = LeaderPoller(store), LeaderPoller(other, look_every_s=0.2), Told()
        assert leader.try_to_lead()
        standby.start(service, lambda: None)  # type: ignore[arg-type]
        try:
            for number in range(20):
                row = Registration("p", Epoch(1), "1.0.0", number, 1.0, "test")
                assert store.registrations.ingest([row], source="test", time_s=1.0).accepted == 1
            assert store.registrations.ingest([row], source="test", time_s=1.0).repeated == 1
            within(60, lambda: service.kinds[REGISTRATIONS] > 0)
            assert (service.loaded, service.kinds[EVENTS]) == (0, 0)
            leader.stop()
            ended = threading.Event()
            flood = threading.Thread(target=_flood, args=(store, ended))
            flood.start()
            try:
                within(FAIL_OVER_S, lambda: standby.held)
            finally:
                ended.set()
                flood.join()
            store.events.append("test", {}, time_s=1.0)
            within(60, lambda: service.kinds[EVENTS] > 0)
        finally:
            standby.stop()
            leader.stop()


def _flood(store: Store, ended: threading.Event) -> None:
    stake = 100
    while not ended.is_set():
        stake += 1
        row = Registration("p", Epoch(1), "1.0.0", stake, 1.0, "test")
        store.registrations.ingest([row], source="test", time_s=1.0)


def test_who_has_ended_leads_no_more() -> None:
    leader = LeaderPoller(MemoryStore())
    assert leader.try_to_lead()
    leader.stop()
    leader.stop()
    assert not leader.try_to_lead()
    assert not leader.held


def test_a_leader_that_cannot_ask_the_store_does_not_lead(own_cluster: Cluster) -> None:
    with own_cluster.database() as name, open_store(own_cluster.url(name), wait_s=2) as store:
        leader = LeaderPoller(store)
        assert leader.try_to_lead()
        own_cluster.kill()
        with pytest.raises(StoreError):
            leader.try_to_lead()
        assert not leader.held
        own_cluster.start()
        assert leader.try_to_lead()
        leader.stop()

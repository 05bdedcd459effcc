"""The service is killed while registrations come in: what it has acknowledged is there."""

import signal
import threading

import requests

from era_service.wiring.trust import network_key
from era_store import open_store
from eras import Epoch
from tests.web.processes import environment_of, serve
from tests.web.world import Client, registration

WRITERS = 4
BATCH = 20
ACKNOWLEDGED_FIRST = 8
ROUNDS = 3


class Writer(threading.Thread):
    """Sends batches until the service is gone; remembers what was acknowledged, and what was not."""

    def __init__(self, url: str, headers: dict[str, str], name: str, some: threading.Semaphore) -> None:
        super().__init__(name=name, daemon=True)
        self._url, self._headers, self._some = url, headers, some
        self.acknowledged: list[str] = []
        self.unknown: list[str] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        with Client(self._url) as client:
            for number in range(100_000):
                parties = [f"{self.name}-{number}-{n}" for n in range(BATCH)]
                batch = {"registrations": [registration(party) for party in parties]}
                try:
                    answer = client.post("/registrations", json=batch, headers=self._headers)
                except requests.RequestException:
                    self.unknown += parties
                    return
                if answer.status_code != 200 or answer.json()["accepted"] != BATCH:
                    self.wrong.append(answer.text)
                    return
                self.acknowledged += parties
                self._some.release()


def test_no_acknowledged_registration_is_lost(any_world):
    expected: set[str] = set()
    unknown: set[str] = set()
    headers = any_world.headers()
    for attempt in range(ROUNDS):
        with serve(any_world.folder, **environment_of(any_world)) as served:
            with Client(served.url) as client:
                served.wait_until_ready(client)
            some = threading.Semaphore(0)
            writers = [Writer(served.url, headers, f"w{attempt}{n}", some) for n in range(WRITERS)]
            for writer in writers:
                writer.start()
            for _ in range(ACKNOWLEDGED_FIRST):
                assert some.acquire(timeout=60), served.log
            assert served.end(signal.SIGKILL) == -signal.SIGKILL
            for writer in writers:
                writer.join(timeout=60)
                assert not writer.wrong, writer.wrong[0]
                expected |= set(writer.acknowledged)
                unknown |= set(writer.unknown)
        with open_store(any_world.store_url, network=network_key(any_world.settings)) as store:
            kept = {row.party_id for row in store.registrations.newest(Epoch(1))}
            tally = store.registrations.tally(Epoch(1))
            assert expected <= kept, "an acknowledged registration is lost"
            assert kept <= expected | unknown
            assert sum(row.parties for row in tally) == len(kept), "the rollup is of the same transaction"
            in_doubt = kept - expected
            batches = {party.rsplit("-", 1)[0] for party in in_doubt}
            assert len(in_doubt) == BATCH * len(batches), "a batch is there whole, or not at all"
    assert len(expected) >= ROUNDS * ACKNOWLEDGED_FIRST * BATCH

"""Locks between processes, and notices of what other processes changed, on each kind of store."""

import threading
import time
from collections.abc import Iterator

import pytest

from era_store import MemoryStore, SqlStore, Store, open_store
from era_store.ports import Notices
from era_store.sql.locks import take_turn
from eras import StoreError
from tests.era_store.conftest import KEY, trust
from tests.forked import Forked
from tests.postgres import Cluster

FAIL_OVER_S = 60.0

HOLDER = """
import sys, time
from era_store import open_store
store = open_store(sys.argv[1])
lock = store.lock("poller")
print(lock.acquire(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def notices(store: Store) -> Iterator[Notices]:
    made = store.notices()
    yield made
    made.close()
    made.close()


def test_a_lock_is_held_by_one_at_a_time(sql_url: str) -> None:
    with open_store(sql_url) as store, open_store(sql_url) as other:
        first, second, another = store.lock("poller"), other.lock("poller"), other.lock("other")
        assert (first.acquire(), first.acquire(), second.acquire(), another.acquire()) == (True, True, False, True)
        first.release()
        first.release()
        assert second.acquire()
        assert not first.acquire()
        for lock in (first, second, another):
            lock.release()


def test_the_lock_of_a_store_in_memory_is_free() -> None:
    lock = MemoryStore().lock("poller")
    assert lock.acquire()
    lock.release()


def test_a_lock_is_free_soon_after_its_holder_was_killed(sql_url: str) -> None:
    open_store(sql_url).close()
    with Forked(HOLDER, sql_url) as holder:
        assert holder.stdout.readline() == "True\n"
        with open_store(sql_url) as store:
            lock = store.lock("poller")
            assert not lock.acquire()
            holder.kill()
            killed = time.monotonic()
            while not lock.acquire():
                assert time.monotonic() - killed < FAIL_OVER_S
                time.sleep(0.05)
            lock.release()


def test_a_lock_whose_session_broke_is_lost(own_cluster: Cluster) -> None:
    with own_cluster.database() as name, open_store(own_cluster.url(name), wait_s=2) as store:
        lock = store.lock("poller")
        assert lock.acquire()
        own_cluster.kill()
        with pytest.raises(StoreError):
            lock.acquire()
        own_cluster.start()
        assert lock.acquire()
        lock.release()


def test_turns_are_taken_one_after_the_other(postgres_url: str) -> None:
    order: list[str] = []
    begun = threading.Event()
    with open_store(postgres_url) as store:

        def write(name: str, hold_s: float) -> None:
            with store.database.write() as connection:
                take_turn(connection, "a name")
                order.append(f"{name} begins")
                begun.set()
                time.sleep(hold_s)
                order.append(f"{name} ends")

        first = threading.Thread(target=write, args=("first", 0.5))
        first.start()
        assert begun.wait(30)
        write("second", 0)
        first.join()
    assert order == ["first begins", "first ends", "second begins", "second ends"]


def test_a_change_of_another_process_is_noticed_at_once(sql_url: str) -> None:
    with open_store(sql_url) as store, open_store(sql_url) as other:
        notices = store.notices()
        try:
            assert not notices.wait(0.3)
            began = time.monotonic()
            timer = threading.Timer(0.3, lambda: other.trust.save(KEY, trust(), time_s=1.0))
            timer.start()
            assert notices.wait(120)
            assert time.monotonic() - began < 60
            timer.join()
            assert not notices.wait(0.5), "it is told once"
        finally:
            notices.close()


def test_a_change_between_two_waits_is_noticed(store: Store, notices: Notices) -> None:
    store.trust.save(KEY, trust(), time_s=1.0)
    told = isinstance(store, SqlStore)
    assert bool(notices.wait(60 if told else 0.5)) is told


def test_waiting_ends_when_it_is_closed(store: Store) -> None:
    notices = store.notices()
    timer = threading.Timer(0.3, notices.close)
    timer.start()
    began = time.monotonic()
    assert not notices.wait(120)
    assert time.monotonic() - began < 60
    timer.join()
    assert not notices.wait(30)


def test_a_listener_whose_session_broke_listens_again_and_looks(own_cluster: Cluster) -> None:
    with own_cluster.database() as name, open_store(own_cluster.url(name), wait_s=2) as store:
        notices = store.notices()
        try:
            own_cluster.kill()
            assert not notices.wait(1)
            own_cluster.start()
            assert notices.wait(60), "what was told meanwhile was not heard, so it has to look"
            store.trust.save(KEY, trust(), time_s=1.0)
            assert notices.wait(60)
        finally:
            notices.close()

"""A store on PostgreSQL: how each thing that can be wrong is told, and many processes on one database."""

import threading
import time

import pytest

from era_store import SqlStore, StoreFullError, StoreMissingError, StoreUnavailableError, check_store, open_store
from era_store.errors import StoreLockedError
from era_store.sql.schema import HEAD, VERSION_TABLE
from eras import StoreError
from tests.era_store.conftest import KEY, output, trust
from tests.errors import raising
from tests.forked import Forked, ended
from tests.postgres import Cluster


@pytest.fixture
def database(postgres_url: str) -> str:
    """The name of the fresh database."""
    return postgres_url.rpartition("/")[2]


def test_urls_as_operators_write_them(postgres_url: str) -> None:
    for scheme in ("postgresql+psycopg", "postgresql", "postgres"):
        with open_store(postgres_url.replace("postgresql+psycopg", scheme)) as store:
            assert store.database.name == postgres_url


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(StoreUnavailableError, match="Connection refused") as caught:
        open_store("postgresql://era:hush-hush@127.0.0.1:1/eras")
    assert "hush" not in str(caught.value.to_dict())
    assert "era:***@127.0.0.1:1/eras" in str(caught.value)


def test_a_database_that_is_not_there(postgres_url: str) -> None:
    with pytest.raises(StoreMissingError, match="createdb"):
        open_store(f"{postgres_url}_gone")


def test_a_server_that_lets_nobody_in_is_not_waited_for(postgres_url: str) -> None:
    with raising("StoreRefused", match='role "stranger" does not exist'):
        open_store(postgres_url.replace("era@", "stranger@"), patience_s=3600)


def test_a_server_that_is_restarting_is_waited_for(own_cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    own_cluster.execute("CREATE DATABASE eras")
    own_cluster.kill()
    with pytest.raises(StoreUnavailableError):
        open_store(own_cluster.url("eras"), patience_s=0.2)
    assert caplog.text == ""
    starter = threading.Timer(0.2, own_cluster.start)
    starter.start()
    with open_store(own_cluster.url("eras"), patience_s=300.0) as store:
        assert store.trust.load(KEY) is None
    starter.join()
    assert "s more for the store" in caplog.text


def test_an_older_schema_is_upgraded_only_where_that_is_wanted(postgres_url: str) -> None:
    with raising("StoreOutdated", match="db upgrade"):
        open_store(postgres_url, migrate=False)
    open_store(postgres_url).close()
    open_store(postgres_url, migrate=False).close()
    assert check_store(postgres_url).faults == ()


def test_the_database_of_another_program(postgres_url: str, postgres_cluster: Cluster, database: str) -> None:
    postgres_cluster.execute("CREATE TABLE customers (id int)", database)
    with raising("StoreForeign", match="another program"):
        open_store(postgres_url)
    found = postgres_cluster.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database)
    assert found == [(1,)]


def test_a_schema_of_a_newer_version_that_has_contracted(
    postgres_url: str, postgres_cluster: Cluster, database: str
) -> None:
    open_store(postgres_url).close()
    postgres_cluster.execute(f"UPDATE {VERSION_TABLE} SET version_num = 'era_9999'", database)
    postgres_cluster.execute("UPDATE schema_floor SET usable_from = 'era_9000'", database)
    with raising("StoreNewer", match="Upgrade eraswitch"):
        open_store(postgres_url)


def test_a_standby_takes_no_writes(postgres_url: str, postgres_cluster: Cluster, database: str) -> None:
    with open_store(postgres_url) as store:
        saved = store.trust.save(KEY, trust(), time_s=1.0)
    postgres_cluster.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on", "postgres")
    with open_store(postgres_url) as store:
        with raising("StoreReadOnly", match="primary"):
            store.trust.save(KEY, saved, time_s=2.0)
        assert store.trust.load(KEY) == saved


def test_a_user_without_rights(postgres_url: str, postgres_cluster: Cluster, database: str) -> None:
    open_store(postgres_url).close()
    role = f"reader_{database}"
    postgres_cluster.execute(f"CREATE ROLE {role} LOGIN")
    try:
        with raising("StoreReadOnly", match="rights"):
            open_store(postgres_url.replace("era@", f"{role}@"), migrate=False)
    finally:
        postgres_cluster.execute(f"DROP ROLE {role}")


def test_a_lock_held_by_another_is_told_after_the_wait(
    postgres_url: str, postgres_cluster: Cluster, database: str
) -> None:
    with open_store(postgres_url, wait_s=0.3) as store, open_store(postgres_url) as other:
        saved = store.trust.save(KEY, trust(), time_s=1.0)
        with other.database.write() as connection:
            connection.exec_driver_sql("LOCK TABLE trust IN EXCLUSIVE MODE")
            with pytest.raises(StoreLockedError, match=r"within 0\.3 s"):
                store.trust.save(KEY, saved, time_s=2.0)
            assert store.trust.load(KEY) == saved, "reading goes on"
        assert store.trust.save(KEY, saved, time_s=2.0).version == 2


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        ("53100", StoreFullError, "Make room"),
        ("53300", StoreUnavailableError, "max_connections"),
        ("40P01", StoreLockedError, "try again"),
        ("XX001", StoreError, "pg_restore"),
        ("P0001", StoreUnavailableError, "RaiseException"),
    ],
)
def test_what_a_server_says_it_lacks(postgres_url: str, state: str, kind: type[StoreError], words: str) -> None:
    raising = (
        "CREATE FUNCTION lacking() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'a secret value' USING ERRCODE = '{state}'; END $$"
    )
    with open_store(postgres_url) as store:
        saved = store.trust.save(KEY, trust(), time_s=1.0)
        with store.database.write() as connection:
            connection.exec_driver_sql(raising)
            connection.exec_driver_sql("CREATE TRIGGER lacking BEFORE UPDATE ON trust EXECUTE FUNCTION lacking()")
        with pytest.raises(kind, match=words) as caught:
            store.trust.save(KEY, trust(version=1, trusted=output(2)), time_s=2.0)
        assert state != "P0001" or "secret" not in str(caught.value)
        assert store.trust.load(KEY) == saved


def test_a_table_that_a_newer_version_took_away(postgres_url: str, postgres_cluster: Cluster, database: str) -> None:
    with open_store(postgres_url) as store:
        saved = store.trust.save(KEY, trust(), time_s=1.0)
        postgres_cluster.execute("ALTER TABLE trust DROP COLUMN proven", database)
        with raising("StoreNewer", match="upgrade eraswitch"):
            store.trust.save(KEY, saved, time_s=2.0)


def test_a_server_that_dies_and_comes_back(own_cluster: Cluster) -> None:
    with own_cluster.database() as name, open_store(own_cluster.url(name), wait_s=2.0) as store:
        saved = store.trust.save(KEY, trust(), time_s=1.0)
        own_cluster.kill()
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                store.trust.load(KEY)
        assert time.monotonic() - began < 30
        own_cluster.start()
        assert store.trust.load(KEY) == saved
        assert store.trust.save(KEY, saved, time_s=2.0).version == 2


COUNTER = """
import sys
from dataclasses import replace
from era_store import NewEvent, open_store
from era_store.errors import StoreChangedError
from tests.era_store.conftest import KEY, trust
with open_store(sys.argv[1]) as store:
    done = refused = 0
    while done < 25:
        saved = store.trust.load(KEY) or trust(version=0, malformed=0)
        try:
            event = NewEvent("counted", {"n": saved.malformed + 1})
            store.trust.save(KEY, replace(saved, malformed=saved.malformed + 1), [event], time_s=1.0)
            done += 1
        except StoreChangedError:
            refused += 1
    print(refused)
"""


def test_no_change_is_lost_between_processes(sql_url: str) -> None:
    open_store(sql_url).close()
    running = [Forked(COUNTER, sql_url) for _ in range(3)]
    said = [process.stdout.read() for process in running]
    assert ended(running) == [0, 0, 0], said
    with open_store(sql_url) as store:
        found = store.trust.load(KEY)
        assert found is not None
        assert (found.malformed, found.version) == (75, 75)
        assert [event.facts["n"] for event in store.events.read()] == list(range(1, 76))


def test_the_first_of_several_writers_wins(sql_store: SqlStore) -> None:
    url = sql_store.database.url.render_as_string(hide_password=False)
    running = [Forked(FIRST, url) for _ in range(3)]
    said = [process.stdout.read().strip() for process in running]
    assert ended(running) == [0, 0, 0], said
    assert sorted(said) == ["StoreChanged", "StoreChanged", "saved"]


FIRST = """
import sys
from era_store import open_store
from era_store.errors import StoreChangedError
from tests.era_store.conftest import KEY, trust
with open_store(sys.argv[1]) as store:
    try:
        store.trust.save(KEY, trust(), time_s=1.0)
        print("saved")
    except StoreChangedError as error:
        print(error.code)
"""


def test_the_schema_is_at_its_head(postgres_url: str, postgres_cluster: Cluster, database: str) -> None:
    open_store(postgres_url).close()
    assert postgres_cluster.execute(f"SELECT version_num FROM {VERSION_TABLE}", database) == [(HEAD,)]

"""``eraswitch db``: the store is kept by commands, and nothing is overwritten without leave."""

import json
import sqlite3
from pathlib import Path

import pytest

from era_store import open_store
from era_store.sql.schema import HEAD
from tests.era_service.conftest import Shell, invoke


@pytest.fixture
def store(own_folders: Path) -> Path:
    path = own_folders / "store.sqlite3"
    with open_store(str(path)) as made:
        made.events.append("kind", {}, time_s=1.0)
    return path


def events(path: Path | str) -> int:
    with open_store(str(path)) as opened:
        return len(opened.events.read())


def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    result = invoke("db", *arguments, env=env)
    return result.exit_code, result.stdout, result.stderr


def test_upgrade_makes_a_store_and_check_finds_it_sound(own_folders: Path) -> None:
    assert run("upgrade", "--store", "new.sqlite3") == (
        0, f"The store {own_folders}/new.sqlite3 is up to date ({HEAD})\n", "",
    )  # fmt: skip
    code, out, _ = run("check", "--store", "new.sqlite3", "--json")
    assert (code, json.loads(out)) == (
        0, {"store": f"{own_folders}/new.sqlite3", "revision": HEAD, "head": HEAD, "faults": [], "unchecked": []},
    )  # fmt: skip


def test_check_names_every_fault(store: Path) -> None:
    store.chmod(0o640)
    code, out, errors = run("check", "--store", str(store))
    assert (code, out) == (1, f"The store {store} has faults\n")
    assert errors == f"Fault: others can read it (mode 0640): chmod 600 {store}\n"
    assert json.loads(run("check", "--json", "--store", str(store))[1])["faults"]


def test_the_store_is_named_by_a_setting_or_a_flag(store: Path) -> None:
    environ = {"ERASWITCH_STORE__URL": str(store)}
    assert run("check", env=environ)[0] == 0
    assert run("check", "--store", "gone.sqlite3", env=environ)[0] == 1
    result = invoke("db", "check", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (2, "StoreNeeded")
    assert "store.url" in result.stderr


def test_a_backup_and_back(store: Path) -> None:
    assert run("backup", "copy.sqlite3", "--store", str(store)) == (
        0, "The backup copy.sqlite3 is complete and sound\n", "",
    )  # fmt: skip
    with open_store(str(store)) as opened:
        opened.events.append("later", {}, time_s=2.0)
    code, _, errors = run("restore", "copy.sqlite3", "--store", str(store))
    assert code == 1
    assert "add --yes" in errors
    assert events(store) == 2
    assert run("restore", "copy.sqlite3", "--yes", "--store", str(store))[0] == 0
    assert events(store) == 1
    assert run("restore", "copy.sqlite3", "--store", "new.sqlite3")[0] == 0
    assert events("new.sqlite3") == 1


def test_a_backup_is_made_over_a_file_only_with_leave(store: Path) -> None:
    Path("copy").write_text("precious")
    assert run("backup", "copy", "--store", str(store))[0] == 1
    assert Path("copy").read_text() == "precious"
    assert run("backup", "copy", "--yes", "--store", str(store))[0] == 0


@pytest.mark.parametrize("command", ["check", "upgrade", "backup", "restore"])
def test_what_is_no_store_is_told_without_a_traceback(own_folders: Path, command: str) -> None:
    Path("text").write_text("no database " * 200)
    other = sqlite3.connect("other")
    other.execute("CREATE TABLE customers (id)")
    other.close()
    for name, code in (("text", "StoreForeign"), ("other", "StoreForeign"), ("no/folder/store", "StoreMissing")):
        arguments = {"backup": ["copy"], "restore": [name, "--yes"]}.get(command, [])
        target = "fresh" if command == "restore" else name
        result = invoke("db", command, *arguments, "--store", target, "--json")
        assert json.loads(result.stdout)["error"]["code"] == code
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        assert json.loads(result.stdout)["error"]["next_step"]
        assert not Path("copy").exists()
        assert not Path("fresh").exists()


def test_a_password_in_the_url_is_never_shown(shell: Shell) -> None:
    url = "postgresql+psycopg://era:hush-hush@127.0.0.1:1/eras"
    for arguments in (["db", "check", "--store", url], ["config", "show"], ["db", "upgrade", "--debug"]):
        done = shell(*arguments, env={"ERASWITCH_STORE__URL": url})
        assert "hush-hush" not in done.stdout + done.stderr

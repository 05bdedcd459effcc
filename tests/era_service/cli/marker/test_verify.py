"""``marker history --verify``: the chain of publications, proved by what the store keeps, with no provider."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from era_store import open_store
from era_store.sql.trust import SqlVerdicts
from tests.era_service.conftest import invoke
from tests.era_service.release_world import World, datum

STORE = {"ERASWITCH_STORE__URL": "sqlite:///kept.sqlite3"}


@pytest.fixture
def published(world: World) -> list[str]:
    """Three publications, each of which spends the one before, and a copy by a stranger; newest first."""
    for change in (
        ("activate", "thales", "--at", "5"),
        ("announce", "pythagoras"),
        ("activate", "pythagoras", "--at", "8"),
    ):
        assert world.change(*change, env=STORE).exit_code == 0
    world.post(datum(("thales", 5)))
    made = world.transactions()[:3][::-1]
    world.provider = "http://127.0.0.1:1/api/v0"  # from here on, nobody answers
    world.configure()
    return made


def verify(*, code: int = 0) -> dict[str, Any]:
    result = invoke("marker", "history", "--verify", "--json", env=STORE)
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_whole_chain_is_verified_offline(published: list[str]) -> None:
    found = verify()
    assert (found["verified"], found["broken"], found["beside"]) == (True, None, 0)
    assert [link["transaction"] for link in found["payloads"]] == published
    assert [link["spends"] for link in found["payloads"]] == [*published[1:], None]
    assert found["payloads"][0]["markers"][1] == {"name": "pythagoras", "epoch": 8}
    shown = invoke("marker", "history", "--verify", env=STORE)
    assert shown.exit_code == 0
    assert "The chain of 3 publications is verified, back to the first one" in shown.output


def rewrite(transaction: str, content: bytes | None) -> None:
    """Change the bytes that are kept of a publication, as somebody could who can write to the store."""
    with sqlite3.connect(Path("kept.sqlite3")) as connection:
        if content is None:
            connection.execute("DELETE FROM verdict WHERE reference = ?", (transaction,))
        else:
            connection.execute("UPDATE verdict SET content = ? WHERE reference = ?", (content, transaction))
    connection.close()


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(("content", "words"), [(None, "not in the store"), (b"\x80", "not a transaction")])
def test_a_link_that_is_not_true_is_found(published: list[str], place: int, content: bytes | None, words: str) -> None:
    rewrite(published[place], content)
    found = verify(code=1)
    assert (words if content is not None or place == 0 else "no link leads to it") in found["broken"]
    assert len(found["payloads"]) <= place + 1
    assert "is not verified" in invoke("marker", "history", "--verify", env=STORE).output


def test_bytes_that_somebody_else_signed_prove_nothing(published: list[str]) -> None:
    with open_store(STORE["ERASWITCH_STORE__URL"]) as store:
        assert isinstance(store.verdicts, SqlVerdicts)
    with sqlite3.connect(Path("kept.sqlite3")) as connection:
        (other,) = connection.execute("SELECT content FROM verdict WHERE reference = ?", (published[1],)).fetchone()
    connection.close()
    rewrite(published[0], other)
    assert "they are those of" in verify(code=1)["broken"]


def test_publications_with_a_thread_token_are_kept_too(world: World) -> None:
    minted = world.change("activate", "thales", "--at", "5", "--mint-token", "--json", env=STORE)
    first = json.loads(minted.stdout)
    env = STORE | {"ERASWITCH_TRUST__THREAD_TOKEN": first["drafted"]["thread_token"]}
    second = json.loads(world.change("announce", "pythagoras", "--json", env=env).stdout)
    found = json.loads(invoke("marker", "history", "--verify", "--json", env=env).stdout)
    assert [link["transaction"] for link in found["payloads"]] == [second["transaction"], first["transaction"]]


def test_without_a_store_there_is_nothing_to_verify(world: World) -> None:
    result = invoke("marker", "history", "--verify")
    assert result.exit_code == 2
    assert "There is no store to verify" in result.output

"""API tokens and snapshots, on both engines."""

import pytest

from era_store import NewEvent
from era_store.tokens import REGISTRATIONS_WRITE, check_token, new_token
from eras import Epoch
from tests.errors import raising


def test_a_token_is_found_by_its_text_and_by_nothing_else(sql_store):
    text, token = new_token("nodes", [REGISTRATIONS_WRITE], time_s=100.0, expires_at_s=200.0)
    sql_store.tokens.add(token)
    assert sql_store.tokens.find(token.id) == token
    assert check_token(text, sql_store.tokens.find, time_s=150.0) == token
    assert check_token(text, sql_store.tokens.find, time_s=200.0) is None, "it has expired"
    for other in (text[:-1], text + "A", text[:-1] + ("A" if text[-1] != "A" else "B"), token.id, "", "é" * 70):
        assert check_token(other, sql_store.tokens.find, time_s=150.0) is None, other


def test_a_revoked_token_counts_no_more_and_stays_listed(sql_store):
    made = [new_token(f"token {n}", [REGISTRATIONS_WRITE], time_s=float(n)) for n in range(3)]
    for _, token in made:
        sql_store.tokens.add(token)
    revoked = sql_store.tokens.revoke(made[1][1].id, time_s=50.0)
    assert (revoked.revoked_at_s, revoked.state_at(60.0)) == (50.0, "revoked")
    assert sql_store.tokens.revoke(made[1][1].id, time_s=99.0).revoked_at_s == 50.0
    assert check_token(made[1][0], sql_store.tokens.find, time_s=60.0) is None
    assert check_token(made[2][0], sql_store.tokens.find, time_s=60.0) is not None
    assert [token.name for token in sql_store.tokens.all()] == ["token 0", "token 1", "token 2"]
    with raising("TokenNotFound", match="There is no API token with that id"):
        sql_store.tokens.revoke("0" * 16, time_s=1.0)


@pytest.mark.parametrize("scopes", [(), ("everything",), (REGISTRATIONS_WRITE, "everything")])
def test_a_token_allows_only_what_exists(scopes):
    with raising("UnknownScope"):
        new_token("x", scopes, time_s=1.0)


def test_no_token_shows_its_secret():
    text, token = new_token("x", [REGISTRATIONS_WRITE], time_s=1.0)
    assert text.split("_", 2)[2] not in repr(token)
    assert token.secret_hash not in repr(token)
    assert new_token("x", [REGISTRATIONS_WRITE], time_s=1.0)[0] != text


def test_the_newest_snapshot_is_kept_with_what_was_new_in_it(sql_store):
    assert sql_store.snapshots.load("key") is None
    sql_store.snapshots.save("key", b"\x00one", time_s=1.0)
    sql_store.snapshots.save("key", b"two", [NewEvent("activated", {"era": "x"}, Epoch(7))], time_s=2.0)
    sql_store.snapshots.save("other", b"three", time_s=3.0)
    assert sql_store.snapshots.load("key") == (b"two", 2.0)
    assert sql_store.snapshots.load("other").content == b"three"
    assert [(event.kind, event.epoch, event.time_s) for event in sql_store.events.read()] == [("activated", 7, 2.0)]

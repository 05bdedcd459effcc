"""Registrations: who may send them, what becomes of them, and that anyone can count them."""

import json
import re
from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import pytest
from click.testing import CliRunner
from pycardano import StakePoolVerificationKey
from pycardano.crypto.bech32 import decode

from chain_reader.providers.leader.client import LeaderClient
from datum import SigningKey
from era_service.cli.app import cli
from era_service.follower.registrations import fetch_registrations
from era_service.node.service_works import Registering, SupportRule
from era_service.service.client import ServiceClient
from era_service.service.patterns import WORDS
from era_service.service.refusals import Rates
from era_service.service.registering import UNSIGNED
from era_service.wiring.trust import network_key
from era_store import Withdrawal, open_store
from era_store.capability import Capability
from era_store.registrations import Uncounted
from eras import Epoch, SupportedEras
from release_tools.adoption.shares import Base
from release_tools.registrations.judging import FALSE_SIGNATURE, NEGATIVE_STAKE
from release_tools.registrations.signed import (
    RegistrationSignatureError,
    Signed,
    Statement,
    pool_id,
    sort_by_signature,
    speaks_for,
)
from release_tools.registrations.withdrawal import withdraw
from tests.errors import raising
from tests.web.world import World, registration


def post(world, body, **options):
    return world.client.post("/registrations", json=body, headers=options.pop("headers", None) or world.headers())


def test_one_registration_is_taken_once(any_world):
    assert post(any_world, registration()).json() == {
        "accepted": 1, "repeated": 0, "rejected": 0, "rejects": [], "notes": {},
    }  # fmt: skip
    assert post(any_world, registration()).json()["repeated"] == 1
    page = any_world.client.get("/registrations?epoch=1").json()
    assert [(row["party_id"], row["version"], row["stake"]) for row in page["registrations"]] == [
        ("pool1a", "1.0.0", 1_000_000)
    ]
    assert page["registrations"][0]["source"].startswith("api ")


def test_a_batch_is_taken_at_once_and_feeds_adoption(any_world):
    rows = [registration(f"pool1{n:03}", version="2.0.0" if n % 2 else "1.0.0") for n in range(500)]
    assert post(any_world, {"registrations": rows}).json()["accepted"] == 500
    summary = any_world.client.get("/adoption/summary").json()
    shares = {row["version"]: row["share"] for row in summary["versions"]}
    assert shares == {"1.0.0": 0.5, "2.0.0": 0.5}
    gate = any_world.client.get("/adoption/gate?era=lagrange").json()
    assert (gate["met"], gate["threshold"], gate["share"]["share"]) == (False, 0.8, 0.5)
    forecast = any_world.client.get("/adoption/forecast?era=lagrange&at=9").json()
    assert (forecast["era"], forecast["at"], len(forecast["epochs"]) > 0) == ("lagrange", 9, True)


def test_the_history_has_the_epochs_that_are_asked_for_as_the_summary_has_each(world, monkeypatch):
    world.enter(4)
    for epoch, ready in ((1, 1), (2, 2), (4, 3)):
        rows = [registration(f"pool1{n}", epoch=epoch, version=f"{1 + (n < ready)}.0.0") for n in range(4)]
        post(world, {"registrations": rows})
    post(world, registration(epoch=5))  # which has not begun

    def history(query=""):
        return world.client.get(f"/adoption/history{query}").json()

    whole = history()
    ready = [one["eras"][1]["registered"]["share"] for one in whole["epochs"]]
    assert ([one["epoch"] for one in whole["epochs"]], ready) == ([1, 2, 4], [0.25, 0.5, 0.75])
    assert (whole["gate_threshold"], whole["earlier"]) == (0.8, None)
    summary = world.client.get("/adoption/summary?epoch=2").json()
    assert whole["epochs"][1]["versions"] == summary["versions"]
    assert [one["epoch"] for one in history("?from=2&to=5")["epochs"]] == [2, 4, 5]
    monkeypatch.setattr("era_service.service.adoption.MAX_HISTORY", 2)
    assert ([one["epoch"] for one in history("?from=1")["epochs"]], history("?from=1")["earlier"]) == ([2, 4], 1)
    assert history("?from=6")["code"] == history("?from=3&to=2")["code"] == "NoRegistrations"
    assert history("?from=-1")["code"] == "RequestInvalid"


def test_the_version_may_come_from_the_header(world):
    headers = world.headers() | {"signer-node-version": "0.3.12+abc"}
    post(world, registration(version=None), headers=headers)
    assert world.client.get("/registrations?epoch=1").json()["registrations"][0]["version"] == "0.3.12+abc"


def test_pages_end_and_hold_every_party_once(world):
    post(world, {"registrations": [registration(f"pool1{n:03}", stake=1_000 - n) for n in range(25)]})
    seen, after = [], ""
    while after is not None:
        page = world.client.get(f"/registrations?epoch=1&limit=10{f'&after={after}' if after else ''}").json()
        seen += [row["party_id"] for row in page["registrations"]]
        after = page["next"]
    assert seen == [f"pool1{n:03}" for n in range(25)]
    assert world.client.get("/registrations?epoch=1&after=nobody").json()["registrations"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "MalformedRequest"),
        (b"{", 400, "MalformedRequest"),
        (b"\xff", 400, "MalformedRequest"),
        (b"[]", 422, "RequestInvalid"),
        (b"null", 422, "RequestInvalid"),
        (b'{"registrations":[]}', 422, "RequestInvalid"),
        (b'{"registrations":{}}', 422, "RequestInvalid"),
    ],
)
def test_a_body_that_holds_no_registrations_is_refused_whole(still_world, body, status, code):
    headers = still_world.headers() | {"content-type": "application/json"}
    answer = still_world.client.post("/registrations", data=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["expected"] == 'one registration, or {"registrations": […]} with 1 to 5000'
    assert still_world.client.get("/registrations?epoch=1").json()["registrations"] == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (registration(stake=-1), "stake is negative"),
        (registration(stake=1.5), "stake is not a whole number"),
        (registration(stake=True), "stake is not a whole number"),
        (registration(stake=45 * 10**15 + 1), "stake is more ada than exists"),
        (registration(epoch=1_000_001), "epoch is in the far future"),
        (registration(""), "party_id is missing"),
        (registration("x" * 201), "party_id cannot be printed, or is too long"),
        (7, "it is not a JSON object"),
    ],
)
def test_a_registration_that_is_none_is_refused_by_its_field_and_spoils_no_other(still_world, wrong, reason):
    alone = post(still_world, {"registrations": [wrong]})
    assert alone.status_code == 422
    assert (alone.json()["accepted"], alone.json()["rejected"]) == (0, 1)
    assert alone.json()["rejects"][0]["reason"] == reason
    among = post(still_world, {"registrations": [registration("good"), wrong]})
    assert among.status_code == 207
    assert (among.json()["accepted"] + among.json()["repeated"], among.json()["rejected"]) == (1, 1)
    assert among.json()["rejects"][0] | {"party_id": ""} == {"index": 1, "party_id": "", "reason": reason}


@pytest.mark.parametrize(
    ("odd", "note"),
    [
        ({"epoch": "1"}, None),
        ({"stake": "5"}, None),
        ({"seen_at": "2020-01-01T00:00:00Z", "time_s": None}, None),
        ({"nothing": 1}, "'nothing' is not a field of registrations: counted without it"),
        ({"signature": "00"}, "key, signature and time_s are not all given: counted as unsigned"),
        ({"time_s": "soon"}, "seen_at cannot be read: counted as the oldest of its party"),
    ],
)
def test_the_records_of_files_are_taken_over_http_too(still_world, odd, note):
    answer = post(still_world, registration(f"pool1{len(odd)}{note}"[:40]) | odd)
    assert (answer.status_code, answer.json()["rejected"]) == (200, 0)
    assert answer.json()["notes"] == ({} if note is None else {note: 1})


def test_a_field_that_is_there_twice_and_a_number_of_thousands_of_digits_spoil_no_other(still_world):
    twice = '{"party_id": "a", "epoch": 1, "stake": 1, "stake": 2}'  # its version is that of the header
    long = '{"party_id": "b", "epoch": 1, "stake": %s}' % ("9" * 5_000)
    headers = still_world.headers() | {"content-type": "application/json", "signer-node-version": "0.3.12"}
    body = f'{{"registrations": [{twice}, {long}, {json.dumps(registration("twin"))}]}}'
    answer = still_world.client.post("/registrations", data=body, headers=headers)
    assert (answer.status_code, answer.json()["accepted"]) == (207, 1)
    reasons = [one["reason"] for one in answer.json()["rejects"]]
    assert reasons == ["the field 'stake' appears twice", "stake is not a whole number"]


def test_every_pattern_of_the_description_has_its_words(still_world):
    described = json.dumps(still_world.client.get("/openapi.json").json())
    found = {json.loads(f'"{text}"') for text in re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', described)}
    assert found == set(WORDS)
    answer = still_world.client.get("/era/history?before=x", headers={"mithril-api-version": "0.1.0"})
    assert answer.json()["got"] == "query.before: it should be 64 hex digits in lower case"


def test_another_media_type_is_refused(still_world):
    headers = still_world.headers() | {"content-type": "text/plain"}
    answer = still_world.client.post("/registrations", data="{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "MediaType")


def test_one_wrong_registration_spoils_no_other_and_leaves_a_trace(world):
    forged = signed_registration(SigningKey.generate()) | {"version": "9.9.9", "stake": 7}
    future = registration("pool1c", time_s=int(world.now_s) + 3_600)
    answer = post(world, {"registrations": [registration(), forged, future]})
    found = answer.json()
    assert (answer.status_code, found["accepted"], found["rejected"]) == (207, 2, 1)
    assert [reject["index"] for reject in found["rejects"]] == [1]
    assert "was not signed by" in found["rejects"][0]["reason"]
    newest = world.service.store.registrations.newest(Epoch(1))
    assert all(row.seen_at_s <= world.now_s for row in newest), "unsigned, it is of now at the latest"
    assert world.service.store.registrations.uncounted(Epoch(1)) == Uncounted(1, 7)


# --- who may


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic abc", "Bearer eraswitch_0123456789abcdef_" + "A" * 43]
)
def test_without_a_token_that_counts_nothing_is_taken(still_world, authorization):
    headers = {} if authorization is None else {"authorization": authorization}
    answer = still_world.client.post("/registrations", json=registration(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "TokenNeeded")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_counts_until_it_expires_or_is_revoked(any_world):
    expiring = {"authorization": f"Bearer {any_world.token(expires_at_s=any_world.now_s + 10)}"}
    assert post(any_world, registration(), headers=expiring).status_code == 200
    any_world.now_s += 11
    assert post(any_world, registration(), headers=expiring).status_code == 401
    text = any_world.token()
    revoked = {"authorization": f"Bearer {text}"}
    assert post(any_world, registration(), headers=revoked).status_code == 200
    any_world.service.store.tokens.revoke(text.split("_")[1], time_s=any_world.now_s)
    assert post(any_world, registration(), headers=revoked).status_code == 401


def test_what_came_with_a_stolen_token_is_taken_back_for_all_replicas(any_world):
    world = any_world
    headers = world.headers()
    world.client.post("/registrations", json=registration(version="9.9.9"), headers=world.headers())
    world.client.post("/registrations", json=registration("pool1b", epoch=0), headers=headers)
    (stolen,) = {row.source for row in world.service.store.registrations.newest(Epoch(1))}
    with closing(open_store(world.store_url, network=network_key(world.settings))) as operators:
        found = withdraw(operators, Withdrawal(stolen, "it was stolen", Epoch(0)), clock=lambda: world.now_s)
    assert found == {1: 1}
    assert world.client.get("/registrations", params={"epoch": 1}).json()["registrations"] == []
    assert world.client.get("/adoption/summary").json()["epoch"] == 0
    assert "registrations-withdrawn" in {event["kind"] for event in world.client.get("/events").json()["events"]}


def test_a_token_is_no_more_than_its_hash_in_the_store(any_world):
    secret = any_world.token().split("_", 2)[2]  # which may hold one itself
    (kept,) = any_world.service.store.tokens.all()
    assert secret not in repr(kept)
    assert kept.secret_hash not in repr(kept)
    assert secret not in kept.secret_hash


def test_a_public_service_takes_nothing(tmp_path):
    with World(tmp_path, service={"public": True}) as world:
        answer = post(world, registration())
        assert (answer.status_code, answer.json()["code"]) == (403, "NotAllowed")


def test_a_body_beyond_the_limit_is_refused(tmp_path):
    with World(tmp_path, service={"max_body_bytes": 1_000}) as world:
        big = json.dumps({"registrations": [registration()] * 20}).encode()
        told = world.client.post(
            "/registrations", data=big, headers=world.headers() | {"content-type": "application/json"}
        )
        untold = world.client.post(
            "/registrations", data=iter([big]), headers=world.headers() | {"content-type": "application/json"}
        )
        for answer in (told, untold):
            assert (answer.status_code, answer.json()["code"]) == (413, "BodyTooLarge")
            assert answer.headers["era-id"]
        assert world.client.get("/registrations?epoch=1").json()["registrations"] == []


def test_whoever_writes_too_often_is_told_when_to_come_back(tmp_path):
    with World(tmp_path, service={"writes_per_s": 0.5, "write_burst": 2}) as world:
        headers = world.headers()
        answers = [post(world, registration(time_s=n), headers=headers) for n in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 4
        assert post(world, registration()).status_code == 200, "another token has a rate of its own"
        wrong = [world.client.post("/registrations", json={}).status_code for _ in range(4)]
        assert wrong == [401, 401, 429, 429], "tokens cannot be tried at speed"
        assert world.client.get("/era/status").status_code == 200


def test_a_rate_fills_up_again_and_remembers_few():
    now = [0.0]
    rates = Rates(2.0, 3, lambda: now[0])
    for _ in range(3):
        rates.take("a")
    with raising("TooManyRequests") as refused:
        rates.take("a")
    assert refused.value.facts["retry_after_s"] == 1
    rates.take("b")
    now[0] += 0.5
    rates.take("a")
    with raising("TooManyRequests"):
        rates.take("a")
    for client in range(20_000):
        rates.take(str(client))
    assert len(rates._buckets) == 10_000


# --- signatures


def signed_registration(key: SigningKey, magic: int | None = 42, **changes):
    row = registration(key.verification_key.hex, **changes)
    statement = Statement(
        magic,
        row["party_id"],
        Epoch(row["epoch"]),
        row["version"],
        row["stake"],
        row["time_s"],
        Capability.of(row.get("capability")),
    )
    signed = statement.sign(key)
    return row | {"key": signed.key, "signature": signed.signature}


def test_a_signed_registration_is_handed_on_with_its_signature(any_world):
    row = signed_registration(SigningKey.generate())
    assert post(any_world, row).json()["accepted"] == 1
    (found,) = any_world.client.get("/registrations?epoch=1").json()["registrations"]
    assert {name: found[name] for name in row} == row
    assert found["seen_at_s"] == row["time_s"]


KEY = SigningKey(bytes(31) + b"\1")


def stating(stake: int) -> dict[str, object]:
    """A registration whose party signs that another stake was stated."""
    return signed_registration(KEY, stake=stake) | {"stake": 5, "stated_stake": stake}


@pytest.mark.parametrize(
    ("row", "is_taken"),
    [
        (signed_registration(KEY, version="0.2 béta " + "1" * 90), True),
        (signed_registration(KEY) | {"key": KEY.verification_key.hex.upper()}, False),
        (signed_registration(KEY) | {"signature": signed_registration(KEY)["signature"].upper()}, False),
        (signed_registration(KEY, time_s=-5), False),
        (signed_registration(KEY, time_s=10**400), False),
        (stating(7), True),
        (stating(-1), False),
        (stating(2**64), False),
    ],
)
def test_nothing_that_a_party_signs_keeps_others_from_the_registrations(world, row, is_taken):
    answer = world.client.post("/registrations", json=row)
    assert (answer.status_code, answer.json().get("accepted", 0)) == ((200, 1) if is_taken else (401, 0))
    assert world.client.get("/registrations?epoch=1").status_code == 200
    with closing(LeaderClient(world.client.url)) as leader:
        assert len(fetch_registrations(leader, 42, "leader", 1, None, now_s=world.now_s)) == int(is_taken)


@pytest.mark.parametrize("changes", [{"party_id": "pool 1é"}, {"party_id": "p" * 200}, {"version": "0.2 béta"}])
def test_a_follower_takes_whatever_name_and_version_the_leader_took(world, changes):
    assert post(world, {"registrations": [registration() | changes, registration("z")]}).json()["accepted"] == 2
    with closing(LeaderClient(world.client.url)) as leader:
        assert len(fetch_registrations(leader, 42, "leader", 1, None, now_s=world.now_s)) == 2
        page = leader.registrations(1, changes.get("party_id", "pool1a"), leader.until())
    assert [one.party_id for one in page.registrations] == ["z"]


def test_what_its_party_signs_needs_no_token_and_counts_with_the_stake_that_is_known(world):
    key, stranger = SigningKey.generate(), SigningKey.generate()
    signed = signed_registration(key, stake=10**15, version="2.0.0")
    assert post(world, registration(key.verification_key.hex, stake=70, epoch=0)).json()["accepted"] == 1
    for row in (signed, signed_registration(stranger, stake=10**15)):
        assert world.client.post("/registrations", json=row).json()["accepted"] == 1
    rows = {row["party_id"]: row for row in world.client.get("/registrations?epoch=1").json()["registrations"]}
    found = [(rows[one.verification_key.hex]["stake"], rows[one.verification_key.hex]["stated_stake"])
             for one in (key, stranger)]  # fmt: skip
    assert found == [(70, 10**15), (0, 10**15)], "nobody grows by what it says of itself"
    assert {row["source"] for row in rows.values()} == {"signed by its party"}
    newest = list(world.service.store.registrations.newest(Epoch(1)))
    assert len(sort_by_signature(newest, 42).verified) == 2, "anyone can still verify it"
    counted = run("adoption", "summary", "--from-service", world.client.url, "--verify", "--json")
    assert counted.exit_code == 0, counted.output
    assert "of 2 the stake is the service's figure, not the one that was signed" in counted.stderr
    again = signed_registration(key, stake=0, time_s=int(world.now_s))
    assert post(world, again).json()["accepted"] == 1
    assert next(iter(world.service.store.registrations.newest(Epoch(1)))).stake == 70, "0 is taken from what is known"
    post(world, registration(key.verification_key.hex, version="9.9.9", time_s=int(world.now_s)))
    assert next(iter(world.service.store.registrations.newest(Epoch(1)))).seen_at_s == again["time_s"]


def test_without_a_token_nothing_but_signed_registrations_leaves_a_trace(world):
    key = SigningKey.generate()
    forged = signed_registration(key) | {"version": "9.9.9"}
    rows = [signed_registration(key), registration("pool1a"), registration(stake=-1), forged]
    answer = world.client.post("/registrations", json={"registrations": rows})
    assert (answer.status_code, answer.json()["accepted"]) == (207, 1)
    assert [reject["reason"] for reject in answer.json()["rejects"]] == [UNSIGNED, NEGATIVE_STAKE, FALSE_SIGNATURE]
    assert world.service.store.registrations.rejects() == ()
    assert world.service.store.registrations.uncounted(Epoch(1)) == Uncounted()
    for sent in (forged, {"registrations": [signed_registration(key)] * 21}):
        assert world.client.post("/registrations", json=sent).json()["code"] == "TokenNeeded"


def test_a_party_signs_so_often_and_an_operator_may_ask_for_a_token_all_the_same(tmp_path):
    with World(tmp_path) as world:
        rows = [signed_registration(SigningKey.generate()) for _ in range(2)]
        statuses = [world.client.post("/registrations", json=rows[0]).status_code for _ in range(21)]
        assert statuses == [200] * 20 + [429]
        assert world.client.post("/registrations", json=rows[1]).status_code == 200, "another party has its own rate"
        section = world.settings.service.model_copy(update={"signed_without_token": False})
        world.service.reconfigure(world.settings.model_copy(update={"service": section}))
        assert world.client.post("/registrations", json=rows[1]).json()["code"] == "TokenNeeded"


def test_a_watched_node_registers_and_asks_how_much_stake_supports_its_era(world):
    key, marker_key = SigningKey.generate(), world.stage.era_key.verification_key
    party, url = pool_id(key.verification_key.hex), world.client.url
    post(world, {"registrations": [registration(party, stake=60, epoch=0), registration("pool1b", stake=40)]})
    work = Registering(url, key, marker_key, SupportedEras(("pythagoras", "lagrange")), network_magic=42)
    kind, facts = work.run((Epoch(1), work.capability()))
    assert (kind, facts["party"], facts["stake"], facts["eras"]) == (
        "registered", party, "not stated", "lagrange, pythagoras",
    )  # fmt: skip
    counted = world.client.get("/adoption/summary?epoch=1").json()
    (lagrange,) = [one for one in counted["eras"] if one["era"] == "lagrange"]
    assert [lagrange["registered"][name] for name in ("stake", "by_capability", "by_version")] == [60, 60, 0]
    for threshold, kind in ((60, "supported"), (61, "thin-support")):
        found = SupportRule(url, Fraction(threshold, 100), marker_key).run((4, "lagrange"))
        assert (found[0], found[1]["share"], found[1]["threshold"]) == (kind, "60.0 %", f"{threshold}.0 %")
    with raising("ChainRead", match="does not know the stake that supports the era thales"):
        SupportRule(url, Fraction(1), marker_key).run((4, "thales"))


@pytest.mark.parametrize(
    "change",
    [
        {"stake": 2_000_000},
        {"version": "2.0.0"},
        {"epoch": 2},
        {"time_s": 1_001},
        {"party_id": "pool1a"},
        {"key": SigningKey.generate().verification_key.hex},
        {"signature": "00" * 64},
    ],
)
def test_a_signature_of_something_else_is_refused(still_world, change):
    found = post(still_world, signed_registration(SigningKey.generate()) | change).json()
    assert (found["accepted"], found["rejected"]) == (0, 1)


ABLE = {"eras": ["pythagoras", "thales"], "switches": "ab" * 32, "loaded": ["thales"]}


def test_what_a_node_can_do_is_signed_and_handed_on(still_world):
    row = signed_registration(SigningKey.generate(), capability=ABLE)
    assert post(still_world, row).json()["accepted"] == 1
    told = still_world.client.get("/registrations?epoch=1&limit=1000").json()["registrations"]
    (found,) = [one for one in told if one["party_id"] == row["party_id"]]
    assert {name: found[name] for name in row} == row


@pytest.mark.parametrize("capability", [None, ABLE | {"loaded": ["pythagoras"]}, ABLE | {"switches": None}])
def test_nobody_changes_or_removes_what_a_node_has_signed_that_it_can_do(still_world, capability):
    row = signed_registration(SigningKey.generate(), capability=ABLE)
    assert post(still_world, row | {"capability": capability}).json()["rejected"] == 1


def test_nobody_adds_what_a_node_has_not_signed_that_it_can_do(still_world):
    row = signed_registration(SigningKey.generate())
    assert post(still_world, row | {"capability": ABLE}).json()["rejected"] == 1


def test_a_signature_for_another_network_is_refused(still_world):
    assert post(still_world, signed_registration(SigningKey.generate(), magic=1)).json()["rejected"] == 1


def test_an_old_signed_registration_sent_again_gains_nothing(world):
    key = SigningKey.generate()
    old, new = (signed_registration(key, version=v, time_s=t) for v, t in (("1.0.0", 10), ("2.0.0", 20)))
    for row in (new, old):
        assert post(world, row).json()["accepted"] == 1
    (found,) = world.client.get("/registrations?epoch=1").json()["registrations"]
    assert found["version"] == "2.0.0"


def test_nobody_with_a_token_speaks_for_a_party_that_has_signed(any_world):
    own = signed_registration(SigningKey.generate())
    stolen = own | {"key": None, "signature": None, "version": "9.9.9", "time_s": 1_001}
    assert post(any_world, stolen | {"epoch": 2}).json()["accepted"] == 1, "it has signed none for that epoch"
    assert post(any_world, own).json()["accepted"] == 1
    others = [registration(f"pool1{n}", time_s=1_002) for n in range(600)]
    found = post(any_world, {"registrations": [others[0], stolen, *others[1:], stolen]}).json()
    assert (found["accepted"], found["rejected"]) == (600, 2)
    assert [one["index"] for one in found["rejects"]] == [1, 601]
    assert "its party has signed one for this epoch" in found["rejects"][0]["reason"]
    told = {
        row["party_id"]: row
        for row in any_world.client.get("/registrations?epoch=1&limit=1000").json()["registrations"]
    }
    assert (told[own["party_id"]]["version"], told[own["party_id"]]["signature"]) == (own["version"], own["signature"])
    again = own | {"time_s": 1_003}
    assert post(any_world, again).json()["rejected"] == 1, "what it has signed is of another time"


def test_what_is_dated_ahead_counts_no_more_than_what_its_party_signs_then(world):
    now_s = int(world.now_s)
    own = signed_registration(SigningKey.generate(), time_s=now_s + 1)
    ahead = own | {"key": None, "signature": None, "version": "9.9.9", "time_s": now_s + 200}
    assert post(world, ahead).json()["accepted"] == 1
    (found,) = world.client.get("/registrations?epoch=1").json()["registrations"]
    assert found["seen_at_s"] == world.now_s
    world.now_s += 1
    assert post(world, own).json()["accepted"] == 1
    (found,) = world.client.get("/registrations?epoch=1").json()["registrations"]
    assert found["version"] == own["version"]


def test_the_signed_bytes_are_fixed():
    """Nodes of other versions sign them: they must never change."""
    statement = Statement(2, "pool1é", Epoch(7), None, 5, 9)
    assert (
        statement.message
        == (
            '{"epoch":7,"kind":"eraswitch-registration-1","network_magic":2,"party_id":"pool1é","stake":5,"time_s":9,'
            '"version":null}'
        ).encode()
    )
    able = replace(statement, capability=Capability(("a", "b"), None, ("a",)))
    assert (
        able.message
        == (
            '{"capability":{"eras":["a","b"],"loaded":["a"],"switches":null},"epoch":7,'
            '"kind":"eraswitch-registration-1","network_magic":2,"party_id":"pool1é","stake":5,"time_s":9,'
            '"version":null}'
        ).encode()
    )


def test_a_pool_id_is_the_hash_of_its_key():
    key = SigningKey.generate().verification_key
    hashed = StakePoolVerificationKey(key.raw).hash()
    assert pool_id(key.hex).startswith("pool1")
    assert bytes(decode(pool_id(key.hex))) == hashed.payload
    assert speaks_for(key.hex, pool_id(key.hex))
    assert not speaks_for(SigningKey.generate().verification_key.hex, pool_id(key.hex))


def test_a_key_that_somebody_vouches_for_speaks_for_any_party():
    key = SigningKey.generate()
    statement = Statement(42, "acme", Epoch(1), "1.0.0", 5, 9)
    signed = statement.sign(key)
    signed.verify(statement, party_key=key.verification_key.hex)
    with pytest.raises(RegistrationSignatureError, match="is not the key of acme"):
        signed.verify(statement)
    with pytest.raises(RegistrationSignatureError, match="is not the key of acme"):
        signed.verify(statement, party_key="00" * 32)
    assert Signed.from_bytes(signed.to_bytes()) == signed
    assert Signed.from_bytes(b"{}") is None
    assert Signed.from_bytes(b'{"key":"zz","signature":"","time_s":1}') is None


# --- counting for oneself


@pytest.fixture
def registered(world):
    """Two parties have signed, one has not."""
    token = world.token()
    key = world.stage.era_key.verification_key
    client = ServiceClient(world.client.url, key, token=token, network_magic=42)
    for stake, version in ((60, "2.0.0"), (30, "1.0.0")):
        party = SigningKey.generate()
        client.register(party.verification_key.hex, Epoch(1), stake, version, key=party)
    client.register("pool1a", Epoch(1), 910, "1.0.0")
    client.close()
    return world


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_anyone_can_work_out_the_adoption(registered, tmp_path):
    common = ("adoption", "summary", "--from-service", registered.client.url, "--json")
    table = ("--compatibility", tmp_path / "compatibility.toml")
    all_of_it = run(*common, *table)
    verified = run(*common, *table, "--verify")
    shares = []
    for result in (all_of_it, verified):
        assert result.exit_code == 0, result.output
        (epoch,) = json.loads(result.stdout)["epochs"]
        shares.append({era["era"]: era["registered"]["share"] for era in epoch["eras"]}["lagrange"])
    assert shares == [pytest.approx(0.06), pytest.approx(2 / 3)]
    assert "3 registrations, 2 of them signed" in verified.stderr
    assert "the 1 that nobody signed are not counted" in verified.stderr


def test_a_service_that_alters_a_signed_registration_is_found_out(registered):
    store = registered.service.store.registrations
    signed = next(row for row in store.newest(Epoch(1)) if row.signed is not None)
    store.ingest([signed._replace(stake=signed.stake * 9)], source="lie", time_s=1)
    result = run("adoption", "summary", "--from-service", registered.client.url, "--verify")
    assert result.exit_code != 0
    assert "not signed by" in result.stderr
    assert len(sort_by_signature(store.newest(Epoch(1)), 42).refused) == 1


def test_an_epoch_of_the_far_future_is_refused_and_a_later_one_opens_no_gate(world):
    receipt = post(world, {"registrations": [registration(epoch=7), registration(epoch=6), registration()]}).json()
    assert (receipt["accepted"], receipt["rejected"]) == (2, 1)
    assert receipt["rejects"][0]["reason"] == "epoch is in the far future"
    post(world, registration("ready", epoch=6, version="9.0.0", stake=10**12))
    gate = world.client.get("/adoption/gate?era=lagrange").json()
    assert (gate["met"], gate["epoch"]) == (False, 1)
    assert world.client.get("/adoption/summary").json()["epoch"] == 1
    assert world.client.get("/adoption/forecast?era=lagrange&at=9").json()["now"]["epoch"] == 1


def test_while_the_chain_cannot_be_read_later_epochs_are_taken(world):
    world.now_s += 10**7
    assert world.client.get("/era/status").json()["stale"] is not None
    assert post(world, registration(epoch=7)).json()["accepted"] == 1
    assert world.client.get("/adoption/summary").json()["epoch"] == 7


def test_the_client_says_why_it_was_refused(world):
    client = ServiceClient(world.client.url, world.stage.era_key.verification_key)
    with raising("RegistrationRefused", match="Writing needs an API token"):
        client.register("pool1a", Epoch(1), 5, None)
    client.close()
    client = ServiceClient(world.client.url, world.stage.era_key.verification_key, token=world.token())
    with raising("RegistrationRefused", match="epoch is in the far future"):
        client.register("pool1a", Epoch(2**30), 5, None)
    client.close()


def test_verify_belongs_to_a_service():
    assert run("adoption", "summary", "--verify").exit_code == 2
    assert run("adoption", "summary", "--from", "x", "--from-service", "http://x").exit_code == 2


def test_a_service_that_does_not_know_the_support_says_why(world):
    with closing(ServiceClient(world.client.url, world.stage.era_key.verification_key)) as client:
        with raising("ProviderNotFound", match="There are no registrations") as caught:
            client.support("pythagoras", Base.REGISTERED)
        assert "ask its operators" in str(caught.value)
        assert "caught up with the chain" not in str(caught.value)

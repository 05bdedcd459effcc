"""The follower: what is taken from a leader, when, and that a leader that lies changes nothing and is reported."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain_reader import Checkpoint, DatumOutput
from chain_reader.providers.leader.walk import LeaderHistoryError, followed
from chain_reader.providers.transport.errors import ProviderOfOtherNetworkError, ReadLimitExceededError
from datum import ERA, SigningKey
from era_service.config.load import load_settings
from era_service.config.schema import Settings
from era_service.follower.registrations import EMPTY_EPOCHS
from era_service.follower.sync import SyncReport, sync
from era_service.service.client import ServiceClient
from era_service.wiring.trust import trust_policy
from era_store import SqlStore, StoredTrust, open_store
from era_store.capability import Capability
from era_store.errors import StoreChangedError
from eras import ChainReadError, ConfigurationError, Epoch
from release_tools import PaymentKey
from release_tools.registrations.signed import Statement
from tests.era_service.leader_stub import (
    ADDRESS,
    Leader,
    configurations,
    entry,
    growing,
    history,
    publication,
    running,
)
from tests.era_service.release_world import ERA_KEY, MAGIC, payload
from tests.errors import raising

THIEF = SigningKey(bytes(range(7, 39)))


def configured(leader: str | None, extra: str = "", address: str = ADDRESS, genesis: str = "") -> Settings:
    """The settings of a follower, from a file in the working folder."""
    follows = "" if leader is None else f'[follower]\nleader = "{leader}"\n'
    Path("eraswitch.toml").write_text(
        f"""network = "rehearsal"
        [networks.rehearsal]
        magic = {MAGIC}
        era_address = "{address}"
        verification_key = "{ERA_KEY.verification_key.hex}"
        supported_eras = ["thales", "pythagoras"]
        {genesis}
        [limits]
        retry_budget_s = 5.0
        max_pages = 50
        {follows}
        {extra}
        """
    )
    return load_settings(None).settings


@pytest.fixture
def leader() -> Iterator[Leader]:
    with running(Leader()) as made:
        yield made


@pytest.fixture
def store(sql_url: str) -> Iterator[SqlStore]:
    with open_store(sql_url) as made:
        yield made


@pytest.fixture
def follow(leader: Leader, store: SqlStore) -> Callable[..., SyncReport]:
    settings = configured(leader.url)

    def once(**options: Any) -> SyncReport:
        return sync(settings, store, clock=lambda: 1_000.0, **options)

    return once


def known(store: SqlStore) -> StoredTrust | None:
    return store.trust.load(trust_policy(load_settings(None).settings).key)


def names(store: SqlStore) -> list[str]:
    found = known(store)
    assert found is not None
    assert found.trusted is not None
    return [marker.name for marker in found.trusted.markers]


def test_a_follower_with_nothing_takes_it_all(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]
) -> None:
    report = follow()
    assert (report.reason, report.payloads, report.taken, report.epoch) == ("empty", 3, 3, 5)
    assert report.trusted == leader.entries[0]["output"]
    assert names(store) == ["thales", "era0", "era1"]
    found = known(store)
    assert found is not None
    assert [one.digest for one in followed(found)] == [one["digest"] for one in leader.entries]
    assert (found.version, found.tip_slot, found.epoch, found.complete) == (1, 500, 5, True)
    assert [event.kind for event in store.events.read()][-1] == "followed"


def test_then_only_what_is_new(leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]) -> None:
    leader.page = 2
    leader.entries = history(*growing(9))
    assert follow().taken == 9
    assert leader.pages() == 5
    leader.asked.clear()
    before = known(store)
    assert follow().reason == "nothing-new"
    assert leader.pages() == 1
    assert known(store) == before
    leader.entries = history(*growing(11))
    report = follow()
    assert (report.reason, report.payloads, report.taken) == ("new", 11, 2)
    assert names(store)[-1] == "era9"


def test_by_force_all_of_it_is_taken_anew(leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]) -> None:
    follow()
    leader.entries = history(payload(("thales", 1)), payload(("thales", 1), ("other", 9)))
    with pytest.raises(LeaderHistoryError, match="a fork"):
        follow()
    assert names(store) == ["thales", "era0", "era1"]
    report = follow(force=True)
    assert (report.reason, report.payloads) == ("forced", 2)
    assert names(store) == ["thales", "other"]
    found = known(store)
    assert found is not None
    assert found.version == 2


def test_another_genesis_is_followed_from_its_beginning(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]
) -> None:
    follow()
    seed = bytes(range(1, 33))
    other = PaymentKey(seed).address(0)
    with pytest.raises(ProviderOfOtherNetworkError, match="other markers"):
        sync(configured(leader.url, address=other), store)
    leader.network["era_address"] = other
    leader.entries = history(*growing(3), seed=seed)
    report = sync(configured(leader.url, address=other), store)
    assert (report.reason, report.taken) == ("genesis-changed", 3)


def test_a_leader_behind_takes_nothing_back(leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]) -> None:
    follow()
    before = known(store)
    leader.entries = leader.entries[1:]
    report = follow()
    assert (report.reason, report.taken) == ("behind", 0)
    assert before is not None
    assert before.trusted is not None
    assert report.trusted == f"{before.trusted.transaction}#0"
    assert known(store) == before


def test_a_payload_that_comes_again_counts_where_it_was_first(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]
) -> None:
    first, second = payload(("thales", 1)), payload(("thales", 1), ("pythagoras", 50))
    leader.entries = history(first, second, second, first, second)
    report = follow()
    assert (report.payloads, report.taken) == (2, 2)
    assert report.trusted == leader.entries[0]["output"]
    assert names(store) == ["thales", "pythagoras"]


@pytest.mark.parametrize("form", ["{url}", "{url}/", "{url}//"])
@pytest.mark.parametrize("prefix", ["", "/net/era"])
def test_every_form_of_its_url(prefix: str, form: str, tmp_path: Path) -> None:
    with running(Leader(prefix=prefix)) as leader, open_store(str(tmp_path / "f.sqlite3")) as store:
        assert sync(configured(form.format(url=leader.url)), store).taken == 3


def lie_signature(leader: Leader) -> None:
    leader.entries = history(*leader.growing(2), *leader.growing(3, THIEF)[2:])


def lie_signature_deep(leader: Leader) -> None:
    leader.entries = history(*leader.growing(1, THIEF), *leader.growing(3)[1:])


def lie_gap(leader: Leader) -> None:
    del leader.entries[1]


def lie_end(leader: Leader) -> None:
    del leader.entries[2]


def lie_digest(leader: Leader) -> None:
    leader.entries[0]["digest"] = "ab" * 32


def lie_order(leader: Leader) -> None:
    leader.entries[2]["slot"] = 25


def lie_ratchet(leader: Leader) -> None:
    of_eras = [payload(("thales", 0)), payload(("pythagoras", 0))]
    leader.entries = history(*(of_eras if leader.kind is ERA else [configurations({0: k}) for k in (5, 6)]))


def lie_endless(leader: Leader) -> None:
    first, second = history(payload(("thales", 1)), payload(("thales", 1), ("pythagoras", 50)))
    second["previous"] = first["digest"]
    for one in (first, second):
        one["slot"] = one["height"] = None
    leader.entries = [first, second]
    leader.entries_from = lambda query: [second if query.get("before") == first["digest"] else first]  # type: ignore[method-assign]


def lie_nothing(leader: Leader) -> None:
    leader.entries = []


def lie_genesis(leader: Leader) -> None:
    leader.network["verification_key"] = THIEF.verification_key.hex


def lie_magic(leader: Leader) -> None:
    leader.network["magic"] = MAGIC + 1


def lie_type(leader: Leader) -> None:
    leader.entries[1]["payload"] = 7


def lie_junk(leader: Leader) -> None:
    leader.entries[1]["payload"] = '{"markers":'


def lie_without_bytes(leader: Leader) -> None:
    for one in leader.entries:
        one["publications"] = []


def lie_left_out(leader: Leader) -> None:
    """The publication between two others, its payload bridged."""
    leader.entries[0]["previous"] = leader.entries[2]["digest"]
    del leader.entries[1]


def lie_newest_left_out(leader: Leader) -> None:
    """An older payload as the newest, of which a newer publication is shown."""
    third, second, first = history(*leader.growing(3))
    leader.entries = [second | {"publications": third["publications"] + second["publications"]}, first]


def lie_swapped(leader: Leader) -> None:
    for one, other in zip(leader.entries, history(*leader.growing(4)[::3]), strict=False):
        one["publications"] = other["publications"]


def lie_reordered(leader: Leader) -> None:
    """A cancelled schedule, which the era key signed, as the newest."""
    first, second = history(*leader.growing(2))[::-1]
    leader.entries = [first | {"previous": second["digest"], "slot": 30, "height": 3}, second | {"previous": None}]


def lie_invented(leader: Leader) -> None:
    """A publication that somebody else made of a payload that the era key signed."""
    newest = leader.entries[0]
    spends = leader.entries[1]["output"].partition("#")[0]
    newest["publications"] = [publication(leader.growing(3)[2], spends, seed=bytes(range(1, 33)), at=ADDRESS).hex()]


def lie_beside(leader: Leader) -> None:
    """A publication of the owner that spends none of the others."""
    leader.entries[0]["publications"].append(publication(leader.growing(4)[3], None).hex())


def lie_junk_bytes(leader: Leader) -> None:
    leader.entries[0]["publications"] = ["84a0"]


LIES: list[tuple[Callable[[Leader], None], str]] = [
    (lie_signature, "WrongSigner"),
    (lie_signature_deep, "WrongSigner"),
    (lie_gap, "a gap"),
    (lie_end, "a gap"),
    (lie_digest, "the digest"),
    (lie_order, "out of order"),
    (lie_ratchet, "Conflict"),
    (lie_endless, "at most 50 pages"),
    (lie_nothing, "an empty history|fork|no payload"),
    (lie_genesis, "other markers"),
    (lie_magic, "other markers"),
    (lie_type, "not plausible"),
    (lie_junk, "Malformed"),
    (lie_without_bytes, "none: it cannot prove"),
    (lie_left_out, "exactly one publication that no other spends; got"),
    (lie_newest_left_out, "as the newest, got"),
    (lie_swapped, "as the newest, got|none of"),
    (lie_reordered, "as the newest, got"),
    (lie_invented, "the owner of the era address did not sign it"),
    (lie_beside, "exactly one publication that no other spends; got"),
    (lie_junk_bytes, "not those of a transaction"),
]


@pytest.mark.parametrize(("lie", "words"), LIES, ids=[lie.__name__ for lie, _ in LIES])
def test_a_leader_that_lies_to_a_new_follower(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport], lie: Callable[[Leader], None], words: str
) -> None:
    lie(leader)
    with pytest.raises(ChainReadError, match=words) as caught:
        follow()
    assert caught.value.next_step
    assert known(store) is None
    assert {event.kind for event in store.events.read()} <= {"follow-refused"}


@pytest.mark.parametrize(
    "lie", [lie_without_bytes, lie_left_out, lie_swapped, lie_invented, lie_beside, lie_junk_bytes]
)
def test_a_client_of_a_service_that_lies(leader: Leader, lie: Callable[[Leader], None]) -> None:
    with closing(ServiceClient(leader.url, ERA_KEY.verification_key, era_address=ADDRESS)) as client:
        assert [link.transaction for link in client.publications()] == [
            one["output"].partition("#")[0] for one in leader.entries
        ]
        lie(leader)
        with pytest.raises(LeaderHistoryError):
            client.publications()


def test_the_chain_has_to_lead_to_the_checkpoint(leader: Leader) -> None:
    output = DatumOutput(leader.entries[1]["output"].partition("#")[0], 0, "", 0)
    with closing(ServiceClient(leader.url, ERA_KEY.verification_key, era_address=ADDRESS)) as client:
        assert len(client.publications(checkpoint=Checkpoint(output, Epoch(4)))) == 2
        with pytest.raises(LeaderHistoryError, match="leads to the checkpoint"):
            client.publications(checkpoint=Checkpoint(replace(output, transaction="ab" * 32), Epoch(4)))


def test_a_leader_without_bytes_is_followed_where_that_is_configured(leader: Leader, store: SqlStore) -> None:
    lie_without_bytes(leader)
    settings = configured(leader.url)
    follower = settings.follower.model_copy(update={"require_proof": False})
    assert sync(settings.model_copy(update={"follower": follower}), store).taken == 3


@pytest.mark.parametrize(("lie", "words"), LIES, ids=[lie.__name__ for lie, _ in LIES])
def test_a_leader_that_begins_to_lie(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport], lie: Callable[[Leader], None], words: str
) -> None:
    follow()
    before, events = known(store), len(store.events.read())
    leader.entries = history(*growing(6))
    lie(leader)
    if lie in (lie_end, lie_order, lie_junk, lie_type, lie_gap):
        # What is new has to be spoiled for the walk to come to it.
        leader.entries = history(*growing(9))
        spoiled = Leader(entries=leader.entries)
        lie(spoiled)
        leader.entries = spoiled.entries
    if lie is lie_ratchet:
        leader.entries = history(*growing(3), payload(("pythagoras", 0)))
    if lie is lie_signature_deep:
        leader.entries = history(*growing(4), growing(5, THIEF)[4], *growing(9)[5:])
    with pytest.raises(ChainReadError):
        follow()
    assert known(store) == before
    assert {event.kind for event in store.events.read()[events:]} <= {"follow-refused"}


def test_a_lie_is_reported_in_the_event_log(leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]) -> None:
    lie_signature(leader)
    with pytest.raises(LeaderHistoryError):
        follow()
    (event,) = store.events.read()
    assert event.kind == "follow-refused"
    assert event.facts["code"] == "LeaderHistory"
    assert "WrongSigner" in event.facts["words"]


def test_a_history_without_end_is_given_up(leader: Leader, store: SqlStore) -> None:
    def at(number: int) -> dict[str, Any]:
        return entry(number, payload(("thales", 1), (f"e{number}", 50)), None)

    def endless(query: dict[str, str]) -> list[dict[str, Any]]:
        first = 10**6 - 3 * len(leader.asked)
        made = [at(first), at(first - 1), at(first - 2)]
        for newer, older in zip(made, [*made[1:], at(first - 3)], strict=True):
            newer["previous"] = older["digest"]
        return made

    leader.entries_from = endless  # type: ignore[method-assign]
    with pytest.raises(ReadLimitExceededError, match="do not end"):
        sync(configured(leader.url), store)
    assert leader.pages() == 50
    assert known(store) is None
    assert [event.kind for event in store.events.read()] == ["follow-refused"]


def test_a_proxy_that_errs_half_way_is_asked_again(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]
) -> None:
    leader.page = 1
    bad = iter([(502, b"<html>Bad Gateway</html>"), (200, b'{"network":'), None, (429, b"slow down")])
    leader.spoil = lambda path, query, _body: next(bad, None) if path == "/era/history" and "before" in query else None
    assert follow().taken == 3
    assert names(store) == ["thales", "era0", "era1"]


def test_a_proxy_that_keeps_erring_half_way_changes_nothing(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]
) -> None:
    follow()
    before = known(store)
    leader.page = 1
    leader.entries = history(*growing(9))
    leader.spoil = lambda path, query, body: (200, body[:40]) if "before" in query else None
    with pytest.raises(ChainReadError, match="incomplete answer"):
        follow()
    assert known(store) == before
    leader.spoil = lambda *_: None
    assert follow().taken == 6


def test_a_leader_in_another_epoch_than_the_clock(leader: Leader, store: SqlStore) -> None:
    genesis = "system_start_s = 450.0\nslot_length_s = 1.0\nepoch_length = 100\n"
    settings = configured(leader.url, genesis=genesis)
    leader.epoch = 40
    with pytest.raises(ChainReadError, match="not that of the clock"):
        sync(settings, store, clock=lambda: 1_000.0)
    assert known(store) is None
    leader.epoch = 5
    assert sync(settings, store, clock=lambda: 1_000.0).taken == 3


def test_a_leader_that_is_stale_itself(leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]) -> None:
    leader.stale = "its provider is silent"
    assert follow().taken == 3, "who has nothing takes what there is: it is signed"
    with raising("LeaderStale", match="its provider is silent"):
        follow()


def test_a_leader_follows_nobody(leader: Leader, store: SqlStore) -> None:
    settings = configured(leader.url, '[reader]\nproviders = ["http://127.0.0.1:1/api/v0"]')
    with raising("LeaderCannotFollow", match="reader.providers"):
        sync(settings, store)
    assert leader.asked == []


def test_no_leader_is_named(store: SqlStore) -> None:
    with raising("LeaderNeeded"):
        sync(configured(None), store)


@pytest.mark.parametrize("url", ["ftp://host", "http://host/?era=1", "host"])
def test_urls_that_name_no_leader(url: str) -> None:
    with pytest.raises(ConfigurationError, match="follower.leader"):
        configured(url)


def test_a_password_in_the_url_is_never_shown(leader: Leader, tmp_path: Path) -> None:
    secret = leader.url.replace("http://", "http://user:hush-hush@")
    leader.entries = []
    with open_store(str(tmp_path / "store.sqlite3")) as store:
        with pytest.raises(ChainReadError) as caught:
            sync(configured(secret), store)
        shown = str(caught.value.to_dict()) + repr(store.events.read()) + repr(load_settings(None).settings)
    assert "hush" not in shown


ABLE = Capability(("thales",), "ab", ("thales",))


def registration(
    party: str, *, epoch: int, key: SigningKey | None = None, capability: Capability | None = None
) -> dict[str, Any]:
    said = Statement(MAGIC, key.verification_key.hex if key else party, Epoch(epoch), "0.3.0", 5, 77, capability)
    signed = None if key is None else said.sign(key)
    return {
        "party_id": said.party_id, "epoch": epoch, "stake": 5, "version": "0.3.0", "seen_at_s": 77.0, "source": "api",
        "time_s": signed and signed.time_s, "key": signed and signed.key, "signature": signed and signed.signature,
    } | ({} if capability is None else {"capability": capability.to_dict()})  # fmt: skip


def test_registrations_are_taken_with_their_signatures(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]
) -> None:
    leader.registrations = {
        5: [registration(f"p{n}", epoch=5) for n in range(5)] + [registration("", epoch=5, key=THIEF, capability=ABLE)],
        3: [registration("old", epoch=3)],
    }
    report = follow(with_registrations=True)
    assert report.registrations is not None
    assert (report.registrations.accepted, report.registrations.repeated) == (7, 0)
    assert store.registrations.epochs() == (5, 3)
    signed = [row for row in store.registrations.newest(Epoch(5)) if row.signed is not None]
    assert [(row.party_id, row.capability) for row in signed] == [(THIEF.verification_key.hex, ABLE)]
    leader.asked.clear()
    leader.registrations[5].append(registration("late", epoch=5))
    again = follow(with_registrations=True)
    assert again.registrations is not None
    assert again.registrations.accepted == 1
    assert leader.asked.count("/registrations") == 4, "the pages of the one epoch that may have grown"


@pytest.mark.parametrize(
    "changed",
    [
        {"stake": 6},
        {"epoch": 4},
        {"signature": "00" * 64},
        {"signature": None},
        {"stake": 10**18},
        {"capability": ABLE.to_dict()},
        {"capability": {"eras": "all"}},
    ],
)
def test_one_false_registration_and_nothing_is_taken(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport], changed: dict[str, Any]
) -> None:
    leader.registrations = {5: [registration("p", epoch=5), registration("", epoch=5, key=THIEF) | changed]}
    with pytest.raises(LeaderHistoryError):
        follow(with_registrations=True)
    assert known(store) is None
    assert store.registrations.epochs() == ()


def test_of_what_a_party_has_signed_the_time_is_its_own(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]
) -> None:
    """A leader that tells an old one as the newest would otherwise have it count for ever."""
    leader.registrations = {5: [registration("", epoch=5, key=THIEF) | {"seen_at_s": 10.0**12}]}
    follow(with_registrations=True)
    assert [row.seen_at_s for row in store.registrations.newest(Epoch(5))] == [77.0]


@pytest.mark.parametrize(
    ("epoch", "changed"), [(5, {"seen_at_s": 10.0**10}), (2 * 10**6, {})], ids=["of the future", "of no epoch"]
)
def test_a_registration_that_could_never_be_outdone_is_refused(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport], epoch: int, changed: dict[str, Any]
) -> None:
    leader.epoch = epoch
    leader.registrations = {epoch: [registration("p", epoch=epoch) | changed]}
    with pytest.raises(LeaderHistoryError):
        follow(with_registrations=True)
    assert known(store) is None
    assert store.registrations.epochs() == ()


def test_a_leader_that_names_a_far_epoch_is_not_asked_for_all_up_to_it(
    leader: Leader, follow: Callable[..., SyncReport]
) -> None:
    follow(with_registrations=True)
    leader.asked.clear()
    leader.epoch = 900_000
    follow(with_registrations=True)
    assert leader.asked.count("/registrations") == EMPTY_EPOCHS


def test_a_leader_does_not_speak_for_a_party_that_has_signed(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport]
) -> None:
    signed = registration("", epoch=5, key=THIEF)
    leader.registrations = {5: [signed]}
    follow(with_registrations=True)
    word = {"time_s": None, "key": None, "signature": None, "version": "9.9.9", "seen_at_s": 99.0}
    leader.registrations = {5: [signed | word, registration("other", epoch=5)]}
    follow(with_registrations=True)
    told = {row.party_id: row.version for row in store.registrations.newest(Epoch(5))}
    assert told == {signed["party_id"]: "0.3.0", "other": "0.3.0"}


def test_who_writes_meanwhile_wins(
    leader: Leader, store: SqlStore, follow: Callable[..., SyncReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow()
    leader.entries = history(*growing(4))
    policy = trust_policy(load_settings(None).settings)

    def meanwhile(path: str, query: dict[str, str], _body: bytes) -> None:
        found = store.trust.load(policy.key)
        assert found is not None
        if found.version == 1:
            store.trust.save(policy.key, replace(found, stale="another process"), time_s=2.0)

    leader.spoil = meanwhile
    with pytest.raises(StoreChangedError, match="changed by another process"):
        follow()
    assert names(store) == ["thales", "era0", "era1"]

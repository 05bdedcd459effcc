"""The summary of an epoch: shares on three bases, what changed, whom to call, and what raises an alarm."""

import json
from fractions import Fraction

import pytest

from era_store import SqlRegistrations
from eras import Epoch
from release_tools import AdoptionRules, Base, Compatibility, EpochAdoption, summarise
from release_tools.adoption.documents import AdoptionSummary
from release_tools.adoption.shares import Share
from release_tools.adoption.summary import NoRegistrationsError, summarise_last
from tests.release_tools.registered import ADA, register, registration, repository, told

__all__ = ["repository"]

TABLE = Compatibility.of({"thales": ">=0.1.0, <2.0.0", "lagrange": ">=0.3.0, !=0.3.5"})
BIG = 10**15


def summary(repository: SqlRegistrations, epoch: int = 5, **options: object) -> EpochAdoption:
    return summarise(repository, epoch=Epoch(epoch), compatibility=TABLE, **options)  # type: ignore[arg-type]


def test_versions_newest_first_and_the_unknown_kept(repository: SqlRegistrations) -> None:
    told(repository, 5, "a 0.2.9+x 10, b 0.2.10 20, c - 5, d nightly 15, e 0.2.10+y 30, f 0.2.10-rc.1 20")
    found = summary(repository)
    assert [(row.release, row.stake, row.parties, row.is_known) for row in found.versions] == [
        ("0.2.10", 50, 2, True),
        ("0.2.10-rc.1", 20, 1, True),
        ("0.2.9", 10, 1, True),
        ("nightly", 15, 1, False),
        (None, 5, 1, False),
    ]
    assert found.versions[0].share == Share(50, 100)
    assert (found.registered_stake, found.parties) == (100, 6)
    assert found.unknown == Share(20, 100)


def test_three_bases(repository: SqlRegistrations) -> None:
    told(repository, 3, "late 0.3.1 400")
    told(repository, 4, "a 0.2.0 100, b 0.3.0 50, gone 0.2.0 30")
    told(repository, 5, "a 0.3.1 100, b 0.3.5 50, c 0.2.0 50")
    repository.set_network_stake(Epoch(6), 1000, source="test", time_s=0)
    repository.set_network_stake(Epoch(5), 300, source="test", time_s=0)
    lagrange = summary(repository, rules=AdoptionRules(recent_epochs=2)).eras[1]
    assert lagrange.registered == Share(100, 200)
    assert lagrange.network == Share(100, 1000), "of the epoch in which the registrations count"
    assert lagrange.recent == Share(100, 230), "with the one that missed the epoch, and without the one before"
    three = summary(repository, rules=AdoptionRules(recent_epochs=3)).eras[1]
    assert three.recent == Share(500, 630)
    earlier = summary(repository, rules=AdoptionRules(stake_epoch_offset=0)).eras[1]
    assert earlier.network == Share(100, 300)
    assert lagrange.of(Base.NETWORK) == lagrange.network


def test_network_stake_that_is_not_known_or_cannot_be(repository: SqlRegistrations) -> None:
    told(repository, 5, "a 0.3.0 100")
    assert summary(repository).eras[1].network is None
    repository.set_network_stake(Epoch(6), 99, source="test", time_s=0)
    found = summary(repository)
    assert (found.network_stake, found.eras[1].network) == (None, None)
    assert [alarm.kind for alarm in found.alarms] == ["network-stake"]


def test_the_newest_registration_counts(repository: SqlRegistrations) -> None:
    register(repository, registration("a", "0.3.0", 100, seen_at_s=10))
    register(repository, registration("a", "0.2.0", 100, seen_at_s=5))
    assert summary(repository).eras[1].registered == Share(100, 100)
    register(repository, registration("a", "0.2.0", 90, seen_at_s=11))
    assert summary(repository).eras[1].registered == Share(0, 90)


def test_who_is_not_ready(repository: SqlRegistrations) -> None:
    told(repository, 4, "sleeper 0.2.0 500")
    told(repository, 5, "a 0.2.0 10, b 0.3.0 99, c 0.3.5 30, d - 20, e 0.2.1 20")
    parties = summary(repository).eras[1].not_ready
    assert [(party.party_id, party.stake, party.version) for party in parties] == [
        ("c", 30, "0.3.5"),
        ("d", 20, None),
        ("e", 20, "0.2.1"),
        ("a", 10, "0.2.0"),
    ]
    few = summary(repository, rules=AdoptionRules(limit=1)).eras[1].not_ready
    assert [party.party_id for party in few] == ["c"]
    recent = summary(repository, base=Base.RECENT).eras[1].not_ready
    assert (recent[0].party_id, recent[0].epoch) == ("sleeper", 4)


def test_what_changed_since_the_epoch_before(repository: SqlRegistrations) -> None:
    told(repository, 2, "old 0.1.0 1, same 0.2.0+a 7, up 0.2.0 5, down 0.3.0 6, lost 0.3.0 9, found nightly 4")
    told(repository, 5, "same 0.2.0+b 8, up 0.3.0 5, down 0.2.9 6, lost - 9, found 0.1.0 4, new 0.3.0 3")
    changes = summary(repository).changes
    assert changes is not None
    assert changes.since == 2, "the last epoch before with registrations"
    groups = {name: getattr(changes, name) for name in ("new", "upgraded", "downgraded", "gone")}
    assert {name: (group.parties, group.stake) for name, group in groups.items()} == {
        "new": (1, 3),
        "upgraded": (2, 9),
        "downgraded": (2, 15),
        "gone": (1, 1),
    }
    assert [(one.party_id, one.before, one.after) for one in changes.downgraded.largest] == [
        ("lost", "0.3.0", None),
        ("down", "0.3.0", "0.2.9"),
    ]
    assert summary(repository, 2).changes is None


@pytest.mark.parametrize(
    ("before", "now", "kinds"),
    [
        ("a 0.2.0 100", "a 0.2.0 100", []),
        ("a 0.2.0 96, b - 4", "a 0.2.0 96, b - 4", []),
        ("a 0.2.0 95, b - 5", "a 0.2.0 95, b - 5", ["unknown-share"]),
        ("a 0.2.0 98, b - 2", "a 0.2.0 97, b - 3", ["unknown-growth"]),
        ("a 0.2.0 100", "a - 100", ["unknown-share", "unknown-growth"]),
        ("a nightly 100", "a 0.2.0 100", []),
        ("a 0.2.0 100", "a 0.2.0 49", ["registered-swing"]),
        ("a 0.2.0 100", "a 0.2.0 200", ["registered-swing"]),
        ("a 0.2.0 100", "a 0.2.0 199", []),
    ],
)
def test_alarms(repository: SqlRegistrations, before: str, now: str, kinds: list[str]) -> None:
    told(repository, 4, before)
    told(repository, 5, now)
    assert [alarm.kind for alarm in summary(repository).alarms] == kinds


def test_alarm_thresholds_are_the_rules(repository: SqlRegistrations) -> None:
    told(repository, 4, "a 0.2.0 80, b - 20")
    told(repository, 5, "a 0.2.0 75, b - 25")
    rules = AdoptionRules(unknown_alarm=Fraction(26, 100), unknown_growth_alarm=Fraction(6, 100))
    assert summary(repository, rules=rules).alarms == ()


def test_without_details_no_registration_is_read(repository: SqlRegistrations, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it costs must not grow with the epoch. A database keeps a rollup, from which all but the details come."""
    told(repository, 4, "a 0.3.0 1, b 0.2.0 1")
    told(repository, 5, "a 0.3.0 3, b 0.2.0 1")
    tallies = {epoch: repository.tally(Epoch(epoch)) for epoch in (4, 5)}
    monkeypatch.setattr(repository, "tally", lambda epoch: tallies[epoch])  # not of several epochs, which are counted
    for name in ("newest", "newest_within"):
        monkeypatch.delattr(type(repository), name)
    found = summary(repository, details=False)
    assert found.eras[1].registered == Share(3, 4)
    assert (found.eras[1].recent, found.eras[1].not_ready, found.changes) == (None, (), None)
    with pytest.raises(TypeError, match="epochs"):
        summary(repository)


def test_stories_of_several_epochs(repository: SqlRegistrations) -> None:
    for epoch in (3, 4, 6, 7):
        told(repository, epoch, f"a 0.3.0 {epoch}, b 0.2.0 10")
    found = summarise_last(repository, 3, compatibility=TABLE)
    assert [one.epoch for one in found] == [7, 6, 4]
    assert [one.eras[1].registered.part for one in found] == [7, 6, 4]
    assert [one.changes is not None for one in found] == [True, False, False], "details of the newest only"
    earlier = summarise_last(repository, 9, last=Epoch(6), compatibility=TABLE, details_of_all=True)
    assert [one.epoch for one in earlier] == [6, 4, 3]
    assert all(one.eras[1].recent is not None for one in earlier)
    with pytest.raises(NoRegistrationsError, match="of epoch 5"):
        summarise_last(repository, 3, last=Epoch(5))


def test_nothing_registered_is_an_error_that_says_what_there_is(repository: SqlRegistrations) -> None:
    with pytest.raises(NoRegistrationsError) as nothing:
        summarise(repository)
    assert "eraswitch adoption ingest" in str(nothing.value)
    told(repository, 5, "a 0.3.0 1")
    with pytest.raises(NoRegistrationsError, match="those of epochs 5 to 5"):
        summary(repository, 4)
    assert summarise(repository).epoch == 5


def test_stakes_of_all_sizes_add_up(repository: SqlRegistrations) -> None:
    told(repository, 5, ", ".join(f"p{index} 0.3.0 {BIG + index}" for index in range(30)))
    found = summary(repository)
    assert found.registered_stake == 30 * BIG + sum(range(30))
    assert found.eras[1].registered.fraction == 1


def test_all_of_it_is_ready_for_json(repository: SqlRegistrations) -> None:
    told(repository, 4, "a 0.2.0 100")
    told(repository, 5, f"a 0.3.0 {100 * ADA}, b - 5")
    found = summary(repository).document()
    document = json.loads(json.dumps(found.to_dict()))
    assert AdoptionSummary.model_validate(document) == found
    assert document["epoch"] == 5
    assert document["eras"][1]["registered"] == {
        "stake": 100 * ADA,
        "total": 100 * ADA + 5,
        "share": 100 * ADA / (100 * ADA + 5),
        "by_capability": 0,
        "by_version": 100 * ADA,
    }
    assert document["eras"][1]["network"] is None
    assert document["versions"][0]["supports"] == ["thales", "lagrange"]
    assert document["changes"]["upgraded"]["largest"][0]["party_id"] == "a"

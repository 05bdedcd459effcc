"""The gate: whole lovelace, epoch after epoch, and what is missing from whom."""

import json
from fractions import Fraction
from typing import Any

import pytest

from era_store import Capability, Reject, SqlRegistrations
from eras import Epoch
from release_tools import AdoptionRules, Base, Compatibility, GateResult, judge_gate, summarise
from release_tools.adoption.compatibility import EraNotListedError
from release_tools.adoption.documents import AdoptionGate, NamedNotReadyDocument
from release_tools.adoption.gate import GateNotMetError
from release_tools.adoption.shares import Gate, Share
from release_tools.adoption.summary import assumed_epoch
from tests.release_tools.registered import register, registration, repository, told

__all__ = ["repository"]

TABLE = Compatibility.of({"lagrange": ">=0.3.0"})


def judged(
    repository: SqlRegistrations,
    threshold: str = "0.95",
    base: Base = Base.REGISTERED,
    for_epochs: int = 1,
    **options: Any,
) -> GateResult:
    return judge_gate(repository, "lagrange", Gate(Fraction(threshold), base, for_epochs), TABLE, **options)


def test_met_to_the_lovelace(repository: SqlRegistrations) -> None:
    whole = 45 * 10**15
    told(repository, 5, f"a 0.3.0 {whole * 19 // 20}, b 0.2.0 {whole // 20}")
    result = judged(repository)
    assert result.met
    assert (result.missing_stake, result.whom, result.lacks) == (0, (), ())
    result.require_met()
    told(repository, 6, f"a 0.3.0 {whole * 19 // 20 - 1}, b 0.2.0 {whole // 20 + 1}")
    short = judged(repository)
    assert not short.met
    assert short.missing_stake == 1
    assert "94.9 % of the registered stake" in short.lacks[0]


def test_what_is_missing_from_whom(repository: SqlRegistrations) -> None:
    told(repository, 5, "ready 0.3.0 60, a 0.2.0 20, b - 10, c 0.2.9 6, d 0.2.8 4")
    result = judged(repository, "0.85")
    assert (result.missing_stake, result.enough) == (25, 2)
    assert [party.party_id for party in result.whom] == ["a", "b"]
    assert result.lacks[0] == "epoch 5: 60.0 % of the registered stake (0.0001 ADA) is ready"
    assert result.lacks[-2:] == ("  a  0.00002 ADA  0.2.0", "  b  0.00001 ADA  no version")
    with pytest.raises(GateNotMetError) as caught:
        result.require_met()
    assert caught.value.exit_code == 6
    assert caught.value.http_status == 409
    assert "expected 85 % of the registered stake, got epoch 5: 60.0 %" in str(caught.value)
    assert caught.value.got.endswith("whom to call (2 parties would do): a 0.00002 ADA 0.2.0; b 0.00001 ADA no version")
    assert result.document().share.stake == 60
    assert caught.value.facts["gate"]["whom"][0]["party_id"] == "a"
    few = judged(repository, "1", rules=AdoptionRules(limit=1))
    assert (len(few.whom), few.enough, few.lacks[-1]) == (1, 4, "  and 3 more")


def test_where_nobody_registered_nobody_is_called(repository: SqlRegistrations) -> None:
    result = judged(repository, epoch=Epoch(5))
    assert (result.met, result.whom, result.document().share) == (False, (), None)
    with pytest.raises(GateNotMetError) as caught:
        result.require_met()
    assert "whom to call" not in caught.value.got


def test_every_one_of_the_last_epochs(repository: SqlRegistrations) -> None:
    for epoch, ready in ((3, 96), (4, 95), (5, 94), (6, 95), (7, 99)):
        told(repository, epoch, f"a 0.3.0 {ready}, b 0.2.0 {100 - ready}")
    assert judged(repository, for_epochs=2).met
    assert judged(repository, for_epochs=2, epoch=Epoch(4)).met
    third = judged(repository, for_epochs=3)
    assert [(one.epoch, one.met) for one in third.epochs] == [(7, True), (6, True), (5, False)]
    assert not third.met
    assert "the last epoch has the share; if it stays so, the gate opens in epoch 8" in third.lacks
    assert not judged(repository, epoch=Epoch(5)).met
    words = judged(repository, for_epochs=2).words
    assert words == "The gate of lagrange is met: 95 % of the registered stake in each of 2 epochs, 99.0 % in epoch 7"


def test_a_gap_has_no_share(repository: SqlRegistrations) -> None:
    told(repository, 3, "a 0.3.0 1")
    told(repository, 5, "a 0.3.0 1")
    result = judged(repository, for_epochs=3)
    assert [(one.epoch, one.met, one.why) for one in result.epochs] == [
        (5, True, None),
        (4, False, "no registrations"),
        (3, True, None),
    ]
    assert not judged(repository, epoch=Epoch(9)).met
    assert judged(repository, epoch=Epoch(9)).lacks[0] == "epoch 9: no registrations"


def test_more_epochs_than_there_have_been(repository: SqlRegistrations) -> None:
    told(repository, 0, "a 0.3.0 1")
    told(repository, 1, "a 0.3.0 1")
    assert judged(repository, for_epochs=2).met
    assert not judged(repository, for_epochs=3).met


def test_on_the_whole_network(repository: SqlRegistrations) -> None:
    told(repository, 5, "a 0.3.0 90, b 0.2.0 10")
    unknown = judged(repository, "0.5", base=Base.NETWORK)
    assert not unknown.met
    assert "the stake of the whole network in epoch 6 is not known" in unknown.lacks[0]
    assert unknown.share is None
    repository.set_network_stake(Epoch(6), 99, source="test", time_s=0)
    assert not judged(repository, "0.5", base=Base.NETWORK).met, "less than what registered is not believed"
    repository.set_network_stake(Epoch(6), 180, source="test", time_s=0)
    assert judged(repository, "0.5", base=Base.NETWORK).met
    short = judged(repository, "0.6", base=Base.NETWORK)
    assert (short.missing_stake, short.enough, short.unregistered_stake) == (18, None, 80)
    assert "whom to call (not enough even with all of them):" in short.lacks


def test_on_the_newest_of_each_party(repository: SqlRegistrations) -> None:
    told(repository, 3, "away 0.2.0 900")
    told(repository, 5, "a 0.3.0 95, b 0.2.0 5")
    assert judged(repository).met
    result = judged(repository, base=Base.RECENT)
    assert not result.met
    assert (result.share.total if result.share else None, result.whom[0].party_id) == (1000, "away")
    assert judged(repository, base=Base.RECENT, rules=AdoptionRules(recent_epochs=2)).met


def test_an_era_nobody_vouches_for_has_no_gate(repository: SqlRegistrations) -> None:
    told(repository, 5, "a 0.3.0 1")
    with pytest.raises(EraNotListedError):
        judge_gate(repository, "euler", Gate(Fraction(1, 2)), TABLE)


def test_without_any_registration_it_is_not_met(repository: SqlRegistrations) -> None:
    with pytest.raises(GateNotMetError, match="there are no registrations at all"):
        judged(repository)


def test_parties_without_stake_meet_nothing(repository: SqlRegistrations) -> None:
    told(repository, 5, "a 0.3.0 0")
    assert not judged(repository, "0.01").met


def test_result_is_ready_for_json(repository: SqlRegistrations) -> None:
    told(repository, 5, "a 0.3.0 90, b 0.2.0 10")
    found = judged(repository).document()
    named = found.model_copy(update={"whom": [NamedNotReadyDocument(**found.whom[0].to_dict(), ticker="BEE")]})
    for one in (found, named):
        assert AdoptionGate.model_validate_json(json.dumps(one.to_dict())) == one, "whoever reads it has the same"
    document = found.to_dict()
    assert (document["met"], document["missing_stake"], document["threshold"]) == (False, 5, 0.95)
    assert document["whom"] == [{"party_id": "b", "stake": 10, "version": "0.2.0", "epoch": 5}]
    (epoch,) = document["epochs"]
    assert (epoch["epoch"], epoch["share"]["share"], epoch["met"]) == (5, 0.9, False)


def test_the_result_in_words_counts_epochs_where_there_are_several(repository: SqlRegistrations) -> None:
    for epoch in (5, 6):
        told(repository, epoch, "a 0.3.0 95, b 0.2.0 5")
    assert " in each of " not in judged(repository).words
    assert " in each of 2 epochs" in judged(repository, for_epochs=2).words


def test_epochs_that_have_not_begun_open_no_gate(repository: SqlRegistrations) -> None:
    told(repository, 5, "a 0.3.0 60, b 0.2.0 40")
    told(repository, 900_000, "stranger 0.3.0 1")
    assert judged(repository).met, "where nobody knows the current epoch the newest is taken"
    for current in (5, 6):
        found = judged(repository, current=Epoch(current))
        assert (found.met, found.epoch, found.enough) == (False, 5, 1)
    early = judged(repository, current=Epoch(4))
    assert (early.met, early.epoch, early.lacks) == (False, 4, ("epoch 4: no registrations",))


def test_epoch_0_is_an_epoch(repository: SqlRegistrations) -> None:
    told(repository, 0, "a 0.3.0 60")
    assert judged(repository, current=Epoch(1)).epoch == 0


def test_a_gate_that_is_met_says_what_is_odd(repository: SqlRegistrations) -> None:
    told(repository, 5, "a 0.3.0 10, whale 0.2.0 90")
    told(repository, 6, "a 0.3.0 10")
    result = judged(repository)
    assert result.met
    assert [alarm.kind for alarm in result.alarms] == ["registered-swing"]
    assert result.alarms[0].words.startswith("The registered stake went from")


def reject(repository: SqlRegistrations, *rejects: Reject) -> None:
    repository.ingest([], rejects, source="test", time_s=0.0)


def test_what_was_rejected_is_part_of_the_whole(repository: SqlRegistrations) -> None:
    told(repository, 5, "a 0.3.0 96, b 0.2.0 4")
    assert judged(repository).met
    reject(repository, Reject("line 3", "bad", "", Epoch(5), None, 900))
    result = judged(repository)
    assert (result.met, result.share) == (False, Share(96, 1000))
    assert [alarm.kind for alarm in result.alarms] == ["rejected"]
    assert "1 row of the epoch cannot be counted" in result.alarms[0].words
    assert judged(repository, base=Base.RECENT).share == Share(96, 1000)
    assert judged(repository, rules=AdoptionRules(count_rejected=False)).met


def test_a_stake_that_cannot_be_read_meets_no_gate_but_of_the_whole_network(
    repository: SqlRegistrations,
) -> None:
    told(repository, 5, "a 0.3.0 100")
    reject(repository, Reject("line 3", "bad", "", Epoch(5), "b", None))
    result = judged(repository)
    assert not result.met
    assert "the stake of 1 cannot be read" in result.lacks[0]
    assert "--ignore-rejected" in result.lacks[0]
    repository.set_network_stake(Epoch(6), 100, source="test", time_s=0.0)
    assert judged(repository, base=Base.NETWORK).met
    assert judged(repository, rules=AdoptionRules(count_rejected=False)).met
    told(repository, 5, "b 0.3.0 100")
    assert judged(repository).met, "its party has registered properly since"


def test_who_reports_what_it_can_do_is_ready_by_that_and_shown_apart(repository: SqlRegistrations) -> None:
    able, unable = Capability(("lagrange", "thales")), Capability(("lagrange",), None, ("thales",))
    register(
        repository,
        registration("a", "0.1.0", 50)._replace(capability=able),
        registration("b", "0.9.0", 30)._replace(capability=unable),
        registration("c", "0.3.0", 20),
    )
    result = judged(repository)
    assert result.share == Share(70, 100, by_capability=50)
    assert result.lacks[0].endswith("is ready: 50.0 % by capability, 20.0 % by version")
    assert judged(repository, "0.7").words.endswith("70.0 % (50.0 % by capability, 20.0 % by version) in epoch 5")
    assert [party.party_id for party in result.whom] == ["b"]
    (era,) = summarise(repository, compatibility=TABLE).eras
    shares = (era.document().registered, result.document().share, era.document().recent)
    assert [(share.by_capability, share.by_version) for share in shares] == [(50, 20)] * 3
    assert era.behind == 1


def test_capabilities_need_no_table(repository: SqlRegistrations) -> None:
    register(repository, registration("a", None, 50)._replace(capability=Capability(("newton",))))
    found = judge_gate(repository, "newton", Gate(Fraction(1)), Compatibility())
    assert found.met
    (era,) = summarise(repository, eras=("newton",)).eras
    assert (era.told, era.minimum, era.registered.parts[0]) == (True, None, Share(50, 50))
    register(repository, registration("a", "1.0.0", 50, 6))
    (untold,) = summarise(repository, eras=("newton",)).eras
    assert (untold.told, untold.document().registered) == (False, None)


def test_a_release_of_which_some_nodes_report_more_than_its_version_is_ready_in_part(
    repository: SqlRegistrations,
) -> None:
    able = registration("a", "0.1.0", 50)._replace(capability=Capability(("lagrange",)))
    register(repository, able, registration("b", "0.1.0", 30), registration("c", "0.3.0", 20))
    newest, older = summarise(repository, compatibility=TABLE).versions
    assert (newest.supports, newest.in_part) == (("lagrange",), ())
    assert (older.supports, older.in_part) == ((), ("lagrange",))


@pytest.mark.parametrize(
    ("epochs", "assumed"),
    [({}, None), ({5: 3}, 5), ({5: 3, 6: 1}, 6), ({5: 3, 9999: 1}, 5), ({5: 3, 60: 3}, 5), ({5: 3, 60: 4}, 60)],
)
def test_an_epoch_of_a_wrong_clock_is_not_assumed(
    repository: SqlRegistrations, epochs: dict[int, int], assumed: int | None
) -> None:
    for epoch, parties in epochs.items():
        register(repository, *(registration(f"p{n}", "1.0.0", 1, epoch) for n in range(parties)))
    assert assumed_epoch(repository) == assumed

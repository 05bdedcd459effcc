"""Rollout plans: every rule, the order of publication, the words, and that an allowed change never surprises a node."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_reader import is_successor
from eras import Epoch, EraMarker, MarkerError, SupportedEras, select_eras
from release_tools.markers.change import ChangeKind, MarkerChange, PublishedBefore, RolloutPlan, RolloutRules, distinct
from release_tools.markers.rules import plan_change, published_order
from tests.errors import raising

ERAS = ("thales", "pythagoras", "lagrange", "euclid")
NOW = Epoch(10)
Listed = tuple[tuple[str, int | None], ...]


def markers(*listed: tuple[str, int | None]) -> tuple[EraMarker, ...]:
    return tuple(EraMarker(name, None if epoch is None else Epoch(epoch)) for name, epoch in listed)


def change(text: str) -> MarkerChange:
    kind, era, *epoch = text.split(" ")
    return MarkerChange(ChangeKind(kind), era, Epoch(int(epoch[0])) if epoch else None)


def plan(
    text: str, *before: tuple[str, int | None], epoch: int = NOW, lead: int = 2, force_name: bool = False
) -> RolloutPlan:
    rules = RolloutRules(SupportedEras(ERAS), lead, force_name)
    return plan_change(change(text), markers(*before), Epoch(epoch), rules)


THALES, PYTHAGORAS = ("thales", 1), ("pythagoras", 5)


@pytest.mark.parametrize(
    ("asked", "before", "after"),
    [
        ("activate thales 10", (), (("thales", 10),)),
        ("activate thales 1", (), (("thales", 1),)),
        ("announce pythagoras", (THALES,), (THALES, ("pythagoras", None))),
        ("activate pythagoras 12", (THALES, ("pythagoras", None)), (THALES, ("pythagoras", 12))),
        ("activate pythagoras 12", (THALES,), (THALES, ("pythagoras", 12))),
        ("postpone pythagoras 13", (THALES, ("pythagoras", 12)), (THALES, ("pythagoras", 13))),
        ("cancel pythagoras", (THALES, ("pythagoras", None)), (THALES,)),
        ("cancel pythagoras", (THALES, ("pythagoras", 12)), (THALES,)),
        ("retire thales", (THALES, PYTHAGORAS), (PYTHAGORAS,)),
        ("retire thales", (THALES, ("pythagoras", 10)), (("pythagoras", 10),)),
        # the nearest upcoming era comes last, for deployed readers
        ("announce euclid", (THALES, ("pythagoras", 12)), (THALES, ("euclid", None), ("pythagoras", 12))),
        ("activate lagrange 20", (THALES, ("pythagoras", 12)), (THALES, ("lagrange", 20), ("pythagoras", 12))),
    ],
)
def test_allowed(asked: str, before: Listed, after: Listed) -> None:
    made = plan(asked, *before)
    assert [str(rule) for rule in made.broken] == []
    made.require_allowed()
    assert made.after == markers(*after)
    assert not made.is_done
    again = plan(asked, *after) if not asked.startswith(("cancel", "retire")) else None
    assert again is None or (again.is_done and not again.broken), "the same change again has nothing to do"


@pytest.mark.parametrize(
    ("asked", "before", "rule", "words"),
    [
        ("announce pythagors", (THALES,), "name", "one of the supported eras thales, pythagoras"),
        ("activate pythagoras 11", (THALES, ("pythagoras", None)), "lead", "expected epoch 12 or later, 2 from now"),
        ("activate pythagoras 10", (THALES,), "lead", "got epoch 10"),
        ("activate pythagoras 9", (THALES,), "lead", "got epoch 9"),
        ("postpone pythagoras 20", (THALES, ("pythagoras", 11)), "lead", "got pythagoras, which begins in epoch 11"),
        ("cancel pythagoras", (THALES, ("pythagoras", 11)), "lead", "too late to move it"),
        ("activate pythagoras 12", (("thales", 1), ("lagrange", 12)), "order", "an epoch before 12"),
        ("activate lagrange 12", (THALES, ("pythagoras", 12)), "order", "an epoch after 12"),
        ("activate lagrange 12", (THALES, ("pythagoras", None)), "order", "pythagoras first, which is announced"),
        ("postpone pythagoras 20", (THALES, ("pythagoras", 12), ("lagrange", 15)), "order", "an epoch before 15"),
        ("announce thales", (PYTHAGORAS,), "order", "an era that comes after pythagoras"),
        ("activate thales 20", (PYTHAGORAS,), "order", "an era that comes after pythagoras"),
        ("activate pythagoras 20", (THALES, PYTHAGORAS), "one-way", "choose a later era"),
        ("announce pythagoras", (THALES, PYTHAGORAS), "one-way", "A switch is one-way"),
        ("postpone pythagoras 20", (THALES, PYTHAGORAS), "one-way", "an era that has not begun"),
        ("cancel pythagoras", (THALES, PYTHAGORAS), "one-way", "an era that has not begun"),
        ("cancel thales", (THALES, PYTHAGORAS), "one-way", "A switch is one-way"),
        ("activate pythagoras 13", (THALES, ("pythagoras", 12)), "state", "To move it, postpone it"),
        ("announce pythagoras", (THALES, ("pythagoras", 12)), "state", "an era without an epoch"),
        ("postpone pythagoras 20", (THALES, ("pythagoras", None)), "state", "Activate it instead"),
        ("postpone pythagoras 20", (THALES,), "state", "got thales at epoch 1"),
        ("cancel pythagoras", (THALES,), "state", "got thales at epoch 1"),
        ("retire pythagoras", (THALES,), "state", "there to retire"),
        ("cancel pythagoras", (), "state", "no marker at all"),
        ("announce thales", (), "first", "eraswitch marker activate thales --at 10"),
        ("announce pythagoras", (("thales", None),), "first", "eraswitch marker activate thales --at 10"),
        ("postpone pythagoras 12", (THALES, ("pythagoras", 15)), "later", "cancel it and activate it again"),
        ("retire pythagoras", (THALES, PYTHAGORAS), "past", "Wait until a later era is active"),
        ("retire thales", (THALES, ("pythagoras", 11)), "past", "Wait until a later era is active"),
        ("retire pythagoras", (THALES, ("pythagoras", None)), "past", "Cancel it instead"),
        ("retire pythagoras", (THALES, ("pythagoras", 12)), "past", "Cancel it instead"),
    ],
)
def test_refused(asked: str, before: Listed, rule: str, words: str) -> None:
    made = plan(asked, *before)
    assert rule in [broken.rule for broken in made.broken]
    assert not made.is_done
    with raising("RolloutRefused") as caught:
        made.require_allowed()
    assert words in str(caught.value)
    assert rule in caught.value.facts["rules"]


def test_every_broken_rule_is_told_at_once() -> None:
    made = plan("activate pythagors 3", ("lagrange", 5))
    assert [broken.rule for broken in made.broken] == ["name", "lead", "order"]
    with raising("RolloutRefused") as caught:
        made.require_allowed()
    assert str(caught.value).count("\n  also ") == 2
    assert str(caught.value).startswith("Refused to activate pythagors at epoch 3 in epoch 10 (rule name): expected ")


def test_a_forced_name_still_follows_the_other_rules() -> None:
    assert plan("activate cauchy 12", THALES, force_name=True).broken == ()
    assert [broken.rule for broken in plan("activate cauchy 11", THALES, force_name=True).broken] == ["lead"]
    same = plan("activate cauchy 12", THALES, ("noether", 12), force_name=True)
    assert [broken.rule for broken in same.broken] == ["order"]
    assert plan("activate cauchy 13", THALES, ("noether", 12), force_name=True).broken == ()


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 65, "\u202e"])
def test_no_name_at_all_is_never_forced(name: str) -> None:
    made = plan_change(
        MarkerChange(ChangeKind.ANNOUNCE, name), markers(THALES), NOW, RolloutRules(SupportedEras(ERAS), 2, True)
    )
    assert [broken.rule for broken in made.broken] == ["name"]


def test_the_lead_is_a_choice_but_never_nothing() -> None:
    assert plan("activate pythagoras 11", THALES, lead=1).broken == ()
    assert [broken.rule for broken in plan("activate pythagoras 14", THALES, lead=5).broken] == ["lead"]
    assert [broken.rule for broken in plan("activate pythagoras 10", THALES, lead=0).broken] == ["lead"]
    assert plan("cancel pythagoras", THALES, ("pythagoras", 11), lead=1).broken == ()


def test_what_is_done_already_is_done_even_when_it_is_too_late_for_the_rules() -> None:
    made = plan("activate pythagoras 5", THALES, PYTHAGORAS)
    assert made.is_done
    assert made.broken == ()
    assert plan("announce pythagoras", THALES, ("pythagoras", None)).is_done
    assert plan("postpone pythagoras 12", THALES, ("pythagoras", 12)).is_done


@pytest.mark.parametrize(
    ("asked", "before", "words"),
    [
        ("announce thales", (), "this will be the first marker of the network"),
        ("announce thales", (), "No era is active in epoch 10"),
        ("activate pythagoras 12", (THALES,), "was never announced"),
        ("announce lagrange", (THALES, ("pythagoras", None)), "eraswitch names pythagoras as the next one, deployed"),
    ],
)
def test_warnings(asked: str, before: Listed, words: str) -> None:
    assert any(words in warning for warning in plan(asked, *before).warnings)


def test_no_warning_without_need() -> None:
    assert plan("activate pythagoras 12", THALES, ("pythagoras", None)).warnings == ()
    assert plan("activate thales 1").warnings[1:] == ()


def test_differences_in_words() -> None:
    made = plan("activate pythagoras 12", THALES, ("pythagoras", None))
    assert [(one.name, one.words) for one in made.differences] == [
        ("thales", "from epoch 1, as before"),
        ("pythagoras", "from epoch 12, was announced"),
    ]
    assert [one.words for one in plan("retire thales", THALES, PYTHAGORAS).differences] == [
        "from epoch 1, is dropped",
        "from epoch 5, as before",
    ]
    assert [one.words for one in plan("announce pythagoras", THALES).differences][1] == "new: announced"
    assert [one.words for one in plan("postpone pythagoras 14", THALES, ("pythagoras", 12)).differences][1] == (
        "from epoch 14, was from epoch 12"
    )
    facts = made.to_dict()
    assert (facts["change"], facts["era"], facts["epoch"], facts["now"]) == ("activate", "pythagoras", 12, 10)
    assert facts["after"] == [{"name": "thales", "epoch": 1}, {"name": "pythagoras", "epoch": 12}]


def test_a_change_and_its_epoch_belong_together() -> None:
    assert str(change("activate pythagoras 12")) == "activate pythagoras at epoch 12"
    assert str(change("postpone pythagoras 12")) == "postpone pythagoras to epoch 12"
    assert str(change("announce pythagoras")) == "announce pythagoras"
    for wrong in ("activate pythagoras", "announce pythagoras 3", "retire pythagoras 3"):
        with pytest.raises(ValueError, match="epoch"):
            change(wrong)
    with pytest.raises(MarkerError, match="An epoch is not usable"):
        plan_change(MarkerChange(ChangeKind.ACTIVATE, "thales", Epoch(2**64)), (), NOW, RolloutRules())


SCHEDULES = st.lists(
    st.tuples(st.sampled_from(ERAS), st.none() | st.integers(0, 16)), max_size=4, unique_by=lambda one: one[0]
)


@given(
    before=SCHEDULES,
    kind=st.sampled_from(ChangeKind),
    era=st.sampled_from(ERAS),
    to=st.integers(0, 25),
    lead=st.integers(1, 3),
)
def test_an_allowed_change_changes_no_node_now_and_none_too_soon(
    before: list[tuple[str, int | None]], kind: ChangeKind, era: str, to: int, lead: int
) -> None:
    """Whatever was in force: readers accept it, and every epoch until the lead has passed has the era it had."""
    asked = MarkerChange(kind, era, Epoch(to) if kind.takes_epoch else None)
    made = plan_change(asked, markers(*before), NOW, RolloutRules(SupportedEras(ERAS), lead))
    assert set(made.after) == set(published_order(made.after, NOW))
    if made.broken:
        assert not made.is_done
        return
    assert is_successor(made.before, made.after, NOW)
    if not any(marker.epoch is not None and marker.epoch <= NOW for marker in made.before):
        return
    for epoch in range(NOW, NOW + lead):
        was, now = (select_eras(schedule, Epoch(epoch)).current.name for schedule in (made.before, made.after))
        assert was == now
    upcoming = select_eras(made.after, NOW).upcoming
    if upcoming is not None and (upcoming.epoch is not None or sum(m.epoch is None for m in made.after) == 1):
        assert made.after[-1] == upcoming, "deployed readers take the last marker for the next era"


# --- what is signed is never a copy of an older payload


def signed(text: str, before: Listed, *published: Listed, complete: bool = True) -> tuple[EraMarker, ...]:
    known = PublishedBefore(frozenset(markers(*listed) for listed in (before, *published)), complete)
    rules = RolloutRules(SupportedEras(ERAS))
    return plan_change(change(text), markers(*before), NOW, rules, known).after


ANNOUNCED = ("pythagoras", None)


@pytest.mark.parametrize(
    ("asked", "before", "published", "after"),
    [
        ("cancel pythagoras", (THALES, ANNOUNCED), ((THALES,),), (THALES, THALES)),
        ("cancel pythagoras", (THALES, ANNOUNCED), (), (THALES,)),
        ("cancel pythagoras", (THALES, ANNOUNCED), ((THALES,), (THALES, THALES)), (THALES, THALES, THALES)),
        ("announce pythagoras", (THALES, THALES), ((THALES, ANNOUNCED),), (THALES, THALES, ANNOUNCED)),
        ("announce pythagoras", (THALES, THALES), (), (THALES, ANNOUNCED)),
        (
            "cancel lagrange",
            (THALES, ("pythagoras", 12), ("lagrange", 20)),
            ((THALES, ("pythagoras", 12)),),
            (THALES, THALES, ("pythagoras", 12)),
        ),
    ],
)
def test_what_was_published_before_is_signed_anew(
    asked: str, before: Listed, published: tuple[Listed, ...], after: Listed
) -> None:
    assert signed(asked, before, *published) == markers(*after)
    assert signed(asked, before, *published) == markers(*after), "and the same each time"


def test_where_history_is_not_known_a_cancellation_is_taken_for_a_copy() -> None:
    assert signed("cancel pythagoras", (THALES, ANNOUNCED), complete=False) == markers(THALES, THALES)
    assert signed("announce lagrange", (THALES,), complete=False) == markers(THALES, ("lagrange", None))


def test_repeated_markers_say_the_same_to_every_reader() -> None:
    """The last marker is what deployed readers take for the next era, so it is never the one that is repeated."""
    after = signed("cancel lagrange", (THALES, ANNOUNCED, ("lagrange", 20)), (THALES, ANNOUNCED))
    assert after == markers(THALES, THALES, ANNOUNCED)
    token, plain = (select_eras(listed, NOW, SupportedEras(ERAS)) for listed in (after, markers(THALES, ANNOUNCED)))
    assert (token.current, token.upcoming, token.epoch) == (plain.current, plain.upcoming, plain.epoch)
    assert distinct(after) == markers(THALES, ANNOUNCED)


def test_nothing_to_do_stays_nothing_to_do() -> None:
    again = plan_change(
        change("announce pythagoras"),
        markers(THALES, THALES, ANNOUNCED),
        NOW,
        RolloutRules(SupportedEras(ERAS)),
        PublishedBefore(frozenset({markers(THALES, ANNOUNCED), markers(THALES, THALES, ANNOUNCED)})),
    )
    assert again.is_done


def test_no_marker_at_all_cannot_be_signed_anew() -> None:
    assert signed("cancel thales", (("thales", 20),), ()) == ()

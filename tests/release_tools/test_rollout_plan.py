"""Rollout plans: the file and its mistakes, what is next, and the text to send out."""

import re
import tomllib
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from era_store import Registration, temporary_registrations
from eras import Epoch, EraMarker
from release_tools import Base, Compatibility, judge_gate
from release_tools.adoption.shares import Gate
from release_tools.forecasting.forecast import ForecastOrder, forecast
from release_tools.forecasting.lottery import Lottery
from release_tools.forecasting.lottery_parameters import SourcedQuorum
from release_tools.markers.change import ChangeKind, MarkerChange
from release_tools.rollout.announcement import TEMPLATES, UNKNOWN, announcement, closing_figures, figures_of
from release_tools.rollout.plan import PlannedRollout
from release_tools.rollout.progress import GateEvidence, RolloutStanding, StepState, rollout_standing
from release_tools.rollout.recovery import recovery
from tests.conftest import ROOT
from tests.errors import raising

TABLE = Compatibility.of({"pythagoras": ">=2.0.0"})


def tree(**changes: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "era": "pythagoras",
        "network_magic": 42,
        "announce": {"epoch": 7},
        "activate": {"at": 12, "gate": {"threshold": "95%"}},
        "people": [{"name": "Release team", "contact": "release@example.org"}, {"name": "Ops", "tell": ["activate"]}],
    } | changes


PLAN = PlannedRollout.of(tree())
FULL = PlannedRollout.of(
    tree(
        activate={
            "at": 12,
            "lead_epochs": 3,
            "gate": {"threshold": "66.7 %", "of": "network", "for_epochs": 2, "quorum_probability": 0.999},
        },
        quorum={"model": "lottery", "k": 1944, "m": 16948, "phi_f": 0.2, "source": 'a "test"\\'},
        before=[{"network": "preprod", "network_magic": 1, "verified": "preprod.json"}],
    )
)


# --- the file


def test_the_text_is_stable_and_says_every_key() -> None:
    assert FULL.to_text() == (
        '# Rollout plan of the era "pythagoras". Its progress: eraswitch rollout status THIS-FILE\n'
        "version = 1\n"
        'era = "pythagoras"\n'
        "network_magic = 42\n"
        "\n"
        "# This network first: nothing happens here until rollout verify --json reports that it recovered.\n"
        "[[before]]\n"
        'network = "preprod"\n'
        "network_magic = 1\n"
        'verified = "preprod.json"\n'
        'share = "90%"  # of what was before the switch there\n'
        "\n"
        "# Phase 1: the marker without an epoch. Nodes that do not know the era warn; nothing switches.\n"
        "[announce]\n"
        "epoch = 7  # not before this epoch\n"
        "\n"
        "# Phase 2: the marker gets its epoch, if the gate holds. Nodes that know the era switch then, others stop.\n"
        "[activate]\n"
        "at = 12  # the era begins; to be activated by epoch 9\n"
        "lead_epochs = 3\n"
        "\n"
        "[activate.gate]\n"
        'threshold = "66.7 %"  # the share of the stake that must be ready\n'
        'of = "network"  # registered, network or recent\n'
        "for_epochs = 2  # in so many consecutive epochs\n"
        "quorum_probability = 0.999  # the chance of a quorum after the switch, at least\n"
        "\n"
        "# What decides the quorum, and its source.\n"
        "[quorum]\n"
        'model = "lottery"\n'
        "k = 1944\n"
        "m = 16948\n"
        "phi_f = 0.2\n"
        'source = "a \\"test\\"\\\\"\n'
        "\n"
        "[[people]]\n"
        'name = "Release team"\n'
        'contact = "release@example.org"\n'
        'tell = ["announce", "activate"]\n'
        "\n"
        "[[people]]\n"
        'name = "Ops"\n'
        'tell = ["activate"]\n'
    )


printable = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@settings(deadline=None)
@given(printable, printable, st.integers(0, 10**5), st.integers(3, 100), st.sampled_from(["registered", "network"]))
def test_what_is_written_is_read_back(era: str, name: str, announced: int, way: int, base: str) -> None:
    plan = PlannedRollout.of(
        tree(
            era=era,
            announce={"epoch": announced},
            activate={"at": announced + way, "gate": {"threshold": "50%", "of": base}},
            people=[{"name": name}],
        )
    )
    assert PlannedRollout.from_text(plan.to_text()) == plan
    assert tomllib.loads(plan.to_text())["era"] == era


def test_the_parts_in_use() -> None:
    assert (FULL.activate.decide_by, FULL.activate.gate.share, FULL.activate.gate.base) == (
        9, Fraction(667, 1000), Base.NETWORK
    )  # fmt: skip
    assert [str(person) for person in PLAN.people_to_tell("announce")] == ["Release team <release@example.org>"]
    assert [str(person) for person in PLAN.people_to_tell("activate")] == ["Release team <release@example.org>", "Ops"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("threshold =", "thresold =", "Did you mean 'activate.gate.threshold'?"),
        ("lead_epochs", "lead_epoch", "activate.lead_epoch: expected a key of the plan, got an unknown name. Did"),
        ("[announce]", "[anounce]", "Did you mean 'announce'?"),
        ("[[people]]", "[[person]]", "person: expected a key of the plan"),
        ("contact", "contcat", "Did you mean 'people.0.contact'?"),
        ('"network"', '"netwrok"', "'network' or 'recent', got 'netwrok'. Did you mean 'network'?"),
        ('["activate"]', '["activat"]', "Did you mean 'activate'?"),
        ('"66.7 %"', '"667 %"', "activate.gate.threshold: expected more than 0% and at most 100%"),
        ('"66.7 %"', "66.7", "activate.gate.threshold: expected text, got 66.7"),
        ("at = 12", "at = 10", "expected activate.at at epoch 11 or later"),
        ("at = 12", "at = -1", "activate.at: expected"),
        ("at = 12", 'at = "12"', "activate.at: expected"),
        ("at = 12", "at = 18446744073709551616", "activate.at: expected"),
        ("version = 1", "version = 2", "version: expected 1, got 2"),
        ("phi_f = 0.2", "phi_f = nan", "quorum.phi_f: expected"),
        ("phi_f = 0.2\n", "", "quorum: expected all of k, m and phi_f for the lottery, got k and m"),
        ('"lottery"', '"cosmos"', "quorum: expected no parameters of the lottery with the model cosmos, got k and"),
        ("for_epochs = 2", "for_epochs = 0", "activate.gate.for_epochs: expected"),
        ("quorum_probability = 0.999", "quorum_probability = 1.5", "activate.gate.quorum_probability: expected"),
        ('era = "pythagoras"', 'era = "a\\u0007b"', "era: expected printable text on one line"),
        ("network_magic = 42", "network_magic = true", "network_magic: expected"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_key(old: str, new: str, words: str) -> None:
    text = FULL.to_text()
    assert old in text
    with raising("RolloutPlan") as caught:
        PlannedRollout.from_text(text.replace(old, new), "plan.toml")
    assert words in str(caught.value)
    assert str(caught.value).startswith("The rollout plan plan.toml has ")
    assert caught.value.exit_code == 2


def test_all_mistakes_at_once() -> None:
    text = FULL.to_text().replace("threshold =", "thresold =").replace("m = 16948", 'm = "many"')
    with raising("RolloutPlan") as caught:
        PlannedRollout.from_text(text)
    assert len(caught.value.facts["mistakes"]) == 3


@pytest.mark.parametrize("text", ["x", "a = 1\na = 2", "[" * 5_000, "version = 1" + "#" * 300_000])
def test_what_is_no_toml(text: str) -> None:
    with raising("RolloutPlan", match="cannot be read: expected TOML"):
        PlannedRollout.from_text(text)


# --- what is next


def evidence(ready: int = 96, epoch: int = 9, plan: PlannedRollout = PLAN) -> GateEvidence:
    """What is known where ``ready`` of 100 are ready in ``epoch`` and the one before."""
    repository = temporary_registrations()
    for at in (epoch - 1, epoch):
        rows = [
            Registration("ready", Epoch(at), "2.0.0", ready, 0.0, "t"),
            Registration("other", Epoch(at), "1.0.0", 100 - ready, 0.0, "t"),
        ]
        repository.ingest(rows, source="t", time_s=0.0)
    gate = plan.activate.gate
    adoption = judge_gate(repository, "pythagoras", Gate(gate.share), TABLE)
    order = ForecastOrder("pythagoras", Epoch(plan.activate.at), SourcedQuorum(Lottery(1944, 16948, 0.2), "a test"))
    return GateEvidence(adoption, forecast(repository, order, compatibility=TABLE))


def standing(
    *markers: tuple[str, int | None], now: int, known: GateEvidence, plan: PlannedRollout = PLAN
) -> RolloutStanding:
    listed = [EraMarker(name, None if epoch is None else Epoch(epoch)) for name, epoch in markers]
    return rollout_standing(plan, listed, Epoch(now), known)


THALES = ("thales", 1)
ANNOUNCE = MarkerChange(ChangeKind.ANNOUNCE, "pythagoras")
ACTIVATE = MarkerChange(ChangeKind.ACTIVATE, "pythagoras", Epoch(12))


@pytest.mark.parametrize(
    ("markers", "now", "ready", "state", "change"),
    [
        ((THALES,), 6, 96, StepState.WAITING, ANNOUNCE),
        ((THALES,), 7, 0, StepState.DUE, ANNOUNCE),
        ((THALES,), 10, 0, StepState.DUE, ANNOUNCE),
        ((THALES,), 11, 96, StepState.LATE, None),
        ((THALES, ("pythagoras", None)), 8, 96, StepState.DUE, ACTIVATE),
        ((THALES, ("pythagoras", None)), 10, 95, StepState.DUE, ACTIVATE),
        ((THALES, ("pythagoras", None)), 10, 94, StepState.BLOCKED, ACTIVATE),
        ((THALES, ("pythagoras", None)), 11, 96, StepState.LATE, None),
        ((THALES, ("pythagoras", 12)), 9, 0, StepState.DONE, None),
        ((THALES, ("pythagoras", 12)), 12, 0, StepState.DONE, None),
        ((THALES, ("pythagoras", 13)), 9, 96, StepState.DEVIATED, None),
        (((("pythagoras", 3),)), 9, 96, StepState.DEVIATED, None),
    ],
)
def test_the_next_step(
    markers: tuple[tuple[str, int | None], ...], now: int, ready: int, state: StepState, change: MarkerChange | None
) -> None:
    found = standing(*markers, now=now, known=evidence(ready))
    assert (found.step.state, found.step.change) == (state, change)
    document = found.to_dict()
    assert document["step"]["state"] == state.value
    assert document["decide_by"] == 10


def test_what_is_missing_is_said() -> None:
    found = standing(THALES, ("pythagoras", None), now=9, known=evidence(90))
    assert found.step.lacks[0].startswith("The gate of pythagoras is not met: it asks for 95 %")
    assert any("other" in line for line in found.step.lacks)
    assert [str(person) for person in found.tell] == ["Release team <release@example.org>", "Ops"]


def test_what_cannot_be_told_keeps_the_gate_shut() -> None:
    announced = (THALES, ("pythagoras", None))
    unknown = standing(*announced, now=9, known=GateEvidence(unknown=("there is no store",)))
    assert (unknown.step.state, unknown.step.lacks) == (StepState.BLOCKED, ("there is no store",))
    nothing = standing(*announced, now=9, known=GateEvidence())
    assert nothing.step.state is StepState.BLOCKED
    stale = standing(*announced, now=9, known=replace(evidence(), unknown=("it is old",)))
    assert stale.step.state is StepState.BLOCKED


def test_the_chance_of_a_quorum_is_a_gate_of_its_own() -> None:
    plan = PlannedRollout.of(tree(activate={"at": 12, "gate": {"threshold": "50%", "quorum_probability": 0.999}}))
    announced = (THALES, ("pythagoras", None))
    for ready, state in ((57, StepState.BLOCKED), (60, StepState.DUE)):
        found = standing(*announced, now=9, known=evidence(ready, plan=plan), plan=plan)
        assert found.step.state is state, ready
    without = standing(*announced, now=9, known=replace(evidence(60, plan=plan), forecast=None), plan=plan)
    assert without.step.state is StepState.BLOCKED
    low = standing(*announced, now=9, known=evidence(57, plan=plan), plan=plan)
    assert "the chance of a quorum in epoch 12 is 0.9" in low.step.lacks[0]


# --- the text to send out


def test_the_announcement_has_the_figures() -> None:
    text = announcement(standing(THALES, now=7, known=evidence(90)), "announce", network="preprod")
    assert text.startswith("pythagoras is announced on preprod\n")
    for words in (
        "It is to begin at epoch 12, if enough of the\nstake is ready by epoch 10; the current epoch is 7",
        "run version 2.0.0 or newer",
        "Ready in epoch 9: 90.0 % of the registered stake. Required: 95 %.",
        "Questions: Release team <release@example.org>\n",
    ):
        assert words in text
    text = announcement(standing(THALES, ("pythagoras", 12), now=10, known=evidence(90)), "activate", network="preprod")
    assert "At epoch 12 every node that knows pythagoras switches" in text
    assert "The chance of a quorum right after the switch: > 99.99 %." in text


def test_figures_that_are_not_known_say_so() -> None:
    found = figures_of(standing(THALES, now=7, known=GateEvidence()), "announce", "preprod")
    for name in ("minimum", "ready", "missing", "quorum", "whom"):
        assert found[name] == UNKNOWN


def test_ones_own_template() -> None:
    found = standing(THALES, now=7, known=evidence(90))
    assert announcement(found, "announce", network="n", template="$era: $$5, ${ready}") == "pythagoras: $5, 90.0 %"
    with raising("AnnouncementTemplate", match=r"asks for \$redy.* Did you mean \$ready\?"):
        announcement(found, "announce", network="n", template="$redy")
    with raising("AnnouncementTemplate", match="lone dollar"):
        announcement(found, "announce", network="n", template="5 $")
    assert set(TEMPLATES) == {"announce", "activate"}


# --- the page


def test_the_page_shows_a_plan_as_it_is_written_and_every_figure() -> None:
    page = (ROOT / "docs" / "rollout.md").read_text(encoding="utf-8")
    shown = page.partition("```toml\n")[2].partition("```")[0]
    assert PlannedRollout.from_text(shown).to_text() == shown
    figures = figures_of(standing(THALES, now=7, known=GateEvidence()), "announce", "preprod")
    plan, begun = standing(THALES, now=7, known=GateEvidence()).plan, Epoch(12)
    closing = closing_figures(plan, recovery((), at=begun, current=begun), "preprod")
    assert set(re.findall(r"`\$(\w+)`", page)) == {*figures, *closing}

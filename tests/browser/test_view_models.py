"""The views as pure functions: words and numbers, without a browser."""

import pytest

from chain_reader import NetworkGenesis
from chain_reader.genesis import EpochCalendar
from era_service.dashboard import words
from era_service.dashboard.adoption import MAX_VERSIONS, adoption_panel, readiness
from era_service.dashboard.configuration import configuration_panel
from era_service.dashboard.headline import headline, page_notices
from era_service.dashboard.markers import markers_panel
from era_service.dashboard.parties import LISTED, Laggards, parties_panel
from era_service.dashboard.recovery import recovery_answer, recovery_panel
from era_service.dashboard.render import badge_svg, views_html
from era_service.dashboard.schedule import schedule_panel
from era_service.dashboard.views import Current, Headline, Page
from era_service.service.documents import EraDocument, EraHistory, EraStatus, NetworkDocument
from era_service.status.documents import ConfigurationStatus, LegacyDocument, RefusedOutput
from era_store import Capability, Registration, temporary_registrations
from eras import Epoch
from eras.words import counted
from release_tools import Compatibility
from release_tools.adoption.parties import NotReady
from release_tools.adoption.summary import summarise_last
from release_tools.rollout.recovery import EpochActivity, recovery

ADA = 1_000_000


def era(name, epoch, state, *, now=5, supported=True):
    left = epoch - now if epoch is not None and epoch > now else None
    return EraDocument(name=name, epoch=epoch, state=state, supported=supported, epochs_left=left)


def status(*eras, epoch=5, **changes):
    current = next((one for one in eras if one.state == "active"), None)
    upcoming = next((one for one in eras if one.state in ("announced", "scheduled", "locked")), None)
    document = {
        "epoch": epoch,
        "network": NetworkDocument(name="test", magic=1, era_address="addr", verification_key="0" * 64),
        "adapter": "cardano-chain",
        "supported_eras": ["thales"],
        "current_era": current and current.name,
        "upcoming_era": upcoming and upcoming.name,
        "epochs_to_upcoming": upcoming and upcoming.epochs_left,
        "current": current,
        "upcoming": upcoming,
        "eras": list(eras),
        "trusted": None,
        "payload": None,
        "stale": None,
        "conflicts": [],
        "legacy": None,
        "verdicts": {},
        "refused": [],
        "refused_not_listed": 0,
        "warnings": [],
        "error": None,
        "era_id": None,
    }
    return EraStatus(**{**document, **changes})


THALES = era("thales", 1, "active")
DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-3, "0 s"), (59.4, "59 s"), (3_600, "1 h 0 min 0 s"), (90_061, "1 d 1 h 1 min"), (432_000, "5 d 0 h 0 min")],
)
def test_duration(seconds, shown):
    assert words.duration(seconds) == shown


def test_words_of_lists_counts_and_identifiers():
    assert [words.listed(names) for names in ([], ["a"], ["a", "b", "c"])] == ["none", "a", "a, b and c"]
    assert [counted(n, "party", "parties") for n in (1, 2_000)] == ["1 party", "2,000 parties"]
    assert words.short_hash("ab" * 32 + "#1") == "abababab…abab#1"
    assert words.short_hash("dummy#0") == "dummy#0"
    assert words.sentence(" the tip is old") == "The tip is old."


CALENDAR = EpochCalendar()
GENESIS = NetworkGenesis(42, -20 * DAY_S, 1.0, 5 * 86_400)
"""Its epoch 5 ends when the tenth day does."""


def test_the_countdown_counts_whole_epochs_after_the_one_that_runs():
    head = headline(status(THALES, era("pythagoras", 8, "scheduled")), EpochCalendar(GENESIS, 9 * DAY_S), None)
    assert (head.number, head.unit) == ("3", "epochs")
    assert head.left == "11 d 0 h 0 min"
    assert head.moment == "1970-01-21T00:00:00Z"


def test_without_a_genesis_only_epochs_are_counted():
    head = headline(status(THALES, era("pythagoras", 7, "scheduled")), CALENDAR, None)
    assert (head.number, head.moment, head.left) == ("2", None, "")


@pytest.mark.parametrize("epoch", [1_000_000, 2**64 - 1])
def test_an_epoch_after_the_end_of_the_calendar_is_counted_all_the_same(epoch):
    clock = EpochCalendar(GENESIS, 9 * DAY_S)
    far = status(THALES, era("pythagoras", epoch, "scheduled"))
    head = headline(far, clock, None)
    assert (head.number, head.moment, head.under) == (f"{epoch - 5:,}", None, f"At epoch {epoch}.")
    (row,) = [row for row in schedule_panel(far, clock).figures[0].table.rows if row[0].text == "pythagoras"]
    assert row[3].text == f"in {epoch - 5:,} epochs"


def test_an_era_without_an_epoch_is_named_and_not_counted():
    head = headline(status(THALES, era("pythagoras", None, "announced")), CALENDAR, None)
    assert (head.number, head.unit, head.tone) == ("pythagoras", "", "quiet")
    assert schedule_panel(status(THALES, era("pythagoras", None, "announced")), CALENDAR).lead.endswith(
        "pythagoras is announced, without an epoch."
    )


def configuration(at, k, **more):
    signing = {f"cardano_{name}_signing_config": None for name in ("transactions", "blocks_transactions")}
    lottery = {"k": k, "m": 20_973, "phi_f": 0.2}
    return {"epoch": at, "protocol_parameters": lottery, "available_signed_entity_types": ["CardanoDatabase"]} | (
        signing | more
    )


def configurations(**changes):
    before, now, coming = configuration(0, 1_800), configuration(4, 1_944), configuration(7, 2_422)
    following = {**coming, "epochs_left": 2, "changes": ["k 1944 → 2422"]}
    document = {"epoch": 5, "current": now, "next": following, "configurations": [before, now, coming]}
    lawful = {"OtherKind": 2, "Superseded": 1, "Unconfirmed": 1}
    quiet = {"window": None, "trusted": None, "stale": None, "legacy_differs": False, "verdicts": lawful}
    return ConfigurationStatus(**{**document, **quiet, "refused": [], "warnings": [], **changes})


def test_the_protocol_configuration_and_its_next_change_with_dates():
    panel = configuration_panel(configurations(), EpochCalendar(GENESIS, 9 * DAY_S))
    assert panel.lead == (
        "In force since epoch 4 (1970-01-01 00:00 UTC); at epoch 7 (1970-01-16 00:00 UTC), in 6 d: k 1944 → 2422."
    )
    facts = {fact.label: (fact.value, fact.note) for fact in panel.facts}
    assert [facts[name][0] for name in ("k", "m", "phi_f", "Refused")] == ["1,944", "20,973", "0.2", "0"]
    assert facts["Next change"] == ("in 2 epochs", "epoch 7 (1970-01-16 00:00 UTC)")
    assert panel.notes == ("Signed entity types: CardanoDatabase.",)
    (figure,) = panel.figures
    assert [row[1].text for row in figure.table.rows] == ["1,800", "1,944", "2,422"]
    assert figure.svgs[0].count("<title>") == 5, "k has three values; m and phi_f have one"


def test_what_is_the_matter_with_protocol_configurations_stands_in_their_view():
    told = configurations(stale="nobody answered", legacy_differs=True, verdicts={"WrongSigner": 3}, next=None)
    panel = configuration_panel(told, CALENDAR)
    assert [notice.tone for notice in panel.notices] == ["attention", "bad"]
    assert (panel.facts[-1].value, panel.facts[-1].tone) == ("3", "attention")
    assert panel.lead == "In force since epoch 4; no change is announced."
    for nothing in (None, configurations(current=None, next=None, configurations=[])):
        assert configuration_panel(nothing, CALENDAR).notices[0].title == "No protocol configuration is trusted yet"


def test_every_refused_output_without_a_payload_is_counted():
    refused = [RefusedOutput(output=f"aa#{n}", slot=1, verdict="Malformed", reason="no JSON") for n in range(2)]
    found = status(era("thales", 1, "active"), refused=refused)
    panel = markers_panel(found, EraHistory(network=found.network, payloads=[], not_listed=0))
    assert panel.lead == "2 payloads refused: 2 Malformed. They changed nothing."
    assert panel.facts[-1].value == "2"


def test_a_current_era_that_is_not_supported_is_said_once():
    unknown = status(
        era("pythagoras", 5, "active", supported=False),
        error={"code": "UnsupportedEra", "what": "no"},
    )
    assert [(one.tone, one.title) for one in page_notices(unknown)] == [
        ("bad", "This service does not know the current era pythagoras")
    ]
    nothing = page_notices(status(error={"code": "NothingTrusted", "what": "nothing"}))
    assert [one.title for one in nothing] == ["No era follows from what is trusted"]


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [
        ("9,999", "epochs", '<p class="big" data-tone="quiet">9,<wbr>999 '),
        ("12,345", "epochs", '<p class="big word" data-tone="quiet">12,<wbr>345 '),
        ("18,446,744,073,709,551,615", "epochs", '<p class="big word long" data-tone="quiet">18,<wbr>446,<wbr>744,'),
        ("<b>,", "", '<p class="big word" data-tone="quiet">&lt;b&gt;,<wbr>'),
        ("7th", "", '<p class="big word" data-tone="quiet">7th'),
    ],
)
def test_what_is_long_is_written_smaller_and_breaks_between_thousands(number, unit, shown):
    head = Headline("x activates in", number, unit, "", "locked", "quiet", current=Current("n" * 21, "", "good"))
    html = views_html(Page("test", 5, head, (), (), None, stale=False, public=False, title="test"), theme=None)
    assert shown in html
    assert f'<p class="big word long" data-tone="good">{"n" * 21}</p>' in html


def test_an_era_that_is_not_supported_is_bad_news():
    unsupported = era("pythagoras", 7, "locked", supported=False)
    assert headline(status(THALES, unsupported), CALENDAR, None).tone == "bad"
    gone = era("thales", 1, "active", supported=False)
    assert next(page_notices(status(gone))).tone == "bad"
    assert next(page_notices(status(THALES, unsupported))).tone == "bad"
    announced = era("pythagoras", None, "announced", supported=False)
    assert next(page_notices(status(THALES, announced))).tone == "attention"


@pytest.mark.parametrize(("supported", "tone"), [(True, "good"), (False, "bad")])
def test_the_current_era_stands_beside_the_one_that_comes(supported, tone):
    now = era("thales", 1, "active", supported=supported)
    for coming in (era("pythagoras", None, "announced"), era("pythagoras", 7, "locked")):
        current = headline(status(now, coming), CALENDAR, None).current
        assert (current.era, current.under, current.tone) == ("thales", "Since epoch 1; epoch 5 now.", tone)
    assert headline(status(now), CALENDAR, None).current is None, "alone it is the number itself"


def test_a_rehearsal_is_said_to_be_nobodys_network():
    embedded = status(THALES).network.model_copy(update={"embedded": True})
    (notice,) = page_notices(status(THALES, network=embedded))
    assert (notice.tone, "not a real network" in notice.title) == ("attention", True)
    assert list(page_notices(status(THALES))) == []


def test_a_warning_is_told_once():
    told = status(
        THALES,
        stale="the tip is old",
        legacy=LegacyDocument(differs=True, words="a reader could differ", possible=[]),
        warnings=["What is trusted is not confirmed: the tip is old", "a reader could differ", "something else"],
    )
    assert [notice.title for notice in page_notices(told, ["something else"])] == [
        "Stale: the chain does not confirm what is shown",
        "A reader without rules of trust could follow another payload",
        "Something else.",
    ]


TABLE = {"pythagoras": ">=2.0.0"}


def adoption(versions, epochs=1, network=None, table=TABLE):
    """The adoption of epochs in which each version has a party with the given stake."""
    repository = temporary_registrations()
    for epoch in range(1, epochs + 1):
        rows = [
            Registration(f"party{number}", Epoch(epoch), version, stake * ADA, 1.0, "test", capability=able)
            for number, (version, stake, *reported) in enumerate(versions)
            for able in [*map(Capability, reported), None][:1]
        ]
        repository.ingest(rows, source="test", time_s=1.0)
        if network:
            repository.set_network_stake(Epoch(epoch + 1), network * ADA, source="test", time_s=1.0)
    return summarise_last(repository, epochs, compatibility=Compatibility.of(table), eras=("pythagoras",))


def test_who_is_ready_by_capability_needs_no_table_and_is_shown_apart():
    versions = [("1.0.0", 50, ("pythagoras",)), ("2.0.0", 30), ("1.0.0", 20)]
    for table, share, apart in (
        (TABLE, "80.0 %", "50.0 % by capability, 30.0 % by version"),
        ({}, "50.0 %", "50.0 % by capability, 0.0 % by version"),
    ):
        epochs = adoption(versions, table=table)
        panel = adoption_panel(epochs, None, "pythagoras", EpochCalendar())
        cell = panel.table.rows[0][2]
        assert (cell.text, cell.note.partition("; ")[2]) == (share, apart)
        assert apart in readiness(epochs, None, "pythagoras").verdict
    legend = [
        name
        for name, _ in adoption_panel(adoption(versions), None, "pythagoras", EpochCalendar()).figures[0].table.headings
    ]
    assert legend == ["Epoch", "2.0.0", "1.0.0, in part"]
    assert readiness(adoption([("1.0.0", 50)], table={}), None, "pythagoras") is None


def test_many_versions_are_told_apart_up_to_a_number_and_add_up():
    versions = [(f"{major}.{minor}.0", 100 - 10 * major - minor) for major in (1, 2) for minor in range(8)]
    panel = adoption_panel(adoption([*versions, (None, 5)]), None, "pythagoras", EpochCalendar())
    figure = panel.figures[0]
    names = [name for name, _ in figure.table.headings[1:]]
    assert len(names) == MAX_VERSIONS + 1
    assert names[-1] == "others"
    shares = [float(cell.text.removesuffix(" %")) for cell in figure.table.rows[0][1:]]
    assert sum(shares) == pytest.approx(100)
    ready = [name for name in names if name.startswith("2.")]
    assert names[: len(ready)] == ready


def test_a_version_that_shouts_is_escaped_in_the_chart():
    panel = adoption_panel(adoption([("1.0.0-a", 5), ("<script>", 5)]), None, "pythagoras", EpochCalendar())
    assert all("<script>" not in svg for figure in panel.figures for svg in figure.svgs)


def test_readiness_is_never_rounded_up_into_the_gate():
    epochs = adoption([("2.0.0", 79_999), ("1.0.0", 20_001)])
    ready = readiness(epochs, None, "pythagoras")
    assert ready.share_text == "79.9 %"
    assert ready.met is None
    assert readiness(epochs, None, "atlantis") is None
    assert readiness([], None, "pythagoras") is None


def test_the_networks_stake_is_said_to_be_unknown_or_told():
    facts = {
        fact.label: fact
        for fact in adoption_panel(adoption([("2.0.0", 50)]), None, "pythagoras", EpochCalendar()).facts
    }
    assert facts["Whole network's stake"].value == "not known"
    known = adoption_panel(adoption([("2.0.0", 50)], network=200), None, "pythagoras", EpochCalendar()).facts
    assert {fact.label: fact for fact in known}["Whole network's stake"].note == "25.0 % of it registered"


def behind(count):
    return [NotReady(f"pool{number}", (count - number) * ADA, "1.0.0+Build", Epoch(5)) for number in range(count)]


def laggards(sought="", count=40):
    late = [("1.0.0+Build", one.stake // ADA) for one in behind(count)]
    (now,) = adoption([("2.0.0", 10_001 - sum(stake for _, stake in late)), *late])
    return Laggards.among(behind(count), row=now.eras[0], now=now, sought=sought)


def test_the_largest_laggards_are_listed_and_the_rest_counted():
    panel = parties_panel(laggards(), public=False)
    assert len(panel.table.rows) == LISTED
    assert panel.table.rest == 40 - LISTED
    assert panel.table.rows[0][0].text == "pool0"


def test_what_is_ready_and_what_is_not_are_all_of_it():
    found = laggards()
    assert (f"{found.ready}", found.share) == ("91.8 %", "8.2 %"), "91.801 % and 8.199 %"
    assert "with 8.2 % of the registered stake do not support" in parties_panel(found, public=False).lead


@pytest.mark.parametrize(("sought", "found"), [("POOL3", 11), ("1.0.0", 40), ("atlantis", 0)])
def test_the_search_goes_over_all_laggards(sought, found):
    assert laggards(sought).found == found


def test_the_public_list_has_numbers_for_names():
    panel = parties_panel(laggards(), public=True)
    assert [cell.text for cell in panel.table.rows[0]][:2] == ["Party 1", "1.0.0"]
    assert panel.search is None


def test_nobody_behind_is_good_news():
    assert parties_panel(laggards(count=0), public=False).notices[0].tone == "good"


def test_a_badge_escapes_what_it_is_given():
    svg = badge_svg('<b>"&', "85.1 % ready", "good")
    assert "<b>" not in svg
    assert "&lt;b&gt;&quot;&amp;" in svg


def recovered(after, current=13):
    """How a network stands that switched at epoch 10, by the stake of each party after it."""
    before = {"quito": 60 * ADA, "perth": 30 * ADA, "lima": 10 * ADA}
    activities = [EpochActivity(Epoch(epoch), None, before) for epoch in (7, 8, 9)]
    activities += [EpochActivity(Epoch(epoch), None, after) for epoch in range(10, current + 1)]
    return recovery(activities, at=Epoch(10), current=Epoch(current))


@pytest.mark.parametrize(
    ("after", "stale", "tone", "sentence", "reasons"),
    [
        ({"quito": 60 * ADA, "perth": 30 * ADA}, False, "good", "has recovered: epoch 12 has 90.0 %", 1),
        ({"quito": 60 * ADA, "perth": 30 * ADA}, True, "attention", "has recovered", 2),
        ({"quito": 60 * ADA}, False, "attention", "has not recovered: epoch 12 has 60.0 %", 1),
    ],
)
def test_after_a_switch_the_page_opens_with_whether_the_network_recovered(after, stale, tone, sentence, reasons):
    found = recovery_answer(recovered(after), stale=stale)
    assert (found.tone, len(found.reasons)) == (tone, reasons)
    assert sentence in found.sentence
    assert found.reasons[-1].endswith("stopped and has not come back." if len(after) == 2 else "have not come back.")


def test_the_recovery_names_who_has_not_come_back_but_not_in_public():
    found = recovered({"quito": 60 * ADA})
    panel = recovery_panel(found, EpochCalendar(), {"perth": "PERTH"}, public=False)
    assert [(row[0].text, row[0].link) for row in panel.table.rows] == [
        ("PERTH", "party/perth"),
        ("lima", "party/lima"),
    ]
    assert [(fact.label, fact.value, fact.tone) for fact in panel.facts] == [
        ("Stake that registered for epoch 12", "60.0 %", "attention"),
        ("Stopped and not back", "2 parties", "attention"),
    ]
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in panel.figures[0].table.rows}
    assert rows["9"] == ["3", "100.0 ADA", "100.0 %", "", ""]
    assert rows["10"] == ["1", "60.0 ADA", "60.0 %", "", "the switch"]
    public = recovery_panel(found, EpochCalendar(), {}, public=True)
    assert [(row[0].text, row[0].link) for row in public.table.rows] == [("Party 1", ""), ("Party 2", "")]

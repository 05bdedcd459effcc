"""What happened, as a page, as a feed and as a calendar, read by the libraries that others read them with."""

from datetime import UTC, datetime

import feedparser
import icalendar
import pytest

from chain_reader import NetworkGenesis
from chain_reader.genesis import EpochCalendar
from era_service.dashboard.activity import Activity, ActivityKind, activity_of
from era_service.dashboard.activity_pages import atom_feed, era_calendar
from era_service.service.documents import EraDocument
from era_store import StoredEvent
from eras import Epoch
from tests.web.world import ANNOUNCED, SCHEDULED

HOSTILE = 'a<b>&;,\\"\u202e' + "ü" * 90
GENESIS = NetworkGenesis(42, 1_000_000_000.0, 1.0, 86_400)


def told(*events, calendar=None):
    """The activity of (kind, facts), a second apart; with a third part, at that time."""
    made = [
        StoredEvent(number, kind, Epoch(3), facts, "0", when[0] if when else float(number))
        for number, (kind, facts, *when) in enumerate(events, 1)
    ]
    return activity_of(made, calendar or EpochCalendar())


def refused(verdict):
    return "refused", {"output": "aa#0", "verdict": verdict, "reason": "not ours"}


def test_refused_payloads_that_follow_each_other_are_one_entry():
    found = told(
        refused("Impostor"), refused("Replayed"), refused("Impostor"),
        ("refused-many", {"verdicts": {"Impostor": 500}}),
        ("activated", {"era": "x", "began": 3, "previous": "w", "supported": True}),
        refused("Malformed"),
    )  # fmt: skip
    assert [(one.kind, one.title, one.id) for one in found] == [
        ("refused", "1 payload refused", 6),
        ("switched", "x is the current era", 5),
        ("refused", "503 payloads refused", 4),
    ]
    assert found[2].detail == "502 Impostor and 1 Replayed; nothing changed"


def test_what_a_publication_brought_about_is_one_entry_and_another_process_tells_nothing_new():
    markers = [{"name": "w", "epoch": 1}, {"name": "x", "epoch": 9}]
    publication = (
        ("trusted", {"output": "ab" * 32 + "#0", "slot": 1, "markers": markers}, 50.0),
        ("scheduled", {"era": "x", "begins": 9, "supported": True}, 50.0),
        ("announced", {"era": "y", "begins": None, "supported": False}, 50.0),
    )
    later = tuple((kind, facts, 60.0) for kind, facts, _ in publication)
    (one,) = told(*publication, *later, calendar=EpochCalendar(GENESIS))
    assert one.title == "x is scheduled for epoch 9 (2001-09-18 01:46 UTC); y is announced"
    assert one.detail == "w at 1, x at 9; abababab…abab#0"
    (anew,) = told(publication[0])
    assert (anew.kind, anew.title) == ("published", "The markers were published again")


def test_two_payloads_are_two_entries_though_their_words_are_the_same():
    conflicts = [("conflict", {"output": f"{letter}#0", "reason": "why"}) for letter in "aba"]
    assert [one.id for one in told(*conflicts)] == [2, 1], "the third reports the first again"


def test_a_gate_is_shown_in_the_words_of_the_other_pages_and_never_rounded_up():
    share = {"stake": 1, "total": 2, "share": 0.5}
    (one,) = told(("gate-crossed", {"era": "x", "met": False, "threshold": 0.949999, "share": share, "base": "recent"}))
    assert one.detail == "50.0 % of the stake of each party's newest registration, gate 94.9999 %"


@pytest.mark.parametrize(
    ("kind", "facts", "title"),
    [
        ("moved", {"era": "x", "begins": 9, "was": 8}, "x is moved from epoch 8 to epoch 9"),
        ("moved", {"era": "x", "begins": None, "was": 8}, "x is no longer scheduled for epoch 8"),
        ("cancelled", {"era": "x", "was": 8}, "x is cancelled"),
        ("gate-overridden", {"era": "x", "reason": "tested"}, "x was activated although its gate was not met"),
        ("conflict", {"output": "a#0", "reason": "why"}, "A payload contradicts what is in force"),
        (
            "gate-crossed",
            {"era": "x", "met": False, "threshold": 0.8, "share": None, "base": "recent"},
            "x has fallen below its gate",
        ),
    ],
)
def test_everything_has_its_sentence(kind, facts, title):
    (one,) = told((kind, facts))
    assert one.title == title


def test_a_reader_of_feeds_reads_the_feed_whatever_names_there_are():
    newest = Activity(7, ActivityKind.SWITCHED, HOSTILE, "d\u0000", "good", 3, 1.0e9)
    entries = [newest, Activity(3, ActivityKind.PUBLISHED, "t", "", "quiet", 3, 2.0)]
    made = atom_feed(entries, network=HOSTILE, place="here")
    found = feedparser.parse(made)
    assert not found.bozo, found.get("bozo_exception")
    assert found.version == "atom10"
    assert [one.updated for one in found.entries] == ["2001-09-09T01:46:40Z", "1970-01-01T00:00:02Z"]
    assert len({found.feed.id, *(one.id for one in found.entries)}) == 3
    assert found.feed.updated == "2001-09-09T01:46:40Z"
    assert "&lt;b&gt;" in made.decode()
    assert "\u202e" not in made.decode()
    assert not feedparser.parse(atom_feed([], network="n", place="here")).bozo
    assert atom_feed(entries, network=HOSTILE, place="here") == made, "the same again, so that its ETag holds"


def test_a_calendar_reads_the_eras_whatever_names_there_are():
    eras = [
        EraDocument(name=HOSTILE, epoch=9, state="scheduled", supported=True, epochs_left=6),
        EraDocument(name="announced", epoch=None, state="announced", supported=True, epochs_left=None),
        EraDocument(name="never", epoch=2**64 - 1, state="scheduled", supported=True, epochs_left=None),
    ]
    made = era_calendar(eras, EpochCalendar(GENESIS), network="my; net,", place="here", published_at_s=5.0)
    assert made is not None
    assert max(map(len, made.split(b"\r\n"))) <= 75
    (event,) = icalendar.Calendar.from_ical(made).walk("VEVENT")
    assert event.decoded("DTSTART") == datetime.fromtimestamp(1_000_000_000 + 9 * 86_400, UTC)
    assert event.decoded("DTSTAMP") == datetime.fromtimestamp(5, UTC)
    assert event["SUMMARY"].startswith('my; net,: the era a<b>&;,\\"')
    assert event["SUMMARY"].endswith("ü" * 90 + " begins")
    assert era_calendar(eras, EpochCalendar(), network="n", place="here", published_at_s=None) is None


def test_the_pages_show_what_the_log_has_and_are_not_sent_twice(world, monkeypatch):
    world.publish(ANNOUNCED)
    world.publish(SCHEDULED)
    world.service.store.events.append(
        "gate-overridden", {"era": "lagrange", "reason": "<i>"}, time_s=1.0, epoch=Epoch(1)
    )
    page = world.client.get("/activity")
    assert page.text.count("<li id=") == 4
    assert "The reason given: &lt;i&gt;" in page.text
    assert world.client.get("/eras.ics").json()["code"] == "PathNotFound", "no genesis is known, so there is no date"
    feed = feedparser.parse(world.client.get("/activity.atom").content)
    assert [one.title for one in feed.entries] == [
        "lagrange was activated although its gate was not met",
        "lagrange is scheduled for epoch 4",
        "lagrange is announced",
        "The markers were published again",
    ]
    chain = world.stage.chain
    world.now_s = chain.slot_time_s(chain.current_slot()) - 1
    world.read()
    events = icalendar.Calendar.from_ical(world.client.get("/eras.ics").content).walk("VEVENT")
    assert [str(event["SUMMARY"]).split()[-2] for event in events] == ["pythagoras", "lagrange"]
    for path in ("/activity", "/activity.atom", "/eras.ics", "/parties", "/parties.csv"):
        first = world.client.get(path)
        again = world.client.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b""), path
    monkeypatch.setattr("era_service.dashboard.activity_pages.EVENTS", 1)
    assert "activity?before=" in world.client.get("/activity").text
    assert world.client.get("/activity?before=1").text.count("<li id=") == 0

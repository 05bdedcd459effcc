"""The pages of the parties: the list, and each by itself."""

import csv
import io

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from era_service.dashboard.roster import GONE, NOT_READY, READY, UNKNOWN, Roster
from era_store import Registration, temporary_registrations
from eras import Epoch
from release_tools import Compatibility
from release_tools.adoption.tickers import load_tickers, read_tickers
from tests.browser.conftest import shoot
from tests.errors import raising

TABLE = Compatibility.of({"pythagoras": ">=2.0.0"})


def roster(*rows, tickers=None, era="pythagoras", table=TABLE):
    """Of (party, epoch, version, stake)."""
    store = temporary_registrations()
    found = [Registration(party, Epoch(epoch), version, stake, 1.0, "test") for party, epoch, version, stake in rows]
    store.ingest(found, source="test", time_s=1.0)
    return Roster(store, sorted({epoch for _, epoch, _, _ in rows}, reverse=True), era, table, tickers or {})


HISTORY = roster(
    ("late", 1, "1.9.0", 10), ("late", 2, "1.10.0", 10), ("late", 3, None, 10),
    ("soon", 1, "1.9.0", 30), ("soon", 2, "2.0.0", 30), ("soon", 3, "2.0.1", 30),
    ("gone", 1, "2.0.0", 20),
    tickers={"late": "LATE", "soon": "POOL", "gone": "pool"},
)  # fmt: skip


def test_a_party_is_ready_since_the_epoch_from_which_it_was_without_a_break():
    assert {name: (one.state, one.since) for name, one in HISTORY.parties.items()} == {
        "late": (NOT_READY, 1),
        "soon": (READY, 2),
        "gone": (GONE, 2),
    }
    assert {one.state for one in roster(("a", 1, "2.0.0", 1), era=None).parties.values()} == {UNKNOWN}


def test_a_party_is_found_by_its_id_and_by_its_ticker():
    assert [one.party_id for one in HISTORY.find("late")] == ["late"]
    assert [one.party_id for one in HISTORY.find("Late")] == ["late"]
    assert {one.party_id for one in HISTORY.find("pool")} == {"soon", "gone"}
    assert HISTORY.find("nobody") == ()


@pytest.mark.parametrize(
    ("sort", "ascending", "order"),
    [
        ("stake", False, ["soon", "gone", "late"]),
        ("stake", True, ["late", "gone", "soon"]),
        ("party", True, ["late", "soon", "gone"]),
        ("version", False, ["soon", "gone", "late"]),
        ("since", True, ["late", "soon", "gone"]),
        ("state", True, ["late", "gone", "soon"]),
    ],
)
def test_the_parties_are_sorted_by_any_column(sort, ascending, order):
    assert [one.party_id for one in HISTORY.search(sort=sort, ascending=ascending)] == order


def test_versions_are_sorted_as_versions():
    found = roster(("a", 1, "0.10.0", 1), ("b", 1, "0.9.0", 1), ("c", 1, "what", 1), ("d", 1, None, 1))
    assert [one.party_id for one in found.search(sort="version")][:2] == ["a", "b"]


def test_all_parties_are_searched_and_not_only_those_that_are_not_ready():
    assert [one.party_id for one in HISTORY.search("2.0.1")] == ["soon"]
    assert [one.party_id for one in HISTORY.search("pool", state=READY)] == ["soon"]


def test_a_file_of_tickers_that_cannot_be_read_is_named(tmp_path):
    with raising("Tickers", match=r"cannot be read"):
        load_tickers(tmp_path / "none.csv")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with raising("Tickers", match=r"cannot be read"):
        load_tickers(tmp_path / "binary")


def test_tickers_are_read_from_csv_and_from_an_aggregator():
    assert read_tickers("party_id,ticker\npool1a,AAA\npool1b,\n") == {"pool1a": "AAA"}
    answer = '{"network": "preview", "signers": [{"party_id": "pool1a", "pool_ticker": "AAA"}, {"party_id": "b"}, 3]}'
    assert read_tickers(answer) == {"pool1a": "AAA"}
    for wrong in ("", "a,b\n", "{", '{"signers": 1}', f"party_id,ticker\n{'a' * 200_000},A\n"):
        with raising("Tickers"):
            read_tickers(wrong)


def test_the_list_leads_to_the_page_of_a_party(open_page, attacked):
    page = open_page(f"{attacked.url}/parties", viewport=(390, 844))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#all-parties .lead")).to_contain_text("ready means ready for pythagoras")
    page.get_by_label("Find a party").fill("pool108")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a").click()
    expect(page.locator("#party")).to_contain_text("Install 2.0.0 or newer")
    expect(page.locator("#history tbody tr").first).to_contain_text("not signed")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        shoot(page, f"party-phone-{theme}")


def test_the_list_is_sorted_by_its_headings_and_is_there_as_csv(open_page, attacked):
    page = open_page(f"{attacked.url}/parties")
    page.get_by_role("link", name="Stake").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Stake")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    shoot(page, "parties-desktop-light")
    text = page.request.get(f"{attacked.url}/parties.csv?state=not%20ready").text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows
    assert {row["state"] for row in rows} == {NOT_READY}
    assert page.request.get(f"{attacked.url}/party/nobody").status == 404


def test_the_public_view_has_no_page_of_a_party(open_page, make_world):
    world = make_world(service={"public": True})
    world.play(1)
    page = open_page(world.url)
    assert page.request.get(f"{world.url}/parties").status == 404
    assert page.request.get(f"{world.url}/parties.csv").status == 404
    assert page.request.get(f"{world.url}/party/perth").status == 404

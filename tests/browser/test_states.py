"""The dashboard when there is nothing to show, when it is old, and when something is broken."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from era_service.config.schema import Settings
from era_service.web import Service, create_app
from era_store import open_store
from eras import Epoch
from tests.browser.conftest import shoot
from tests.browser.world import ATTACKED
from tests.web.world import serving


def clean(page, name):
    """Axe finds nothing in either theme; keep what both look like."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        shoot(page, f"{name}-desktop-{theme}")


@pytest.fixture
def idle(tmp_path):
    """A service that has read nothing yet."""
    settings = Settings.model_validate({"network": {"name": "preview"}})
    service = Service(settings, open_store(str(tmp_path / "store.sqlite3")))
    with serving(create_app(service)) as url:
        yield url
    service.close()


def test_loading(idle, open_page):
    page = open_page(idle)
    expect(page.locator("#headline")).to_contain_text("Reading the chain for the first time")
    expect(page.locator("#parties")).to_contain_text("Waiting for the first reading")
    expect(page.locator("#connection")).to_have_text("Live")
    clean(page, "loading")


def test_empty(open_page, make_world):
    world = make_world()
    world.service.read_chain()
    page = open_page(world.url)
    expect(page.locator("#headline")).to_contain_text("not known")
    expect(page.locator("#timeline")).to_contain_text("No era is on the chain yet")
    expect(page.locator("#adoption")).to_contain_text("No registrations yet")
    expect(page.locator("#parties")).to_contain_text("Nobody to call")
    expect(page.locator("#markers")).to_contain_text("Nothing was ever at the era address")
    clean(page, "empty")


def test_stale(open_page, make_world):
    world = make_world(limits={"retry_budget_s": 0.2, "max_attempts": 1})
    world.play(ATTACKED)
    world.stop_provider()
    world.service.read_chain()
    page = open_page(world.url)
    expect(page.locator("#notices")).to_contain_text("Stale")
    expect(page.locator("#answer")).to_contain_text("It is not known whether it is safe to switch to pythagoras")
    expect(page.locator("#read")).to_contain_text("Stale: chain asked at")
    expect(page.locator("#markers")).to_contain_text("From memory")
    expect(page.locator("#headline .lead .big")).to_contain_text("1")
    expect(page.locator("#providers")).to_contain_text("Does not answer")
    clean(page, "stale")


def test_a_view_that_cannot_be_made_says_why_and_the_others_go_on(open_page, make_world):
    world = make_world()
    world.play(2)
    (world.folder / "compatibility.toml").write_text("pythagoras = 2\n")
    world.register()
    page = open_page(world.url)
    expect(page.locator("#adoption .notice[data-tone=bad]")).to_contain_text(
        "table of eras and versions has a mistake"
    )  # what was counted before is shown until the stream tells
    expect(page.locator("#headline")).to_contain_text("pythagoras")
    expect(page.locator("#markers")).to_contain_text("In force")
    clean(page, "broken-view")


def test_the_service_does_not_know_the_era_that_comes(open_page, make_world):
    world = make_world(network={"supported_eras": ("thales",)})
    world.play(ATTACKED)
    page = open_page(world.url)
    expect(page.locator("#notices")).to_contain_text("does not know the upcoming era pythagoras")
    expect(page.locator("#headline .lead .big")).to_have_attribute("data-tone", "bad")
    clean(page, "unsupported")


def test_without_a_gate_the_share_is_told_alone(open_page, make_world):
    world = make_world(adoption={"gate_threshold": None})
    world.play(2)
    page = open_page(world.url)
    expect(page.locator("#headline")).to_contain_text("No gate is configured")
    expect(page.locator("#headline .gauge .gate")).to_have_count(0)


def test_where_nothing_says_which_versions_support_the_era_nobody_is_said_to_be_unready(open_page, make_world):
    world = make_world(adoption={"compatibility_file": None, "gate_threshold": None})
    world.play(ATTACKED)
    page = open_page(world.url)
    expect(page.locator("#headline")).to_contain_text("not known")
    expect(page.locator("#headline")).to_contain_text("adoption.compatibility_file")
    expect(page.locator("#parties")).to_contain_text("It is not known who is ready")
    expect(page.locator("#parties table")).to_have_count(0)
    expect(page.locator("#versions-chart summary")).to_have_text("Stake by version, as a table")
    expect(page.locator("#readiness-chart")).to_have_count(0)
    row = page.locator("#adoption > .scroll tbody tr").filter(has_text="pythagoras")
    expect(row).to_contain_text("unknown")
    expect(row).not_to_contain_text("0.0 %")
    shoot(page, "readiness-unknown-desktop-light")


def test_the_public_view_names_nobody(open_page, make_world):
    world = make_world(service={"public": True})
    world.play(ATTACKED)
    page = open_page(world.url)
    text = page.content()
    for secret in ("perth", "quito", "pool1", "127.0.0.1"):
        assert secret not in text
    expect(page.locator("#parties tbody tr").first).to_contain_text("Party 1")
    expect(page.locator("#providers")).to_contain_text("Not in the public view")
    expect(page.get_by_label("Find a party")).to_have_count(0)
    expect(page.get_by_role("link", name="Parties", exact=True)).to_have_count(0)
    found = page.request.get(f"{world.url}/?party=perth").text()
    assert "perth" not in found
    clean(page, "public")


def test_a_search_that_is_too_long_is_refused_in_words(attacked, open_page):
    page = open_page(attacked.url)
    expect(page.get_by_role("link", name="Parties", exact=True)).to_have_attribute("href", "parties")
    answer = page.request.get(f"{attacked.url}/?party={'x' * 101}")
    assert answer.status == 422


def test_an_era_that_this_release_does_not_know_and_a_gate_that_was_overridden(open_page, make_world):
    world = make_world(network={"supported_eras": ("thales",)})
    world.play(ATTACKED)
    facts = {"era": "pythagoras", "reason": "all large operators upgrade on Monday"}
    world.store.events.append("gate-overridden", facts, time_s=world.now_s(), epoch=Epoch(6))
    page = open_page(world.url)
    answer = page.locator("#answer")
    expect(answer).not_to_have_attribute("data-tone", "good")
    expect(answer).to_contain_text("does not support the era")
    expect(answer).to_contain_text("The gate was overridden, for the reason: all large operators upgrade on Monday.")
    expect(page.locator("#notices")).to_contain_text("This service does not know the upcoming era pythagoras")
    clean(page, "unsupported-overridden")

"""Each view of the dashboard, with the network of the demo before and after its switch."""

import re

import pytest
from playwright.sync_api import expect

from era_service.service import adoption
from tests.browser.conftest import DESKTOP, PHONE, WALL, shoot

VIEWS = ("timeline", "adoption", "forecast", "parties", "configuration", "markers", "providers")


def test_the_headline_says_how_far_and_how_ready(open_page, attacked):
    page = open_page(attacked.url)
    head = page.locator("#headline")
    expect(head).to_contain_text("pythagoras activates in")
    expect(head).to_contain_text("locked")
    expect(head.locator(".current .big")).to_have_text("thales")
    expect(head.locator(".current .under")).to_have_text("Since epoch 1; epoch 6 now.")
    expect(head.locator(".lead .big")).to_have_text(re.compile(r"^1\s+epoch$"))
    expect(head).to_contain_text("of the registered stake is ready for pythagoras")
    expect(head.locator(".big").nth(2)).to_have_text(re.compile(r"^8\d\.\d %$"))
    expect(head).to_contain_text("The gate is met")
    expect(head.locator("[data-countdown]")).to_have_text(re.compile(r"^4 d \d{1,2} h \d{1,2} min$"))
    expect(page).to_have_title("pythagoras activates in 1 epoch · demo")


def test_the_page_opens_with_whether_it_is_safe_to_switch_and_why(open_page, attacked):
    page = open_page(attacked.url)
    first = page.locator("main > :first-child")
    expect(first).to_have_attribute("id", "answer")
    expect(first.locator(".sentence")).to_have_text(
        re.compile(r"^It is (not yet |not )?safe to switch to pythagoras: ")
    )
    expect(first).to_contain_text("2 payloads were refused, and changed nothing")
    expect(first).to_contain_text("he gate of pythagoras is met")


def test_every_view_is_there_with_its_title_in_the_navigation(open_page, attacked):
    page = open_page(attacked.url)
    for view in VIEWS:
        heading = page.locator(f"#{view} h2").inner_text()
        link = page.get_by_role("navigation", name="Views").get_by_role("link", name=heading, exact=True)
        expect(link).to_have_attribute("href", f"#{view}")
    assert page.locator("main .notice[data-tone=bad]").count() == 0


def test_the_timeline_shows_both_eras_and_now(open_page, attacked):
    page = open_page(attacked.url)
    chart = page.locator("#timeline svg:visible")
    expect(chart).to_contain_text("thales")
    expect(chart).to_contain_text("pythagoras")
    expect(chart).to_contain_text("now: epoch 6")
    page.locator("#timeline summary").click()
    row = page.locator("#timeline tbody tr", has_text="pythagoras")
    expect(row).to_contain_text("in 1 epoch")
    expect(row).to_contain_text("locked")


def test_adoption_by_version_over_epochs_has_a_table_with_the_same_numbers(open_page, attacked):
    page = open_page(attacked.url)
    expect(page.locator("#versions-chart svg:visible rect title").first).to_be_attached()
    page.locator("#versions-chart summary").click()
    rows = page.locator("#versions-chart tbody tr")
    expect(rows).to_have_count(6)  # epochs 1 to 6, the newest first
    expect(rows.first.locator("th")).to_have_text("6")
    shares = [float(text.removesuffix(" %").removeprefix("< ")) for text in rows.first.locator("td").all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    expect(page.locator("#adoption")).to_contain_text("Whole network's stake")


def test_readiness_by_era_stands_against_the_line_of_the_gate(open_page, attacked):
    page = open_page(attacked.url)
    expect(page.locator("#readiness-chart svg:visible")).to_contain_text("gate 80 %")
    row = page.locator("#adoption > .scroll tbody tr", has_text="pythagoras")
    expect(row.locator("[data-tone=good]")).to_have_count(1)
    expect(row).to_contain_text("2.0.0 or newer")


def test_the_forecast_says_the_chance_at_the_worst_epoch(open_page, attacked):
    page = open_page(attacked.url)
    view = page.locator("#forecast")
    expect(view).to_contain_text("If pythagoras begins at epoch 7")
    worst = adoption.forecast(attacked.service).danger.epoch
    expect(view).to_contain_text(f"Chance of a quorum at epoch {worst}")
    chart = view.locator("svg:visible", has=page.locator("polyline")).first
    expect(chart).to_be_visible()
    points = chart.locator("polyline").first.get_attribute("points") or ""
    assert len(points.split()) > 1, "a line, which has no height where the chance stays the same"


def test_the_parties_not_ready_are_listed_by_stake_and_found_while_one_types(open_page, attacked):
    page = open_page(attacked.url)
    view = page.locator("#parties")
    expect(view.locator("tbody tr").first).to_contain_text("perth")
    field = view.get_by_label("Find a party")
    field.fill("pool108")
    expect(view.locator("tbody tr")).to_have_count(1)
    expect(view.locator(".found")).to_have_text("1 party found.")
    expect(field).to_be_focused()
    assert page.url.endswith("?party=pool108")
    field.fill("nobody")
    expect(view.locator("tbody")).to_contain_text("No party that is not ready has this name")


def test_the_attacks_are_shown_as_refused_with_their_verdicts(open_page, attacked):
    page = open_page(attacked.url)
    view = page.locator("#markers")
    expect(view).to_contain_text("2 payloads refused")
    expect(view.locator("tbody tr", has_text="Refused: WrongSigner")).to_have_count(1)
    expect(view.locator("tbody tr", has_text="Refused: Impostor")).to_have_count(1)
    expect(view.locator("tbody tr", has_text="In force")).to_contain_text("thales at 1, pythagoras at 7")
    expect(view.locator("tbody tr", has_text="Superseded")).to_have_count(2)


def test_the_providers_show_how_they_answer(open_page, attacked):
    page = open_page(attacked.url)
    view = page.locator("#providers")
    expect(view).to_contain_text("1 of 1 provider answered")
    expect(view.locator("tbody tr")).to_contain_text(re.compile(r"Answers.*\d ms", re.DOTALL))


def test_after_the_story_the_era_is_told_as_a_word(open_page, retired):
    page = open_page(retired.url)
    expect(page.locator("#headline .lead .big")).to_have_text("pythagoras")
    expect(page.locator("#headline")).to_contain_text("No other era is announced")
    expect(page.locator("#headline .current")).to_have_count(0)
    expect(page.locator("#headline")).to_contain_text("of the registered stake supports pythagoras")
    expect(page.locator("#answer .sentence")).to_contain_text("The network has recovered: epoch 7 has 100.0 %")
    expect(page.locator("#recovery svg:visible")).to_contain_text("the switch")
    expect(page.locator("#forecast")).to_have_count(0)
    shoot(page, "retired-desktop-light")


def test_no_screen_scrolls_sideways(open_page, attacked):
    page = open_page(attacked.url)
    expect(page.locator("#connection")).to_have_text("Live")
    for name, (width, height) in {"phone": PHONE, "desktop": DESKTOP, "wall": WALL}.items():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        cut = page.evaluate(
            "[...document.querySelectorAll('.scroll')]"
            ".filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map(e => e.id)"
        )
        assert cut == [], name
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            shoot(page, f"attacked-{name}-{theme}")


def test_everything_is_there_without_a_script(open_page, attacked):
    page = open_page(attacked.url, script=False)
    for view in VIEWS:
        expect(page.locator(f"#{view}")).to_be_visible()
    expect(page.locator("[data-countdown]")).to_have_text(re.compile(r"^4 d \d{1,2} h \d{1,2} min$"))
    expect(page.locator("#connection")).to_contain_text("As of")
    page.get_by_label("Find a party").fill("perth")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#parties tbody tr")).to_have_count(1)
    expect(page.locator("#parties tbody tr")).to_contain_text("perth")


def test_a_theme_can_be_chosen_without_a_script(open_page, attacked):
    page = open_page(attacked.url, script=False, theme="light")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("link", name="Dark").click()
    expect(page.get_by_role("link", name="Dark")).to_have_attribute("aria-current", "true")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_the_page_asks_no_other_server(open_page, attacked):
    page = open_page("about:blank")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(attacked.url)
    expect(page.locator("#connection")).to_have_text("Live")
    assert {url for url in asked if not url.startswith(attacked.url)} == set()
    assert any(url.endswith(".css") or ".css?" in url for url in asked)


def test_the_page_carries_no_script_or_style_of_its_own(open_page, attacked):
    page = open_page(attacked.url)
    assert page.locator("style, script:not([src]), [style], [onclick], [onload]").count() == 0
    policy = page.request.get(attacked.url).headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "default-src 'none'" in policy

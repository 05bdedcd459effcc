"""For those who do not see the page, or do not use a mouse."""

from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from era_service.dashboard.views import CHART_WIDTHS
from tests.browser.conftest import DESKTOP, PHONE, shoot


@pytest.mark.parametrize("network", ["attacked", "retired"])
def test_axe_finds_nothing_on_any_screen_in_any_theme(open_page, request, network):
    page = open_page(request.getfixturevalue(network).url)
    expect(page.locator("#connection")).to_have_text("Live")
    for summary in page.locator("summary:visible").all():
        summary.click()
    for width, height in (PHONE, DESKTOP):
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            found = Axe().run(page)
            assert found.violations_count == 0, f"{width} {theme}: {found.generate_report()}"


def test_axe_finds_nothing_on_the_page_of_what_happened(open_page, retired):
    page = open_page(retired.url + "/activity", viewport=PHONE)
    shown = page.locator(".activity .what")
    assert shown.filter(has_text="pythagoras is the current era").count() == 1
    assert shown.filter(has_text="refused").count() >= 1
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        shoot(page, f"activity-{theme}")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_whole_page_can_be_walked_by_keyboard(open_page, attacked):
    page = open_page(attacked.url)
    expect(page.locator("#connection")).to_have_text("Live")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the dashboard")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the dashboard")).to_be_in_viewport()
    page.keyboard.press("Enter")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(() => { const e = document.activeElement; const b = e.getBoundingClientRect();"
            " return {name: e.id || e.textContent.trim().slice(0, 40), tag: e.tagName, wide: b.width,"
            " ring: getComputedStyle(e).outlineStyle}; })()"
        )
        if focused["tag"] == "BODY":
            break
        seen.append(focused)
    assert all(one["ring"] != "none" for one in seen), seen
    assert all(one["wide"] > 0 for one in seen), seen
    names = [one["name"] for one in seen]
    assert "parties-party" in names
    assert sum(one["tag"] == "SUMMARY" for one in seen) == page.locator("summary").count()
    assert names[-1] == "Dark"


def test_a_details_opens_by_keyboard_and_keeps_the_focus_through_an_update(open_page, attacked):
    page = open_page(attacked.url)
    expect(page.locator("#connection")).to_have_text("Live")
    page.locator("#timeline summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#timeline details")).to_have_attribute("open", "")
    attacked.service.read_chain()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(800)
    expect(page.locator("#timeline summary")).to_be_focused()


def test_headings_make_an_outline(open_page, attacked):
    page = open_page(attacked.url)
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(e => Number(e.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_chart_has_a_name_and_a_table(open_page, attacked):
    page = open_page(attacked.url)
    figures = page.locator("figure").all()
    assert figures
    for figure in figures:
        names = page.evaluate(
            "f => [...f.querySelectorAll('svg')].map(s => s.getAttribute('aria-labelledby').split(' ')"
            ".map(id => document.getElementById(id)?.textContent || '').join(' '))",
            figure.element_handle(),
        )
        whole = page.evaluate("f => f.querySelectorAll('svg:not(svg svg)').length", figure.element_handle())
        assert whole == len(CHART_WIDTHS), "one for each width, whatever charts stand in it"
        assert all(len(name) > 20 for name in names), names
        assert figure.locator("table tbody tr").count() > 0

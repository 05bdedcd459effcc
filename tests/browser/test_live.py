"""The dashboard follows the network while one looks at it."""

import re

from playwright.sync_api import expect

from era_service.demo.node import ADA
from era_service.web.stream import TOLD
from era_store import Registration
from eras import Epoch
from tests.browser.conftest import shoot
from tests.browser.world import ATTACKED, RETIRED, SWITCHED

NO_REREADING = "const every = setInterval; window.setInterval = (what, ms) => ms > 5000 ? 0 : every(what, ms);"
"""Without the reading anew that the page does every so often, only the event stream tells that something is new."""
SLOW = """const ask = window.fetch;
window.fetch = async (...what) => {
  const answer = await ask(...what);
  await new Promise((done) => setTimeout(done, String(what[0]).includes("/views") ? 700 : 0));
  return answer;
};"""
"""Each answer with views takes its time, as a busy service does."""
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"


def look_until(page, view, text):
    """Look at the page again and again until a view has a text."""
    for _ in range(60):
        if text in page.locator(view).inner_text():
            return
        page.evaluate(LOOK)
        page.wait_for_timeout(500)
    raise AssertionError(f"{view} never said {text!r}")


def test_a_switch_is_shown_without_a_reload(open_page, make_world):
    world = make_world()
    world.play(ATTACKED)
    page = open_page(world.url, before=NO_REREADING)
    expect(page.locator("#connection")).to_have_text("Live")
    page.evaluate("window.untouched = true")
    page.locator("#versions-chart summary").click()
    page.get_by_label("Find a party").fill("pool")
    expect(page.locator("#parties .found")).to_contain_text("found")  # then nothing is asked for any more
    expect(page.locator("#headline .lead .big")).to_contain_text("1")
    world.play(SWITCHED)
    expect(page.locator("#headline .lead .big")).to_have_text("pythagoras")
    expect(page.locator("#timeline")).to_contain_text("Epoch 7; pythagoras is active")
    expect(page.locator("#told")).to_contain_text("pythagoras")
    look_until(page, "#adoption", "registered for epoch 7")
    assert page.evaluate("window.untouched") is True
    expect(page.locator("#versions-chart details")).to_have_attribute("open", "")
    expect(page.get_by_label("Find a party")).to_have_value("pool")
    shoot(page, "switched-desktop-light")


def test_an_attack_and_a_registration_are_shown_when_they_come(open_page, make_world):
    world = make_world()
    world.play(ATTACKED - 1)
    page = open_page(world.url)
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#markers")).to_contain_text("came from the release team")
    world.play(ATTACKED)
    expect(page.locator("#markers")).to_contain_text("2 payloads refused")
    world.register(Registration("newcomer", Epoch(6), "1.0.0", 500_000_000 * ADA, world.now_s(), "test"))
    expect(page.locator("#parties tbody tr").first).to_contain_text("newcomer")
    expect(page.locator("#headline")).to_contain_text("are missing")
    shoot(page, "gate-missed-desktop-light")


def test_an_epoch_that_begins_and_registrations_are_shown_though_neither_is_an_event(open_page, make_world):
    world = make_world()
    world.play(RETIRED)
    page = open_page(world.url, before=NO_REREADING)
    expect(page.locator("#connection")).to_have_text("Live")
    epoch = world.service.era_status().epoch
    last = world.service.store.events.last(TOLD)
    world.stage.begin_epoch(Epoch(epoch + 1))
    world.service.read_chain()
    expect(page.locator("#headline")).to_contain_text(f"epoch {epoch + 1} now")
    row = Registration("newcomer", Epoch(epoch), "1.0.0", 500_000_000 * ADA, world.now_s(), "test")
    world.register(row)
    expect(page.locator("#parties tbody tr").first).to_contain_text("newcomer")
    assert world.service.store.events.last(TOLD) == last


def test_causes_to_ask_that_come_faster_than_answers_hold_up_no_answer(open_page, make_world):
    world = make_world()
    world.play(ATTACKED)
    page = open_page(world.url, before=SLOW)
    expect(page.locator("#connection")).to_have_text("Live")
    page.evaluate(f"setInterval(() => {LOOK}, 100)")
    world.register(Registration("newcomer", Epoch(6), "1.0.0", 500_000_000 * ADA, world.now_s(), "test"))
    expect(page.locator("#parties tbody tr").first).to_contain_text("newcomer")
    page.get_by_label("Find a party").press_sequentially("pool1", delay=120)
    expect(page.locator("#parties .found")).to_contain_text("found")
    expect(page.get_by_label("Find a party")).to_have_value("pool1")
    expect(page.locator("#parties tbody tr").first).to_contain_text("pool1")


def test_a_lost_connection_is_told_and_comes_back(open_page, attacked):
    page = open_page(attacked.url, may_complain=True)
    expect(page.locator("#connection")).to_have_text("Live")
    page.context.set_offline(True)
    page.evaluate(LOOK)
    expect(page.locator("#connection")).to_have_text(re.compile(r"^Not updating: as of \d\d:\d\d:\d\d UTC$"))
    expect(page.locator("#headline .lead .big")).to_contain_text("1")
    shoot(page, "lost-desktop-light")
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_have_text("Live")


OF_ANOTHER_RELEASE = """
const plain = window.fetch;
window.fetch = async (...asked) => {
  const answer = await plain(...asked);
  if (!window.isReleased || !String(asked[0]).includes("/views")) return answer;
  const text = await answer.text();
  if (!text.includes('data-release="')) throw new Error("no release in the answer");
  return new Response(text.replaceAll('data-release="', 'data-release="new '), answer);
};
"""


def test_a_screen_that_nobody_touches_takes_over_the_page_of_a_new_release(open_page, attacked):
    page = open_page("about:blank", before=OF_ANOTHER_RELEASE)
    page.clock.install()
    page.goto(attacked.url)
    expect(page.locator("#connection")).to_have_text("Live")
    page.evaluate("window.isReleased = window.old = true")
    page.evaluate(LOOK)
    page.clock.run_for(1_000)
    expect(page.locator("#connection")).to_have_text("Live")
    assert page.evaluate("window.old") is True, "not at once: two releases may answer for a while"
    with page.expect_event("framenavigated"):
        page.clock.fast_forward(70_000)
    page.wait_for_load_state()
    assert page.evaluate("window.old") is None
    expect(page.locator("#headline .lead .big")).to_contain_text("1")


def test_the_countdown_runs(open_page, attacked):
    page = open_page("about:blank")
    page.clock.install()
    page.goto(attacked.url)
    countdown = page.locator("[data-countdown]")
    before = countdown.inner_text()
    page.clock.fast_forward(120_000)
    expect(countdown).not_to_have_text(before)
    expect(countdown).to_have_text(re.compile(r"^4 d 23 h \d\d min$"))

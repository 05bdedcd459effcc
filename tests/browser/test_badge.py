"""The badge, as others embed it, and the page of the API, which takes nothing from elsewhere."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree

import pytest

from tests.browser.conftest import SCREENSHOTS


class ReadMe(BaseHTTPRequestHandler):
    """A page somewhere else that shows a badge."""

    def do_GET(self):
        image = self.path.removeprefix("/?")
        page = f'<!doctype html><title>Read me</title><link rel="icon" href="data:,"><img src="{image}" alt="adoption">'
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def elsewhere():
    """The address of another site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ReadMe) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(timeout=30)


def test_the_badge_shows_in_a_page_of_another_site(elsewhere, open_page, attacked):
    url = f"{attacked.url}/badge/pythagoras.svg"
    page = open_page(f"{elsewhere}/?{url}")
    size = page.evaluate("[document.images[0].naturalWidth, document.images[0].naturalHeight]")
    answer = page.request.get(url)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "max-age=60" in answer.headers["cache-control"]
    root = ElementTree.fromstring(answer.body())
    assert root.get("aria-label").startswith("pythagoras: 8")
    assert root.get("aria-label").endswith("% ready")
    assert size[0] > 100
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "badge.png", clip={"x": 0, "y": 0, "width": 260, "height": 62})


@pytest.mark.parametrize("era", ["atlantis", "%3Cscript%3E", "a" * 300])
def test_an_era_that_nobody_knows_has_a_badge_that_says_so(open_page, attacked, era):
    answer = open_page("about:blank").request.get(f"{attacked.url}/badge/{era}.svg")
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-cache")
    root = ElementTree.fromstring(answer.body())
    assert root.get("aria-label").endswith(": unknown")
    assert b"<script" not in answer.body()


def test_the_page_of_the_api_asks_what_it_describes_and_takes_nothing_from_elsewhere(open_page, attacked):
    page = open_page(f"{attacked.url}/docs", viewport=(390, 800))
    page.click('.opblock-summary-path[data-path="/era/status"]')
    page.click("text=Try it out")
    page.click("text=Execute")
    assert "pythagoras" in page.locator(".live-responses-table .microlight").first.inner_text()
    asked = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    assert {one.removeprefix(attacked.url) for one in asked} > {"/docs/swagger-ui.css", "/openapi.json", "/era/status"}
    assert all(one.startswith((attacked.url, "data:")) for one in asked)

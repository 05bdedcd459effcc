"""A browser, pages in it that must not complain, and networks at two points of their story."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.world import ATTACKED, RETIRED, World
from tests.conftest import ROOT, require
from tests.web.test_configuration import ENABLED, post

SCREENSHOTS = ROOT / "artifacts" / "screenshots"
PHONE, DESKTOP, WALL = (360, 740), (1280, 900), (2560, 1440)

OpenPage = Callable[..., Page]
expect.set_options(timeout=60_000)  # milliseconds: a busy machine shows it late


@pytest.fixture(scope="module")  # while it lasts, an event loop runs in this thread: no other test could start one
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = shutil.which("chromium")
    require(program is not None, "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, make_world: object) -> Iterator[OpenPage]:
    """Opens pages: ``open_page(url, viewport=…, theme=…, script=…)``; none of them may log an error.

    ``before`` is a script that runs before those of the page.

    It asks for ``make_world`` so that pages are closed before the networks behind them are.
    """
    contexts, complaints = [], []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text} ({message.location})")

    def open_one(
        url: str,
        *,
        viewport: tuple[int, int] = DESKTOP,
        theme: str = "light",
        script: bool = True,
        may_complain: bool = False,
        before: str | None = None,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": viewport[0], "height": viewport[1]},
            color_scheme=theme,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        contexts.append(context)
        if before is not None:
            context.add_init_script(before)
        page = context.new_page()
        if not may_complain:
            page.on("console", note)
            page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The network an epoch before the switch: the era is locked, the gate met, two attacks were refused.

    Protocol configurations are read, and one is to come.
    """
    with World(tmp_path_factory.mktemp("attacked"), **ENABLED) as world:
        world.play(ATTACKED)
        post(world.stage, {1: 1944, 8: 2422})
        world.service.read_chain()
        yield world


@pytest.fixture(scope="session")
def retired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The network at the end of its story."""
    with World(tmp_path_factory.mktemp("retired")) as world:
        world.play(RETIRED)
        yield world


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A network of a test's own, closed in the end."""
    worlds: list[World] = []

    def make(**sections: Any) -> World:
        world = World(tmp_path / f"world{len(worlds)}", **sections)
        worlds.append(world.__enter__())
        return world

    yield make
    for world in worlds:
        world.__exit__()


def shoot(page: Page, name: str) -> None:
    """Keep what the page looks like, whole, where the folder ``artifacts/screenshots`` is there for it."""
    if SCREENSHOTS.is_dir():
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

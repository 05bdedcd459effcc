"""Draw the picture of the demo in the README: runs the demo and writes what a terminal shows, as SVG.

``python docs/picture.py`` writes ``docs/demo.svg``.
"""

import re
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from era_service.demo.presenters import DemoEvent
from era_service.demo.rich_presenter import network_table, section
from era_service.demo.stage import Stage
from era_service.demo.story import Story

PICTURE = Path(__file__).with_name("demo.svg")
SHOWN_FROM_STEP = 6
"""The first steps build the story up; the picture begins with the switch."""

FETCHED_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""What a browser would fetch from elsewhere: its own monospaced font does."""


class Picture:
    """A presenter that prints what stays on the terminal: the story from the switch on, and the last table."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._network: DemoEvent | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        pass

    def show(self, event: DemoEvent) -> None:
        """Print what belongs into the picture."""
        if event.event == "network":
            self._network = event
        elif event.event == "finished" and self._network is not None:
            self._console.print(network_table(self._network.facts, self._network.epoch))
            self._console.print(section(event))
        elif event.step >= SHOWN_FROM_STEP:
            self._console.print(section(event))


def main() -> int:
    """Run the demo and write the picture."""
    console = Console(record=True, width=112, file=StringIO(), force_terminal=True, highlight=False)
    with (
        TemporaryDirectory(prefix="eraswitch-picture-") as folder,
        Stage(Path(folder)) as stage,
        Picture(console) as presenter,
    ):
        verified = Story(stage, presenter).tell()
    # An identifier of its own, so that the same story gives the same file.
    svg = console.export_svg(title="eraswitch demo", theme=SVG_EXPORT_THEME, unique_id="demo")
    PICTURE.write_text(FETCHED_FONT.sub("", svg))
    print(f"Wrote {PICTURE.name}")
    return 0 if verified else 1


if __name__ == "__main__":
    sys.exit(main())

"""The presenter for people at a terminal: sections with headings, and below them a live table of the nodes.

In: events. Out: a display slow enough to follow; all its pauses together stay within a budget, so that the demo ends in
time on a slow machine too.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from era_service.demo.presenters import DemoEvent, Presenter

PAUSE_BUDGET_S = 14.0
_PAUSES_S = {
    "step": 0.7,
    "epoch": 0.2,
    "published": 0.3,
    "posted": 0.5,
    "node": 0.08,
    "network": 0.2,
    "refused": 0.5,
    "verified": 0.05,
}
_LINES = {
    "epoch": ("○", "blue"),
    "published": ("↑", "bold"),
    "posted": ("☠", "bold yellow"),
    "node": ("·", "default"),
    "refused": ("✗", "yellow"),
    "verified": ("✓", "green"),
}
_ERA_STYLES = {"thales": "cyan", "pythagoras": "magenta"}
_BAR_CELLS = 24
_LOVELACE_IN_A_MILLION_ADA = 10**12


class RichPresenter(Presenter):
    """Shows events on a terminal.

    Args:
        console: the terminal; standard output by default.
        pause: rests after an event for a number of seconds; ``time.sleep`` by default.
    """

    def __init__(self, console: Console | None = None, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._console = console or Console(highlight=False)
        self._pause = pause
        self._budget_s = PAUSE_BUDGET_S
        self._network: Mapping[str, Any] | None = None
        self._live = Live(console=self._console, refresh_per_second=10)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._live.stop()

    def show(self, event: DemoEvent) -> None:
        """Show the event, and rest a little."""
        if event.event == "finished":
            self._live.stop()  # the summary stands below the last table
            self._console.print(section(event))
            return
        if event.event == "network":
            self._network = event.facts
        else:
            self._console.print(section(event))
        if self._network is not None:
            self._live.update(network_table(self._network, event.epoch), refresh=True)
        rest_s = min(_PAUSES_S.get(event.event, 0.0), self._budget_s)
        self._budget_s -= rest_s
        self._pause(rest_s)


def section(event: DemoEvent) -> RenderableType:
    """The lines that an event adds above the table."""
    if event.event == "step":
        title = f"{event.step}/{event.facts['steps']} {event.facts['title']}"
        return Group(Text(), Rule(Text(title, style="bold"), align="left"), Text(event.text, style="italic"))
    if event.event == "failed":
        return Panel(Text(event.text), title="failed", style="red", title_align="left")
    if event.event == "finished":
        style = "green" if event.facts["verified"] else "red"
        return Group(Text(), Panel(Text(event.text), style=style, box=box.ROUNDED))
    if event.event == "started":
        return Text(event.text)
    mark, style = _LINES[event.event]
    return _line(mark, event.text, _node_style(event.facts["node"]) if event.event == "node" else style)


def _line(mark: str, text: str, style: str) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    row.add_row(Text(mark, style=style), Text(text, style=style))
    return Padding(row, (0, 0, 0, 2))


def _node_style(node: Mapping[str, Any]) -> str:
    if node["state"] == "stopped":
        return "red"
    return "yellow" if node["warning"] else _ERA_STYLES.get(node["era"], "default")


def network_table(network: Mapping[str, Any], epoch: int) -> RenderableType:
    """The nodes, and the adoption below them."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("node")
    table.add_column("stake", justify="right")
    table.add_column("version")
    table.add_column("era", min_width=10)
    table.add_column("certificate", min_width=16, no_wrap=True)
    table.add_column("status", min_width=24, no_wrap=True, overflow="ellipsis")
    for node in network["nodes"]:
        era = node["era"] or ""
        table.add_row(
            node["name"],
            f"{node['stake'] // _LOVELACE_IN_A_MILLION_ADA} M₳",
            node["version"],
            Text(era, style=_ERA_STYLES.get(era, "default")),
            Text(node["certificate"] or "", style=_ERA_STYLES.get(era, "default")),
            Text(_standing(node), style=_node_style(node)),
        )
    adoption = network["adoption"]
    cells = round(_BAR_CELLS * adoption["stake"] / adoption["total"]) if adoption["total"] else 0
    below = Text.assemble(
        ("  epoch ", "dim"),
        (f"{epoch}", "bold"),
        (f"   adoption of {adoption['era']} ", "dim"),
        ("█" * cells, "green"),
        ("░" * (_BAR_CELLS - cells), "dim"),
        (f" {adoption['share']}", "bold"),
    )
    return Group(table, below)


def _standing(node: Mapping[str, Any]) -> str:
    if node["state"] == "stopped":
        return f"{node['error']}Error"
    if node["warning"]:
        return "warns: must be upgraded"
    return f"→ {node['upcoming']}" if node["upcoming"] else str(node["state"])

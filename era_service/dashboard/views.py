"""The content of the dashboard, ready for layout: every word, number and chart of a page, and nothing about HTML.

A ``Page`` has one ``Headline`` and its panels. A panel is a sentence with the main point, some facts, charts (each with
its table, for readers who do not see it) and a table; if it has nothing to show, a notice gives the reason and the next
step.
"""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "attention", "bad", "quiet"]
"""The meaning for a release team: fine, to be watched, to be acted on, or neutral."""

TIMELINE = ("timeline", "Timeline")
RECOVERY = ("recovery", "Recovery")
ADOPTION = ("adoption", "Adoption")
FORECAST = ("forecast", "Forecast")
PARTIES = ("parties", "Not ready")
CONFIGURATION = ("configuration", "Protocol configuration")
MARKERS = ("markers", "Markers on the chain")
PROVIDERS = ("providers", "Providers")
VIEWS = (TIMELINE, RECOVERY, ADOPTION, FORECAST, PARTIES, CONFIGURATION, MARKERS, PROVIDERS)
"""The views: their names in the address, and their titles; one that has no subject is left out."""

CHART_WIDTHS = (1150, 700, 460, 320)
"""The widths of a chart in pixels: the page shows the one that fits, so that letters keep their size."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to be read before the numbers: the problem, and what to do."""

    tone: Tone
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: its words.
        tone: its meaning, shown as a mark with the text, never as a colour alone.
        code: whether it is an identifier, set in a fixed-width font; the layout cuts off what does not fit.
        note: a second line, smaller.
        link: an address, relative to the page.
    """

    text: str
    tone: Tone | None = None
    code: bool = False
    note: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its first column heads the rows.

    Attributes:
        caption: its subject, for screen readers.
        columns: the headings; one that begins with ``>`` (``>Stake``) heads numbers, set to the right.
        rows: the cells.
        empty: the text if there are no rows.
        rest: the number of rows that are not listed.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = "Nothing yet."
    rest: int = 0

    @property
    def headings(self) -> tuple[tuple[str, bool], ...]:
        """The headings, and whether each column holds numbers."""
        return tuple((name.removeprefix(">"), name.startswith(">")) for name in self.columns)


@dataclass(frozen=True, slots=True)
class Fact:
    """A number or a word with its label."""

    label: str
    value: str
    note: str = ""
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, and the same as a table.

    Attributes:
        id: its name on the page.
        title: what it shows.
        svgs: the chart as an SVG element for each of ``CHART_WIDTHS``.
        table: the numbers.
    """

    id: str
    title: str
    svgs: tuple[str, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class Search:
    """A search over the rows of a panel's table: its query parameter, and the present search text."""

    parameter: str
    label: str
    value: str
    found: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One view of the dashboard.

    Attributes:
        id: its name in the page's address.
        title: its title.
        lead: its main point, in a sentence.
        notices: reasons why it is empty, stale or broken.
        facts: numbers beside the charts.
        figures: the charts.
        table: the details.
        search: the search over the table.
        notes: remarks below it.
        links: links to more: titles and addresses.
    """

    id: str
    title: str
    lead: str = ""
    notices: tuple[Notice, ...] = ()
    facts: tuple[Fact, ...] = ()
    figures: tuple[Figure, ...] = ()
    table: Table | None = None
    search: Search | None = None
    notes: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def notice_panel(view: tuple[str, str], tone: Tone, title: str, text: str = "") -> Panel:
    """A view that has nothing but a notice to show."""
    return Panel(*view, notices=(Notice(tone, title, text),))


@dataclass(frozen=True, slots=True)
class Readiness:
    """The stake that is ready for the upcoming era.

    Attributes:
        era: that era.
        share: the share, as a number from 0 to 1.
        share_text: the same, as it is shown.
        gate: the required share; ``None`` if no gate is configured.
        gate_text: the same, in words.
        verdict: whether the gate is met, and what is missing, in words.
        met: whether it is met; ``None`` without a gate.
        whole: the stake that it is a share of, in words.
    """

    era: str
    share: float
    share_text: str
    gate: float | None
    gate_text: str
    verdict: str
    met: bool | None
    whole: str


@dataclass(frozen=True, slots=True)
class Current:
    """The current era, beside the upcoming one.

    Attributes:
        era: its name.
        under: the line below: since when, and the epoch of now.
        tone: what it means.
    """

    era: str
    under: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it is safe to switch, in one sentence.

    Attributes:
        tone: what it means.
        sentence: the answer with the reason that decides.
        reasons: the other reasons, each a sentence.
    """

    tone: Tone
    sentence: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Headline:
    """The most important numbers, legible from across a room: the era, when the next begins, who is ready.

    Attributes:
        over: the line above the number.
        number: the number itself: epochs to go, or a word where there is none.
        unit: its unit.
        under: the line below: the epoch and the time of the activation.
        state: the state of the era, in the words of the design.
        tone: what it means.
        moment: the moment of the activation as ISO 8601, for the countdown; ``None`` if only the epoch is known.
        left: the time until then in words, as of when the page was made.
        readiness: the stake that is ready.
        current: the current era, if the lines above are about the upcoming one.
        why_unknown: the reason if it is unknown how much of the stake is ready.
    """

    over: str
    number: str
    unit: str
    under: str
    state: str
    tone: Tone
    moment: str | None = None
    left: str = ""
    readiness: Readiness | None = None
    current: Current | None = None
    why_unknown: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the dashboard at one moment.

    Attributes:
        network: the name of the network.
        epoch: its epoch; ``None`` if it is unknown.
        headline: the most important numbers.
        notices: problems of the whole: stale, unsupported, nothing trusted.
        panels: the views, in the order of reading.
        read_at_s: when the chain was last read, POSIX seconds; ``None`` before the first reading.
        stale: whether the chain did not confirm what is shown.
        public: whether names and addresses of others are left out.
        title: the title of the browser's tab.
        badge: the address of the badge of the era that is coming.
        answer: whether it is safe to switch to it.
    """

    network: str
    epoch: int | None
    headline: Headline
    notices: tuple[Notice, ...]
    panels: tuple[Panel, ...]
    read_at_s: float | None
    stale: bool
    public: bool
    title: str
    badge: str | None = None
    answer: Answer | None = None

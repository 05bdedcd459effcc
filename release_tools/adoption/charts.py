"""Charts as inline SVG: bars stacked over epochs, lines with the line of the gate, and a timeline. Pure.

In: labelled numbers. Out: one ``<svg>`` element as text, the same for the same input. It has a title and a description
for people who cannot see it, and no script, style element or ``style`` attribute, so that a strict content security
policy allows it; all text is escaped. A page can theme it by these custom properties, each with a fallback for a white
background:

``--chart-background``, ``--chart-text``, ``--chart-muted`` (axes, labels), ``--chart-grid``, ``--chart-gate``,
``--chart-ready``, ``--chart-not-ready``, ``--chart-unknown`` (and ``--chart-ready-2`` … where several have one tone),
``--chart-1`` … ``--chart-8`` for what has no tone;
each of these with ``-on-`` (``--chart-on-ready``) for text upon it.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from html import escape
from typing import Literal

from eras.words import percent, percents

Tone = Literal["ready", "not-ready", "unknown"]

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a6d00", "#5b5b5b")
"""Distinguishable for colour-blind people (Okabe and Ito)."""

_TONES = {"ready": "#0072b2", "not-ready": "#e69f00", "unknown": "#999999"}
_FONT = 12
_CHARACTER = 6.6
"""The approximate width of a character of the font."""

_TOP, _BOTTOM, _LEFT, _RIGHT = 34, 26, 58, 12
_LINE = 14
_LANE = 26
_VIEW_BOX = re.compile(r'viewBox="0 0 (\d+) (\d+)"')
_MARK = 14


@dataclass(frozen=True, slots=True)
class Series:
    """A series of values.

    Attributes:
        name: its name in the legend.
        values: one value for each label of the chart; ``None`` for a missing one.
        tone: its meaning, which determines the colour; without it the next colour of the palette is used.
        dashed: whether its line is dashed, so that an equal line below it stays visible.
    """

    name: str
    values: tuple[float | Fraction | None, ...]
    tone: Tone | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Canvas:
    """The image that a chart is drawn in.

    Attributes:
        title: names the chart.
        description: describes in words what it shows.
        width: in pixels of the view box; the chart fills the element that holds it.
        height: the same, without the legend; that of a timeline or of stacked charts follows from what they hold.
    """

    title: str
    description: str
    width: int = 720
    height: int = 300


@dataclass(frozen=True, slots=True)
class Axis:
    """A vertical axis.

    Attributes:
        ticks: the labelled values, ascending.
        place: returns the height of a value, from 0 to 1.
        words: formats a value.
    """

    ticks: tuple[float, ...]
    place: Callable[[float], float]
    words: Callable[[float], str] = percent


SHARES = Axis((0.0, 0.25, 0.5, 0.75, 1.0), lambda share: share)

_NINES = 4
CHANCES = Axis(
    (0.0, 0.9, 0.99, 0.999, 0.9999),
    lambda chance: 1.0 if chance >= 1 else min(-math.log10(1 - chance) / _NINES, 1.0),
    lambda chance: f"{math.floor(chance * 10_000) / 100:.2f} %",
)
"""By its nines, so that a chance can be distinguished from a wanted 99.9 %; 99.99 % and more are one."""


def up_to(top: float) -> Axis:
    """Return an axis for shares that may exceed 1, up to the next quarter above ``top``."""
    quarters = max(4, math.ceil(top * 4))
    every = math.ceil(quarters / 6)
    return Axis(tuple(index / 4 for index in range(0, quarters + 1, every)), lambda share: share / (quarters / 4))


@dataclass(frozen=True, slots=True)
class Span:
    """A period on a timeline.

    Attributes:
        lane: its row.
        label: its label.
        start: its start.
        end: its end; ``None`` if it is open.
        tone: its meaning.
    """

    lane: str
    label: str
    start: float
    end: float | None = None
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment on a timeline, drawn as a line across all lanes."""

    label: str
    at: float


def stacked_bars(labels: Sequence[str], series: Sequence[Series], canvas: Canvas) -> str:
    """Draw a bar of stacked shares for each label.

    Args:
        labels: below the bars, with a second line after a line break; epochs and their dates, as a rule, oldest first.
        series: from the bottom up; shares from 0 to 1, which may add up to less than 1.
        canvas: the image.
    """
    plot = _Plot(labels, series, canvas, SHARES)
    step = plot.width / max(1, len(labels))
    body = [*plot.frame(labels, step)]
    for index, label in enumerate(labels):
        base = 0.0
        values = [one.values[index] or 0.0 for one in series]
        for colour, one, value, shown in zip(plot.colours, series, values, percents(values), strict=True):
            if value > 0:
                top = plot.y(base + float(value))
                body.append(
                    f'<rect x="{plot.left + step * (index + 0.12):.1f}" y="{top:.1f}" width="{step * 0.76:.1f}" '
                    f'height="{plot.y(base) - top:.1f}" fill="{colour}">'
                    f"<title>{escape(f'{_on_one_line(label)}: {one.name} {shown}')}</title></rect>"
                )
            base += float(value)
    return _svg(canvas, plot.full_height, [*body, *plot.legend()])


def lines(
    labels: Sequence[str],
    series: Sequence[Series],
    canvas: Canvas,
    *,
    gate: float | None = None,
    gate_name: str = "gate",
    mark: tuple[str, str] | None = None,
    axis: Axis = SHARES,
) -> str:
    """Draw a line for each series over the labels, interrupted where a value is missing; the gate is below the lines.

    Args:
        labels: as in ``stacked_bars``.
        series: shares from 0 to 1, unless ``axis`` has another range.
        canvas: the image.
        gate: the required share, drawn as a line across.
        gate_name: the name of that line.
        mark: a label before which a vertical line is drawn, and the name of that line.
        axis: the vertical axis.
    """
    plot = _Plot(labels, series, canvas, axis)
    step = plot.width / max(1, len(labels))
    body = [*plot.frame(labels, step), *plot.gate(gate)]
    for colour, one in zip(plot.colours, series, strict=True):
        points = [
            None if value is None else (plot.left + step * (index + 0.5), plot.y(float(value)))
            for index, value in enumerate(one.values)
        ]
        for piece in _unbroken(points):
            if len(piece) > 1:
                path = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece)
                dash = ' stroke-dasharray="6 4"' if one.dashed else ""
                body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for index, point in enumerate(points):
            if point is not None:
                words = f"{_on_one_line(labels[index])}: {one.name} {axis.words(float(one.values[index] or 0.0))}"
                body.append(
                    f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="3" fill="{colour}">'
                    f"<title>{escape(words)}</title></circle>"
                )
    x = None
    if mark is not None and mark[0] in labels:
        x = plot.left + step * labels.index(mark[0])
        body.append(_rule(x, _TOP, x, plot.bottom, "muted", dashed=True))
        room = plot.left + plot.width - x > len(mark[1]) * _CHARACTER + 8
        place, anchor = (x + 4, "start") if room else (x - 4, "end")
        body.append(_text(place, plot.bottom - 6, mark[1], anchor=anchor, tone="muted", halo=True))
    body += [*plot.gate_label(gate, gate_name, x), *plot.legend()]
    return _svg(canvas, plot.full_height, body)


def stacked(*charts: str, canvas: Canvas) -> str:
    """Stack charts in one image, each with its own axes.

    Args:
        charts: the charts, all as wide as the canvas.
        canvas: the image.
    """
    body, top = [], 0
    for chart in charts:
        height = int(_VIEW_BOX.findall(chart)[0][1])
        sized = _VIEW_BOX.sub(rf'y="{_TOP + top}" width="\1" height="\2" viewBox="0 0 \1 \2"', chart, count=1)
        body.append(sized)
        top += height
    return _svg(canvas, _TOP + top, body)


def timeline(
    spans: Sequence[Span],
    canvas: Canvas,
    moments: Sequence[Moment] = (),
    *,
    label: Callable[[float], str] = "{:g}".format,
) -> str:
    """Draw spans in lanes from left to right, with moments as lines across.

    Args:
        spans: the periods; lanes are in the order of their first span.
        canvas: the image.
        moments: the moments.
        label: formats a time on the axis, with a second line after a line break.
    """
    width = canvas.width
    lanes = {lane: index for index, lane in enumerate(dict.fromkeys(span.lane for span in spans))}
    times = [*(span.start for span in spans), *(span.end for span in spans if span.end is not None)]
    times += [moment.at for moment in moments]
    first, last = min(times, default=0.0), max(times, default=1.0)
    if last == first:
        last = first + 1
    if any(span.end is None for span in spans):
        last += (last - first) * 0.12  # room to show that it is open
    left = 12 + max((len(lane) for lane in lanes), default=0) * _CHARACTER + 8
    scale = (width - left - _RIGHT) / (last - first)
    bottom = _TOP + _MARK + _LANE * max(1, len(lanes))

    def x(time: float) -> float:
        return left + (time - first) * scale

    ticks = _ticks(first, last)
    labels, places = [label(time) for time in ticks], [x(time) for time in ticks]
    body = [_rule(place, _TOP + _MARK - 4, place, bottom, "grid") for place in places]
    body += _below(places, labels, bottom + 16, places[1] - places[0] if places[1:] else width, width)
    body.append(_text(12, bottom + 16, "epoch", tone="muted"))
    body += [_text(12, _TOP + _MARK + _LANE * index + 17, lane) for lane, index in lanes.items()]
    colours = _colours([span.tone for span in spans])
    for span, colour in zip(spans, colours, strict=True):
        top = _TOP + _MARK + _LANE * lanes[span.lane]
        end = last if span.end is None else span.end
        extent = max(2.0, x(end) - x(span.start))
        until = "on" if span.end is None else f"{span.end:g}"
        body.append(
            f'<rect x="{x(span.start):.1f}" y="{top + 3}" width="{extent:.1f}" height="{_LANE - 6}" rx="3" '
            f'fill="{colour}"><title>{escape(f"{span.label}: epoch {span.start:g} to {until}")}</title></rect>'
        )
        if extent > len(span.label) * _CHARACTER + 8:
            body.append(
                f'<text x="{x(span.start) + 6:.1f}" y="{top + 17}" fill="{_ink(colour)}">{escape(span.label)}</text>'
            )
    for moment in moments:
        body.append(_rule(x(moment.at), _TOP + _MARK - 4, x(moment.at), bottom, "gate", dashed=True))
        place = min(x(moment.at), width - len(moment.label) * _CHARACTER / 2)
        body.append(_text(place, _TOP + _MARK - 11, moment.label, anchor="middle", tone="gate"))
    return _svg(canvas, bottom + _BOTTOM + _LINE * _second_line(labels), body)


def standalone(svg: str) -> str:
    """Return a chart as a file of its own, with a size and fixed colours for programs without custom properties."""
    plain = re.sub(r"var\(--chart-[a-z0-9-]+, (#[0-9a-f]{6})\)", r"\1", svg)
    return _VIEW_BOX.sub(r'\g<0> width="\1" height="\2"', plain, count=1)


class _Plot:
    """The frame of a chart with a vertical axis of shares and a horizontal one of labels."""

    def __init__(self, labels: Sequence[str], series: Sequence[Series], canvas: Canvas, axis: Axis) -> None:
        for one in series:
            if len(one.values) != len(labels):
                raise ValueError(f"{one.name}: {len(one.values)} values for {len(labels)} labels")
        height = canvas.height + _LINE * _second_line(labels)
        self.axis = axis
        self.left = _LEFT
        self.width = canvas.width - _LEFT - _RIGHT
        self.bottom = height - _BOTTOM - _LINE * _second_line(labels)
        self.colours = _colours([one.tone for one in series])
        self._rows = list(_legend_rows(series, self.width))
        self.full_height = height + 18 * len(self._rows)
        self._height = height

    def y(self, share: float) -> float:
        return self.bottom - (self.bottom - _TOP) * self.axis.place(share)

    def frame(self, labels: Sequence[str], step: float) -> Iterator[str]:
        for share in self.axis.ticks:
            yield _rule(self.left, self.y(share), self.left + self.width, self.y(share), "grid")
            yield _text(self.left - 8, self.y(share) + 4, f"{share * 100:.4g} %", anchor="end", tone="muted")
        middles = [self.left + step * (index + 0.5) for index in range(len(labels))]
        yield from _below(middles, labels, self.bottom + 17, step, self.left + self.width + _RIGHT)

    def gate(self, share: float | None) -> Iterator[str]:
        if share is not None:
            yield _rule(self.left, self.y(share), self.left + self.width, self.y(share), "gate", dashed=True)

    def gate_label(self, share: float | None, name: str = "gate", mark: float | None = None) -> Iterator[str]:
        """The name of the gate, at the left unless a mark would cross it there."""
        if share is None:
            return
        words = f"{name} {share * 100:.4g} %"
        below = self.y(share) < _TOP + 3 * _FONT  # above the line it would overlap the title or the top of the chart
        base = self.y(share) + (15 if below else -5)
        if mark is not None and mark < self.left + 8 + len(words) * _CHARACTER:
            yield _text(self.left + self.width - 4, base, words, anchor="end", tone="gate", halo=True)
        else:
            yield _text(self.left + 4, base, words, tone="gate", halo=True)

    def legend(self) -> Iterator[str]:
        colours = iter(self.colours)
        for row, names in enumerate(self._rows):
            left, base = float(self.left), self._height + 10 + 18 * row
            for name in names:
                yield f'<rect x="{left:.1f}" y="{base - 9}" width="10" height="10" rx="2" fill="{next(colours)}"/>'
                yield _text(left + _MARK, base, name)
                left += _entry_width(name)


def _below(middles: Sequence[float], labels: Sequence[str], base: float, step: float, end: float) -> Iterator[str]:
    """Labels below an axis, line by line, thinned out so that they do not touch; the last one is always shown."""
    for number, line in enumerate(zip(*(f"{label}\n".split("\n")[:2] for label in labels), strict=True)):
        every = max(1, math.ceil((max(map(len, line)) * _CHARACTER + 10) / step))
        for index, (middle, words) in enumerate(zip(middles, line, strict=True)):
            if words and (len(line) - 1 - index) % every == 0:
                place = min(middle, end - len(words) * _CHARACTER / 2)  # keeps it inside the image
                yield _text(place, base + _LINE * number, words, anchor="middle", tone="muted")


def _second_line(labels: Iterable[str]) -> bool:
    return any("\n" in label for label in labels)


def _on_one_line(label: str) -> str:
    return label.replace("\n", ", ")


def _legend_rows(series: Sequence[Series], width: float) -> Iterator[list[str]]:
    row: list[str] = []
    for one in series:
        if row and sum(map(_entry_width, row)) + _entry_width(one.name) > width:
            yield row
            row = []
        row.append(one.name)
    if row:
        yield row


def _entry_width(name: str) -> float:
    return _MARK + len(name) * _CHARACTER + 16


def _unbroken(points: Iterable[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    piece: list[tuple[float, float]] = []
    for point in [*points, None]:
        if point is not None:
            piece.append(point)
        elif piece:
            yield piece
            piece = []


def _colours(tones: Sequence[Tone | None]) -> list[str]:
    """A colour for each: a shade of its tone, or the next of the palette without a tone."""
    found, index = [], 0
    shades: Counter[Tone] = Counter()
    for tone in tones:
        if tone is not None:
            shade = shades[tone]
            shades[tone] += 1
            name = tone if shade == 0 else f"{tone}-{shade + 1}"
            found.append(f"var(--chart-{name}, {_lighter(_TONES[tone], shade)})")
            continue
        place = index % len(PALETTE)
        found.append(f"var(--chart-{place + 1}, {PALETTE[place]})")
        index += 1
    return found


def _lighter(colour: str, steps: int) -> str:
    """A colour mixed with white, a quarter more at each step, four at most."""
    left = 0.75 ** min(steps, 4)
    return "#" + "".join(f"{round(255 - (255 - int(colour[at : at + 2], 16)) * left):02x}" for at in (1, 3, 5))


def _ink(colour: str) -> str:
    """The colour of text on a colour of ``_colours``: ``--chart-on-…``."""
    name, fallback = colour.removeprefix("var(--chart-").removesuffix(")").split(", ")
    dark = fallback in ("#0072b2", "#8a6d00", "#5b5b5b")
    return f"var(--chart-on-{name}, {'#ffffff' if dark else '#1f2328'})"


def _ticks(first: float, last: float) -> list[float]:
    """About eight round numbers of the range."""
    rough = (last - first) / 8
    power = 10 ** math.floor(math.log10(rough))
    step = max(1.0, next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough))
    return [step * index for index in range(math.ceil(first / step), math.floor(last / step) + 1)]


_FALLBACKS = {"text": "#1f2328", "muted": "#59636e", "grid": "#d8dee4", "gate": "#b00020", "background": "#ffffff"}


def _rule(x1: float, y1: float, x2: float, y2: float, tone: str, *, dashed: bool = False) -> str:
    dash = ' stroke-width="1.5" stroke-dasharray="5 3"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="var(--chart-{tone}, '
        f'{_FALLBACKS[tone]})"{dash}/>'
    )


def _text(x: float, y: float, words: str, *, anchor: str = "start", tone: str = "text", halo: bool = False) -> str:
    around = f' stroke="var(--chart-background, {_FALLBACKS["background"]})" stroke-width="3" paint-order="stroke"'
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="var(--chart-{tone}, {_FALLBACKS[tone]})"'
        f"{around if halo else ''}>{escape(words)}</text>"
    )


def _svg(canvas: Canvas, height: int, body: Iterable[str]) -> str:
    title, description, width, inside = canvas.title, canvas.description, canvas.width, "".join(body)
    key = sha256(f"{title}\0{description}\0{inside}".encode()).hexdigest()[:10]  # ids are unique on a page
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="chart-{key}-title chart-{key}-desc" font-family="system-ui, sans-serif" '
        f'font-size="{_FONT}"><title id="chart-{key}-title">{escape(title)}</title>'
        f'<desc id="chart-{key}-desc">{escape(description)}</desc>'
        f'<rect width="{width}" height="{height}" fill="var(--chart-background, {_FALLBACKS["background"]})"/>'
        f'<text x="12" y="20" font-weight="600" fill="var(--chart-text, {_FALLBACKS["text"]})">{escape(title)}</text>'
        f"{inside}</svg>"
    )

"""Draw points and lines on labelled axes as SVG: the same input gives the same bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from math import log10

__all__ = ["Axis", "Line", "Panel", "Point", "draw"]

LEFT, TOP, WIDE, HIGH, GAP = 70, 58, 430, 330, 90
LEGEND_LINE = 22
NAMESPACE = "http://www.w3.org/2000/svg"
INK, FAINT, PAPER = "#1d2733", "#d9dee4", "#ffffff"
STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:13px;"
    f"fill:{INK}}}.title{{font-size:15px;font-weight:600}}.tick{{font-size:12px}}"
    f".word{{paint-order:stroke;stroke:{PAPER};stroke-width:4px}}"
)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: what it shows with its unit, its range, and where its ticks are."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies: 0 at the low end, 1 at the high end."""
        if self.logarithmic:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Point:
    """A mark at (x, y). Filled or hollow, with a word under it or none, and told in full."""

    x: float
    y: float
    told: str
    filled: bool = True
    word: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Points of one colour; joined in their order, or not. `name` is for the legend."""

    name: str
    colour: str
    points: tuple[Point, ...]
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]


def draw(panels: Iterable[Panel], notes: Iterable[str], description: str) -> str:
    """Return panels side by side, under them the first one's legend and the notes, as one SVG."""
    panels, notes = list(panels), list(notes)
    legend = [line for line in panels[0].lines if line.name]
    width = LEFT + len(panels) * (WIDE + GAP)
    height = TOP + HIGH + 66 + LEGEND_LINE * (len(legend) + len(notes)) + 10
    body: list[str] = []
    for place, panel in enumerate(panels):
        body += [f'<g transform="translate({LEFT + place * (WIDE + GAP)} {TOP})">']
        body += [*_panel(panel), "</g>"]
    body += _legend(legend, notes, TOP + HIGH + 76)
    size = f'width="{width}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="{NAMESPACE}" viewBox="0 0 {width} {height}" {size} role="img">',
            f"<title>{escape(description)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect {size} fill="{PAPER}"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _panel(panel: Panel) -> Iterator[str]:
    yield _text(0, -22, panel.title, kind="title")
    for tick in panel.x.ticks:
        x = panel.x.share(tick) * WIDE
        yield _rule(x, 0, x, HIGH, FAINT)
        yield _text(x, HIGH + 20, f"{tick:g}", "middle", "tick")
    for tick in panel.y.ticks:
        y = (1 - panel.y.share(tick)) * HIGH
        yield _rule(0, y, WIDE, y, FAINT)
        yield _text(-8, y + 4, f"{tick:g}", "end", "tick")
    yield _rule(0, HIGH, WIDE, HIGH, INK)
    yield _rule(0, 0, 0, HIGH, INK)
    yield _text(WIDE / 2, HIGH + 44, panel.x.label, "middle")
    yield (
        f'<text transform="translate(-50 {HIGH / 2:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(panel.y.label)}</text>"
    )
    for line in panel.lines:
        yield from _line(panel, line)


def _line(panel: Panel, line: Line) -> Iterator[str]:
    places = [
        (panel.x.share(each.x) * WIDE, (1 - panel.y.share(each.y)) * HIGH) for each in line.points
    ]
    if line.joined:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="1.5"/>'
    for point, (x, y) in zip(line.points, places, strict=True):
        yield _mark(x, y, line.colour, filled=point.filled, told=point.told)
        if point.word:
            yield _text(x, y + 21, point.word, "middle", "word")


def _legend(lines: list[Line], notes: list[str], top: float) -> Iterator[str]:
    for row, line in enumerate(lines):
        y = top + row * LEGEND_LINE
        if line.joined:
            yield _rule(LEFT - 14, y, LEFT + 14, y, line.colour)
        yield _mark(LEFT, y, line.colour)
        yield _text(LEFT + 24, y + 4, line.name)
    for row, note in enumerate(notes, start=len(lines)):
        yield _text(LEFT - 14, top + row * LEGEND_LINE + 4, note)


def _mark(x: float, y: float, colour: str, *, filled: bool = True, told: str = "") -> str:
    title = f"<title>{escape(told)}</title>" if told else ""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour if filled else PAPER}" '
        f'stroke="{colour}" stroke-width="2">{title}</circle>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="1"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(text)}</text>'

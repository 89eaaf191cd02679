"""A dashboard drawn as SVG from what a Prometheus answered: the panels of Grafana, in the same places, without Grafana.

::

    Dashboard ──its queries──▶ Prometheus ──series──▶ drawn ──▶ one SVG a dashboard

Pure: what was answered comes in, a text goes out. It shows what the panels hold; how Grafana shows them is not promised.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from libs.testing.watch.dashboards import Dashboard, Panel, places

COLUMN, ROW = 50, 26
"""Pixels of a column and of a row of Grafana's grid."""
MOST_LINES = 6
"""Series drawn in one panel; of more, those with the highest values."""
_COLOURS = ("#2f6fb2", "#d1762c", "#3b8a4d", "#b0413e", "#7a56a3", "#8a7434")
_TOP, _LEFT, _FOOT = 26, 60, 14
_HEAD = 34


@dataclass(frozen=True, slots=True)
class Line:
    """One series: what the legend says, and instants (seconds since 1970) with values."""

    legend: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in seconds since 1970."""

    start: float
    end: float


def legend_of(template: str, labels: Mapping[str, str]) -> str:
    """As Grafana fills it in; what a series has no label for is left out."""
    return " ".join(re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), template).split())


def dashboard(board: Dashboard, answers: Mapping[str, Sequence[Line]], span: Span) -> str:
    """``answers``: the lines of each panel, by its title."""
    placed = list(places(board.panels))
    width = 24 * COLUMN
    height = _HEAD + max(y + h for _, y, _, h in placed) * ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="11" fill="#333">',
        f'<rect width="{width}" height="{height}" fill="#f3f4f6"/>',
        f'<text x="10" y="23" font-size="16" font-weight="600">{escape(board.title)}</text>',
        f'<text x="{width - 10}" y="23" text-anchor="end">{_day(span)}</text>',
    ]
    for panel, (x, y, w, h) in zip(board.panels, placed, strict=True):
        box = (w * COLUMN - 6, h * ROW - 6)
        parts.append(f'<g transform="translate({x * COLUMN + 3},{_HEAD + y * ROW + 3})">')
        parts += _panel(panel, answers.get(panel.title, ()), span, *box)
        parts.append("</g>")
    return "\n".join((*parts, "</svg>")) + "\n"


def _panel(panel: Panel, lines: Sequence[Line], span: Span, width: int, height: int) -> Iterator[str]:
    yield f'<rect width="{width}" height="{height}" rx="3" fill="#fff" stroke="#d9dce1"/>'
    yield f'<text x="8" y="17" font-weight="600">{escape(_short(panel.title, width // 6))}</text>'
    shown = sorted((line for line in lines if line.points), key=lambda line: -max(v for _, v in line.points))
    if not shown:
        words = "nothing, which is well" if panel.rare else "no data"
        yield f'<text x="{width / 2:.0f}" y="{height / 2:.0f}" text-anchor="middle" fill="#888">{words}</text>'
    elif panel.kind == "timeseries":
        yield from _lines(panel, shown, span, width, height)
    else:
        yield from _last(panel, shown, width, height)


def _last(panel: Panel, lines: Sequence[Line], width: int, height: int) -> Iterator[str]:
    """The newest value of each: one in large, several in rows."""
    if len(lines) == 1 and not lines[0].legend:
        value = told(lines[0].points[-1][1], panel.unit)
        yield (
            f'<text x="{width / 2:.0f}" y="{height / 2 + 14:.0f}" text-anchor="middle" font-size="30" '
            f'font-weight="600" fill="{_COLOURS[2]}">{value}</text>'
        )
        return
    for place, line in enumerate(sorted(lines, key=lambda line: line.legend)[:8]):
        y = _TOP + 16 + place * 19
        yield f'<text x="8" y="{y}">{escape(line.legend)}</text>'
        value = told(line.points[-1][1], panel.unit)
        yield f'<text x="{width - 8}" y="{y}" text-anchor="end" font-weight="600">{value}</text>'


def _lines(panel: Panel, lines: Sequence[Line], span: Span, width: int, height: int) -> Iterator[str]:
    drawn = lines[:MOST_LINES]
    rows = math.ceil(len(drawn) / 2)
    bottom = height - _FOOT - 6 - rows * 14
    top = max((value for line in drawn for _, value in line.points), default=0) or 1
    for share in (0, 0.5, 1):
        y = bottom - share * (bottom - _TOP - 6)
        yield f'<path d="M{_LEFT} {y:.0f}H{width - 8}" stroke="#e6e8eb"/>'
        yield f'<text x="{_LEFT - 4}" y="{y + 4:.0f}" text-anchor="end" fill="#777">{told(share * top, panel.unit)}</text>'
    for share, anchor in ((0, "start"), (1, "end")):
        at = datetime.fromtimestamp(span.start + share * (span.end - span.start), UTC)
        x = _LEFT + share * (width - 8 - _LEFT)
        yield f'<text x="{x:.0f}" y="{bottom + 12}" text-anchor="{anchor}" fill="#777">{at:%H:%M}</text>'
    for place, line in enumerate(drawn):
        colour = _COLOURS[place]
        yield f'<path d="{_path(line, span, top, width, bottom)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        x, y = 8 + (place % 2) * (width // 2), bottom + 28 + (place // 2) * 14
        more = len(lines) - len(drawn) if place == len(drawn) - 1 else 0
        room = width // 13 - 4 - (12 if more else 0)
        name = _short(line.legend, room) + (f" … and {more} more" if more else "")
        yield f'<rect x="{x}" y="{y - 8}" width="9" height="9" fill="{colour}"/>'
        yield f'<text x="{x + 13}" y="{y}">{escape(name)}</text>'


def _path(line: Line, span: Span, top: float, width: int, bottom: int) -> str:
    """A gap in what was answered is a gap in the line."""
    steps = [b[0] - a[0] for a, b in zip(line.points, line.points[1:], strict=False)]
    usual = min(steps, default=0)
    words, before = [], None
    for at, value in line.points:
        x = _LEFT + (at - span.start) / (span.end - span.start) * (width - 8 - _LEFT)
        y = bottom - min(value / top, 1) * (bottom - _TOP - 6)
        joined = before is not None and at - before < 1.5 * usual
        words.append(f"{'L' if joined else 'M'}{x:.0f} {y:.0f}")
        before = at
    if len(line.points) == 1:
        words.append("h3")
    return "".join(words)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _day(span: Span) -> str:
    start, end = (datetime.fromtimestamp(each, UTC) for each in (span.start, span.end))
    return f"{start:%Y-%m-%d %H:%M} – {end:%H:%M} UTC"


_UNITS = {"cps": "/s", "reqps": "/s", "d": " d"}


def told(value: float, unit: str) -> str:
    """A value with its unit, in at most three figures: 0.25 s is ``250 ms``, 1,200 is ``1.2k``."""
    if unit == "s":
        return _seconds(value)
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}{_UNITS.get(unit, '')}"
    return f"{value:.3g}{_UNITS.get(unit, '')}"


def _seconds(value: float) -> str:
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return f"{value * 1000:.3g} ms" if value else "0 s"

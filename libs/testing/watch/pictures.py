"""Draws each dashboard from a Prometheus that scraped a running hub: ``make pictures``.

python -m libs.testing.watch.pictures http://127.0.0.1:9090 FOLDER [MINUTES]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from libs import clock
from libs.testing.watch import drawn
from libs.testing.watch.dashboards import DASHBOARDS, Dashboard
from libs.testing.watch.drawn import Line, Span
from libs.testing.watch.prometheus import Prometheus

POINTS = 72
"""On a line."""


def answered(prometheus: Prometheus, board: Dashboard, span: Span) -> Mapping[str, Sequence[Line]]:
    """What every panel shows of this time, by its title. Raises ``AssertionError`` when a query is refused."""
    step = (span.end - span.start) / POINTS
    found: dict[str, Sequence[Line]] = {}
    for panel in board.panels:
        lines = []
        for legend, expr in panel.asks.items():
            for series in prometheus.range(expr, span.start, span.end, step):
                points = [(float(at), float(value)) for at, value in series["values"]]
                points = [point for point in points if math.isfinite(point[1])]
                lines.append(Line(drawn.legend_of(legend, series["metric"]), points))
        found[panel.title] = lines
    return found


def main() -> None:
    url, folder = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 15
    end = clock.now().timestamp()
    span = Span(end - 60 * minutes, end)
    prometheus = Prometheus(url)
    folder.mkdir(parents=True, exist_ok=True)
    for board in DASHBOARDS:
        picture = drawn.dashboard(board, answered(prometheus, board, span), span)
        (folder / f"{board.name}.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    main()

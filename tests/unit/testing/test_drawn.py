"""A dashboard drawn without Grafana shows what was answered, to scale."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from libs.testing.watch import drawn
from libs.testing.watch.dashboards import DASHBOARDS, Dashboard, Panel, written
from libs.testing.watch.drawn import Line, Span

SPAN = Span(1_700_000_000, 1_700_000_600)
STEPS = [SPAN.start + 60 * n for n in range(11)]


def picture(panel: Panel, *lines: Line) -> str:
    return drawn.dashboard(Dashboard("x", "X <&>", (panel,)), {panel.title: lines}, SPAN)


def texts(svg: str) -> list[str]:
    return [str(each.text) for each in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_a_line_goes_as_high_as_its_value() -> None:
    svg = picture(Panel("P", {}), Line("<a>", [(at, n % 3) for n, at in enumerate(STEPS)]))
    (path,) = re.findall(r'<path d="(M[^"HhV]+)" fill="none"', svg)
    heights = [int(y) for y in re.findall(r"\d+ (\d+)", path)]
    assert len(heights) == len(STEPS)
    assert heights[0] > heights[1] > heights[2]
    assert heights[0] == heights[3] == heights[9]
    assert {"P", "<a>", "X <&>", "2", "1", "0"} <= set(texts(svg))


def test_a_gap_in_what_was_answered_is_a_gap_in_the_line() -> None:
    svg = picture(Panel("P", {}), Line("a", [(at, 1) for n, at in enumerate(STEPS) if n != 5]))
    (path,) = re.findall(r'<path d="(M[^"HhV]+)" fill="none"', svg)
    assert path.count("M") == 2


def test_of_many_lines_the_highest_are_drawn_and_the_rest_is_counted() -> None:
    lines = [Line(f"line {n}", [(STEPS[0], n), (STEPS[1], n)]) for n in range(10)]
    shown = texts(picture(Panel("P", {}, width=24), *lines))
    assert "line 9" in shown
    assert not [each for each in shown if each.startswith("line 3")]
    assert any("and 4 more" in each for each in shown)


@pytest.mark.parametrize(("rare", "words"), [(True, "nothing, which is well"), (False, "no data")])
def test_an_empty_panel_says_what_that_means(rare: bool, words: str) -> None:
    assert words in texts(picture(Panel("P", {}, rare=rare)))


def test_one_figure_is_the_newest() -> None:
    assert "7 s" in texts(picture(Panel("P", {}, "s", kind="stat"), Line("", [(STEPS[0], 3), (STEPS[1], 7)])))


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (0, "s", "0 s"),
        (0.0251, "s", "25.1 ms"),
        (90, "s", "1.5 min"),
        (1234, "short", "1.23k"),
        (0.5, "cps", "0.5/s"),
        (2e6, "none", "2M"),
        (12.3, "d", "12.3 d"),
    ],
)
def test_values_have_three_figures_and_a_unit(value: float, unit: str, told: str) -> None:
    assert drawn.told(value, unit) == told


def test_legends_are_filled_in() -> None:
    assert drawn.legend_of("{{queue}} {{outcome}}", {"queue": "a.b"}) == "a.b"


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.name)
def test_every_panel_of_every_dashboard_stands_where_grafana_has_it(board: Dashboard) -> None:
    svg = drawn.dashboard(board, {}, SPAN)
    shown = {text.removesuffix("…") for text in texts(svg)}
    assert all(any(panel.title.startswith(text) for text in shown if len(text) > 3) for panel in board.panels)
    at = re.findall(r"translate\((\d+),(\d+)\)", svg)
    grid = [panel["gridPos"] for panel in written(board)["panels"]]
    assert at == [(str(p["x"] * drawn.COLUMN + 3), str(34 + p["y"] * drawn.ROW + 3)) for p in grid]

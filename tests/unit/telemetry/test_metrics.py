"""Every instrument has one name and shows in /metrics."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from prometheus_client import generate_latest

from libs.telemetry import metrics
from libs.testing.spans import recording

ROOT = Path(__file__).parents[3]


def _names() -> list[str]:
    tree = ast.parse(Path(metrics.__file__).read_text("utf-8"))
    return [
        str(ast.literal_eval(node.args[0]))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr.startswith("create_")
    ]


def test_each_name_is_given_once() -> None:
    names = _names()
    assert len(names) > 10
    assert len(names) == len(set(names))


def test_instruments_are_made_nowhere_else() -> None:
    made = re.compile(
        r"\.create_(counter|histogram|gauge|up_down_counter|observable_\w+)\("
        r"|prometheus_client import .*(Counter|Gauge|Histogram)"
    )
    elsewhere = [
        path.relative_to(ROOT)
        for folder in ("libs", "services")
        for path in (ROOT / folder).rglob("*.py")
        if made.search(path.read_text("utf-8")) and path != Path(metrics.__file__)
    ]
    assert elsewhere == []


def test_what_is_recorded_is_there_to_scrape() -> None:
    with recording(0):
        metrics.schedule_missed.add(3, {"schedule": "test.metrics"})
        metrics.http_server_duration.record(0.007, {"http.route": "/test-metrics"})
    text = generate_latest().decode()
    assert re.search(r'postbode_schedule_missed\w*_total\{.*schedule="test.metrics".*\} 3\.0', text)
    assert re.search(r'http_server_request_duration_seconds_bucket\{.*le="0.01".*\} 1\.0', text)
    assert re.search(r'http_server_request_duration_seconds_bucket\{.*le="0.005".*\} 0\.0', text)

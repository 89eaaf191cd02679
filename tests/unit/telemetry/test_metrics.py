"""Every instrument has one name and shows in /metrics."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from opentelemetry.metrics import CallbackOptions
from prometheus_client import generate_latest

from libs.telemetry import metrics
from libs.telemetry.gauges import Asked, Shares
from libs.testing.spans import recording

ROOT = Path(__file__).parents[3]


SOURCES = [path for folder in ("libs", "services") for path in (ROOT / folder).rglob("*.py")]
USED = re.compile(r"metrics\.(\w+)\b(?:\.(?:add|set|record|answer)\(|, )")


def _names() -> list[str]:
    tree = ast.parse(Path(metrics.__file__).read_text("utf-8"))
    return [
        str(ast.literal_eval(node.args[0]))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr.startswith("create_")
    ]


def _instruments() -> set[str]:
    tree = ast.parse(Path(metrics.__file__).read_text("utf-8"))
    return {
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.targets[0], ast.Name) and not node.targets[0].id.isupper()
    } - {"_meter"}


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
        for path in SOURCES
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


def test_every_instrument_is_used() -> None:
    used = {name for path in SOURCES for name in USED.findall(path.read_text("utf-8"))}
    assert len(_instruments()) > 20
    assert _instruments() - used == set()


def test_a_breakdown_forgets_what_is_not_counted_any_more() -> None:
    told: list[tuple[float, dict[str, str]]] = []

    class Gauge:
        def set(self, amount: float, attributes: Mapping[str, str]) -> None:
            told.append((amount, dict(attributes)))

    shares = Shares(Gauge(), "cause", {"service": "route"})
    shares.set({"no-receiver": 2})
    shares.set({"differs": 1})
    assert (0, {"service": "route", "cause": "no-receiver"}) in told
    assert (2, {"service": "route", "cause": "no-receiver"}) in told
    assert (0, {"service": "route", "cause": "none"}) in told, "a 0 to see"


def test_a_value_is_asked_for_when_it_is_read_and_can_be_forgotten() -> None:
    asked = Asked()
    values = iter((3.0, 4.0))
    asked.answer({"queue": "a"}, lambda: next(values))
    assert [(each.value, each.attributes) for each in asked(CallbackOptions())] == [(3.0, {"queue": "a"})]
    assert [each.value for each in asked(CallbackOptions())] == [4.0]
    asked.forget({"queue": "a"})
    assert list(asked(CallbackOptions())) == []


class Watched:
    """Calls of instruments, with the attributes they give."""

    @staticmethod
    def of(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_instrument(node.func):
                given = [*node.args, *(word.value for word in node.keywords)]
                yield (
                    node.lineno,
                    {
                        key.value
                        for each in given
                        for inner in ast.walk(each)
                        if isinstance(inner, ast.Dict)
                        for key in inner.keys
                        if isinstance(key, ast.Constant) and isinstance(key.value, str)
                    },
                )


def _is_instrument(func: ast.expr) -> bool:
    return (
        isinstance(func, ast.Attribute)
        and func.attr in {"add", "set", "record", "answer"}
        and isinstance(func.value, ast.Attribute)
        and isinstance(func.value.value, ast.Name)
        and func.value.value.id == "metrics"
    )


def test_no_series_for_each_account_or_invoice() -> None:
    assert not any(
        word in name for name in metrics.ATTRIBUTES for word in ("account", "invoice", "party", "id")
    )
    found = [
        (path.relative_to(ROOT).as_posix(), line, names - metrics.ATTRIBUTES)
        for path in SOURCES
        for line, names in Watched.of(ast.parse(path.read_text("utf-8")))
    ]
    assert len(found) > 20
    assert [each for each in found if each[2]] == []

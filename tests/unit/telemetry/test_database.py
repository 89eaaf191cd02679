"""Statements: recorded with their trace, and always when slow or failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.trace import SpanKind, StatusCode

from libs.telemetry import database, tracing
from libs.testing.spans import recording


@dataclass
class Said:
    """What asyncpg tells about a statement."""

    query: str
    elapsed: float = 0.001
    exception: BaseException | None = None
    args: tuple[Any, ...] = ("NL12BANK3456",)


@dataclass
class Conn:
    loggers: list[Callable[[Any], None]] = field(default_factory=list)

    def add_query_logger(self, callback: Callable[[Any], None]) -> None:
        self.loggers.append(callback)


def tell(*said: Said) -> None:
    conn = Conn()
    database.watch(conn)
    for each in said:
        conn.loggers[0](each)


def test_a_statement_of_a_recorded_trace_is_a_span_without_its_values() -> None:
    with recording(1.0) as spans, tracing.head("GET", SpanKind.SERVER, None):
        tell(Said("\n  SELECT *\n  FROM invoice WHERE iban = $1", elapsed=0.25))
    statement = spans.spans[0]
    assert statement.name == "SELECT"
    assert statement.kind is SpanKind.CLIENT
    assert statement.attributes is not None
    assert statement.attributes["db.query.text"] == "SELECT * FROM invoice WHERE iban = $1"
    assert statement.start_time is not None
    assert statement.end_time == statement.start_time + 250_000_000
    assert "NL12BANK3456" not in statement.to_json()


def test_a_statement_of_an_unrecorded_trace_is_nothing() -> None:
    with recording(0) as spans, tracing.head("GET", SpanKind.SERVER, None):
        tell(Said("SELECT 1"))
    assert spans.spans == []


def test_a_slow_and_a_failed_one_are_recorded_anyway() -> None:
    with recording(0) as spans, tracing.head("GET", SpanKind.SERVER, None):
        tell(Said("UPDATE x", elapsed=database.SLOW), Said("", exception=ValueError("Jansen")))
    slow, failed = spans.spans
    assert slow.name == "UPDATE"
    assert failed.status.status_code is StatusCode.ERROR
    assert "Jansen" not in failed.to_json()

"""Logs are JSON, name their trace and invoice, and hold no payload."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.trace import SpanKind

from libs.telemetry import logs, tracing

WITH_A_ROW = "broken\nDETAIL:  Failing row contains (Jansen, NL12BANK)"


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.configure("INFO", "json", "ingest")
    yield
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_names_service_logger_trace_and_invoice(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        tracing.head("GET", SpanKind.SERVER, f"00-{'a' * 32}-{'b' * 16}-00"),
        logs.about(invoice_id="7", submission_id=None),
    ):
        structlog.get_logger("services.ingest.store").info("kept", count=2)
    (line,) = lines(capsys)
    assert line["event"] == "kept"
    assert line["count"] == 2
    assert line["service"] == "ingest"
    assert line["logger"] == "services.ingest.store"
    assert line["level"] == "info"
    assert line["trace_id"] == "a" * 32
    assert line["invoice_id"] == "7"
    assert "submission_id" not in line


def test_what_an_invoice_was_is_forgotten_after_its_block(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.about(invoice_id="7"):
        pass
    structlog.get_logger("x").warning("later")
    assert "invoice_id" not in lines(capsys)[0]


def test_other_peoples_loggers_come_out_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.about(invoice_id="7"):
        logging.getLogger("uvicorn.error").warning("port %s", 80)
        logging.getLogger("aio_pika.connection").info("chatter")
        logging.getLogger("asyncpg").info("chatter")
    (line,) = lines(capsys)
    assert line["event"] == "port 80"
    assert line["logger"] == "uvicorn.error"
    assert line["invoice_id"] == "7"
    assert line["service"] == "ingest"


def test_no_line_holds_a_payload_or_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("x").info(
        "got",
        body=b"<Invoice/>",
        text="x" * 5000,
        authorization="Bearer pb_live_1",
        api_key="k",
        password="p",
    )
    (line,) = lines(capsys)
    assert line["body"] == "(10 bytes)"
    assert len(line["text"]) < 1100
    assert {line["authorization"], line["api_key"], line["password"]} == {"***"}


def test_of_an_exception_only_the_first_line_of_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        try:
            raise ValueError(WITH_A_ROW)
        except ValueError as cause:
            raise ExceptionGroup("all", [ValueError(WITH_A_ROW)]) from cause
    except ExceptionGroup as group:
        structlog.get_logger("x").error("failed", exc_info=group)
        logging.getLogger("theirs").exception("failed")
    for line in lines(capsys):
        assert "ValueError: broken" in line["exception"]
        assert "test_logs.py" in line["exception"]
        assert "Jansen" not in line["exception"]
        assert "Jansen" not in json.dumps(line)


def test_configuring_twice_does_not_say_everything_twice(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json", "route")
    logging.getLogger("theirs").warning("once")
    (line,) = lines(capsys)
    assert line["service"] == "route"


def test_console_form_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "console", "route")
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger("x").exception("failed", n=1)
    text = capsys.readouterr().err
    assert "failed" in text
    assert "ValueError: broken" in text
    assert not text.startswith("{")


def test_levels_below_the_one_set_cost_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("x").debug("detail")
    assert lines(capsys) == []

"""Structured logs: one JSON object a line, with the trace and the invoice it is about. Never a payload.

What is sent through the hub is business mail. So no line holds bytes or long texts, names that smell of a
credential are blanked, and of an exception the type, a short message and the places are shown, but not what
a database appends to it (``DETAIL: Failing row contains …``).

``structlog`` writes straight to standard error; the standard library's loggers (uvicorn, aio_pika, asyncpg)
go through the same processors.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any
from uuid import UUID

import orjson
import structlog
from opentelemetry import trace

_QUIET = ("aio_pika", "aiormq", "asyncio", "asyncpg", "httpx", "httpcore", "mail.log", "uvicorn.access")
_LEVELS = logging.getLevelNamesMapping()
_LONGEST = 1000
"""Characters of a text in a log line."""
_SECRET = ("authorization", "password", "secret", "token", "api_key", "cookie")

Event = MutableMapping[str, Any]


def configure(level: str, form: str, service: str) -> None:
    """Send structlog and the standard library's loggers the same way, to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stamp(service),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        clean,
        show_exception,
    ]
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if form == "console"
        else as_json
    )
    structlog.configure(
        processors=[_logger_name, *shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level.upper()]),
        logger_factory=_Stderr,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(_Late())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def about(*, invoice_id: UUID | str | None = None, **more: object) -> Iterator[None]:
    """Every line of this block says which invoice (submission, delivery, …) it is about."""
    known = {"invoice_id": invoice_id, **more}
    with structlog.contextvars.bound_contextvars(**{k: str(v) for k, v in known.items() if v is not None}):
        yield


def _stamp(service: str) -> structlog.typing.Processor:
    def stamp(_: Any, __: str, event: Event) -> Event:
        event["service"] = service
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = f"{context.trace_id:032x}"
            event["span_id"] = f"{context.span_id:016x}"
        return event

    return stamp


def clean(_: Any, __: str, event: Event) -> Event:
    """Processor: nothing long, nothing binary, nothing secret."""
    for key, value in event.items():
        if isinstance(value, str):
            if any(word in key for word in _SECRET):
                event[key] = "***"
            elif len(value) > _LONGEST:
                event[key] = f"{value[:_LONGEST]}… ({len(value)} characters)"
        elif isinstance(value, bytes | bytearray | memoryview):
            event[key] = f"({len(value)} bytes)"
    return event


def show_exception(_: Any, __: str, event: Event) -> Event:
    """Processor: ``exc_info`` becomes ``exception``, a traceback without what a database adds."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    if isinstance(found, tuple):
        found = found[1]
    if isinstance(found, BaseException):
        event["exception"] = describe(found)
    return event


def describe(error: BaseException) -> str:
    """A traceback fit for a log: of every message only the first line."""
    shown = traceback.TracebackException.from_exception(error, limit=-12)
    _shorten(shown)
    return "".join(shown.format()).rstrip()


def _shorten(shown: traceback.TracebackException) -> None:
    # The message of a TracebackException is kept in _str: there is no public way to change it.
    text = str(shown).partition("\n")[0]
    shown._str = text[:_LONGEST]  # type: ignore[attr-defined]
    for inner in (shown.__cause__, shown.__context__, *(shown.exceptions or ())):
        if inner is not None:
            _shorten(inner)


def as_json(_: Any, __: str, event: Event) -> str:
    """Processor: the last one."""
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _logger_name(logger: Any, _: str, event: Event) -> Event:
    event["logger"] = logger.name
    return event


class _Late:
    """Standard error as it is when a line is written: tests and progress bars put another one there."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _Stderr:
    """What structlog writes to. One call a line, so that lines of threads do not mix."""

    def __init__(self, name: str = "postbode") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg

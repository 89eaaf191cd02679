"""The dashboards, written down once and written out for Grafana: ``deploy/observability/grafana/dashboards``.

    python -m libs.testing.watch.dashboards FOLDER

A panel is a question, what it asks Prometheus, and the unit. They stand in rows of 24 columns, in the order given. Those of
*one invoice* ask Tempo: metrics know no invoice.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
TEMPO = {"type": "tempo", "uid": "tempo"}
_HEIGHT = 8
_ALL = 24


@dataclass(frozen=True, slots=True)
class Panel:
    """``asks``: what is drawn, by legend (``{{label}}``). ``rare``: nothing to show is good news."""

    title: str
    asks: Mapping[str, str]
    unit: str = "short"
    kind: Literal["timeseries", "stat", "bargauge"] = "timeseries"
    width: int = 8
    rare: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    name: str
    title: str
    panels: Sequence[Panel]


def _per(metric: str, by: str = "", where: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{where}[5m]))"


def _quantile(share: float, metric: str, by: str, where: str = "") -> str:
    return f"histogram_quantile({share}, {_per(f'{metric}_bucket', f'le, {by}' if by else 'le', where)})"


_HTTP = "http_server_request_duration_seconds"
_HUB = '{http_route=~"/v1/.*"}'
_SYNC = '{http_route=~"/v1/sync.*"}'

PIPELINE = Dashboard(
    "pipeline",
    "Postbode: pipeline",
    (
        Panel("Lost", {"": 'max(postbode_ledger{outcome="lost"})'}, kind="stat", width=4),
        Panel("Duplicated", {"": 'max(postbode_ledger{outcome="duplicated"})'}, kind="stat", width=4),
        Panel("Unaccounted", {"": 'max(postbode_ledger{outcome="unaccounted"})'}, kind="stat", width=4),
        Panel("Open", {"": 'max(postbode_ledger{outcome="open"})'}, kind="stat", width=4),
        Panel("Ledger taken", {"": "time() - max(postbode_ledger_taken_seconds)"}, "s", kind="stat", width=4),
        Panel(
            "Error budget burnt, 1 h (14.4 pages)",
            {
                "accept": "postbode:accept_errors:ratio_rate1h / 0.0005",
                "handover": "postbode:handover_errors:ratio_rate1h / 0.001",
                "status": "postbode:status_errors:ratio_rate1h / 0.001",
            },
            "none",
            kind="bargauge",
            width=4,
        ),
        Panel(
            "Facts a second",
            {"{{type}}": _per("postbode_events_published_total", "type", '{type=~"invoice.*"}')},
            "cps",
            width=12,
        ),
        Panel(
            "From taken in to handed over",
            {
                "median, straight": _quantile(
                    0.5, "postbode_handover_delay_seconds", "", '{straight="yes",channel!="sandbox"}'
                ),
                "99 %, straight": _quantile(
                    0.99, "postbode_handover_delay_seconds", "", '{straight="yes",channel!="sandbox"}'
                ),
            },
            "s",
            width=12,
        ),
        Panel("Requests a second", {"{{http_route}}": _per(f"{_HTTP}_count", "http_route", _HUB)}, "reqps"),
        Panel(
            "Refused, by status",
            {
                "{{http_response_status_code}}": _per(
                    f"{_HTTP}_count", "http_response_status_code", '{http_response_status_code=~"[45].."}'
                )
            },
            "reqps",
            rare=True,
        ),
        Panel("Answered within (99 %)", {"{{http_route}}": _quantile(0.99, _HTTP, "http_route", _HUB)}, "s"),
        Panel(
            "Mails a second, by reply",
            {
                "{{smtp_response_status_code}}": _per(
                    "postbode_mail_duration_seconds_count", "smtp_response_status_code"
                )
            },
            "cps",
        ),
        Panel(
            "Rejected, by rule", {"{{rule}}": f"topk(15, {_per('postbode_rejections_total', 'rule')})"}, "cps"
        ),
        Panel(
            "Parked, by cause",
            {"{{service}} {{cause}}": "max by (service, cause) (postbode_parked) > 0"},
            rare=True,
        ),
        Panel(
            "Statements that were slow or failed",
            {
                "{{db_operation_name}} {{error_type}}": _per(
                    "db_client_operation_duration_seconds_count", "db_operation_name, error_type"
                )
            },
            "cps",
            rare=True,
        ),
        Panel(
            "Schedules that failed",
            {
                "{{schedule}}": _per(
                    "postbode_schedule_duration_seconds_count", "schedule", '{outcome="failed"}'
                )
            },
            "cps",
            rare=True,
        ),
        Panel(
            "Grows old (days)",
            {
                "rules of {{pack}}": "(time() - max by (pack) (postbode_rules_since_seconds)) / 86400",
                "certificate for {{use}}, left": "(min by (use) (postbode_certificate_end_seconds) - time()) / 86400",
            },
            "d",
            kind="stat",
        ),
    ),
)

MESSAGING = Dashboard(
    "messaging",
    "Postbode: messaging",
    (
        Panel(
            "Oldest event not published",
            {"{{service}}": "max by (service) (postbode_outbox_oldest_seconds)"},
            "s",
        ),
        Panel("Events not published", {"{{service}}": "max by (service) (postbode_outbox_rows)"}),
        Panel(
            "Messages published",
            {"{{service}}": _per("messaging_client_sent_messages_total", "service")},
            "cps",
        ),
        Panel(
            "Oldest event of a queue", {"{{queue}}": "max by (queue) (postbode_queue_oldest_seconds)"}, "s"
        ),
        Panel("Messages nobody has in hand", {"{{queue}}": "max by (queue) (postbode_queue_ready)"}),
        Panel(
            "Wait until taken up (99 %)",
            {"{{queue}}": _quantile(0.99, "postbode_event_wait_seconds", "queue")},
            "s",
        ),
        Panel("Events handled", {"{{queue}}": _per("postbode_events_handled_total", "queue")}, "cps"),
        Panel(
            "Batch takes (99 %)",
            {"{{queue}}": _quantile(0.99, "messaging_process_duration_seconds", "queue")},
            "s",
        ),
        Panel(
            "Repeated, retried, dead",
            {
                "{{queue}} {{outcome}}": _per(
                    "postbode_events_handled_total", "queue, outcome", '{outcome!="handled"}'
                )
            },
            "cps",
            rare=True,
        ),
        Panel(
            "Delivered before",
            {"{{queue}}": _per("postbode_events_redelivered_total", "queue")},
            "cps",
            rare=True,
        ),
        Panel(
            "Dead letters, by cause",
            {"{{queue}} {{cause}}": "max by (queue, cause) (postbode_dead_letters) > 0"},
            rare=True,
        ),
        Panel(
            "Callers looked up", {"{{outcome}}": _per("postbode_identity_lookups_total", "outcome")}, "cps"
        ),
    ),
)

DELIVERIES = Dashboard(
    "deliveries",
    "Postbode: deliveries",
    (
        Panel(
            "Attempts, by channel and result",
            {"{{channel}} {{outcome}}": _per("postbode_delivery_attempts_total", "channel, outcome")},
            "cps",
            width=12,
        ),
        Panel(
            "From taken in to handed over (99 %)",
            {
                "{{channel}} straight {{straight}}": _quantile(
                    0.99, "postbode_handover_delay_seconds", "channel, straight"
                )
            },
            "s",
            width=12,
        ),
        Panel("Receivers with an open breaker", {"{{channel}}": "max by (channel) (postbode_breakers_open)"}),
        Panel("Longest trouble", {"{{channel}}": "max by (channel) (postbode_breakers_oldest_seconds)"}, "s"),
        Panel(
            "Parked here, by cause",
            {"{{cause}}": 'max by (cause) (postbode_parked{service="deliver"})'},
        ),
        Panel(
            "Arrived, undeliverable, returned",
            {
                "{{type}}": _per(
                    "postbode_events_published_total",
                    "type",
                    '{type=~"invoice.(confirmed|undeliverable|returned|imported|paid).*"}',
                )
            },
            "cps",
            width=12,
        ),
        Panel(
            "Damaged documents",
            {"": "sum(increase(postbode_documents_damaged_total[1d]))"},
            width=12,
            rare=True,
        ),
    ),
)

SYNC = Dashboard(
    "sync",
    "Postbode: Exact Globe+ and Purchase to Pay",
    (
        Panel("Requests a second", {"{{http_route}}": _per(f"{_HTTP}_count", "http_route", _SYNC)}, "reqps"),
        Panel("Answered within (99 %)", {"{{http_route}}": _quantile(0.99, _HTTP, "http_route", _SYNC)}, "s"),
        Panel(
            "Plans, records, runs",
            {"{{type}}": _per("postbode_events_published_total", "type", '{type=~"masterdata.*"}')},
            "cps",
            rare=True,
        ),
        Panel(
            "Calls to the other side, by status",
            {
                "{{server_address}} {{http_response_status_code}}{{error_type}}": _per(
                    "http_client_request_duration_seconds_count",
                    "server_address, http_response_status_code, error_type",
                )
            },
            "reqps",
            rare=True,
        ),
        Panel(
            "Calls take (99 %)",
            {"{{server_address}}": _quantile(0.99, "http_client_request_duration_seconds", "server_address")},
            "s",
            rare=True,
        ),
        Panel(
            "Oldest event of sync",
            {
                "outbox": 'max(postbode_outbox_oldest_seconds{service="sync"})',
                "queue": 'max(postbode_queue_oldest_seconds{queue="sync.masterdata"})',
            },
            "s",
        ),
        Panel(
            "Schedules take",
            {
                "{{schedule}}": _quantile(
                    0.99, "postbode_schedule_duration_seconds", "schedule", '{schedule=~"sync.*"}'
                )
            },
            "s",
            width=12,
        ),
        Panel(
            "Runs left out",
            {"{{schedule}}": _per("postbode_schedule_missed_total", "schedule")},
            "cps",
            width=12,
            rare=True,
        ),
    ),
)

DASHBOARDS = (PIPELINE, MESSAGING, DELIVERIES, SYNC)

INVOICE_BATCHES = '{ link.hub.invoice.id = "$invoice" }'
INVOICE_ALONE = '{ span.hub.invoice.id = "$invoice" }'
"""The stages, each a batch it was in, and what names it itself: intake, attempts. Two questions: asked as one with *or*,
Tempo (2.8.2) looks at a single link of a span only, and a batch has many."""
_INVOICE_FAILED = '{ span.hub.invoice.id = "$invoice" && status = error }'
_TEXT = """\
Its number leads to it: find it on [the pages]($hub/invoices) or with `postbode invoice list`, and put its id above.
There is its **status** and **timeline**; below are its **traces**. Every fact of the timeline names its own.

[Status and timeline of this invoice]($hub/invoices/$invoice)

Two in a hundred traces are recorded whole; what failed or was slow is there always.
"""


def written(dashboard: Dashboard) -> Mapping[str, Any]:
    """As Grafana reads it."""
    return _page(dashboard.name, dashboard.title, list(_placed(dashboard.panels)), [])


def one_invoice() -> Mapping[str, Any]:
    """From an id to everything that was recorded about it."""
    wide = {"w": _ALL, "x": 0}
    panels: list[Mapping[str, Any]] = [
        {
            "id": 1,
            "type": "text",
            "title": "Where it is",
            "gridPos": {"h": 7, "y": 0, **wide},
            "options": {"mode": "markdown", "content": _TEXT},
        },
        _traces(2, "Its stages", INVOICE_BATCHES, {"h": 10, "y": 7, **wide}),
        _traces(3, "Taken in, and each attempt", INVOICE_ALONE, {"h": 8, "y": 17, **wide}),
        _traces(4, "What failed", _INVOICE_FAILED, {"h": 8, "y": 25, **wide}),
    ]
    variables: list[Mapping[str, Any]] = [
        {"name": name, "label": label, "type": "textbox", "query": given, "current": {"value": given}}
        for name, label, given in (("invoice", "Invoice id", ""), ("hub", "Hub", "http://localhost:8080"))
    ]
    return _page("invoice", "Postbode: one invoice", panels, variables)


def _page(
    name: str, title: str, panels: list[Mapping[str, Any]], variables: list[Mapping[str, Any]]
) -> Mapping[str, Any]:
    return {
        "uid": f"postbode-{name}",
        "title": title,
        "tags": ["postbode"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": variables},
        "links": [{"type": "dashboards", "tags": ["postbode"], "title": "Postbode", "asDropdown": False}],
        "panels": panels,
    }


def places(panels: Sequence[Panel]) -> Iterator[tuple[int, int, int, int]]:
    """Where each stands in the grid: column, row, width, height."""
    x = y = 0
    for panel in panels:
        if x + panel.width > _ALL:
            x, y = 0, y + _HEIGHT
        yield x, y, panel.width, _HEIGHT
        x += panel.width


def _placed(panels: Sequence[Panel]) -> Iterator[Mapping[str, Any]]:
    for number, (panel, (x, y, width, height)) in enumerate(zip(panels, places(panels), strict=True), 1):
        yield {
            "id": number,
            "type": panel.kind,
            "title": panel.title,
            "datasource": PROMETHEUS,
            "gridPos": {"h": height, "w": width, "x": x, "y": y},
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "expr": expr,
                    "legendFormat": legend,
                    "datasource": PROMETHEUS,
                    # A dot on a latency opens the trace that took so long.
                    **({"exemplar": True} if "_bucket" in expr and panel.kind == "timeseries" else {}),
                }
                for place, (legend, expr) in enumerate(panel.asks.items())
            ],
        }


def _traces(number: int, title: str, query: str, place: Mapping[str, int]) -> Mapping[str, Any]:
    target = {"refId": "A", "queryType": "traceql", "query": query, "limit": 100, "datasource": TEMPO}
    return {
        "id": number,
        "type": "table",
        "title": title,
        "datasource": TEMPO,
        "gridPos": place,
        "targets": [target],
    }


def files() -> Mapping[str, str]:
    """Name and text of every file."""
    pages = {dashboard.name: written(dashboard) for dashboard in DASHBOARDS} | {"invoice": one_invoice()}
    return {f"{name}.json": json.dumps(page, indent=1) + "\n" for name, page in pages.items()}


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()

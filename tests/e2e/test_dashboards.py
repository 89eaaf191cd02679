"""Every panel asks a real Prometheus that scraped a running hub; and no series is about an account or an invoice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext
from prometheus_client.parser import text_string_to_metric_families

from libs import clock
from libs.telemetry import metrics
from libs.testing import builders
from libs.testing.spans import Recorded, recording
from libs.testing.watch import dashboards
from libs.testing.watch.alerts import SLOS
from libs.testing.watch.dashboards import DASHBOARDS, INVOICE_ALONE, INVOICE_BATCHES
from libs.testing.watch.prometheus import Prometheus, scraping
from services.deliver.gauges import Gauges as DeliverGauges
from services.route.gauges import Gauges as RouteGauges
from tests.e2e.world import World

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/observability/prometheus/alerts.yaml"
X, NOBODY = "58070036", "55344526"
RARE = {
    "db_client_operation_duration_seconds_count",
    "http_client_request_duration_seconds_bucket",
    "http_client_request_duration_seconds_count",
    "postbode_certificate_end_seconds",
    "postbode_documents_damaged_total",
    "postbode_schedule_missed_total",
}
"""Counted when something is wrong, or not set up here."""
FOLLOWED = "4bf92f3577b34da6a3ce929d0e0e4736"
"""A trace that a sender asks to be recorded."""
_REQUESTS = 'http_server_request_duration_seconds_bucket{http_route="/v1/submissions"}'
NOT_OURS = {"__name__", "instance", "job", "le"}
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{24}|pb_(live|test)|@")


@pytest.fixture
def measured() -> Iterator[Recorded]:
    """Instruments count from before the hub starts."""
    with recording(0) as recorded:
        yield recorded


async def some_of_everything(world: World) -> None:
    """Delivered, mailed in, rejected, parked."""
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", X), folder="x")
    followed = {**supplier.headers, "traceparent": f"00-{FOLLOWED}-00f067aa0ba902b7-01"}
    first = [("file", ("F1.xml", builders.invoice(number="F1", buyer_kvk=X)))]
    taken = await world.http.post("/v1/submissions", headers=followed, files=first)
    arrives = taken.json()["invoices"][0]["invoice_id"]
    mailed = await world.mail(supplier, ("F2.xml", builders.invoice(number="F2", buyer_kvk=X)))
    wrong = builders.invoice(number="F3", buyer_kvk=X).replace(b">380<", b">999<")
    rejected = await world.hand_over(supplier, ("F3.xml", wrong))
    parked = await world.hand_over(supplier, ("F4.xml", builders.invoice(number="F4", buyer_kvk=NOBODY)))
    await world.until(supplier, arrives, "arrived")
    await world.until(supplier, mailed["F2.xml"]["invoice_id"], "arrived")
    await world.until(supplier, rejected, "rejected")
    await world.until(supplier, parked, "parked")
    await world.http.get("/v1/sync", headers=supplier.headers)
    for gauges, service in ((DeliverGauges, "deliver"), (RouteGauges, "route")):
        await gauges(await world.resources.pools.get(service, "worker")).look()


@pytest.mark.parametrize("transport", ["amqp"], indirect=True)
async def test_every_panel_answers_from_a_hub_that_ran(measured: Recorded, world: World) -> None:
    # Whatever ran in this process before has counted, too.
    before = exposed((await world.http.get("/metrics")).text)
    with scraping(urlsplit(str(world.http.base_url)).netloc, RULES, "500ms") as prometheus:
        # From here on it sees what grows.
        await asyncio.to_thread(prometheus.until, "postbode_objectives_total")
        await some_of_everything(world)
        for last in (
            'rate(postbode_rejections_total[5m]) and on () postbode_parked{service="route",cause!="none"} > 0',
            'rate(http_server_request_duration_seconds_count{http_route="/v1/sync"}[5m])',
            # Each counted something: nothing of nothing would be no number.
            *(f"postbode:{slo.name}_errors:ratio_rate1h >= 0" for slo in SLOS),
        ):
            await asyncio.to_thread(prometheus.until, last)
        await asyncio.to_thread(check_panels, prometheus)
        await asyncio.to_thread(check_series, prometheus, before)
        await asyncio.to_thread(check_exemplars, prometheus, measured)


def answers(prometheus: Prometheus, asked: Collection[str]) -> bool:
    """Whether one of these has an answer, now or once what is counted already was scraped often enough."""
    with contextlib.suppress(TimeoutError):
        prometheus.until(" or ".join(f"({each})" for each in asked))
        return True
    return False


def check_panels(prometheus: Prometheus) -> None:
    known = prometheus.names()
    empty, unknown = [], []
    for board in DASHBOARDS:
        for panel in board.panels:
            for expr in panel.asks.values():
                named = {n for n in _NAME.findall(re.sub(r'"[^"]*"|\[[^]]*\]', "", expr)) if _is_metric(n)}
                assert named, expr
                unknown += [(panel.title, name) for name in named - known - RARE]
            if not panel.rare and not answers(prometheus, panel.asks.values()):
                empty.append((board.name, panel.title))
            for expr in panel.asks.values():
                prometheus.query(expr)
    assert unknown == []
    assert empty == []


def check_exemplars(prometheus: Prometheus, recorded: Recorded) -> None:
    """A latency leads to what took so long: to a span that was exported, of every stage, and to no trace that was not."""
    kept = {
        metric: prometheus.exemplars(f"{metric}_seconds_bucket", *_now())
        for metric in (
            "http_server_request_duration",
            "messaging_process_duration",
            "postbode_handover_delay",
        )
    }
    # Asked later: the hub goes on meanwhile.
    exported = {(f"{c.trace_id:032x}", f"{c.span_id:016x}") for c in map(_context, recorded.spans)}
    for metric, found in kept.items():
        assert found, metric
        assert {(each["labels"]["trace_id"], each["labels"]["span_id"]) for each in found} <= exported
    # The request was asked for by its caller, and the batches after it link to it.
    assert FOLLOWED in {each["labels"]["trace_id"] for each in prometheus.exemplars(_REQUESTS, *_now())}


def _context(span: ReadableSpan) -> SpanContext:
    found: SpanContext | None = span.context
    assert found is not None
    return found


def _now() -> tuple[float, float]:
    now = clock.now().timestamp()
    return now - 300, now + 60


def exposed(text: str) -> set[frozenset[tuple[str, str]]]:
    """The series of a page of metrics, each as its labels."""
    return {
        _labels({"__name__": sample.name, **sample.labels})
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _labels(series: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Without what Prometheus adds, and what is empty, which it leaves out."""
    return frozenset((k, v) for k, v in series.items() if v and k not in ("instance", "job"))


def check_series(prometheus: Prometheus, before: set[frozenset[tuple[str, str]]]) -> None:
    known = {re.sub(r"\W", "_", name) for name in metrics.ATTRIBUTES} | NOT_OURS
    found = [each["metric"] for each in prometheus.query('{job="postbode"}')]
    # Apps of other tests in this process may count under FastAPI's own name; the hub's do not (unit/http/test_edge.py).
    ours = [each for each in found if each.get("otel_scope_name") == "postbode"]
    new = [series for series in ours if _labels(series) not in before]
    assert len(ours) > 200
    assert len(new) < 4000
    for series in new:
        labels = {name: value for name, value in series.items() if not name.startswith("otel_scope_")}
        assert labels.keys() <= known, labels
        assert not [value for value in labels.values() if _ID.search(value)], labels


def _is_metric(name: str) -> bool:
    return name.startswith(("postbode", "http_", "messaging_", "db_")) and not name.startswith(
        ("http_route", "http_response", "http_request_method", "db_operation")
    )


def test_the_dashboards_are_written_from_the_code() -> None:
    folder = ROOT / "deploy/observability/grafana/dashboards"
    assert {each.name: each.read_text("utf-8") for each in folder.iterdir()} == dashboards.files(), (
        "run `make contracts`"
    )
    ids = [json.loads(text)["uid"] for text in dashboards.files().values()]
    assert len(set(ids)) == 5
    asked = [panel["targets"][0]["query"] for panel in dashboards.one_invoice()["panels"][1:3]]
    assert asked == [INVOICE_BATCHES, INVOICE_ALONE]
